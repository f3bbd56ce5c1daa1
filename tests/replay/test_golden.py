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

    def test_words(self):
        """Calls by name, group or pattern; one that names nothing there is told."""
        path = next(path for path in recording.recordings() if path.stem == "messages")
        whole = [line for line in lib.weir("replay", path, "--bare").lines if line.startswith("recv")]
        self.assertGreater(len(whole), 7)
        for words in (["recvfrom", "recvmsg"], ["recv*"], ["recv", "recvm*"], ["%recv"]):
            ended = lib.weir("replay", path, "--bare", *words)
            self.assertEqual((ended.status, ended.lines), (0, whole), words)
        for words, near in ((["recvfrom", "recvmgs"], "recvmsg"), (["conect"], "connect"), (["tcp_probe"], None),
                            (["x*"], None)):
            ended = lib.weir("replay", path, "--bare", *words)
            end = f", did you mean {near}" if near else ""
            self.assertEqual(ended.status, 1, ended)
            self.assertIn(f"weir: nothing in the recording is named '{words[-1]}'{end}\n", ended.words)
        self.assertEqual(lib.weir("replay", path, "-n", "1", "conect").status, 1)

    def test_strace(self):
        for path in recording.recordings():
            with self.subTest(path.stem):
                want = path.with_suffix(".strace").read_text(errors="surrogateescape").split("\n")[:-1]
                got = lib.weir("replay", path, "--bare", "-q").lines
                self.assertEqual(sorted(want), sorted(got), lib.difference(sorted(want), sorted(got)))


if __name__ == "__main__":
    lib.main(root=False)
