#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir soconnlat: every connection of TCP is in one histogram, where its time belongs."""
import collections
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import far
import lib
import test_soconnect as connects

sys.path.insert(0, lib.here("..", "replay"))
import schema  # noqa: E402 (from the folder just named)

WORK = [sys.executable, lib.here("test_soconnect.py")]
MADE, REFUSED = 3 * connects.ACCEPTED, 3 * connects.REFUSED  # by "local", over TCP
PORTS = 127


def ports():
    """A connect to each of so many ports: some 100 keys."""
    for port in range(20011, 20011 + PORTS):
        sock = socket.socket()
        sock.connect_ex(("127.0.0.1", port))
        sock.close()


def soconnlat(*argv, program=(lib.WEIR, "soconnlat")):
    with tempfile.NamedTemporaryFile() as told:
        return lib.run(*program, *argv, env={**os.environ, "TOLD": told.name})


class Soconnlat(unittest.TestCase):
    maxDiff = 3000

    def rows(self, *argv):
        ended = soconnlat("-o", "json", "--stats", *argv)
        self.assertEqual(ended.status, 0, ended)
        rows = [lib.strict_json(line) for line in ended.out.splitlines() if line.startswith(b"{")][:-1]
        self.assertEqual([n for n in ended.stats["lost"].values() if n], [])
        self.assertIsNone(schema.wrong("soconnlat", rows))
        for row in rows:
            self.check_row(row)
        totals = [r for r in rows if r["report"] == "total"]
        self.assertEqual(sum(r["count"] for r in totals), ended.stats["events"])
        return totals, [r for r in rows if r["report"] == "interval"]

    def check_row(self, row):
        """The numbers are those of the histogram."""
        buckets = row["histogram_us"]
        if row["result"] == "(other)":
            self.assertEqual((buckets, row["p50_us"]), ([], None))
            return
        self.assertEqual(sum(b["count"] for b in buckets), row["count"])
        self.assertTrue(all(b["low"] < b["high"] and b["count"] for b in buckets))
        self.assertTrue(all(a["high"] <= b["low"] for a, b in zip(buckets, buckets[1:])))
        self.assertTrue(buckets[-1]["low"] <= row["max_us"] < buckets[-1]["high"])
        self.assertTrue(row["p50_us"] <= row["p90_us"] <= row["p99_us"] <= row["max_us"])
        for permille, key in ((500, "p50_us"), (900, "p90_us"), (990, "p99_us")):
            rank, seen = -(-row["count"] * permille // 1000), 0
            for bucket in buckets:
                seen += bucket["count"]
                if seen >= rank:
                    break
            self.assertTrue(bucket["low"] <= row[key] < bucket["high"], row)

    def results(self, rows):
        return collections.Counter({r["result"]: 0 for r in rows}) + \
            sum((collections.Counter({r["result"]: r["count"]}) for r in rows), collections.Counter())

    def test_counts(self):
        """Connections of TCP; not those of UDP, nor what found no way."""
        totals, _ = self.rows("--", *WORK, "local")
        self.assertEqual(self.results(totals), {"connected": MADE, "failed": REFUSED})
        self.assertEqual(len({(r["pid"], r["comm"]) for r in totals}), 1)

    def test_times(self):
        """Waited for or not, accepted or refused: the time until the answer."""
        for work, result, ms, count in ((("remote", far.ACCEPT, 11), "connected", far.ACCEPT, 11),
                                        (("blocked", far.ACCEPT, 3), "connected", far.ACCEPT, 3),
                                        (("remote", far.REFUSE, 7), "failed", far.REFUSE, 7),
                                        (("remote", far.UNREACHABLE, 5), "failed", far.UNREACHABLE, 5)):
            with far.Far():
                totals, _ = self.rows("--", *WORK, *map(str, work))
            self.assertEqual([(r["result"], r["count"]) for r in totals], [(result, count)], work)
            row = totals[0]
            self.assertGreaterEqual(row["mean_us"], ms * 1000)
            self.assertGreaterEqual(row["p50_us"], ms * 1000 * 0.9375)
            self.assertLess(row["max_us"], (ms + 400 * lib.SLOW) * 1000)

    def test_by_destination(self):
        with far.Far():
            totals, _ = self.rows("--by", "destination", "--", *WORK, "remote", str(far.ACCEPT), "11")
        self.assertEqual([(r["address"], r["port"], r["count"]) for r in totals], [(far.HOST, far.ACCEPT, 11)])
        totals, _ = self.rows("--by", "destination", "--", *WORK, "local")
        self.assertEqual(sorted((r["address"], r["result"], r["count"]) for r in totals),
                         sorted((a, *r) for _, a in (connects.V4, connects.V6, connects.V4_IN_6)
                                for r in (("connected", connects.ACCEPTED), ("failed", connects.REFUSED))))

    def test_by_stack(self):
        """The functions that led to the connect; in a recording, too."""
        paths = {("dial_once", "by_day", "main"): 7, ("dial_once", "by_night", "main"): 5}
        with tempfile.NamedTemporaryFile() as record:
            program = [lib.work("stack"), "9", "7", "5"]
            totals, _ = self.rows("--stack", "--", *program)
            recorded = soconnlat("--stack", "--record", record.name, "--", *program)
            self.assertEqual(recorded.status, 0, recorded)
            for rows in (totals, lib.weir("replay", record.name, "-o", "json").rows):
                self.assertEqual({r["result"] for r in rows}, {"failed"})
                got = {}
                for row in rows:
                    names = [frame.split("+")[0] for frame in row["stack"]]
                    self.assertRegex(row["stack"][0], r"connect\+\d+ \(libc.*\)$")
                    self.assertTrue(any(frame.endswith(" (stack)") for frame in row["stack"]), row)
                    at = names.index("dial_once")
                    got[tuple(names[at:at + 3])] = row["count"]
                self.assertEqual(got, paths)
            text = lib.weir("replay", record.name).out.decode()
        self.assertRegex(text, r"(?m)^    by_day\+\d+ \(stack\)$")

    def test_stack_of_a_process_that_is_gone(self):
        """Its maps were read for its first stack: weir stands still while it calls by another path, and ends."""
        with lib.Live("-o", "json", "--stack", "--netns", os.getpid(), tool="soconnlat") as live, \
                subprocess.Popen([lib.work("stack"), "9", "1", "5", "later"], stdin=subprocess.PIPE) as work:
            time.sleep(0.2 * lib.SLOW)
            live.process.send_signal(signal.SIGSTOP)
            work.communicate(b"x")
            live.process.send_signal(signal.SIGCONT)
            rows = live.stop().rows
        names = {tuple(frame.split("+")[0] for frame in row["stack"][-3:-1]): row["count"] for row in rows}
        self.assertEqual(names, {("by_day", "main"): 1, ("by_night", "main"): 5}, rows)

    def test_mptcp(self):
        """A connection is one, whatever sockets of TCP are within."""
        ended = soconnlat("-o", "json", "--", *WORK, "mptcp", "3")
        if ended.status == lib.SKIPPED:
            self.skipTest("no MPTCP here")
        self.assertEqual([(r["result"], r["count"]) for r in ended.rows], [("connected", 6)])

    def test_io_uring(self):
        idle, port = connects.unused(*connects.V4)
        ended = soconnlat("-o", "json", "--", lib.work("uring_connect"), "connect", "127.0.0.1", port, 7)
        if ended.status == lib.SKIPPED:
            self.skipTest("no io_uring here")
        rows = [lib.strict_json(line) for line in ended.out.splitlines() if line.startswith(b"{")]
        self.assertEqual([(r["result"], r["count"]) for r in rows], [("failed", 7)])
        idle.close()

    def test_intervals(self):
        """Between two intervals nothing is lost or counted twice."""
        totals, intervals = self.rows("-i", "0.01", "--", *WORK, "local")
        self.assertEqual(self.results(totals), {"connected": MADE, "failed": REFUSED})
        self.assertEqual(self.results(intervals), self.results(totals))
        self.assertEqual(max(r["max_us"] for r in intervals), max(r["max_us"] for r in totals))

    def test_more_keys_than_room(self):
        """What finds no room is counted together, and said to be."""
        totals, _ = self.rows("--by", "destination", "--keys", "64", "--", sys.executable, __file__, "ports")
        self.assertEqual(sum(r["count"] for r in totals), PORTS)
        other = [r for r in totals if r["result"] == "(other)"]
        self.assertEqual(len(other), 1)
        self.assertGreater(other[0]["count"], 0)

    def test_unfinished(self):
        with far.Far(), lib.Live("-o", "json", "--stats", "--netns", os.getpid(), tool="soconnlat") as live:
            work = subprocess.Popen([*WORK, "remote", str(far.SILENT), "3", "hold"], stdout=subprocess.PIPE)
            for _ in range(3):
                work.stdout.readline()
            ended = live.stop()
            work.kill()
            work.communicate()
        self.assertEqual(ended.stats["lost"]["unfinished"], 3)

    def test_filters(self):
        each = connects.ACCEPTED + connects.REFUSED
        for options, count in ((["-4"], each), (["-6"], 2 * each), (["--failed"], REFUSED), (["--host", "::1"], each),
                               (["--slower", "100s"], 0), (["-c", "nobody"], 0), (["--port", "1"], 0)):
            totals, _ = self.rows(*options, "--", *WORK, "local")
            self.assertEqual(sum(r["count"] for r in totals), count, options)
        totals, _ = self.rows("--", sys.executable, __file__, "ports")
        self.assertEqual([r["count"] for r in totals], [PORTS])

    def test_replay(self):
        with tempfile.NamedTemporaryFile() as record:
            ended = soconnlat("--record", record.name, "--by", "destination", "--", *WORK, "local")
            self.assertEqual(ended.status, 0, ended)
            rows = lib.weir("replay", record.name, "-o", "json").rows
        self.assertEqual(self.results(rows), {"connected": MADE, "failed": REFUSED})
        self.assertEqual(len(rows), 6)

    def test_text(self):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(lib.WEIR, f"{folder}/soconnlat")
            ended = soconnlat("--", *WORK, "local", program=[f"{folder}/soconnlat"])
            plain = soconnlat("--no-hist", "--", *WORK, "local")
        self.assertRegex(ended.lines[0], r"^ +PID COMM +RESULT +COUNT +P50\(us\) +P90\(us\) +P99\(us\) +MAX\(us\)$")
        drawn = [re.match(r"\[\S+.* (\d+) \|@* *\|$", line) for line in ended.lines]
        self.assertEqual(sum(int(m[1]) for m in drawn if m), MADE + REFUSED, ended)
        self.assertEqual(len(plain.lines), 3, plain)

    def test_refusals(self):
        for words in (["connect"], ["--by", "stak"], ["--stack", "--by", "process"], ["--keys", "3"]):
            ended = lib.weir("soconnlat", *words)
            self.assertEqual((ended.status, ended.words.count("\n")), (2, 1), ended)

    def test_beside_tcpconnlat(self):
        """It tells each connection that was made or refused: as many, of the same durations."""
        lib.need("tcpconnlat")
        if not os.path.exists("/sys/bus/event_source/devices/kprobe"):
            self.skipTest("no kprobes here")
        out = tempfile.TemporaryFile()
        other = subprocess.Popen(["stdbuf", "-oL", "tcpconnlat"], stdout=out, stderr=subprocess.STDOUT)

        def lines():
            return os.pread(out.fileno(), 1 << 20, 0).decode().splitlines()
        try:
            with far.Far(), lib.Live("-o", "json", "--by", "destination", tool="soconnlat") as live:
                lib.wait_for(lambda: any("PID" in line for line in lines()) or other.poll() is not None, "tcpconnlat", 30)
                if other.poll() is not None:
                    self.skipTest(f"tcpconnlat does not run here: {lines()[-1:]}")
                time.sleep(1)
                lib.run(*WORK, "remote", far.ACCEPT, 11)
                lib.run(*WORK, "remote", far.REFUSE, 7)
                time.sleep(0.5)
                ended = live.stop()
        finally:
            other.send_signal(2)
            other.wait()
        got = collections.defaultdict(list)
        for fields in map(str.split, lines()):
            if len(fields) >= 6 and fields[0].isdigit() and fields[-3] == far.HOST:
                got[int(fields[-2])].append(float(fields[-1]))
        mine = {r["port"]: r for r in ended.rows if r["address"] == far.HOST}
        self.assertEqual({port: len(ms) for port, ms in got.items()}, {p: r["count"] for p, r in mine.items()}, lines())
        for port, ms in got.items():
            self.assertLess(abs(max(ms) - mine[port]["max_us"] / 1000), 5 * lib.SLOW)


if __name__ == "__main__":
    if sys.argv[1:] == ["ports"]:
        ports()
    else:
        lib.main()
