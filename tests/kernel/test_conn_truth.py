#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
The connection table against what others say: the bytes that iperf3, curl and nc report, resets in each phase of a
connection, and processes that follow each other under one pid.
"""
import ctypes
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import lib

ME = [sys.executable, os.path.abspath(__file__)]
RESET = struct.pack("ii", 1, 0)
CHILDREN = 101
ABORTS = ["unread"] * 7 + ["linger"] * 5 + ["not accepted"] * 3 + [None] * 2
SIZE = 7000003


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()
    time.sleep(0.05)


def phases():
    """A connection for each phase in which a reset may come; of its two ends, the state and why each ends."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pair():
        mine = socket.create_connection(listener.getsockname())
        return mine, listener.accept()[0]

    def told(sock, mine, accepted):
        print(json.dumps([sock.getsockname()[1], mine, accepted]), flush=True)

    mine = socket.create_connection(listener.getsockname())  # nobody has accepted it
    told(mine, ["TCP_ESTABLISHED", "reset", "local", None], ["TCP_ESTABLISHED", "reset", "remote", "ECONNRESET"])
    reset(mine)
    listener.accept()[0].close()
    for closes in (0, 1):
        ends = pair()
        states = [["TCP_ESTABLISHED", "reset", "local", None], ["TCP_ESTABLISHED", "reset", "remote", "ECONNRESET"]]
        told(ends[0], *(states if closes == 0 else states[::-1]))
        reset(ends[closes])
        ends[1 - closes].close()
    mine, accepted = pair()  # this side has sent its FIN, that one resets
    told(mine, ["TCP_FIN_WAIT2", "reset", "remote", "ECONNRESET"], ["TCP_CLOSE_WAIT", "reset", "local", None])
    mine.shutdown(socket.SHUT_WR)
    accepted.recv(1)
    time.sleep(0.1)  # the acknowledgment may be delayed
    reset(accepted)
    mine.close()
    mine, accepted = pair()  # the other way round: who has sent its FIN resets
    told(mine, ["TCP_FIN_WAIT2", "fin", "local", None], ["TCP_CLOSE_WAIT", "reset", "remote", "EPIPE"])
    mine.shutdown(socket.SHUT_WR)
    accepted.recv(1)
    time.sleep(0.1)  # the acknowledgment may be delayed
    reset(mine)
    accepted.close()
    free = socket.create_server(("127.0.0.1", 0))
    to = free.getsockname()
    free.close()
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    told(sock, ["TCP_SYN_SENT", "refused", "remote", "ECONNREFUSED"], None)
    sock.connect_ex(to)
    sock.close()


def aborts():
    """Connections that this side resets, each for one of the reasons that there are; of each the port and which."""
    listener = socket.create_server(("127.0.0.1", 0))
    for reason in ABORTS:
        closes = socket.create_server(("127.0.0.1", 0)) if reason == "not accepted" else listener
        mine = socket.create_connection(closes.getsockname())
        print(json.dumps([mine.getsockname()[1], reason]), flush=True)
        if reason == "not accepted":
            closes.close()
            mine.close()
            continue
        accepted = listener.accept()[0]
        if reason == "unread":
            accepted.sendall(b"x")
            mine.recv(1, socket.MSG_PEEK)
            mine.close()
        elif reason == "linger":
            reset(mine)
        else:
            ctypes.CDLL(None).connect(mine.fileno(), bytes(16), 16)  # AF_UNSPEC: no more
            mine.close()
        accepted.close()


def same_pid():
    """Children of one pid, each with a name and a connection of its own, of which it has both ends."""
    last = pathlib.Path("/proc/sys/kernel/ns_last_pid")
    listener = socket.create_server(("127.0.0.1", 0))
    for number in range(CHILDREN):
        last.write_text("4999")
        child = os.fork()
        if not child:
            ctypes.CDLL(None).prctl(15, f"child{number}".encode())  # PR_SET_NAME
            mine = socket.create_connection(listener.getsockname())
            accepted = listener.accept()[0]
            print(json.dumps([os.getpid(), f"child{number}", mine.getsockname()[1]]), flush=True)
            for end in (mine, accepted):
                end.close()
            os._exit(0)
        os.waitpid(child, 0)


WORK = {"phases": phases, "same_pid": same_pid, "aborts": aborts}


class Truth(unittest.TestCase):
    maxDiff = 3000

    def live(self, *options):
        return lib.Live("-o", "json", "--stats", "--netns", os.getpid(), *options, tool="tcplife")

    def ended(self, weir):
        lib.wait_for(lambda: not lib.run("ss", "-tnH", "state", "connected", "exclude", "time-wait").out, "all to end", 60)
        ended = weir.stop()
        self.assertEqual((ended.status, lib.lost(ended)), (0, {}), ended)
        return ended.rows

    def test_resets(self):
        def once():
            with self.live() as weir:
                out = lib.run(*ME, "phases").out
                ended = weir.stop()
                ended.want = {port: ends for port, *ends in map(json.loads, out.splitlines())}
                return ended

        ended = lib.in_full(once)
        self.assertEqual(lib.lost(ended), {}, ended)
        got = {}
        for r in ended.rows:
            mine = r["direction"] == "opened"
            ends = got.setdefault(r["local_port"] if mine else r["port"], [None, None])
            self.assertIsNone(ends[not mine])
            ends[not mine] = [r["state"], r["close"], r["closed_by"], r["error"]]
        self.assertEqual(got, ended.want)

    def test_reset_reasons(self):
        """Why this side resets: as the program did, and as often as the kernel counts of those that it counts."""
        def counted():
            words = lib.run("nstat", "-asz", "TcpExtTCPAbortOnClose", "TcpExtTCPAbortOnData").out.split()
            return [int(words[words.index(name) + 1]) for name in (b"TcpExtTCPAbortOnClose", b"TcpExtTCPAbortOnData")]

        def once():
            with self.live() as weir:
                before = counted()
                ended = lib.run(*ME, "aborts")
                self.assertEqual(ended.status, 0, ended)
                did = [after - n for after, n in zip(counted(), before)]
                got = weir.stop()
            got.want, got.did = dict(map(json.loads, ended.lines)), did
            return got

        ended = lib.in_full(once)
        self.assertEqual(ended.did, [ABORTS.count("unread"), ABORTS.count("linger")])
        reasons = {r[port]: {} for r in ended.rows for port in ("local_port", "port") if r[port] in ended.want}
        for r in ended.rows:
            mine = r["direction"] == "opened"
            reasons[r["local_port"] if mine else r["port"]][mine] = r["close"], r["closed_by"], r["reset_reason"]
        local, remote = ("reset", "local"), ("reset", "remote", None)
        self.assertEqual(reasons, {port: {mine: (*local, reason), not mine: remote} for port, reason in ended.want.items()
                                   for mine in (reason != "not accepted",)})

    def test_pids(self):
        """Weir is in the same pid namespace, where all have pid 5000."""
        script = f"""mount -t proc proc /proc
            {lib.WEIR} tcplife -o json --netns $$ >"$1" 2>"$1.err" & weir=$!
            until grep -q tracing "$1.err"; do sleep 0.1; done
            {ME[0]} {ME[1]} same_pid; sleep 0.3; kill -INT $weir; wait $weir"""
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder, "out")
            ended = lib.run("unshare", "-pfm", "--propagation", "private", "bash", "-c", script, "bash", out)
            self.assertEqual(ended.status, 0, ended)
            rows = [json.loads(line) for line in out.read_text().splitlines()]
            self.assertIn(f"weir: {2 * CHILDREN} events, 0 lost", (out.parent / "out.err").read_text())
        want = [(5000, name, port) for _, name, port in map(json.loads, ended.out.splitlines())]
        for side, port in (("opened", "local_port"), ("accepted", "port")):
            self.assertEqual(sorted((r["pid"], r["comm"], r[port]) for r in rows if r["direction"] == side), sorted(want))
        self.assertEqual({r["user_pid"] for r in rows}, {None})

    def iperf3(self):
        """Rows, and the bytes that iperf3 sent from each port. It is paced: a server that is behind at the end resets."""
        with self.live() as weir:
            server = subprocess.Popen(["iperf3", "-s", "-1", "-p", "5999"], stdout=subprocess.DEVNULL)
            lib.wait_for(lambda: lib.run("ss", "-tlnH", "sport", "=", ":5999").out, "the server")
            said = json.loads(lib.run("iperf3", "-c", "127.0.0.1", "-p", "5999", "-n", "7M", "-b", "400M", "-P", "3", "-J").out)
            server.wait()
            rows = self.ended(weir)
        want = {s["socket"]: s for s in said["start"]["connected"]}
        sums = {want[s["sender"]["socket"]]["local_port"]: s["sender"]["bytes"] + 37 for s in said["end"]["streams"]}  # a cookie first
        self.assertEqual(len(sums), 3)
        return rows, sums

    def test_iperf3(self):
        lib.need("iperf3")
        taken = 0
        while not taken:  # all that was sent is acknowledged before a FIN, and need not be before a reset
            rows, sums = self.iperf3()
            for r in (r for r in rows if r["local_port"] in sums):
                taken += r["close"] == "fin"
                (self.assertEqual if r["close"] == "fin" else self.assertLessEqual)(r["tx_bytes"], sums.pop(r["local_port"]))
            self.assertEqual(sums, {})
        self.assertEqual({r["comm"] for r in rows if r["direction"] == "opened"}, {"iperf3"})

    def test_curl(self):
        self.curl(lambda folder: [sys.executable, "-m", "http.server", "-b", "127.0.0.1", "-d", folder, "5998"])

    def test_nginx(self):
        nginx = lib.need("nginx")

        def server(folder):
            config = pathlib.Path(folder, "nginx.conf")
            config.write_text(f"daemon off; master_process off; pid {folder}/pid; events {{}} http {{ access_log off; "
                              f"server {{ listen 127.0.0.1:5998; root {folder}; }} }}")
            return [nginx, "-e", "stderr", "-p", folder, "-c", config]

        self.curl(server)

    def curl(self, command):
        """Its bytes and the server's, by what curl says."""
        lib.need("curl")
        with tempfile.TemporaryDirectory() as folder, self.live() as weir:
            file = pathlib.Path(folder, "file")
            file.write_bytes(os.urandom(SIZE))
            for path, mode in ((folder, 0o755), (file, 0o644)):
                os.chmod(path, mode)
            server = subprocess.Popen(command(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            lib.wait_for(lambda: lib.run("ss", "-tlnH", "sport", "=", ":5998").out, "the server")
            said = lib.run("curl", "-s", "-o", "/dev/null", "-w", "%{size_request} %{size_header} %{size_download} %{local_port}",
                           "http://127.0.0.1:5998/file").out
            rows = self.ended(weir)
            server.send_signal(signal.SIGTERM)
            server.wait()
        request, header, body, port = map(int, said.split())
        self.assertEqual(body, SIZE)
        got = {(r["direction"], r["comm"], r["tx_bytes"], r["rx_bytes"]) for r in rows if port in (r["local_port"], r["port"])}
        served = {comm for direction, comm, _, _ in got if direction == "accepted"}
        self.assertEqual(got, {("opened", "curl", request, header + body), ("accepted", *served, header + body, request)})

    def test_nc(self):
        lib.need("nc")
        with tempfile.TemporaryFile() as took, self.live() as weir:
            server = subprocess.Popen(["nc", "-N", "-l", "127.0.0.1", "5997"], stdout=took, stdin=subprocess.DEVNULL)
            lib.wait_for(lambda: lib.run("ss", "-tlnH", "sport", "=", ":5997").out, "the server")
            client = subprocess.Popen(["nc", "-N", "127.0.0.1", "5997"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            client.communicate(bytes(SIZE), 20)
            server.wait(20)
            self.assertEqual(os.fstat(took.fileno()).st_size, SIZE)
            rows = self.ended(weir)
        self.assertEqual({(r["direction"], r["pid"], r["tx_bytes"], r["rx_bytes"]) for r in rows},
                         {("opened", client.pid, SIZE, 0), ("accepted", server.pid, 0, SIZE)})


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in WORK:
        WORK[sys.argv[1]]()
    else:
        lib.main()
