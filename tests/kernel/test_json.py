#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""Each line of JSON that live runs print is as docs/events.schema.json says."""
import sys
import unittest

import lib

sys.path.insert(0, str(lib.ROOT / "tests/replay"))
import schema  # noqa: E402 (from the folder just named)

EVERY_WAY = True
# All that make a variety of arguments; the flood and its like are many of one kind.
PROGRAMS = ("addresses_in", "addresses_out", "control", "control_received", "host_names", "io", "many_messages",
            "messages", "netlink", "options", "payload", "sockets")


class Json(unittest.TestCase):
    def test_trace(self):
        ended = lib.trace("--io", "-o", "json", "--stats", "--", *lib.in_turn(*PROGRAMS))
        rows = [lib.strict_json(line) for line in ended.out.splitlines() if b'"stats"' not in line[:9]]
        self.assertEqual({row["comm"] for row in rows} - {"sh"}, {name[:15] for name in PROGRAMS})
        self.assertIsNone(schema.wrong("trace", rows))
        self.assertIsNone(schema.wrong("stats", [{"stats": ended.stats}]))
        every = {row.split("\t")[2] for row in lib.weir("help", "--rows").lines if row.startswith("weir\tcall\t")}
        self.assertEqual(every - {row["call"] for row in rows}, set())

    def test_sockstat(self):
        ended = lib.weir("sockstat", *lib.way(), "-o", "json", "--stats", "socket", "bind", "connect", "--",
                         *lib.in_turn("sockets"))
        rows = [lib.strict_json(line) for line in ended.out.splitlines()]
        self.assertGreater(len(rows), 2, ended)
        self.assertIsNone(schema.wrong("sockstat", rows[:-1]))
        self.assertIsNone(schema.wrong("stats", rows[-1:]))


if __name__ == "__main__":
    lib.main()
