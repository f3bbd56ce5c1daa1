#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
Boundaries of intervals: processes on all processors do a prime number of things without a pause while
the counts are read and cleared a hundred times a second. Each thing is in exactly one interval, also
where the tables are full.
"""
import collections
import subprocess
import unittest

import lib

SO, SIZE = lib.work("so"), 29
N, CROWD, LEAST = 3001, 71, 7
CALLS = ["connect", "accept4", "sock_sendmsg", "sock_recvmsg"]
# What a connection with one message from the accepting side is to each tool: its sums by column, of
# the rows that are told apart by these.
TOOLS = (
    ("sockstat", [*CALLS], "call", {call: {"count": 1, "errors": 0} for call in CALLS}),
    ("sockstat", ["--by", "process", *CALLS], "call", {call: {"count": 1, "errors": 0} for call in CALLS}),
    ("sofamily", [], "family", {"AF_INET": {"connects": 1, "connect_errors": 0, "accepts": 1}}),
    ("soprotocol", [], "protocol", {"TCP": {"connects": 1, "connect_errors": 0, "accepts": 1}}),
    ("socketio", [], "direction", {"read": {"count": 1, "bytes": SIZE}, "write": {"count": 1, "bytes": SIZE}}),
    ("socksize", [], "direction", {"read": {"count": 1, "bytes": SIZE}, "write": {"count": 1, "bytes": SIZE}}),
    ("soconnlat", [], "result", {"connected": {"count": 1}}),
    ("so1stbyte", [], "side", {"connect": {"count": 1}}),
    ("sormem", [], "kind", {kind: {"count": 1} for kind in ("allocated_bytes", "limit_bytes", "fill_percent")}),
)


def run(tool, options, script):
    ended = lib.weir(tool, *lib.way(), "-c", "so", "-i", "0.01", "-o", "json", "--stats", *options, "--", "sh", "-c", script)
    assert ended.status == 0, ended
    assert not any(ended.stats["lost"].values()), ended
    return ended


def sums(rows, column, wanted):
    """{report: {row: {column: sum}}}; what found no room has a row of its own."""
    found = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
    columns = {c for each in wanted.values() for c in each}
    for row in rows:
        other = "(other)" in (row.get("comm"), row.get(column))
        for name in columns:
            found[row["report"]]["(other)" if other else row[column]][name] += row[name] or 0
    return {report: {key: dict(of) for key, of in keys.items()} for report, keys in found.items()}


class Boundaries(unittest.TestCase):
    maxDiff = 4000

    def flood(self, tool, options, column, wanted, n):
        """n connections on each processor; how often the counts were read meanwhile."""
        script = " ".join(f"{SO} cpu {i} alone 1 greet {n} &" for i in range(2)) + " wait"
        ended = run(tool, options, script)
        want = {key: {c: 2 * n * m for c, m in of.items()} for key, of in wanted.items()}
        found = sums(ended.rows, column, wanted)
        if tool == "socketio":  # each connection is a key: some find no room
            found = {report: self.together(of) for report, of in found.items()}
            want = self.together(want)
        self.assertEqual(found, {"interval": want, "total": want})
        return len({row["time"] for row in ended.rows if row["report"] == "interval"})

    def test_flood(self):
        """Longer where others leave weir too little of the processors to read often enough."""
        for row in TOOLS:
            with self.subTest(row[0], options=row[1]):
                self.assertTrue(any(self.flood(*row, N * times) >= LEAST for times in (1, 3, 9)), "read too rarely")

    def test_everybody(self):
        """Without a filter nobody is told apart: there the programs have a shorter way."""
        if lib.SLOW == 1:
            self.skipTest("others do the same meanwhile: only in an emulated machine")
        doors = ["sock_sendmsg", "sock_recvmsg"]
        for tool, options, key, names in (("sockstat", doors, "call", doors),
                                          ("sockstat", ["--errors", *doors], "call", doors),
                                          ("socketio", [], "direction", ("write", "read"))):
            with lib.Live("-i", "0.01", "-o", "json", "--stats", *options, tool=tool) as live:
                both = [subprocess.Popen([SO, "cpu", str(i), "alone", "1", "send", str(N), "empty", "53"]) for i in range(2)]
                self.assertEqual([one.wait() for one in both], [0, 0])
                ended = live.stop()
            blind = {door for door, probe in ended.stats["probes"].items() if "fentry" in probe and key == "call"}
            self.assertEqual({row[key] for row in ended.rows if row["errors"] is None}, blind)
            errors = 0 if names[1] in blind else 2 * 53
            wanted = {names[0]: {"count": 2 * N, "errors": 0}, names[1]: {"count": 2 * (N + 53), "errors": errors}}
            self.assertEqual(sums(ended.rows, key, wanted), {"interval": wanted, "total": wanted})

    @staticmethod
    def together(rows):
        sum_of = collections.Counter()
        for row in rows.values():
            sum_of.update(row)
        return dict(sum_of)

    def test_full(self):
        """More processes than a table has room for: what is apart and what is together are all."""
        script = f"{SO} cpu 0 greet 1; i=1; while [ $i -lt {CROWD} ]; do {SO} cpu 0 greet 1; i=$((i + 1)); done"
        for tool, options, column, wanted in TOOLS[1:]:
            if tool == "sormem":
                options = ["--by", "process"]
            with self.subTest(tool, options=options):
                ended = run(tool, ["--keys", "64", "-i", "1000", *options], script)
                found = sums(ended.rows, column, wanted)
                self.assertIn("(other)", found["total"])
                for of in found.values():
                    self.assertEqual(self.together(of), self.together({k: {c: CROWD * n for c, n in w.items()}
                                                                       for k, w in wanted.items()}))


if __name__ == "__main__":
    lib.main()
