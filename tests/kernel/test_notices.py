#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
32-bit programs and io_uring do socket work that weir does not see: it says so once, where such a program
is in scope, whether it began before weir or after, and not otherwise.
"""
import os
import pathlib
import platform
import re
import signal
import subprocess
import tempfile
import unittest

import lib

EVERY_WAY = True
CALLS = ("socket", "socketpair")  # few, as many take long to attach
SAYS = {"compat": "makes 32-bit system calls", "io_uring": "uses io_uring"}


def said(words):
    """The notices: what, process, its name."""
    found = re.findall(r"^weir: process (\d+) \((.*)\) (makes 32-bit system calls|uses io_uring)\b.*$", words, re.M)
    return [(what, int(pid), comm) for pid, comm, text in found for what in SAYS if SAYS[what] == text]


def runs(program):
    """Does this kernel run it?"""
    try:
        return lib.run(lib.work(program)).status == 0
    except OSError:
        return False


class Stopped:
    """A program that has begun and stopped itself, before its socket work."""

    def __init__(self, program, cgroup=None):
        self.process = subprocess.Popen([lib.work(program), "stop"])
        self.pid = self.process.pid
        lib.wait_stopped(self.pid)
        if cgroup:
            (cgroup / "cgroup.procs").write_text(str(self.pid))

    def go(self):
        self.process.send_signal(signal.SIGCONT)
        assert self.process.wait(20 * lib.SLOW) == 0

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.kill()
        self.process.wait()


class Notices(unittest.TestCase):
    def said_at_once(self, live, what, comm):
        """Before anything else happens: nobody waits for the end of the run."""
        while not said(live.said.decode()):
            line = live.process.stderr.readline()
            self.assertTrue(line, f"nothing was said of {comm}")
            live.said += line
        self.assertEqual([(w, c) for w, _, c in said(live.said.decode())], [(what, comm)])

    def noticed(self, program, what, rows=0):
        """By a run of its own command, when it began before, and when it begins later."""
        if not runs(program):
            raise unittest.SkipTest(f"this kernel does not run {program}")
        ended = lib.trace(*CALLS, "-o", "json", "--", lib.work(program))
        self.assertEqual(ended.status, 0, ended)
        self.assertEqual([(w, c) for w, _, c in said(ended.words)], [(what, program)], ended)
        self.assertEqual(len(ended.rows), rows, ended)
        with Stopped(program) as before, lib.Live(*CALLS, "-p", before.pid) as live:
            self.said_at_once(live, what, program)
            before.go()
            self.assertEqual(said(live.stop().words), [(what, before.pid, program)])
        with lib.Live(*CALLS, "-c", program) as live:
            lib.run(lib.work(program))
            self.said_at_once(live, what, program)
            lib.run(lib.work(program))  # once is enough
            self.assertEqual(len(said(live.stop().words)), 1)

    @unittest.skipIf(platform.machine() != "x86_64", "i386 programs are x86-64's")
    def test_i386(self):
        self.noticed("abi-i386", "compat")

    @unittest.skipIf(platform.machine() != "x86_64", "x32 programs are x86-64's")
    def test_x32(self):
        # What x32 shares with x86-64 are the same functions: fexit is at those.
        fexit = "way of fexit" in lib.trace(*CALLS, "-v", "-d", 0.01, "-c", "nobody-has-this").words
        self.noticed("abi-x32", "compat", rows=7 if fexit else 0)

    def test_io_uring(self):
        self.noticed("uring", "io_uring", rows=1)  # its socketpair

    def test_64_bit(self):
        """No notice without reason."""
        ended = lib.trace(*CALLS, "-o", "json", "--", lib.work("abi"))
        self.assertEqual((len(ended.rows), said(ended.words)), (7, []), ended)
        with Stopped("abi") as before, lib.Live(*CALLS, "-p", before.pid, "-o", "json") as live:
            before.go()
            ended = live.stop()
        self.assertEqual((len(ended.rows), said(ended.words)), (7, []), ended)

    @unittest.skipIf(platform.machine() != "x86_64", "int 0x80 is x86's")
    def test_32_bit_calls_of_a_64_bit_program(self):
        """The raw tracepoints meet them; the other ways have nothing at them."""
        ended = lib.trace("--way", "raw", *CALLS, "-o", "json", "--", lib.work("abi-int80")) if lib.WAY in ("", "raw") else None
        if not ended:
            raise unittest.SkipTest("by way of raw only")
        self.assertEqual([(w, c) for w, _, c in said(ended.words)], [("compat", "abi-int80")], ended)
        self.assertEqual(ended.rows, [])

    def test_out_of_scope(self):
        """Not of what others do, before and meanwhile."""
        programs = [p for p in ("abi-i386", "uring") if runs(p)]
        self.assertTrue(programs)
        with tempfile.TemporaryDirectory() as folder:
            for program in programs:
                with Stopped(program) as before, \
                        lib.Live(*CALLS, "-p", os.getpid()) as pid, \
                        lib.Live(*CALLS, "-c", "abi") as comm, \
                        lib.Live(*CALLS, "--uid", "12347") as uid:
                    before.go()
                    lib.run(lib.work(program))
                    for live in (pid, comm, uid):
                        self.assertEqual(said(live.stop().words), [])
                with Stopped(program) as before:
                    mark = pathlib.Path(folder, program)
                    weir = subprocess.Popen([lib.WEIR, "trace", *lib.way(), *CALLS, "--", "sh", "-c",
                                             'echo >"$0"; read line', mark],
                                            stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
                    lib.wait_for(mark.exists, "the command to run")
                    before.go()
                    lib.run(lib.work(program))
                    _, err = weir.communicate(b"\n")
                    self.assertIn(b"events", err)
                    self.assertEqual(said(err.decode()), [])

    def test_cgroup(self):
        program, what = ("uring", "io_uring") if runs("uring") else ("abi-i386", "compat")
        top = lib.cgroup_root() / f"weir-notices-{os.getpid()}"
        inner, other = top / "inner", lib.cgroup_root() / f"weir-notices-{os.getpid()}-other"
        for group in (top, inner, other):
            group.mkdir()
        enter = 'echo $$ >"$0/cgroup.procs" && exec "$@"'
        try:
            with Stopped(program, inner) as before, Stopped(program, other) as elsewhere:
                with lib.Live(*CALLS, "--cgroup", top) as live, lib.Live(*CALLS, "--cgroup", inner) as deeper:
                    for each in (live, deeper):
                        self.said_at_once(each, what, program)
                        self.assertEqual(said(each.stop().words), [(what, before.pid, program)])
                before.go()
                with lib.Live(*CALLS, "--cgroup", top) as live:
                    elsewhere.go()
                    lib.run("sh", "-c", enter, other, lib.work(program))
                    lib.run("sh", "-c", enter, inner, lib.work("abi"))
                    self.assertEqual(said(live.stop().words), [])
                with lib.Live(*CALLS, "--cgroup", top) as live:
                    lib.run("sh", "-c", enter, inner, lib.work(program))
                    self.said_at_once(live, what, program)
                    live.stop()
        finally:
            for group in (inner, top, other):
                lib.wait_for(lambda group=group: not (group / "cgroup.procs").read_text(), "the cgroup to empty")
                group.rmdir()

    def test_sockstat(self):
        ended = lib.weir("sockstat", *lib.way(), "socketpair", "--", lib.work("uring"))
        self.assertEqual([(w, c) for w, _, c in said(ended.words)], [("io_uring", "uring")], ended)

    def test_recorded(self):
        """A recording tells it too, where the filter lets it."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "rec")
            ended = lib.trace(*CALLS, "--record", path, "--", lib.work("uring"))
            (notice,) = said(ended.words)
            again = lib.weir("replay", path, "-o", "json")
            self.assertEqual((again.status, said(again.words), len(again.rows)), (0, [notice], 1), again)
            self.assertEqual(said(lib.weir("replay", path, "-c", "nobody-has-this").words), [])


if __name__ == "__main__":
    lib.main()
