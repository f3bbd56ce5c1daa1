#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir dns against dnsmasq's log, and a server that answers as no resolver does."""
import collections
import contextlib
import ctypes
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import lib

sys.path.insert(0, lib.here("..", "replay"))
import schema  # noqa: E402 (from the folder just named)

ME = [sys.executable, os.path.abspath(__file__)]
HOSTS = 13
TYPES = {"A": 1, "AAAA": 28, "TXT": 16, "MX": 15, "SRV": 33, "CNAME": 5}


class Dnsmasq:
    """Authoritative for .test, port 53; its log says what it was asked and what it said."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.log_path = pathlib.Path(self.folder.name, "log")
        resolv = pathlib.Path(self.folder.name, "resolv.conf")
        resolv.write_text("nameserver 127.0.0.1\n")
        subprocess.run(["mount", "--bind", resolv, "/etc/resolv.conf"], check=True)
        hosts = [f"--address=/h{i}.test/10.1.2.{i}" for i in range(HOSTS)]
        self.process = subprocess.Popen(
            [lib.need("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
             "--pid-file", "--listen-address=127.0.0.1", "--bind-interfaces", "--log-queries=extra", f"--log-facility={self.log_path}",
             "--local=/test/", "--txt-record=text.test,hello there,more", "--mx-host=test,mail.test,7", *hosts,
             "--address=/six.test/fd00::5", "--cname=alias.test,h1.test", "--host-record=h1.test,10.1.2.1",
             "--txt-record=big.test," + ",".join("x" * 200 for _ in range(9))],
            stderr=subprocess.DEVNULL)
        lib.wait_for(lambda: self.log_path.exists() and b"started" in self.log_path.read_bytes(), "dnsmasq to start")
        return self

    def asked(self):
        return collections.Counter(re.findall(r"query\[(\w+)\] (\S+) from", self.log_path.read_text()))

    def said(self):
        """What it answered: name → addresses."""
        return set(re.findall(r"(?:config|reply) (\S+) is ([\d.:a-f]+)$", self.log_path.read_text(), re.M))

    def nothing(self):
        """The names of which it said that there is no such record."""
        return set(re.findall(r" (\S+) is NXDOMAIN$", self.log_path.read_text(), re.M))

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait()
        subprocess.run(["umount", "/etc/resolv.conf"], check=True)
        self.folder.cleanup()


def query(name, kind="A", number=1):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part)
    return struct.pack(">HHHHHH", number, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", TYPES[kind], 1)


def udp(message, server=("127.0.0.1", 53), wait=True):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(message, server)
        return sock.recv(5000) if wait else b""


def tcp(messages, pieces=1, server=("127.0.0.1", 53)):
    """Several on one connection, sent in pieces of so many bytes."""
    with socket.create_connection(server) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for message in messages:
            data = struct.pack(">H", len(message)) + message
            for at in range(0, len(data), pieces):
                sock.sendall(data[at:at + pieces])
            left = struct.unpack(">H", sock.recv(2, socket.MSG_WAITALL))[0]
            sock.recv(left, socket.MSG_WAITALL)


def resolve():
    """By the C library, which asks for A and AAAA in one sendmmsg; then by hand."""
    for i in range(HOSTS):
        socket.getaddrinfo(f"h{i}.test", 80)
    for name in ("six.test", "alias.test", "none.test"):
        try:
            socket.getaddrinfo(name, 80)
        except socket.gaierror:
            pass
    for name, kind in (("text.test", "TXT"), ("test", "MX"), ("h3.test", "A"), ("H3.TEST", "A"), ("big.test", "TXT")):
        udp(query(name, kind, 77))
    tcp([query("big.test", "TXT", 5), query("h4.test", "A", 6)])
    tcp([query("h5.test", "A", 7)], pieces=3)


def look_up():
    """By the C library, IPv4 alone: each name is one query. The last one is in no file and at no server."""
    for name in (*(f"h{i}.test" for i in range(HOSTS)), "none.test"):
        try:
            socket.getaddrinfo(name, 80, socket.AF_INET)
        except socket.gaierror:
            pass
    socket.getaddrinfo("10.9.8.7", 80, socket.AF_INET)


class Server:
    """Answers queries by what answer() makes of them, until it is closed: then nobody holds the port any more."""

    def __init__(self, answer, port=53):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", port))
        self.answer = answer
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            message, client = self.sock.recvfrom(5000)
            if not client:
                return
            reply = self.answer(message)
            if reply:
                self.sock.sendto(reply, client)

    def close(self):
        with contextlib.suppress(OSError):  # it has no peer, and is shut down all the same
            self.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.sock.close()


class Dns(unittest.TestCase):
    maxDiff = 5000

    def live(self, *options):
        return lib.Live("-o", "json", "--netns", os.getpid(), *options, tool="dns")

    def rows(self, live, side=None):
        ended = live.stop()
        self.assertEqual(ended.status, 0, ended)
        self.assertEqual(lib.account(ended)[1], 0)
        self.assertIsNone(schema.wrong("dns", ended.rows))
        self.words = ended.words
        return [r for r in ended.rows if side in (None, r["side"])]

    def test_dnsmasq(self):
        """Each query of the log is a row at the server and one at the client, and so are the addresses."""
        with Dnsmasq() as dnsmasq:
            live = self.live()
            subprocess.run([*ME, "resolve"], check=True)
            lib.wait_for(lambda: ("A", "h5.test") in dnsmasq.asked(), "dnsmasq's log")
            rows, asked, said, nothing = self.rows(live), dnsmasq.asked(), dnsmasq.said(), dnsmasq.nothing()
        self.assertGreaterEqual(sum(asked.values()), 2 * HOSTS + 14)
        for side in ("server", "client"):
            mine = [r for r in rows if r["side"] == side]
            self.assertEqual(collections.Counter((r["type"], r["name"]) for r in mine), asked, side)
            self.assertEqual({r["comm"] for r in mine}, {"dnsmasq" if side == "server" else "python3"})
            self.assertEqual({(r["server"], r["server_port"]) for r in mine}, {("127.0.0.1", 53)})
            heard = {(r["name"] if i == 0 else r["answers"][0]["data"], a["data"]) for r in mine
                     for i, a in enumerate(r["answers"]) if a["type"] in ("A", "AAAA")}
            self.assertEqual({(n.lower(), a) for n, a in heard}, {(n.lower(), a) for n, a in said}, side)
            self.assertEqual({r["name"] for r in mine if r["rcode"] == "NXDOMAIN"}, nothing)
            self.assertEqual([r["notes"] for r in mine if r["notes"]], [["truncated"]])  # big.test over UDP
            self.assertEqual(sorted(r["name"] for r in mine if r["transport"] == "tcp"), ["big.test", "h4.test", "h5.test"])
            for row in mine:
                self.assertGreater(row["latency_ns"], 0)
            told = {r["name"]: [a["data"] for a in r["answers"]] for r in mine}
            self.assertEqual(told["text.test"], ["hello\\032theremore"])
            self.assertEqual(told["test"], ["7 mail.test"])

    def test_unanswered_and_wrong(self):
        """No answer; one that is no message, loops, or is to another question; then the right one."""
        def answer(message):
            number = message[0]
            head = message[:2] + b"\x81\x80" + message[4:6] + b"\0\1\0\0\0\0"
            record = b"\0\1\0\1\0\0\0\7\0\4\1\2\3\4"
            return {1: None, 2: message[:2] + b"\x81", 3: head + b"\xc0\x0c\0\1\0\1",
                    4: message[:1] + b"\xff" + head[2:] + message[12:] + b"\xc0\x0c" + record,
                    5: message[:2] + b"\x81\x85" + message[4:6] + b"\0" * 6 + message[12:],
                    6: head + message[12:] + b"\xc0\x0c" + record}[number]
        server = Server(answer)
        live = self.live("--timeout", "300ms", "--side", "client")
        for number in range(1, 7):
            udp(query("a.test", number=number << 8), wait=number > 1)
        time.sleep(0.8)
        server.close()
        got = {(r["id"] >> 8, r["rcode"], *r["notes"]) for r in self.rows(live)}
        self.assertEqual(got, {(1, None, "unanswered"), (2, None, "unanswered"), (3, None, "unanswered"),
                               (4, None, "unanswered"), (4, "NOERROR", "no_query"), (5, "REFUSED"), (6, "NOERROR")})
        self.assertRegex(self.words, r"\d+ messages were no DNS")

    def test_longer_than_the_machine_runs(self):
        """A time-out that would have begun before the machine did."""
        def answer(message):
            time.sleep(0.7)
            return message[:2] + b"\x81\x80" + message[4:6] + b"\0" * 6 + message[12:]
        server = Server(answer)
        live = self.live("--timeout", "1000000m", "--side", "client")
        udp(query("a.test"))
        server.close()
        self.assertEqual([(r["rcode"], r["notes"]) for r in self.rows(live)], [("NOERROR", [])])

    def test_looks(self):
        """A message that is looked at first, as resolvers do for its length, is one message."""
        server = Server(lambda message: message[:2] + b"\x81\x80" + message[4:6] + b"\0" * 6 + message[12:], 5301)
        live = self.live("--side", "client", "--port", "5301")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for number in (1, 2):
                sock.sendto(query("a.test", number=number), ("127.0.0.1", 5301))
                sock.recv(0 if number == 1 else 512, socket.MSG_PEEK | socket.MSG_TRUNC)
                sock.recv(512)
        server.close()
        self.assertEqual([(r["id"], r["notes"]) for r in self.rows(live)], [(1, []), (2, [])])

    def test_mdns(self):
        """Its answers repeat no question (RFC 6762 6): each goes to the query of that name and type; a message may have
        several questions, and answer several."""
        def name(text):
            return query(text)[12:-4]

        def answer(*names):
            return struct.pack(">HHHHHH", 0, 0x8400, 0, len(names), 0, 0) + b"".join(
                name(n) + struct.pack(">HHIH", 1, 0x8001, 120, 4) + socket.inet_aton(f"10.0.0.{i + 1}") for i, n in enumerate(names))
        several = struct.pack(">HHHHHH", 0, 0, 4, 0, 0, 0) + b"".join(
            name(f"{n}.local") + struct.pack(">HH", kind, 1) for n, kind in (("a", 1), ("a", 28), ("b", 1), ("never", 255)))
        live = self.live("--mdns", "--side", "client", "--timeout", "600ms")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as says:
            asks.bind(("127.0.0.1", 5353))
            says.bind(("127.0.0.2", 5353))
            asks.sendto(several, ("127.0.0.2", 5353))
            says.recv(500)
            for message in (answer("other.local"), answer("b.local", "A.local"), answer("late.local")):
                says.sendto(message, ("127.0.0.1", 5353))
                asks.recv(500)
        time.sleep(1)
        rows = {(r["name"], r["type"]): (len(r["answers"]), *r["notes"]) for r in self.rows(live)}
        self.assertEqual(rows, {("a.local", "A"): (2,), ("b.local", "A"): (2,), ("a.local", "AAAA"): (0, "unanswered"),
                                ("never.local", "ANY"): (0, "unanswered"), ("other.local", "A"): (1, "no_query"),
                                ("late.local", "A"): (1, "no_query")})

    def test_ipv4_address_on_ipv6_socket(self):
        server = Server(lambda message: message[:2] + b"\x81\x80" + message[4:6] + b"\0" * 6 + message[12:], 5302)
        live = self.live("--side", "client", "--port", "5302")
        message, to = query("a.test"), struct.pack("<H", socket.AF_INET) + struct.pack(">H4s8x", 5302, bytes([127, 0, 0, 1]))
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sent = ctypes.CDLL(None).sendto(sock.fileno(), message, len(message), 0, to, len(to))
            self.assertEqual(sent, len(message))
            sock.recv(512)
        server.close()
        self.assertEqual([r["server"] for r in self.rows(live)], ["::ffff:127.0.0.1"])

    def test_ports_and_filters(self):
        """Another port, mDNS only when asked for; --slower, --name, --failed; a replay like the live run."""
        def answer(message):
            time.sleep(0.05 * lib.SLOW if b"slow" in message else 0)
            rcode = b"\x81\x83" if b"none" in message else b"\x81\x80"
            return message[:2] + rcode + message[4:6] + b"\0" * 6 + message[12:]
        servers = [Server(answer, port) for port in (5300, 5353)]
        with tempfile.NamedTemporaryFile() as record:
            lives = {"dns": self.live("--side", "client"), "5300": self.live("--side", "client", "--port", "5300"),
                     "mdns": self.live("--side", "client", "--mdns"), "kept": self.live("--port", "5300", "--record", record.name)}
            for name in ("slow.test", "none.test", "fast.test"):
                udp(query(name), ("127.0.0.1", 5300))
            udp(query("local.test"), ("127.0.0.1", 5353))
            names = {key: [r["name"] for r in self.rows(live)] for key, live in lives.items()}
            for options, want in (([], ["slow.test", "none.test", "fast.test"]), (["--slower", f"{40 * lib.SLOW:.0f}ms"], ["slow.test"]),
                                  (["--failed"], ["none.test"]), (["--name", "F*.test"], ["fast.test"])):
                replayed = lib.weir("replay", record.name, "-o", "json", "--side", "client", *options)
                self.assertEqual([r["name"] for r in replayed.rows], want, options)
            for by, want in (("name", {"slow.test": 1, "none.test": 1, "fast.test": 1}), ("server", {"127.0.0.1": 3})):
                summed = lib.weir("replay", record.name, "-o", "json", "--side", "client", "--summary", "--by", by)
                self.assertEqual({r[by]: r["queries"] for r in summed.rows}, want)
                self.assertIsNone(schema.wrong("dns_summary", summed.rows))
                self.assertEqual(sum(r["failed"] for r in summed.rows), 1)
        for server in servers:
            server.close()
        self.assertEqual(names, {"dns": [], "5300": ["slow.test", "none.test", "fast.test"], "mdns": ["local.test"], "kept": []})

    def test_beside_gethostlatency(self):
        """It has the library's calls: as many by the same process for the same names, and not shorter ones."""
        lib.need("gethostlatency")
        if not os.path.exists("/sys/bus/event_source/devices/kprobe"):
            self.skipTest("the whole machine is not this test's")
        with Dnsmasq(), tempfile.TemporaryFile() as out:
            other = subprocess.Popen(["stdbuf", "-oL", "gethostlatency"], stdout=out, stderr=subprocess.STDOUT)

            def lines():
                return [line.split() for line in os.pread(out.fileno(), 1 << 20, 0).decode().splitlines()]
            try:
                lib.wait_for(lambda: lines() or other.poll() is not None, "gethostlatency to start", 30)
                if other.poll() is not None:
                    self.skipTest(f"gethostlatency does not run here: {lines()[-1:]}")
                live = self.live("--side", "client")
                subprocess.run([*ME, "look_up"], check=True)
                lib.wait_for(lambda: any(line[-1] == "10.9.8.7" for line in lines()), "gethostlatency to tell all", 30)
                rows, told = self.rows(live), lines()
            finally:
                other.send_signal(2)
                other.wait()
        self.assertRegex(" ".join(told[0]), "PID.*LAT.*HOST")
        theirs = {(int(line[1]), line[-1]): float(line[-2]) for line in told[1:] if line[2] == "python3"}
        mine = {(r["pid"], r["name"]): r["latency_ns"] / 1e6 for r in rows}
        self.assertEqual(len(rows), HOSTS + 1)
        # What needs no server is a call, and no query.
        self.assertEqual({key for key in theirs if key[1] != "10.9.8.7"}, set(mine))
        for key, ms in mine.items():
            self.assertLessEqual(ms, theirs[key] + 0.01, key)
            self.assertLess(theirs[key] - ms, 100 * lib.SLOW, key)

    @lib.once
    def test_refusals(self):
        for words in (["a"], ["--port", "x"], ["--port", "1,2,3,4,5,6,7,8,9"], ["--by", "name"], ["--summary", "--by", "type"],
                      ["--side", "x"], ["--summary", "--record", "/dev/null"]):
            ended = lib.weir("dns", *words)
            self.assertEqual((ended.status, ended.words.count("\n")), (2, 1), ended)


if __name__ == "__main__":
    if sys.argv[1:] in (["resolve"], ["look_up"]):
        globals()[sys.argv[1]]()
    else:
        lib.main()
