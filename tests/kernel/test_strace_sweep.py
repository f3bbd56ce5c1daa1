#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
Beside strace, whatever the way of attaching: every level and option. Too much for an emulated
machine.
"""
import lib
import oracle

HOST_ONLY = True


class Sweep(oracle.Case):
    maxDiff = 2000

    def test_option_names(self):
        self.same([lib.work("option_sweep"), "names"])

    def test_option_values(self):
        self.same([lib.work("option_sweep"), "values"])

    def netlink(self, what):
        """With a ring that holds it all, each message being some KiB."""
        self.same([lib.work("netlink_sweep"), what], "--ring", 262144)

    def test_netlink_attributes(self):
        self.netlink("attributes")

    def test_netlink_values(self):
        self.netlink("values")

    def test_netlink_heads(self):
        self.netlink("heads")


if __name__ == "__main__":
    lib.main()
