#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""What a descriptor is, when its number and the kernel's memory have been another socket's before."""
import tempfile
import unittest

import lib

EVERY_WAY = True
ROUNDS = 499


class Reuse(unittest.TestCase):
    maxDiff = 2000

    def test_each_its_own(self):
        with tempfile.NamedTemporaryFile("r") as out:
            ended = lib.trace("sendto", "-o", "json", "--", "sh", "-c", f"{lib.work('reuse')} {ROUNDS} >{out.name}")
            self.assertEqual(ended.status, 0, ended)
            want = out.read().splitlines()
        self.assertEqual(len(want), ROUNDS)
        got = [" ".join(map(str, (s["family"], s["type"], s["protocol"], s.get("local", {}).get("port", 0),
                                  s.get("remote", {}).get("port", 0))))
               for s in (row["socket"] for row in ended.rows)]
        self.assertEqual(got, want, lib.difference(want, got))


if __name__ == "__main__":
    lib.main()
