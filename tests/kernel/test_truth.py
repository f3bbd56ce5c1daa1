#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""What is lost is counted, by cause: seen + lost = made, exactly."""
import collections
import contextlib
import errno
import itertools
import os
import pathlib
import resource
import signal
import socket
import subprocess
import time
import unittest

import lib

EVERY_WAY = True
COUNT, THREADS = 1009, 3  # a ring of 64 KiB takes some 300 records


def lost(ended, *but):
    """The causes that are not 0, without those named."""
    return {cause: n for cause, n in ended.stats["lost"].items() if n and cause not in but}


class MemoryGroup:
    """A cgroup that is given no more memory, of either version."""

    def __enter__(self):
        mine = dict(line.split(":", 2)[1:] for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines())
        if "memory" in mine:
            root, path = pathlib.Path("/sys/fs/cgroup/memory"), mine["memory"]
            self.limit, self.used = "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            root, path = lib.cgroup_root(), mine[""]
            self.limit, self.used = "memory.max", "memory.current"
            (root / "cgroup.subtree_control").write_text("+memory")
        self.home = root / path.lstrip("/")
        self.place = root / f"weir-test-{os.getpid()}-memory"
        self.place.mkdir()
        return self

    def enter(self):
        (self.place / "cgroup.procs").write_text(str(os.getpid()))

    def leave(self, *pids):
        """They have left when no more is given; what is theirs stays on its account."""
        for pid in pids:
            (self.home / "cgroup.procs").write_text(str(pid))
        lib.wait_for(self.is_settled, "processors to give back what they have set aside")
        lib.wait_for(lambda: self.set_most(self.now()), "the limit to hold")

    def now(self):
        return int((self.place / self.used).read_text())

    def set_most(self, size):
        try:
            (self.place / self.limit).write_text(str(size))
        except OSError as error:
            if error.errno != errno.EBUSY:  # there is more, which cannot be taken back
                raise
            return False
        return True

    def is_settled(self):
        before = self.now()
        self.set_most(before // 2)
        time.sleep(0.05)
        return self.now() == before

    def __exit__(self, *exc):
        lib.wait_for(lambda: not (self.place / "cgroup.procs").read_text(), "the cgroup to empty")
        self.place.rmdir()


class Truth(unittest.TestCase):
    maxDiff = 2000

    def test_reader_stopped_during_a_flood(self):
        made = COUNT * THREADS
        with lib.Live("--ring", 64, "--stats", "-o", "json", "-c", "flood", "sendto") as live:
            live.process.send_signal(signal.SIGSTOP)
            lib.wait_stopped(live.pid)
            self.assertEqual(lib.run(lib.work("flood"), COUNT, THREADS).status, 0)
            live.process.send_signal(signal.SIGCONT)
            # The reader goes on: what comes now is seen.
            lib.wait_for(lambda: os.fstat(live.out.fileno()).st_size, "the reader to go on")
            self.assertEqual(lib.run(lib.work("flood"), 7, 1).status, 0)
            ended = live.stop()
        self.assertEqual(ended.status, 0, ended)
        seen, gone = len(ended.rows), ended.stats["lost"]["ring_full"]
        self.assertGreater(seen, 7)
        self.assertGreater(gone, made // 2, "the ring was not full: this test tests nothing")
        self.assertEqual(seen + gone, made + 7)
        self.assertEqual(ended.stats["events"], seen)
        self.assertEqual(ended.stats["rows"], seen)
        self.assertEqual(lost(ended, "ring_full"), {})
        self.assertEqual(lib.account(ended), (seen, gone))

    def test_flood_with_reader(self):
        """A reader that keeps up loses nothing; one that does not says so."""
        ended = lib.trace("--stats", "-o", "json", "sendto", "--", lib.work("flood"), COUNT, THREADS)
        self.assertEqual(len(ended.rows) + ended.stats["lost"]["ring_full"], COUNT * THREADS)
        self.assertEqual(lost(ended), {})

    def test_unfinished(self):
        hanging = [lib.work("traffic"), "comm", "weir-hang", "stop", "fail", "2", "hang"]
        watched = [subprocess.Popen(hanging) for _ in range(3)]
        try:
            for process in watched:
                lib.wait_stopped(process.pid)
            with lib.Live("--stats", "-o", "json", "-c", "weir-hang", "sendto", "recvfrom") as live:
                for process in watched:
                    process.send_signal(signal.SIGCONT)
                    lib.wait_for(lambda: self.in_recv(process.pid), "the recvfrom to begin")
                ended = live.stop()
        finally:
            for process in watched:
                process.kill()
                process.wait()
        self.assertEqual(len(ended.rows), 2 * 3)
        self.assertEqual(lost(ended), {"unfinished": 3})
        self.assertRegex(ended.words, r"6 events, 0 lost; 3 not finished")

    def in_recv(self, pid):
        with open(f"/proc/{pid}/syscall") as now:
            return now.read().split()[0] == "45"

    def test_killed_within_a_call(self):
        """Its exit is never seen."""
        process = subprocess.Popen([lib.work("traffic"), "comm", "weir-hang", "stop", "hang"])
        try:
            lib.wait_stopped(process.pid)
            with lib.Live("--stats", "-o", "json", "-p", process.pid, "recvfrom") as live:
                process.send_signal(signal.SIGCONT)
                lib.wait_for(lambda: self.in_recv(process.pid), "the recvfrom to begin")
                process.kill()
                process.wait()
                ended = live.stop()
        finally:
            process.kill()
            process.wait()
        # With tracepoints a dying call still passes its exit.
        self.assertEqual(len(ended.rows) + ended.stats["lost"]["unfinished"], 1)

    def test_unreadable(self):
        ended = lib.trace("--stats", "-o", "json", "sendto", "--",
                          lib.work("traffic"), "unreadable", 5, "fail", 7)
        self.assertEqual(len(ended.rows), 5 + 7)
        self.assertEqual(lost(ended), {"unreadable": 5})
        self.assertRegex(ended.words, r"12 events, 0 lost; 5 with arguments that could not be read")

    def test_no_state(self):
        """
        More calls in progress than there is room for: a place is found by the thread's id modulo 8192, or
        up to 15 further on. Of two ids that far apart the second finds all of them taken.
        """
        many, few = 37, 11  # the few need places of the first few of the many, and 16 in a row
        with lib.Live("--stats", "-o", "json", "-c", "crowd", "recvfrom") as live:
            crowd = subprocess.Popen([lib.work("crowd"), str(many), "8192", str(few)], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
            with crowd:
                pids = [int(line) for line in itertools.islice(crowd.stdout, many + few)]
                for pid in pids:
                    if pid in pids[many:many + 1]:
                        crowd.stdin.write("\n")
                        crowd.stdin.flush()
                    lib.wait_for(lambda pid=pid: self.in_recv(pid), "the recvfrom to begin")
            if crowd.returncode == lib.SKIPPED or os.stat("/proc/self/ns/pid").st_ino != 0xeffffffc:
                self.skipTest("process ids of the kernel's own cannot be chosen here")
            ended = live.stop()
        self.assertEqual((crowd.returncode, len(pids)), (0, many + few))
        self.assertEqual(lost(ended), {"no_state": few})
        self.assertEqual(sorted(row["pid"] for row in ended.rows), sorted(pids[:many]))
        self.assertRegex(ended.words, rf"{many} events, {few} lost; {few} because there was no memory to remember")

    @lib.once
    def test_map_full(self):
        """soconnect waits for the ends of 8192 connects at most. (trace and sockstat have no such map.)"""
        room, more = 8192, 13
        resource.setrlimit(resource.RLIMIT_NOFILE, (room + 999, room + 999))
        with contextlib.ExitStack() as stack:
            # A listener whose queue is full leaves all further connects waiting.
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            stack.enter_context(socket.create_connection(listener.getsockname()))
            live = stack.enter_context(lib.Live("--stats", "-o", "json", "--ring", 16384, "-p", os.getpid(),
                                                 tool="soconnect"))
            for _ in range(room + more):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                self.assertEqual(waiting.connect_ex(listener.getsockname()), errno.EINPROGRESS)
            ended = live.stop()
        self.assertEqual(lost(ended), {"map_full": more, "unfinished": room})
        self.assertEqual({row["stage"] for row in ended.rows}, {"call"})
        self.assertRegex(ended.words, rf"{more} lost; {more} because a counting map was full; {room} not finished")

    @lib.once
    def test_not_followed(self):
        """
        The mark of a child takes memory, of the cgroup that weir began in (since Linux 6.4, bpf_mem_alloc()). It is
        left, and then given no more: what was set aside does for some children.
        """
        if lib.KERNEL < (6, 4):
            self.skipTest("there no limit holds for such memory")
        born = 997
        with MemoryGroup() as group:
            weir = subprocess.Popen([lib.WEIR, "trace", *lib.way(), "--stats", "-o", "json", "sendto", "--",
                                     lib.work("traffic"), "stop", "brood", str(born)], stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=group.enter)
            self.addCleanup(weir.kill)
            children = pathlib.Path(f"/proc/{weir.pid}/task/{weir.pid}/children")
            lib.wait_for(lambda: len(children.read_text().split()) == 1, "the command")
            command = int(children.read_text())
            lib.wait_stopped(command)
            group.leave(weir.pid, command)
            os.kill(command, signal.SIGCONT)
            ended = lib.Ended(None, *weir.communicate(timeout=30 * lib.SLOW))
        seen = len(ended.rows)
        self.assertGreater(seen, 0)
        self.assertLess(seen, born, "all were followed: this test tests nothing")
        self.assertEqual((weir.returncode, lost(ended)), (0, {"not_followed": born - seen}), ended)
        self.assertEqual(len({row["pid"] for row in ended.rows}), seen)
        self.assertRegex(ended.words, rf"{born - seen} lost; {born - seen} because a child could not be followed")

    def test_missed(self):
        """What the kernel says that it skipped. Here a library before libc says it."""
        ended = lib.trace("--stats", "-o", "json", "sendto", "--", "env", "-u", "LD_PRELOAD", lib.work("traffic"),
                          "fail", 7, env=dict(os.environ, LD_PRELOAD=lib.work("refuse"), MISSED_PROG="state_exit",
                                              MISSED="5"))
        self.assertEqual((len(ended.rows), lost(ended)), (7, {"missed": 5}), ended)
        self.assertRegex(ended.words, r"7 events, 5 lost; 5 because the kernel skipped a probe")

    def test_own_output_is_no_event(self):
        """weir's rows go out over a socket and are written by calls that it traces."""
        mine, its = socket.socketpair()
        argv = [lib.WEIR, "trace", *lib.way(), "--io", "write", "sendto", "-o", "json", "--stats"]
        process = subprocess.Popen(argv, stdout=its, stderr=subprocess.PIPE)
        its.close()
        self.assertIn(b"tracing", process.stderr.readline())
        lib.run(lib.work("traffic"), "comm", "weir-own", "fail", 7)
        time.sleep(0.2 * lib.SLOW)
        process.send_signal(signal.SIGINT)
        out = b""
        while chunk := mine.recv(1 << 16):
            out += chunk
        process.communicate()
        rows = lib.Ended(0, out, b"").rows
        self.assertEqual(collections.Counter(row["comm"] for row in rows)["weir-own"], 7)
        self.assertNotIn(process.pid, [row["pid"] for row in rows])

    def test_two_tracers(self):
        """Each sees all, and neither makes the kernel skip the other's programs."""
        with lib.Live("--stats", "-o", "json", "-c", "flood", "sendto") as one, \
                lib.Live("--stats", "-o", "json", "-c", "flood", "sendto") as two:
            lib.run(lib.work("flood"), COUNT, THREADS)
            for ended in (one.stop(), two.stop()):
                self.assertEqual((len(ended.rows), lost(ended)), (COUNT * THREADS, {}))

    def test_account_without_stats(self):
        ended = lib.trace("-o", "json", "sendto", "--", lib.work("traffic"), "fail", 7)
        self.assertEqual(lib.account(ended), (7, 0))
        self.assertNotIn(b"stats", ended.out)
        ended = lib.trace("-q", "-o", "json", "sendto", "--", lib.work("traffic"), "fail", 7)
        self.assertEqual((len(ended.rows), ended.words), (7, ""))


if __name__ == "__main__":
    lib.main()
