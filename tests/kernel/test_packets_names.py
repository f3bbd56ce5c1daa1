#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir packets keeps texts and owners of what it saw before; what has changed since is told as it is now."""
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import lib
import net

# Makes a socket, binds it when told to, and lets go of it when told to.
TAKER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print("made", flush=True)
for line in sys.stdin:
    if line == "bind\\n":
        s.bind(("127.0.0.1", 5353))
    else:
        s.close()
    print(line, end="", flush=True)
"""


class Taker:
    def __init__(self):
        self.child = subprocess.Popen([sys.executable, "-c", TAKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True)
        self.pid = self.child.pid
        assert self.child.stdout.readline() == "made\n"

    def do(self, word):
        print(word, file=self.child.stdin, flush=True)
        assert self.child.stdout.readline() == word + "\n"

    def end(self):
        self.child.stdin.close()
        self.child.wait()
        self.child.stdout.close()


def blocks(data):
    """(type, body) of each block of a pcapng file."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from("=II", data, at)
        yield kind, data[at + 8:at + size - 4]
        at += size


def option(body, at, wanted):
    """The value of an option among those from at on, None without one."""
    while at + 4 <= len(body):
        code, size = struct.unpack_from("=HH", body, at)
        if code == wanted:
            return body[at + 4:at + 4 + size]
        at += 4 + (size + 3 & ~3)
    return None


class Names(unittest.TestCase):
    def test_port_changes_hands(self):
        """Both sockets are there before; who has the port is told, and never who had it 5 ms ago."""
        net.sh("ip link set lo up")
        for at in "tc", "xdp":
            one, two = Taker(), Taker()
            with lib.Live("-o", "json", "-i", "lo", "--at", at, "udp dst port 5353", tool="packets") as weir, \
                    socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                want = []
                for owner in one, two:
                    owner.do("bind")
                    for _ in range(3):
                        sender.sendto(b"to whom it concerns", ("127.0.0.1", 5353))
                    want += [owner.pid] * 3
                    owner.do("close")
                    time.sleep(0.005)
                rows = [r for r in weir.stop().rows if r["direction"] == "in"]
            one.end()
            two.end()
            self.assertEqual([r["pid"] for r in rows], want, at)

    def test_device_is_renamed(self):
        """The columns of people, too, which are kept as text."""
        with net.Pair(), lib.Live("-i", "w0", "udp port 5353", tool="packets") as weir:
            net.udp(2, 20)
            net.sh("ip link set w0 down; ip link set w0 name w8; ip link set w8 up")
            try:
                time.sleep(3.3)  # an answer of the kernel's is kept for 2 s
                net.udp(3, 20)
            finally:
                net.sh("ip link set w8 down; ip link set w8 name w0; ip link set w0 up")
            lines = weir.stop().lines[1:]
        self.assertEqual([line.split()[3] for line in lines], ["w0"] * 2 + ["w8"] * 3, lines)

    def test_drop_counts(self):
        """What the ring could not take stands at the packets before which it was lost."""
        net.sh("ip link set lo up")
        with tempfile.NamedTemporaryFile() as file:
            with lib.Live("-i", "lo", "--ring", "64", "-w", file.name, "udp port 5353", tool="packets") as weir:
                net.udp(1, 20, ("127.0.0.1", 5353))
                time.sleep(0.3)
                os.kill(weir.pid, signal.SIGSTOP)
                lib.wait_stopped(weir.pid)
                net.udp(701, 20, ("127.0.0.1", 5353))
                os.kill(weir.pid, signal.SIGCONT)
                time.sleep(0.5 * lib.SLOW)
                net.udp(1, 20, ("127.0.0.1", 5353))
                time.sleep(0.3 * lib.SLOW)
                ended = weir.stop()
            packets = [body for kind, body in blocks(file.read()) if kind == 6]
        events, lost = lib.account(ended)
        drops = [option(body, 20 + (struct.unpack_from("=I", body, 12)[0] + 3 & ~3), 4) for body in packets]
        self.assertEqual(len(packets), events)
        self.assertGreater(lost, 0)
        self.assertEqual(events + lost, 2 * 703)
        self.assertEqual(sum(struct.unpack("=Q", d)[0] for d in drops if d), lost)


lib.main()
