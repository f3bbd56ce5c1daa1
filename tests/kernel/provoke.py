# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
Things that happen to sockets, packets and devices, made to happen a wanted number of times: what tests of probes
compare with. A veth pair leads from here to a second network namespace, "far".
"""
import contextlib
import ctypes
import errno
import fcntl
import os
import pathlib
import socket
import struct
import subprocess
import termios
import time
import tty

import lib

NEAR, FAR = "10.209.0.1", "10.209.0.2"
NEAR_DEV, FAR_DEV = "weira", "weirb"
ON_DEV, END_DEV = "weirc", "weird"  # in the far namespace: where XDP sends to
SO_RCVBUFFORCE = 33


def must(*argv):
    ended = lib.run(*argv)
    assert ended.status == 0, (argv, ended)
    return ended.out.decode()


# The far side

class Far:
    """Two veth pairs; the process that holds the far namespace."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "-n", "sleep", "1000"])
        here = os.readlink("/proc/self/ns/net")
        lib.wait_for(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != here, "a namespace")
        self.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6")
        must("ip", "link", "add", NEAR_DEV, "type", "veth", "peer", "name", FAR_DEV, "netns", self.holder.pid)
        # of IPv6 there would be packets that nobody asked for
        pathlib.Path(f"/proc/sys/net/ipv6/conf/{NEAR_DEV}/disable_ipv6").write_text("1")
        must("ip", "address", "add", f"{NEAR}/24", "dev", NEAR_DEV)
        must("ip", "link", "set", NEAR_DEV, "address", "02:00:00:00:00:0a", "up")
        self.run("ip", "link", "add", ON_DEV, "type", "veth", "peer", "name", END_DEV)
        self.run("ip", "address", "add", f"{FAR}/24", "dev", FAR_DEV)
        for dev in ("lo", FAR_DEV, ON_DEV, END_DEV):
            self.run("ip", "link", "set", dev, "up")
        # neighbours are known: no packet waits for an answer
        self.run("ip", "neigh", "replace", NEAR, "lladdr", "02:00:00:00:00:0a", "dev", FAR_DEV)
        self.mac = self.run("ip", "-o", "link", "show", FAR_DEV).split("link/ether ")[1].split()[0]
        must("ip", "neigh", "replace", FAR, "lladdr", self.mac, "dev", NEAR_DEV)
        with self.inside():
            self.index = {dev: socket.if_nametoindex(dev) for dev in (FAR_DEV, ON_DEV, END_DEV)}

    def run(self, *argv):
        return must("nsenter", "-t", self.holder.pid, "-n", *argv)

    @contextlib.contextmanager
    def inside(self):
        """This thread is there meanwhile."""
        with open("/proc/self/ns/net") as here, open(f"/proc/{self.holder.pid}/ns/net") as there:
            assert not lib.libc.setns(there.fileno(), 0x40000000), os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                assert not lib.libc.setns(here.fileno(), 0x40000000)

    def socket(self, *kind):
        with self.inside():
            return socket.socket(*kind)

    def end(self):
        lib.run("ip", "link", "del", NEAR_DEV)
        self.holder.kill()
        self.holder.wait()


def send(count, port, to=FAR, size=11):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for _ in range(count):
            s.sendto(b"x" * size, (to, port))


def frame(mac, port, size=11):
    """A UDP datagram to the far side as it is on the wire."""
    udp = struct.pack("!HHHH", 7, port, 8 + size, 0) + b"x" * size
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(NEAR),
                     socket.inet_aton(FAR))
    total = sum(struct.unpack("!10H", ip))
    total = (total & 0xffff) + (total >> 16)
    ip = ip[:10] + struct.pack("!H", 0xffff & ~((total & 0xffff) + (total >> 16))) + ip[12:]
    return bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("02000000000a") + b"\x08\x00" + ip + udp


# TCP

def refused(count, port):
    for _ in range(count):
        with socket.socket() as s:
            assert s.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def connections(count, port, size, host="127.0.0.1"):
    """Each sends so many bytes."""
    with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        for _ in range(count):
            with socket.create_connection((host, port)) as client, listener.accept()[0] as server:
                client.sendall(b"x" * size)
                assert len(server.recv(size, socket.MSG_WAITALL)) == size


def resets(count, port):
    """The accepting side gives up with data unread."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        for _ in range(count):
            with socket.create_connection(("127.0.0.1", port)) as client:
                server, _ = listener.accept()
                server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                server.close()
                try:
                    assert not client.recv(1), "it was not reset"
                except ConnectionResetError:
                    pass


def bad_checksums(count, port):
    """Segments whose checksum is wrong."""
    tcp = struct.pack("!HHIIBBHHH", 7, port, 1, 0, 0x50, 2, 100, 0xbad, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
        for _ in range(count):
            s.sendto(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, socket.inet_aton("127.0.0.1"),
                                 socket.inet_aton("127.0.0.1")) + tcp, ("127.0.0.1", port))


def overflow(port):
    """More clients than the queue takes: their SYNs are dropped and come again. Both counted by the kernel: overflows,
    SYNs sent again."""
    before = netstat("ListenOverflows"), netstat("TCPSynRetrans")
    clients = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen(0)
        for _ in range(5):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
            clients.append(client)
        end = time.monotonic() + 8
        while netstat("TCPSynRetrans") - before[1] < 4 and time.monotonic() < end:
            time.sleep(0.1)
        for client in clients:
            client.close()
    return netstat("ListenOverflows") - before[0], netstat("TCPSynRetrans") - before[1]


def deferred(count, port):
    """Connections of a listener that waits for data, and of clients that send none: after a second each gets its SYN-ACK
    once more."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(count)
        before = netstat("TCPSynRetrans")
        for _ in range(count):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        for _ in range(count):
            listener.accept()[0].close()
        assert netstat("TCPSynRetrans") - before == count


def netstat(name, file="netstat"):
    """A counter of this namespace's."""
    lines = pathlib.Path("/proc/self/net", file).read_text().splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        if name in names.split():
            return int(values.split()[names.split().index(name)])
    raise KeyError(name)


def loss(far, port):
    """A segment is lost until it was sent again some times: how often, by the kernel's count."""
    with far.inside():
        listener = socket.create_server((FAR, port))
    with listener, socket.create_connection((FAR, port)) as client, listener.accept()[0] as server:
        must("tc", "qdisc", "add", "dev", NEAR_DEV, "root", "netem", "loss", "100%")
        before = netstat("RetransSegs", "snmp")
        client.sendall(b"x" * 13)
        lib.wait_for(lambda: netstat("RetransSegs", "snmp") - before >= 2, "retransmissions")
        must("tc", "qdisc", "del", "dev", NEAR_DEV, "root")
        assert len(server.recv(13, socket.MSG_WAITALL)) == 13
        return netstat("RetransSegs", "snmp") - before


# Queues

def flood(count, port):
    """To a small buffer: how many the socket itself counted as dropped."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
        s.bind(("127.0.0.1", port))
        send(count, port, "127.0.0.1", 503)
        for line in pathlib.Path("/proc/self/net/udp").read_text().splitlines()[1:]:
            if line.split()[1].endswith(":%04X" % port):
                return int(line.split()[-1])
    raise AssertionError("the socket is not listed")


def ping_flood(count):
    """The same of a ping socket, whose queue tells of it in another way: its own echoes come back to it."""
    pathlib.Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        for number in range(count):
            s.sendto(struct.pack("!BBHHH", 8, 0, 0, 0, number) + b"x" * 503, ("127.0.0.1", 0))
        rows = [line.split() for line in pathlib.Path("/proc/self/net/icmp").read_text().splitlines()[1:]]
        inode = str(os.fstat(s.fileno()).st_ino)
        return next(int(row[-1]) for row in rows if inode in row)


@contextlib.contextmanager
def sysctl(name, value):
    """One that is the whole machine's: only the first network namespace has it."""
    def at_home():
        with open("/proc/self/ns/net") as here, open("/proc/1/ns/net") as home:
            assert not lib.libc.setns(home.fileno(), 0x40000000), os.strerror(ctypes.get_errno())
            try:
                return open(pathlib.Path("/proc/sys", name.replace(".", "/")), "r+", encoding="ascii")
            finally:
                assert not lib.libc.setns(here.fileno(), 0x40000000)

    def write(text):
        with at_home() as file:
            file.write(text)

    with at_home() as file:
        before = file.read()
    write(value)
    try:
        yield
    finally:
        write(before)


def no_memory(port):
    """All of UDP's memory is used up, by the administrator's word. The kernel counts a megabyte a processor late."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, sysctl("net.ipv4.udp_mem", "0 0 0"):
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        s.bind(("127.0.0.1", port))
        send(30 * os.cpu_count(), port, "127.0.0.1", 60000)


# Devices

def tap(mode, frames):
    """Frames come in by a TAP device: in the plain way, or by NAPI with fragments."""
    flags = {"plain": 0x1002, "frags": 0x1002 | 0x10 | 0x20}[mode]  # IFF_TAP | IFF_NO_PI, IFF_NAPI, IFF_NAPI_FRAGS
    with open("/dev/net/tun", "r+b", buffering=0) as tun:
        fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH22x", b"weirtap", flags))  # TUNSETIFF
        must("ip", "link", "set", "weirtap", "up")
        for one in frames:
            tun.write(one)
        must("ip", "link", "set", "weirtap", "down")


def emulated_device():
    """Fetches the machine's own network device, whose driver has a pool of pages for each queue that receives: its
    name and the number of those; None, 0 where there is none."""
    lib.run("modprobe", "vmxnet3")
    for device in pathlib.Path("/sys/bus/pci/drivers").glob("vmxnet3/*/net/*"):
        queues = len(list(device.glob("queues/rx-*")))
        must("nsenter", "-t", "1", "-n", "ip", "link", "set", device.name, "netns", str(os.getpid()))
        return device.name, queues
    return None, 0



@contextlib.contextmanager
def serial_line(count, port):
    """
    A device at a serial line (SLIP) whose far end reads nothing. Packets are sent until its queue stands still; its
    driver asks for a watchdog, which the kernel lets look once in 20 s. Gives the device's name.
    """
    must("modprobe", "slip")
    leader, line = os.openpty()
    tty.setraw(line)
    fcntl.ioctl(line, termios.TIOCSETD, struct.pack("i", 1))  # N_SLIP
    name = fcntl.ioctl(line, 0x8910, bytes(16)).rstrip(b"\0").decode()  # SIOCGIFNAME
    try:
        # it is in the first namespace
        must("nsenter", "-t", "1", "-n", "ip", "link", "set", name, "netns", str(os.getpid()))
        must("ip", "address", "add", "10.210.0.1", "peer", "10.210.0.2", "dev", name)
        must("ip", "link", "set", name, "up")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for _ in range(count):
                s.sendto(bytes(200), ("10.210.0.2", port))
        yield name
    finally:
        os.close(line)
        os.close(leader)


# XDP: programs in the kernel's own notation, as no compiler is needed for three instructions

PASS, TX, ABORTED = 2, 3, 0
MAP_CREATE, MAP_UPDATE, PROG_LOAD, TEST_RUN, LINK_CREATE = 0, 2, 5, 10, 28
PROG_TYPE_XDP, ATTACH_XDP, MAP_DEVMAP, MAP_CPUMAP = 6, 37, 14, 16


def bpf(command, attr):
    buffer = ctypes.create_string_buffer(attr.ljust(128, b"\0"), 128)
    result = lib.libc.syscall(lib.BPF_CALL, command, buffer, 128)
    assert result >= 0, f"bpf {command}: {os.strerror(ctypes.get_errno())}"
    return result


def insn(code, dst=0, src=0, off=0, imm=0):
    return struct.pack("<BBhi", code, dst | src << 4, off, imm)


def mov(dst, imm):
    return insn(0xb7, dst, imm=imm)


EXIT = insn(0x95)


def program(insns):
    code, license = ctypes.create_string_buffer(insns), ctypes.create_string_buffer(b"Dual BSD/GPL")
    return bpf(PROG_LOAD, struct.pack("<IIQQ", PROG_TYPE_XDP, len(insns) // 8, ctypes.addressof(code),
                                      ctypes.addressof(license)))


def answer(action):
    return program(mov(0, action) + EXIT)


def redirect(ifindex):
    return program(mov(1, ifindex) + mov(2, 0) + insn(0x85, imm=23) + EXIT)


def redirect_map(far, kind, value):
    """Through a map of one entry."""
    key, data = ctypes.c_uint32(0), ctypes.c_uint32(value)
    with far.inside():  # where the device is looked for
        fd = bpf(MAP_CREATE, struct.pack("<IIII", kind, 4, 4, 1))
        bpf(MAP_UPDATE, struct.pack("<IxxxxQQQ", fd, ctypes.addressof(key), ctypes.addressof(data), 0))
    code = insn(0x18, 1, 1, imm=fd) + insn(0) + mov(2, 0) + mov(3, 0) + insn(0x85, imm=51) + EXIT
    loaded = program(code)
    os.close(fd)
    return loaded


@contextlib.contextmanager
def xdp(far, dev, loaded):
    """A program at a device of the far side."""
    with far.inside():
        link = bpf(LINK_CREATE, struct.pack("<IIII", loaded, far.index[dev], ATTACH_XDP, 1 << 2))  # by the driver
    os.close(loaded)
    try:
        yield
    finally:
        os.close(link)


def live_frames(count, data):
    """Frames out of a page pool, which goes with the run."""
    loaded = answer(1)  # XDP_DROP
    room = ctypes.create_string_buffer(data, len(data))
    attr = struct.pack("<IIIIQQIIIIQQII", loaded, 0, len(data), 0, ctypes.addressof(room), 0, count, 0, 0, 0, 0, 0,
                       1 << 1, 0)  # BPF_F_TEST_XDP_LIVE_FRAMES
    bpf(TEST_RUN, attr)
    os.close(loaded)
