#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
The counting tools beside bpftrace, on the same traffic: what sockstat.bt, sofamily.bt, soprotocol.bt,
socketio.bt and socksize.bt of "BPF Performance Tools" count, written anew, by process. One bpftrace
watches all; each workload runs under a weir tool, and its process id finds it in bpftrace's maps. Only
where there are kprobes: in the emulated machines.
"""
import collections
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest

import lib

CALLS = ("accept", "accept4", "bind", "connect", "listen", "shutdown", "socket")
PROTO = "$sk->sk_protocol, $sk->__sk_common.skc_prot->name"
PORT = "(($sk->__sk_common.skc_dport >> 8) | (($sk->__sk_common.skc_dport << 8) & 0xff00))"
SK = "$sk = ((struct socket *)arg0)->sk;"
HERE = '/comm == "so"/'


def script():
    # Every send passes there; sock_sendmsg, which socketio.bt names, is only the kernel's own since 6.6.
    send = "security_socket_sendmsg"
    text = "interval:ms:300 { @ready = 1; print(@ready); clear(@ready); }\n"
    for call in CALLS:
        text += f'tracepoint:syscalls:sys_enter_{call} {HERE} {{ @calls[pid, "{call}"] = count(); }}\n'
    text += f"""
tracepoint:syscalls:sys_enter_connect {HERE} {{ @family[pid, args->uservaddr->sa_family] = count(); }}
kprobe:security_socket_connect {HERE} {{ {SK} @connect[pid, {PROTO}] = count(); }}
kprobe:security_socket_accept {HERE} {{ {SK} @accept[pid, {PROTO}] = count(); }}
kprobe:sock_recvmsg {HERE} {{ {SK} @io[pid, "read", $sk->__sk_common.skc_prot->name, {PORT}] = count(); }}
kprobe:{send} {HERE} {{ {SK} @io[pid, "write", $sk->__sk_common.skc_prot->name, {PORT}] = count(); }}
kretprobe:sock_recvmsg /comm == "so" && retval < 0x7fffffff/ {{ @read_bytes[pid] = hist(retval); }}
"""
    return text


class Peer:
    """bpftrace, attached when the constructor returns."""

    def __init__(self):
        self.out = tempfile.NamedTemporaryFile()
        self.process = subprocess.Popen(["bpftrace", "-B", "line", "-e", script()], stdin=subprocess.DEVNULL,
                                        stdout=self.out, stderr=subprocess.STDOUT)
        lib.wait_for(lambda: self.process.poll() is not None or "@ready" in self.text(), "bpftrace to attach", 60)
        if self.process.poll() is not None:
            raise AssertionError(self.text())

    def text(self):
        return pathlib.Path(self.out.name).read_text(errors="replace")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30 * lib.SLOW)
        return self.text()


def maps(text):
    """{name: {key: count}} of the maps that bpftrace prints at its end."""
    found = collections.defaultdict(dict)
    for name, key, count in re.findall(r"(?m)^@(\w+)\[(.*)\]: (\d+)$", text):
        found[name][tuple(key.split(", "))] = int(count)
    return found


class Peers(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        lib.need("bpftrace")
        lib.mount_tracefs()
        functions = pathlib.Path(lib.TRACEFS, "available_filter_functions")
        try:
            functions.read_text()
        except OSError as error:
            raise unittest.SkipTest(f"this kernel has no kprobes: {error.strerror}")
        peer = Peer()
        cls.rows, cls.lines = {}, {}
        work = ["inet", 13, "inet6", 11, "unix", 5, "refused", 7, "udp", 17, "send", 29, "write", 3, "sizes", 211]
        for tool, options in (("sockstat", ["--by", "process"]), ("sofamily", []), ("soprotocol", []), ("socketio", []),
                              ("socksize", [])):
            with tempfile.TemporaryDirectory() as folder:
                path = f"{folder}/rec"
                ended = lib.weir(tool, *options, "--record", path, "--", lib.work("so"), *work, timeout=120)
                assert ended.status == 0, ended
                rows = lib.weir("replay", path, "-o", "json").rows
                cls.lines[tool] = lib.weir("replay", path).lines
            cls.rows[tool] = [row for row in rows if row["report"] == "total"]
        cls.text = peer.stop()
        cls.maps = maps(cls.text)

    def theirs(self, name, tool):
        pid = str(self.rows[tool][0]["pid"])
        return {key[1:]: count for key, count in self.maps[name].items() if key[0] == pid}

    def test_sockstat(self):
        ours = {(row["call"],): row["count"] for row in self.rows["sockstat"] if row["call"] in CALLS}
        self.assertEqual(ours, self.theirs("calls", "sockstat"))
        self.assertGreater(len(ours), 5)

    def test_sofamily(self):
        ours = {(str(r["family_number"]),): r["connects"] + r["connect_errors"] for r in self.rows["sofamily"]}
        self.assertEqual(ours, self.theirs("family", "sofamily"))

    def test_soprotocol(self):
        rows = self.rows["soprotocol"]
        for name, keys in (("connect", ("connects", "connect_errors")), ("accept", ("accepts", "accept_errors"))):
            ours = {(str(r["number"]), r["protocol"]): sum(r[k] for k in keys) for r in rows}
            self.assertEqual({k: n for k, n in ours.items() if n}, self.theirs(name, "soprotocol"))

    def test_socketio(self):
        ours = {(r["direction"], r["protocol"], str(r["port"])): r["count"] for r in self.rows["socketio"]}
        self.assertEqual(ours, self.theirs("io", "socketio"))

    def test_socksize(self):
        """Drawn alike, to the letter."""
        pid = self.rows["socksize"][0]["pid"]
        found = re.search(rf"(?m)^@read_bytes\[{pid}\]:.*\n((?:\[.*\n)+)", self.text)
        self.assertTrue(found, self.text[-3000:])
        lines = self.lines["socksize"]
        start = next(i for i, line in enumerate(lines) if " read " in line) + 1
        self.assertEqual(lines[start:lines.index("", start)], found[1].splitlines())


if __name__ == "__main__":
    lib.main()
