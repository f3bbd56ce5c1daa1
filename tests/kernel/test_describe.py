#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
weir describe against tracefs, bpftool, the C library's numbers of system calls, and what everybody should
find: each of the names that must be answered, in both languages.
"""
import csv
import ctypes
import io
import os
import pathlib
import re
import subprocess
import unicodedata
import unittest

import lib

TRACEFS = pathlib.Path(lib.TRACEFS)
LABELS = "WHEN CONTEXT USE MISSES NUMBER ARGUMENTS FIELDS RETURNS SINCE CHANGED COST HERE INSTEAD NEAR".split()
KOREAN = "시점 컨텍스트 쓸&때 못&보는&것 번호 인자 필드 결과 커널 바뀐&점 비용 이&커널 대신 이웃".replace("&", "\0").split()
CLEAN = {k: v for k, v in os.environ.items() if k not in ("LC_ALL", "LC_MESSAGES", "LANG")}
HANGUL = re.compile("[가-힣]")


def setUpModule():
    lib.mount_tracefs()


def describe(*argv, **options):
    options.setdefault("env", CLEAN)
    return lib.weir("describe", *argv, **options)


def pages(*argv):
    ended = describe("-o", "json", *argv)
    assert (ended.status, ended.words) == (0, ""), ended
    return ended.rows


def page(*argv):
    found = pages(*argv)
    assert len(found) == 1, [p["name"] for p in found]
    return found[0]


def listed(*argv):
    return lib.weir("list", "-o", "json", *argv, env=CLEAN).rows


def columns(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def fields_of(event):
    """Of a tracepoint's format file, without those that all have."""
    text = (TRACEFS / "events" / event.replace(":", "/") / "format").read_text()
    own = text.split("\n\n")[1]
    return [(m[1], int(m[2]), int(m[3])) for m in
            re.finditer(r"field:([^;]*);\toffset:(\d+);\tsize:(\d+);", own)]


def system_call_number(name):
    source = f'#include <sys/syscall.h>\nint main(void) {{ return SYS_{name}; }}\n'
    text = subprocess.run(["gcc", "-E", "-dM", "-x", "c", "-"], input=source, capture_output=True, text=True, check=True)
    found = re.search(rf"^#define __NR_{name} (\d+)$", text.stdout, re.M)
    return int(found[1])


class Kernel(unittest.TestCase):
    maxDiff = 3000

    def test_fields(self):
        """Of every tracepoint: name, C type, place and size as tracefs tells them."""
        count = 0
        for found in pages("tracepoint:*"):
            if not found["way"]:
                self.assertEqual(found["fields"], [])
                continue
            want = fields_of(found["name"])
            have = []
            for field in found["fields"]:
                array = re.search(r"\[\d+\]$", field["type"])
                text = f"{field['type'][:array.start()]} {field['name']}{array[0]}" if array else \
                    f"{field['type']} {field['name']}"
                have.append((text, field["offset"], field["size"]))
            self.assertEqual([(re.sub(" ", "", d), *rest) for d, *rest in have],
                             [(re.sub(" ", "", d), *rest) for d, *rest in want], found["name"])
            count += 1
        self.assertGreater(count, 60)

    def test_fields_without_tracefs(self):
        """Where tracefs is out of reach BTF tells the same, as far as it has the record's struct."""
        argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", lib.WEIR, "describe", "-o", "json"]
        for name in ("tcp:tcp_probe", "sock:inet_sock_set_state", "skb:kfree_skb", "net:net_dev_xmit"):
            ended = lib.run(*argv, name, env=CLEAN)
            self.assertEqual(ended.status, 0, ended)
            have = [(f["name"], f["offset"], f["size"]) for f in ended.rows[0]["fields"]]
            want = [(f["name"], f["offset"], f["size"]) for f in page(name)["fields"]]
            self.assertEqual(have, want)
            self.assertEqual(ended.rows[0]["lack"], "refused")

    def test_arguments(self):
        """Of functions: as bpftool tells."""
        text = lib.run("bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux").out.decode()
        protos = {m[1]: re.findall(r"\t'(.*?)' type_id", m[2]) for m in
                  re.finditer(r"^\[(\d+)\] FUNC_PROTO .*\n((?:\t.*\n)*)", text, re.M)}
        funcs = {m[1]: m[2] for m in re.finditer(r"^\[\d+\] FUNC '(.*?)' type_id=(\d+)", text, re.M)}
        for name in ("tcp_connect", "tcp_recvmsg", "inet_csk_accept", "udp_sendmsg", "ip_rcv", "skb_clone", "__icmp_send"):
            self.assertEqual([a["name"] for a in page(f"function:{name}")["arguments"]], protos[funcs[name]], name)
        found = page("tcp_sendmsg")
        self.assertEqual(found["arguments"], [{"name": "sk", "type": "struct sock *"}, {"name": "msg", "type": "struct msghdr *"},
                                              {"name": "size", "type": "size_t"}])
        self.assertEqual(found["prototype"], "int tcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size)")

    def test_nearest_tracepoint(self):
        """Where a function cannot be had, a tracepoint that can is named."""
        for name, near in (("tcp_recvmsg", "sock:sock_recv_length"), ("tcp_connect", "sock:inet_sock_set_state"),
                           ("dev_queue_xmit", "net:net_dev_queue")):
            found = page(f"function:{name}")
            near = near if (TRACEFS / "events" / near.replace(":", "/")).exists() else "tcp:tcp_rcv_space_adjust"
            text = re.sub(r"\s+", " ", describe(f"function:{name}").out.decode())
            self.assertEqual(found["way"] is None, f"The nearest tracepoint is {near}." in text, text)

    def test_numbers(self):
        """Of every call its number, as the C library has it."""
        libc = ctypes.CDLL(None)
        found = pages("syscall:*")
        self.assertGreaterEqual(len(found), 29)
        for call in found:
            self.assertEqual(call["number"], system_call_number(call["name"]))
            self.assertRegex(call["prototype"], rf"\b{call['name']}\(")
            self.assertTrue(hasattr(libc, call["name"]))

    def test_said_once(self):
        """The class of a context or a cost is not put before words that begin with it."""
        for lang, label in (("en", "CONTEXT"), ("ko", "컨텍스트")):
            lines = describe("--lang", lang, "function:ip_rcv").out.decode().splitlines()
            context, = [line.split(maxsplit=1)[1].lower() for line in lines if line.startswith(label)]
            self.assertEqual(context.count("softirq"), 1, context)

    def test_same_as_list(self):
        """What both tell they tell alike."""
        lines = {row["name"]: row for row in listed("tcp:*", "*_recvmsg", "syscall:*")}
        for found in pages("tcp:*", "*_recvmsg", "syscall:*"):
            line = lines.pop(found["name"])
            for key in ("kind", "layer", "way", "lack", "why", "module", "prototype", "context", "cost"):
                self.assertEqual(found[key], line[key], found["name"])
            self.assertEqual(found["summary"], line["meaning"])
        self.assertEqual(lines, {})


class Text(unittest.TestCase):
    def test_text(self):
        """Each described probe: 80 columns, its labels in order, in both languages."""
        names = [row["name"] for row in listed("--described")]
        self.assertGreater(len(names), 100)
        for lang, labels in (("en", LABELS), ("ko", [w.replace("\0", " ") for w in KOREAN])):
            ended = describe("--lang", lang, *(f"function:{n}" if ":" not in n else n for n in names
                                               if n not in self.calls()), *self.calls())
            self.assertEqual(ended.status, 0, ended.words)
            parts = [p for p in re.split(r"\n\n(?=[\w:.]+: )", ended.out.decode()) if p]
            self.assertEqual(len(parts), len(names))
            for text in parts:
                for line in text.splitlines():
                    # a type or a name that is longer than the line stands as it is
                    self.assertTrue(columns(line) <= 80 or line.startswith(" " * 12) or "(*" in line, line)
                body = text.split("\n\n", 2)[2]
                found = [l for l in labels if re.search(rf"(?m)^{re.escape(l)} ", body)]
                order = sorted(found, key=lambda l: re.search(rf"(?m)^{re.escape(l)} ", body).start())
                self.assertEqual(found, order)
                for label in (labels[0], labels[1], labels[2], labels[8], labels[10], labels[11], labels[13]):
                    self.assertIn(label, found, text)
                if lang == "ko":
                    self.assertTrue(all(HANGUL.search(p) for p in text.split("\n\n")[:2]), text)

    def calls(self):
        return [row["name"] for row in listed("syscall:*")]

    def test_language(self):
        english = describe("tcp:tcp_probe").out
        korean = describe("tcp:tcp_probe", "--lang", "ko").out
        self.assertNotEqual(english, korean)
        for env, want in (({"LANG": "ko_KR.UTF-8"}, korean), ({"LANG": "en_US.UTF-8"}, english), ({"LC_ALL": "ko"}, korean),
                          ({"LC_MESSAGES": "ko_KR", "LANG": "C"}, korean), ({"LC_ALL": "C", "LANG": "ko_KR"}, english),
                          ({"LC_ALL": "", "LANG": "ko_KR"}, korean)):
            self.assertEqual(describe("tcp:tcp_probe", env={**CLEAN, **env}).out, want, env)
        self.assertEqual(describe("tcp:tcp_probe", "--lang", "en", env={**CLEAN, "LANG": "ko"}).out, english)

    def test_every_text_in_korean(self):
        """In JSON each text is there in both languages, or in neither."""
        names = ["syscall:*", "tracepoint:*", "tcp_accept", "recv", "dev_queue_xmit", "tcp_connect", "udp_recvmsg"]
        english = pages(*names)
        korean = pages("--lang", "ko", *names)
        for en, ko in zip(english, korean):
            for key in ("summary", "what", "when", "context_detail", "use", "misses", "returns", "changed", "cost_detail"):
                self.assertEqual(en[key] is None, ko[key] is None, (en["name"], key))
                if key in ("what", "when", "use", "misses") and en[key]:
                    self.assertRegex(ko[key], HANGUL, en["name"])
                    self.assertNotRegex(en[key], HANGUL)

    def test_csv(self):
        ended = describe("-o", "csv", "tcp:tcp_probe", "connect")
        rows = list(csv.DictReader(io.StringIO(ended.out.decode(), newline="")))
        self.assertEqual([row["name"] for row in rows], ["connect", "tcp:tcp_probe"][::-1])
        self.assertEqual(rows[0]["misses"], page("tcp:tcp_probe")["misses"])
        self.assertNotIn("fields", rows[0])


class Names(unittest.TestCase):
    def test_several_meanings(self):
        self.assertEqual([p["name"] for p in pages("icmp_send")], ["icmp:icmp_send", "icmp_send"])
        self.assertEqual([p["kind"] for p in pages("netif_receive_skb")], ["tracepoint", "function"])
        self.assertEqual(page("function:netif_receive_skb")["kind"], "function")
        self.assertEqual(page("tracepoint:netif_receive_skb")["name"], "net:netif_receive_skb")
        self.assertEqual(page("net:netif_receive_skb")["kind"], "tracepoint")
        self.assertEqual(page("connect")["kind"], "call")

    def test_other_groups(self):
        """A tracepoint of any group is described when it is asked for."""
        found = page("sched:sched_switch")
        self.assertIn("prev_comm", [f["name"] for f in found["fields"]])
        self.assertIsNone(found["summary"])

    def test_historical(self):
        """What people type: answered, with what does the work now; refused when strict."""
        for name, instead, says in (("tcp_accept", "inet_csk_accept", "No kernel has had"),
                                    ("tcp_drop", "skb:kfree_skb", "skb:kfree_skb"), ("recv", "recvfrom", "C library"),
                                    ("send", "sendto", "C library"), ("function:kfree_skb", "skb:kfree_skb", "inline")):
            found = page(name)
            self.assertIn(instead, found["instead"])
            self.assertIn(says, found["what"])
            ended = describe(name)
            self.assertRegex(ended.out.decode(), rf"(?m)^INSTEAD +.*{instead}")
            strict = describe("--strict", name)
            self.assertEqual((strict.status, strict.out), (2, b""))
            self.assertRegex(strict.words, rf"^weir: '{name}' is no probe: .*; take {instead}\n$")

    def test_inline(self):
        ghost = re.search(r" [tT] dev_queue_xmit$", pathlib.Path("/proc/kallsyms").read_text(), re.M)
        for name, instead in (("dev_queue_xmit", "__dev_queue_xmit"), ("function:icmp_send", "__icmp_send")):
            found = page(name)
            self.assertEqual((found["lack"], found["way"]), ("inline", None))
            self.assertEqual(found["instead"][0], instead)
            self.assertEqual("ghost" in found["why"], bool(ghost) and name == "dev_queue_xmit")
            self.assertEqual(describe("--strict", name).status, 2)
        self.assertIsNone(page("function:__dev_queue_xmit")["instead"] or None)

    def test_unknown(self):
        for argv, says in ((["tcp_conect"], "there is no probe 'tcp_conect' here, did you mean tcp_connect"),
                           (["net:net_dev_xmitt"], "did you mean net_dev_xmit"), (["tcp_probe", "nonsense"], "no probe 'nonsense'"),
                           (["nosuchmodule:tcp_connect"], "no probe 'nosuchmodule:tcp_connect'"), ([], "needs a probe's name"),
                           (["tcp:tcp_connect"], "no probe 'tcp:tcp_connect'"), (["../tcp"], "no probe '../tcp'"),
                           (["x" * 500], "no probe"), (["zz*"], "no probe here fits 'zz*'"), (["--lang", "de", "tcp_probe"], "--lang"),
                           (["tcp_probe", "-n", "7"], "describe has no --count"), (["a", "--", "true"], "starts nothing")):
            ended = describe(*argv)
            self.assertEqual((ended.status, ended.out), (2, b""), argv)
            self.assertIn(says, ended.words)
            self.assertEqual(len(ended.words.splitlines()), 1)

    def test_harmless(self):
        """A name is no text for the terminal."""
        ended = describe("tcp\x1b[2J")
        self.assertEqual(ended.status, 2)
        self.assertNotIn(b"\x1b", ended.err)


if __name__ == "__main__":
    lib.main()
