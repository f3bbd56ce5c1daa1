#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir conns --once of very many sockets: as many as ss counts, in less time than it takes, and in no more memory than of few."""
import contextlib
import fcntl
import json
import os
import pathlib
import re
import resource
import socket
import subprocess
import unittest

import lib

FEW, SOME, MANY = 1009, 4001, 100003
EACH = 10007  # of one process
TURNS = 3
HOST_ONLY = True  # an emulated machine takes minutes
ONCE = (lib.WEIR, "conns", "--once", "-q", "--netns", str(os.getpid()))


def took(*argv):
    """Processor time, in seconds: what passes is others' as well."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


class Snapshot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < EACH + 100:
            raise unittest.SkipTest(f"a process may not open {EACH} files")

    @contextlib.contextmanager
    def there(self, count):
        """So many connections that rest."""
        with contextlib.ExitStack() as stack:
            loads = []
            for first in range(0, count, EACH):
                loads.append(stack.enter_context(subprocess.Popen(
                    [lib.work("load"), "--idle", str(min(EACH, count - first)), "--first", str(first),
                     "--wait-file", "/nowhere", "rest", "0"], stderr=subprocess.PIPE)))
                stack.callback(loads[-1].kill)
            for load in loads:
                self.assertIn(b"waiting", load.stderr.readline())
            yield

    def listed(self, count):
        """How many rows, and KiB resident at most: asked when what is not read yet is more than the pipe holds."""
        with subprocess.Popen(ONCE, stdout=subprocess.PIPE, bufsize=0) as weir:
            fcntl.fcntl(weir.stdout, fcntl.F_SETPIPE_SZ, 4096)
            lines = 0
            while lines < count - 200:
                lines += weir.stdout.read(4096).count(b"\n")
            most = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path("/proc", str(weir.pid), "status").read_text())
            lines += weir.stdout.read().count(b"\n")
        self.assertEqual(weir.returncode, 0)
        return lines, int(most[1])

    def test_snapshot(self):
        memory = {}
        for count in (FEW, MANY):
            with self.there(count):
                rows, memory[count] = self.listed(count)
                self.assertEqual(rows, len(lib.run("ss", "-tanH").lines))
                self.assertEqual(rows, count)
                if count == MANY:
                    runs = [(took(*ONCE), took("ss", "-tani")) for _ in range(TURNS)]
        self.assertLess(memory[MANY] - memory[FEW], 1024, memory)
        mine, other = map(min, zip(*runs))
        self.assertLess(mine, other)

    def test_two(self):
        """Two that come to a socket at the same time, of which the kernel lets one add its value first, lose nothing."""
        with contextlib.ExitStack() as stack:
            for _ in range(SOME):
                stack.enter_context(socket.socket()).listen(1)
            for _ in range(23):
                pair = [subprocess.Popen([*ONCE, "-o", "json", "--stats"], stdout=subprocess.PIPE, text=True)
                        for _ in range(2)]
                for weir in pair:
                    *rows, last = weir.communicate()[0].splitlines()
                    self.assertEqual({name: n for name, n in json.loads(last)["stats"]["lost"].items() if n}, {})
                    self.assertEqual(len(rows), SOME)


if __name__ == "__main__":
    lib.main()
