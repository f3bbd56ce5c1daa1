#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir http against nginx's access log, and requests in pieces of every size."""
import collections
import http.client
import http.server
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import lib

sys.path.insert(0, lib.here("..", "replay"))
import schema  # noqa: E402 (from the folder just named)

PORT, UPSTREAM, SECURE = 8080, 8081, 8443
SLOW_MS = 211
REQUESTS = 1009
BIG = 3 << 20

CONFIG = """
worker_processes 1; daemon off; user root; pid %(folder)s/pid; error_log stderr crit;
events { worker_connections 256; }
http {
	log_format all escape=json '["$request_method","$host","$request_uri",$status,$request_length,$bytes_sent]';
	log_format times '$request_time';
	access_log %(folder)s/log all;
	client_body_temp_path %(folder)s/body; proxy_temp_path %(folder)s/proxy;
	fastcgi_temp_path %(folder)s/x; uwsgi_temp_path %(folder)s/x; scgi_temp_path %(folder)s/x;
	sendfile on; keepalive_requests 100000; default_type text/plain; client_max_body_size 10m;
	server {
		listen 127.0.0.1:%(port)d;
		listen 127.0.0.1:%(secure)d ssl; ssl_certificate %(folder)s/cert; ssl_certificate_key %(folder)s/key;
		root %(folder)s;
		location = /broken { return 500 "broken\\n"; }
		location /up/ { proxy_pass http://127.0.0.1:%(upstream)d; proxy_http_version 1.1; }
	}
}
"""


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        n = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(n)
        self.answer(str(n).encode())

    def do_GET(self):
        if self.path.endswith("slow"):
            time.sleep(SLOW_MS / 1000)
            self.answer(b"late")
        elif self.path.endswith("chunked"):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for size in (1, 40, 5000, 300, 20000, 7):
                self.wfile.write(b"%x\r\n%s\r\n" % (size, b"c" * size))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.answer(b"up")

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Nginx:
    """nginx with a log of its own, and an upstream in this process."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        os.chmod(self.folder, 0o755)
        (self.folder / "small").write_bytes(b"s" * 612)
        (self.folder / "middle").write_bytes(b"m" * 100000)
        (self.folder / "big").write_bytes(b"b" * BIG)
        config = self.folder / "conf"
        config.write_text(CONFIG % {"folder": self.folder, "port": PORT, "upstream": UPSTREAM, "secure": SECURE})
        subprocess.run([lib.need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.folder / "key", "-out",
                        self.folder / "cert", "-days", "2", "-subj", "/CN=here"], check=True, stderr=subprocess.DEVNULL)
        self.up = http.server.ThreadingHTTPServer(("127.0.0.1", UPSTREAM), Upstream)
        threading.Thread(target=self.up.serve_forever, daemon=True).start()
        self.process = subprocess.Popen([lib.need("nginx"), "-e", "stderr", "-c", config])
        lib.wait_for(lambda: not socket.socket().connect_ex(("127.0.0.1", PORT)), "nginx to listen")
        lib.wait_for(self.worker, "nginx's worker, which comes after that")
        return self

    def worker(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return children.split()[:1]

    def log(self):
        return [tuple(json.loads(line)) for line in (self.folder / "log").read_text().splitlines()]

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait()
        self.up.shutdown()
        self.up.server_close()
        shutil.rmtree(self.folder)


def by_curl():
    """Several on a connection."""
    url = f"http://127.0.0.1:{PORT}"
    null = ["-o", "/dev/null"]
    for _ in range(7):
        subprocess.run(["curl", "-s", *null, f"{url}/small", *null, f"{url}/nothing", *null, f"{url}/broken",
                        *null, f"{url}/middle", *null, f"{url}/up/chunked"], check=True)
        subprocess.run(["curl", "-s", "-I", *null, f"{url}/middle"], check=True)
        subprocess.run(["curl", "-s", *null, "-H", "Transfer-Encoding: chunked", "-d", "x" * 3000, f"{url}/up/post"], check=True)
    return 7 * 7


def by_python():
    """Keep-alive: one connection, bodies of many sizes both ways."""
    server = http.client.HTTPConnection("127.0.0.1", PORT)
    count = 0
    for i in range(151):
        for method, path, body in (("GET", f"/small?{i}", None), ("POST", "/up/post", b"p" * (i * 211)), ("HEAD", "/middle", None)):
            server.request(method, path, body)
            server.getresponse().read()
            count += 1
    for path in ("/up/slow", "/big", "/up/chunked", "/up/chunked", "/up/slow"):
        server.request("GET", path)
        server.getresponse().read()
        count += 1
    server.close()
    return count


def pipelined(count):
    """All at once, then all answers."""
    sock = socket.create_connection(("127.0.0.1", PORT))
    done = 0
    while done < count:
        batch = min(count - done, 23)
        sock.sendall(b"".join(b"GET /%s HTTP/1.1\r\nHost: pipe%d\r\n\r\n" % (b"small" if i % 3 else b"nothing", i)
                              for i in range(batch)))
        got = b""
        while got.count(b"HTTP/1.1 ") < batch or not got.endswith((b"s" * 612, b"</html>\r\n")):
            part = sock.recv(3000)
            assert part
            got += part
        done += batch
    sock.close()
    return count


def rows_of(ended, side):
    return [(r["method"], r["host"].split(":")[0], r["path"], r["status"], r["request_bytes"], r["response_bytes"])
            for r in ended.rows if r.get("side") == side]


class Http(unittest.TestCase):
    maxDiff = 6000

    def compare(self, ended, log):
        self.assertEqual(ended.status, 0, ended)
        self.assertEqual(lib.account(ended)[1], 0)
        for side in ("server", "client"):
            ours, theirs = (collections.Counter(x) for x in (rows_of(ended, side), log))
            self.assertEqual((side, ours - theirs, theirs - ours), (side, {}, {}), ended.words)
        self.assertIsNone(schema.wrong("http", ended.rows))

    def test_nginx(self):
        """Every line of the log is a row at the server and one at the client, to the byte; no other is."""
        with Nginx() as nginx:
            time.sleep(0.1)
            with lib.Live("-o", "json", "--netns", os.getpid(), "--port", PORT, tool="http") as live:
                count = by_curl() + by_python()
                count += pipelined(REQUESTS - count)
                lib.wait_for(lambda: len(nginx.log()) >= count, "nginx's log")
                ended = live.stop()
            log = nginx.log()
        self.assertEqual((count, len(log)), (REQUESTS, REQUESTS))
        self.compare(ended, log)
        self.assertEqual({r["comm"] for r in ended.rows if r["side"] == "server"}, {"nginx"})
        self.assertEqual({"curl", "python3"} - {r["comm"] for r in ended.rows if r["side"] == "client"}, set())
        for row in ended.rows:
            if row["path"] == "/up/slow":
                self.assertGreaterEqual(row["first_byte_ns"], SLOW_MS * 1000000)
            self.assertLessEqual(row["first_byte_ns"], row["total_ns"])
            self.assertEqual(row["notes"], [], row)

    def test_tls(self):
        """The same within TLS: by curl and by nginx, which use SSL_read, and by python, which uses SSL_read_ex."""
        def fetch():
            url = f"https://127.0.0.1:{SECURE}"
            subprocess.run(["curl", "-sk", "--http1.1", *(w for i in range(23) for w in ("-o", "/dev/null", f"{url}/small?{i}"))], check=True)
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            server = http.client.HTTPSConnection("127.0.0.1", SECURE, context=context)
            for path, body in (("/nothing", None), ("/up/post", b"p" * 40000), ("/up/chunked", None), ("/middle", None)):
                server.request("POST" if body else "GET", path, body)
                server.getresponse().read()
            server.close()

        with Nginx() as nginx:
            worker, = nginx.worker()
            with lib.Live("-o", "json", "--netns", os.getpid(), "--tls", "--port", SECURE, tool="http") as live, \
                    lib.Live("-o", "json", "-p", worker, "--side", "server", tool="http") as by_pid:
                fetch()
                lib.wait_for(lambda: len(nginx.log()) >= 27, "nginx's log")
                ended, alone = live.stop(), by_pid.stop()
            self.compare(ended, nginx.log())
            self.assertEqual({(*r["notes"], r["local_port" if r["side"] == "server" else "port"]) for r in ended.rows}, {("tls", SECURE)})
            self.assertEqual({r["comm"] for r in ended.rows}, {"nginx", "curl", "python3"})
            self.assertEqual(collections.Counter(rows_of(alone, "server")), collections.Counter(nginx.log()))

    @lib.once
    def test_tls_missing(self):
        with subprocess.Popen(["sleep", "9"]) as sleep:
            ended = lib.weir("http", "--tls", "-p", sleep.pid)
            sleep.kill()
        self.assertEqual((ended.status, ended.words.count("\n")), (1, 1), ended)
        self.assertIn("BoringSSL", ended.words)


class Script:
    """A server that reads so many bytes, then answers with pieces, in turn; a client likewise."""

    def __init__(self, *options, tool="http"):
        self.live = lib.Live("-o", "json", "--netns", os.getpid(), *options, tool=tool)
        self.listener = socket.create_server(("127.0.0.1", 0))

    def talk(self, steps, pause=0, close=True):
        """steps: ("c" or "s", bytes to send, in pieces)."""
        client = socket.create_connection(self.listener.getsockname())
        server, _ = self.listener.accept()
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for who, *pieces in steps:
            sender, receiver = (client, server) if who == "c" else (server, client)
            if who == "sleep":
                time.sleep(pieces[0])
                continue
            for piece in pieces:
                sender.sendall(piece)
                left = len(piece)
                while left:
                    left -= len(receiver.recv(left))
        if close:
            server.close()
            client.recv(1)
            client.close()

    def rows(self, side=None):
        self.listener.close()
        ended = self.live.stop()
        self.words = ended.words
        assert ended.status == 0, ended
        assert schema.wrong("http", ended.rows) is None, schema.wrong("http", ended.rows)
        return [r for r in ended.rows if side in (None, r["side"])]


def brief(row):
    return (row["method"], row["path"], row["status"], row["request_bytes"], row["response_bytes"], *row["notes"])


def frame(kind, flags, stream, payload):
    """Of HTTP/2: RFC 9113 4.1."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


GET = b"GET /a%d HTTP/1.1\r\nHost: here\r\nX-Long: " + b"x" * 40 + b"\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Streams(unittest.TestCase):
    maxDiff = 6000

    def both(self, script, *want):
        """The same on both sides."""
        rows = script.rows()
        for side in ("server", "client"):
            self.assertEqual([brief(r) for r in rows if r["side"] == side], list(want), script.words)

    def test_split_everywhere(self):
        """A request and a response in two pieces, at every byte; and in pieces of one byte."""
        script = Script()
        request, n = GET % 1, 0
        for at in range(1, len(request)):
            script.talk([("c", request[:at], request[at:]), ("s", OK)])
            n += 1
        for at in range(1, len(OK)):
            script.talk([("c", request), ("s", OK[:at], OK[at:])])
            n += 1
        script.talk([("c", *(request[i:i + 1] for i in range(len(request)))), ("s", *(OK[i:i + 1] for i in range(len(OK))))])
        self.both(script, *[("GET", "/a1", 200, len(request), len(OK))] * (n + 1))

    def test_kinds(self):
        """1xx before the answer, HEAD, 204 and 304, a body to the end, chunks with trailers, a proxy's request."""
        script = Script()
        post = b"POST /p HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        go = b"HTTP/1.1 100 Continue\r\n\r\n"
        head = b"HEAD /h HTTP/1.1\r\nHost: here\r\n\r\n"
        headed = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
        none = b"HTTP/1.1 204 No Content\r\n\r\n"
        same = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n"
        chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n"
        proxy = b"GET http://far:81/x?y=1 HTTP/1.1\r\nHost: other\r\n\r\n"
        rest = b"HTTP/1.0 200 OK\r\n\r\nall that follows"
        request = GET % 2
        script.talk([("c", post), ("s", go), ("c", b"body"), ("s", OK), ("c", head), ("s", headed),
                     ("c", request), ("s", none), ("c", request), ("s", same), ("c", request), ("s", chunks),
                     ("c", proxy), ("s", rest)])
        rows = script.rows()
        for side in ("server", "client"):
            self.assertEqual([brief(r) for r in rows if r["side"] == side],
                             [("POST", "/p", 200, len(post) + 4, len(go) + len(OK)), ("HEAD", "/h", 200, len(head), len(headed)),
                              ("GET", "/a2", 204, len(request), len(none)), ("GET", "/a2", 304, len(request), len(same)),
                              ("GET", "/a2", 200, len(request), len(chunks)), ("GET", "/x?y=1", 200, len(proxy), len(rest))])
        self.assertEqual({r["host"] for r in rows}, {"here", "far"})
        self.assertEqual({r["version"] for r in rows}, {"1.1"})

    def test_heads_again(self):
        """What follows a head that came before hangs on more than its bytes: after HEAD there is no body (RFC 9112 6.3)."""
        script = Script()
        known, request, n = OK[:-5], GET % 3, len(GET % 3)
        head = b"HEAD /h HTTP/1.1\r\nHost: here\r\n\r\n"
        post = b"POST /p HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\n"
        script.talk([("c", request), ("s", OK), ("c", head), ("s", known), ("c", request), ("s", known, b"hello"),
                     ("c", head), ("s", known), ("c", post + b"body"), ("s", OK), ("c", post, b"bo", b"dy"), ("s", known + b"he", b"llo"),
                     ("c", request + head + request), ("s", OK + known + OK)])
        get, put = ("GET", "/a3", 200, n, len(OK)), ("POST", "/p", 200, len(post) + 4, len(OK))
        none = ("HEAD", "/h", 200, len(head), len(known))
        self.both(script, get, none, get, none, put, put, get, none, get)

    def test_looks(self):
        """What is but looked at, and what the error queue gives back of what was sent, was not received: frames
        of HTTP/2, which are followed from head to head, would be lost."""
        script = Script()
        request = frame(1, 5, 1, b"\x82\x86\x84\x41\x04here")  # of HPACK's table: GET, http, /, :authority
        answer = frame(1, 4, 1, b"\x88") + frame(0, 1, 1, b"hello")
        client = socket.create_connection(script.listener.getsockname())
        server, _ = script.listener.accept()
        tx_software, software, opt_id = 2, 16, 128  # linux/net_tstamp.h
        client.setsockopt(socket.SOL_SOCKET, 37, tx_software | software | opt_id)  # SO_TIMESTAMPING
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + request)
        server.recv(4096, socket.MSG_PEEK)
        given_back = b""
        for _ in range(1000):
            try:
                given_back += client.recvmsg(4096, 1024, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)[0]
                break
            except BlockingIOError:
                time.sleep(0.01)
        self.assertIn(request, given_back)
        server.recv(4096)
        server.sendall(frame(4, 0, 0, b"") + answer)
        client.recv(4096)
        server.close()
        client.close()
        self.both(script, ("GET", "/", 200, len(request), len(answer)))

    def test_handed_on(self):
        """A connection whose requests are taken by one process after the other, each with a name of its own."""
        script = Script("--side", "server")
        request = GET % 8
        client = socket.create_connection(script.listener.getsockname())
        server, _ = script.listener.accept()
        pids = []
        for number in range(6):
            client.sendall(request)
            if number % 3 == 2:  # the process that had the one before
                server.recv(4096)
                server.sendall(OK)
                pids.append((os.getpid(), "python3"))
            else:
                pid = os.fork()
                if not pid:
                    pathlib.Path("/proc/self/comm").write_text(f"taker{number}")
                    server.recv(4096)
                    server.sendall(OK)
                    os._exit(0)
                os.waitpid(pid, 0)
                pids.append((pid, f"taker{number}"))
            client.recv(4096)
        own = pathlib.Path("/proc/self/comm").read_text().strip()
        want = [(pid, own if name == "python3" else name) for pid, name in pids]
        server.close()
        client.close()
        self.assertEqual([(r["pid"], r["comm"]) for r in script.rows()], want)

    def test_upgrade(self):
        """What follows is no HTTP, though it looks like it."""
        script = Script()
        request = b"GET /ws HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        switch = b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        script.talk([("c", request), ("s", switch), ("c", GET % 3), ("s", OK)])
        connect = b"CONNECT far:443 HTTP/1.1\r\nHost: far:443\r\n\r\n"
        script.talk([("c", connect), ("s", b"HTTP/1.1 200 OK\r\n\r\n"), ("c", GET % 3), ("s", OK)])
        script.talk([("c", request), ("s", OK), ("c", GET % 3), ("s", OK)])  # one that is declined
        self.both(script, ("GET", "/ws", 101, len(request), len(switch), "upgraded"),
                  ("CONNECT", "far:443", 200, len(connect), 19, "upgraded"),
                  ("GET", "/ws", 200, len(request), len(OK)), ("GET", "/a3", 200, len(GET % 3), len(OK)))

    def test_ends(self):
        """Connections that end before the answer, and within it; one that is no HTTP."""
        script = Script()
        request = GET % 4
        script.talk([("c", request)])
        script.talk([("c", request), ("s", OK[:-2])])
        script.talk([("c", b"EHLO here\r\n"), ("s", b"250 OK\r\n"), ("c", b"MAIL FROM: me\r\n"), ("s", b"250 OK\r\n")])
        self.both(script, ("GET", "/a4", None, len(request), 0, "unanswered"),
                  ("GET", "/a4", 200, len(request), len(OK) - 2, "cut"))

    def test_endless_head(self):
        """Heads of megabytes cost no memory and crash nothing; the next connection is seen."""
        script = Script()
        script.talk([("c", b"GET / HTTP/1.1\r\n", *[b"X: " + b"y" * 4000 + b"\r\n"] * 500)])
        script.talk([("c", b"GET /" + b"z" * 10000 + b" HTTP/1.1\r\n\r\n"), ("s", OK)])
        script.talk([("c", b"GET /", *[b"z" * 1000] * 4, b" HTTP/1.1\r\nHost: long\r\n\r\n"), ("s", OK)])
        script.talk([("c", GET % 5), ("s", OK)])
        rows = script.rows("server")
        self.assertIn("weir: 4 requests are not told: their heads did not end, or had bytes", script.words)
        self.assertEqual([brief(r) for r in rows if r["host"] == "here"], [("GET", "/a5", 200, len(GET % 5), len(OK))])
        self.assertEqual([r["path"] for r in rows if r["host"] == "long"], ["/" + "z" * 1023])

    def test_filters(self):
        """By status, method, path, side and time; in the kernel by port and process; in a replay as live."""
        talk = [("c", GET % 1), ("s", OK), ("c", b"PUT /x/1 HTTP/1.1\r\nContent-Length: 0\r\n\r\n"),
                ("s", b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"),
                ("c", GET % 2), ("sleep", 0.2), ("s", OK)]
        every = ["/a1", "/x/1", "/a2"]
        with tempfile.NamedTemporaryFile() as record:
            kept, slow, other = Script("--record", record.name), Script("--slower", "150ms", "--status", "200"), Script("-c", "nobody")
            kept.talk(talk)
            kept.rows()
            self.assertEqual([r["path"] for r in slow.rows("server")], ["/a2"])
            self.assertEqual(other.rows(), [])
            self.assertNotIn(b"hello", pathlib.Path(record.name).read_bytes())
            for options, want in (([], every), (["--status", "5xx"], ["/x/1"]), (["--status", "200"], ["/a1", "/a2"]),
                                  (["--method", "put"], ["/x/1"]), (["--path", "/x/*"], ["/x/1"]), (["--slower", "150ms"], ["/a2"]),
                                  (["--failed"], ["/x/1"]), (["-c", "nobody"], []), (["--port", 1], [])):
                replayed = lib.weir("replay", record.name, "-o", "json", "--side", "server", *options)
                self.assertEqual([r["path"] for r in replayed.rows], want, options)
                self.assertIsNone(schema.wrong("http", replayed.rows))

    def test_summary(self):
        script = Script("--summary", "--side", "server")
        for i in range(13):
            script.talk([("c", b"GET /user/%d/image?x=%d HTTP/1.1\r\nHost: here\r\n\r\n" % (i * 100, i)),
                         ("s", OK if i % 3 else b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")])
        script.talk([("c", b"GET /obj/00aa11bb-22 HTTP/1.1\r\nHost: here\r\n\r\n"), ("sleep", 0.1), ("s", OK)])
        script.listener.close()
        ended = script.live.stop()
        self.assertIsNone(schema.wrong("http_summary", ended.rows))
        self.assertEqual([(r["host"], r["path"], r["requests"], r["errors"]) for r in ended.rows],
                         [("here", "/user/{n}/image", 13, 5), ("here", "/obj/{id}", 1, 0)])
        self.assertGreaterEqual(ended.rows[1]["p50_ns"], 90000000)
        for key in ("p50_ns", "p90_ns", "p99_ns", "max_ns"):
            self.assertLess(ended.rows[0][key], 1e9 * lib.SLOW)

    @lib.once
    def test_refusals(self):
        for words in (["GET"], ["--status", "6y"], ["--status", "20"], ["--side", "left"], ["--by", "path"],
                      ["--summary", "--by", "host"], ["--summary", "--record", "/dev/null"]):
            ended = lib.weir("http", *words)
            self.assertEqual((ended.status, ended.words.count("\n")), (2, 1), ended)


if __name__ == "__main__":
    lib.main()
