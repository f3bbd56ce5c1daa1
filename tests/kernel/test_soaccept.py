#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir soaccept against workloads that tell what they did, and against what others see."""
import errno
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import lib

sys.path.insert(0, lib.here("..", "replay"))
import schema

EVERY_WAY = True
ME = [sys.executable, os.path.abspath(__file__)]
TCP, TCP6, MAPPED, UNIX, MPTCP, NONE, MFILE = 13, 7, 3, 5, 3, 2, 2
MS = 1000000
IPPROTO_MPTCP = 262
WAIT_MS = 53


# The workload tells of each accept, as a line of JSON in the file TOLD.

def tell(family, error, peer, port, queue, limit):
    line = json.dumps([family, error, *(peer or (None, None)), port, queue, limit]) + "\n"
    fd = os.open(os.environ["TOLD"], os.O_WRONLY | os.O_APPEND)
    os.write(fd, line.encode())
    os.close(fd)


def accept(listener, queue, limit, port=None):
    family = listener.family.name
    try:
        sock, peer = listener.accept()
        tell(family, None, peer[:2] if port else None, port, queue, limit)
        return sock
    except OSError as failed:
        tell(family, errno.errorcode[failed.errno], None, port, queue, limit)
    return None


def listening(family, address, limit, protocol=0):
    listener = socket.socket(family, socket.SOCK_STREAM, protocol)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind((address, 0))
    listener.listen(limit)
    return listener, listener.getsockname()[1]


def clients(count, family, address, port):
    socks = [socket.socket(family) for _ in range(count)]
    for sock in socks:
        sock.connect((address, port))
    return socks


def all_families():
    """All of a family connect, wait 53 ms, and are accepted one after the other."""
    kept = []
    for family, address, count, to, limit in ((socket.AF_INET, "127.0.0.1", TCP, socket.AF_INET, 31),
                                              (socket.AF_INET6, "::1", TCP6, socket.AF_INET6, 37),
                                              (socket.AF_INET6, "::", MAPPED, socket.AF_INET, 41)):
        listener, port = listening(family, address, limit)
        kept += clients(count, to, "127.0.0.1" if address == "::" else address, port)
        time.sleep(WAIT_MS / 1000)
        kept += [accept(listener, count - 1 - i, limit, port) for i in range(count)]
        listener.setblocking(False)
        for _ in range(NONE):
            accept(listener, 0, limit, port)
        kept.append(listener)
    server = socket.socket(socket.AF_UNIX)
    server.bind("\0soaccept")
    server.listen(11)
    for _ in range(UNIX):
        kept.append(socket.socket(socket.AF_UNIX))
        kept[-1].connect("\0soaccept")
    kept += [accept(server, UNIX - 1 - i, 11) for i in range(UNIX)]


def mptcp():
    try:
        listener, port = listening(socket.AF_INET, "127.0.0.1", 17, IPPROTO_MPTCP)
    except OSError:
        sys.exit(lib.SKIPPED)
    kept = []
    for _ in range(MPTCP):
        kept.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP))
        kept[-1].connect(("127.0.0.1", port))
    time.sleep(WAIT_MS / 1000)
    kept += [accept(listener, MPTCP - 1 - i, 17, port) for i in range(MPTCP)]


def full():
    """A queue that is full: of listen(5) there are 6, the kernel lets in one more than it says."""
    listener, port = listening(socket.AF_INET, "127.0.0.1", 5)
    kept = clients(6, socket.AF_INET, "127.0.0.1", port)
    late = socket.socket()
    late.setblocking(False)
    late.connect_ex(("127.0.0.1", port))
    time.sleep(0.2)
    kept += [accept(listener, 5 - i, 5, port) for i in range(6)]


def errors():
    """The process has no descriptor left; the socket does not listen."""
    listener, port = listening(socket.AF_INET, "127.0.0.1", 5)
    kept = clients(1, socket.AF_INET, "127.0.0.1", port)
    import resource
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    told = os.open(os.environ["TOLD"], os.O_WRONLY | os.O_APPEND)
    for _ in range(MFILE):
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            listener.accept()
        except OSError as failed:
            assert failed.errno == errno.EMFILE
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        tell("AF_INET", "EMFILE", None, port, 1, 5)
    os.close(told)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    accept(udp, 0, 0, udp.getsockname()[1])
    kept[0].close()


def churn(count):
    """Connections that are reset before they are accepted."""
    listener, port = listening(socket.AF_INET, "127.0.0.1", 128)
    for _ in range(int(count)):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.connect(("127.0.0.1", port))
        sock.close()
    listener.close()
    listener, port = listening(socket.AF_INET, "127.0.0.1", 128)
    kept = clients(3, socket.AF_INET, "127.0.0.1", port)
    kept += [accept(listener, 2 - i, 128, port) for i in range(3)]


WORK = {f.__name__: f for f in (all_families, mptcp, full, errors, churn)}


def soaccept(*argv, program=(lib.WEIR, "soaccept")):
    """Ended, with what the workload told as want."""
    with tempfile.NamedTemporaryFile("r") as file:
        ended = lib.run(*program, *lib.way(), *argv, env={**os.environ, "TOLD": file.name})
        ended.want = [json.loads(line) for line in file]
    return ended


def keys(rows):
    return [[r["family"], r["error"], r["address"], r["port"], r["local_port"], r["queue"], r["queue_limit"]]
            for r in rows]


class Soaccept(unittest.TestCase):
    maxDiff = 3000

    def rows(self, *work, options=()):
        ended = soaccept("-o", "json", "--stats", *options, "--", *ME, *map(str, work))
        if ended.status == lib.SKIPPED:
            self.skipTest(f"no {work[0]} here")
        self.assertEqual(ended.status, 0, ended)
        self.assertEqual([n for n in ended.stats["lost"].values() if n], [])
        self.assertIsNone(schema.wrong("soaccept", ended.rows))
        return ended.rows, ended.want

    def check_wait(self, rows, ms=WAIT_MS):
        for row in rows:
            self.assertGreaterEqual(row["wait_ns"], ms * MS)
            self.assertLess(row["wait_ns"], (ms + 400 * lib.SLOW) * MS)

    def test_families(self):
        """Each accept with its peer, port, result and the queue that it left behind."""
        rows, want = self.rows("all_families")
        self.assertEqual(len(want), TCP + TCP6 + MAPPED + 3 * NONE + UNIX)
        self.assertEqual(keys(rows), want)
        self.check_wait([r for r in rows if r["family"] != "AF_UNIX" and not r["error"]])
        self.assertEqual({r["wait_ns"] for r in rows if r["family"] == "AF_UNIX" or r["error"]}, {None})
        self.assertEqual({r["path"] for r in rows if r["family"] == "AF_UNIX"}, {"\0soaccept"})
        self.assertEqual({(r["error"], r["result"]) for r in rows},
                         {(None, "Success"), ("EAGAIN", "None to accept")})

    @lib.once
    def test_order_of_waiting(self):
        """Who came first has waited longest."""
        rows = [r for r in self.rows("all_families")[0] if r["family"] == "AF_INET" and not r["error"]]
        came = [row["wait_ns"] for row in rows]
        self.assertEqual(len(set(came)), TCP)

    def test_mptcp(self):
        rows, want = self.rows("mptcp")
        self.assertEqual(keys(rows), want)
        self.check_wait(rows)
        self.assertEqual({r["protocol"] for r in rows}, {"IPPROTO_MPTCP"})

    def test_full_queue(self):
        rows, want = self.rows("full")
        self.assertEqual(keys(rows), want)
        self.assertEqual([(r["queue"], r["queue_limit"]) for r in rows], [(5 - i, 5) for i in range(6)])
        self.check_wait(rows, 200)

    @lib.once
    def test_errors(self):
        rows, want = self.rows("errors")
        self.assertEqual([r["error"] for r in rows], ["EMFILE"] * MFILE + ["EOPNOTSUPP"])
        self.assertEqual([r["result"] for r in rows], ["Process FD limit"] * MFILE + ["Not SOCK_STREAM"])
        self.assertEqual(keys(rows)[:MFILE], want[:MFILE])

    @lib.once
    def test_gone_before_accepted(self):
        """What is reset in the queue is forgotten: none is mistaken for a later one at its address."""
        rows, want = self.rows("churn", 61)
        self.assertEqual(keys(rows), want)
        self.assertTrue(all(r["wait_ns"] < 1000 * MS * lib.SLOW for r in rows))

    def test_waited_before_weir(self):
        """Since when is then unknown."""
        listener, port = listening(socket.AF_INET, "127.0.0.1", 7)
        kept = clients(3, socket.AF_INET, "127.0.0.1", port)
        with lib.Live("-o", "json", "-p", os.getpid(), tool="soaccept") as live:
            kept += [listener.accept()[0] for _ in range(3)]
            ended = live.stop()
        self.assertEqual([(r["wait_ns"], r["error"]) for r in ended.rows], [(None, None)] * 3)

    def test_io_uring(self):
        """By fexit where the kernel has it, else as the request is done."""
        ended = soaccept("-o", "json", "--stats", "--", lib.work("uring_connect"), "accept", 7013, 5)
        if ended.status == lib.SKIPPED:
            self.skipTest("no io_uring here")
        self.assertEqual(ended.status, 0, ended)
        self.assertEqual(ended.stats["not_attached"], [])
        rows = [lib.strict_json(line) for line in ended.out.splitlines() if line.startswith(b"{")][:-1]
        self.assertEqual([(r["via"], r["local_port"], r["address"], r["error"]) for r in rows],
                         [("io_uring", 7013, "127.0.0.1", None)] * 5)
        self.assertTrue(all(r["wait_ns"] is not None for r in rows))

    def test_32_bit(self):
        """What a 32-bit call accepts is not seen, as is said; it is not taken for io_uring's."""
        ended = soaccept("-o", "json", "--", lib.work("accept32"))
        if ended.status == lib.SKIPPED:
            self.skipTest("no 32-bit calls here")
        self.assertEqual((ended.status, ended.rows), (0, []), ended)

    @lib.once
    def test_filters(self):
        with tempfile.NamedTemporaryFile() as record:
            soaccept("--record", record.name, "--", *ME, "all_families")
            for options, count in ((["-4"], TCP + NONE), (["-6"], TCP6 + MAPPED + 2 * NONE), (["--host", "::1"], TCP6 + NONE),
                                   (["--failed"], 3 * NONE), (["--slower", "50ms"], TCP + TCP6 + MAPPED),
                                   (["--slower", "100s"], 0), (["-n", "17"], 17), (["-c", "other"], 0)):
                live = soaccept("-o", "json", *options, "--", *ME, "all_families")
                again = lib.weir("replay", record.name, "-o", "json", *options)
                self.assertEqual((len(live.rows), len(again.rows)), (count, count), options)

    @lib.once
    def test_replay(self):
        with tempfile.NamedTemporaryFile() as record:
            ended = soaccept("--record", record.name, "--", *ME, "all_families")
            rows = lib.weir("replay", record.name, "-o", "json").rows
        self.assertEqual(keys(rows), ended.want)

    @lib.once
    def test_text(self):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(lib.WEIR, f"{folder}/soaccept")
            ended = soaccept("--", *ME, "all_families", program=[f"{folder}/soaccept"])
        self.assertRegex(ended.lines[0], r"^ +TIME +PID COMM +FAM ADDRESS +PORT LPORT WAIT\(us\) +QUEUE RESULT$")
        for what, count in ((r" 2 127\.0\.0\.1 +\d+ +\d+ +\d+ +\d+/31 Success", TCP),
                            (r" 2 - +- +\d+ +- +0/31 None to accept", NONE),
                            (r' 1 "\\0soaccept" +- +- +- +\d/11 Success', UNIX)):
            found = [line for line in ended.lines if re.search(what + "$", line)]
            self.assertEqual(len(found), count, ended)

    @lib.once
    def test_refusals(self):
        for words in (["accept"], ["--way", "kprobe"], ["--final"]):
            ended = lib.weir("soaccept", *words)
            self.assertEqual((ended.status, ended.words.count("\n")), (2, 1), ended)

    def test_beside_bpftrace(self):
        """The system calls' own tracepoints, by another program: how often, with which result."""
        lib.need("bpftrace")
        if not os.path.exists(f"{lib.TRACEFS}/events/syscalls"):
            self.skipTest("no tracefs here")
        script = "BEGIN { printf(\"ready\\n\"); } tracepoint:syscalls:sys_exit_accept, " \
                 "tracepoint:syscalls:sys_exit_accept4 { printf(\"%d %d\\n\", pid, args->ret); }"
        out = tempfile.TemporaryFile()
        other = subprocess.Popen(["bpftrace", "-e", script], stdout=out, stderr=subprocess.STDOUT)
        try:
            with lib.Live("-o", "json", tool="soaccept") as live, tempfile.NamedTemporaryFile() as told:
                lib.wait_for(lambda: b"ready" in os.pread(out.fileno(), 1 << 16, 0) or other.poll() is not None,
                             "bpftrace to start", 30)
                if other.poll() is not None:
                    self.skipTest(f"bpftrace does not run here: {os.pread(out.fileno(), 200, 0)}")
                time.sleep(1)
                lib.run(*ME, "all_families", env={**os.environ, "TOLD": told.name})
                time.sleep(0.5)
                ended = live.stop()
        finally:
            other.send_signal(2)
            other.wait()
        lines = os.pread(out.fileno(), 1 << 16, 0).decode().splitlines()
        got = sorted(tuple(map(int, f)) for f in map(str.split, lines) if len(f) == 2 and f[0].isdigit())
        self.assertEqual(got, sorted((r["pid"], r["ret"]) for r in ended.rows))


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in WORK:
        WORK[sys.argv[1]](*sys.argv[2:])
    else:
        lib.main()
