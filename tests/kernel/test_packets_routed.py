#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""Packets that only pass through this host are nobody's here."""
import json
import os
import socket
import subprocess
import time
import unittest

import lib
import net
from net import HERE, HERE6

BEYOND, BEYOND6, PORT = "10.10.0.2", "fd10::2", 8007


def live(*argv):
    return lib.Live("-o", "json", *argv, tool="packets")


class Beyond:
    """Another host, for which this one routes; it answers datagrams on PORT, and says hello to who connects."""

    def __enter__(self):
        self.far = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo ready; exec sleep 600"], stdout=subprocess.PIPE)
        self.far.stdout.readline()
        net.sh(f"""ip link add x0 type veth peer name x1; ip link set x1 netns {self.far.pid}
                   ip addr add 10.10.0.1/24 dev x0; ip addr add fd10::1/64 dev x0 nodad; ip link set x0 up
                   sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1""")
        self.run(f"""ip addr add {BEYOND}/24 dev x1; ip addr add {BEYOND6}/64 dev x1 nodad; ip link set x1 up
                     ip route add default via 10.10.0.1; ip route add default via fd10::1""")
        code = f"""if True:
            import socket
            s = socket.create_server(("::", {PORT}), family=socket.AF_INET6, dualstack_ipv6=True)
            u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            u.bind(("::", {PORT}))
            print("ready", flush=True)
            while True:
                u.sendto(*u.recvfrom(100))
                s.accept()[0].sendall(b"hello")"""
        self.server = subprocess.Popen(["nsenter", "-t", str(self.far.pid), "-n", "python3", "-c", code], stdout=subprocess.PIPE)
        self.server.stdout.readline()
        return self

    def run(self, line):
        return net.sh(f"nsenter -t {self.far.pid} -n sh -ec '{line}'")

    def __exit__(self, *exc):
        for process in (self.server, self.far):
            process.kill()
            process.communicate()
        lib.run("ip", "link", "del", "x0")


TALK = """if True:
    import socket
    for to in ("%s", "%s"):
        with socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM) as u:
            u.settimeout(5)
            u.sendto(b"datagram", (to, %d))
            u.recv(100)
        with socket.create_connection((to, %d), 5) as s:
            while s.recv(100): pass"""


class Routed(unittest.TestCase):
    def test_passing(self):
        """Sockets of this host take that port on every address: what it forwards is not theirs."""
        with net.Pair() as pair, Beyond(), socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True), \
                socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as mine:
            mine.bind(("::", PORT))
            pair.there(f"ip route add 10.10.0.0/24 via {HERE}; ip route add fd10::/64 via {HERE6}")
            with live("-i", "w0", "-i", "x0", "--at", "both", f"port {PORT}") as weir:
                subprocess.run(["nsenter", "-t", str(pair.far.pid), "-n", "python3", "-c", TALK % (BEYOND, BEYOND6, PORT, PORT)],
                               check=True)
                for to in (HERE, HERE6):
                    pair.there(f"bash -c \"echo mine >/dev/udp/{to}/{PORT}\"")
                    self.assertEqual(mine.recv(100), b"mine\n")
                time.sleep(0.1 * lib.SLOW)
                rows = weir.stop().rows
        seen = {}
        for row in rows:
            ip = row["packet"].get("ip") or row["packet"]["ipv6"]
            ours = {ip["src"], ip["dst"]} & {HERE, HERE6}
            seen.setdefault((row["at"], row["direction"], "udp" in row["packet"], bool(ours)), set()).add(row["pid"])
        self.assertEqual({key: pids for key, pids in seen.items() if not key[3]},
                         {(*key, False): {None} for key in ((at, way, udp) for udp in (True, False)
                                                            for at, way in (("tc", "in"), ("tc", "out"), ("xdp", "in")))})
        self.assertEqual({key: pids for key, pids in seen.items() if key[3]},
                         {(at, "in", True, True): {os.getpid()} for at in ("tc", "xdp")})

    def test_address_that_comes(self):
        """An address that this host gets later is its own, one that it had is not."""
        later = "10.9.0.77"
        with net.Pair() as pair, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
            mine.bind(("", PORT))
            mac = json.loads(net.sh("ip -j link show w0"))[0]["address"]
            pair.there(f"ip neigh add {later} lladdr {mac} dev w1")
            with live("-i", "w0", f"udp dst port {PORT}") as weir:
                for line in ("true", f"ip addr add {later}/24 dev w0", f"ip addr del {later}/24 dev w0"):
                    net.sh(line)
                    time.sleep(0.6 * lib.SLOW)
                    pair.there(f"bash -c \"echo x >/dev/udp/{later}/{PORT}\"")
                    time.sleep(0.1 * lib.SLOW)
                self.assertEqual([r["pid"] for r in weir.stop().rows], [None, os.getpid(), None])


lib.main()
