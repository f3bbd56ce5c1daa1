#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
Each tracepoint and each function of the catalog that traffic can provoke is provoked, in every way, and what is told
of it is compared with what was done: tests/kernel/provoke.py does it, each thing a prime number of times at a port of
its own. For emulated kernels: it looks at all of the machine.
"""
import os
import re
import socket
import unittest

import lib
import provoke
from provoke import FAR_DEV, NEAR_DEV, ON_DEV, END_DEV

HOST_ONLY = False
TCP, TCP6, REFUSED, RESET, CLOSED, FLOOD, CSUM, OVERFLOW, LOSS, MEMORY = range(7101, 7120, 2)[:10]
ABORT, XDP_TX, XDP_DEV, XDP_BAD, XDP_CPU, TWICE, UDP, XDP_PASS, TAP, FRAGS = range(7121, 7140, 2)
DEFERRED, STALLED = 7141, 7143


def work(far):
    """All of it; gives what the kernel itself counted."""
    told = {}
    provoke.connections(7, TCP, 101)
    provoke.connections(5, TCP6, 103, "::1")
    provoke.refused(5, REFUSED)
    provoke.resets(3, RESET)
    provoke.send(7, CLOSED, "127.0.0.1")
    told["flood"] = provoke.flood(53, FLOOD)
    told["ping"] = provoke.ping_flood(53)
    provoke.bad_checksums(11, CSUM)
    provoke.no_memory(MEMORY)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", UDP))
        for _ in range(19):
            provoke.send(1, UDP, "127.0.0.1", 23)
            assert len(s.recv(100)) == 23
    told["loss"] = provoke.loss(far, LOSS)
    told["overflow"], told["synretrans"] = provoke.overflow(OVERFLOW)
    provoke.deferred(3, DEFERRED)
    provoke.must("tc", "qdisc", "add", "dev", NEAR_DEV, "root", "netem", "duplicate", "100%")
    provoke.send(17, TWICE)
    provoke.must("tc", "qdisc", "del", "dev", NEAR_DEV, "root")
    with provoke.xdp(far, FAR_DEV, provoke.answer(provoke.ABORTED)):
        provoke.send(7, ABORT)
    with provoke.xdp(far, FAR_DEV, provoke.answer(provoke.TX)):
        provoke.send(5, XDP_TX)
    with provoke.xdp(far, FAR_DEV, provoke.answer(provoke.PASS)):
        provoke.send(7, XDP_PASS)
    with provoke.xdp(far, END_DEV, provoke.answer(provoke.PASS)), \
            provoke.xdp(far, FAR_DEV, provoke.redirect_map(far, provoke.MAP_DEVMAP, far.index[ON_DEV])):
        provoke.send(11, XDP_DEV)
    with provoke.xdp(far, FAR_DEV, provoke.redirect(9999)):
        provoke.send(3, XDP_BAD)
    with provoke.xdp(far, FAR_DEV, provoke.redirect_map(far, provoke.MAP_CPUMAP, 192)):
        provoke.send(13, XDP_CPU)
        lib.time.sleep(0.2)
    provoke.tap("plain", [provoke.frame(far.mac, TAP)] * 7)
    provoke.tap("frags", [provoke.frame(far.mac, FRAGS)] * 5)
    provoke.live_frames(31, provoke.frame(far.mac, 7))
    assert not lib.run(lib.work("uring")).status, "io_uring"
    return told


def port(what, end, number):
    """Rows whose packet or socket has that port at that end."""
    def chosen(row):
        of = row[what]
        return bool(of and (of.get(end) or {}).get("port") == number)
    return chosen


def to(number):
    return port("packet", "destination", number)


def client(number):
    return port("socket", "remote", number)


def server(number):
    return lambda row: port("socket", "local", number)(row) and row["socket"].get("remote") is not None


def bound(number):
    return port("socket", "local", number)


def arg(name, *values):
    return lambda row: row["args"].get(name) in values


def both(*tests):
    return lambda row: all(test(row) for test in tests)


def address(name, number):
    return lambda row: number in ((row["args"].get(name) or {}).get(key) for key in ("sin_port", "sin6_port"))


def everything(row):
    return True


def total(*names):
    return lambda rows: sum(row["args"][name] for row in rows for name in names)


RECORD = ("tp",)
# probe, which of its rows, how many of them: a number, a fact by name, or (at least,); the ways it is asked for, and
# what is summed instead
TRACEPOINTS = (
    ("net:net_dev_queue", to(UDP), 19),
    ("net:net_dev_start_xmit", to(UDP), 19),
    ("net:net_dev_start_xmit", both(to(UDP), arg("len", 14 + 28 + 23), arg("name", "lo")), 19, RECORD),
    ("net:net_dev_xmit", to(UDP), 19),
    ("net:net_dev_xmit", both(to(UDP), arg("rc", 0)), 19),
    ("net:netif_rx", to(UDP), 19),
    ("net:netif_rx_entry", to(UDP), 19),
    ("net:netif_receive_skb", to(UDP), 19),
    ("net:netif_receive_skb", to(TWICE), 34),
    ("net:netif_receive_skb_entry", to(TAP), 7),
    ("net:netif_receive_skb_list_entry", to(XDP_CPU), 13),
    ("net:napi_gro_receive_entry", to(XDP_PASS), 7),
    ("net:napi_gro_receive_exit", everything, (7,)),
    ("net:napi_gro_frags_entry", to(FRAGS), 5),
    ("net:napi_gro_frags_exit", everything, (5,)),
    ("napi:napi_poll", arg("dev_name", FAR_DEV), (7,), RECORD),
    ("sock:inet_sock_set_state", both(client(TCP), arg("newstate", "TCP_SYN_SENT", 2)), 7),
    ("sock:inet_sock_set_state", both(bound(TCP), arg("newstate", "TCP_LISTEN", 10)), 1),
    ("sock:inet_sk_error_report", client(REFUSED), 5),
    ("sock:inet_sk_error_report", both(client(REFUSED), arg("error", 111)), 5, RECORD),
    ("sock:sock_rcvqueue_full", everything, "ping"),
    ("sock:sock_exceed_buf_limit", bound(MEMORY), (1,)),
    ("sock:sk_data_ready", bound(UDP), 19),
    ("sock:sock_send_length", both(client(TCP), arg("ret", 101)), 7),
    ("sock:sock_recv_length", both(server(TCP), arg("ret", 101)), 7),
    ("tcp:tcp_retransmit_skb", client(LOSS), "loss"),
    ("tcp:tcp_retransmit_skb", client(OVERFLOW), "synretrans"),
    ("tcp:tcp_retransmit_synack", bound(DEFERRED), 3),
    ("tcp:tcp_send_reset", server(RESET), 3),
    ("tcp:tcp_receive_reset", client(RESET), 3),
    ("tcp:tcp_receive_reset", client(REFUSED), 5),
    ("tcp:tcp_destroy_sock", client(TCP), 7),
    ("tcp:tcp_rcv_space_adjust", server(TCP), (7,)),
    ("tcp:tcp_probe", server(TCP), (7,)),
    ("tcp:tcp_probe", both(server(TCP), arg("data_len", 101)), 7, RECORD),
    ("tcp:tcp_bad_csum", to(CSUM), 11),
    ("tcp:tcp_cong_state_set", client(LOSS), (1,)),
    ("tcp:tcp_cong_state_set", both(client(LOSS), arg("cong_state", 4)), (1,), RECORD),
    ("udp:udp_fail_queue_rcv_skb", bound(FLOOD), "flood"),
    ("skb:kfree_skb", both(to(FLOOD), arg("reason", "SOCKET_RCVBUFF")), "flood", RECORD),
    ("skb:kfree_skb", both(to(CSUM), arg("reason", "TCP_CSUM")), 11, RECORD),
    ("skb:kfree_skb", both(to(CLOSED), arg("reason", "NO_SOCKET")), 7, RECORD),
    ("skb:kfree_skb", both(to(LOSS), arg("reason", "QDISC_DROP")), "loss", RECORD),
    ("skb:consume_skb", to(UDP), 19),
    ("skb:skb_copy_datagram_iovec", both(to(TCP), arg("len", 101)), 7),
    ("icmp:icmp_send", to(CLOSED), 7),
    ("icmp:icmp_send", both(arg("type", 3), arg("code", 3), arg("dport", CLOSED)), 7, RECORD),
    ("qdisc:qdisc_enqueue", to(TWICE), 17),
    ("qdisc:qdisc_dequeue", to(TWICE), 34),
    ("xdp:xdp_exception", arg("dev", FAR_DEV), 7, ("tp_btf", "raw_tp")),
    ("xdp:xdp_exception", both(arg("act", "ABORTED", 0), arg("ifindex", "index")), 7, RECORD),
    ("xdp:xdp_bulk_tx", everything, 5, None, total("sent", "drops")),
    ("xdp:xdp_redirect", everything, 24, None),
    ("xdp:xdp_redirect", arg("to_ifindex", "on"), 11, RECORD),
    ("xdp:xdp_redirect_err", arg("err", -22), 3),
    ("xdp:xdp_devmap_xmit", everything, 11, None, total("sent")),
    ("xdp:xdp_cpumap_enqueue", arg("drops", 0), 13, None, total("processed")),
    ("xdp:xdp_cpumap_kthread", arg("drops", 0), 13, None, total("processed")),
    ("xdp:mem_disconnect", everything, (1,)),
)
FUNCTIONS = (
    ("tcp_connect", client(TCP), 7),
    ("tcp_v4_connect", address("uaddr", TCP), 7),
    ("tcp_v6_connect", address("uaddr", TCP6), 5),
    ("tcp_close", client(TCP), 7),
    ("tcp_sendmsg", both(client(TCP), arg("size", 101)), 7),
    ("tcp_recvmsg", server(TCP), (7,)),
    ("udp_sendmsg", arg("len", 23), 19),
    ("udp_recvmsg", bound(UDP), 19),
    ("inet_csk_accept", bound(TCP), (7,)),
    ("inet_csk_listen_start", bound(TCP), 1),
    ("ip_queue_xmit", client(TCP), (21,)),
    ("__icmp_send", to(CLOSED), 7),
    ("sock_recvmsg", bound(UDP), 19),
    ("sock_sendmsg", lambda row: row["args"]["msg"]["size"] == 5, 7),
    ("__dev_queue_xmit", to(UDP), 19),
    ("function:netif_receive_skb", to(TAP), 7),
    # the headers are not there yet when TCP takes its copy
    ("skb_clone", lambda row: row["packet"]["len"] == 101, 7),
    ("ip_rcv", to(UDP), 19),
    ("ip_output", to(UDP), 19),
    ("inet_bind", address("uaddr", TCP), 1),
    ("inet_release", client(TCP), 7),
    ("tcp_v4_do_rcv", client(TCP), (7,)),
    ("tcp_v6_rcv", to(TCP6), (15,)),
)


class Provoked(unittest.TestCase):
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        if lib.weir("trace", "--way", "kprobe", "tcp_connect", "--", "true").status:
            raise unittest.SkipTest("this kernel lets no function be traced: not an emulated one")
        for module in ("veth", "tun", "sch_netem", "raw"):
            lib.run("modprobe", module)
        cls.far = provoke.Far()
        cls.addClassCleanup(cls.far.end)

    def rows(self, way, table, *options):
        names = sorted({entry[0] for entry in table})
        with lib.Live("--way", way, "-o", "json", *names, *options) as live:
            told = work(self.far)
            ended = live.stop()
        self.assertEqual(ended.status, 0, ended)
        return ended, told

    def compare(self, way, table, told, ended, untraced):
        index = {"index": self.far.index[FAR_DEV], "on": self.far.index[ON_DEV]}
        by_probe = {}
        for row in ended.rows:
            row["args"] = {name: next((word for word, n in index.items() if n == value and "ifindex" in name), value)
                           if isinstance(value, int) else value for name, value in row["args"].items()}
            by_probe.setdefault(row["probe"], []).append(row)
        for word, chosen, want, *more in table:
            probe = word.removeprefix("function:")
            if probe in untraced or (more and more[0] and way not in more[0]):
                continue
            with self.subTest(f"{way}: {probe} {want}"):
                rows = [row for row in by_probe.get(probe, []) if chosen(row)]
                got = more[1](rows) if len(more) > 1 else len(rows)
                shown = by_probe.get(probe, [])[:2]
                if isinstance(want, tuple) and len(want) == 1:
                    self.assertGreaterEqual(got, want[0], shown)
                else:
                    want = told[want] if isinstance(want, str) else want
                    self.assertEqual(got, want, f"{told} of {len(by_probe.get(probe, []))} {shown}")

    def untraced(self, ended):
        return set(re.findall(r"^weir: (\S+) was not traced", ended.words, re.M))

    def test_tracepoints(self):
        have = {line.strip() for line in open(f"{lib.TRACEFS}/available_events")}
        table = [entry for entry in TRACEPOINTS if entry[0] in have]
        print("not on this kernel:", *sorted({entry[0] for entry in TRACEPOINTS} - have))
        for way in ("tp", "tp_btf", "raw_tp"):
            ended, told = self.rows(way, table)
            self.assertEqual(self.untraced(ended), set(), ended.words)
            self.compare(way, table, told, ended, set())

    def test_pools(self):
        """A driver's pool of pages, of each queue that comes up and goes down; vmxnet3 has them since Linux 6.6."""
        device, queues = provoke.emulated_device()
        if not device or tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) < (6, 6):
            self.skipTest("no device here has a driver with pools of pages")
        want = [("PAGE_POOL", socket.if_nametoindex(device))] * 3 * queues
        for way in ("tp", "tp_btf", "raw_tp"):
            with self.subTest(way), lib.Live("--way", way, "-o", "json", "mem_connect", "mem_disconnect", "-n",
                                             2 * len(want)) as live:
                for state in ("up", "down") * 3:
                    provoke.must("ip", "link", "set", device, state)
                rows = live.wait(60).rows
                made = [row["args"] for row in rows if row["probe"] == "xdp:mem_connect"]
                gone = [row["args"] for row in rows if row["probe"] == "xdp:mem_disconnect"]
                self.assertEqual((len(made), len(gone)), (len(want), len(want)), rows)
                if way == "tp":  # the others have the arguments, which are pointers
                    self.assertEqual([(args["mem_type"], args["ifindex"]) for args in made], want, rows)
                    self.assertEqual(sorted(args["mem_id"] for args in gone), sorted(args["mem_id"] for args in made), rows)

    def test_stalled(self):
        """A queue that stands still, as the kernel's watchdog finds: after 20 s, or twice that."""
        with lib.Live("-o", "json", "net_dev_xmit_timeout", "-n", "1") as live, provoke.serial_line(97, STALLED) as name:
            ended = live.wait(50)
        self.assertEqual([(row["args"]["name"], row["args"]["queue_index"]) for row in ended.rows], [(name, 0)], ended)

    def test_functions(self):
        for way in ("fentry", "kprobe.multi", "kprobe"):
            ended = lib.weir("trace", "--way", way, "tcp_connect", "--", "true")
            if ended.status:
                print(f"skip functions_by_{way}: {ended.words.strip()}")
                continue
            ended, told = self.rows(way, FUNCTIONS)
            untraced = self.untraced(ended)
            print(way, *[line for line in ended.words.splitlines() if "not traced" in line], sep="\n")
            self.assertLessEqual(len(untraced), 4, ended.words)
            self.compare(way, FUNCTIONS, told, ended, untraced)
            mine = [row for row in ended.rows if row["probe"] in ("tcp_v4_do_rcv", "ip_queue_xmit", "tcp_connect") and
                    client(TCP)(row)]
            self.assertEqual({row["pid"] for row in mine}, {os.getpid()})


if __name__ == "__main__":
    lib.main()
