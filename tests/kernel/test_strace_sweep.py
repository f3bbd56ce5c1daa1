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


if __name__ == "__main__":
    lib.main()
