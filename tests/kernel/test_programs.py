#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""Real programs, each watched by strace and by weir at once: the same lines, and the same counts."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

import lib
import oracle

REQUESTS = 7
NOWHERE = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
# A command's output would mix with weir's.
QUIET = ["sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh"]


def listens(port):
    """Does somebody here wait for connections to this port?"""
    return any(re.match(rf"\s*\d+: [0-9A-F]+:{port:04X} 0+:0000 0A ", line)
               for name in ("tcp", "tcp6") for line in pathlib.Path("/proc/net", name).read_text().splitlines())


def wait_listens(port):
    lib.wait_for(lambda: listens(port), f"a server at port {port}")


@contextlib.contextmanager
def server(port, *argv):
    """A server that nobody watches."""
    process = subprocess.Popen(argv, **NOWHERE)
    try:
        wait_listens(port)
        yield
    finally:
        process.terminate()
        process.wait()


class Programs(oracle.Case):
    maxDiff = 2000

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        os.chmod(self.folder, 0o755)
        (self.folder / "index.html").write_text("hello\n" * 1000)

    def python_server(self):
        return [sys.executable, "-m", "http.server", "8001", "--bind", "::", "--directory", self.folder]

    def curl(self, *urls):
        return [lib.need("curl"), "-s", *(word for url in urls for word in ("-o", "/dev/null", url))]

    def test_curl(self):
        with server(8001, *self.python_server()):
            urls = ["http://127.0.0.1:8001/", "http://[::1]:8001/", "http://localhost:8001/"]
            self.same(self.curl(*urls), ordered=False)
            self.same_counts(self.curl(*urls))
        # Nobody there: 7 is what curl says then.
        self.same(self.curl("http://127.0.0.1:9/"), status=7, ordered=False)

    def requests(self, port, sig):
        """Uses a server and ends it."""
        curl = self.curl(*[f"http://127.0.0.1:{port}/"] * REQUESTS)

        def use(pid):
            wait_listens(port)
            self.assertEqual(lib.run(*curl).status, 0)
            os.kill(pid, sig)
        return use

    def test_http_server(self):
        self.same([*QUIET, *self.python_server()], ordered=False, meanwhile=self.requests(8001, signal.SIGINT))

    def test_nginx(self):
        config = self.folder / "nginx.conf"
        config.write_text(f"""
            daemon off; worker_processes 2; pid {self.folder}/pid; error_log stderr crit;
            events {{ }}
            http {{
                access_log off; root {self.folder};
                client_body_temp_path {self.folder}/a; proxy_temp_path {self.folder}/b;
                fastcgi_temp_path {self.folder}/c; uwsgi_temp_path {self.folder}/d;
                scgi_temp_path {self.folder}/e;
                server {{ listen 8002; listen unix:{self.folder}/socket; }}
            }}""")
        program = [lib.need("nginx"), "-e", "stderr", "-c", config]
        self.same(program, ordered=False, meanwhile=self.requests(8002, signal.SIGQUIT))

    def test_nc_client(self):
        nc, text = lib.need("nc"), self.folder / "index.html"
        for options in (["127.0.0.1", "8003"], ["::1", "8003"]):
            with self.subTest(options), server(8003, nc, "-l", *options), open(text, "rb") as stdin:
                self.same([nc, "-N", *options], stdin=stdin)
        with open(text, "rb") as stdin:
            self.same([nc, "-u", "-w", "1", "127.0.0.1", "8003"], stdin=stdin)
        self.same([nc, "-z", "127.0.0.1", "9"], status=1)
        self.same([nc, "-U", self.folder / "none"], status=1)

    def test_nc_server(self):
        nc, text = lib.need("nc"), self.folder / "index.html"

        def use(pid):
            del pid
            wait_listens(8004)
            with open(text, "rb") as stdin:
                lib.run(nc, "-N", "127.0.0.1", "8004", stdin=stdin)
        self.same([*QUIET, nc, "-l", "127.0.0.1", "8004"], meanwhile=use, ordered=False)

    def test_iperf3(self):
        iperf3 = lib.need("iperf3")
        client = [iperf3, "-c", "127.0.0.1", "-p", "8005", "-n", "64K", "-l", "8K"]

        def use(pid):
            del pid
            wait_listens(8005)
            self.assertEqual(lib.run(*client).status, 0)
        self.same([*QUIET, iperf3, "-s", "-1", "-p", "8005"], meanwhile=use, ordered=False)
        with server(8005, iperf3, "-s", "-p", "8005"):
            self.same([*QUIET, *client], ordered=False)
            self.same([*QUIET, *client, "-u"], ordered=False)

    def test_ip(self):
        """Netlink: what is asked and what the kernel answers."""
        ip = lib.need("ip")
        self.same([*QUIET, ip, "addr"])
        self.same([*QUIET, ip, "route", "show", "table", "all"])
        self.same([*QUIET, ip, "link", "show", "none-such"], status=1)

    def test_ip_changes(self):
        """Devices, addresses, neighbours, routes and rules: made, shown and removed."""
        lib.need("ip")
        for script in (
                """ip link add wa type veth peer name wb; ip addr add 10.7.0.1/24 dev wa;
                   ip addr add fd07::1/64 dev wa nodad; ip link set wa up; ip link set wb up mtu 1400 alias seven;
                   ip -d -s link show wa; ip addr show dev wa; ip -6 addr; ip -br link""",
                """ip neigh add 10.7.0.7 lladdr 02:00:00:00:00:07 dev wa nud permanent; ip neigh show dev wa;
                   ip neigh get 10.7.0.7 dev wa; ip neigh del 10.7.0.7 dev wa; ip ntable show dev wa""",
                """ip route add 10.11.0.0/16 via 10.7.0.3 dev wa mtu 1300 metric 13; ip route get 10.11.13.17;
                   ip route add 10.13.0.0/16 nexthop via 10.7.0.3 weight 3 nexthop via 10.7.0.5;
                   ip -6 route add fd11::/48 via fd07::3; ip route; ip -6 route show; ip route show cache;
                   ip route del 10.11.0.0/16; ip route add 10.7.0.0/33; ip nexthop; ip netconf show dev wa""",
                """ip rule add from 10.7.0.0/24 fwmark 7 table 77 priority 777; ip rule; ip -6 rule;
                   ip rule del priority 777; ip rule del priority 778; ip addrlabel; ip maddr; ip netns list-id""",
                """ip link add wc type bridge stp_state 1; ip link set wb master wc; ip -d link show wc;
                   ip -d link show wb; bridge link; bridge fdb; bridge vlan; bridge mdb; ip link del wc""",
                """tc qdisc show; tc qdisc add dev wa root pfifo limit 7; tc -s qdisc show dev wa; tc class show dev wa;
                   tc filter show dev wa; tc qdisc del dev wa root; ip link del wa"""):
            with self.subTest(script):
                self.same([*QUIET, "sh", "-c", script + "; exit 0"])

    def test_ss(self):
        """The kernel's account of sockets, of each family, with filters and all that it knows of them."""
        ss = lib.need("ss")
        with server(8007, *[sys.executable, "-m", "http.server", "8007", "--bind", "127.0.0.1"]), \
                socket.create_connection(("127.0.0.1", 8007)), socket.socket(socket.AF_UNIX) as unix:
            unix.bind(b"\0weir-ss")
            for options in (["-tan"], ["-tiemoOn"], ["-uan"], ["-xa"], ["-0a"], ["-fnetlink"], ["-wan"],
                            ["-tn", "state", "established", "( sport = :8007 or dport = :8007 )"],
                            ["-tn", "dst", "127.0.0.0/8"], ["-l", "-n"], ["-S"]):
                with self.subTest(options):
                    self.same([*QUIET, ss, *options])

    def test_python_addresses(self):
        """What Python's library asks of the C library's, and that of the kernel."""
        program = "import socket; socket.getaddrinfo('localhost', 80); socket.if_nameindex(); socket.getfqdn()"
        self.same([*QUIET, sys.executable, "-c", program], ordered=False)

    def test_resolver(self):
        """The C library's, with a name server of ours: sendmmsg, recvfrom."""
        conf = self.folder / "resolv.conf"
        conf.write_text("nameserver 127.0.0.1\n")
        subprocess.run(["mount", "--bind", conf, "/etc/resolv.conf"], check=True)  # in our namespace
        self.addCleanup(subprocess.run, ["umount", "-l", "/etc/resolv.conf"])
        with NameServer():
            getent = lib.need("getent")
            self.same([*QUIET, getent, "ahosts", "weir.test"])
            self.same([*QUIET, getent, "ahosts", "none.test"], status=2)


class NameServer:
    """127.0.0.1 is weir.test, and no other name is known."""

    def __enter__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.thread = threading.Thread(target=self.answer)
        self.thread.start()

    def __exit__(self, *exc):
        self.socket.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()

    def answer(self):
        while True:
            query, sender = self.socket.recvfrom(512)
            if not query:
                return
            known = b"\x04weir\x04test\x00" in query
            ask_a = query[-4:] == b"\0\1\0\1" or b"\x04test\x00\0\1\0\1" in query
            question = query[12:query.index(b"\0", 12) + 5]
            answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if known and ask_a else b""
            head = struct.pack(">2sHHHHH", query[:2], 0x8180 | (0 if known else 3), 1, bool(answer), 0, 0)
            self.socket.sendto(head + question + answer, sender)


if __name__ == "__main__":
    lib.main()
