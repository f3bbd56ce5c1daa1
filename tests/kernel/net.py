# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""Two hosts and a cable: this network namespace and that of a process, with a veth pair between them."""
import socket
import subprocess

import lib

HERE, THERE = "10.9.0.1", "10.9.0.2"
HERE6, THERE6 = "fd09::1", "fd09::2"


def sh(line):
    done = lib.run("sh", "-ec", line)
    assert not done.status, f"{line}: {done}"
    return done.out.decode()


class Pair:
    """with Pair() as p: w0 is here, w1 there; p.there(...) runs a program there."""

    def __enter__(self):
        self.far = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo ready; exec sleep 600"],
                                    stdout=subprocess.PIPE)
        self.far.stdout.readline()
        sh(f"""ip link set lo up
               ip link add w0 type veth peer name w1
               ip link set w1 netns {self.far.pid}
               sysctl -qw net.ipv6.conf.w0.accept_dad=0 net.ipv6.conf.w0.router_solicitations=0
               ip addr add {HERE}/24 dev w0; ip addr add {HERE6}/64 dev w0 nodad; ip link set w0 up""")
        self.there(f"""sysctl -qw net.ipv6.conf.w1.accept_dad=0 net.ipv6.conf.w1.router_solicitations=0
                       ip link set lo up; ip addr add {THERE}/24 dev w1
                       ip addr add {THERE6}/64 dev w1 nodad; ip link set w1 up""")
        lib.wait_for(lambda: "state UP" in sh("ip link show w0"), "the cable")
        sh(f"ping -c1 -W2 {THERE} >/dev/null; ping -6 -c1 -W2 {THERE6} >/dev/null")
        return self

    def __exit__(self, *exc):
        self.far.kill()
        self.far.communicate()
        lib.run("ip", "link", "del", "w0")

    def there(self, line):
        return sh(f"nsenter -t {self.far.pid} -n sh -ec '{line}'")

    def start_there(self, *argv):
        return subprocess.Popen(["nsenter", "-t", str(self.far.pid), "-n", *argv], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def udp(n, size, to=(THERE, 5353), port=0):
    """Sends n datagrams of size bytes; the port that they came from."""
    with socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET, socket.SOCK_DGRAM) as s:
        if port:
            s.bind(("", port))
        for _ in range(n):
            s.sendto(b"x" * size, to)
        return s.getsockname()[1]
