#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir soconnect against workloads that tell what they did, and against what others see."""
import ctypes
import errno
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import far
import lib

sys.path.insert(0, lib.here("..", "replay"))
import schema

EVERY_WAY = True
ME = [sys.executable, os.path.abspath(__file__)]
ACCEPTED, REFUSED, UNIX, UDP, NOWHERE = 13, 7, 5, 3, 2
V4, V6, V4_IN_6 = (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET6, "::ffff:127.0.0.1")
MS = 1000000
IPPROTO_MPTCP = 262
IPV6_FREEBIND = 78  # include/uapi/linux/in6.h


# Workloads: each connect is a line of JSON in the file TOLD, or on standard output

def did(sock, family, address, port, error):
    name = errno.errorcode.get(error) if error else None
    mine = sock.getsockname() if not error or error == errno.EINPROGRESS else (None, None)
    line = json.dumps([socket.AddressFamily(family).name, address, port, name, mine[1]]) + "\n"
    told = os.open(os.environ["TOLD"], os.O_WRONLY | os.O_APPEND) if "TOLD" in os.environ else 1
    os.write(told, line.encode())


def connect(family, address, port, kind=socket.SOCK_STREAM, blocking=True, timeout_ms=0):
    sock = socket.socket(family, kind)
    if timeout_ms:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("qq", 0, timeout_ms * 1000))
    os.set_blocking(sock.fileno(), blocking)
    try:
        sock.connect((address, port))
        error = 0
    except OSError as failed:
        error = failed.errno
    did(sock, family, address, port, error)
    return sock


def unused(family, address):
    """A port where nobody listens: it is bound, and that is all."""
    sock = socket.socket(family)
    sock.bind((address, 0))
    return sock, sock.getsockname()[1]


def local():
    """Connections that are made while the call lasts, or never."""
    for family, address in (V4, V6, V4_IN_6):
        listener = socket.socket(family)
        listener.bind((address, 0))
        listener.listen(ACCEPTED)
        idle, closed = unused(family, address)
        kept = [connect(family, address, listener.getsockname()[1]) for _ in range(ACCEPTED)]
        kept += [connect(family, address, closed) for _ in range(REFUSED)]
        kept += [connect(family, address, 9, socket.SOCK_DGRAM) for _ in range(UDP)]
        for sock in (*kept, listener, idle):
            sock.close()
    for _ in range(NOWHERE):
        connect(socket.AF_INET, "192.0.2.1", 80).close()
    server = socket.socket(socket.AF_UNIX)
    server.bind("\0soconnect")
    server.listen(UNIX)
    for _ in range(UNIX):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect("\0soconnect")


def remote(port, count, how="wait"):
    """Connections to the far host by calls that do not wait."""
    count, port = int(count), int(port)
    socks = [connect(socket.AF_INET, far.HOST, port, blocking=how == "timeout", timeout_ms=23 * (how == "timeout"))
             for _ in range(count)]
    if how == "close":
        return
    if how == "hold":
        time.sleep(1000)
    poll = select.poll()
    for sock in socks:
        poll.register(sock, select.POLLOUT)
    while socks and poll.poll(10000):
        for sock in [s for s in socks if dict(poll.poll(0)).get(s.fileno())]:
            poll.unregister(sock)
            socks.remove(sock)


def blocked(port, count):
    for _ in range(int(count)):
        connect(socket.AF_INET, far.HOST, int(port)).close()


def interrupted(port):
    """Python itself waits on where a signal has ended the call."""
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.017)
    sock = socket.socket()
    sock.connect((far.HOST, int(port)))


def mptcp(count):
    try:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    except OSError:
        sys.exit(lib.SKIPPED)
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)
    kept = [socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP) for _ in range(2 * int(count))]
    for i, sock in enumerate(kept):
        sock.setblocking(i % 2)
        error = sock.connect_ex(listener.getsockname())
        did(sock, socket.AF_INET, *listener.getsockname(), error)
    time.sleep(0.1)


def fastopen(port, count):
    for _ in range(int(count)):
        sock = socket.socket()
        sock.sendto(b"x", socket.MSG_FASTOPEN, ("127.0.0.1", int(port)))
        sock.close()


def mistaken():
    """Addresses of the other family, which Python itself would not pass on."""
    four = struct.pack("=H", socket.AF_INET) + struct.pack(">H4s8x", 80, bytes([10, 9, 8, 7]))
    six = struct.pack("=H", socket.AF_INET6) + struct.pack(">HI16sI", 80, 0, socket.inet_pton(socket.AF_INET6, "fd00::7"), 0)
    for family, mine, address in ((socket.AF_INET6, "fd00::1", four), (socket.AF_INET, "127.0.0.1", six)):
        with socket.socket(family) as sock:
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
            sock.bind((mine, 0))
            ctypes.CDLL(None).connect(sock.fileno(), address, len(address))


WORK = {f.__name__: f for f in (local, remote, blocked, fastopen, interrupted, mptcp, mistaken)}


def told(text):
    return [json.loads(line) for line in text.splitlines()]


def soconnect(*argv, program=(lib.WEIR, "soconnect")):
    """Ended, with what the workload told as want."""
    with tempfile.NamedTemporaryFile("r") as file:
        ended = lib.run(*program, *lib.way(), *argv, env={**os.environ, "TOLD": file.name})
        ended.want = told(file.read())
    return ended


def keys(rows):
    return [[r["family"], r["address"], r["port"], r["error"], r["local_port"] if not r["error"] or r["error"] ==
             "EINPROGRESS" else None] for r in rows]


def by_stage(rows):
    return [[r for r in rows if r["stage"] == stage] for stage in ("call", "final")]


class Soconnect(unittest.TestCase):
    maxDiff = 3000

    def test_calls(self):
        """Each connect, with its address, result and port; and nothing else."""
        ended = soconnect("-o", "json", "--stats", "--", *ME, "local")
        self.assertEqual(ended.status, 0, ended)
        rows, want = ended.rows, ended.want
        self.assertIsNone(schema.wrong("soconnect", rows))
        self.assertEqual(len(want), 3 * (ACCEPTED + REFUSED + UDP) + NOWHERE)
        self.assertEqual(keys(r for r in rows if r["stage"] == "call"), want)
        self.assertEqual([r for r in rows if r["stage"] != "call"], [])
        self.assertEqual([n for n in ended.stats["lost"].values() if n], [])
        self.assertEqual({r["via"] for r in rows}, {"connect"})
        self.assertEqual({r["protocol"] for r in rows}, {"IPPROTO_TCP", "IPPROTO_UDP"})
        self.assertEqual({(r["error"], r["result"]) for r in rows},
                         {(None, "Success"), ("ECONNREFUSED", "Connect refused"),
                          ("ENETUNREACH", "Network unreachable")})

    @lib.once
    def test_address_of_another_family(self):
        """A socket of one family is asked to connect to an address of the other: none of it is made up."""
        rows = soconnect("-o", "json", "--", *ME, "mistaken").rows
        self.assertEqual([(r["family"], r["local_address"], r["address"], r["port"], r["error"] is None) for r in rows],
                         [("AF_INET", "0.0.0.0", "10.9.8.7", 80, False), ("AF_INET6", "::", "fd00::7", 80, False)])

    def far_rows(self, *work, options=()):
        with far.Far():
            ended = soconnect("-o", "json", "--stats", *options, "--", *ME, *map(str, work))
        self.assertEqual(ended.status, 0, ended)
        self.assertEqual([n for n in ended.stats["lost"].values() if n], [])
        self.assertIsNone(schema.wrong("soconnect", ended.rows))
        return (*by_stage(ended.rows), ended.want)

    def check_pairs(self, calls, finals, want, error, ms):
        """Each call that did not wait has one final row, about the same connection."""
        self.assertEqual(keys(calls), want)
        self.assertEqual({r["error"] for r in calls}, {"EINPROGRESS"})
        self.assertEqual({r["result"] for r in calls}, {"In progress"})
        same = ("time", "pid", "tid", "comm", "address", "port", "local_address", "local_port")
        self.assertEqual([[r[k] for k in same] for r in calls],
                         [[r[k] for k in same] for r in sorted(finals, key=lambda r: r["time"])])
        self.assertEqual({r["error"] for r in finals}, {error})
        for row in finals:
            self.assertGreaterEqual(row["latency_ns"], ms * MS)
            self.assertLess(row["latency_ns"], (ms + 400 * lib.SLOW) * MS)

    def test_in_progress(self):
        """An answer after 53 ms: the call's row at once, the connection's with its true latency."""
        calls, finals, want = self.far_rows("remote", far.ACCEPT, 11)
        self.check_pairs(calls, finals, want, None, far.ACCEPT)
        self.assertEqual(len(calls), 11)
        self.assertEqual({r["result"] for r in finals}, {"Success"})
        if lib.SLOW == 1:
            self.assertLess(max(r["latency_ns"] for r in calls), 20 * MS)

    def test_refused_later(self):
        calls, finals, want = self.far_rows("remote", far.REFUSE, 7)
        self.check_pairs(calls, finals, want, "ECONNREFUSED", far.REFUSE)

    @lib.once
    def test_unreachable_later(self):
        calls, finals, want = self.far_rows("remote", far.UNREACHABLE, 3)
        self.check_pairs(calls, finals, want, "EHOSTUNREACH", far.UNREACHABLE)

    @lib.once
    def test_closed_before_connected(self):
        calls, finals, want = self.far_rows("remote", far.SILENT, 5, "close")
        self.check_pairs(calls, finals, want, "ECANCELED", 0)
        self.assertEqual({r["result"] for r in finals}, {"Closed before connected"})

    def test_timeout_of_the_call(self):
        """SO_SNDTIMEO of 23 ms: the call gives up, the connection comes about."""
        calls, finals, want = self.far_rows("remote", far.ACCEPT, 2, "timeout")
        self.check_pairs(calls, finals, want, None, far.ACCEPT)
        self.assertGreaterEqual(min(r["latency_ns"] for r in calls), 20 * MS)

    def test_interrupted_call(self):
        """The connection goes on, and is told when it comes about."""
        calls, finals, _ = self.far_rows("interrupted", far.ACCEPT)
        self.assertEqual([(r["error"], r["result"]) for r in calls[:1]], [("ERESTARTSYS", "Interrupted")])
        self.assertEqual([(r["error"], r["time"]) for r in finals], [(None, calls[0]["time"])])
        self.assertGreaterEqual(finals[0]["latency_ns"], far.ACCEPT * MS)

    def test_mptcp(self):
        """One row a call: the sockets of TCP that are within are not told apart."""
        ended = soconnect("-o", "json", "--", *ME, "mptcp", "3")
        if ended.status == lib.SKIPPED:
            self.skipTest("no MPTCP here")
        calls, finals = by_stage(ended.rows)
        self.assertEqual(keys(calls), ended.want)
        self.assertEqual(len(calls), 6)
        self.assertEqual({r["protocol"] for r in ended.rows}, {"IPPROTO_MPTCP"})
        waited = [r["time"] for r in calls if r["error"] == "EINPROGRESS"]
        self.assertEqual(sorted((r["time"], r["error"]) for r in finals), [(time, None) for time in waited])

    def test_blocking(self):
        calls, finals, want = self.far_rows("blocked", far.ACCEPT, 3)
        self.assertEqual((keys(calls), finals), (want, []))
        self.assertGreaterEqual(min(r["latency_ns"] for r in calls), far.ACCEPT * MS)

    def test_no_final(self):
        calls, finals, want = self.far_rows("remote", far.ACCEPT, 3, options=["--no-final"])
        self.assertEqual((keys(calls), finals), (want, []))

    @lib.once
    def test_failed_and_slower(self):
        """Each row is judged by itself: In progress is no failure."""
        for port, options, expect in ((far.REFUSE, ["--failed"], (0, 5)), (far.ACCEPT, ["--failed"], (0, 0)),
                                      (far.ACCEPT, ["--slower", "53ms"], (0, 5)),
                                      (far.ACCEPT, ["--slower", "100s"], (0, 0))):
            calls, finals, _ = self.far_rows("remote", port, 5, options=options)
            self.assertEqual((len(calls), len(finals)), expect, (port, options))

    @lib.once
    def test_unfinished(self):
        with far.Far(), lib.Live("-o", "json", "--stats", "--netns", os.getpid(), tool="soconnect") as live:
            work = subprocess.Popen([*ME, "remote", str(far.SILENT), "3", "hold"], stdout=subprocess.PIPE)
            for _ in range(3):
                work.stdout.readline()
            ended = live.stop()
            work.kill()
            work.communicate()
        self.assertEqual([r["error"] for r in ended.rows], ["EINPROGRESS"] * 3)
        self.assertEqual(ended.stats["lost"]["unfinished"], 3)

    def uring(self, how, host, port, count, *options):
        """Rows, and what the program was told itself."""
        with far.Far():
            ended = soconnect("-o", "json", *options, "--", lib.work("uring_connect"), how, host, str(port), str(count))
        if ended.status == lib.SKIPPED:
            self.skipTest("no io_uring here")
        lines = ended.out.splitlines()
        rows = [lib.strict_json(line) for line in lines if line.startswith(b"{")]
        self.assertIsNone(schema.wrong("soconnect", rows))
        return rows, [int(line) for line in lines if not line.startswith(b"{")]

    def test_io_uring(self):
        """Without a call: from SYN_SENT on. Refused at once, accepted later."""
        _, port = idle = unused(*V4)
        for host, port, count, error, ms in (("127.0.0.1", port, 7, "ECONNREFUSED", 0),
                                             (far.HOST, far.ACCEPT, 3, None, far.ACCEPT)):
            rows, _ = self.uring("connect", host, port, count)
            self.assertEqual([(r["stage"], r["via"], r["error"], r["address"]) for r in rows],
                             [("final", "io_uring", error, host)] * count)
            self.assertTrue(all(r["latency_ns"] >= (ms - 1) * MS for r in rows))
            self.assertEqual(len({r["pid"] for r in rows}), 1)
            self.assertTrue(all(r["local_port"] for r in rows) or error, rows)
        del idle

    def test_io_uring_without_handshake(self):
        """UDP, and what fails before a packet: told when the request is done."""
        for how, host, count, protocol, error in (("udp", "127.0.0.1", 5, "IPPROTO_UDP", None),
                                                  ("udp", "192.0.2.1", 3, "IPPROTO_UDP", "ENETUNREACH"),
                                                  ("connect", "192.0.2.1", 7, "IPPROTO_TCP", "ENETUNREACH")):
            rows, results = self.uring(how, host, 9, count)
            self.assertEqual(results, [-getattr(errno, error) if error else 0] * count)
            self.assertEqual([(r["stage"], r["via"], r["protocol"], r["error"], r["address"], r["port"], r["latency_ns"])
                              for r in rows], [("call", "io_uring", protocol, error, host, 9, None)] * count)
        for options, count in ((["--failed"], 0), (["--slower", "1ns"], 0), (["--port", "9"], 5), (["--port", "8"], 0)):
            self.assertEqual(len(self.uring("udp", "127.0.0.1", 9, 5, *options)[0]), count, options)

    def test_io_uring_no_final(self):
        """Then the requests are told, and nothing else."""
        listener = socket.create_server(("127.0.0.1", 0))
        rows, _ = self.uring("connect", "127.0.0.1", listener.getsockname()[1], 5, "--no-final")
        self.assertEqual([(r["stage"], r["via"], r["error"], r["latency_ns"]) for r in rows],
                         [("call", "io_uring", None, None)] * 5)

    def test_fast_open(self):
        listener = socket.create_server(("127.0.0.1", 0))
        ended = soconnect("-o", "json", "--", *ME, "fastopen", listener.getsockname()[1], "3")
        self.assertEqual([(r["stage"], r["via"], r["error"], r["port"]) for r in ended.rows],
                         [("final", "send", None, listener.getsockname()[1])] * 3, ended)

    @lib.once
    def test_filters(self):
        """Applied in the kernel; replay applies the same to a recording of everything."""
        with tempfile.NamedTemporaryFile() as record:
            soconnect("--record", record.name, "--", *ME, "local")
            each = ACCEPTED + REFUSED + UDP
            for options, count in ((["-4"], each + NOWHERE), (["-6"], 2 * each), (["--port", "9"], 3 * UDP),
                                   (["--host", "::1"], each), (["--host", "127.0.0.0/8"], 2 * each),
                                   (["--failed"], 3 * REFUSED + NOWHERE), (["--host", "192.0.2.0/24"], NOWHERE),
                                   (["--slower", "100s"], 0), (["-n", "17"], 17)):
                live = soconnect("-o", "json", *options, "--", *ME, "local").rows
                again = lib.weir("replay", record.name, "-o", "json", *options)
                self.assertEqual((len(live), len(again.rows)), (count, count), options)

    @lib.once
    def test_replay(self):
        """A recording tells what the run itself would have."""
        with far.Far(), tempfile.NamedTemporaryFile() as record:
            ended = soconnect("--record", record.name, "--", *ME, "remote", far.ACCEPT, "5")
            rows = lib.weir("replay", record.name, "-o", "json").rows
            calls, finals = by_stage(rows)
            self.check_pairs(calls, finals, ended.want, None, far.ACCEPT)
            self.assertEqual(len(lib.weir("replay", record.name, "--no-final", "-o", "json").rows), 5)

    @lib.once
    def test_text(self):
        """In the columns and words that soconnect.bt has; also by a link's name."""
        with tempfile.TemporaryDirectory() as folder, far.Far():
            os.symlink(lib.WEIR, f"{folder}/soconnect")
            ended = soconnect("--", *ME, "remote", far.REFUSE, "3", program=[f"{folder}/soconnect"])
        self.assertEqual(ended.status, 0, ended)
        self.assertEqual(len(ended.lines), 7)
        self.assertRegex(ended.lines[0], r"^ +TIME +PID COMM +FAM ADDRESS +PORT +LAT\(us\) RESULT$")
        for stage, count in (("In progress", 3), (r"Connect refused \(final\)", 3)):
            what = re.compile(rf"^\d\d:\d\d:\d\d\.\d{{6}} +\d+ \S+ +2 10\.53\.0\.2 +59 +\d+ {stage}$")
            self.assertEqual(sum(bool(what.match(line)) for line in ended.lines), count, ended)

    @lib.once
    def test_refusals(self):
        for words in (["connect"], ["--way", "kprobe"], ["--final"]):
            ended = lib.weir("soconnect", *words)
            self.assertEqual((ended.status, ended.words.count("\n")), (2, 1), ended)

    def beside(self, argv, ready):
        """weir and another tracer of the whole machine, on the same connects. Its lines, and weir's rows."""
        lib.need(argv[0])
        lib.need(argv[2] if argv[0] == "stdbuf" else argv[0])
        out = tempfile.TemporaryFile()
        other = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT)

        def output():
            return os.pread(out.fileno(), 1 << 20, 0).decode()
        try:
            with lib.Live("-o", "json", tool="soconnect") as live:
                lib.wait_for(lambda: re.search(ready, output()) or other.poll() is not None, f"{argv[0]} to start", 30)
                if other.poll() is not None:
                    self.skipTest(f"{argv[0]} does not run here: {output()[-200:]}")
                time.sleep(1)
                work = lib.run(*ME, "local")
                time.sleep(0.5)
                ended = live.stop()
        finally:
            other.send_signal(2)
            other.wait()
        return output().splitlines(), [r for r in ended.rows if r["address"] and r["port"]], told(work.out.decode())

    @lib.once
    def test_beside_tcpconnect(self):
        """It has TCP only, those too that were refused; no connect that found no way."""
        if not os.path.exists("/sys/bus/event_source/devices/kprobe"):
            self.skipTest("no kprobes here")
        lines, rows, want = self.beside(["stdbuf", "-oL", "tcpconnect"], "PID")
        got = sorted((int(f[0]), f[4], int(f[5])) for f in map(str.split, lines) if len(f) == 6 and f[0].isdigit())
        mine = sorted((r["pid"], r["address"].removeprefix("::ffff:"), r["port"]) for r in rows
                      if r["protocol"] == "IPPROTO_TCP" and r["error"] != "ENETUNREACH")
        self.assertEqual(len(mine), 3 * (ACCEPTED + REFUSED))
        self.assertEqual([(p, a.removeprefix("::ffff:"), n) for p, a, n in got], mine)

    def test_beside_bpftrace(self):
        """The system call's own tracepoint, by another program: how often, with which result."""
        if not os.path.exists(f"{lib.TRACEFS}/events/syscalls"):
            self.skipTest("no tracefs here")
        lines, rows, want = self.beside(
            ["bpftrace", "-e", "BEGIN { printf(\"ready\\n\"); } "
             "tracepoint:syscalls:sys_enter_connect { @f[tid] = args->uservaddr->sa_family; } "
             "tracepoint:syscalls:sys_exit_connect /@f[tid] == 2 || @f[tid] == 10/ "
             "{ printf(\"%d %d %d\\n\", pid, @f[tid], args->ret); }"], "ready")
        families = {"AF_INET": 2, "AF_INET6": 10}
        got = [tuple(map(int, f)) for f in map(str.split, lines) if len(f) == 3 and f[0].isdigit()]
        self.assertEqual(sorted(got), sorted((r["pid"], families[r["family"]], r["ret"]) for r in rows))
        self.assertEqual(len(got), len(want))


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in WORK:
        WORK[sys.argv[1]](*sys.argv[2:])
    else:
        lib.main()
