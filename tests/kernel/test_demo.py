#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir demo: what it shows is what its traffic did, call by call, and nothing is left of it."""
import collections
import csv
import errno
import fcntl
import os
import pathlib
import pty
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time
import unittest
import uuid

import lib

EVERY_WAY = True
SHIPPED = lib.ROOT / "src/tools/demo/demo.rec"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
HELD_BACK = "instead, the recording that weir ships"
LIMIT = 10  # seconds; the issue's, so not longer on a slow machine

# What the traffic is made of. Sizes are primes; the rest follows from HTTP.
GET4, GET6, PING, PONG, ASK, TELL = 10007, 5003, 101, 211, 307, 401


def request(host, path):
    return len(f"GET /{path} HTTP/1.1\r\nHost: {host}:8080\r\nUser-Agent: weir-demo\r\n\r\n")


def head(size):
    return len("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
               f"Content-Length: {size}\r\nConnection: close\r\n\r\n")


def http(host, size):
    asked = request(host, size)
    return ([("connect", 0), ("sendto", asked), ("recvfrom", head(size) + size)],
            [("accept4", None), ("recvfrom", asked), ("sendto", head(size)), ("sendto", size)])


SCENES = [
    http("10.77.0.1", GET4),
    http("[fd77::1]", GET6),
    ([("sendto", PING), ("recvfrom", PONG)], [("recvfrom", PING), ("sendto", PONG)]),
    ([("connect", 0), ("sendto", ASK), ("recvfrom", TELL)],
     [("accept4", None), ("recvfrom", ASK), ("sendto", TELL)]),
    ([("connect", -errno.ECONNREFUSED)], []),
    ([("connect", 0), ("sendto", request("10.77.0.1", "reset")), ("recvfrom", -errno.ECONNRESET)],
     [("accept4", None), ("recvfrom", request("10.77.0.1", "reset"))]),
]
CLIENT = [call for client, _ in SCENES for call in client]
SERVER = [call for _, server in SCENES for call in server]


def demo(*argv, before=(), **options):
    start = time.monotonic()
    ended = lib.run(*before, lib.WEIR, "demo", *argv, timeout=20, **options)
    ended.seconds = time.monotonic() - start
    return ended


def parts(ended):
    """The calls and the rows of the summary."""
    rows = ended.rows
    return [r for r in rows if "calls" not in r], {r["call"]: r for r in rows if "calls" in r}


def told(rows, comm):
    """What a process did, in its order; a descriptor that accept4 returned is any."""
    mine = sorted((r for r in rows if r["comm"] == comm), key=lambda r: r["time"])
    return [(r["call"], None if r["call"] == "accept4" and r["ret"] >= 0 else r["ret"]) for r in mine]


class Marked:
    """A demo whose processes are known by a word in their environment, whoever their parent is."""

    def __init__(self, *argv, **options):
        self.mark = f"WEIR_DEMO_TEST={uuid.uuid4()}"
        name, value = self.mark.split("=")
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.PIPE)
        self.process = subprocess.Popen([lib.WEIR, "demo", *argv], stdin=subprocess.DEVNULL,
                                        env={**os.environ, name: value}, **options)

    def pids(self):
        """Those that live: a zombie has no environment any more."""
        pids = []
        for place in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (place / "environ").read_bytes().split(b"\0"):
                    pids.append(int(place.name))
            except OSError:
                pass
        return pids

    def family(self):
        """The demo and its descendants, as long as each has its parent."""
        found = [self.process.pid]
        for pid in found:
            try:
                children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
                found += map(int, children.split())
            except OSError:
                pass
        return found

    def comms(self):
        comms = set()
        for pid in self.family():
            try:
                comms.add(pathlib.Path(f"/proc/{pid}/comm").read_text().strip())
            except OSError:
                pass
        return comms

    def namespaces(self):
        """The network namespaces that its processes are in, but for ours."""
        found = set()
        for pid in self.family():
            try:
                found.add(os.readlink(f"/proc/{pid}/ns/net"))
            except OSError:
                pass
        return found - {os.readlink("/proc/self/ns/net")}


def holders(namespaces):
    """Processes that are in one of these network namespaces, or have it open."""
    found = []
    for place in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            links = [place / "ns/net", *(place / "fd").iterdir()]
        except OSError:
            continue
        for link in links:
            try:
                if os.readlink(link) in namespaces:
                    found.append(place.name)
            except OSError:
                pass
    return found


def links():
    return [name for _, name in socket.if_nameindex()]


class Demo(unittest.TestCase):
    maxDiff = 2000

    def assert_whole(self, rows, summary):
        """All that the traffic did was seen, and the summary agrees."""
        self.assertEqual(told(rows, "demo-client"), CLIENT)
        self.assertEqual(told(rows, "demo-server"), SERVER)
        self.assertEqual(len(rows), len(CLIENT) + len(SERVER))
        calls = collections.Counter(name for name, _ in CLIENT + SERVER)
        self.assertEqual({name: summary[name]["calls"] for name in calls}, calls)
        for name in ("sendto", "recvfrom"):
            results = [ret for call, ret in CLIENT + SERVER if call == name]
            self.assertEqual(summary[name]["bytes"], sum(r for r in results if r > 0))
            self.assertEqual(summary[name]["errors"], sum(r < 0 for r in results))
            self.assertEqual(summary[name]["max_ns"],
                             max(r["latency_ns"] for r in rows if r["call"] == name))
        self.assertEqual((summary["bind"]["calls"], summary["listen"]["calls"]), (4, 3))

    def assert_next(self, ended):
        """Ends with three commands."""
        last = ended.words.splitlines()[-4:]
        self.assertEqual(last[0], "weir: try next:", ended)
        for line in last[1:]:
            self.assertRegex(line, rf"^  (sudo )?{lib.WEIR} \w+ ", ended)

    def test_live(self):
        before = links()
        with lib.NothingLeft():
            ended = demo("-o", "json", *lib.way())
        self.assertEqual(ended.status, 0, ended)
        self.assertNotIn(HELD_BACK, ended.words)
        self.assertLess(ended.seconds, LIMIT)
        rows, summary = parts(ended)
        self.assert_whole(rows, summary)
        self.assertEqual(len({r["netns"] for r in rows}), 2)
        self.assertEqual({(r["socket"]["family"], r["socket"]["type"]) for r in rows},
                         {("AF_INET", "SOCK_STREAM"), ("AF_INET6", "SOCK_STREAM"),
                          ("AF_INET", "SOCK_DGRAM"), ("AF_UNIX", "SOCK_STREAM")})
        self.assertEqual({r["error"] for r in rows}, {None, "ECONNREFUSED", "ECONNRESET"})
        self.assertEqual(lib.account(ended), (len(rows) + sum(
            row["calls"] for name, row in summary.items()
            if name in ("socket", "bind", "listen", "setsockopt")), 0))
        self.assert_next(ended)
        self.assertEqual(links(), before)

    def test_text(self):
        ended = demo(*lib.way())
        self.assertEqual(ended.status, 0, ended)
        text = "\n".join(ended.lines)
        for word in ("= -1 ECONNREFUSED (Connection refused)", "= -1 ECONNRESET (Connection reset by peer)",
                     'inet_addr("10.77.0.1")', 'inet_pton(AF_INET6, "fd77::1"', '@"weir-demo"',
                     "htons(7007)", "GET /10007 HTTP/1.1", "HTTP/1.1 200 OK",
                     *(f" = {n} " for n in (GET4, GET6, PING, PONG, ASK, TELL))):
            self.assertIn(word, text)
        self.assert_next(ended)

    def test_record(self):
        """The file holds what was shown, and is small enough to be shipped."""
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/demo.rec"
            ended = demo("-o", "json", "--record", file, *lib.way())
            self.assertEqual(ended.status, 0, ended)
            again = lib.weir("replay", file, "-o", "json", "connect", "accept4", "sendto", "recvfrom")
            summary = lib.weir("replay", file, "-o", "json", "--summary")
            self.assertLess(os.path.getsize(file), 64 << 10)
        self.assertEqual(ended.out, again.out + summary.out)

    def assert_shipped(self, ended):
        self.assertEqual(ended.status, 0, ended)
        self.assertIn(HELD_BACK, ended.words)
        self.assertEqual(ended.out, b"".join(
            lib.weir("replay", SHIPPED, "-o", "json", *more).out
            for more in (["connect", "accept4", "sendto", "recvfrom"], ["--summary"])))
        self.assert_whole(*parts(ended))
        self.assert_next(ended)

    def test_nobody(self):
        ended = demo("-o", "json", before=NOBODY)
        self.assertIn("cannot make a network namespace: Operation not permitted", ended.words)
        self.assert_shipped(ended)

    def test_no_tracing(self):
        """Namespaces, but no BPF: root of a user namespace."""
        if lib.run("unshare", "-Ur", "true").status:
            self.skipTest("there are no user namespaces here")
        ended = demo("-o", "json", before=["unshare", "-Ur"])
        self.assertRegex(ended.words, "weir: the kernel refused")
        self.assert_shipped(ended)
        self.assertEqual(demo("--record", "/dev/null", before=["unshare", "-Ur"]).status, 1)

    def test_shipped_is_whole(self):
        ended = lib.weir("replay", SHIPPED)
        self.assertEqual((ended.status, lib.account(ended)[1]), (0, 0))
        self.assertLess(SHIPPED.stat().st_size, 64 << 10)

    def test_csv(self):
        ended = demo("-o", "csv", before=NOBODY)
        rows = list(csv.reader(ended.lines))
        heads = [row for row in rows if "call" in row]
        self.assertEqual(len(heads), 2, ended)
        self.assertEqual(collections.Counter(map(len, rows)).keys(), set(map(len, heads)))

    def test_other_options(self):
        for words in (["-p", "1"], ["connect"], ["--", "true"], ["-d", "1"]):
            ended = demo(*words)
            self.assertEqual((ended.status, ended.out), (2, b""), words)
        self.assertEqual(demo("--help").status, 0)

    def until_busy(self, marked):
        """Waits until both programs run; the namespaces they are in."""
        def busy():
            self.assertIsNone(marked.process.poll(), "the demo has ended")
            return {"demo-client", "demo-server"} <= marked.comms() and len(marked.namespaces()) == 2

        lib.wait_for(busy, "traffic in two network namespaces")
        return marked.namespaces()

    def assert_gone(self, marked, namespaces):
        self.assertEqual(marked.pids(), [])
        self.assertEqual(holders(namespaces), [])

    def test_signals(self):
        """Ended politely it waits for all it started, so that nothing is left when it is gone."""
        before = links()
        for sig in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(sig), lib.NothingLeft():
                marked = Marked(*lib.way())
                namespaces = self.until_busy(marked)
                start = time.monotonic()
                marked.process.send_signal(sig)
                words = marked.process.communicate()[1].decode()
                self.assert_gone(marked, namespaces)
                self.assertEqual(marked.process.returncode, 128 + sig, words)
                self.assertLess(time.monotonic() - start, min(2 * lib.SLOW, LIMIT))
                self.assertIn("nothing is left behind", words)
                self.assertEqual(links(), before)

    def test_early_signal(self):
        """While namespaces are made and programs are loaded."""
        for wait in (0, 0.01, 0.03, 0.1, 0.3):
            with self.subTest(wait), lib.NothingLeft():
                marked = Marked(*lib.way())
                time.sleep(wait)
                marked.process.send_signal(signal.SIGINT)
                words = marked.process.communicate()[1].decode()
                self.assertEqual(marked.pids(), [])
                # Before it is ready for signals, one ends it as any program.
                self.assertIn(marked.process.returncode, (130, -signal.SIGINT), words)

    def test_killed(self):
        before = links()
        with lib.NothingLeft():
            marked = Marked(*lib.way())
            namespaces = self.until_busy(marked)
            marked.process.kill()
            marked.process.communicate()
            lib.wait_for(lambda: not marked.pids(), "the demo's processes to end", 2)
            self.assert_gone(marked, namespaces)
            self.assertEqual(links(), before)

    def test_stuck(self):
        """A tracer that does not get ahead ends nothing: the recording takes its place, in time."""
        with lib.NothingLeft():
            start = time.monotonic()
            marked = Marked("-o", "json", *lib.way(), stdout=subprocess.PIPE)
            self.until_busy(marked)
            os.kill(marked.family()[1], signal.SIGSTOP)
            out, err = marked.process.communicate()
            self.assertLess(time.monotonic() - start, LIMIT)
            lib.wait_for(lambda: not marked.pids(), "the tracer to end, which was killed")
        self.assert_shipped(lib.Ended(marked.process.returncode, out, err))

    def test_interrupt_key(self):
        """Ctrl-C reaches all of its processes at once."""
        keyboard, screen = pty.openpty()
        with lib.NothingLeft():
            marked = Marked(*lib.way(), start_new_session=True, stdout=screen, stderr=screen,
                            preexec_fn=lambda: fcntl.ioctl(screen, termios.TIOCSCTTY, 0))
            namespaces = self.until_busy(marked)
            os.write(keyboard, b"\3")
            self.assertEqual(marked.process.wait(), 130)
            self.assert_gone(marked, namespaces)
        os.close(keyboard)
        os.close(screen)

    def test_narrow(self):
        """80 columns get the short form of lines."""
        keyboard, screen = pty.openpty()
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        marked = Marked("-q", *lib.way(), stdout=screen)
        os.close(screen)
        shown = b""
        try:
            while more := os.read(keyboard, 1 << 16):
                shown += more
        except OSError:  # how a terminal tells that nobody has it open any more
            pass
        os.close(keyboard)
        words = marked.process.communicate()[1]
        self.assertEqual((marked.process.returncode, words), (0, b""))
        self.assertRegex(shown.decode(), r"(?m)^connect\(.*\) = -1 ECONNREFUSED \(Connection refused\)\r$")

    def test_closed_output(self):
        """A reader that has seen enough ends nothing badly."""
        read, write = os.pipe()
        os.close(read)
        marked = Marked(*lib.way(), stdout=write)
        os.close(write)
        words = marked.process.communicate()[1].decode()
        self.assertEqual(marked.process.returncode, 0, words)
        self.assertEqual(marked.pids(), [])


if __name__ == "__main__":
    lib.main()
