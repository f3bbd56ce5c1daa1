#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""What the kernel dropped of a connection, and why, in the connection table."""
import contextlib
import os
import pathlib
import socket
import struct
import sys
import tempfile
import unittest

import drop_work
import lib

sys.path.insert(0, lib.here("..", "replay"))
import schema

EVERY_WAY = True
SENT = 1009
# By the port of the peer that is made by hand: what it makes the kernel drop, and how often.
TCP = {1: ("TCP_FLAGS", drop_work.tcp_flags, 103), 2: ("TCP_ACK_UNSENT_DATA", drop_work.tcp_ack_unsent_data, 107),
       5: ("TCP_INVALID_SEQUENCE", drop_work.tcp_invalid_sequence, 127)}


def kernels_own(port):
    """Packets that a socket of UDP dropped, by the kernel's own list."""
    for line in pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]:
        words = line.split()
        if int(words[1].split(":")[1], 16) == port:
            return int(words[-1])
    return None


def take_all(sock):
    """How many datagrams it has."""
    sock.setblocking(False)
    taken = 0
    with contextlib.suppress(BlockingIOError):
        while sock.recv(2000):
            taken += 1
    return taken


class Drops(unittest.TestCase):
    def live(self, *argv, tool="conns"):
        return lib.Live("--netns", os.getpid(), "--stats", *argv, tool=tool)

    def ended(self, live):
        ended = live.stop()
        self.assertEqual((ended.status, lib.lost(ended)), (0, {}), ended)
        return ended

    def dropped(self, rows, **where):
        """Of rows with such members: how many packets, and why, each once."""
        return {(r["dropped"], r["drop_reason"]) for r in rows if all(r[key] == value for key, value in where.items())}

    def test_udp(self):
        """A full receive buffer: what was sent and not received, as often as the kernel's own counter says."""
        with self.live("-o", "json") as weir, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as full, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            full.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20011)
            full.bind(("127.0.0.1", 0))
            port = full.getsockname()[1]
            for _ in range(SENT):
                sender.sendto(b"x" * 997, ("127.0.0.1", port))
            lost = SENT - take_all(full)
            self.assertEqual(lost, kernels_own(port))
            once = lib.weir("conns", "--once", "--netns", os.getpid(), "-o", "json").rows
            full.close()
            sender.close()
            rows = self.ended(weir).rows
        self.assertIsNone(schema.wrong("conn", rows))
        self.assertGreater(lost, 900)
        closed = [r for r in rows if r["event"] == "closed"]
        self.assertEqual(self.dropped(closed, local_port=port), {(lost, "SOCKET_RCVBUFF")})
        self.assertEqual(self.dropped(closed, port=port), {(0, None)})
        # What is the socket's own is in its row, and in none of a peer.
        self.assertEqual([r["drops"] for r in once if r["local_port"] == port], [lost])
        own = ("drops", "recv_queue", "recv_limit", "send_queue", "send_limit")
        self.assertEqual({tuple(r[key] for key in own) for r in rows if r["event"] in ("peer", "closed")}, {(None,) * 5})

    def test_tcp(self):
        """Segments that TCP does not take, of connections side by side, in a recording too; in tcplife where asked for."""
        words = ("--columns", "local_port,dropped,drop_reason")
        with tempfile.NamedTemporaryFile() as file:
            with self.live("-o", "json") as weir, self.live("--record", file.name) as record, \
                    self.live(*words, tool="tcplife") as life:
                self.drop_tcp()
                rows, text = self.ended(weir).rows, self.ended(life).lines[1:-1]
                self.ended(record)
            again = lib.weir("replay", file.name, "-o", "json").rows
        self.assertIsNone(schema.wrong("conn", rows))
        want = {drop_work.OPEN + sport: (n, reason) for sport, (reason, _, n) in TCP.items()}
        want |= {drop_work.OPEN + sport: (0, None) for sport in (4, 7)}
        for some in rows, again:
            got = {r["local_port"]: (r["dropped"], r["drop_reason"]) for r in some
                   if r["event"] == "closed" and r["state"] != "TCP_LISTEN"}
            self.assertEqual(got, want)
            self.assertEqual(self.dropped(some, state="TCP_LISTEN"), {(0, None)})
        self.assertEqual({int(port): (int(n), None if reason == "-" else reason)
                          for port, n, reason in map(str.split, text)}, want)

    def drop_tcp(self):
        wire = drop_work.Wire()
        try:
            for _, work, n in TCP.values():
                work(wire, n)
            drop_work.tcp_ofomerge(wire, 113)  # is there already: no loss
            drop_work.Peer(wire, 7).send(drop_work.ACK, payload=b"taken")
            lib.wait_for(lambda: wire.held[-1].recv(9) == b"taken", "all to arrive")
            for sock in wire.held:  # nobody would answer a FIN
                if sock.type == socket.SOCK_STREAM:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        finally:
            wire.close()

    def test_firewall(self):
        """Dropped before it had a socket, which the socket does not count: found by its addresses."""
        with contextlib.ExitStack() as stack:
            if not drop_work.sh("nft add table ip weir"):
                self.skipTest("this kernel has no nftables")
            stack.callback(drop_work.sh, "nft delete table ip weir")
            drop_work.sh("nft add chain ip weir guard '{ type filter hook input priority 0; }'")
            weir = stack.enter_context(self.live("-o", "json"))
            socks = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(3)]
            for sock in socks[:2]:
                sock.bind(("127.0.0.1", 0))
            ports = [sock.getsockname()[1] for sock in socks[:2]]
            for sock, port in zip(socks, ports):
                socks[2].sendto(b"taken", ("127.0.0.1", port))
                self.assertEqual(sock.recv(9), b"taken")
            drop_work.sh(f"nft add rule ip weir guard udp dport {ports[0]} drop")
            for port in ports[:1] * 41 + ports[1:] * 3:
                with contextlib.suppress(PermissionError):
                    socks[2].sendto(b"x", ("127.0.0.1", port))
            self.assertEqual([take_all(sock) for sock in socks[:2]], [0, 3])
            self.assertEqual(list(map(kernels_own, ports)), [0, 0])
            for sock in socks:
                sock.close()
            closed = [r for r in self.ended(weir).rows if r["event"] == "closed"]
        self.assertEqual(self.dropped(closed, local_port=ports[0]), {(41, "NETFILTER_DROP")})
        self.assertEqual(self.dropped(closed, local_port=ports[1]), {(0, None)})

    @lib.once
    def test_unwatched(self):
        """A snapshot saw nothing being dropped, and where no column shows it, nothing is attached."""
        with socket.create_server(("127.0.0.1", 0)):
            ended = lib.weir("conns", "--once", "--netns", os.getpid(), "-o", "json")
            self.assertEqual(self.dropped(ended.rows), {(None, None)})
        for tool, words, wanted in (("conns", (), False), ("tcplife", (), False), ("tcplife", ("-o", "json"), False),
                                    ("conns", ("--columns", "pid,dropped"), True)):
            with self.live(*words, tool=tool) as weir:
                self.assertEqual("kfree_skb" in self.ended(weir).stats["probes"], wanted, (tool, words))


if __name__ == "__main__":
    lib.main()
