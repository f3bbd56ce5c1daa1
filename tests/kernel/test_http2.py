#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir http: HTTP/2, against nginx's log, what curl and h2load say, and frames in pieces of every size."""
import collections
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

import lib
import test_http

NGINX, GRPC, UPGRADE, SECURE = 8080, 8082, 8083, 8443
FILES = {"small": 612, "middle": 100003, "big": 3000017}
LOADED = 211

CONFIG = """
worker_processes 1; daemon off; user root; pid %(folder)s/pid; error_log stderr crit;
events { worker_connections 256; }
http {
	log_format all escape=json '["$request_method","$host","$request_uri",$status,$request_length,$bytes_sent]';
	access_log %(folder)s/log all;
	client_body_temp_path %(folder)s/body; proxy_temp_path %(folder)s/proxy;
	fastcgi_temp_path %(folder)s/x; uwsgi_temp_path %(folder)s/x; scgi_temp_path %(folder)s/x;
	sendfile on;
	server {
		listen 127.0.0.1:%(port)d http2;
		listen 127.0.0.1:%(secure)d ssl http2; ssl_certificate %(folder)s/cert; ssl_certificate_key %(folder)s/key;
		root %(folder)s;
		location = /broken { return 500 "broken\\n"; }
	}
}
"""

HEAD_FRAME = 9  # nginx does not count it in $request_length; RFC 9113 4.1


class Servers:
    """nginx; nghttpd, whose answers end with a status of gRPC; nghttpx, which is asked to change to HTTP/2."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        os.chmod(self.folder, 0o755)
        for name, size in FILES.items():
            (self.folder / name).write_bytes(b"x" * size)
        (self.folder / "conf").write_text(CONFIG % {"folder": self.folder, "port": NGINX, "secure": SECURE})
        subprocess.run([lib.need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.folder / "key", "-out",
                        self.folder / "cert", "-days", "2", "-subj", "/CN=here"], check=True, stderr=subprocess.DEVNULL)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.processes = [
            subprocess.Popen([lib.need("nginx"), "-e", "stderr", "-c", self.folder / "conf"]),
            subprocess.Popen([lib.need("nghttpd"), "--no-tls", "-d", self.folder, "--trailer=grpc-status: 5", str(GRPC)], **quiet),
            subprocess.Popen([lib.need("nghttpx"), "-f", f"127.0.0.1,{UPGRADE};no-tls", "-b", f"127.0.0.1,{GRPC};;proto=h2",
                              "--workers=1", "--log-level=FATAL"], **quiet)]
        for port in (NGINX, GRPC, UPGRADE):
            lib.wait_for(lambda port=port: not socket.socket().connect_ex(("127.0.0.1", port)), f"a server at {port}", 30)
        return self

    def log(self):
        return [tuple(json.loads(line)) for line in (self.folder / "log").read_text().splitlines()]

    def __exit__(self, *exc):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()
        shutil.rmtree(self.folder)


def curl(*words, port=NGINX, scheme="http", paths=FILES):
    """What curl says of each: status and version."""
    if "--http2-prior-knowledge" in words and len(paths) > 1:  # curl 7.88 cannot use such a connection again
        return [line for path in paths for line in curl(*words, port=port, paths=[path])]
    urls = (w for path in paths for w in ("-o", "/dev/null", f"{scheme}://127.0.0.1:{port}/{path}"))
    return subprocess.run(["curl", "-sk", "-w", "%{http_code} %{http_version}\n", *words, *urls], check=True, capture_output=True,
                          text=True).stdout.split("\n")[:-1]


def rows_of(ended, side, port):
    return [r for r in ended.rows if r["side"] == side and r["local_port" if side == "server" else "port"] == port]


def brief(row):
    return (row["method"], row["host"].split(":")[0], row["path"], row["status"], row["request_bytes"] - HEAD_FRAME, row["response_bytes"])


class Http2(unittest.TestCase):
    maxDiff = 6000

    def compare(self, ended, log, port=NGINX):
        self.assertEqual((ended.status, lib.account(ended)[1]), (0, 0), ended)
        for side in ("server", "client"):
            rows = rows_of(ended, side, port)
            ours, theirs = collections.Counter(map(brief, rows)), collections.Counter(log)
            self.assertEqual((side, ours - theirs, theirs - ours), (side, {}, {}), ended.words)
            self.assertEqual({r["version"] for r in rows}, {"2"})
        self.assertIsNone(test_http.schema.wrong("http", ended.rows))

    def test_servers(self):
        """nginx's log, with many streams at once; trailers of gRPC; connections that begin with HTTP/1."""
        with Servers() as servers:
            with lib.Live("-o", "json", "--netns", os.getpid(), tool="http") as live:
                self.assertEqual(curl("--http2-prior-knowledge", paths=[*FILES, "nothing", "broken"]),
                                 ["200 2"] * len(FILES) + ["404 2", "500 2"])
                self.assertEqual(curl("--http2-prior-knowledge", port=GRPC), ["200 2"] * len(FILES))
                self.assertEqual(curl("--http2", port=UPGRADE), ["200 2"] * len(FILES))
                said = lib.run(lib.need("h2load"), "-n", LOADED, "-c3", "-m10", *(f"http://127.0.0.1:{NGINX}/{f}" for f in FILES)).out
                self.assertIn(f"{LOADED} succeeded, 0 failed".encode(), said)
                lib.wait_for(lambda: len(servers.log()) >= LOADED + 5, "nginx's log")
                ended = live.stop()
            log = servers.log()
        self.compare(ended, log)
        self.assertEqual(len(log), LOADED + 5)
        streams = [r["stream"] for r in rows_of(ended, "client", UPGRADE)]
        self.assertEqual(streams, [1, 3, 5])
        for row in ended.rows:
            self.assertEqual((row["notes"], row["version"]), ([], "2"), row)
            self.assertEqual(row["grpc_status"], None if NGINX in (row["local_port"], row["port"]) else 5, row)
            self.assertLessEqual(row["first_byte_ns"], row["total_ns"])
        for port in (GRPC, UPGRADE):
            for side in ("server", "client"):
                rows = [(r["path"], r["status"]) for r in rows_of(ended, side, port)]
                times = 2 if port == GRPC else 1  # nghttpx asks nghttpd
                self.assertEqual(sorted(rows), sorted([(f"/{f}", 200) for f in FILES] * times), (port, side))

    def test_tls(self):
        """The same within TLS."""
        with Servers() as servers:
            with lib.Live("-o", "json", "--netns", os.getpid(), "--tls", "--port", SECURE, tool="http") as live:
                self.assertEqual(curl(port=SECURE, scheme="https"), ["200 2"] * len(FILES))
                lib.wait_for(lambda: len(servers.log()) >= len(FILES), "nginx's log")
                ended = live.stop()
            self.compare(ended, servers.log(), SECURE)
        self.assertEqual({(*r["notes"], r["comm"]) for r in ended.rows}, {("tls", "nginx"), ("tls", "curl")})


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(index, value):
    """With a name of the static table (RFC 7541, appendix A), added to the dynamic one."""
    return bytes([0x40 | index, len(value)]) + value


DATA, HEADERS, RST, SETTINGS, PUSH, CONTINUATION = 0, 1, 3, 4, 5, 9
END_STREAM, END_HEADERS, PADDED, PRIORITY = 1, 4, 8, 32
GET, POST, AUTHORITY, PATH, OK = b"\x82", b"\x83", 1, 4, b"\x88"
ASK = GET + literal(AUTHORITY, b"here") + literal(PATH, b"/first")
AGAIN = GET + b"\xbf\xbe"  # the same, of the dynamic table: the newest entry is 62


class Frames(unittest.TestCase):
    maxDiff = 6000

    def check(self, script, *want):
        rows = script.rows()
        for side in ("server", "client"):
            self.assertEqual([(r["stream"], r["host"], r["path"], r["status"], r["request_bytes"], r["response_bytes"], *r["notes"])
                              for r in rows if r["side"] == side], list(want), script.words)

    def test_split_everywhere(self):
        """A connection in two pieces at every byte, and in pieces of one byte."""
        script = test_http.Script()
        asked = frame(HEADERS, END_HEADERS | END_STREAM, 1, ASK)
        begin = PREFACE + frame(SETTINGS, 0, 0) + asked
        reply = frame(HEADERS, END_HEADERS, 1, OK) + frame(DATA, END_STREAM, 1, b"hello")
        answer = frame(SETTINGS, 0, 0) + reply
        n = 0
        for at in range(1, len(begin)):
            script.talk([("c", begin[:at], begin[at:]), ("s", answer)])
            n += 1
        for at in range(1, len(answer)):
            script.talk([("c", begin), ("s", answer[:at], answer[at:])])
            n += 1
        script.talk([("c", *(begin[i:i + 1] for i in range(len(begin)))), ("s", *(answer[i:i + 1] for i in range(len(answer))))])
        self.check(script, *[(1, "here", "/first", 200, len(asked), len(reply))] * (n + 1))

    def test_kinds(self):
        """Padding, priorities, heads in several frames, a push, 1xx, streams that are reset, the server's settings first."""
        script = test_http.Script()
        first = frame(HEADERS, END_HEADERS | PADDED | PRIORITY, 1, b"\x05" + b"\0\0\0\0\x10" + ASK + bytes(5)) + \
            frame(DATA, END_STREAM | PADDED, 1, b"\x03abc" + bytes(3))
        second = frame(HEADERS, END_STREAM, 3, AGAIN[:1]) + frame(CONTINUATION, 0, 3, AGAIN[1:2]) + \
            frame(CONTINUATION, END_HEADERS, 3, AGAIN[2:])
        third = frame(HEADERS, END_HEADERS | END_STREAM, 5, AGAIN)
        pushed = frame(PUSH, END_HEADERS, 1, (2).to_bytes(4, "big") + ASK)
        pushed_body = frame(HEADERS, END_HEADERS | END_STREAM, 2, OK)
        early = frame(HEADERS, END_HEADERS, 1, literal(8, b"103"))
        late = frame(HEADERS, END_HEADERS, 1, OK) + frame(DATA, 0, 1, b"x" * 9000) + frame(DATA, 0, 1) + \
            frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\0\x01t\x01v")
        cut = frame(HEADERS, END_HEADERS, 3, OK)
        script.talk([("s", frame(SETTINGS, 0, 0)), ("c", PREFACE + frame(SETTINGS, 0, 0) + first + second), ("c", third),
                     ("s", early + pushed), ("s", cut + pushed_body), ("s", late), ("c", frame(RST, 0, 3, bytes(4))),
                     ("s", frame(RST, 0, 5, bytes(4)))])
        self.check(script, (2, "here", "/first", 200, 0, len(pushed_body)),
                   (1, "here", "/first", 200, len(first), len(early) + len(pushed) + len(late)),
                   (3, "here", "/first", 200, len(second) + 13, len(cut), "cut"), (5, "here", "/first", None, len(third), 13, "unanswered"))

    def test_much_at_once(self):
        """Frames of many streams in one call, in buffers of odd sizes; a body of which nothing is copied."""
        script = test_http.Script()
        streams = range(1, 401, 2)
        asks = [frame(HEADERS, END_HEADERS | END_STREAM, i, ASK if i == 1 else AGAIN) for i in streams]
        answers = [frame(HEADERS, END_HEADERS, i, OK) + frame(DATA, 0, i, bytes(16384)) + frame(DATA, END_STREAM, i, b"e") for i in streams]
        client = socket.create_connection(script.listener.getsockname())
        server, _ = script.listener.accept()
        out = b"".join(answers)
        client.sendall(PREFACE + frame(SETTINGS, 0, 0) + b"".join(asks))
        server.recv(1 << 20)
        at = 0
        client.setblocking(False)
        while at < len(out):
            at += server.sendmsg([out[at + i * 7919:at + (i + 1) * 7919] for i in range(31)])
            while True:
                try:
                    client.recv(100000)
                except BlockingIOError:
                    break
        server.close()
        client.setblocking(True)
        while client.recv(1 << 20):
            pass
        client.close()
        self.check(script, *[(i, "here", "/first", 200, len(a), len(b)) for i, a, b in zip(streams, asks, answers)])

    def test_joined(self):
        """A connection that was there before: said, not guessed. So is a head of which bytes went by."""
        listener = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()

        def talk(sender, receiver, piece):
            sender.sendall(piece)
            left = len(piece)
            while left:
                left -= len(receiver.recv(left))

        talk(client, server, PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS | END_STREAM, 1, ASK))
        talk(server, client, frame(HEADERS, END_HEADERS | END_STREAM, 1, OK))
        with lib.Live("-o", "json", "--netns", os.getpid(), "--port", listener.getsockname()[1], "--side", "server", tool="http") as live:
            for stream in (3, 5, 7):
                talk(client, server, frame(HEADERS, END_HEADERS | END_STREAM, stream, AGAIN))
                talk(server, client, frame(HEADERS, END_HEADERS, stream, OK) + frame(DATA, END_STREAM, stream, b"x" * 5000))
            time.sleep(0.2)
            ended = live.stop()
        for sock in (client, server, listener):
            sock.close()
        self.assertEqual((ended.status, ended.rows), (0, []), ended)
        self.assertEqual(re.findall(r"(\d+) requests of HTTP/2 are not told: their connections were there", ended.words), ["6"], ended)

    def test_broken(self):
        """Blocks that are none, frames that never end: a sentence, and the next connection is seen."""
        script = test_http.Script()
        begin = PREFACE + frame(SETTINGS, 0, 0)
        asked = frame(HEADERS, END_HEADERS | END_STREAM, 1, ASK)
        script.talk([("c", begin + frame(HEADERS, END_HEADERS, 1, b"\xff" * 30)), ("s", frame(SETTINGS, 0, 0))])
        script.talk([("c", begin + frame(HEADERS, 0, 1, ASK), *[frame(CONTINUATION, 0, 1, literal(PATH, b"p" * 100) * 40)] * 200)])
        script.talk([("c", begin + asked), ("s", frame(HEADERS, END_HEADERS | END_STREAM, 1, OK))])
        rows = [r for r in script.rows("server") if not r["notes"]]
        self.assertEqual([(r["path"], r["status"], r["request_bytes"]) for r in rows], [("/first", 200, len(asked))])
        self.assertIn("2 connections of HTTP/2 were left", script.words)


if __name__ == "__main__":
    lib.main()
