#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""Each filter: what passes and what does not come in prime numbers, so that no sum looks right by chance."""
import collections
import os
import signal
import subprocess
import tempfile
import unittest

import lib

EVERY_WAY = True


def traffic(*words):
    return [lib.work("traffic"), *map(str, words)]


def counts(ended):
    return dict(collections.Counter(row["call"] for row in ended.rows))


class Case(unittest.TestCase):
    maxDiff = 2000

    def seen(self, options, *words, status=0):
        """What weir sees of a command: call → how often."""
        ended = lib.trace("-o", "json", *options, "--", *traffic(*words))
        self.assertEqual(ended.status, status, ended)
        return counts(ended)


class Socket(Case):
    """Filters on the socket and on the address in the call."""

    words = ("udp", "127.0.0.2", 7001, 3, "udp", "127.0.0.3", 7002, 5, "udp", "::1", 7001, 7,
             "udpc", "127.0.0.2", 7003, 11, "udpc", "::1", 7003, 13, "unix", 17, "fail", 19)

    def test_each(self):
        for options, sendto in lib.part((
                ([], 3 + 5 + 7 + 11 + 13 + 17 + 19),
                (["-4"], 3 + 5 + 11),
                (["-6"], 7 + 13),
                (["--port", "7001"], 3 + 7),
                (["--port", "7003"], 11 + 13),
                (["--port", "7009"], 0),
                (["--host", "127.0.0.2"], 3 + 11),
                (["--host", "127.0.0.2/31"], 3 + 5 + 11),
                (["--host", "127.0.0.0/8"], 3 + 5 + 11),
                (["--host", "0.0.0.0/0"], 3 + 5 + 11),
                (["--host", "10.0.0.0/8"], 0),
                (["--host", "::1"], 7 + 13),
                (["--host", "::/64"], 7 + 13),
                (["-4", "--port", "7001"], 3),
                (["-6", "--port", "7003"], 13),
                (["--host", "127.0.0.0/8", "--port", "7003"], 11),
                (["--host", "127.0.0.2", "--port", "7002"], 0))):
            with self.subTest(" ".join(options)):
                got = self.seen(["sendto", *options], *self.words)
                self.assertEqual(got, {"sendto": sendto} if sendto else {})

    def test_port_at_either_end(self):
        """The server's side has the port as its own, the client's as the peer's."""
        got = self.seen(["--port", "7001", "sendto", "recvfrom", "accept", "connect", "listen"],
                        "tcp", "127.0.0.1", 7001, 3, "tcp", "127.0.0.1", 7002, 5)
        self.assertEqual(got, {"sendto": 3, "recvfrom": 3, "accept": 3, "connect": 3, "listen": 1})

    def test_address_that_was_there_before(self):
        """Where nothing came, or from nobody, the kernel writes no address: what lies there is no peer."""
        words = "stale", "127.0.0.5", 7011, 3, "udpc", "127.0.0.5", 7011, 5
        calls = ["sendto", "recvfrom", "recvmsg"]
        for options in (["--port", "7011"], ["--host", "127.0.0.5"]):
            self.assertEqual(self.seen([*options, *calls], *words), {"sendto": 5})
            with tempfile.NamedTemporaryFile() as record:
                lib.trace("--record", record.name, *calls, "--", *traffic(*words))
                replayed = lib.weir("replay", record.name, "-o", "json", *options)
                self.assertEqual(counts(replayed), {"sendto": 5}, replayed)

    def test_failed(self):
        got = self.seen(["--failed", "sendto", "recvfrom"],
                        "fail", 7, "udp", "127.0.0.1", 7001, 11, "fast", 13, "unix", 17)
        self.assertEqual(got, {"sendto": 7, "recvfrom": 13})

    def test_slower(self):
        words = ("slow", 3, 60, "fast", 11)
        self.assertEqual(self.seen(["--slower", "50ms", "recvfrom"], *words), {"recvfrom": 3})
        self.assertEqual(self.seen(["--slower", "10ms", "recvfrom"], *words), {"recvfrom": 3})
        self.assertEqual(self.seen(["--slower", "50s", "recvfrom"], *words), {})
        self.assertEqual(self.seen(["--slower", "1ns", "recvfrom"], *words), {"recvfrom": 3 + 11})

    def test_failed_and_slower(self):
        got = self.seen(["--failed", "--slower", "50ms"], "slow", 2, 60, "fast", 11, "fail", 13, "unix", 5)
        self.assertEqual(got, {"recvfrom": 2})


class Elsewhere(Case):
    """The same filters where no event is sent, and where calls are not for sockets only."""

    io = ("tcp", "127.0.0.1", 7001, 3, "tcp", "::1", 7001, 2, "tcp", "127.0.0.2", 7002, 5, "comm", "weir-io",
          "uid", 12345, "rw", 7, 11, 13)

    def summed(self, options, *words):
        ended = lib.trace("--summary", "-o", "json", *options, "--", *traffic(*words))
        self.assertEqual(ended.status, 0, ended)
        return {row["call"]: row["calls"] for row in ended.rows}

    @lib.once
    def test_summary(self):
        for options, sendto in lib.part((
                (["-4"], 3 + 5 + 11), (["-6"], 7 + 13), (["--port", "7001"], 3 + 7),
                (["--host", "::/64", "--port", "7003"], 13), (["--failed"], 19), (["--slower", "50s"], 0),
                (["-c", "traffic", "--uid", "0", "--netns", "/proc/self/ns/net", "--host", "127.0.0.2"], 3 + 11),
                (["-c", "nobody-has-this"], 0), (["--uid", "12346"], 0), (["--netns", os.getppid()], 0))):
            with self.subTest(options):
                self.assertEqual(self.summed(["sendto", *options], *Socket.words), {"sendto": sendto} if sendto else {})

    @lib.once
    def test_io(self):
        """Of a connection two ends are closed, and once the listener."""
        sockets = {"write": 7, "read": 7, "close": 2}
        for options, want in lib.part((
                (["-4"], {"close": 7 + 11}), (["-6"], {"close": 5}), (["--port", "7001"], {"close": 7 + 5}),
                (["--host", "127.0.0.2"], {"close": 11}), (["-c", "weir-io", "--uid", "12345"], sockets),
                (["--uid", "12345", "-4"], {}), (["--netns", os.getppid()], {}), (["--failed"], {}))):
            with self.subTest(options):
                words = ["read", "write", "close", *options]
                self.assertEqual(self.seen(words, *self.io), want)
                self.assertEqual(self.summed(words, *self.io), want)


class Task(Case):
    """Filters on who it is, with processes that weir did not start."""

    def check(self, options, passing, others, sendto):
        """passing and others are words of traffic; weir must see the sendto of the first only."""
        with lib.Live("-o", "json", "sendto", *options) as live:
            for words in (passing, *others):
                done = lib.run(*traffic(*words))
                self.assertEqual(done.status, 0, done)
            ended = live.stop()
        self.assertEqual(ended.status, 0, ended)
        self.assertEqual(counts(ended), {"sendto": sendto} if sendto else {}, options)
        return ended.rows

    def test_comm(self):
        rows = self.check(["-c", "alice"], ("comm", "alice", "fail", 7),
                          [("comm", "alice2", "fail", 11), ("comm", "alic", "fail", 13), ("fail", 17)], 7)
        self.assertEqual({row["comm"] for row in rows}, {"alice"})

    def test_comm_of_15(self):
        self.check(["-c", "fifteen-letters"], ("comm", "fifteen-letters-and-more", "fail", 7),
                   [("comm", "fifteen-letter", "fail", 11)], 7)

    def test_comm_of_a_thread(self):
        """The name is the thread's own, as in top -H."""
        self.check(["-c", "worker"], ("comm", "boss", "fail", 11, "thread", "comm", "worker", "fail", 7), [], 7)

    def test_uid(self):
        rows = self.check(["--uid", "12345"], ("uid", 12345, "fail", 7),
                          [("uid", 12346, "fail", 11), ("fail", 13)], 7)
        self.assertEqual({row["uid"] for row in rows}, {12345})

    def test_uid_by_name(self):
        self.check(["-u", "root", "-c", "weir-root"], ("comm", "weir-root", "fail", 7),
                   [("comm", "weir-root", "uid", 12346, "fail", 11)], 7)

    def test_cgroup(self):
        top = lib.cgroup_root() / f"weir-test-{os.getpid()}"
        inner, other = top / "inner", lib.cgroup_root() / f"weir-test-{os.getpid()}-other"
        for group in (top, inner, other):
            group.mkdir()
        try:
            passing = ("cgroup", top, "fail", 7, "cgroup", inner, "fail", 11)
            rows = self.check(["--cgroup", top], passing, [("cgroup", other, "fail", 13), ("fail", 17)], 7 + 11)
            self.assertEqual({row["cgroup"] for row in rows},
                             {f"/{top.name}", f"/{top.name}/inner"})
            self.check(["--cgroup", inner], passing, [], 11)
        finally:
            for group in (inner, top, other):
                lib.wait_for(lambda group=group: not (group / "cgroup.procs").read_text(), "the cgroup to empty")
                group.rmdir()

    def test_netns(self):
        sleeper = subprocess.Popen(traffic("netns", "stop", "fail", 7))
        try:
            lib.wait_stopped(sleeper.pid)
            own = os.stat("/proc/self/ns/net").st_ino
            inner = os.stat(f"/proc/{sleeper.pid}/ns/net").st_ino
            self.assertNotEqual(own, inner)
            self.netns(sleeper, ["--netns", sleeper.pid], {inner: 7})
        finally:
            sleeper.kill()
            sleeper.wait()
        self.check(["--netns", "/proc/self/ns/net", "-c", "weir-netns"], ("comm", "weir-netns", "fail", 7),
                   [("comm", "weir-netns", "netns", "fail", 11)], 7)

    def netns(self, sleeper, options, want):
        with lib.Live("-o", "json", "sendto", *options) as live:
            lib.run(*traffic("fail", 11))
            sleeper.send_signal(signal.SIGCONT)
            self.assertEqual(sleeper.wait(), 0)
            ended = live.stop()
        self.assertEqual(dict(collections.Counter(row["netns"] for row in ended.rows)), want)

    def test_pid(self):
        """A process with its threads, not its children."""
        watched = subprocess.Popen(traffic("stop", "fail", 3, "thread", "fail", 7, "fork", "fail", 11))
        other = subprocess.Popen(traffic("stop", "fail", 13))
        try:
            for process in (watched, other):
                lib.wait_stopped(process.pid)
            with lib.Live("-o", "json", "sendto", "-p", watched.pid) as live:
                for process in (watched, other):
                    process.send_signal(signal.SIGCONT)
                    self.assertEqual(process.wait(), 0)
                ended = live.stop()
        finally:
            for process in (watched, other):
                process.kill()
                process.wait()
        self.assertEqual(counts(ended), {"sendto": 3 + 7})
        self.assertEqual({row["pid"] for row in ended.rows}, {watched.pid})
        self.assertEqual(len({row["tid"] for row in ended.rows}), 2)

    def test_combined(self):
        self.check(["-c", "alice", "--uid", "12345", "--port", "7001", "-4"],
                   ("comm", "alice", "uid", 12345, "udp", "127.0.0.1", 7001, 7, "udp", "::1", 7001, 11,
                    "udp", "127.0.0.1", 7002, 13, "comm", "bob", "udp", "127.0.0.1", 7001, 17),
                   [("comm", "alice", "udp", "127.0.0.1", 7001, 19)], 7)


class Follow(Case):
    """-- COMMAND: its threads, children, grandchildren, through exec, and nobody else."""

    def test_family(self):
        for words, sendto in lib.part((
                (("fail", 2, "thread", "fail", 3), 5),
                (("fail", 2, "fork", "fail", 3, "fork", "fail", 5), 10),
                (("fail", 2, "exec", "fail", 3), 5),
                (("vfork", "fail", 7), 7),
                (("fork", "exec", "fork", "thread", "fail", 3), 3),
                (("thread", "fork", "exec", "fail", 3), 3),
                (("thread", "thread", "fail", 2, "exec", "fail", 5), 7))):
            with self.subTest(words):
                self.assertEqual(self.seen(["sendto"], *words), {"sendto": sendto})

    def test_daemon(self):
        """A daemon outlives the command; weir ends with the last of them."""
        got = self.seen(["sendto"], "fail", 2, "daemon", "sleep", 300, "fail", 7)
        self.assertEqual(got, {"sendto": 2 + 7})

    def test_nobody_else(self):
        other = subprocess.Popen(traffic("sleep", 50, *(("fail", 1, "sleep", 20) * 40)))
        try:
            self.assertEqual(self.seen(["sendto"], "fail", 3, "sleep", 300, "fail", 4), {"sendto": 7})
        finally:
            other.kill()
            other.wait()

    def test_filter_within(self):
        got = self.seen(["sendto", "-c", "kid"], "fail", 2, "fork", "comm", "kid", "fail", 7)
        self.assertEqual(got, {"sendto": 7})

    def test_status(self):
        self.assertEqual(self.seen(["sendto"], "fail", 3, "exit", 42, status=42), {"sendto": 3})
        # As a shell tells it.
        self.assertEqual(self.seen(["sendto"], "fail", 3, "kill", 9, status=128 + 9), {"sendto": 3})

    def test_command_reads_its_input(self):
        done = lib.trace("-q", "--", "cat", stdin=open(__file__))
        with open(__file__, "rb") as me:
            self.assertIn(me.read(), done.out)


class End(Case):
    """What ends a run."""

    def test_signals(self):
        self.addCleanup(signal.signal, signal.SIGHUP, signal.signal(signal.SIGHUP, signal.SIG_DFL))  # not as under nohup
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(sig), lib.NothingLeft(), lib.Live("-o", "json", "sendto", "-c", "weir-end") as live:
                lib.run(*traffic("comm", "weir-end", "fail", 7))
                ended = live.stop(sig)
                self.assertEqual((ended.status, counts(ended)), (0, {"sendto": 7}), ended)

    def test_nohup(self):
        """What is told to ignore the terminal's end goes on; Ctrl-C ends it as ever."""
        was = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            with lib.Live("-o", "json", "sendto", "-c", "weir-end") as live:
                live.process.send_signal(signal.SIGHUP)
                lib.run(*traffic("comm", "weir-end", "fail", 7))
                ended = live.stop()
        finally:
            signal.signal(signal.SIGHUP, was)
        self.assertEqual((ended.status, counts(ended)), (0, {"sendto": 7}), ended)

    def test_signal_with_command(self):
        """Ctrl-C ends the command too, and what it did is told."""
        with tempfile.TemporaryFile() as out:
            process = subprocess.Popen(
                [lib.WEIR, "trace", *lib.way(), "sendto", "-o", "json", "--", *traffic("fail", 7, "hang")],
                stdout=out, stderr=subprocess.PIPE)
            lib.wait_for(lambda: os.fstat(out.fileno()).st_size, "the first rows")
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20 * lib.SLOW)
            out.seek(0)
            ended = lib.Ended(process.returncode, out.read(), err)
        self.assertEqual(counts(ended), {"sendto": 7}, ended)
        self.assertEqual(ended.status, 128 + signal.SIGINT, ended)

    def test_count(self):
        ended = lib.trace("-n", "5", "-o", "json", "sendto", "--", *traffic("fail", 11))
        self.assertEqual((len(ended.rows), ended.status), (5, 0), ended)

    def test_duration(self):
        for calls, told in (([], "20 system calls"), (["sendto"], "1 system call")):
            ended = lib.trace("-d", "0.3", "-o", "json", "-c", "nobody-has-this", *calls)
            self.assertEqual((ended.status, ended.rows), (0, []), ended)
            self.assertIn(f"weir: tracing {told} by way of ", ended.words)


if __name__ == "__main__":
    lib.main()
