#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir packets and weir http --at where interfaces are of other kinds, go and come back."""
import http.client
import os
import socket
import time
import unittest

import far
import lib
import net

def live(*argv, tool="packets"):
    return lib.Live("-o", "json", *argv, tool=tool)


class Others(unittest.TestCase):
    def test_comes_back(self):
        """An interface that goes to another namespace and returns keeps number and name, and is traced again."""
        with net.Pair() as pair, live("udp dst port 5353") as weir:
            net.sh("ip link add d0 type veth peer name d1; ip link set d1 up")
            for n in (3, 5):
                net.sh("ip link set d0 up; ip addr add 10.8.0.1/24 dev d0; "
                       "ip neigh replace 10.8.0.9 lladdr 02:00:00:00:00:09 dev d0")
                time.sleep(0.6 * lib.SLOW)
                net.udp(n, 20, ("10.8.0.9", 5353))
                time.sleep(0.1 * lib.SLOW)
                net.sh(f"ip link set d0 netns {pair.far.pid}")
                pair.there(f"ip link set d0 netns {os.getpid()}")
            net.sh("ip link del d0")
            ended = weir.stop()
        self.assertEqual([r["direction"] for r in ended.rows if r["device"] == "d0"], 8 * ["out"], ended)
        self.assertIn("d0 is gone\nweir: d0 is new, and traced from now on\n", ended.words)

    def test_no_link_level(self):
        """Frames of a tun device begin with IP: a filter about more is not for it, and the kernel still filters others."""
        with far.Far(), net.Pair():
            with live("vlan and udp") as weir:
                self.assertIn(b"far0 is not traced: the filter cannot be applied to such frames", weir.said)
                self.assertNotIn(b"in user space", weir.said)
                socket.create_connection((far.HOST, far.ACCEPT)).close()
                self.assertEqual(weir.stop().rows, [])
            for argv in (["-i", "far0", "vlan"], ["-i", "far0", "ether host 02:00:00:00:00:01"]):
                ended = lib.weir("packets", *argv)
                self.assertEqual((ended.status, ended.words.count("\n")), (1, 1), ended)

    def test_http_without_link_level(self):
        with far.Far(), live("--at", "tc", "--interface", "far0", "--port", far.TALK, tool="http") as weir, \
                live("--at", "tc", "--interface", "far0", "--port", far.TALK + 1, tool="http") as other:
            self.assertNotIn(b"in user space", weir.said)
            server = http.client.HTTPConnection(far.HOST, far.TALK)
            server.request("GET", "/tunnelled")
            time.sleep(0.3 * lib.SLOW)
            server.close()
            time.sleep(0.3 * lib.SLOW)
            self.assertEqual([(r["path"], r["comm"]) for r in weir.stop().rows], [("/tunnelled", "python3")])
            self.assertEqual(other.stop().rows, [])


lib.main()
