#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir conns against what ss shows of the same sockets."""
import errno
import os
import re
import socket
import subprocess
import sys
import tempfile
import unittest

import drop_work
import lib

sys.path.insert(0, lib.here("..", "replay"))
import schema

ME = [sys.executable, os.path.abspath(__file__)]
IPPROTO_MPTCP = 262
ALL = 211  # connections of TCP, counted as ends that somebody has open
STATES = {"ESTAB": "TCP_ESTABLISHED", "SYN-SENT": "TCP_SYN_SENT", "SYN-RECV": "TCP_SYN_RECV", "FIN-WAIT-1": "TCP_FIN_WAIT1",
          "FIN-WAIT-2": "TCP_FIN_WAIT2", "TIME-WAIT": "TCP_TIME_WAIT", "UNCONN": None, "CLOSE-WAIT": "TCP_CLOSE_WAIT",
          "LAST-ACK": "TCP_LAST_ACK", "LISTEN": "TCP_LISTEN", "CLOSING": "TCP_CLOSING"}


# The workload: opens sockets of all kinds, tells that it has, and waits for its standard input to end.

def mixed(count):
    kept = []

    def listening(family, address, backlog=256):
        listener = socket.socket(family)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((address, 0))
        listener.listen(backlog)
        kept.append(listener)
        return listener, listener.getsockname()[1]

    kinds = [(*listening(family, address), family, to)
             for family, address, to in ((socket.AF_INET, "127.0.0.1", "127.0.0.1"), (socket.AF_INET6, "::1", "::1"),
                                         (socket.AF_INET6, "::", "::ffff:127.0.0.1"))]
    # Of this one the queue is full: what comes later stays in SYN_SENT.
    full, port = listening(socket.AF_INET, "127.0.0.1", 0)
    waiting = socket.socket()
    waiting.connect(("127.0.0.1", port))
    kept.append(waiting)
    number = 1
    for _ in range(2):
        late = socket.socket()
        late.setblocking(False)
        late.connect_ex(("127.0.0.1", port))
        kept.append(late)
        number += 1
    while number + 1 < int(count):
        listener, port, family, to = kinds[number % 3]
        mine = socket.socket(family)
        mine.connect((to, port))
        accepted = listener.accept()[0]
        kept += [mine, accepted]
        mine.sendall(b"x" * (number * 1009 % 60013))
        if number % 4:
            left = number * 1009 % 60013
            while left:
                left -= len(accepted.recv(left))
        if number % 5 == 0:
            accepted.sendall(b"y" * 17)
        if number % 7 == 0:
            mine.shutdown(socket.SHUT_WR)
        if number % 14 == 0:
            accepted.shutdown(socket.SHUT_WR)  # these are in TIME_WAIT, or LAST_ACK and gone
        number += 2
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.connect(udp.getsockname())
    other.send(b"x" * 1009)
    kept += [udp, other]
    print("ready", flush=True)
    sys.stdin.read()


def transfer():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(5)
    mine = socket.create_connection(listener.getsockname())
    accepted = listener.accept()[0]
    mine.sendall(b"x" * 104729)
    left = 104729
    while left:
        left -= len(accepted.recv(left))
    mine.close()
    accepted.recv(1)
    accepted.close()


def waits():
    """Waits in accept(): whoever comes later than it finds the call begun."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        print(listener.getsockname()[1], flush=True)
        with listener.accept()[0] as accepted:
            accepted.recv(1)


def mptcp(count):
    """A process accepts, and its child connects; of some this side is the first to close, of others that."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        child = os.fork()
        for number in range(int(count)):
            if child:
                end = listener.accept()[0]
            else:
                end = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
                end.connect(listener.getsockname())
            end.sendall(b"x")
            end.recv(1)
            if bool(child) == number % 2:
                end.recv(1)  # the other side closes first
            end.close()
    if not child:
        os._exit(0)
    os.wait()
    print(os.getpid(), child)


WORK = {"mixed": mixed, "transfer": transfer, "waits": waits, "mptcp": mptcp}


def ends(text):
    address, port = text.rsplit(":", 1)
    address = address.strip("[]").split("%")[0].removeprefix("::ffff:")
    return None if port == "*" else "::" if address == "*" else address, None if port == "*" else int(port)


def ss(*options):
    """What ss tells, by the socket's cookie."""
    lines = lib.run("ss", "-aineOpm", *options).lines[1:]
    found = {}
    for line in lines:
        words = line.split()
        line = re.sub(r"\b(last(snd|rcv|ack)|ino|timer):\S+", "", line)
        has = {key: number for key, number in re.findall(r"(?<![\w:])([a-z_]+):([\d.]+)(?![\w/.])", line)}
        pair = {key: tuple(numbers.split("/")) for key, numbers in re.findall(r"\b(rtt|retrans):([\d./]+)", line)}
        memory = re.search(r"skmem:\(r\d+,rb(\d+),t\d+,tb(\d+),.*?,d(\d+)\)", line)
        pid = re.search(r"pid=(\d+)", line)
        cookie = re.search(r"\bsk:([0-9a-f]+)", line)
        found[int(cookie[1], 16) if cookie else line] = {
            "state": STATES[words[0]], "recv": int(words[1]), "send": int(words[2]), "local": ends(words[3]),
            "remote": ends(words[4]), "pid": int(pid[1]) if pid else None, "memory": memory and tuple(map(int, memory.groups())),
            "has": has, "pair": pair}
    return found


class Mptcp(unittest.TestCase):
    def test_owner(self):
        """Of what is accepted, too: who has the whole has its path."""
        try:
            socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP).close()
        except OSError:
            self.skipTest("no MPTCP here")
        with lib.Live("-o", "json", "--stats", "--netns", os.getpid(), tool="conns") as live:
            server, client = map(int, lib.run(*ME, "mptcp", "7").out.split())
            # paths end after their sockets
            lib.wait_for(lambda: not lib.run("ss", "-tnH", "state", "connected", "exclude", "time-wait").out, "all to end")
            ended = live.stop()
        self.assertEqual(lib.lost(ended), {})
        closed = [(r["direction"], r["pid"]) for r in ended.rows
                  if r["event"] == "closed" and r["protocol"] == "IPPROTO_MPTCP" and r["state"] != "TCP_LISTEN"]
        self.assertEqual(sorted(closed), [("accepted", server)] * 7 + [("opened", client)] * 7)


class Errors(unittest.TestCase):
    def told(self, sock, *options):
        ended = lib.weir("conns", "--once", "-o", "json", "--netns", os.getpid(), "--port", sock.getsockname()[1], *options)
        return [r["error"] for r in ended.rows if r["local_port"] == sock.getsockname()[1] and r["port"]]

    def check(self, sock, error, end=lambda: None):
        """What the socket has to tell, which it tells once; end() ends what gives the error."""
        self.assertEqual((self.told(sock), self.told(sock, "--failed")), ([errno.errorcode[error]],) * 2)
        end()
        self.assertEqual(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), error)
        self.assertEqual((self.told(sock), self.told(sock, "--failed")), ([None], []))

    def test_udp(self):
        """Nobody is there whom it has sent to."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            free.bind(("127.0.0.1", 0))
            sock.connect(free.getsockname())
            free.close()
            sock.send(b"x")
            self.check(sock, errno.ECONNREFUSED)

    def test_tcp(self):
        """An open connection whose segments find no way any more."""
        wire = drop_work.Wire()
        self.addCleanup(wire.close)
        sock = drop_work.Peer(wire, 29).sock
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1" + bytes(7))  # nobody would answer a FIN
        self.assertEqual(self.told(sock), [None])
        sock.send(b"x")  # nobody answers: it is sent again and again
        self.assertTrue(drop_work.sh("ip route add prohibit", drop_work.AWAY))
        self.addCleanup(drop_work.sh, "ip route del prohibit", drop_work.AWAY)
        lib.wait_for(lambda: self.told(sock) != [None], "an error")
        self.check(sock, errno.EACCES, lambda: drop_work.sh("ip route del prohibit", drop_work.AWAY))


class Kernel(unittest.TestCase):
    def test_accepts(self):
        """What the kernel itself accepts (a target of NVMe over TCP) is told when it does, as nobody's."""
        if not os.environ.get("WEIR_TEST_SLOW"):
            self.skipTest("it loads a module: emulated kernels only")
        setup = """modprobe nvmet-tcp && { mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config; } &&
            cd /sys/kernel/config/nvmet && mkdir subsystems/weir ports/1 && cd ports/1 && echo ipv4 >addr_adrfam &&
            echo tcp >addr_trtype && echo 127.0.0.1 >addr_traddr && echo 4420 >addr_trsvcid &&
            ln -s /sys/kernel/config/nvmet/subsystems/weir subsystems/weir"""
        if lib.run("sh", "-c", setup).status:
            self.skipTest("no nvmet-tcp here")
        with lib.Live("-o", "json", "--stats", "--port", 4420, tool="conns") as live:
            for _ in range(3):
                with socket.create_connection(("127.0.0.1", 4420)) as mine:
                    lib.wait_for(lambda: self.served() == 1, "the kernel to accept")
                    mine.sendall(b"x" * 7)
                lib.wait_for(lambda: not self.served(), "the kernel to close")
            ended = live.stop()
        self.assertEqual(lib.lost(ended), {})
        rows = [(r["event"], r["pid"]) for r in ended.rows if r["direction"] == "accepted" and r["port"]]
        accepts = [("accepted", None)] if ("accepted", None) in rows else []  # else who accepts is not seen
        self.assertEqual(rows, [("established", None), *accepts, ("closed", None)] * 3)

    def served(self):
        return len(lib.run("ss", "-tnH", "state", "established", "sport", "=", ":4420").lines)


class Conns(unittest.TestCase):
    maxDiff = 3000

    def setUp(self):
        self.work = subprocess.Popen([*ME, "mixed", str(ALL)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.work.stdout.readline()

    def tearDown(self):
        self.work.stdin.close()
        self.work.stdout.close()
        self.work.wait()

    def conns(self, *options):
        ended = lib.weir("conns", "--once", "--netns", os.getpid(), "--stats", *options)
        self.assertEqual(ended.status, 0, ended)
        self.assertEqual(lib.lost(ended), {})
        return ended

    def once(self):
        """Rows, and what ss tells just before."""
        for _ in range(5):  # a SYN may be sent again in between
            before = ss("-t") | ss("-u")
            rows = self.conns("-o", "json").rows
            if before == ss("-t") | ss("-u"):
                break
        self.assertIsNone(schema.wrong("conn", rows))
        self.assertEqual(len({r["cookie"] for r in rows}), len(rows))
        return rows, before

    def test_against_ss(self):
        """Each socket that ss lists, and no other, with the same numbers."""
        rows, other = self.once()
        self.assertEqual({r["cookie"] for r in rows if r["cookie"]}, set(other))
        self.assertEqual(sum(r["protocol"] == "IPPROTO_TCP" and r["pid"] is not None and r["state"] != "TCP_LISTEN"
                             for r in rows), ALL)
        for row in rows:
            want = other[row["cookie"]]
            with self.subTest(row=row, want=want):
                self.check(row, want)

    def check(self, row, want):
        tcp = row["protocol"] == "IPPROTO_TCP"
        state = row["state"]
        self.assertEqual(state if tcp else None, want["state"] if tcp else None)
        self.assertEqual(row["pid"], want["pid"])
        self.assertEqual((row["local_address"], row["local_port"]), want["local"])
        self.assertEqual((row["address"], row["port"]), want["remote"])
        if state == "TCP_TIME_WAIT":
            return
        self.assertEqual(row["recv_queue"], want["recv"])
        if state == "TCP_LISTEN":
            self.assertEqual(row["recv_limit"], want["send"])
            return
        self.assertEqual(row["send_queue"], want["send"])
        self.assertEqual((row["recv_limit"], row["send_limit"], row["drops"]), want["memory"])
        if not tcp:
            return
        self.assertEqual(row["pid"], self.work.pid if want["pid"] else None)
        has, pair = want["has"], want["pair"]
        for mine, theirs in (("segs_out", "segs_out"), ("segs_in", "segs_in"), ("data_segs_out", "data_segs_out"),
                             ("data_segs_in", "data_segs_in"), ("sent_bytes", "bytes_sent"), ("cwnd", "cwnd"), ("mss", "mss"),
                             ("retrans_bytes", "bytes_retrans")):
            self.assertEqual(row[mine], int(has.get(theirs, 0)), mine)
        self.assertEqual(row["retrans"], int(pair.get("retrans", (0, 0))[1]))
        if "rtt" in pair:
            self.assertEqual((row["rtt_us"] / 1000, row["rttvar_us"] / 1000), tuple(map(float, pair["rtt"])))
        if "minrtt" in has:
            self.assertEqual(row["min_rtt_us"] / 1000, float(has["minrtt"]))
        # ss counts the SYN of the side that opened, and FINs that were acknowledged or have come
        fin_out = state in ("TCP_FIN_WAIT2",)
        fin_in = state in ("TCP_CLOSE_WAIT",)
        syn = row["direction"] == "opened" and state != "TCP_SYN_SENT"
        self.assertEqual(row["tx_bytes"], int(has.get("bytes_acked", 0)) - fin_out - syn)
        self.assertEqual(row["rx_bytes"], int(has.get("bytes_received", 0)) - fin_in)

    def test_direction(self):
        """Who opened is found out of the counters, as far as they tell: never wrongly."""
        rows = self.conns("-o", "json").rows
        ports = {r["local_port"] for r in rows if r["state"] == "TCP_LISTEN"}
        for row in rows:
            if row["direction"] and row["state"] != "TCP_LISTEN":
                self.assertEqual(row["direction"], "accepted" if row["local_port"] in ports else "opened", row)
        self.assertGreater(sum(row["direction"] is not None for row in rows), ALL * 9 // 10)

    def test_groups(self):
        """Totals are the sums of the rows: of those that have an owner, which do not end meanwhile as TIME_WAIT does."""
        owned = ("-o", "json", "-p", self.work.pid)
        rows = self.conns(*owned).rows
        for by, key in (("process", "pid"), ("cgroup", "cgroup")):
            groups = self.conns(*owned, "--by", by).rows
            mine = next(g for g in groups if by == "cgroup" or g["pid"] == self.work.pid)
            some = [r for r in rows if by == "cgroup" or r["pid"] == self.work.pid]
            if by == "process":
                self.assertEqual(mine["conns"], len(some))
                self.assertEqual(mine["tx_bytes"], sum(r["tx_bytes"] or 0 for r in some))
            self.assertEqual(sum(g["conns"] for g in groups), len(rows))
        for by in ("remote", "port"):
            groups = self.conns(*owned, "--by", by, "--sort", "rx_bytes").rows
            self.assertEqual(sum(g["conns"] for g in groups), len(rows))
            self.assertEqual(sum(g["rx_bytes"] for g in groups), sum(r["rx_bytes"] or 0 for r in rows))
            self.assertEqual([g["rx_bytes"] for g in groups], sorted((g["rx_bytes"] for g in groups), reverse=True))

    def test_sort(self):
        rows = self.conns("-o", "json", "--sort", "tx_bytes").rows
        numbers = [r["tx_bytes"] for r in rows if r["tx_bytes"] is not None]
        self.assertEqual(numbers, sorted(numbers, reverse=True))
        self.assertEqual([r["tx_bytes"] for r in rows][:len(numbers)], numbers)

    def test_filters(self):
        rows = self.conns("-o", "json").rows
        for options, wanted in ((["-4"], lambda r: r["family"] == "AF_INET"), (["-6"], lambda r: r["family"] == "AF_INET6"),
                                (["--host", "::1"], lambda r: "::1" in (r["address"], r["local_address"])),
                                (["-p", self.work.pid], lambda r: r["pid"] == self.work.pid),
                                (["-c", "nobody"], lambda r: False)):
            self.assertEqual({r["cookie"] for r in self.conns("-o", "json", *options).rows},
                             {r["cookie"] for r in rows if wanted(r)}, options)

    def test_record(self):
        with tempfile.NamedTemporaryFile() as record:
            self.conns("--record", record.name)
            rows = self.conns("-o", "json").rows
            again = lib.weir("replay", record.name, "-o", "json").rows
            self.assertEqual({r["cookie"] for r in again}, {r["cookie"] for r in rows})
            groups = lib.weir("replay", record.name, "-o", "json", "--by", "port").rows
            self.assertEqual(sum(g["conns"] for g in groups), len(again))

    def test_stream(self):
        """What was there first, once each; then each change."""
        was = {r["cookie"] for r in self.conns("-o", "json").rows if r["state"] != "TCP_TIME_WAIT"}
        with lib.Live("-o", "json", "--netns", os.getpid(), tool="conns") as live:
            for _ in range(7):
                lib.run(*ME, "transfer")
            ended = live.stop()
        self.assertIsNone(schema.wrong("conn", ended.rows))
        told = [r["cookie"] for r in ended.rows if r["event"] == "was"]
        self.assertEqual(sorted(told), sorted(was))
        new = [r for r in ended.rows if r["cookie"] not in was]
        events = [r["event"] for r in new]
        self.assertEqual({e: events.count(e) for e in set(events) - {"accepted"}},
                         {"listens": 7, "opened": 7, "established": 14, "closed": 21})
        self.assertEqual({r["direction"] for r in new if r["event"] == "opened"}, {"opened"})
        closed = [r for r in new if r["event"] == "closed" and r["state"] != "TCP_LISTEN"]
        self.assertEqual(sorted((r["tx_bytes"], r["rx_bytes"]) for r in closed), [(0, 104729)] * 7 + [(104729, 0)] * 7)
        self.assertNotIn(None, [r["pid"] for r in closed])

    def test_stream_text(self):
        """People are told a thing once: not that it opens when it is established, nor that it came when it is accepted."""
        waits = subprocess.Popen([*ME, "waits"], stdout=subprocess.PIPE)
        self.addCleanup(waits.stdout.close)
        self.addCleanup(waits.kill)
        waited = int(waits.stdout.readline())
        lib.wait_for(lambda: open(f"/proc/{waits.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "S", "accept()")
        with socket.socket() as none:
            none.bind(("127.0.0.1", 0))
            closed = none.getsockname()[1]  # nobody listens there
            with tempfile.NamedTemporaryFile() as record:
                lives = [lib.Live("--stats", "--netns", os.getpid(), *more, tool="conns")
                         for more in ([], ["--all"], ["--record", record.name])]
                for _ in range(7):
                    lib.run(*ME, "transfer")
                for _ in range(5):
                    with socket.socket() as mine:
                        mine.connect_ex(("127.0.0.1", closed))
                socket.create_connection(("127.0.0.1", waited)).close()
                waits.wait()
                brief, full, _ = [live.stop() for live in lives]
                again = [lib.weir("replay", record.name, *more) for more in ([], ["--all"])]
        self.assertEqual([lib.lost(ended) for ended in (brief, full)], [{}, {}])
        told = []
        for ended in (brief, full, *again):
            self.assertEqual([line.split()[:2] for line in ended.lines if "EVENT" in line], [["TIME", "EVENT"]])
            rows = [line.split() for line in ended.lines if re.match(r"\d\d:", line) and line.split()[1] != "was"]
            self.assertEqual([r[-1] for r in rows if r[7] == str(closed) and r[1] == "closed"], ["refused"] * 5)
            events = [r[1] for r in rows]
            told.append({e: events.count(e) for e in set(events)})
        accepted = {"accepted": 8} if "accepted" in told[1] else {}  # else who accepts is not seen, and both ends are told
        self.assertEqual(told[1], {"listens": 7, "opened": 13, "established": 16, "closed": 29, **accepted})
        self.assertEqual(told[0], {"listens": 7, "established": 16 - 8 * len(accepted), "closed": 29, **accepted})
        self.assertEqual(told[2:], told[:2])

    def test_text(self):
        lines = self.conns().lines
        self.assertRegex(lines[0], r"^PROTO STATE +PID COMM +LADDR +LPORT RADDR +RPORT +TX +RX$")
        self.assertTrue(all(re.match(r"(tcp|udp) ", line) for line in lines[1:-1]))

    def test_refusals(self):
        for words in (["word"], ["--by", "process"], ["--once", "--by", "proces"], ["--once", "--sort", "pidd"],
                      ["--once", "--", "true"], ["--once", "--by", "port", "--sort", "comm"]):
            ended = lib.weir("conns", *words)
            self.assertEqual((ended.status, ended.words.count("\n")), (2, 1), ended)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in WORK:
        WORK[sys.argv[1]](*sys.argv[2:])
    else:
        lib.main()
