#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir trace of tracepoints: the kernel's own trace output of the same events, and what the workload did."""
import collections
import contextlib
import errno
import os
import pathlib
import re
import socket
import tempfile
import time
import unittest

import lib
import net

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
        (place / "buffer_size_kb").write_text("16384")
        yield place
    finally:
        (place / "events/enable").write_text("0")
        place.rmdir()


def plain(text):
    """Pointers without 0x and leading zeros, symbols without their size: the two differ there."""
    text = re.sub(r"\b0x(?=[0-9a-f]{8,})|\b0+(?=[0-9a-f]{8,}\b)", "", text)
    text = re.sub(r"\b0{8,}\b|\(nil\)|\b0x0\b", "0", text)
    return re.sub(r"(\w+\+0x[0-9a-f]+)/0x[0-9a-f]+( \[\w+\])?", r"\1", text).strip()


def printed_by(place):
    """
    What the kernel prints of its buffer, with pointers as they are. It prints them hashed, unless it is told not to;
    but told so, Linux 6.1 leaves out the first string of each line (it copies the format over itself). So the pointers
    are taken from the one text, and all else from the other.
    """
    hashed = (place / "trace").read_text().splitlines()
    (place / "options/hash-ptr").write_text("0")
    lines = []
    for line, real in zip(hashed, (place / "trace").read_text().splitlines(), strict=True):
        pointers = iter(re.findall(r"\b[0-9a-f]{16}\b", real))
        lines.append(re.sub(r"\b[0-9a-f]{16}\b", lambda found: next(pointers, "none"), line))
    return lines


class Kernel(unittest.TestCase):
    """Each line is one that the kernel's own tracing printed."""
    maxDiff = 4000

    def traced(self, words, command):
        """What weir told, and what the kernel printed; None where others' events took the place of ours in its buffer."""
        with instance() as place:
            groups = {word.split(":")[0]: word.split(":")[1] for word in words}
            for group, name in groups.items():
                for event in (place / "events" / group).glob(name):
                    if (event / "enable").exists():
                        (event / "enable").write_text("1")
            with lib.Live("--way", "tp", "--netns", os.getpid(), "--bare", *words) as live:
                lib.run(*command)
                ended = live.stop()
            (place / "tracing_on").write_text("0")
            if any(not re.search(r"^overrun: 0$", stats.read_text(), re.M) for stats in place.glob("per_cpu/cpu*/stats")):
                return None
            return ended, printed_by(place)

    def compare(self, words, command, least):
        for _ in range(5):
            got = self.traced(words, command)
            if got:
                break
        else:
            self.skipTest("too much happens on this machine meanwhile for the kernel's own buffer")
        ended, lines = got
        printed = collections.Counter(
            plain(found[2]) and f"{found[1]}({plain(found[2])})"
            for found in (re.search(r"\d+\.\d+: (\w+): (.*)$", line) for line in lines) if found)
        got = [re.sub(r"^\w+:", "", plain(line)) for line in ended.lines]
        self.assertGreaterEqual(len(got), least, ended)
        wrong = [line for line in got if not printed[line]]
        alike = [line for line in printed if wrong and line.split("(")[0] == wrong[0].split("(")[0]]
        self.assertFalse(bool(wrong), f"{len(wrong)} of {len(got)}, {len(printed)} printed: {wrong[:2]} {alike[:2]} {lines[:2]}")
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
                self.assertEqual({row["context"] for row in syns}, {"task"})
                self.assertEqual({(row["packet"]["source"]["addr"], row["packet"]["dev"]) for row in syns},
                                 {("127.0.0.1", "lo")})
                states = probes(ended.rows, "sock:inet_sock_set_state")
                opened = [row for row in states if row["args"]["newstate"] in ("TCP_SYN_SENT", 2)]
                self.assertEqual(len(opened), 7)
                self.assertEqual({row["context"] for row in opened}, {"task"})
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

    def test_beside_another(self):
        """Who comes second to a tracepoint tells of each packet what it was, not what the one before was."""
        want = [7100 + n % 5 for n in range(31)]
        with lib.Live("-o", "json", "net_dev_queue", "--netns", os.getpid()) as first, \
                lib.Live("-o", "json", "net_dev_queue", "--netns", os.getpid()) as second, \
                lib.Live("-o", "json", "net_dev_queue", "--netns", os.getpid(), "--port", 7103) as filtered:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                for port in want:
                    s.sendto(b"x" * (port - 7000), ("127.0.0.1", port))
            for live in first, second, filtered:
                rows = [row for row in live.stop().rows if row["packet"]["protocol"] == "IPPROTO_UDP"]
                ports = [row["packet"]["destination"]["port"] for row in rows]
                self.assertEqual(ports, want if live is not filtered else [port for port in want if port == 7103])
                self.assertEqual([row["args"]["len"] - 14 - 28 + 7000 for row in rows], ports)

    def test_ways_are_told(self):
        for way in WAYS:
            ended = traced("--way", way, "--stats", "-o", "json", "tcp:tcp_probe", "--", "true")
            self.assertEqual(ended.stats["probes"], {"tcp:tcp_probe": way})


class Provoked(unittest.TestCase):
    """Things that happen seldom, made to happen a prime number of times; the kernel's own counters say so too."""

    def rows(self, words, work, *options):
        with lib.Live("--netns", os.getpid(), "-o", "json", *words, *options) as live:
            told = work()
            ended = live.stop()
        self.assertEqual(ended.status, 0, ended)
        self.assertEqual(ended.words.count("was not traced"), 0, ended)
        return ended.rows, told

    def test_refused(self):
        lib.mount_tracefs()

        def work():
            for _ in range(5):
                with socket.socket() as s:
                    self.assertEqual(s.connect_ex(("127.0.0.1", 7009)), errno.ECONNREFUSED)
        rows, _ = self.rows(["tcp_send_reset", "tcp_receive_reset", "inet_sk_error_report"], work)
        sent, received = probes(rows, "tcp:tcp_send_reset"), probes(rows, "tcp:tcp_receive_reset")
        errors = probes(rows, "sock:inet_sk_error_report")
        # without a socket, as here, the kernel tells of the ones that it sends since 6.10
        tells = "reason" in pathlib.Path(lib.TRACEFS, "events/tcp/tcp_send_reset/format").read_text()
        self.assertEqual((len(sent), len(received)), (5 * tells, 5), rows)
        self.assertEqual(sum(row["args"]["error"] == errno.ECONNREFUSED for row in errors), 5)
        self.assertEqual({row["packet"]["destination"]["port"] for row in sent}, {7009} if tells else set())
        self.assertEqual({row["socket"]["remote"]["port"] for row in received}, {7009})

    def test_unreachable(self):
        def work():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                for _ in range(7):
                    s.sendto(b"x" * 11, ("127.0.0.1", 7010))
        rows, _ = self.rows(["icmp:icmp_send", "kfree_skb"], work)
        sent = probes(rows, "icmp:icmp_send")
        self.assertEqual([(row["args"]["type"], row["args"]["code"], row["args"]["dport"]) for row in sent],
                         [(3, 3, 7010)] * 7)
        dropped = [row for row in probes(rows, "skb:kfree_skb") if row["args"]["reason"] == "NO_SOCKET"]
        self.assertEqual(len(dropped), 7)

    def test_full_buffer(self):
        """A flood of UDP to a small buffer: as many drops as the socket itself counts."""
        def work():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, \
                    socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
                s.bind(("127.0.0.1", 7011))
                for _ in range(101):
                    c.sendto(b"x" * 503, ("127.0.0.1", 7011))
                for line in pathlib.Path("/proc/self/net/udp").read_text().splitlines()[1:]:
                    if line.split()[1].endswith(":%04X" % 7011):
                        return int(line.split()[-1])
        rows, drops = self.rows(["udp_fail_queue_rcv_skb", "kfree_skb"], work)
        failed = probes(rows, "udp:udp_fail_queue_rcv_skb")
        self.assertGreater(drops, 50)
        self.assertEqual(len(failed), drops, rows[:3])
        self.assertEqual(len([row for row in probes(rows, "skb:kfree_skb")
                              if row["args"]["reason"] == "SOCKET_RCVBUFF"]), drops)

    def test_device(self):
        """Each packet of the loopback device once, as the device itself counts."""
        def count(what):
            return int(pathlib.Path("/sys/class/net/lo/statistics", what).read_text())

        def work():
            before = count("tx_packets"), count("tx_bytes")
            lib.run(*traffic("tcp", "127.0.0.1", 7001, 7, "udp", "127.0.0.1", 7002, 5))
            return count("tx_packets") - before[0], count("tx_bytes") - before[1]

        lib.run("mount", "-t", "sysfs", "sysfs", "/sys")  # of this network namespace
        rows, (packets, size) = self.rows(["net_dev_queue", "net_dev_start_xmit", "net_dev_xmit", "netif_rx",
                                           "netif_receive_skb"], work)
        for name in ("net_dev_queue", "net_dev_start_xmit", "net_dev_xmit", "netif_rx", "netif_receive_skb"):
            self.assertEqual(len(probes(rows, f"net:{name}")), packets, name)
        # what the device counts is without the Ethernet header
        self.assertEqual(sum(row["args"]["len"] - 14 for row in probes(rows, "net:net_dev_xmit")), size)
        self.assertEqual({row["packet"]["dev"] for row in rows}, {"lo"})

    def test_lengths(self):
        """What was received, by what was copied."""
        def work():
            lib.run(*traffic("udp", "127.0.0.1", 7002, 5, "tcp", "127.0.0.1", 7001, 3))
        rows, _ = self.rows(["skb_copy_datagram_iovec", "tcp_destroy_sock"], work)
        self.assertGreaterEqual(len(probes(rows, "tcp:tcp_destroy_sock")), 7)
        self.assertEqual({row["args"]["len"] for row in probes(rows, "skb:skb_copy_datagram_iovec")}, {5})

    def test_qdisc(self):
        if lib.run("tc", "qdisc", "add", "dev", "lo", "root", "handle", "7:", "prio").status:
            self.skipTest("no qdisc can be added here")
        self.addCleanup(lib.run, "tc", "qdisc", "del", "dev", "lo", "root")
        rows, _ = self.rows(["qdisc_enqueue"], lambda: lib.run(*traffic("udp", "127.0.0.1", 7002, 5)) and None)
        rows = [row for row in rows if row["packet"] and row["packet"]["destination"].get("port") == 7002]
        self.assertEqual(len(rows), 5)


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

    def test_ports_behind_headers(self):
        """Wherever a packet's ports are, and only there: payloads and later fragments look like them."""
        want = collections.Counter()

        def send(number, size, to, port=7001, bound=0, options=b"", device="w0", length=0):
            """Datagrams to a port, and as many to another one; their length on the way, where not like the first."""
            six = ":" in to
            with socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM) as s:
                if options:
                    s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, options)
                if bound:
                    s.bind(("", bound))
                for to_port in [port] * number + ([9001] * number if not bound else []):
                    s.sendto((7001).to_bytes(2, "big") * (size // 2), (to, to_port))
            want[device, length or 14 + (40 if six else 20) + len(options) + 8 + size] += number

        with net.Pair():
            net.sh("ip link set w0 mtu 1500")
            vlan = not lib.run(*"ip link add link w0 name w0.5 type vlan id 5".split()).status
            if vlan:
                net.sh("""ip addr add 10.9.5.1/24 dev w0.5; ip link set w0.5 up
                          ip neigh add 10.9.5.2 lladdr 02:00:00:00:00:05 dev w0.5""")
            for way in ("tp", "tp_btf"):
                want.clear()
                with self.subTest(way), lib.Live("--netns", os.getpid(), "-o", "json", "--way", way, "net_dev_queue",
                                                 "--port", 7001) as live:
                    send(3, 100, net.THERE)
                    send(5, 102, net.THERE6)
                    send(7, 104, net.THERE, options=b"\1" * 4)
                    send(11, 106, net.THERE, options=b"\1" * 20)
                    send(13, 108, net.THERE, port=9001, bound=7001)
                    send(2, 4000, net.THERE, length=1514)
                    if vlan:
                        send(4, 110, "10.9.5.2", device="w0.5")
                        want["w0", 152] += 4  # and through what carries it
                    ended = live.stop()
                self.assertEqual(collections.Counter((row["packet"]["dev"], row["packet"]["len"])
                                                     for row in ended.rows), want, ended)

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
