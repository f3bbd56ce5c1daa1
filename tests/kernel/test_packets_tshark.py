#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
weir packets against tshark: real traffic of curl, nginx, iperf3, ping, nc and python, and frames made here
(VLANs, VXLAN, GRE, IP in IP, fragments, IPv6 chains, SCTP), in one pcapng file. Each field that both
show is the same, of at least 5 000 packets.
"""
import collections
import socket
import struct
import tempfile
import time
import unittest

import lib
import net
from net import HERE, HERE6, THERE, THERE6

PACKETS = 5000


# Frames that programs seldom send

def ip4(proto, payload, src=HERE, dst=THERE, more=False, offset=0, options=b""):
    words = 5 + len(options) // 4
    return struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0x10, 4 * words + len(payload), 4711, more << 13 | offset // 8,
                       63, proto, 0, socket.inet_aton(src), socket.inet_aton(dst)) + options + payload


def ip6(nxt, payload, src=HERE6, dst=THERE6):
    return struct.pack("!IHBB16s16s", 6 << 28 | 0x2a << 20 | 0x12345, len(payload), nxt, 62,
                       socket.inet_pton(socket.AF_INET6, src), socket.inet_pton(socket.AF_INET6, dst)) + payload


def udp(payload, sport=4003, dport=4007):
    return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


def tcp(payload=b"", flags=0x18, options=b"\2\4\5\xb4\4\2\x08\n\0\0\0\1\0\0\0\2\1\3\3\7"):
    return struct.pack("!HHIIBBHHH", 4003, 4007, 0xfffffff0, 7, (5 + len(options) // 4) << 4, flags, 500, 0, 3) + \
        options + payload


def ether(kind, payload, tags=()):
    head = b"\2\0\0\0\0\7\2\0\0\0\0\5"
    for tpid, tci in tags:
        head += struct.pack("!HH", tpid, tci)
    return head + struct.pack("!H", kind) + payload


def made():
    chain = struct.pack("!BB6s", 43, 0, b"\1\4\0\0\0\0") + struct.pack("!BBBB4x", 60, 0, 253, 0) + \
        struct.pack("!BB6s", 17, 0, b"\1\4\0\0\0\0")
    inner = ether(0x800, ip4(17, udp(b"inside")))
    plain = ip4(17, udp(b"plain"))
    plain6 = ip6(6, tcp(b"six"))
    sctp = struct.pack("!HHII", 4003, 4007, 99, 0) + struct.pack("!BBHIIHHI", 1, 0, 20, 1, 1500, 1, 1, 5)
    return [
        ether(0x800, plain, [(0x8100, 3 << 13 | 7)]),
        ether(0x86dd, plain6, [(0x8100, 1 << 12 | 7)]),
        ether(0x800, plain, [(0x88a8, 5), (0x8100, 7)]),
        ether(0x800, ip4(17, udp(struct.pack("!II", 8 << 24, 42 << 8) + inner, 5001, 4789))),
        ether(0x86dd, ip6(17, udp(struct.pack("!II", 8 << 24, 43 << 8) + ether(0x86dd, plain6), 5001, 4789))),
        ether(0x800, ip4(47, struct.pack("!HH", 0, 0x800) + plain)),
        ether(0x800, ip4(47, struct.pack("!HHII", 0x3000, 0x86dd, 77, 5) + plain6)),
        ether(0x800, ip4(47, struct.pack("!HH", 0, 0x6558) + inner)),
        ether(0x800, ip4(4, plain)),
        ether(0x800, ip4(41, plain6)),
        ether(0x86dd, ip6(4, plain)),
        ether(0x86dd, ip6(41, plain6)),
        ether(0x800, ip4(17, udp(b"y" * 40), more=True)),
        ether(0x800, ip4(17, b"y" * 24, offset=48)),
        ether(0x800, ip4(6, tcp(b"opts", 0x3f), options=b"\x94\4\0\0\1\1\1\0")),
        ether(0x86dd, ip6(0, chain + udp(b"chain"))),
        ether(0x86dd, ip6(44, struct.pack("!BBHI", 17, 0, 1, 99) + udp(b"z" * 40))),
        ether(0x86dd, ip6(44, struct.pack("!BBHI", 17, 0, 48, 99) + b"z" * 16)),
        ether(0x800, ip4(132, sctp)),
        ether(0x86dd, ip6(132, sctp)),
        ether(0x86dd, ip6(59, b"")),
        ether(0x800, ip4(6, tcp(b"", 0x02))),
        ether(0x800, ip4(6, tcp(b"", 0x14, b""))),
        ether(0x800, ip4(1, struct.pack("!BBHHH", 8, 0, 0, 4711, 3) + b"ping")),
        ether(0x800, ip4(50, b"esp" * 9)),
    ]


def send_made(times):
    frames = made()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(("w0", 0))
        for _ in range(times):
            for frame in frames:
                s.send(frame)


def real(pair):
    """What people's programs send; each of them, and how it ended."""
    with tempfile.TemporaryDirectory() as folder:
        real_in(folder, pair)


def real_in(folder, pair):
    open(f"{folder}/page", "wb").write(b"p" * 200000)
    config = f"{folder}/nginx.conf"
    open(config, "w").write(f"""daemon off; master_process off; pid {folder}/pid; error_log {folder}/error;
        events {{}} http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
        fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
        server {{ listen {THERE}:80; listen [{THERE6}]:80; root {folder}; }} }}""")
    servers = [pair.start_there("nginx", "-c", config), pair.start_there("iperf3", "-s", "-B", THERE),
               pair.start_there("nc", "-lk", THERE, "7777")]
    try:
        pair.there("ip link set w1 gso_max_segs 1")
        net.sh("ip link set w0 gso_max_segs 1")
        lib.wait_for(lambda: not lib.run("curl", "-s", "-o", "/dev/null", f"http://{THERE}/page").status, "nginx")
        for _ in range(6):
            net.sh(f"curl -s -o /dev/null http://{THERE}/page http://{THERE}/none; curl -s -o /dev/null 'http://[{THERE6}]/page'")
        net.sh(f"iperf3 -c {THERE} -n 1500K -l 4K >/dev/null; iperf3 -c {THERE} -u -b 0 -n 1000K -l 700 >/dev/null")
        net.sh(f"ping -c5 -i0.01 {THERE} >/dev/null; ping -c3 -i0.01 -s 4000 {THERE} >/dev/null; "
               f"ping -6 -c3 -i0.01 -s 4000 {THERE6} >/dev/null")
        net.sh(f"echo hello | nc -N -w1 {THERE} 7777; echo lost | nc -u -w1 {THERE} 9 || :")
        net.sh(f"ip neigh flush dev w0; ping -c1 {THERE} >/dev/null")
    finally:
        for server in servers:
            server.kill()
            server.communicate()


# What is compared: tshark's field, and what weir's JSON has for each layer

def hexed(text):
    return int(text, 16)


def eights(text):
    return int(text) * 8


LAYERS = {
    "ethernet": {"eth.src": "src", "eth.dst": "dst"},
    "ip": {"ip.hdr_len": "header_bytes", "ip.dsfield": ("tos", hexed), "ip.len": "length", "ip.id": ("id", hexed),
           "ip.flags.df": "dont_fragment", "ip.flags.mf": "more_fragments", "ip.frag_offset": ("fragment_offset", eights),
           "ip.ttl": "ttl", "ip.proto": "protocol", "ip.checksum": ("checksum", hexed), "ip.src": "src", "ip.dst": "dst"},
    "ipv6": {"ipv6.tclass": ("traffic_class", hexed), "ipv6.flow": ("flow_label", hexed),
             "ipv6.plen": "payload_length", "ipv6.nxt": "next_header", "ipv6.hlim": "hop_limit", "ipv6.src": "src",
             "ipv6.dst": "dst"},
    "tcp": {"tcp.srcport": "src_port", "tcp.dstport": "dst_port", "tcp.seq_raw": "seq", "tcp.ack_raw": "ack",
            "tcp.hdr_len": "header_bytes", "tcp.window_size_value": "window", "tcp.checksum": ("checksum", hexed),
            "tcp.urgent_pointer": "urgent", "tcp.len": "payload_bytes", "tcp.flags": ("flags", hexed)},
    "udp": {"udp.srcport": "src_port", "udp.dstport": "dst_port", "udp.length": "length",
            "udp.checksum": ("checksum", hexed)},
    "sctp": {"sctp.srcport": "src_port", "sctp.dstport": "dst_port", "sctp.verification_tag": ("tag", hexed)},
    "arp": {"arp.opcode": "opcode", "arp.src.hw_mac": "sender_mac", "arp.src.proto_ipv4": "sender_ip",
            "arp.dst.hw_mac": "target_mac", "arp.dst.proto_ipv4": "target_ip"},
    "icmp": {"icmp.type": "type", "icmp.code": "code", "icmp.checksum": ("checksum", hexed)},
    "icmpv6": {"icmpv6.type": "type", "icmpv6.code": "code", "icmpv6.checksum": ("checksum", hexed)},
    "gre": {"gre.proto": ("type", hexed), "gre.key": ("key", hexed)},
    "vxlan": {"vxlan.vni": "vni"},
    "vlan": {"vlan.id": "id", "vlan.priority": "priority", "vlan.dei": "dei"},
    "outer": {"ieee8021ad.id": "id", "ieee8021ad.priority": "priority", "ieee8021ad.dei": "dei"},
    "options": {"tcp.options.mss_val": "mss", "tcp.options.wscale.shift": "window_scale",
                "tcp.options.timestamp.tsval": "ts_val", "tcp.options.timestamp.tsecr": "ts_ecr"},
    "extensions": {"ipv6.fraghdr.offset": ("fragment_offset", eights), "ipv6.fraghdr.ident": ("id", hexed),
                   "ipv6.fraghdr.more": "more_fragments"},
}
BITS = {name: 1 << i for i, name in enumerate("FIN SYN RST PSH ACK URG ECE CWR AE".split())}
FRAME = {"frame.len": "length", "frame.cap_len": "captured"}


def found(packet):
    """The boxes of each kind, the outer ones first."""
    boxes = collections.defaultdict(list)
    while packet:
        for kind, box in packet.items():
            if kind in LAYERS:
                for one in box if isinstance(box, list) else [box]:
                    boxes["outer" if one.get("tpid") == 0x88a8 else kind].append(one)
                boxes["options"] += [box["options"]] if kind == "tcp" and "options" in box else []
        packet = packet.get("inner")
    return boxes


def values(boxes, key):
    if key == "flags":
        return [sum(BITS[name] for name in box[key].split("|")) if box[key] != "0" else 0 for box in boxes if key in box]
    return [box[key] for box in boxes if key in box]


def read_tshark(file):
    fields = [*FRAME, "frame.interface_description", "frame.packet_flags_direction", "frame.comment", "pkt_comment",
              "frame.time_epoch", "frame.protocols", *(name for layer in LAYERS.values() for name in layer)]
    known = set(lib.run("tshark", "-G", "fields", timeout=60).out.decode(errors="replace").split("\t"))
    fields = [name for name in fields if name in known]
    off = ["-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE"]
    ended = lib.run("tshark", "-n", "-r", file, *off, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;",
                    *(word for name in fields for word in ("-e", name)), timeout=100)
    rows = [dict(zip(fields, line.split("\t"))) for line in ended.lines]
    return [row for row in rows if row["frame.interface_description"]], ended  # else a custom block


class Tshark(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for program in ("tshark", "curl", "nginx", "iperf3", "nc", "ping"):
            lib.need(program)
        cls.file = tempfile.NamedTemporaryFile(suffix=".pcapng")
        with net.Pair() as pair:
            with lib.Live("-i", "w0", "--at", "both", "--ring", "65536", "-w", cls.file.name, tool="packets") as weir:
                real(pair)
                send_made(20)
                time.sleep(0.3 * lib.SLOW)
                cls.ended = weir.stop()
        cls.mine = lib.weir("packets", "-r", cls.file.name, "-o", "json", timeout=60).rows
        cls.theirs, cls.said = read_tshark(cls.file.name)

    def test_count(self):
        self.assertGreaterEqual(len(self.mine), PACKETS)
        self.assertEqual(len(self.mine), len(self.theirs))
        self.assertEqual(lib.account(self.ended)[:1], (len(self.mine),), self.ended.words)
        self.assertNotIn("warning", self.said.words.lower().replace("running as user", ""))

    def test_fields(self):
        compared = collections.Counter()
        for number, (mine, theirs) in enumerate(zip(self.mine, self.theirs)):
            boxes = found(mine["packet"])
            error = any(b["type"] in (3, 11, 5) for b in boxes["icmp"]) or any(b["type"] < 128 for b in boxes["icmpv6"])
            for name, key in FRAME.items():
                self.assertEqual(int(theirs[name]), mine[key], (number, mine, theirs))
                compared[name] += 1
            for kind, fields in LAYERS.items():
                for name, key in fields.items():
                    if name not in theirs:
                        continue
                    key, convert = key if isinstance(key, tuple) else (key, None)
                    want = theirs[name].split(";") if theirs[name] else []
                    got = values(boxes[kind], key)
                    if error:
                        want = want[:len(got)]  # what an error quotes is payload to weir
                    if convert:
                        want = [convert(w) for w in want]
                    elif got and isinstance(got[0], int):
                        want = [int({"True": 1, "False": 0}.get(w, w)) for w in want]
                    self.assertEqual(got, want, (number, name, mine, {k: v for k, v in theirs.items() if v}))
                    compared[name] += len(got)
        print("compared:", sum(compared.values()), "values of", len(self.mine), "packets", flush=True)
        none = [name for fields in LAYERS.values() for name in fields if not compared[name]]
        self.assertEqual(none, [n for n in none if n not in self.theirs[0]])

    def test_direction_and_owner(self):
        seen = collections.Counter()
        for mine, theirs in zip(self.mine, self.theirs):
            self.assertEqual(int(theirs["frame.packet_flags_direction"] or "0", 16), 2 if mine["direction"] == "out" else 1)
            place = "XDP" if mine["at"] != "tc" else "tc"
            self.assertIn(f"w0 at {place}", theirs["frame.interface_description"])
            said = theirs.get("frame.comment") or theirs.get("pkt_comment") or ""
            if mine["pid"] is not None:
                self.assertIn(f"{mine['comm']} pid {mine['pid']} uid {mine['uid']}", said)
            else:
                self.assertEqual(said, "")
            seen[mine["comm"]] += 1
        for program in ("curl", "iperf3", "nc"):
            self.assertGreater(seen[program], 3, seen)


lib.main()
