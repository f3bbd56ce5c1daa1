#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""Each line of JSON is as docs/events.schema.json says. (Live: tests/kernel/test_json.py.)"""
import copy
import re
import unittest

import jsonschema

import recording
import schema
from recording import lib

DEMO = lib.ROOT / "src/tools/demo/demo.rec"

EVENTS = lib.ROOT / "docs/events.md"
CALLED = {"trace": "system call", "probe": "tracepoint", "summary": "trace --summary", "conn": "conns",
          "conn_group": "conns", "drop": "drops --each", "drift": "list --check", "stats": "account"}
CONNS = ("conns", "tcplife", "tcptop")  # tools over the connection table: their rows are alike


class Schema(unittest.TestCase):
    def rows(self, *argv):
        ended = lib.weir(*argv, "-o", "json")
        self.assertTrue(ended.out, ended)
        return [lib.strict_json(line) for line in ended.out.splitlines()]

    def right(self, kind, rows):
        self.assertTrue(rows)
        self.assertIsNone(schema.wrong(kind, rows))

    def test_schema_itself(self):
        jsonschema.Draft202012Validator.check_schema(schema.SCHEMA)

    def test_recordings(self):
        for path in [DEMO, *recording.recordings()]:
            with self.subTest(path.name):
                rows = self.rows("replay", path, "--stats")
                self.right("trace", rows[:-1])
                self.right("stats", rows[-1:])
                self.right("summary", self.rows("replay", path, "--summary"))

    def test_doctor(self):
        self.right("doctor", self.rows("doctor"))

    def test_list(self):
        self.right("list", self.rows("list"))
        self.right("drift", self.rows("list", "--check"))
        self.right("describe", self.rows("describe", "*:*", "connect", "tcp_connect", "tcp_accept", "dev_queue_xmit"))

    def test_kinds_exclude_each_other(self):
        """A line is one of the kinds, and of no other."""
        validate = schema.validator()
        rows = self.rows("replay", DEMO, "-n", "7", "--stats") + self.rows("replay", DEMO, "--summary")
        rows += self.rows("doctor")[:3] + self.rows("list", "tcp:*") + self.rows("list", "--check")[:7]
        rows += self.rows("describe", "connect", "udp:*", "recv")
        for row in rows:
            validate.validate(row)

    def test_told_by(self):
        """By the keys that docs/events.md names, a line is of one kind: they are in all lines of it, and in none else."""
        rest = {kind["$ref"].rsplit("/", 1)[1] for kind in schema.SCHEMA["oneOf"]}
        kinds = {kind: schema.SCHEMA["$defs"][kind].get("oneOf", [schema.SCHEMA["$defs"][kind]]) for kind in rest}
        for what, marks in re.findall(r"^\| (.*) \| it has (.*) \|$", EVENTS.read_text(), re.M):
            for mark in marks.split(";"):
                has, _, lacks = mark.removeprefix(" with ").partition(", and no ")
                has = {word for word in re.findall("`(.*?)`", has) if not word.startswith("--")}
                lacks = set(re.findall("`(.*?)`", lacks))
                able = {kind for kind, forms in kinds.items() for form in forms
                        if has <= set(form["properties"]) and not lacks & set(form["required"])}
                self.assertEqual(len(able), 1, (what, mark))
                kind = able.pop()
                for form in kinds[kind]:
                    self.assertLessEqual(has, set(form["required"]), what)
                    self.assertFalse(lacks & set(form["properties"]), what)
                self.assertIn(CALLED.get(kind, kind.split("_")[0]), what)
                rest.remove(kind)
        self.assertFalse(rest)

    def test_notices_changes(self):
        """A key that is missing, new, or of another type is found, at any depth."""
        row = next(r for r in self.rows("replay", DEMO, "connect") if r["args"]["addr"].get("sin_port"))
        self.right("trace", [row])
        for change in (lambda r: r.pop("latency_ns"), lambda r: r.update(more=1), lambda r: r.update(pid="1"),
                       lambda r: r["args"].pop("addrlen"), lambda r: r["args"]["addr"].update(sin_port="80"),
                       lambda r: r["args"].update(buf="x"), lambda r: r["socket"].update(color="red")):
            changed = copy.deepcopy(row)
            change(changed)
            self.assertIsNotNone(schema.wrong("trace", [changed]), changed)

    def test_names_columns(self):
        """The schema has the keys that the tools' column rows have."""
        columns = {}
        for line in lib.weir("help", "--rows").lines:
            who, kind, *rest = line.split("\t")
            if kind == "column":
                columns.setdefault(who, []).append(rest[0])
        self.assertEqual(set(columns), {"trace", "sockstat", "sofamily", "soprotocol", "socketio", "socksize", "soconnect",
                                        "soaccept", "soconnlat", "so1stbyte", "sormem", "packets", "drops", "http",
                                        "dns", "tcpretrans", "tcprtt", "tcpsynbl", "latency", "doctor", "list",
                                        "describe", *CONNS})
        for tool, names in columns.items():
            kind = "conn" if tool in CONNS else tool
            self.assertEqual(list(schema.SCHEMA["$defs"][kind]["properties"]), names)


if __name__ == "__main__":
    unittest.main()
