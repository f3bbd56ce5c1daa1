#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir sormem against the kernel's own counters, and sockets whose buffers are filled on purpose."""
import collections
import os
import re
import signal
import socket
import sys
import tempfile
import time
import unittest

import lib

sys.path.insert(0, lib.here("..", "replay"))
import schema  # noqa: E402 (from the folder just named)

EVERY_WAY = True
ME = [sys.executable, os.path.abspath(__file__)]
SOCKS, MANY = 13, 307  # that together have more than 1 MiB
BYTES, MESSAGES, SENT, READS, PINGS = b"x" * 29, 13, 31, 7, 37
STUCK, READ, STREAM = 7021, 7022, 7023
NEAR = ["--near", "50"]  # TCP of 6.1 stops its peer when a buffer is 60 % full, others later


def rx_errors():
    """How many datagrams of UDP this network namespace dropped for want of room."""
    lines = [line.split() for line in open("/proc/net/snmp") if line.startswith("Udp:")]
    return dict(zip(*lines))


def datagram(port, size=None):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if size:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
    sock.bind(("127.0.0.1", port))
    return sock


def send(port, count):
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(count):
        sender.sendto(BYTES, ("127.0.0.1", port))


def stuck():
    """Never reads, so most of what is sent is dropped. Prints how many, by the kernel's account."""
    before = int(rx_errors()["RcvbufErrors"])
    sock = datagram(STUCK, 4096)
    send(STUCK, SENT)
    time.sleep(0.3)
    with open(os.environ["TOLD"], "w") as told:
        told.write(str(int(rx_errors()["RcvbufErrors"]) - before))
    sock.close()


def reads():
    """All are sent, then received one by one."""
    sock = datagram(READ)
    send(READ, MESSAGES)
    for _ in range(MESSAGES):
        assert sock.recv(100) == BYTES
    sock.setblocking(False)
    try:
        sock.recv(1)
    except BlockingIOError:
        pass


def stream(locked):
    """A full buffer of TCP, of which a little is read."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if locked == "locked":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    listener.bind(("127.0.0.1", STREAM))
    listener.listen()
    client = socket.create_connection(("127.0.0.1", STREAM))
    server, _ = listener.accept()
    client.settimeout(0.3)
    try:
        while True:
            client.send(b"x" * 65536)
    except TimeoutError:
        pass
    for _ in range(READS):
        server.recv(100)
    time.sleep(0.1)


def ping():
    """A ping socket that reads no answers: sock_queue_rcv_skb() drops those that have no room."""
    with open("/proc/sys/net/ipv4/ping_group_range", "w") as f:
        f.write("0 0")
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for _ in range(PINGS):
        sock.sendto(b"\x08\0\0\0\0\0\0\0", ("127.0.0.1", 0))
    time.sleep(0.3)
    inode = str(os.fstat(sock.fileno()).st_ino)
    fields = next(f for f in map(str.split, open("/proc/net/icmp")) if inode in f)
    with open(os.environ["TOLD"], "w") as told:
        told.write(fields[-1])


WORK = {f.__name__: f for f in (stuck, reads, stream, ping)}


def sormem(*argv, program=(lib.WEIR, "sormem")):
    with tempfile.NamedTemporaryFile("r") as told:
        ended = lib.run(*program, *lib.way(), *argv, env={**os.environ, "TOLD": told.name})
        ended.want = int(told.read() or 0)
    return ended


def sockets(rows):
    return [r for r in rows if r["kind"] == "socket" and r["report"] == "total"]


def kinds(rows):
    return {r["kind"]: r for r in rows if r["kind"] != "socket" and r["report"] == "total"}


class Sormem(unittest.TestCase):
    maxDiff = 3000

    def run_json(self, *argv):
        for _ in range(5):  # on a machine that is busy, a workload may end before it is looked for
            ended = sormem("-o", "json", "--stats", *argv)
            self.assertEqual(ended.status, 0, ended)
            if not ended.stats["lost"]["no_owner"]:
                break
        self.assertEqual([n for n in ended.stats["lost"].values() if n], [])
        self.assertIsNone(schema.wrong("sormem", ended.rows))
        return ended

    def test_receives(self):
        """Of 13 messages that wait, each receive leaves one less."""
        ended = self.run_json("--", *ME, "reads")
        rows = kinds(ended.rows)
        self.assertEqual({kind: r["count"] for kind, r in rows.items()},
                         dict.fromkeys(("allocated_bytes", "limit_bytes", "fill_percent"), MESSAGES))
        self.assertEqual(ended.stats["events"], MESSAGES)
        self.assertEqual(sockets(ended.rows), [])
        limit = socket.socket(socket.AF_INET, socket.SOCK_DGRAM).getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self.assertEqual(rows["limit_bytes"]["max"], limit)
        most = rows["allocated_bytes"]["max"]
        self.assertTrue((MESSAGES - 1) * len(BYTES) < most < MESSAGES * 4096, most)
        self.assertEqual(rows["fill_percent"]["max"], most * 100 // limit)
        for row in rows.values():
            self.assertEqual(sum(b["count"] for b in row["histogram"]), MESSAGES)
            self.assertTrue(row["p50"] <= row["p99"] <= row["max"])

    def test_stuck_socket(self):
        """Dropped as often as /proc/net/snmp says; the owner, who never receives, is found."""
        ended = self.run_json("--", *ME, "stuck")
        self.assertTrue(0 < ended.want < SENT, ended.want)
        rows = sockets(ended.rows)
        self.assertEqual([(r["full"], r["near"], r["exceeded"], r["local_address"], r["local_port"], r["limit_bytes"])
                          for r in rows], [(ended.want, 0, 0, "127.0.0.1", STUCK, 8192)])
        self.assertRegex(rows[0]["comm"], "^python")
        self.assertIsNotNone(rows[0]["pid"])
        self.assertRegex(rows[0]["advice"], r"^SO_RCVBUF, up to net.core.rmem_max")
        self.assertEqual(rows[0]["protocol"], "IPPROTO_UDP")

    def test_gone_owner(self):
        """Of a socket that is gone before its owner was looked for, nobody can say whether it was wanted."""
        with lib.Live("-o", "json", "--stats", "--netns", os.getpid(), "-c", "python3", tool="sormem") as weir, \
                tempfile.NamedTemporaryFile("r") as told:
            os.kill(weir.pid, signal.SIGSTOP)
            lib.wait_stopped(weir.pid)
            lib.run(*ME, "stuck", env={**os.environ, "TOLD": told.name})
            os.kill(weir.pid, signal.SIGCONT)
            ended = weir.stop()
            self.assertEqual((sockets(ended.rows), ended.stats["lost"]["no_owner"]), ([], int(told.read())))

    def test_ping_socket(self):
        """The tracepoint sock_rcvqueue_full, against the drops of /proc/net/icmp."""
        ended = self.run_json("--", *ME, "ping")
        self.assertTrue(0 < ended.want < PINGS, ended.want)
        self.assertEqual([(r["full"], r["protocol"]) for r in sockets(ended.rows)], [(ended.want, "IPPROTO_ICMP")])

    def test_near(self):
        for locked, advice in (("locked", r"^SO_RCVBUF holds it: "), ("free", r"^a faster reader")):
            rows = sockets(self.run_json(*NEAR, "--", *ME, "stream", locked).rows)
            self.assertEqual([(r["near"], r["full"], r["local_port"], r["address"]) for r in rows],
                             [(READS, 0, STREAM, "127.0.0.1")], locked)
            self.assertRegex(rows[0]["advice"], advice)
            self.assertGreaterEqual(rows[0]["most_bytes"], 0.5 * rows[0]["limit_bytes"])
            self.assertRegex(rows[0]["comm"], "^python")

    @lib.once
    def test_near_is_what_is_asked_for(self):
        """With --near 1000 nothing is near; with 1, receives that leave anything are."""
        self.assertEqual(sockets(self.run_json("--near", "1000", "--", *ME, "stream", "free").rows), [])
        rows = sockets(self.run_json("--near", "1", "--", *ME, "reads").rows)
        self.assertEqual(len(rows), 1)
        self.assertLessEqual(rows[0]["near"], MESSAGES)
        self.assertGreater(rows[0]["near"], 0)

    @lib.once
    def test_by(self):
        rows = [r for r in self.run_json("--by", "process", "--", *ME, "reads").rows]
        self.assertEqual({(r["comm"][:6], r["count"]) for r in rows}, {("python", MESSAGES)})
        rows = self.run_json("--by", "protocol", "--", *ME, "reads").rows
        self.assertEqual({(r["family"], r["protocol"], r["count"]) for r in rows}, {("AF_INET", "IPPROTO_UDP", MESSAGES)})

    @lib.once
    def test_filters(self):
        """Of sockets that nobody receives from, too: by their owner."""
        with lib.Live("-o", "json", "-c", "nobody", tool="sormem") as other, \
                lib.Live("-o", "json", "--port", STUCK, tool="sormem") as port, tempfile.NamedTemporaryFile() as told:
            lib.run(*ME, "stuck", env={**os.environ, "TOLD": told.name})
            lib.run(*ME, "reads")
            other, port = other.stop(), port.stop()
        self.assertEqual(other.rows, [])
        self.assertEqual([r["local_port"] for r in sockets(port.rows)], [STUCK])
        self.assertEqual(kinds(port.rows), {})

    @lib.once
    def test_intervals_and_replay(self):
        """The intervals of a socket add up to its total, also in a recording."""
        with tempfile.NamedTemporaryFile() as record:
            ended = sormem("-i", "0.1", *NEAR, "--record", record.name, "--", *ME, "stream", "locked")
            self.assertEqual(ended.status, 0, ended)
            rows = lib.weir("replay", record.name, "-o", "json").rows
        sums = collections.Counter()
        for row in rows:
            sums[row["report"], row["kind"]] += row["near"] if row["kind"] == "socket" else row["count"]
        self.assertEqual(sums, {(report, kind): READS for report in ("interval", "total") for kind in
                                ("allocated_bytes", "limit_bytes", "fill_percent", "socket")})

    @lib.once
    def test_text(self):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(lib.WEIR, f"{folder}/sormem")
            ended = sormem(*NEAR, "--", *ME, "stream", "locked", program=[f"{folder}/sormem"])
        self.assertRegex(ended.lines[0], r"^RECEIVES +COUNT +P50 +P99 +MAX$")
        drawn = [re.match(r"\[\S+.* (\d+) \|@* *\|$", line) for line in ended.lines]
        self.assertEqual(sum(int(m[1]) for m in drawn if m), 3 * READS, ended)
        self.assertRegex(ended.lines[-2], r"^ +TIME +PID COMM +PROTOCOL +SOCKET +NEAR +FULL +EXCEEDED +MOST +LIMIT ADVICE$")
        self.assertRegex(ended.lines[-1], rf" python\S* +IPPROTO_TCP +127\.0\.0\.1:{STREAM} +{READS} +0 +0 +\d+ +\d+ SO_RCVBUF ")

    @lib.once
    def test_refusals(self):
        for words in (["recv"], ["--failed"], ["--slower", "1s"], ["--by", "procces"], ["--near", "0"]):
            ended = lib.weir("sormem", *words)
            self.assertEqual((ended.status, ended.words.count("\n")), (2, 1), ended)

    @lib.once
    def test_memory_of_the_protocol(self):
        """All sockets of UDP together have too much: in an emulated machine, where that can be set."""
        if lib.SLOW == 1:
            self.skipTest("net.ipv4.udp_mem is the whole machine's: only in an emulated one")
        path = "/proc/sys/net/ipv4/udp_mem"  # only in the first network namespace

        def first(command):
            return lib.run("nsenter", "-t", "1", "-n", "sh", "-c", command).out.decode().strip()
        before = first(f"cat {path}")
        self.assertTrue(before)
        errors = int(rx_errors()["MemErrors"])
        with lib.Live("-o", "json", tool="sormem") as live:
            # Each processor may have 1 MiB before it counts for all (SK_MEMORY_PCPU_RESERVE).
            socks = [datagram(port) for port in range(READ + 10, READ + 10 + SOCKS)]
            try:
                first(f"echo 1 1 1 >{path}")
                for sock in socks:
                    send(sock.getsockname()[1], MANY)
                time.sleep(0.3)
            finally:
                first(f"echo {before} >{path}")
            ended = live.stop()
            for sock in socks:
                sock.close()
        errors = int(rx_errors()["MemErrors"]) - errors
        self.assertGreater(errors, 0)
        rows = [r for r in sockets(ended.rows) if r["exceeded"]]
        self.assertEqual(sum(r["exceeded"] for r in rows), errors)
        self.assertTrue({r["local_port"] for r in rows} <= set(range(READ + 10, READ + 10 + SOCKS)))
        self.assertTrue(all("net.ipv4.udp_mem" in r["advice"] for r in rows))


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in WORK:
        WORK[sys.argv[1]](*sys.argv[2:])
    else:
        lib.main()
