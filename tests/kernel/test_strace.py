#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir trace --bare beside strace: small programs with every kind of argument, good and bad."""

import lib
import oracle

EVERY_WAY = True
IN_ORDER = ("sockets", "addresses_in", "addresses_out", "payload", "messages", "control", "control_received",
            "many_messages", "options", "socket_filters", "netlink", "host_names")


class Strace(oracle.Case):
    maxDiff = 2000

    def test_calls(self):
        self.same(lib.in_turn(*IN_ORDER))

    def test_interrupted(self):
        """By signals, and by others' calls."""
        self.same(lib.in_turn("signals", "overlap"), ordered=False)

    def test_io(self):
        """The io calls: on sockets they are the same lines, on files and pipes there are none."""
        want, ended = oracle.both(oracle.IO_CALLS, [lib.work("io")], "--bare", "--io", strace=["-y"])
        self.compare(oracle.sockets_only(want), ended)


if __name__ == "__main__":
    lib.main()
