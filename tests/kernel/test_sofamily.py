#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir sofamily and weir soprotocol: connects and accepts in numbers that the workload decides."""
import collections
import socket
import unittest

import far
import lib

EVERY_WAY = True
WORK = {"inet": 13, "inet6": 11, "unix": 5, "refused": 7, "no_file": 3, "no_socket": 2, "udp": 17, "undo": 19,
        "nothing": 23, "no_listener": 29, "progress": 31}
COUNTS = ("connects", "connect_errors", "accepts", "accept_errors", "no_attempts")
# progress: one connect that is under way and is asked for once more when it is done, then 31 of what is connected
FAMILIES = {
    (2, "AF_INET"): (13 + 17 + 2, 7, 13, 0, 19 + 23 + 31),
    (10, "AF_INET6"): (11, 0, 11, 29, 0),
    (1, "AF_UNIX"): (5, 3, 5, 0, 0),
    (0, None): (0, 2, 0, 0, 0),
}
UNIX_STREAM = "UNIX-STREAM"  # since Linux 5.15
PROTOCOLS = {
    (6, "IPPROTO_TCP", "TCP", "AF_INET", "SOCK_STREAM"): (13 + 2, 7, 13, 0, 23 + 31),
    (17, "IPPROTO_UDP", "UDP", "AF_INET", "SOCK_DGRAM"): (17, 0, 0, 0, 19),
    (6, "IPPROTO_TCP", "TCPv6", "AF_INET6", "SOCK_STREAM"): (11, 0, 11, 29, 0),
    (0, None, UNIX_STREAM, "AF_UNIX", "SOCK_STREAM"): (5, 0, 5, 0, 0),
    (0, None, "UNIX", "AF_UNIX", "SOCK_DGRAM"): (0, 3, 0, 0, 0),
    (0, None, "", None, None): (0, 2, 0, 0, 0),
}


def work(counts):
    return [lib.work("so"), *(word for pair in counts.items() for word in pair)]


def counted(ended, *keys):
    """The totals by these columns; each key once."""
    assert ended.status == 0, ended
    totals = [row for row in ended.rows if row["report"] == "total"]
    found = {tuple(row[k] for k in keys): tuple(row[c] for c in COUNTS) for row in totals}
    assert len(found) == len(totals), ended
    return found


def families(*argv):
    return counted(lib.weir("sofamily", *lib.way(), "-o", "json", *argv), "family_number", "family")


def protocols(*argv):
    return counted(lib.weir("soprotocol", *lib.way(), "-o", "json", *argv),
                   "number", "number_name", "protocol", "family", "type")


class Attempts(unittest.TestCase):
    maxDiff = 4000

    def test_families(self):
        self.assertEqual(families("--", *work(WORK)), FAMILIES)

    def test_protocols(self):
        self.assertEqual(protocols("--", *work(WORK)), PROTOCOLS)

    def test_mptcp(self):
        """What is accepted counts, not who listens: of a client without MPTCP that is TCP."""
        ended = lib.run(*work({"mptcp": 1}))
        if ended.status == lib.SKIPPED:
            self.skipTest("the kernel has no MPTCP")
        tcp, mptcp = ((6, "IPPROTO_TCP", "TCP", "AF_INET", "SOCK_STREAM"),
                      (262, "IPPROTO_MPTCP", "MPTCP", "AF_INET", "SOCK_STREAM"))
        self.assertEqual(protocols("--", *work({"mptcp": 3, "fallback": 7})),
                         {tcp: (7, 0, 7, 0, 0), mptcp: (3, 0, 3, 0, 0)})

    def uring(self, tool, *argv):
        """What it printed, by a program that prints results of its own in between."""
        ended = lib.weir(tool, *lib.way(), "-o", "json", "--stats", "--", lib.work("uring_connect"), *argv)
        if ended.status == lib.SKIPPED:
            self.skipTest("no io_uring here")
        ended.out = b"".join(line + b"\n" for line in ended.out.splitlines() if line[:1] == b"{")
        self.assertEqual(ended.stats["not_attached"], [])
        self.assertNotIn("io_uring", ended.words)
        self.each = "fexit" in ended.stats["probes"]["accept by io_uring"]
        keys = ("family_number", "family") if tool == "sofamily" else ("number", "protocol", "type")
        return counted(ended, *keys)

    def test_io_uring(self):
        """Each request once, when it is done: refused at once, accepted at once or after 53 ms; accepts."""
        idle = socket.socket()
        idle.bind(("127.0.0.1", 0))
        listener = socket.create_server(("127.0.0.1", 0))
        with far.Far():
            for host, port, count, want in (("127.0.0.1", idle.getsockname()[1], 7, (0, 7, 0, 0, 0)),
                                            ("127.0.0.1", listener.getsockname()[1], 5, (5, 0, 0, 0, 0)),
                                            (far.HOST, far.ACCEPT, 3, (3, 0, 0, 0, 0)),
                                            (far.HOST, far.REFUSE, 2, (0, 2, 0, 0, 0))):
                self.assertEqual(self.uring("sofamily", "connect", host, port, count), {(2, "AF_INET"): want})
                self.assertEqual(self.uring("soprotocol", "connect", host, port, count), {(6, "TCP", "SOCK_STREAM"): want})
        self.assertEqual(self.uring("sofamily", "accept", 7013, 13), {(2, "AF_INET"): (13, 0, 13, 0, 0)})
        self.assertEqual(self.uring("soprotocol", "accept", 7014, 13), {(6, "TCP", "SOCK_STREAM"): (13, 0, 13, 0, 0)})
        many = self.uring("sofamily", "multishot", 7015, 11)
        self.assertEqual(many, {(2, "AF_INET"): (11, 0, 11 if self.each else 0, 0, 0)})

    def test_intervals(self):
        """Their sum is the total."""
        ended = lib.weir("sofamily", *lib.way(), "-o", "json", "--stats", "-i", "0.05", "--", *work({"inet": 211}))
        sums = collections.Counter()
        for row in ended.rows:
            sums[row["report"]] += row["connects"] + row["accepts"]
        self.assertEqual(sums, {"interval": 422, "total": 422})
        self.assertEqual(ended.stats["events"], 422)
        self.assertFalse(any(ended.stats["lost"].values()), ended)

    def test_filters(self):
        five = {(10, "AF_INET6"): FAMILIES[10, "AF_INET6"]}
        self.assertEqual(families("-6", "--", *work(WORK)), five)
        self.assertEqual(families("--host", "::1", "--", *work(WORK)), five)
        # the workload's server has port 7003: refused ones are found by the address that they named
        self.assertEqual(families("-4", "--port", "7003", "--failed", "--", *work(WORK)),
                         {(2, "AF_INET"): (0, 7, 0, 0, 0), (0, None): (0, 2, 0, 0, 0)})
        self.assertEqual(families("--port", "7004", "--", *work({"inet": 3})), {})
        self.assertEqual(families("-c", "so", "--", *work({"inet": 3})), {(2, "AF_INET"): (3, 0, 3, 0, 0)})
        self.assertEqual(families("-c", "os", "--", *work({"inet": 3})), {})

    def test_text(self):
        """At home for who knows sofamily.bt and soprotocol.bt: name, number, name of the number."""
        for tool, line in (("sofamily", "so 2 AF_INET 13 0 13 0"), ("soprotocol", "so 6 IPPROTO_TCP TCP 13 0 13 0")):
            for interval in ([], ["-i", "1"]):
                ended = lib.weir(tool, *lib.way(), *interval, "--", *work({"inet": 13}))
                self.assertEqual(len(ended.lines), 1 + 1 + len(interval) // 2, ended)
                last = ended.lines[-1].split()
                self.assertEqual(last[-len(line.split()):], line.split())
                self.assertEqual("total" in last, bool(interval))
                if not interval or tool == "sofamily":
                    self.assertLessEqual(max(map(len, ended.lines)), 80)


if __name__ == "__main__":
    lib.main()
