#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir socketio and weir socksize: messages of 29 bytes through every door, in prime numbers."""
import tempfile
import unittest

import lib

EVERY_WAY = True
SIZE, SERVER, CLIENT = 29, 7003, 7005  # of tests/kernel/work/so.c
DOORS = {"send": 2, "write": 3, "vector": 5, "msg": 7, "mmsg": 11, "sendfile": 13, "splice": 17}
EMPTY = 19


def work(counts):
    return [lib.work("so"), *(word for pair in counts.items() for word in pair)]


def totals(ended):
    assert ended.status == 0, ended
    return [row for row in ended.rows if row["report"] == "total"]


def io(*argv):
    rows = totals(lib.weir("socketio", *lib.way(), "-o", "json", *argv))
    keys = [(r["direction"], r["protocol"], r["port"]) for r in rows]
    assert len(set(keys)) == len(keys), rows
    return {key: (r["count"], r["errors"], r["bytes"]) for key, r in zip(keys, rows)}


class Messages(unittest.TestCase):
    maxDiff = 4000

    def test_doors(self):
        """Each by itself, so that one that counts twice does not make good for one that does not."""
        for door, n in DOORS.items():
            with self.subTest(door):
                self.assertEqual(io("--", *work({door: n})), {("write", "TCP", SERVER): (n, 0, n * SIZE),
                                                              ("read", "TCP", CLIENT): (n, 0, n * SIZE)})

    def test_looks(self):
        """What is looked at is not received yet; for sockstat each is a call all the same."""
        self.assertEqual(io("--", *work({"peek": 7})), {("write", "TCP", SERVER): (7, 0, 7 * SIZE),
                                                        ("read", "TCP", CLIENT): (7, 0, 7 * SIZE)})
        calls = totals(lib.weir("sockstat", *lib.way(), "-o", "json", "sock_recvmsg", "--", *work({"peek": 7})))
        self.assertEqual([row["count"] for row in calls], [4 * 7])

    def test_errors_when_asked(self):
        """Where results cost more, nobody knows which messages failed, unless they are asked for; in a
        recording, too. What is told of calls is as it was."""
        for options in ([], ["--errors"]):
            with self.subTest(options=options), tempfile.NamedTemporaryFile() as record:
                argv = ["sockstat", *options, *lib.way(), "sock_sendmsg", "sock_recvmsg", "connect"]
                run = ["--", *work({"send": 7, "empty": 5, "refused": 3})]
                live = lib.weir(*argv, "-o", "json", "--stats", *run)
                send, receive = (None if "fentry" in live.stats["probes"][door] else known
                                 for door, known in (("sock_sendmsg", 0), ("sock_recvmsg", 5)))
                if options or (lib.KERNEL >= (6, 3) and lib.WAY != "fexit"):
                    self.assertEqual((send, receive), (0, 5), live.stats)
                elif lib.KERNEL < (6, 3):
                    self.assertEqual((send, receive), (None, None), live.stats)
                lib.weir(*argv, "--record", record.name, *run)
                for ended in (live, lib.weir("replay", record.name, "-o", "json", "--stats")):
                    self.assertEqual({r["call"]: (r["count"], r["errors"]) for r in totals(ended)},
                                     {"sock_sendmsg": (7, send), "sock_recvmsg": (12, receive), "connect": (4, 3)})
                failed = lib.weir("replay", record.name, "-o", "json", "--failed")
                self.assertEqual("without --errors" in failed.words, None in (send, receive), failed.words)
                self.assertEqual({r["call"]: r["count"] for r in totals(failed)},
                                 {"connect": 3} | ({"sock_recvmsg": receive} if receive else {}))

    def test_failed(self):
        """--failed looks at results wherever they are."""
        rows = totals(lib.weir("sockstat", "--failed", *lib.way(), "-o", "json", "--", *work({"send": 7, "empty": 5})))
        self.assertEqual({r["call"]: (r["count"], r["errors"]) for r in rows if r["call"].startswith("sock_")},
                         {"sock_recvmsg": (5, 5)})

    def test_errors_apart(self):
        n = sum(DOORS.values())
        self.assertEqual(io("--", *work({**DOORS, "empty": EMPTY})),
                         {("write", "TCP", SERVER): (n, 0, n * SIZE),
                          ("read", "TCP", CLIENT): (n + EMPTY, EMPTY, n * SIZE)})
        self.assertEqual(io("--failed", "--", *work({**DOORS, "empty": EMPTY})),
                         {("read", "TCP", CLIENT): (EMPTY, EMPTY, 0)})

    def test_io_uring(self):
        """No system call of sockets, and counted all the same: 7 messages of 5 bytes."""
        if lib.run(lib.work("uring")).status == lib.SKIPPED:
            self.skipTest("the kernel gives no io_uring")
        self.assertEqual(io("--", lib.work("uring")), {("write", "UNIX", 0): (7, 0, 35), ("read", "UNIX", 0): (7, 0, 35)})

    def test_filters(self):
        mixed = work({"send": 5, "sizes": 11})
        tcp = {("write", "TCP", SERVER): (5, 0, 5 * SIZE), ("read", "TCP", CLIENT): (5, 0, 5 * SIZE)}
        udp = {("write", "UDPv6", 0): (11, 0, 55), ("read", "UDPv6", 0): (11, 0, 55)}
        self.assertEqual(io("--", *mixed), {**tcp, **udp})
        self.assertEqual(io("-4", "--", *mixed), tcp)
        self.assertEqual(io("--host", "127.0.0.0/8", "--", *mixed), tcp)
        self.assertEqual(io("-6", "--", *mixed), udp)
        self.assertEqual(io("--port", CLIENT, "--", *mixed), tcp)
        self.assertEqual(io("--port", 7004, "--", *mixed), {})

    def test_sizes(self):
        """Datagrams of 0 to 210 bytes and 13 messages of 29: the histogram holds them all, exactly."""
        ended = lib.weir("socksize", *lib.way(), "-o", "json", "--", *work({"sizes": 211, "send": 13, "empty": 3}))
        rows = {r["direction"]: r for r in totals(ended)}
        sizes = sorted([*range(211), *[SIZE] * 13])
        self.assertEqual(set(rows), {"read", "write"})
        for direction, row in rows.items():
            self.assertEqual((row["count"], row["errors"], row["bytes"], row["max_bytes"]),
                             (224, 3 if direction == "read" else 0, sum(sizes), 210))
            for bucket in row["histogram"]:
                self.assertEqual(bucket["count"], sum(bucket["low"] <= s < bucket["high"] for s in sizes))
                self.assertTrue(bucket["high"] == bucket["low"] + 1 or bucket["high"] <= bucket["low"] * 1.125)
            self.assertEqual(sum(bucket["count"] for bucket in row["histogram"]), 224)
            for key, rank in (("p50_bytes", 112), ("p99_bytes", 222)):
                self.assertLessEqual(abs(row[key] - sizes[rank - 1]), 0.0625 * sizes[rank - 1])

    def test_sizes_of_doors(self):
        for door, n in DOORS.items():
            with self.subTest(door):
                for row in totals(lib.weir("socksize", *lib.way(), "-o", "json", "--", *work({door: n}))):
                    self.assertEqual((row["count"], row["histogram"]), (n, [{"low": 28, "high": 30, "count": n}]))

    def test_text(self):
        lines = lib.weir("socksize", *lib.way(), "--", *work({"send": 13})).lines
        self.assertEqual(len(lines), 1 + 2 * 3)
        self.assertEqual(lines[1].split()[1:], ["so", "read", "13", "0", str(13 * SIZE), "28", "28", "29"])
        self.assertEqual(lines[2], "[16, 32)              13 |" + "@" * 52 + "|")
        self.assertLessEqual(max(map(len, lines)), 80)
        lines = lib.weir("socketio", *lib.way(), "--", *work({"send": 13})).lines
        self.assertEqual([line.split()[1:] for line in lines[1:]],
                         [["so", "read", "TCP", str(CLIENT), "13", "0", str(13 * SIZE)],
                          ["so", "write", "TCP", str(SERVER), "13", "0", str(13 * SIZE)]])
        self.assertLessEqual(max(map(len, lines)), 80)


if __name__ == "__main__":
    lib.main()
