#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir drops: each packet that is dropped is counted once, for its reason."""
import collections
import contextlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import drop_work
import lib

sys.path.insert(0, lib.here("..", "replay"))
import schema  # noqa: E402 (from the folder just named)

EVERY_WAY = True
ALONE = lib.SLOW > 1  # an emulated machine: whatever it drops is ours
FEW = ("UDP_CSUM", "OTHERHOST", "NO_SOCKET", "SOCKET_FILTER", "NETFILTER_DROP")


def live(*argv):
    return lib.Live("--netns", os.getpid(), *argv, tool="drops")


@contextlib.contextmanager
def kernels_own():
    """The kernel's own account: a list of the names that it prints for its tracepoint's reason."""
    lib.mount_tracefs()
    here = pathlib.Path(lib.TRACEFS, "instances/weir_test")
    here.mkdir()
    names = []
    try:
        (here / "buffer_size_kb").write_text("8192")
        (here / "events/skb/kfree_skb/enable").write_text("1")
        yield names
        (here / "events/skb/kfree_skb/enable").write_text("0")
        names += re.findall(r" kfree_skb: .*\breason: (\w+)", (here / "trace").read_text())
    finally:
        (here / "events/skb/kfree_skb/enable").write_text("0")
        here.rmdir()


class Drops(unittest.TestCase):
    maxDiff = 4000

    def totals(self, ended, kind="drops"):
        self.assertEqual(ended.status, 0, ended)
        rows = [r for r in ended.rows if r.get("report", "total") == "total"]
        self.assertIsNone(schema.wrong(kind, rows))
        self.assertEqual(lib.account(ended)[1], 0, ended.words)
        if kind == "drops":
            self.assertEqual(sum(r["packets"] for r in rows), lib.account(ended)[0])
        return rows

    def counted(self, rows, key="reason"):
        counts = collections.Counter()
        for row in rows:
            counts[row[key]] += row.get("packets", 1)
        return counts

    def test_reasons(self):
        """Twenty reasons and more: the workload's numbers; on an emulated machine the kernel's own account, too."""
        own = kernels_own() if ALONE else contextlib.nullcontext([])
        with own as names, lib.Live(*([] if ALONE else ["--netns", os.getpid()]), "-o", "json", tool="drops") as weir:
            did = drop_work.drop_all()
            time.sleep(0.2 * lib.SLOW)
            counts = self.counted(self.totals(weir.stop()))
        self.assertGreaterEqual(len(did), 20)
        self.assertEqual({name: counts[name] for name in did}, did)
        if ALONE:
            kernel = collections.Counter(names)
            self.assertEqual({name: kernel[name] for name in did}, did)
            # what else was dropped meanwhile: the two begin and end at different times
            self.assertEqual(set(counts) - set(kernel), set())
            print("reasons:", *sorted(did))

    def test_whose(self):
        """The socket's owner, and nobody's where there is no socket."""
        with live("-o", "json") as weir:
            child = subprocess.Popen([sys.executable, "-c", SINK], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            port = int(child.stdout.readline())
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                for _ in range(101):
                    sock.sendto(b"x" * 1000, ("127.0.0.1", port))
                for _ in range(43):
                    sock.sendto(b"x", ("127.0.0.1", 9))
            time.sleep(0.2)
            rows = self.totals(weir.stop())
            child.communicate()
        full = [r for r in rows if r["reason"] == "SOCKET_RCVBUFF"]
        self.assertEqual([(r["pid"], r["comm"]) for r in full], [(child.pid, os.path.basename(sys.executable)[:15])])
        self.assertGreater(full[0]["packets"], 90)
        self.assertEqual([(r["pid"], r["packets"]) for r in rows if r["reason"] == "NO_SOCKET"], [(None, 43)])

    def test_by_address(self):
        """A firewall drops before the packet has a socket: whose it would be is found by its addresses."""
        with contextlib.ExitStack() as stack:
            child = stack.enter_context(subprocess.Popen([sys.executable, "-c", SINK], stdin=subprocess.PIPE,
                                                         stdout=subprocess.PIPE))
            port = int(child.stdout.readline())
            if not drop_work.sh("nft add table ip weir"):
                self.skipTest("this kernel has no nftables")
            stack.callback(drop_work.sh, "nft delete table ip weir")
            drop_work.sh("nft add chain ip weir guard '{ type filter hook input priority 0; }'")
            drop_work.sh(f"nft add rule ip weir guard udp dport '{{ 9, {port} }}' drop")
            weir, each = stack.enter_context(live("-o", "json")), stack.enter_context(live("-o", "json", "--each"))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                # 41 and 37, in turns of several: what is like the last one is counted with it
                for to in ([port] * 3 + [9] * 2) * 13 + [port] * 2 + [9] * 11:
                    with contextlib.suppress(PermissionError):
                        sock.sendto(b"x", ("127.0.0.1", to))
            time.sleep(0.2)
            want = {(child.pid, "INPUT"): 41, (None, "INPUT"): 37}
            for rows in (self.totals(weir.stop()), self.totals(each.stop(), "drop")):
                got = collections.Counter()
                for row in rows:
                    if row["reason"] == "NETFILTER_DROP":
                        got[row["pid"], row["hook"]] += row.get("packets", 1)
                self.assertEqual(got, want)
            child.communicate()

    def test_filters(self):
        with live("-o", "json", "--reason", "udp_csum,NO_*") as weir, \
                live("-o", "json", "--port", drop_work.FILTERED) as port, live("-o", "json", "--host", "10.9.0.9") as host:
            drop_work.drop_all(FEW)
            time.sleep(0.1)
            self.assertEqual(self.counted(self.totals(weir.stop())), {"UDP_CSUM": 11, "NO_SOCKET": 59})
            self.assertEqual(self.counted(self.totals(port.stop())), {"SOCKET_FILTER": 61})
            self.assertEqual(self.totals(host.stop()), [])

    def test_each(self):
        """Lines: place, device, headers, and the stack."""
        with live("-o", "json", "--each", "--stack") as weir:
            did = drop_work.drop_all(FEW)
            time.sleep(0.1)
            most = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path("/proc", str(weir.pid), "status").read_text())
            rows = self.totals(weir.stop(), "drop")
        self.assertLess(int(most[1]), 12 << 10)  # the kernel's symbols are as much
        counts = self.counted(rows)
        self.assertEqual({name: counts[name] for name in did}, did)
        for row in rows:
            if row["reason"] not in did:
                continue
            self.assertEqual(row["device"], "va", row)
            self.assertEqual(row["packet"]["source"], {"addr": drop_work.AWAY, "port": 9001}, row)
            self.assertRegex(row["place"], r"^\w+(\.\w+)*\+0x[0-9a-f]+( \[\w+\])?$")
            self.assertIn(row["place"], row["stack"])
            self.assertEqual(row["kind"], "no_loss" if row["reason"] == "OTHERHOST" else "loss")
            self.assertEqual(row["hook"], "INPUT" if row["reason"] == "NETFILTER_DROP" else None)

    def test_by(self):
        with live("-o", "json", "--by", "device,destination") as weir, live("-o", "json", "--stack") as stacks:
            drop_work.drop_all(("SOCKET_FILTER", "NO_SOCKET"))
            time.sleep(0.1)
            rows, more = self.totals(weir.stop()), self.totals(stacks.stop())
        got = {(r["device"], r["address"], r["port"]): r["packets"] for r in rows}
        self.assertEqual(got["va", drop_work.HOME, drop_work.FILTERED], 61)
        self.assertEqual(got["va", drop_work.HOME, drop_work.PORT], 59)
        for row in more:
            self.assertTrue(any(f.startswith("__netif_receive_skb") for f in row["stack"]), row)

    def test_record(self):
        """A replay says the same; with filters, too."""
        for words in ((), ("--each", "--stack")):
            with tempfile.NamedTemporaryFile() as file:
                with live("--record", file.name, *words) as weir:
                    did = drop_work.drop_all(FEW)
                    time.sleep(0.1)
                    weir.stop()
                ended = lib.weir("replay", file.name, "-o", "json")
                rows = self.totals(ended, "drop" if words else "drops")
                counts = self.counted(rows)
                self.assertEqual({name: counts[name] for name in did}, did)
                self.assertTrue(all("+0x" in r["place"] for r in rows))
                text = lib.weir("replay", file.name)
                self.assertRegex(text.out.decode(), r"NETFILTER_DROP .*INPUT")
                if words:
                    some = lib.weir("replay", file.name, "-o", "json", "--port", drop_work.FILTERED).rows
                    self.assertEqual(self.counted(some), {"SOCKET_FILTER": 61})

    @lib.once
    def test_text(self):
        """Losses come first; -v says what reasons mean; what is beyond --top is summed up."""
        with live("-v", "--top", "2") as weir:
            drop_work.drop_all(FEW)
            time.sleep(0.1)
            ended = weir.stop()
        self.assertRegex(ended.lines[1], r"^ +89 +\S+ \S+ +NETFILTER_DROP +yes +INPUT ")
        self.assertRegex(ended.lines[-1], r"^ +\d+ in \d+ more rows \(--top\)$")
        self.assertIn("NETFILTER_DROP: a firewall rule dropped it.\n    Usual cause: ", ended.words)

    @lib.once
    def test_list(self):
        ended = lib.weir("drops", "--reasons")
        self.assertEqual(ended.status, 0)
        self.assertRegex(ended.out.decode(), r"(?m)^NO_SOCKET: .*\n    Usual cause: .*\n    Look at: ss -lntup")

    @lib.once
    def test_bad_words(self):
        for words, said in ((("--reason", "NO_SOKET"), "did you mean NO_SOCKET"), (("--by", "plaze"), "did you mean place"),
                            (("--each", "--by", "place"), "exclude each other"), (("eth0",), "takes no words"),
                            (("--by", "source,destination"), "not both"), (("--failed",), "no result")):
            ended = lib.weir("drops", *words)
            self.assertEqual((ended.status, ended.out), (2, b""), words)
            self.assertIn(said, ended.words)


SINK = """
import socket, sys, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
sock.bind(("127.0.0.1", 0))
sock.sendto(b"noticed", ("127.0.0.1", sock.getsockname()[1]))  # without functions, owners are known by use
print(sock.getsockname()[1], flush=True)
sys.stdin.read()
"""

if __name__ == "__main__":
    lib.main()
