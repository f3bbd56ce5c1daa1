#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir trace of tracepoints: the kernel's own trace output of the same events, and what the workload did."""
import collections
import contextlib
import os
import pathlib
import re
import tempfile
import time
import unittest

import lib

PROBES = ("net:*", "tcp:*", "sock:*", "skb:kfree_skb", "skb:consume_skb", "udp:*")
WAYS = ("tp", "tp_btf", "raw_tp")


def traffic(*words):
    return [lib.work("traffic"), *map(str, words)]


def traced(*argv, ways=(), **options):
    ended = lib.weir("trace", *ways, *argv, **options)
    assert ended.status == 0, ended
    return ended


def probes(rows, name):
    return [row for row in rows if row.get("probe") == name]


@contextlib.contextmanager
def instance():
    """A trace buffer of the kernel's of our own."""
    lib.mount_tracefs()
    place = pathlib.Path(lib.TRACEFS, "instances", f"weir-{os.getpid()}")
    place.mkdir()
    try:
        (place / "options/hash-ptr").write_text("0")
        (place / "buffer_size_kb").write_text("4096")
        yield place
    finally:
        (place / "events/enable").write_text("0")
        place.rmdir()


def plain(text):
    """Pointers without 0x and leading zeros, symbols without their size: the two differ there."""
    text = re.sub(r"\b0x(?=[0-9a-f]{8,})|\b0+(?=[0-9a-f]{8,}\b)", "", text)
    text = re.sub(r"\b0{8,}\b|\(nil\)|\b0x0\b", "0", text)
    return re.sub(r"(\w+\+0x[0-9a-f]+)/0x[0-9a-f]+( \[\w+\])?", r"\1", text).strip()


class Kernel(unittest.TestCase):
    """Each line is one that the kernel's own tracing printed."""
    maxDiff = 4000

    def compare(self, words, command, least):
        with instance() as place:
            groups = {word.split(":")[0]: word.split(":")[1] for word in words}
            for group, name in groups.items():
                for event in (place / "events" / group).glob(name):
                    if (event / "enable").exists():
                        (event / "enable").write_text("1")
            with lib.Live("--way", "tp", "--netns", os.getpid(), "--bare", *words) as live:
                lib.run(*command)
                ended = live.stop()
            lines = (place / "trace").read_text().splitlines()
        printed = collections.Counter(
            plain(found[2]) and f"{found[1]}({plain(found[2])})"
            for found in (re.search(r"\d+\.\d+: (\w+): (.*)$", line) for line in lines) if found)
        got = [re.sub(r"^\w+:", "", plain(line)) for line in ended.lines]
        self.assertGreaterEqual(len(got), least, ended)
        wrong = [line for line in got if not printed[line]]
        self.assertFalse(wrong[:5], (wrong[:5], [p for p in printed if p.split("(")[0] == (wrong or ["("])[0].split("(")[0]][:5]))
        return got

    def test_tcp(self):
        got = self.compare(("net:*", "tcp:*", "sock:*"), traffic("tcp", "127.0.0.1", 7001, 3, "tcp", "::1", 7001, 2), 50)
        self.assertGreater(len({line.split("(")[0] for line in got}), 8)

    def test_udp(self):
        self.compare(("net:*", "sock:*"), traffic("udp", "127.0.0.1", 7002, 5), 10)

    def test_drops(self):
        """Reasons by name, places by symbol."""
        self.compare(("skb:kfree_skb",), traffic("fail", 3, "udp", "127.0.0.1", 7003, 3, "tcp", "127.0.0.1", 7001, 3), 1)


class Workload(unittest.TestCase):
    """What was done, in numbers."""

    def test_connections(self):
        for way in WAYS:
            with self.subTest(way):
                ended = traced("--way", way, "-o", "json", "net_dev_xmit", "inet_sock_set_state", "--",
                               *traffic("tcp", "127.0.0.1", 7001, 7))
                syns = [row for row in probes(ended.rows, "net:net_dev_xmit")
                        if row["packet"]["flags"] == "SYN" and row["packet"]["destination"]["port"] == 7001]
                self.assertEqual(len(syns), 7, ended)
                self.assertEqual({row["comm"] for row in syns}, {"traffic"})
                self.assertEqual({(row["packet"]["source"]["addr"], row["packet"]["dev"]) for row in syns},
                                 {("127.0.0.1", "lo")})
                states = probes(ended.rows, "sock:inet_sock_set_state")
                opened = [row for row in states if row["args"]["newstate"] in ("TCP_SYN_SENT", 2)]
                self.assertEqual(len(opened), 7)
                self.assertEqual({row["socket"]["remote"]["port"] for row in opened}, {7001})

    def test_mixed(self):
        """System calls and tracepoints in one stream."""
        ended = traced("-o", "json", "connect", "sock:inet_sock_set_state", "sendto", "--",
                       *traffic("tcp", "127.0.0.1", 7001, 5))
        calls = collections.Counter(row.get("call") for row in ended.rows)
        self.assertEqual((calls["connect"], calls["sendto"]), (5, 5))
        opened = [row for row in probes(ended.rows, "sock:inet_sock_set_state")
                  if row["args"]["newstate"] == "TCP_SYN_SENT"]
        self.assertEqual(len(opened), 5)

    def test_ways_are_told(self):
        for way in WAYS:
            ended = traced("--way", way, "--stats", "-o", "json", "tcp:tcp_probe", "--", "true")
            self.assertEqual(ended.stats["probes"], {"tcp:tcp_probe": way})


class Filters(unittest.TestCase):
    """In the kernel, by the socket's or the packet's addresses and the socket's owner."""
    TWO = ("tcp", "127.0.0.1", 7001, 3, "tcp", "::1", 7005, 2)

    def syns(self, *options):
        with lib.Live("--netns", os.getpid(), "-o", "json", "net_dev_queue", *options) as live:
            lib.run(*traffic(*self.TWO))
            ended = live.stop()
        self.assertEqual(ended.status, 0, ended)
        return [(row["packet"]["destination"]["addr"], row["packet"]["destination"]["port"])
                for row in ended.rows if row["packet"] and row["packet"].get("flags") == "SYN"]

    def test_addresses(self):
        four, six = [("127.0.0.1", 7001)] * 3, [("::1", 7005)] * 2
        for options, want in (([], four + six), (["--port", 7001], four), (["-6"], six), (["--host", "::1"], six),
                              (["--host", "127.0.0.0/8"], four), (["--host", "10.0.0.0/8"], [])):
            with self.subTest(options):
                self.assertEqual(self.syns(*options), want)

    def test_owner(self):
        self.assertEqual(len(self.syns("-c", "traffic")), 5)
        self.assertEqual(self.syns("-c", "nobody-has-this"), [])

    def test_nobody_s(self):
        """What has no known owner is left out under a filter by process, and counted."""
        ended = traced("-o", "json", "--stats", "napi_poll", "net:netif_receive_skb", "--",
                       *traffic("tcp", "127.0.0.1", 7001, 3))
        self.assertGreater(ended.stats["lost"]["no_owner"], 6)


class Recording(unittest.TestCase):
    def test_replay(self):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "recording")
            made = traced("--record", file, "tcp:*", "connect", "skb:kfree_skb", "net_dev_xmit", "--",
                          *traffic("tcp", "127.0.0.1", 7001, 3))
            everything = lib.weir("replay", file, "-o", "json")
            self.assertEqual((everything.status, lib.account(everything)), (0, lib.account(made)))
            names = collections.Counter(row.get("probe") or row["call"] for row in everything.rows)
            self.assertEqual(names["connect"], 3)
            self.assertGreater(names["net:net_dev_xmit"], 12)
            for words, want in ((["connect"], 3), (["tcp:*"], sum(n for name, n in names.items() if name[:4] == "tcp:")),
                                (["net_dev_xmit"], names["net:net_dev_xmit"]), (["--port", 7002], 0),
                                (["--port", 7001, "net_*"], names["net:net_dev_xmit"])):
                with self.subTest(words):
                    self.assertEqual(len(lib.weir("replay", file, "-o", "json", *words).rows), want)
            for options in ([], ["-o", "csv"], ["--bare"]):
                self.assertEqual(len(lib.weir("replay", file, "-q", *options).lines), len(everything.rows) +
                                 (options == ["-o", "csv"]))


class BadInput(unittest.TestCase):
    def refused(self, *argv, status=2):
        ended = lib.weir("trace", *argv)
        self.assertEqual((ended.status, ended.out), (status, b""), ended)
        self.assertRegex(ended.words, r"\Aweir: [^\n]+\n\Z")
        return ended.words

    def test_words(self):
        self.assertIn("tcp_probe", self.refused("tcp_prob"))
        self.refused("tcp:nothing_such")
        self.refused("nothing_*")
        self.refused("tcp:tcp_probe", "--failed")
        self.refused("tcp:tcp_probe", "--summary")
        self.refused("--way", "sideways", "tcp:tcp_probe")
        self.refused("--ret", "connect")

    def test_one_failing(self):
        """It is named with its reason, and the rest runs."""
        ended = lib.weir("trace", "-o", "json", "--stats", "--way", "tp_btf", "udp:udp_fail_queue_rcv_skb",
                         "syscalls:sys_enter_mount", "sock:inet_sock_set_state", "--",
                         *traffic("tcp", "127.0.0.1", 7001, 3))
        self.assertEqual(ended.status, 0, ended)
        self.assertEqual([lack["probe"] for lack in ended.stats["not_attached"]], ["syscalls:sys_enter_mount"])
        self.assertIn("BTF", ended.stats["not_attached"][0]["reason"])
        self.assertGreater(len(ended.rows), 9)

    def test_no_tracefs(self):
        """Where it is not mounted it is had all the same."""
        ended = traced("-o", "json", "sock:inet_sock_set_state", "--", *traffic("tcp", "127.0.0.1", 7001, 3))
        self.assertIn("TCP_SYN_SENT", {row["args"]["newstate"] for row in ended.rows})


class End(unittest.TestCase):
    def test_killed(self):
        with lib.NothingLeft():
            with lib.Live("tcp:*", "net:*") as live:
                live.process.kill()
                live.process.communicate()

    def test_many(self):
        """All of the network's, at once."""
        began = time.monotonic()
        ended = traced("-o", "json", "--stats", *PROBES, "qdisc:*", "neigh:*", "napi:*", "xdp:*", "--", "true")
        self.assertGreater(len(ended.stats["probes"]), 50)
        self.assertLess(time.monotonic() - began, 30 * lib.SLOW)


if __name__ == "__main__":
    lib.main()
