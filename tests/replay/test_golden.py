#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
Recordings through every output. Golden files are made by tests/replay/regenerate; NAME.strace beside
them is what strace said of the same run, so --bare has an oracle here too.
"""
import os
import unittest

import recording
from recording import lib

OUTPUTS = {
    "text": [],
    "json": ["-o", "json", "--stats"],
    "csv": ["-o", "csv"],
    "bare": ["--bare"],
    "summary": ["--summary"],
    "short": ["-s", "4"],
}


class Golden(unittest.TestCase):
    def test_outputs(self):
        self.assertTrue(recording.recordings())
        for path in recording.recordings():
            for name, options in OUTPUTS.items():
                with self.subTest(path.stem, output=name):
                    ended = lib.weir("replay", path, *options, env={**os.environ, "TZ": "America/St_Johns"})
                    self.assertEqual(ended.status, 0, ended)
                    want = path.with_suffix("." + name).read_bytes()
                    self.same(want, ended.out)

    def same(self, want, got):
        if want != got:
            lines = [data.decode(errors="backslashreplace").splitlines() for data in (want, got)]
            self.fail(lib.difference(*lines))

    def test_strace(self):
        for path in recording.recordings():
            with self.subTest(path.stem):
                want = path.with_suffix(".strace").read_text(errors="surrogateescape").split("\n")[:-1]
                got = lib.weir("replay", path, "--bare", "-q").lines
                self.assertEqual(sorted(want), sorted(got), lib.difference(sorted(want), sorted(got)))


if __name__ == "__main__":
    lib.main(root=False)
