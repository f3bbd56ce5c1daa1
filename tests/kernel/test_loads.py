#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""Each tool starts, with the options that change what the kernel has to verify, and ends with its account."""
import os
import unittest

import lib

LOADS = """
trace
trace --io --port 80 --host 10.0.0.1
trace --summary -4
trace -o json -c x --failed --slower 1ms
sockstat --by process
sofamily --port 1
soprotocol
soconnect --port 9
soaccept --port 1
soconnlat --stack --port 1
so1stbyte --stack
socketio --port 80
socksize
sormem
conns
conns -o json --all
tcplife -6
tcptop
tcpretrans --port 1
tcprtt --by port
tcpsynbl
drops --each --stack
drops --reason NO_SOCKET
latency
latency --over 1ms
http
http --port 80
dns
packets -i lo
packets -i lo --at both
packets -i lo --summary
packets -i lo -p 1
"""
MACHINE = """
trace net_dev_start_xmit tcp_sendmsg udp_rcv __dev_queue_xmit --port 9
trace --stack --ret tcp_recvmsg
sockstat --errors
packets -i lo --at xdp --summary
http --at xdp
"""


class Loads(unittest.TestCase):
    def start(self, lines, *more):
        for words in filter(None, lines.splitlines()):
            with self.subTest(words):
                ended = lib.weir(*words.split(), "-d", "0.1", "--stats", *more)
                self.assertEqual(ended.status, 0, ended)
                self.assertRegex(ended.words, r"(?m)^weir: \d+ events?, \d+ lost")

    def test_tools(self):
        self.start(LOADS, "--netns", str(os.getpid()))

    @unittest.skipUnless(lib.SLOW > 1, "wider than this test's namespaces: emulated kernels only")
    def test_machine(self):
        self.start(MACHINE)


if __name__ == "__main__":
    lib.main()
