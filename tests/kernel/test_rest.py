#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""What all socket tools have in common: rest, links, and the formats that a recording is told in."""
import csv
import io
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import lib

sys.path.insert(0, lib.here("..", "replay"))
import schema  # noqa: E402 (from the folder just named)

EACH = ("soconnect", "soaccept")  # a row for each event
ALL = ("sockstat", "sofamily", "soprotocol", "socketio", "socksize", *EACH, "soconnlat", "so1stbyte", "sormem")


class Rest(unittest.TestCase):
    def test_formats(self):
        """JSON as the schema has it, and CSV with the same in each cell; of what cannot be one, nothing."""
        for tool in ALL:
            with self.subTest(tool), tempfile.NamedTemporaryFile() as record:
                ended = lib.weir(tool, *lib.way(), "--record", record.name, "--", lib.work("so"), "alone", 1, "greet", 7,
                                 "refused", 3)
                self.assertEqual(ended.status, 0, ended)
                rows = lib.weir("replay", record.name, "-o", "json").rows
                self.assertGreater(len(rows), 0)
                self.assertIsNone(schema.wrong(tool, rows))
                text = lib.weir("replay", record.name, "-o", "csv").out.decode()
                cells = list(csv.DictReader(io.StringIO(text, newline="")))
                self.assertEqual(len(cells), len(rows))
                for row, line in zip(rows, cells):
                    flat = {key: "" if value is None else str(value) for key, value in row.items()
                            if not isinstance(value, list) and key not in ("histogram", "stack")}
                    self.assertEqual({key: line[key] for key in flat}, flat)

    def test_links(self):
        """A symbolic link named after the tool is the tool."""
        with tempfile.TemporaryDirectory() as folder:
            for tool in ALL:
                os.symlink(lib.WEIR, f"{folder}/{tool}")
                ended = lib.run(f"{folder}/{tool}", *lib.way(), "-o", "json", "--", lib.work("so"), "send", "3")
                self.assertEqual(ended.status, 0, ended)
                self.assertTrue(ended.rows)

    def test_rest(self):
        """Where nothing happens, weir wakes at most twice an interval; without one, twice a second."""
        still = subprocess.Popen(["sleep", "60"])
        weirs = {}
        try:
            for tool in ALL:
                every = [] if tool in EACH else ["-i", "0.25"]
                weirs[tool] = subprocess.Popen([lib.WEIR, tool, *lib.way(), *every, "-p", str(still.pid)],
                                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                while "tracing" not in weirs[tool].stderr.readline():
                    self.assertIsNone(weirs[tool].poll(), tool)
            time.sleep(0.3 * lib.SLOW)  # what they do at the start is over
            began = time.monotonic()
            before = {tool: self.switches(weir.pid) for tool, weir in weirs.items()}
            time.sleep(3)
            woken = {tool: self.switches(weir.pid) - before[tool] for tool, weir in weirs.items()}
            took = time.monotonic() - began
            for tool, weir in weirs.items():
                weir.send_signal(signal.SIGINT)
                out, _ = weir.communicate(timeout=20 * lib.SLOW)
                self.assertLessEqual(woken[tool], 2 * (took / (1 if tool in EACH else 0.25) + 1), tool)
                self.assertLessEqual(len(out.splitlines()), 1, out)  # the heading
        finally:
            for weir in (still, *weirs.values()):
                weir.kill()
                weir.wait()

    @staticmethod
    def switches(pid):
        """How often a process has gone to sleep."""
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        return int(status.split("voluntary_ctxt_switches:")[1].split()[0])


if __name__ == "__main__":
    lib.main()
