# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
Packets that the kernel drops, each for a reason of its own, so many times as REASONS says: frames that
are made by hand go out by one end of a veth pair, and are dropped at the other, or on the way.
"""
import contextlib
import ctypes
import fcntl
import socket
import struct
import subprocess
import time

from far import ACK, SYN, checksum

HOME, AWAY, ELSEWHERE = "10.9.0.1", "10.9.0.2", "10.77.0.1"
PORT, FILTERED, FULL, SECRET, SIGNED, REFUSED, OPEN = 7001, 7013, 7019, 7027, 7039, 7043, 7057
TCP_MD5SIG, SO_ATTACH_FILTER, SIOCGIFHWADDR = 14, 26, 0x8927


def ipv4(protocol, payload, source=AWAY, version=4, bad=0):
    head = struct.pack("!BBHHHBBH4s4s", version << 4 | 5, 0, 20 + len(payload), 1, 0, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(HOME))
    return head[:10] + struct.pack("!H", checksum(head) ^ bad) + head[12:] + payload


def pseudo(protocol, length, source):
    return socket.inet_aton(source) + socket.inet_aton(HOME) + struct.pack("!BBH", 0, protocol, length)


def udp(port=PORT, payload=b"eleven byte", source=AWAY, bad=0, more=0):
    head = struct.pack("!HHHH", 9001, port, 8 + len(payload) + more, 0)
    total = checksum(pseudo(17, len(head + payload) + more, source) + head + payload) ^ bad
    return ipv4(17, head[:6] + struct.pack("!H", total) + payload, source)


def tcp(port, sport, seq, ack, flags, payload=b"", bad=0):
    head = struct.pack("!HHIIBBHHH", sport, port, seq & 0xffffffff, ack & 0xffffffff, 5 << 4, flags, 65535, 0, 0)
    total = checksum(pseudo(6, len(head + payload), AWAY) + head + payload) ^ bad
    return ipv4(6, head[:16] + struct.pack("!H", total) + head[18:] + payload)


def icmp(bad):
    body = struct.pack("!BBHHH", 8, 0, 0, 1, 1)
    return ipv4(1, body[:2] + struct.pack("!H", checksum(body) ^ bad) + body[4:])


def sh(*words):
    """False where this kernel has no such thing."""
    return subprocess.run(" ".join(words), shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def mac(device):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return fcntl.ioctl(sock, SIOCGIFHWADDR, struct.pack("16s24x", device.encode()))[18:24]


def sysctl(name, value):
    with open("/proc/sys/" + name, "w") as file:
        file.write(str(value))


class Wire:
    """The pair: va has an address and drops, vb is where frames come from."""

    def __init__(self):
        assert sh("ip link add va type veth peer name vb")
        for device in ("va", "vb"):
            sysctl(f"net/ipv6/conf/{device}/disable_ipv6", 1)
            assert sh(f"ip link set {device} up")
        assert sh(f"ip addr add {HOME}/24 dev va")
        self.home, self.away = mac("va"), mac("vb")
        # add would fail where a connection of an earlier pair has asked for it just now
        assert sh(f"ip neigh replace {AWAY} lladdr {self.away.hex(':')} dev va nud permanent")
        self.out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.out.bind(("vb", 0))
        self.held = [self.out]
        time.sleep(0.1)

    def send(self, count, packet, ethertype=0x0800, to=None):
        frame = (to or self.home) + self.away + struct.pack("!H", ethertype) + packet
        for _ in range(count):
            with contextlib.suppress(OSError):  # a queue that refuses says so
                self.out.send(frame)

    def udp_socket(self, port):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((HOME, port))
        self.held.append(sock)
        return sock

    def listener(self, port):
        sock = socket.socket()
        sock.bind((HOME, port))
        self.held.append(sock)
        return sock

    def close(self):
        for sock in self.held:
            sock.close()
        sh("ip link del va")


# Each drops so many packets for its reason, or returns how many that were; False: not to be had here.

def udp_csum(wire, n):
    wire.send(n, udp(bad=1))


def tcp_csum(wire, n):
    wire.send(n, tcp(PORT, 9001, 1, 0, SYN, bad=1))


def icmp_csum(wire, n):
    wire.send(n, icmp(bad=1))


def ip_csum(wire, n):
    wire.send(n, ipv4(17, b"x" * 20, bad=1))


def ip_inhdr(wire, n):
    wire.send(n, ipv4(17, b"x" * 20, version=5))


def pkt_too_small(wire, n):
    wire.send(n, udp(more=20))


def otherhost(wire, n):
    wire.send(n, udp(), to=bytes.fromhex("020000000097"))


def unicast_in_l2_multicast(wire, n):
    sysctl("net/ipv4/conf/va/drop_unicast_in_l2_multicast", 1)
    wire.send(n, udp(), to=b"\xff" * 6)


def ip_noproto(wire, n):
    wire.send(n, ipv4(253, b"x" * 20))


def ipv6disabled(wire, n):
    wire.send(n, struct.pack("!IHBB16s16s", 6 << 28, 8, 59, 64, b"\xfe\x80" + b"\1" * 14, b"\xfe\x80" + b"\2" * 14)
              + b"x" * 8, ethertype=0x86dd)


def unhandled_proto(wire, n):
    wire.send(n, b"x" * 50, ethertype=0x88b5)


def ip_rpfilter(wire, n):
    sysctl("net/ipv4/conf/va/rp_filter", 1)
    wire.send(n, udp(source=ELSEWHERE))
    sysctl("net/ipv4/conf/va/rp_filter", 0)


def no_socket(wire, n):
    wire.send(n, udp())


def socket_filter(wire, n):
    sock = wire.udp_socket(FILTERED)
    code = struct.pack("HBBI", 6, 0, 0, 0)  # ret 0
    buffer = bytearray(code)
    array = (ctypes.c_char * len(buffer)).from_buffer(buffer)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(array)))
    wire.send(n, udp(FILTERED))


def socket_rcvbuff(wire, n):
    sock = wire.udp_socket(FULL)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    sock.setblocking(False)
    wire.send(n, udp(FULL, b"x" * 1000))
    kept = 0
    with contextlib.suppress(BlockingIOError):
        while sock.recv(2000):
            kept += 1
    return n - kept


def xfrm_policy(wire, n):
    if not sh(f"ip xfrm policy add src {AWAY}/32 dst {HOME}/32 proto udp dport {SECRET} dir in action block"):
        return False
    wire.udp_socket(SECRET)
    wire.send(n, udp(SECRET))
    sh("ip xfrm policy flush")


def tcp_md5notfound(wire, n):
    sock = wire.listener(SIGNED)
    address = struct.pack("!4xI120x", struct.unpack("!I", socket.inet_aton(AWAY))[0])
    address = struct.pack("=H", socket.AF_INET) + address[2:]
    try:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, address + struct.pack("=BBHI", 0, 0, 5, 0) + b"siete".ljust(80))
    except OSError:
        return False
    sock.listen()
    wire.send(n, tcp(SIGNED, 9001, 1, 0, SYN))


def tc_ingress(wire, n):
    if not sh("tc qdisc add dev va clsact") or \
       not sh("tc filter add dev va ingress protocol 0x88b6 matchall action drop"):
        return False
    wire.send(n, b"x" * 50, ethertype=0x88b6)


def tc_egress(wire, n):
    if not sh("tc qdisc add dev vb clsact") or \
       not sh("tc filter add dev vb egress protocol 0x88b7 matchall action drop"):
        return False
    wire.send(n, b"x" * 50, ethertype=0x88b7)


def qdisc_drop(wire, n):
    if not sh("tc qdisc add dev vb root bfifo limit 1"):
        return False
    wire.send(n, udp())
    sh("tc qdisc del dev vb root")


def netfilter_drop(wire, n):
    if not sh("nft add table ip weir") or \
       not sh("nft add chain ip weir guard '{ type filter hook input priority 0; }'") or \
       not sh(f"nft add rule ip weir guard udp dport {REFUSED} drop"):
        return False
    wire.udp_socket(REFUSED)
    wire.send(n, udp(REFUSED))
    sh("nft delete table ip weir")


def neigh_queuefull(_wire, n):
    sysctl("net/ipv4/neigh/va/unres_qlen_bytes", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(n + 1):  # one may wait
            sock.sendto(b"nobody is there", ("10.9.0.97", 9))


class Peer:
    """A connection whose other end is made by hand."""

    def __init__(self, wire, sport, delay=0):
        self.wire, self.sport, self.seq, self.ack = wire, sport, 1000, 0
        ears = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        ears.bind(("vb", 0x0800))
        ears.settimeout(5)
        self.listener = wire.listener(OPEN + sport)
        self.listener.listen()
        began = time.monotonic()
        self.send(SYN, seq=999)
        while True:
            frame, where = ears.recvfrom(2000)
            if where[2] == 4 or frame[23] != 6:  # outgoing
                continue
            _, dport, seq = struct.unpack("!HHI", frame[34:42])
            if dport == sport and frame[47] == SYN | ACK:
                break
        ears.close()
        self.ack = seq + 1
        time.sleep(delay)
        self.send(ACK)
        self.sock, _ = self.listener.accept()
        self.took = time.monotonic() - began  # seconds; its handshake did not take longer
        wire.held.append(self.sock)

    def send(self, flags, count=1, seq=None, ack=None, payload=b""):
        self.wire.send(count, tcp(OPEN + self.sport, self.sport, self.seq if seq is None else seq,
                                  self.ack if ack is None else ack, flags, payload))


def tcp_flags(wire, n):
    Peer(wire, 1).send(0, n)


def tcp_ack_unsent_data(wire, n):
    peer = Peer(wire, 2)
    peer.send(ACK, n, ack=peer.ack + 1000)


def tcp_invalid_syn(wire, n):
    Peer(wire, 3).send(SYN, n)


def tcp_ofomerge(wire, n):
    peer = Peer(wire, 4)
    peer.send(ACK, n + 1, seq=peer.seq + 100, payload=b"later")


def tcp_invalid_sequence(wire, n):
    peer = Peer(wire, 5)
    peer.send(ACK, n, seq=peer.seq + (1 << 30))


# Names as 6.1 has them; what others call the same.
REASONS = {
    "UDP_CSUM": (udp_csum, 11), "TCP_CSUM": (tcp_csum, 13), "ICMP_CSUM": (icmp_csum, 17), "IP_CSUM": (ip_csum, 19),
    "IP_INHDR": (ip_inhdr, 23), "PKT_TOO_SMALL": (pkt_too_small, 29), "OTHERHOST": (otherhost, 31),
    "UNICAST_IN_L2_MULTICAST": (unicast_in_l2_multicast, 37), "IP_NOPROTO": (ip_noproto, 41),
    "IPV6DISABLED": (ipv6disabled, 43), "UNHANDLED_PROTO": (unhandled_proto, 47), "IP_RPFILTER": (ip_rpfilter, 53),
    "NO_SOCKET": (no_socket, 59), "SOCKET_FILTER": (socket_filter, 61), "SOCKET_RCVBUFF": (socket_rcvbuff, 67),
    "XFRM_POLICY": (xfrm_policy, 71), "TCP_MD5NOTFOUND": (tcp_md5notfound, 73), "TC_INGRESS": (tc_ingress, 79),
    "TC_EGRESS": (tc_egress, 83), "NETFILTER_DROP": (netfilter_drop, 89), "QDISC_DROP": (qdisc_drop, 97),
    "NEIGH_QUEUEFULL": (neigh_queuefull, 101), "TCP_FLAGS": (tcp_flags, 103),
    "TCP_ACK_UNSENT_DATA": (tcp_ack_unsent_data, 107), "TCP_INVALID_SYN": (tcp_invalid_syn, 109),
    "TCP_OFOMERGE": (tcp_ofomerge, 113), "TCP_INVALID_SEQUENCE": (tcp_invalid_sequence, 127),
}


def drop_all(names=tuple(REASONS)):
    """{reason: packets} of what was dropped; what this kernel cannot do is left out."""
    wire, did = Wire(), {}
    try:
        for name in names:
            work, n = REASONS[name]
            got = work(wire, n)
            if got is not False:
                did[name] = n if got is None else got
        time.sleep(0.2)
    finally:
        wire.close()
    return did
