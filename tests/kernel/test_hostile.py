#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""Names and payload that a process chose: harmless on a terminal, valid in JSON."""
import csv
import io
import os
import unicodedata
import unittest

import lib

# At most 15 bytes, so that each fits a process's name; none has a NUL byte.
HOSTILE = [
    b"\x1b[2J\x1b[31mred", b"\x1b]0;title\x07", b"\xc2\x9b31m", b"\x9b31m", b"\xe2\x80\xaetxt.exe",
    b"\xe2\x81\xa6\xe2\x81\xa9", b"\xff\xfe\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\xc0\xaf", b"quote\"'\\", b"a\nb\rc\td", b"\x7f\x08\x08", b"</script>", b"\xe2\x80\xa8\xe2\x80\xa9",
    b"caf\xc3\xa9", b"\xf0\x9f\x98\x80", b"%s%n%x", b",;\"a\"\r\n", b"=1+1", b"\xef\xbb\xbfbom",
]
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def harmful(text):
    """Characters that move a cursor, start a sequence, end a line, or turn the direction."""
    return [hex(ord(c)) for c in text if unicodedata.category(c) in ("Cc", "Zl", "Zp") or c in BIDI]


class Hostile(unittest.TestCase):
    maxDiff = 2000

    def outputs(self, *options):
        """What weir prints of a process that calls itself by each, sends it, and uses it as a name."""
        words = [word for raw in HOSTILE for word in (b"comm", raw, b"say", raw, b"name", raw)]
        ended = lib.trace("-q", *options, "sendto", "bind", "connect", "--", lib.work("traffic"), *words)
        self.assertEqual(ended.status, 0, ended)
        return ended

    def test_text(self):
        for options in ([], ["--bare"], ["-s", "0"]):
            lines = self.outputs(*options).out.decode().split("\n")[:-1]  # it is UTF-8
            self.assertEqual(len(lines), 4 * len(HOSTILE))
            for line in lines:
                self.assertEqual(harmful(line), [], line.encode())

    def test_bare_is_ascii(self):
        self.assertTrue(self.outputs("--bare").out.isascii())

    def test_json(self):
        rows = self.outputs("-o", "json").rows  # read strictly
        self.assertEqual(len(rows), 4 * len(HOSTILE))
        for i, raw in enumerate(HOSTILE):
            names = {row["comm"] for row in rows[4 * i:4 * i + 4]}
            self.assertEqual(len(names), 1)
            try:
                self.assertEqual(names, {raw.decode()})
            except UnicodeDecodeError:
                pass  # what stands for bytes that are no UTF-8 is for the unit tests

    def test_json_is_one_line_a_row(self):
        for line in self.outputs("-o", "json").out.decode().splitlines():  # U+2028 too
            self.assertTrue(line.startswith("{") and line.endswith("}"), line)
            self.assertEqual(harmful(line), [], line)

    def test_csv(self):
        out = self.outputs("-o", "csv").out.decode()
        rows = list(csv.DictReader(io.StringIO(out, newline=""), strict=True))
        self.assertEqual(len(rows), 4 * len(HOSTILE))
        for line in out.removesuffix("\r\n").split("\r\n"):
            self.assertEqual(harmful(line), [], line)

    def test_cgroup(self):
        group = os.fsencode(lib.cgroup_root()) + b"/weir-test-%d-\x1b[31m\"\\\xe2\x80\xae\xff" % os.getpid()
        os.mkdir(group)
        try:
            argv = ["sendto", "--", lib.work("traffic"), "cgroup", group, "fail", "3"]
            text = lib.trace("-q", "-o", "csv", *argv).out.decode()
            self.assertEqual([harmful(line) for line in text.removesuffix("\r\n").split("\r\n")], [[]] * 4)
            rows = lib.trace("-q", "-o", "json", *argv).rows
            self.assertEqual(len(rows), 3)
            self.assertIn("weir-test-", rows[0]["cgroup"])
        finally:
            os.rmdir(group)


if __name__ == "__main__":
    lib.main()
