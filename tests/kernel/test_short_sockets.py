#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
Packets of what is no whole socket: the request for a connection (TCP_NEW_SYN_RECV) and what is left of one
(TCP_TIME_WAIT) have addresses and ports of their own, and nothing behind them. Filters find them by these, and no others.
"""
import collections
import errno
import os
import socket
import sys
import time
import unittest

import lib
import net

ME = [sys.executable, os.path.abspath(__file__)]
# To listen at there, the first port to come from here, and from how many, each twice.
SERVERS = ((net.THERE, 47001, 47101, 3), (net.THERE, 47003, 47201, 5), (net.THERE6, 47005, 47301, 2))
FILTERS = (("--port", 47003), ("--port", 47102), ("--host", net.THERE), ("-6",), ("--port", 47999))
REQUEST, REST = "TCP_NEW_SYN_RECV", "TCP_TIME_WAIT"


def open_socket(address, port):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    return sock


def serve():
    """The first to close, so that what is left of each is here."""
    listeners = [open_socket(address, port) for address, port, _, _ in SERVERS]
    for listener in listeners:
        listener.listen()
    print("ready", flush=True)
    for listener, (_, _, _, count) in zip(listeners, SERVERS):
        for _ in range(2 * count):
            listener.accept()[0].close()


def connect_once(address, port, each):
    """False while the last one waits for the acknowledgment of its FIN: nothing is sent then."""
    with open_socket(net.HERE6 if ":" in address else net.HERE, each) as sock:
        try:
            sock.connect((address, port))
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise
            return False
        sock.recv(1)
    return True


def connect():
    for address, port, first, count in SERVERS:
        for each in [*range(first, first + count)] * 2:  # the second time it comes to what is left
            while not connect_once(address, port, each):
                time.sleep(0.01)


def wanted(filters):
    """How many SYN-ACKs of requests, and SYNs to what is left, by the ports there and here."""
    word, value = (*filters, None)[:2]
    want = collections.Counter()
    for address, port, first, count in SERVERS:
        for each in range(first, first + count):
            six = ":" in address
            if {"--port": value in (port, each), "-6": six,
                    "--host": value in (address, net.HERE6 if six else net.HERE)}[word]:
                want[REQUEST, port, each] += 2
                want[REST, port, each] += 1
    return want


class ShortSockets(unittest.TestCase):
    maxDiff = 3000

    def rows(self, filters, *probes):
        with lib.Live("-o", "json", "--stats", *filters, *probes) as live:
            server = self.pair.start_there(*ME, "serve")
            server.stdout.readline()
            connect()
            self.assertEqual(server.wait(), 0)
            server.stdout.close()
            ended = live.stop()
        self.assertEqual((ended.status, lib.lost(ended)), (0, {}), ended.words)
        return ended.rows

    def check(self, packets, sockets=()):
        """
        packets: probes of packets, by the flags of those that are looked at and the state of the socket that they have;
        sockets: probes of sockets alone.
        """
        for filters in lib.part(FILTERS):
            with net.Pair() as self.pair:  # nothing is left there
                rows = self.rows(filters, *(name for name, _, _ in packets), *sockets)
                want = wanted(filters)
                for name, flags, state in packets:
                    with self.subTest(name=name, filters=filters):
                        mine = [r for r in rows if r["probe"].split(":")[-1] == name and (r["packet"] or {}).get("flags") == flags
                                and r["socket"] and r["socket"]["state"] == state]
                        got = collections.Counter((state, r["socket"]["local"]["port"], r["socket"]["remote"]["port"]) for r in mine)
                        family = "AF_INET6" if name == "tcp_v6_rcv" else "AF_INET" if name == "tcp_v4_rcv" else None
                        some = {key: n for key, n in want.items() if key[0] == state and
                                (not family or (key[1] == 47005) == (family == "AF_INET6"))}
                        self.assertEqual({key: n for key, n in got.items() if 47001 <= key[1] <= 47005}, some)
                        self.assertEqual({(r["socket"]["type"], r["socket"]["protocol"], r["pid"]) for r in mine},
                                         {("SOCK_STREAM", "IPPROTO_TCP", None)} if mine else set())
                for name in sockets:
                    with self.subTest(name=name, filters=filters):
                        got = {(r["socket"]["state"], r["socket"]["local"]["port"], r["socket"]["remote"]["port"])
                               for r in rows if r["probe"] == name and r["socket"] and r["socket"]["state"] in (REQUEST, REST)}
                        self.assertLessEqual({key for key in got if 47001 <= key[1] <= 47005}, set(want))
                        self.assertLessEqual({key for key in want if key[0] == REQUEST}, got)

    def test_tracepoints(self):
        self.check([(name, "SYN|ACK", REQUEST) for name in ("net_dev_queue", "net_dev_start_xmit")])

    def test_functions(self):
        if lib.weir("trace", "tcp_v4_rcv", "--", "true").status:
            self.skipTest("this kernel lets no function be traced")
        self.check([("__dev_queue_xmit", "SYN|ACK", REQUEST), ("tcp_v4_rcv", "SYN", REST), ("tcp_v6_rcv", "SYN", REST)],
                   ["sock_gen_put"])


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        lib.main()
