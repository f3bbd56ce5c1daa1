#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""What it takes to begin: memory, and time until all is attached."""
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest

import lib

EVERY_WAY = True
RUNS = (("trace",), ("trace", "sendto", "recvfrom"), ("sockstat",), ("drops",))
MEMORY = 16 << 10  # KiB resident, at most at any time
# Processor time until it is attached, in milliseconds, of the best of several runs: the time that
# passes is the other processes' affair as well. 40 to 45 on the machine that this was written on. Where
# others work beside it, what they share with it (caches, the other thread of a core) doubles it.
QUIET, BUSY = 60, 100
OTHERS = 0.1  # of one processor, to be quiet
TIMES = 5


def number(path, pattern):
    return int(re.search(pattern, pathlib.Path(path).read_text(), re.M)[1])


def busy_ms():
    """Of all processors, since they began."""
    user, nice, system, _, _, irq, softirq, *_ = map(int, pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return (user + nice + system + irq + softirq) * 1000 / os.sysconf("SC_CLK_TCK")


def own_ms():
    """This process's and its children's that have ended."""
    return sum(os.times()[:4]) * 1000


class Start(unittest.TestCase):
    def started(self, tool, *words):
        """KiB at most resident, processor time in ms, and what weir said, when it was attached."""
        argv = [lib.WEIR, tool, *lib.way(), "-v", "-c", "nobody-has-this", *words]
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        said = b""
        try:
            while b"weir: tracing" not in said:
                line = process.stderr.readline()
                self.assertTrue(line, said)
                said += line
            memory = number(f"/proc/{process.pid}/status", r"^VmHWM:\s+(\d+) kB")
            cpu = number(f"/proc/{process.pid}/schedstat", r"^(\d+) ") / 1e6
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(20 * lib.SLOW), 0)
        finally:
            process.kill()
            process.wait()
            process.stderr.close()
        return memory, cpu, said.decode()

    def test_memory(self):
        for words in RUNS:
            with self.subTest(words):
                memory, _, said = self.started(*words)
                self.assertLess(memory, MEMORY)
                told = int(re.search(r"with at most (\d+) KiB of memory", said)[1])
                self.assertLess(abs(memory - told), 1024)  # after it was told, a little more may be

    def measured(self, words):
        """Of one run: was it quiet, processor time, what weir said."""
        busy, own, start = busy_ms(), own_ms(), time.monotonic()
        _, cpu, said = self.started(*words)
        others = busy_ms() - busy - (own_ms() - own)
        return others < OTHERS * 1000 * (time.monotonic() - start), cpu, said

    def test_time(self):
        if lib.SLOW > 1:
            self.skipTest("an emulated processor's time tells nothing")
        for words in RUNS:
            with self.subTest(words):
                runs = [self.measured(words) for _ in range(TIMES)]
                cpu, said = min(run[1:] for run in runs)
                self.assertLess(cpu, QUIET if any(quiet for quiet, *_ in runs) else BUSY)
                # What -v tells is the time that passed, which is no less, but for the program's own start.
                told = float(re.search(r"attached after ([\d.]+) ms", said)[1])
                self.assertGreater(told, cpu / 2)


if __name__ == "__main__":
    lib.main()
