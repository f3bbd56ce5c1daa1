#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir tcplife against workloads that tell what they sent, and against bcc's tool of that name."""
import ctypes
import datetime
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import lib

sys.path.insert(0, lib.here("..", "replay"))
import schema

ME = [sys.executable, os.path.abspath(__file__)]
MANY = 1009
WAYS = int(os.environ.get("WEIR_TEST_BYTES") or 3000017)  # 1 GB by name: WEIR_TEST_BYTES=1000000007
PRIMES = [(7, 13), (1009, 104729), (0, 0), (1299709, 2), (0, 65537), (611953, 0), (1, 15485863)]
FAMILIES = {"v4": (socket.AF_INET, "127.0.0.1", "127.0.0.1"), "v6": (socket.AF_INET6, "::1", "::1"),
            "mapped": (socket.AF_INET6, "::", "::ffff:127.0.0.1")}
RESET = struct.pack("ii", 1, 0)
SEND = 50021
URING = lib.work("uring")
PORTS = []  # that the workload listened on


# The workload writes what it did as JSON lines on the descriptor that TOLD names.

def tell(*what):
    fd = os.open(os.environ["TOLD"], os.O_WRONLY | os.O_APPEND)
    os.write(fd, json.dumps(what).encode() + b"\n")
    os.close(fd)


def listening(family, address, backlog=128):
    listener = socket.socket(family)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind((address, 0))
    listener.listen(backlog)
    PORTS.append(listener.getsockname()[1])
    return listener, PORTS[-1]


def read_all(sock, count):
    while count:
        count -= len(sock.recv(min(count, 1 << 20)))


def pair(listener, to, port):
    sock = socket.socket(listener.family)
    sock.connect((to, port))
    return sock, listener.accept()[0]


def move(one, other, count):
    """count bytes, by a thread of its own so that neither buffer limits it."""
    import threading
    sender = threading.Thread(target=one.sendall, args=(b"x" * count,))
    sender.start()
    read_all(other, count)
    sender.join()


def bytes_each(kind):
    """Connections of known bytes; the side that closes first changes. Both ends are told."""
    family, address, to = FAMILIES[kind]
    listener, port = listening(family, address)
    for number, (there, back) in enumerate(PRIMES):
        mine, accepted = pair(listener, to, port)
        local = mine.getsockname()[1]
        move(mine, accepted, there)
        move(accepted, mine, back)
        first = (mine, accepted) if number % 2 else (accepted, mine)
        first[0].close()
        first[1].recv(1)
        first[1].close()
        tell("opened", os.getpid(), local, port, there, back, "local" if number % 2 else "remote")
        tell("accepted", os.getpid(), port, local, back, there, "remote" if number % 2 else "local")
    listener.close()


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("len", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.POINTER(Iovec)),
                ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


class Mmsghdr(ctypes.Structure):
    _fields_ = [("hdr", Msghdr), ("len", ctypes.c_uint)]


def ktls(one, other):
    """Has the kernel encrypt what one sends and decrypt what the other reads; False where it cannot."""
    try:
        for sock, direction in ((one, 1), (other, 2)):  # TLS_TX, TLS_RX
            sock.setsockopt(socket.IPPROTO_TCP, 31, b"tls")  # TCP_ULP
            # struct tls12_crypto_info_aes_gcm_128: TLS 1.2, iv, key, salt, sequence
            sock.setsockopt(282, direction, struct.pack("=HH8s16s4s8s", 0x0303, 51, b"i" * 8, b"k" * 16, b"s" * 4, bytes(8)))
    except OSError:
        return False
    return True


def tls_bytes(count):
    """What count bytes are in TLS 1.2 with AES-GCM: a record for each 16 KiB of each send, and 29 bytes for each."""
    sizes = [min(SEND, count - at) for at in range(0, count, SEND)]
    return count + 29 * sum((size + 16383) // 16384 for size in sizes)


def ways():
    """The same bytes by every call that sends, a connection each."""
    import threading
    payload = os.urandom(WAYS)
    file = tempfile.TemporaryFile()
    file.write(payload)
    file.flush()

    def splice(sock):
        readable, writable = os.pipe()
        done = 0
        while done < WAYS:
            n = os.splice(file.fileno(), writable, min(65536, WAYS - done), offset_src=done)
            while n:
                moved = os.splice(readable, sock.fileno(), n)
                n -= moved
                done += moved

    def sendfile(sock):
        done = 0
        while done < WAYS:
            done += os.sendfile(sock.fileno(), file.fileno(), done, WAYS - done)

    def all_of(send):
        def each(sock):
            done = 0
            while done < WAYS:
                done += send(sock, payload[done:done + SEND])
        return each

    def sendmmsg(sock):
        libc, done = ctypes.CDLL(None, use_errno=True), 0
        while done < WAYS:
            parts = [(Iovec * 1)(Iovec(ctypes.c_char_p(payload[at:at + 16673]), len(payload[at:at + 16673])))
                     for at in range(done, min(done + 50019, WAYS), 16673)]
            messages = (Mmsghdr * 3)(*(Mmsghdr(Msghdr(iov=part, iovlen=1)) for part in parts))
            n = libc.sendmmsg(sock.fileno(), messages, len(parts), 0)
            assert n > 0, os.strerror(ctypes.get_errno())
            done += sum(message.len for message in messages[:n])

    def uring(sock):
        os.set_inheritable(sock.fileno(), True)
        subprocess.run([URING, str(sock.fileno()), str(WAYS)], close_fds=False, check=True)

    def zerocopy(sock):
        sock.setsockopt(socket.SOL_SOCKET, 60, 1)  # SO_ZEROCOPY
        sent, left = [], WAYS
        while left:
            sent.append(sock.send(payload[WAYS - left:WAYS - left + SEND], 0x4000000))  # MSG_ZEROCOPY
            left -= sent[-1]
        done, queue = 0, select.poll()
        queue.register(sock, 0)
        while done < len(sent):  # the kernel tells when it needs the pages of a send no more, of several at once
            queue.poll()
            told = sock.recvmsg(1, 100, socket.MSG_ERRQUEUE)[1][0][2]
            error, origin, first, last = struct.unpack_from("=IBxxxII", told)
            assert (error, origin, first) == (0, 5, done), told  # SO_EE_ORIGIN_ZEROCOPY
            done = last + 1

    senders = {"write": all_of(lambda s, data: os.write(s.fileno(), data)),
               "writev": all_of(lambda s, data: os.writev(s.fileno(), [data[:7], data[7:]])),
               "send": all_of(lambda s, data: s.send(data)), "sendmsg": all_of(lambda s, data: s.sendmsg([data[:11], data[11:]])),
               "sendmmsg": sendmmsg, "sendfile": sendfile, "splice": splice, "zerocopy": zerocopy, "uring": uring,
               "ktls": all_of(lambda s, data: s.send(data)), "mptcp": all_of(lambda s, data: s.send(data))}
    for name, sender in senders.items():
        protocol = 262 if name == "mptcp" else 0
        if name == "uring" and subprocess.run([URING]).returncode:
            continue
        try:
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
        except OSError:
            continue
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        mine = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
        mine.connect(listener.getsockname())
        accepted = listener.accept()[0]
        PORTS.append(listener.getsockname()[1])
        if name == "ktls" and not ktls(mine, accepted):
            tell(None, mine.getsockname()[1])
            continue
        tell(name, mine.getsockname()[1])
        reader = threading.Thread(target=read_all, args=(accepted, WAYS))
        reader.start()
        sender(mine)
        reader.join()
        if protocol:  # MPTCP_INFO: mptcpi_flags
            assert not struct.unpack_from("=8xI", mine.getsockopt(284, 1, 12))[0] & 1, "it fell back to TCP"
        mine.close()
        accepted.recv(1)
        accepted.close()
        time.sleep(0.1)


def many(count):
    """Two processes, both ends of each connection owned by a different one; quick closes."""
    listener, port = listening(socket.AF_INET, "127.0.0.1", 512)
    child = os.fork()
    if not child:
        for _ in range(int(count)):
            accepted = listener.accept()[0]
            accepted.close()
        os._exit(0)
    tell(os.getpid(), child, port)
    listener.close()
    for _ in range(int(count)):
        sock = socket.socket()
        sock.connect(("127.0.0.1", port))
        sock.recv(1)
        sock.close()
    os.waitpid(child, 0)


def ends():
    """One connection for each way to end, and what ends it as this side sees it."""
    listener, port = listening(socket.AF_INET, "127.0.0.1")

    def told(sock, why, by):
        tell(sock.getsockname()[1], why, by)

    one, two = pair(listener, "127.0.0.1", port)
    told(one, "fin", "local")
    one.shutdown(socket.SHUT_WR)
    two.recv(1)
    two.close()
    one.recv(1)
    one.close()
    one, two = pair(listener, "127.0.0.1", port)
    told(one, "fin", "remote")
    two.close()
    one.recv(1)
    one.close()
    one, two = pair(listener, "127.0.0.1", port)
    told(one, "reset", "local")
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    one.close()
    time.sleep(0.05)
    two.close()
    one, two = pair(listener, "127.0.0.1", port)
    told(one, "reset", "remote")
    two.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    two.close()
    time.sleep(0.05)
    one.close()
    one, two = pair(listener, "127.0.0.1", port)
    told(one, "reset", "local")  # unread data
    two.sendall(b"x" * 100)
    time.sleep(0.05)
    one.close()
    time.sleep(0.05)
    two.close()
    free, other = listening(socket.AF_INET, "127.0.0.1")
    free.close()
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    told(sock, "refused", "remote")
    assert sock.connect_ex(("127.0.0.1", other))
    sock.close()


def idle(count):
    """Connections that were there before: 11 bytes one way, 17 the other; then, on a signal, 3 and 5."""
    import signal
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    listener, port = listening(socket.AF_INET, "127.0.0.1")
    pairs = [pair(listener, "127.0.0.1", port) for _ in range(int(count))]
    for mine, accepted in pairs:
        move(mine, accepted, 11)
        move(accepted, mine, 17)
    print(port, flush=True)
    signal.sigwait([signal.SIGUSR1])
    for mine, accepted in pairs:
        move(mine, accepted, 3)
        move(accepted, mine, 5)
        mine.close()
        accepted.recv(1)
        accepted.close()


def settled():
    """Waits for connections that nobody holds any more: on a busy machine the last packet of one is on its way yet."""
    names = ["/proc/net/tcp", "/proc/net/tcp6"]
    for _ in range(1000):
        rows = [line.split() for name in names for line in list(open(name))[1:]]
        states = [r[3] for r in rows if {int(r[1].split(":")[1], 16), int(r[2].split(":")[1], 16)} & set(PORTS)]
        if not set(states) - {"06", "0A"}:  # TIME_WAIT: ended; LISTEN
            return
        time.sleep(0.01)
    sys.exit(f"connections do not end: states {states}")


WORK = {f.__name__: f for f in (bytes_each, ways, many, ends, idle)}


def tcplife(*argv, program=(lib.WEIR, "tcplife"), **options):
    with tempfile.NamedTemporaryFile("r") as file:
        ended = lib.run(*program, *argv, env={**os.environ, "TOLD": file.name}, **options)
        ended.want = [json.loads(line) for line in file]
    return ended


def clock(text):
    """A time of the output, in ns."""
    seconds, fraction = text.rstrip("Z").split(".")
    return int(datetime.datetime.fromisoformat(f"{seconds}+00:00").timestamp()) * 10**9 + int(fraction)


class Tcplife(unittest.TestCase):
    maxDiff = 3000

    def rows(self, *work, options=()):
        ended = lib.in_full(lambda: tcplife("-o", "json", "--stats", *options, "--", *ME, *map(str, work)))
        self.assertEqual(ended.status, 0, ended)
        self.assertEqual(lib.lost(ended), {})
        self.assertIsNone(schema.wrong("conn", ended.rows))
        return ended.rows, ended.want

    def test_bytes(self):
        """Exactly what was sent and read, of either end, whoever closes first."""
        for kind in FAMILIES:
            with self.subTest(kind):
                rows, want = self.rows("bytes_each", kind)
                got = [[r["direction"], r["pid"], r["local_port"], r["port"], r["tx_bytes"], r["rx_bytes"],
                        r["closed_by"]] for r in rows]
                self.assertEqual(sorted(got), sorted(want))
                family = "AF_INET6" if kind == "v6" else "AF_INET"
                address = "::1" if kind == "v6" else "127.0.0.1"
                self.assertEqual({(r["family"], r["address"], r["local_address"], r["close"], r["since"]) for r in rows},
                                 {(family, address, address, "fin", None)})
                self.assertTrue(all(0 < r["connect_ns"] <= r["age_ns"] for r in rows))
                self.assertEqual({clock(r["time"]) - clock(r["opened"]) - r["age_ns"] for r in rows}, {0})

    def test_ways(self):
        """Whatever call sent the bytes, their number is the same. What MPTCP sends again is counted again."""
        rows, want = self.rows("ways")
        ports = {port: name for name, port in want}
        rows = [r for r in rows if ports.get(r["local_port"], ports.get(r["port"]))]
        for name in {"ktls", "uring"} - set(ports.values()):
            print(f"skip {name}: this kernel has none")
        got = {ports[r["local_port"]]: (r["tx_bytes"], r["protocol"]) for r in rows if r["direction"] == "opened"}
        back = {ports[r["port"]]: r["rx_bytes"] for r in rows if r["direction"] == "accepted"}
        if "mptcp" in got:
            sent, protocol = got.pop("mptcp")
            self.assertEqual((sent, protocol), (back.pop("mptcp", sent), "IPPROTO_MPTCP"))  # its owner may not be known
            self.assertGreaterEqual(sent, WAYS)
        names = [name for name, _ in want if name and name != "mptcp"]
        self.assertGreater(len(names), 6)
        wire = {name: tls_bytes(WAYS) if name == "ktls" else WAYS for name in names}
        self.assertEqual(got, {name: (n, "IPPROTO_TCP") for name, n in wire.items()})
        self.assertEqual(back, wire)

    def test_owners(self):
        """Both ends of connections between two processes, each with its own owner."""
        rows, [(client, server, port)] = self.rows("many", MANY)
        self.assertEqual(len(rows), 2 * MANY)
        self.assertEqual([r["pid"] for r in rows if r["port"] == port], [client] * MANY)
        self.assertEqual([r["pid"] for r in rows if r["local_port"] == port], [server] * MANY)
        self.assertEqual(len({r["cookie"] for r in rows}), 2 * MANY)

    def test_ends(self):
        rows, want = self.rows("ends")
        got = {r["local_port"]: [r["close"], r["closed_by"]] for r in rows if r["direction"] == "opened"}
        self.assertEqual(got, {port: [why, by] for port, why, by in want})
        self.assertEqual(sum(r["direction"] == "accepted" for r in rows), 5)
        self.assertNotIn(None, [r["pid"] for r in rows])

    def before(self, *options):
        """What was there before weir, as rows, and the workload's pid."""
        child = subprocess.Popen([*ME, "idle", "23"], stdout=subprocess.PIPE)
        port = int(child.stdout.readline())
        with lib.Live("-o", "json", "--netns", os.getpid(), *options, tool="tcplife") as live:
            child.send_signal(10)
            child.wait()
            child.stdout.close()
            ended = live.stop()
        return ended.rows, port, child.pid

    def test_before(self):
        """Older than weir: there, with owner, and with bytes of all its life; who opened it is found out."""
        rows, port, pid = self.before()
        self.assertEqual(len(rows), 46)
        self.assertEqual({(r["pid"], r["since"], r["opened"], r["age_ns"]) for r in rows}, {(pid, "before", None, None)})
        for mine, tx, rx, direction in ((False, 22, 14, "accepted"), (True, 14, 22, "opened")):
            self.assertEqual({(r["tx_bytes"], r["rx_bytes"], r["direction"]) for r in rows if (r["port"] == port) == mine},
                             {(tx, rx, direction)})

    def test_filters(self):
        with tempfile.NamedTemporaryFile() as record:
            self.assertEqual(tcplife("--record", record.name, "--", *ME, "ends").status, 0)
            for options, count in (([], 11), (["-4"], 11), (["-6"], 0), (["--host", "127.0.0.0/8"], 11),
                                   (["--host", "10.0.0.0/8"], 0), (["--failed"], 4), (["-n", "3"], 3),
                                   (["-c", "nobody"], 0), (["--slower", "10s"], 0)):
                live = tcplife("-o", "json", *options, "--", *ME, "ends")
                again = lib.weir("replay", record.name, "-o", "json", *options)
                self.assertEqual((len(live.rows), len(again.rows)), (count, count), options)

    def test_pid(self):
        """-p chooses by owner, in the kernel."""
        rows, port, pid = self.before("-p", os.getpid())
        self.assertEqual(rows, [])

    def test_text(self):
        ended = tcplife("--", *ME, "bytes_each", "v4")
        self.assertRegex(ended.lines[0], r"^ +PID COMM +LADDR +LPORT RADDR +RPORT +TX_KB +RX_KB +MS$")
        self.assertEqual(len(ended.lines), 1 + 2 * len(PRIMES))
        kb = sorted(tuple(line.split()[6:8]) for line in ended.lines[1:])
        want = sorted((f"{w[4] / 1024:.2f}", f"{w[5] / 1024:.2f}") for w in ended.want)
        self.assertEqual(kb, want)

    def test_columns(self):
        ended = tcplife("--columns", "port,close,tx_bytes", "-o", "csv", "--", *ME, "bytes_each", "v4")
        self.assertEqual(ended.lines[0].rstrip(), "port,close,tx_bytes")
        self.assertEqual(sorted(int(line.split(",")[2]) for line in ended.lines[1:]), sorted(w[4] for w in ended.want))

    def test_refusals(self):
        for words in (["word"], ["--columns", "pidd"], ["--columns", ""], ["-i", "1"]):
            ended = lib.weir("tcplife", *words)
            self.assertEqual((ended.status, ended.words.count("\n")), (2, 1), ended)

    def test_beside_libbpf_tools(self):
        """The tool of that name: the same connections with the same times. Its bytes count SYN and FIN."""
        other = lib.need("tcplife")
        if not os.environ.get("WEIR_TEST_SLOW"):
            self.skipTest("it would see the whole machine: emulated kernels only")
        process = subprocess.Popen(["stdbuf", "-oL", other, "-w"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            time.sleep(3 * lib.SLOW)
            rows, want = self.rows("bytes_each", "v4")
            time.sleep(1)
        finally:
            process.terminate()
            said = process.communicate()[0].decode()
        theirs = {}
        for line in said.splitlines():
            found = re.match(r"(\d+) +\S+ +127\.0\.0\.1 +(\d+) +127\.0\.0\.1 +(\d+) +([\d.]+) +([\d.]+) +([\d.]+)$", line)
            if found:
                theirs[int(found[2]), int(found[3])] = (float(found[4]), float(found[5]), float(found[6]))
        if not theirs:
            self.skipTest(f"it says nothing here: {said[:200]}")
        self.assertEqual(theirs.keys(), {(r["local_port"], r["port"]) for r in rows})
        for r in rows:
            tx, rx, ms = theirs[r["local_port"], r["port"]]
            self.assertAlmostEqual(tx, r["tx_bytes"] / 1024, delta=0.011)
            self.assertAlmostEqual(rx, r["rx_bytes"] / 1024, delta=0.011)
            self.assertAlmostEqual(ms, (r["age_ns"] - r["connect_ns"]) / 1e6, delta=3)  # its time begins later


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in WORK:
        WORK[sys.argv[1]](*sys.argv[2:])
        settled()
    else:
        lib.main()
