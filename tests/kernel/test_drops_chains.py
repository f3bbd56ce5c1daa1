#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir drops: which chain of a firewall dropped it. The rulesets are made here, by nft and iptables."""
import collections
import contextlib
import re
import subprocess
import tempfile
import time
import unittest

import lib

# Ports, how often each is sent to, and where that must be dropped: one hook each, so that what stands there is known.
PORTS = {
    9: (11, "127.0.0.1", "INPUT", ["inet weir guard"]),
    11: (13, "127.0.0.1", "OUTPUT", ["ip filter OUTPUT"]),
    13: (17, "127.0.0.1", "PREROUTING", ["ip weir first", "ip other second"]),
    17: (19, "127.0.0.1", "INGRESS", ["netdev weir door"]),
    19: (23, "::1", "OUTPUT", ["ip6 filter OUTPUT"]),
}
NFT = """
table inet weir {
    chain refuse { udp dport 9 drop; }
    chain guard { type filter hook input priority 0; jump refuse; }
}
table ip weir {
    chain first { type filter hook prerouting priority -10; }
}
table ip other {
    chain second { type filter hook prerouting priority 10; udp dport 13 drop; }
}
table netdev weir {
    chain door { type filter hook ingress device "lo" priority 0; udp dport 17 drop; }
}
"""
IPTABLES = "iptables-nft -A OUTPUT -p udp --dport 11 -j DROP; ip6tables-nft -A OUTPUT -p udp --dport 19 -j DROP"
OLD_PORTS = {
    23: (29, "127.0.0.1", "INPUT", ["iptables mangle INPUT", "iptables filter INPUT"]),  # mangle stands at all hooks
    29: (31, "127.0.0.1", "POSTROUTING", ["iptables mangle POSTROUTING"]),
    31: (37, "::1", "INPUT", ["ip6tables filter INPUT"]),
}
OLD = ("iptables-legacy -A INPUT -p udp --dport 23 -j DROP; "
       "iptables-legacy -t mangle -A POSTROUTING -p udp --dport 29 -j DROP; "
       "ip6tables-legacy -A INPUT -p udp --dport 31 -j DROP")

SEND = """
import contextlib, socket, sys
print("ready", flush=True)
sys.stdin.readline()
for port, count, address in (%s):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(count):
            with contextlib.suppress(PermissionError):
                sock.sendto(b"x", (address, port))
print("sent", flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def firewall(case, rules, ports):
    """A namespace with these rules; its process sends at a line and ends at the next."""
    sends = SEND % ", ".join(f'({port}, {row[0]}, "{row[1]}")' for port, row in ports.items())
    script = f"set -e; ip link set lo up\n{rules}\nexec python3 -c '{sends}'"
    child = subprocess.Popen(["unshare", "-n", "bash", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    try:
        if child.stdout.readline() != "ready\n":
            why = child.communicate()[1].strip()
            if re.search("not supported|can't initialize", why):
                case.skipTest(f"this kernel has no such firewall: {why}")
            case.fail(why)
        yield child
    finally:
        child.communicate()


def send(child):
    child.stdin.write("\n")
    child.stdin.flush()
    assert child.stdout.readline() == "sent\n"
    time.sleep(0.2 * lib.SLOW)


def counted(rows):
    got = collections.Counter()
    for row in rows:
        if row["reason"] == "NETFILTER_DROP":
            # what has no table is a function of the kernel's own, as AppArmor has them on some machines
            got[row["hook"], tuple(chain for chain in row["chains"] or () if " " in chain)] += row.get("packets", 1)
    return dict(got)


class Chains(unittest.TestCase):
    maxDiff = 4000

    def drop(self, rules, ports):
        want = {(hook, tuple(chains)): count for count, _, hook, chains in ports.values()}
        with firewall(self, rules, ports) as child, tempfile.NamedTemporaryFile() as file:
            netns = ("--netns", f"/proc/{child.pid}/ns/net")
            with lib.Live(*netns, "-o", "json", tool="drops") as counts, \
                    lib.Live(*netns, "--each", "-o", "json", tool="drops") as each, \
                    lib.Live(*netns, tool="drops") as text, \
                    lib.Live(*netns, "--record", file.name, tool="drops") as record:
                send(child)
                ended = [weir.stop() for weir in (counts, each, text, record)]
            for weir in ended:
                self.assertEqual((weir.status, lib.account(weir)[1]), (0, 0), weir)
            self.assertEqual(counted(ended[0].rows), want)
            self.assertEqual(counted(ended[1].rows), want)
            self.assertEqual(counted(lib.weir("replay", file.name, "-o", "json").rows), want)
            for _, _, hook, chains in ports.values():
                named = rf"\((\w+ or )*{' or '.join(chains)}( or \w+)*\)"
                self.assertRegex(ended[2].out.decode(), rf"(?m) yes +{hook} {named} \w+\S*\+0x")

    def test_nft(self):
        lib.need("iptables-nft")
        self.drop(f"nft -f - <<'END'\n{NFT}\nEND\n{IPTABLES}", PORTS)

    def test_iptables_legacy(self):
        """A table of its own that nftables does not know."""
        lib.need("iptables-legacy")
        self.drop(OLD, OLD_PORTS)


if __name__ == "__main__":
    lib.main()
