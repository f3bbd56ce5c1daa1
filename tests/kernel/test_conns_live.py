#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir conns on a terminal, driven by keys under tmux."""
import os
import re
import socket
import unittest

import lib

HOST_ONLY = True


class Live(unittest.TestCase):
    def tmux(self, *words):
        return lib.run("tmux", "-L", self.name, *words).lines

    def setUp(self):
        lib.need("tmux")
        self.name = f"weir-{os.getpid()}-{self._testMethodName}"
        self.listener = socket.create_server(("127.0.0.1", 7013))
        self.kept = []
        for number in range(1, 6):
            mine = socket.create_connection(("127.0.0.1", 7013))
            mine.sendall(b"x" * 1009 * number)
            self.kept += [mine, self.listener.accept()[0]]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "150", "-y", "24",
                  f"{lib.WEIR} conns -i 0.3 --netns {os.getpid()} 2>/dev/null; echo over; sleep 30")
        self.wait("11 of 11")

    def tearDown(self):
        self.tmux("kill-server")
        for sock in [self.listener, *self.kept]:
            sock.close()

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def wait(self, what):
        last = []

        def there():
            last[:] = self.screen()
            return any(re.search(what, line) for line in last)
        try:
            lib.wait_for(there, what)
        except AssertionError as failed:
            raise AssertionError("\n".join([str(failed), *last])) from None
        return last

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def column(self, name):
        """The numbers below a heading of the right side."""
        lines = self.screen()
        at = re.search(rf"\b{name}\b", lines[1]).end()
        return [int(line[:at].split()[-1]) for line in lines[2:-1] if line.startswith("tcp")]

    def test_sort(self):
        """By the column that keys choose, largest first, and the other way round."""
        self.keys(*["<"] * 2)
        self.wait("by tx_bytes")
        want = sorted((n * 1009 for n in range(1, 6)), reverse=True)
        self.assertEqual(self.column("TX")[:5], want)
        self.keys("r")
        self.wait("by tx_bytes upwards")
        self.assertEqual([n for n in self.column("TX") if n], want[::-1])

    def test_filter(self):
        """What is typed is looked for at once; Escape forgets it."""
        port = self.kept[4].getsockname()[1]
        self.keys("/")
        for digit in str(port):
            self.keys(digit)
        lines = self.wait(f"2 of 11.*filter: {port}")
        self.assertEqual(sum(str(port) in line for line in lines[2:]), 2)
        self.keys("Escape")
        self.wait("11 of 11")

    def test_freeze(self):
        self.keys("f")
        self.wait("frozen")
        self.kept.append(socket.create_connection(("127.0.0.1", 7013)))
        self.wait("11 of 11, frozen")
        self.keys("f")
        self.wait("13 of 13")

    def test_expand(self):
        """One row, all that is known of it."""
        self.keys(*["<"] * 2)
        self.wait("by tx_bytes")
        self.keys("Enter")
        lines = self.wait('"tx_bytes":5045')
        text = "\n".join(lines)
        for member in (f'"pid":{os.getpid()}', '"direction":"opened"', '"port":7013', '"cwnd":', '"since":"before"'):
            self.assertIn(member, text)
        self.keys("Enter")
        self.wait("^PROTO")

    def test_quit(self):
        self.keys("q")
        lines = self.wait("^over")
        self.assertFalse(any(line.startswith("PROTO") for line in lines))

    def test_terminal_that_cannot(self):
        """Where nothing can be drawn: one sentence."""
        ended = lib.run("script", "-qec", f"TERM=none {lib.WEIR} conns -d 1 --netns {os.getpid()}", "/dev/null")
        self.assertIn("cannot be drawn on", ended.out.decode())
        self.assertEqual(ended.status, 1)


if __name__ == "__main__":
    lib.main()
