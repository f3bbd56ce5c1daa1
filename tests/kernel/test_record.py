#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""--record and replay: what is replayed is what a live run prints."""
import collections
import csv
import datetime
import io
import json
import math
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import time
import unittest

import lib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "replay"))
import recording  # noqa: E402 (from the folder just named)

EVERY_WAY = True
TRAFFIC = ("comm", "weir-rec", "tcp", "127.0.0.1", 7001, 3, "tcp", "::1", 7001, 2, "udp", "127.0.0.1", 7002, 5,
           "unix", 2, "fail", 7, "unreadable", 2, "name", "weir", "say", "more than thirty-two bytes of payload",
           "rw", 2, 1, 1)
WANT = {"fail": 7, "sendto": 3 + 2 + 5 + 2 + 7 + 2 + 2, "recvfrom": 3 + 2 + 2, "accept": 5}


def traffic(*words):
    return [lib.work("traffic"), *map(str, words or TRAFFIC)]


class Record(unittest.TestCase):
    """One recording, looked at in every way."""
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.file = os.path.join(cls.folder, "recording")
        cls.began = time.time_ns()
        cls.made = lib.trace("--io", "--record", cls.file, "--", *traffic())
        cls.ended = time.time_ns()
        assert (cls.made.status, cls.made.out) == (0, b""), cls.made

    def replay(self, *options, status=0, **keywords):
        ended = lib.weir("replay", self.file, *options, **keywords)
        self.assertEqual(ended.status, status, ended)
        return ended

    def test_what_was_done(self):
        counts = collections.Counter(row["call"] for row in self.replay("-o", "json").rows)
        self.assertEqual({call: counts[call] for call in ("sendto", "recvfrom", "accept")},
                         {call: WANT[call] for call in ("sendto", "recvfrom", "accept")})

    def test_same_again(self):
        for options in ([], ["-o", "json"], ["-o", "csv"], ["--bare"], ["--summary"]):
            first = self.replay(*options)
            self.assertEqual(first.out, self.replay(*options).out)
            with open(self.file, "rb") as file:
                through = lib.weir("replay", "-", *options, stdin=file)
            self.assertEqual(first.out, through.out)
            self.assertTrue(first.out)
            # Elsewhere on earth: the zone is the recording's.
            self.assertEqual(first.out, self.replay(*options, env={**os.environ, "TZ": "Asia/Kathmandu"}).out)

    def test_format(self):
        """Taken apart by other code than weir's, the file has a record for each row, most of them short."""
        with open(self.file, "rb") as file:
            parts = recording.Recording(file.read())
        calls = [i for i in range(len(parts.records)) if parts.type(i) == recording.CALL]
        self.assertEqual(len(calls), lib.account(self.made)[0])
        self.assertEqual(parts.type(-1), recording.END)
        short = [i for i in calls if recording.FRAME.unpack_from(parts.data, parts.starts[i])[1] & recording.SHORT]
        self.assertTrue(short)
        rows = self.replay("-o", "json").rows
        self.assertEqual([row["latency_ns"] for row in rows],
                         [int.from_bytes(parts.records[i][16:24], "little") for i in calls])

    def test_account(self):
        """The same words as the live run's."""
        self.assertEqual(lib.account(self.made), lib.account(self.replay()))
        self.assertEqual(lib.account(self.made)[0], len(self.replay("-o", "json").rows))

    def test_text_json_csv_agree(self):
        rows = self.replay("-o", "json").rows
        bare = self.replay("--bare", "-q").lines
        text = self.replay("-q").lines
        table = list(csv.DictReader(io.StringIO(self.replay("-o", "csv").out.decode(), newline=""), strict=True))
        self.assertEqual({len(rows)}, {len(bare), len(text), len(table)})
        for row, line, cells, shown in zip(rows, bare, table, text):
            self.assertEqual(line.split("(")[0], row["call"])
            for key in ("time", "pid", "tid", "uid", "comm", "cgroup", "netns", "call", "ret", "latency_ns"):
                self.assertEqual(cells[key], str(row[key]), key)
            self.assertEqual(cells["error"], row["error"] or "")
            found = re.search(r" = (-?\d+|\?)(?: (E\w+) \(.*\))?$", line)
            self.assertTrue(found, line)
            self.assertEqual(found[2], row["error"])
            if not row["error"]:
                self.assertEqual(int(found[1]), row["ret"])
            clock, pid, comm, _ = shown.split(None, 3)
            self.assertEqual((pid, comm), (str(row["pid"]), row["comm"]))
            self.assertEqual(clock[6:], row["time"][17:26])  # zones differ by minutes at least
            self.assertTrue(shown.endswith(f" <{math.floor(row['latency_ns'] / 1e3) / 1e6:.6f}>") or
                            shown.endswith(f" <{row['latency_ns'] / 1e9:.6f}>"), shown)

    def test_times(self):
        for row in self.replay("-o", "json").rows:
            whole, fraction = row["time"].removesuffix("Z").split(".")
            at = datetime.datetime.fromisoformat(whole + "+00:00").timestamp() * 10**9 + int(fraction)
            self.assertLess(self.began - 10**7, at)  # two clocks
            self.assertLess(at + row["latency_ns"], self.ended + 10**7)

    def test_summary(self):
        """As --summary of a live run counts; here computed from the rows."""
        calls = collections.defaultdict(list)
        for row in self.replay("-o", "json").rows:
            calls[row["call"]].append(row)
        summary = {row["call"]: row for row in self.replay("--summary", "-o", "json").rows}
        self.assertEqual(set(summary), set(calls))
        for call, rows in calls.items():
            took = sorted(row["latency_ns"] for row in rows)
            told = summary[call]
            self.assertEqual((told["calls"], told["total_ns"], told["max_ns"]), (len(rows), sum(took), took[-1]))
            self.assertEqual(told["errors"], sum(row["error"] is not None for row in rows))
            half = took[math.ceil(len(took) * 0.5) - 1]
            self.assertAlmostEqual(told["p50_ns"], half, delta=half * 0.0626 + 1)

    def test_filters(self):
        everything = self.replay("-o", "json").rows
        pid = everything[0]["pid"]
        for options, want in ((["--failed"], lambda row: row["error"]),
                              (["sendto", "accept"], lambda row: row["call"] in ("sendto", "accept")),
                              (["-p", str(pid)], lambda row: row["pid"] == pid),
                              (["-c", "weir-rec"], lambda row: row["comm"] == "weir-rec"),
                              (["-c", "weir-re"], lambda row: False),
                              (["--uid", "0"], lambda row: True),
                              (["--uid", "1"], lambda row: False),
                              (["--slower", "50us"], lambda row: row["latency_ns"] >= 50000),
                              (["--failed", "sendto"], lambda row: row["error"] and row["call"] == "sendto")):
            with self.subTest(options):
                got = self.replay("-o", "json", *options)
                self.assertEqual(got.rows, [row for row in everything if want(row)])
        self.assertEqual(self.replay("-o", "json", "-n", "5").rows, everything[:5])

    def test_socket_filters(self):
        """As live: 127.0.0.1 port 7002 is only in the sendto calls of udp."""
        for options, want in ((["--port", "7002"], 5), (["--port", "7001"], 5), (["-6"], 2),
                              (["-4"], 3 + 5 + 2), (["--host", "::1"], 2), (["--host", "127.0.0.0/8"], 3 + 5)):
            with self.subTest(options):
                self.assertEqual(len(self.replay("-o", "json", "sendto", *options).rows), want)

    def test_pid_that_is_gone(self):
        """Replay asks about the recording's processes, not this machine's."""
        pid = self.replay("-o", "json").rows[0]["pid"]
        self.assertFalse(os.path.exists(f"/proc/{pid}"))
        self.assertTrue(self.replay("-p", pid, "-q").lines)

    def test_stats(self):
        ended = self.replay("-o", "json", "--stats")
        self.assertEqual(ended.stats["events"], len(ended.rows))
        self.assertEqual(ended.stats["lost"]["unreadable"], 2)

    def test_no_rights_needed(self):
        os.chmod(self.folder, 0o755)
        copy = os.path.join(self.folder, "weir")
        shutil.copy(lib.WEIR, copy)
        ended = lib.run(lib.need("setpriv"), "--reuid", "65534", "--regid", "65534", "--clear-groups",
                        copy, "replay", self.file, "-o", "json")
        self.assertEqual((ended.status, ended.out), (0, self.replay("-o", "json").out))

    def test_output_ends(self):
        """As live: a reader that goes is a normal end, a full disk is not."""
        ended = lib.run("bash", "-c", '"$@" | head -1; echo "${PIPESTATUS[0]}"', "bash",
                        lib.WEIR, "replay", self.file, "-q", "-o", "json")
        self.assertEqual((len(ended.lines), ended.lines[-1], ended.words), (2, "0", ""), ended)
        ended = lib.run("sh", "-c", 'exec "$@" >/dev/full', "sh", lib.WEIR, "replay", self.file, "-q")
        self.assertEqual((ended.status, ended.words.count("\n")), (1, 1), ended)

    def test_file_that_may_not_grow(self):
        """A limit of the shell's is an error like a full disk, and not the command's."""
        with tempfile.TemporaryDirectory() as folder:
            ended = lib.run("bash", "-c", 'ulimit -f 1; exec "$@"', "bash", lib.WEIR, "trace", "-q", "--record", f"{folder}/rec",
                            "sendto", "--", "sh", "-c", f"for i in 1 2 3; do {lib.work('traffic')} fail 97; done")
            self.assertEqual(ended.status, 1, ended)
            self.assertIn(f"cannot write to {folder}/rec: File too large", ended.words)
        ended = lib.trace("-q", "sendto", "--", "grep", "SigIgn", "/proc/self/status")
        self.assertEqual(int(ended.out.split()[-1], 16) & 1 << (signal.SIGXFSZ - 1), 0, ended)


class Live(unittest.TestCase):
    """Two at once: one prints, one records, and the replay is what the first printed."""
    maxDiff = 2000

    def both(self, common, printing, recording=()):
        """Standard output of the live run, and of the replay of what the other recorded."""
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "recording")
            with lib.Live("-c", "weir-rec", *common, *recording, "--record", file) as recorder, \
                    lib.Live("-c", "weir-rec", *common, *printing) as printer:
                done = lib.run(*traffic())
                self.assertEqual(done.status, 0, done)
                live, recorded = printer.stop(), recorder.stop()
            replayed = lib.weir("replay", file, *printing)
        self.assertEqual((live.status, recorded.status, replayed.status), (0, 0, 0))
        self.assertEqual(lib.account(live), lib.account(replayed))
        return live, replayed

    def test_bare(self):
        live, replayed = self.both(["--io"], ["--bare"])
        self.assertEqual(live.out, replayed.out)
        self.assertGreater(len(live.lines), 50)

    def test_payload(self):
        """-s at most what was recorded: as if live with that."""
        live, replayed = self.both(["sendto"], ["--bare", "-s", "4"])
        self.assertEqual(live.out, replayed.out)
        self.assertIn('"more"...', replayed.out.decode())
        live, replayed = self.both(["sendto"], ["--bare", "-s", "100"], ["-s", "100"])
        self.assertIn('"more than thirty-two bytes of payload"', replayed.out.decode())
        self.assertEqual(live.out, replayed.out)

    def test_json(self):
        """But for the clock, which each reads for itself."""
        live, replayed = self.both([], ["-o", "json"])
        for row in (*live.rows, *replayed.rows):
            del row["time"], row["latency_ns"]
        want, got = ([json.dumps(row) for row in ended.rows] for ended in (live, replayed))
        self.assertEqual(want, got, lib.difference(want, got))
        self.assertGreater(len(live.rows), 30)

    def test_filtered(self):
        live, replayed = self.both(["--port", "7001"], ["--bare"])
        self.assertEqual(live.out, replayed.out)

    def test_devices_that_come(self):
        """A device made or renamed meanwhile has the name that the kernel tells beside its number."""
        lib.need("ip")
        file = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), "devices")
        made = lib.trace("--record", file, "--", "sh", "-c", """ip link add weir7 type veth peer name weir11;
                         ip link show weir7; ip link set weir7 name weir13; ip link show weir13; ip link show weir11;
                         ip link del weir13""")
        self.assertEqual(made.status, 0, made)
        told = re.findall(r'RTM_NEWLINK, [^[]*? ifi_index=([^,]+),.*?IFLA_IFNAME}, "(\w+)"',
                          lib.weir("replay", file, "--bare").out.decode())
        self.assertGreaterEqual({name for _, name in told}, {"weir7", "weir11", "weir13"})
        for index, name in told:
            if name != "weir7" and index != "0":  # which may have its next name already
                self.assertEqual(index, f'if_nametoindex("{name}")')

    def test_killed(self):
        """What was recorded until then is there, and that it was cut off is said."""
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "recording")
            with lib.Live("-c", "weir-rec", "sendto", "--record", file) as recorder:
                head = file.stat().st_size
                lib.run(*traffic("comm", "weir-rec", "fail", 7))
                lib.wait_for(lambda: file.stat().st_size > head, "records in the file")
                time.sleep(0.2 * lib.SLOW)
                recorder.process.send_signal(signal.SIGKILL)
                recorder.process.wait()
            replayed = lib.weir("replay", file, "-q", "-o", "json")
        self.assertEqual([row["call"] for row in replayed.rows], ["sendto"] * 7)
        self.assertRegex(replayed.words, r"\Aweir: [^\n]*cut off[^\n]*\n\Z")
        self.assertEqual(replayed.status, 1)

    def test_disk_full(self):
        """Said once, and what fits is a recording."""
        ended = lib.run("bash", "-c", 'ulimit -f 16; trap "" XFSZ; exec "$@"', "bash", lib.WEIR, "trace", *lib.way(),
                        "-q", "--record", "recording", "sendto", "--", lib.work("flood"), 499, 1,
                        cwd=self.enterContext(tempfile.TemporaryDirectory()))
        self.assertEqual((ended.status, ended.out), (1, b""), ended)
        self.assertRegex(ended.words, r"\Aweir: [^\n]*recording[^\n]*File too large[^\n]*\n\Z")


if __name__ == "__main__":
    lib.main()
