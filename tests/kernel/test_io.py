#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""--io: the calls that are not for sockets only are shown on sockets only. (test_strace has their arguments.)"""
import collections
import unittest

import lib

EVERY_WAY = True
SOCKET, PIPE, FILE = 7, 11, 13
WANT = {"socketpair": 1, "write": SOCKET, "read": SOCKET, "sendfile": 1, "splice": 1, "close": 2}


class Io(unittest.TestCase):
    maxDiff = 2000

    def seen(self, *options):
        ended = lib.trace("-o", "json", "--stats", *options, "--",
                          lib.work("traffic"), "rw", SOCKET, PIPE, FILE)
        self.assertEqual(ended.status, 0, ended)
        self.assertEqual(set(ended.stats["lost"].values()), {0}, ended.stats)
        return dict(collections.Counter(row["call"] for row in ended.rows))

    def test_sockets_only(self):
        self.assertEqual(self.seen("--io"), WANT)

    def test_words(self):
        """Without --io they are not seen; asked for by name they are, on sockets only."""
        self.assertEqual(self.seen(), {"socketpair": 1})
        self.assertEqual(self.seen("%io"), {call: n for call, n in WANT.items() if call != "socketpair"})
        self.assertEqual(self.seen("write", "close"), {"write": SOCKET, "close": 2})

    def test_groups(self):
        """recv and send are what libc's functions are called; the rest is told on standard error."""
        for words, want in ((["%send"], {"sendto": 3}), (["%recv"], {"recvfrom": 3}), (["send"], {"sendto": 3}),
                            (["recv"], {"recvfrom": 3}), (["%send", "recv"], {"sendto": 3, "recvfrom": 3}),
                            (["%name"], {})):
            with self.subTest(words):
                ended = lib.trace("-o", "json", *words, "--", lib.work("traffic"), "unix", 3)
                self.assertEqual(dict(collections.Counter(row["call"] for row in ended.rows)), want)
                self.assertEqual("is no system call here" in ended.words,
                                 "send" in words or "recv" in words, ended.words)

    def test_summary(self):
        ended = lib.trace("--summary", "--io", "-o", "json", "--", lib.work("traffic"), "rw", SOCKET, PIPE, FILE)
        self.assertEqual({row["call"]: row["calls"] for row in ended.rows}, WANT)
        self.assertEqual({row["call"]: row["bytes"] for row in ended.rows if row["bytes"]},
                         {"write": 5 * SOCKET, "read": 5 * SOCKET, "sendfile": 5, "splice": 5})


if __name__ == "__main__":
    lib.main()
