#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
The counting tools beside bpftrace, on the same traffic: what sockstat.bt, sofamily.bt, soprotocol.bt,
socketio.bt, socksize.bt, soconnlat.bt, so1stbyte.bt and sormem.bt of "BPF Performance Tools" count, written
anew, by process. One bpftrace watches all; each workload runs under a weir tool, and its process id finds it
in bpftrace's maps. And trace beside solisten. Only where there are kprobes: in the emulated machines.
"""
import collections
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
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
kprobe:security_socket_connect {HERE} {{ {SK} @tcp[tid] = $sk->sk_protocol == 6; }}
tracepoint:syscalls:sys_enter_connect {HERE} {{ @at[tid] = nsecs; @began[tid, args->fd] = nsecs; }}
tracepoint:syscalls:sys_exit_connect /@tcp[tid]/ {{
	@latency[pid, args->ret] = count(); @latency_us[pid] = max((nsecs - @at[tid]) / 1000); @tcp[tid] = 0; }}
tracepoint:syscalls:sys_enter_recvfrom {HERE} {{ @fd[tid] = args->fd; }}
tracepoint:syscalls:sys_exit_recvfrom /comm == "so" && args->ret > 0 && @began[tid, @fd[tid]]/ {{
	@first[pid] = count(); @first_us[pid] = max((nsecs - @began[tid, @fd[tid]]) / 1000);
	@began[tid, @fd[tid]] = 0; }}
tracepoint:syscalls:sys_enter_close {HERE} {{ @began[tid, args->fd] = 0; }}
kprobe:sock_recvmsg {HERE} {{ @sk[tid] = ((struct socket *)arg0)->sk; }}
kretprobe:sock_recvmsg /comm == "so" && retval < 0x7fffffff/ {{
	$sk = (struct sock *)@sk[tid]; @limit[pid] = hist($sk->sk_rcvbuf);
	@allocated[pid] = hist($sk->sk_backlog.rmem_alloc.counter); }}
END {{ clear(@tcp); clear(@at); clear(@began); clear(@fd); clear(@sk); }}
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
        work = ["inet", 13, "inet6", 11, "unix", 5, "refused", 7, "greet", 19, "udp", 17, "send", 29, "write", 3,
                "sizes", 211]
        for tool, options in (("sockstat", ["--by", "process"]), ("sofamily", []), ("soprotocol", []), ("socketio", []),
                              ("socksize", []), ("soconnlat", []), ("so1stbyte", []), ("sormem", ["--by", "process"])):
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

    def drawn_alike(self, tool, word, name):
        """Our histogram below the line with a word, and theirs, to the letter."""
        pid = self.rows[tool][0]["pid"]
        found = re.search(rf"(?m)^@{name}\[{pid}\]:.*\n((?:\[.*\n)+)", self.text)
        self.assertTrue(found, self.text[-3000:])
        lines = self.lines[tool]
        start = next(i for i, line in enumerate(lines) if word in line) + 1
        self.assertEqual(lines[start:lines.index("", start)], found[1].splitlines())

    def test_socksize(self):
        self.drawn_alike("socksize", " read ", "read_bytes")

    def test_sormem(self):
        self.drawn_alike("sormem", "limit_bytes", "limit")
        self.drawn_alike("sormem", "allocated_bytes", "allocated")

    def test_soconnlat(self):
        """By the time that each blocking connect takes, which is that of its handshake and a little more."""
        rows = {r["result"]: r for r in self.rows["soconnlat"]}
        theirs = self.theirs("latency", "soconnlat")
        self.assertEqual(theirs, {("0",): rows["connected"]["count"], ("-111",): rows["failed"]["count"]})
        longest = max(r["max_us"] for r in rows.values())
        self.assertTrue(0 < longest <= self.theirs("latency_us", "soconnlat")[()], rows)

    def test_so1stbyte(self):
        """Of the side that connects: they have no other."""
        row = next(r for r in self.rows["so1stbyte"] if r["side"] == "connect")
        self.assertEqual({(): row["count"]}, self.theirs("first", "so1stbyte"))
        self.assertTrue(0 < row["max_us"] <= self.theirs("first_us", "so1stbyte")[()], row)

    def test_listens(self):
        """solisten has IP only, and no address of IPv6: trace tells all of them."""
        lib.need("solisten")
        with tempfile.TemporaryFile() as out:
            other = subprocess.Popen(["stdbuf", "-oL", "solisten"], stdout=out, stderr=subprocess.STDOUT)

            def lines():
                return [line.split() for line in os.pread(out.fileno(), 1 << 16, 0).decode().splitlines()]
            try:
                lib.wait_for(lambda: lines() or other.poll() is not None, "solisten to start", 30)
                time.sleep(lib.SLOW)
                ended = lib.weir("trace", "-o", "json", "listen", "--", lib.work("so"), "inet", 3, "inet6", 2, "unix", 5)
                lib.wait_for(lambda: sum("so" in line for line in lines()) >= 2, "solisten to tell", 10)
            finally:
                other.send_signal(signal.SIGINT)
                other.wait()
            got = sorted((int(f[0]), int(f[3]), int(f[5]), f[6]) for f in lines() if f[1:2] == ["so"])
            ip = [r for r in ended.rows if r["socket"]["family"] != "AF_UNIX"]
            self.assertEqual(got, sorted((r["pid"], r["args"]["backlog"], r["socket"]["local"]["port"],
                                          r["socket"]["local"]["addr"].replace("::1", "::")) for r in ip), lines())
            self.assertEqual((len(ip), len(ended.rows)), (2, 3))


if __name__ == "__main__":
    lib.main()
