# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
A host that is far away, without netem, which not every kernel has: a tun device whose other end is a
thread of the test. To its port number it owes what it does; each answer takes some milliseconds.
"""
import fcntl
import heapq
import os
import select
import socket
import struct
import subprocess
import threading
import time
import unittest

HOME, HOST = "10.53.0.1", "10.53.0.2"
ACCEPT, REFUSE, UNREACHABLE, TALK, SILENT = 53, 59, 61, 67, 71  # ports, and ms until the answer
SAYS = b"twenty-nine bytes are sent..."  # by TALK, that long after it accepted

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 1, 0x1000


def checksum(data):
    data += b"\0" * (len(data) & 1)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip(protocol, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0,
                       socket.inet_aton(HOST), socket.inet_aton(HOME))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def tcp(sport, dport, seq, ack, flags, payload=b""):
    head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff, 5 << 4, flags, 65535, 0, 0)
    pseudo = socket.inet_aton(HOST) + socket.inet_aton(HOME) + struct.pack("!BBH", 0, 6, len(head) + len(payload))
    head = head[:16] + struct.pack("!H", checksum(pseudo + head + payload)) + head[18:]
    return ip(6, head + payload)


def unreachable(packet):
    message = struct.pack("!BBHI", 3, 1, 0, 0) + packet[:28]
    return ip(1, message[:2] + struct.pack("!H", checksum(message)) + message[4:])


class Far:
    """with Far(): HOST is there. A test is skipped where there are no tun devices."""

    def __enter__(self):
        if not os.path.exists("/dev/net/tun"):
            subprocess.run(["modprobe", "tun"], stderr=subprocess.DEVNULL, check=False)
        try:
            self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", b"far0", IFF_TUN | IFF_NO_PI))
        except OSError as error:
            raise unittest.SkipTest(f"no tun device: {error}")
        subprocess.run(["ip", "addr", "add", f"{HOME}/24", "dev", "far0"], check=True)
        subprocess.run(["ip", "link", "set", "far0", "up"], check=True)
        self.due, self.over, self.n = [], False, 0
        self.thread = threading.Thread(target=self.answer, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.over = True
        self.thread.join()
        os.close(self.tun)

    def later(self, ms, packet):
        self.n += 1
        heapq.heappush(self.due, (time.monotonic() + ms / 1000, self.n, packet))

    def answer(self):
        while not self.over:
            wait = min(0.05, max(0, self.due[0][0] - time.monotonic()) if self.due else 0.05)
            if select.select([self.tun], [], [], wait)[0]:
                self.take(os.read(self.tun, 65536))
            while self.due and self.due[0][0] <= time.monotonic():
                os.write(self.tun, heapq.heappop(self.due)[2])

    def take(self, packet):
        if packet[0] >> 4 != 4 or packet[9] != 6:
            return
        at = (packet[0] & 15) * 4
        sport, dport, seq, ack = struct.unpack_from("!HHII", packet, at)
        flags, data = packet[at + 13], len(packet) - at - (packet[at + 12] >> 4) * 4
        if flags & SYN and dport in (ACCEPT, TALK):
            self.later(dport, tcp(dport, sport, 1000, seq + 1, SYN | ACK))
            if dport == TALK:
                self.later(2 * dport, tcp(dport, sport, 1001, seq + 1, PSH | ACK, SAYS))
        elif flags & SYN and dport == REFUSE:
            self.later(dport, tcp(dport, sport, 0, seq + 1, RST | ACK))
        elif flags & SYN and dport == UNREACHABLE:
            self.later(dport, unreachable(packet))
        elif flags & FIN:
            self.later(0, tcp(dport, sport, ack, seq + data + 1, RST | ACK))
