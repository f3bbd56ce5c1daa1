#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir trace --bare beside strace: small programs with every kind of argument, good and bad."""
import unittest

import lib
import oracle

EVERY_WAY = True


class Strace(oracle.Case):
    maxDiff = 2000

    def test_sockets(self):
        self.same([lib.work("sockets")])

    def test_addresses_in(self):
        self.same([lib.work("addresses_in")])

    def test_addresses_out(self):
        self.same([lib.work("addresses_out")])

    def test_payload(self):
        self.same([lib.work("payload")])

    def test_messages(self):
        self.same([lib.work("messages")])

    def test_control(self):
        self.same([lib.work("control")])

    def test_control_received(self):
        self.same([lib.work("control_received")])

    def test_many_messages(self):
        self.same([lib.work("many_messages")])

    def test_options(self):
        self.same([lib.work("options")])

    def test_socket_filters(self):
        self.same([lib.work("socket_filters")])

    def test_netlink(self):
        self.same([lib.work("netlink")])

    def test_host_names(self):
        self.same([lib.work("host_names")])

    def test_signals(self):
        self.same([lib.work("signals")], ordered=False)

    def test_overlap(self):
        self.same([lib.work("overlap")], ordered=False)

    def test_io(self):
        """The io calls: on sockets they are the same lines, on files and pipes there are none."""
        want, ended = oracle.both(oracle.IO_CALLS, [lib.work("io")], "--bare", "--io", strace=["-y"])
        self.compare(oracle.sockets_only(want), ended)


if __name__ == "__main__":
    lib.main()
