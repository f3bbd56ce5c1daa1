#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""What all tools that count in the kernel have in common: full tables, names, recordings."""
import collections
import csv
import io
import os
import pathlib
import subprocess
import tempfile
import sys
import unittest

import lib

sys.path.insert(0, str(lib.ROOT / "tests/replay"))
import schema

TOOLS = ("sockstat", "sofamily", "soprotocol", "socketio", "socksize")
SO = lib.work("so")


def sums(rows, *keys):
    """Sums of these columns, of interval rows and of total rows."""
    found = collections.defaultdict(lambda: [0] * len(keys))
    for row in rows:
        for i, key in enumerate(keys):
            found[row["report"]][i] += int(row[key])
    return dict(found)


class Counting(unittest.TestCase):
    maxDiff = 4000

    def test_full(self):
        """More keys than room: the others are one row, last, and nothing is missing."""
        for keys, n, most in (("64", 499, 2 * 64 * os.cpu_count()), ("4096", 499, None)):
            ended = lib.weir("socketio", *lib.way(), "--keys", keys, "-o", "json", "--stats", "--", SO, "ports", n)
            rows = ended.rows
            self.assertEqual(sum(row["count"] for row in rows), n)
            self.assertIsNone(schema.wrong("socketio", rows))
            self.assertEqual(sum(row["bytes"] for row in rows), n * 29)
            self.assertEqual(ended.stats["events"], n)
            others = [i for i, row in enumerate(rows) if row["comm"] == "(other)"]
            if most:
                self.assertEqual(others, [len(rows) - 1])
                self.assertEqual(rows[-1]["pid"], 0)
                self.assertLess(len(rows), most)
            else:
                self.assertEqual((others, len(rows)), ([], n))

    def test_recordings(self):
        """Replay tells what was recorded in each format; its filters are those that rows can answer."""
        with tempfile.TemporaryDirectory() as folder:
            for tool, options in [(tool, []) for tool in TOOLS] + [("sockstat", ["--by", "process"]),
                                                                     ("sockstat", ["--by", "cgroup"])]:
                with self.subTest(tool, options=options):
                    path = f"{folder}/{tool}"
                    errors = ["--errors"] if tool == "sockstat" else []
                    done = lib.weir(tool, *lib.way(), *options, *errors, "-i", "0.1", "--record", path, "--stats", "--", "sh", "-c",
                                    f"{SO} send 2 inet 12 refused 7; sleep 0.3; {SO} send 11 udp 3")
                    self.assertEqual((done.status, done.rows), (0, []), done)
                    ended = lib.weir("replay", path, "-o", "json", "--stats")
                    self.assertEqual(ended.status, 0, ended)
                    self.assertEqual(ended.stats["events"], done.stats["events"])
                    self.replayed(tool, options, path, ended.rows)

    def replayed(self, tool, options, path, rows):
        count = {"sofamily": "connects", "soprotocol": "connects"}.get(tool, "count")
        found = sums(rows, count)
        self.assertEqual(found["interval"], found["total"])
        if tool != "sockstat":
            self.assertEqual(found["total"], [{"connects": 1 + 12 + 1 + 3, "count": 2 * (2 + 11)}[count]])
        self.assertIsNone(schema.wrong(tool, rows))
        table = list(csv.DictReader(io.StringIO(lib.weir("replay", path, "-o", "csv").out.decode(), newline="")))
        self.assertEqual(sums(table, count), found)
        lines = lib.weir("replay", path).lines
        self.assertEqual(sum(line.split()[:1] == ["total"] for line in lines),
                         sum(row["report"] == "total" for row in rows))
        times = sorted({row["time"] for row in rows if row["report"] == "interval"})
        self.assertGreater(len(times), 1)
        first = lib.weir("replay", path, "-o", "json", "-n", "1").rows
        self.assertEqual({row["time"] for row in first}, {times[0]})
        if options[-1:] != ["cgroup"] and (tool != "sockstat" or options):
            pid = rows[0]["pid"]
            ours = lib.weir("replay", path, "-o", "json", "-p", pid).rows
            self.assertEqual(ours, [row for row in rows if row["pid"] == pid])
        errors = {"sofamily": "connect_errors", "soprotocol": "connect_errors", "sockstat": "errors"}.get(tool)
        if errors:
            failed = lib.weir("replay", path, "-o", "json", "--failed").rows
            self.assertEqual(sums(failed, errors), sums(rows, errors))
            self.assertTrue(all(row[errors] for row in failed))
        if tool == "sockstat" and not options:
            ended = lib.weir("replay", path, "-p", "1")
            self.assertIn("--by process", ended.words)
            self.assertEqual(len(ended.lines), 1)
        refused = lib.weir("replay", path, "--uid", "0")
        self.assertEqual(refused.status, 2)
        self.assertIn("while recording", refused.words)

    def test_by_name(self):
        """Processes of one name in one row."""
        script = f"{SO} send 2 refused 3; {SO} send 5 refused 7; {SO} send 11 refused 13"
        for tool, options, column, want in (("socketio", [], "count", 2 * 18), ("socksize", [], "count", 2 * 18),
                                            ("sofamily", [], "connect_errors", 23),
                                            ("soprotocol", [], "connect_errors", 23),
                                            ("sockstat", ["--by", "process", "connect"], "errors", 23)):
            argv = [tool, *lib.way(), *options, "--by-name"]
            rows = lib.weir(*argv, "-o", "json", "--", "sh", "-c", script).rows
            rows = [row for row in rows if row["report"] == "total"]
            self.assertEqual(len(rows), 2 if tool.startswith("socket") or tool == "socksize" else 1, rows)
            self.assertEqual(sum(row[column] for row in rows), want)
            self.assertEqual({(row["pid"], row["comm"]) for row in rows}, {(0, "so")})
            self.assertNotIn("PID", lib.weir(*argv, "--", SO, "send", "2").lines[0])

    def test_by_cgroup(self):
        """Each cgroup by its path, live and in a recording."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder, "cgroup")
            root.mkdir()
            if subprocess.run(["mount", "-t", "cgroup2", "cgroup2", root]).returncode:
                self.skipTest("no cgroup2 can be mounted")
            groups = {root / f"weir-{name}-{os.getpid()}": n for name, n in (("one", 7), ("other", 13))}
            try:
                script = "".join(f"mkdir {group}; echo 0 > {group}/cgroup.procs && {SO} refused {n} || exit; "
                                 for group, n in groups.items()) + f"echo 0 > {root}/cgroup.procs"
                argv = ["sockstat", *lib.way(), "--by", "cgroup", "connect"]
                live = lib.weir(*argv, "-o", "json", "--", "sh", "-c", script)
                kept = lib.weir(*argv, "--record", f"{folder}/rec", "--", "sh", "-c", script.replace("mkdir ", ": "))
                self.assertEqual((live.status, kept.status), (0, 0), (live, kept))
                for rows in (live.rows, lib.weir("replay", f"{folder}/rec", "-o", "json").rows):
                    self.assertIsNone(schema.wrong("sockstat", rows))
                    self.assertEqual({row["cgroup"]: (row["count"], row["errors"]) for row in rows
                                      if row["report"] == "total"},
                                     {f"/{group.name}": (n, n) for group, n in groups.items()})
            finally:
                for group in groups:
                    lib.wait_for(lambda: self.removed(group), f"{group} to be empty")
                subprocess.run(["umount", root], check=True)

    @staticmethod
    def removed(group):
        try:
            os.rmdir(group)
        except FileNotFoundError:
            pass
        except OSError:
            return False
        return True

    def test_refusals(self):
        for tool in TOOLS[1:]:
            for words, said in ((["word"], "takes no words"), (["--slower", "1ms"], "has no --slower"),
                                (["--keys", "63"], "--keys takes a whole number"), (["--key", "9"], None)):
                ended = lib.weir(tool, *words)
                self.assertEqual((ended.status, ended.out), (2, b""), ended)
                self.assertEqual(ended.words.count("\n"), 1)
                self.assertIn(said or "--key", ended.words)
        self.assertIn("has no size", lib.weir("socksize", "--failed").words)


if __name__ == "__main__":
    lib.main()
