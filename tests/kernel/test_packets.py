#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir packets on a veth pair: what is seen is what was sent, and nothing is left behind."""
import json
import os
import signal
import socket
import struct
import tempfile
import time
import unittest

import lib
import net
from net import HERE, THERE, THERE6


def live(*argv):
    return lib.Live("-o", "json", *argv, tool="packets")


def tagged(n, *tags):
    """UDP with VLAN tags in the frame, (ethertype, id) each, from a packet socket."""
    payload = b"seventeen bytes..19"
    udp = struct.pack("!HHHH", 5353, 5353, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                       socket.inet_aton(HERE), socket.inet_aton(THERE))
    frame = b"\2\0\0\0\0\7\2\0\0\0\0\5" + b"".join(
        struct.pack("!HH", ethertype, 3 << 13 | vlan) for ethertype, vlan in tags) + b"\x08\0" + head + udp
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(("w0", 0))
        for _ in range(n):
            s.send(frame)


def settle():
    time.sleep(0.05 * lib.SLOW)


class Seen(unittest.TestCase):
    """Prime numbers of packets, sent by this process."""

    @classmethod
    def setUpClass(cls):
        cls.pair = net.Pair()
        cls.pair.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.pair.__exit__()

    def udp_rows(self, *argv, n=11, to=(THERE, 5353), size=61):
        with live("-i", "w0", *argv) as weir:
            port = net.udp(n, size, to)
            settle()
            rows = weir.stop().rows
        return [r for r in rows if r["packet"].get("udp", {}).get("src_port") == port]

    def test_out(self):
        rows = self.udp_rows()
        self.assertEqual(len(rows), 11)
        row = rows[-1]
        want = {"device": "w0", "direction": "out", "at": "tc", "pid": os.getpid(), "tid": os.getpid(),
                "uid": 0, "length": 14 + 20 + 8 + 61, "captured": 14 + 20 + 8 + 61}
        self.assertEqual({k: row[k] for k in want}, want)
        self.assertEqual((row["packet"]["ip"]["src"], row["packet"]["ip"]["dst"]), (HERE, THERE))
        self.assertEqual(row["packet"]["udp"]["length"], 69)
        self.assertEqual({r["pid"] for r in rows}, {os.getpid()})

    def test_snap(self):
        rows = self.udp_rows("-s", "42", n=3, size=1000)
        self.assertEqual([(r["captured"], r["length"]) for r in rows], 3 * [(42, 1042)])

    def test_recording(self):
        """A recording learns the names of interfaces, too, and takes none away from those that are traced."""
        with tempfile.NamedTemporaryFile() as file:
            with live("-i", "w0", "--record", file.name) as weir:
                port = net.udp(7, 61, (THERE, 5353))
                settle()
                weir.stop()
            rows = [json.loads(line) for line in lib.weir("replay", file.name, "-o", "json").out.splitlines()]
        mine = [r for r in rows if r["packet"].get("udp", {}).get("src_port") == port]
        self.assertEqual([r["device"] for r in mine], 7 * ["w0"])

    def test_in_by_address(self):
        """Who has the socket that they are for, at tc and at XDP."""
        for at in ("tc", "xdp"):
            with self.subTest(at), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.bind((HERE, 0))
                port = s.getsockname()[1]
                with live("-i", "w0", "--at", at, f"udp dst port {port}") as weir:
                    s.settimeout(0.1)
                    self.pair.there(f"for i in 1 2 3 4 5 6 7; do echo {at} >/dev/udp/{HERE}/{port}; done"
                                    .replace("for", "bash -c \"for").replace("done", "done\""))
                    settle()
                    self.assertEqual(len(s.recv(100)), len(at) + 1)
                    ended = weir.stop()
                rows = ended.rows
                self.assertEqual([(r["direction"], r["at"]) for r in rows], 7 * [("in", at)], ended)
                self.assertEqual({r["pid"] for r in rows}, {os.getpid()})

    def test_in_tagged(self):
        """The same where the frame has a VLAN's tag, or two, as XDP gets it."""
        owner = self.pair.start_there("python3", "-c", f"""
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("{THERE}", 5353))
print(flush=True)
time.sleep(600)""")
        self.addCleanup(owner.communicate)
        self.addCleanup(owner.kill)
        owner.stdout.readline()
        for at in ("tc", "xdp"):
            for tags in (((0x8100, 7),), ((0x88a8, 5), (0x8100, 7)), ((0x8100, 5), (0x8100, 7))):
                with self.subTest((at, tags)), live("--netns", self.pair.far.pid, "-i", "w1", "--at", at, "vlan") as weir:
                    tagged(3, *tags)
                    settle()
                    ended = weir.stop()
                    got = [([v["id"] for v in r["packet"]["vlan"]], r["direction"], r["pid"]) for r in ended.rows]
                    self.assertEqual(got, 3 * [([vlan for _, vlan in tags], "in", owner.pid)], ended)

    def test_filters(self):
        """Examples of each kind, counted by what was sent: where the tag is in the frame, and where the
        kernel has taken it out of it."""
        sent = {"vlan and udp": 13, "tcp port 80 and host 10.9.0.2": 2, "icmp6": 6, "udp port 4001 and not vlan": 5}
        weirs = []
        for words in sent:
            weirs.append((words, live("-i", "w0", words)))
            weirs.append((words, live("--netns", self.pair.far.pid, "-i", "w1", words)))
        tagged(13, (0x8100, 7))
        net.udp(5, 50, (THERE, 4001))
        with socket.socket() as s:
            self.assertNotEqual(s.connect_ex((THERE, 80)), 0)  # SYN, RST
        net.sh(f"ping -6 -c3 -i0.01 {THERE6} >/dev/null")
        settle()
        for words, weir in weirs:
            ended = weir.stop()
            rows = ended.rows
            if words == "icmp6":
                rows = [r for r in rows if r["packet"]["icmpv6"]["type"] in (128, 129)]
            with self.subTest(words):
                self.assertEqual(len(rows), sent[words], ended)
                if words == "vlan and udp":
                    self.assertEqual({(r["packet"]["vlan"][0]["id"], r["packet"]["vlan"][0]["priority"], r["length"],
                                       r["packet"]["udp"]["dst_port"]) for r in rows}, {(7, 3, 14 + 4 + 28 + 19, 5353)})

    def test_process(self):
        with live("-i", "w0", "-p", os.getpid(), "udp") as weir:
            net.udp(7, 20)
            net.sh(f"bash -c 'for i in 1 2 3; do echo x >/dev/udp/{THERE}/5353; done'")
            settle()
            rows = weir.stop().rows
        self.assertEqual(len(rows), 7)

    def test_summary(self):
        """Counted in the kernel: as many as were sent, by protocol, conversation and size."""
        with live("-i", "w0", "--summary") as weir:
            port = net.udp(11, 61, (THERE, 4001))
            net.udp(7, 100, (THERE6, 4001))
            settle()
            rows = weir.stop().rows
        of = {(r["protocol"], r["b"] if r["a"].endswith(f".{port}") else r["a"]): r for r in rows
              if r["summary"] == "conversation"}
        row = of["UDP", f"{THERE}.4001"]
        self.assertEqual(sorted([row["packets_a"], row["packets_b"]]), [0, 11])
        self.assertEqual(row["bytes_a"] + row["bytes_b"], 11 * (42 + 61))
        kinds = {r["protocol"]: r for r in rows if r["summary"] == "protocol"}
        self.assertEqual((kinds["UDP"]["packets_out"], kinds["UDP/IPv6"]["packets_out"]), (11, 7))
        sizes = {r["least_bytes"]: r["packets"] for r in rows if r["summary"] == "size"}
        self.assertEqual(sum(sizes.values()), sum(r["packets_out"] + r["packets_in"] for r in kinds.values()))
        self.assertGreaterEqual(sizes[64], 11)

    def test_later(self):
        """Of any: an interface that comes after the start."""
        with live("udp dst port 5353") as weir:
            net.sh("ip link add d0 type veth peer name d1; ip link set d1 up; ip link set d0 up")
            net.sh("ip addr add 10.8.0.1/24 dev d0; ip neigh add 10.8.0.9 lladdr 02:00:00:00:00:09 dev d0")
            time.sleep(0.3 * lib.SLOW)
            net.udp(7, 20, ("10.8.0.9", 5353))
            net.udp(5, 20)
            settle()
            net.sh("ip link del d0")
            time.sleep(0.3 * lib.SLOW)
            ended = weir.stop()
        seen = [(r["ifindex"], r["direction"]) for r in ended.rows]
        self.assertEqual(sorted(seen.count(i) for i in set(seen)), [5, 7, 7], ended)  # d1 has them coming in
        self.assertIn("d0 is new", ended.words)

    def test_netns(self):
        with live("--netns", self.pair.far.pid, "-i", "w1", "udp dst port 5353") as weir:
            net.udp(7, 20)
            settle()
            rows = weir.stop().rows
        inode = os.stat(f"/proc/{self.pair.far.pid}/ns/net").st_ino
        self.assertEqual([(r["device"], r["direction"], r["netns"]) for r in rows], 7 * [("w1", "in", inode)])


class Left(unittest.TestCase):
    def left(self):
        return net.sh("tc filter show dev w0 ingress; tc filter show dev w0 egress; tc qdisc show dev w0 | "
                      "grep clsact || :; ip link show w0 | grep xdp || :")

    def test_nothing_is_left(self):
        for sig in (signal.SIGINT, signal.SIGKILL):
            for at in ("both", "tc"):
                with self.subTest(f"{sig} {at}"), net.Pair():
                    with live("-i", "w0", "--at", at, "udp") as weir:
                        weir.process.send_signal(sig)
                        weir.process.wait()
                    lib.wait_for(lambda: not self.left(), "nothing to be left", 3)

    def test_xdp_taken(self):
        """Its program stays, and arrivals are traced at tc."""
        with net.Pair() as pair, live("-i", "w0", "--at", "xdp", "udp") as first:
            with live("-i", "w0", "--at", "xdp", "udp") as second:
                self.assertIn(b"w0 has an XDP program already, which stays", second.said)
                pair.there(f"bash -c \"for i in 1 2 3; do echo x >/dev/udp/{HERE}/5353; done\"")
                settle()
                got = second.stop().rows
            self.assertEqual([(r["at"], r["direction"]) for r in got], 3 * [("tc", "in")])
            self.assertEqual([r["at"] for r in first.stop().rows], 3 * ["xdp"])

    def test_clsact_of_others_stays(self):
        with net.Pair():
            net.sh("tc qdisc add dev w0 clsact")
            if lib.run("tc", "filter", "add", "dev", "w0", "egress", "matchall", "action", "pass").status:
                self.skipTest("this kernel has no matchall filter")
            before = self.left()
            with live("-i", "w0", "udp") as weir:
                net.udp(7, 20)
                settle()
                self.assertEqual(len(weir.stop().rows), 7)
            lib.wait_for(lambda: self.left() == before, "the other's filter alone", 3)


class Wrong(unittest.TestCase):
    def refused(self, *argv, say):
        ended = lib.weir("packets", *argv)
        self.assertEqual(ended.status, 2, ended)
        self.assertIn(say, ended.words)
        self.assertEqual(len(ended.words.splitlines()), 1)

    def test_words(self):
        self.refused("-i", "nope0", say="there is no interface 'nope0'")
        self.refused("-i", "x" * 10000, say="there is no interface 'xxx")
        self.refused("--at", "tx", say="--at takes tc, xdp or both")
        self.refused("-i", "lo", "tcp andd port 80", say="syntax error at character 5")
        self.refused("-i", "lo", "tcp port and 80", say="syntax error at character 10")
        self.refused("-i", "lo", "host", say="ends too early")
        self.refused("-i", "lo", "x" * 10000, say="")
        self.refused("-i", "lo", "--port", "80", say="FILTER")

    def test_too_large(self):
        """A loop is not for the kernel: it is filtered here, and said."""
        with net.Pair(), live("-i", "w0", "ip protochain 17") as weir:
            self.assertIn(b"in user space", weir.said)
            net.udp(7, 20)
            net.sh(f"ping -c3 -i0.01 {THERE} >/dev/null")
            settle()
            rows = weir.stop().rows
            self.assertEqual(len(rows), 7)

    def test_too_many_words(self):
        """More than the kernel takes: the same packets pass, and that they are filtered here is said."""
        words = " or ".join(f"(host 10.{i // 250}.{i % 250}.1 and udp port {i + 1})" for i in range(300))
        for at in ("tc", "xdp"):
            with net.Pair() as pair, live("-i", "w0", "--at", at, f"{words} or (icmp and icmp[0] != 3)") as weir:
                self.assertIn(b"in user space, after packets were copied: it is too large for the kernel", weir.said)
                net.udp(5, 20)
                pair.there(f"ping -c3 -i0.01 {net.HERE} >/dev/null")
                settle()
                self.assertEqual(len(weir.stop().rows), 6 if at == "tc" else 3)

    def test_generic(self):
        """The driver of lo has no XDP: the generic one, and said; in rows, too."""
        net.sh("ip link set lo up")
        with live("-i", "lo", "--at", "xdp", "icmp") as weir:
            self.assertIn(b"lo: generic XDP, after the driver (native: ", weir.said)
            net.sh("ping -c7 -i0.01 127.0.0.1 >/dev/null")
            settle()
            self.assertEqual([r["at"] for r in weir.stop().rows], ["xdp-generic"] * 14)

    def test_jumbo(self):
        """Frames of 9000 bytes, in several buffers, native and generic: whole, and each arrives."""
        with net.Pair() as pair:
            pair.there("ip link set w1 mtu 9000")
            net.sh("ip link set w0 mtu 9000")
            with live("-i", "w0", "--at", "both", "-s", 65535, "icmp") as weir:
                self.assertIn(b"w0: XDP in the driver (native)", weir.said)
                pair.there(f"ping -c5 -i0.01 -s 8900 -M do -p a7 {net.HERE} >/dev/null")
                settle()
                rows = weir.stop().rows
            self.assertEqual([(r["at"], r["length"], r["captured"]) for r in rows if r["at"] == "xdp"], [("xdp", 8942, 8942)] * 5)
            self.assertEqual(len(rows), 15)

    def test_down(self):
        with net.Pair(), live("-i", "w0") as weir:
            net.sh("ip link set w0 down")
            time.sleep(0.6 * lib.SLOW)
            net.sh("ip link set w0 up")
            time.sleep(0.6 * lib.SLOW)
            ended = weir.stop()
            self.assertIn("w0 is down: it has packets once it is up\nweir: w0 is up\n", ended.words)

    def test_netns_goes(self):
        """Its last process ends: weir holds it while it runs, and leaves nothing of it; then there is none to enter."""
        with net.Pair() as pair:
            with live("--netns", pair.far.pid, "-i", "w1", "udp dst port 5353") as weir:
                pair.far.kill()
                pair.far.wait()
                net.udp(5, 64)
                settle()
                ended = weir.stop()
            self.assertEqual(ended.status, 0, ended)
            self.assertEqual([(r["device"], r["direction"]) for r in ended.rows], 5 * [("w1", "in")], ended)
            lib.wait_for(lambda: lib.run("ip", "link", "show", "w0").status, "the namespace to go, and its end of the cable")
            self.refused("--netns", str(pair.far.pid), "-i", "w1", say=str(pair.far.pid))

    def test_gone(self):
        with net.Pair(), live("-i", "w0") as weir:
            # Older kernels (6.1) want an interface to be down for that.
            net.sh("ip link set w0 name w5 2>/dev/null ||"
                   " { ip link set w0 down; ip link set w0 name w5; ip link set w5 up; }")
            time.sleep(0.3 * lib.SLOW)
            net.sh("ip link set w5 down; ip link set w5 name w0; ip link del w0")
            ended = weir.wait(20)
            self.assertEqual(ended.status, 0)
            self.assertIn("w0 is called w5 now", ended.words)
            self.assertIn("is gone", ended.words)


lib.main()
