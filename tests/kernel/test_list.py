#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
weir list against what the kernel says of itself: tracefs, bpftool's dump of BTF, /proc/kallsyms, and on
kernels with kprobes whether one can be set. Then the same with files of the kernel doctored.
"""
import csv
import functools
import io
import os
import pathlib
import random
import re
import tempfile
import unicodedata
import unittest

import lib

TRACEFS = pathlib.Path(lib.TRACEFS)
GROUPS = "net sock tcp udp xdp skb napi icmp qdisc neigh fib fib6 bridge mptcp page_pool".split()
CALLS = """socket socketpair setsockopt getsockopt getsockname getpeername bind listen accept accept4 connect shutdown
    recvfrom recvmsg recvmmsg sendto sendmsg sendmmsg sethostname setdomainname""".split()
IO_CALLS = "read write readv writev preadv2 pwritev2 sendfile splice close".split()
# What the catalog must have words for.
TRACEPOINTS = """net_dev_queue net_dev_start_xmit net_dev_xmit net_dev_xmit_timeout netif_receive_skb netif_rx
    napi_gro_receive_entry napi_gro_receive_exit napi_gro_frags_entry napi_gro_frags_exit netif_receive_skb_entry
    netif_receive_skb_exit netif_receive_skb_list_entry netif_receive_skb_list_exit netif_rx_entry netif_rx_exit napi_poll
    inet_sock_set_state inet_sk_error_report sock_rcvqueue_full sock_exceed_buf_limit sk_data_ready sock_send_length
    sock_recv_length tcp_retransmit_skb tcp_retransmit_synack tcp_send_reset tcp_receive_reset tcp_destroy_sock
    tcp_rcv_space_adjust tcp_probe tcp_bad_csum tcp_cong_state_set udp_fail_queue_rcv_skb xdp_exception xdp_bulk_tx
    xdp_redirect xdp_redirect_err xdp_cpumap_kthread xdp_cpumap_enqueue xdp_devmap_xmit mem_connect mem_disconnect kfree_skb
    consume_skb skb_copy_datagram_iovec icmp_send qdisc_enqueue qdisc_dequeue""".split()
FUNCTIONS = """tcp_connect tcp_close tcp_sendmsg tcp_recvmsg udp_sendmsg udp_recvmsg inet_csk_accept inet_csk_listen_start
    ip_queue_xmit icmp_send sock_recvmsg sock_sendmsg dev_queue_xmit __dev_queue_xmit netif_receive_skb skb_clone ip_rcv
    ip_output inet_bind inet_release tcp_v4_do_rcv tcp_v4_connect tcp_v6_connect tcp_v6_rcv""".split()
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
ENGLISH = dict(os.environ, LC_ALL="C")


def setUpModule():
    lib.mount_tracefs()


def weir_list(*argv, **options):
    options.setdefault("env", ENGLISH)
    return lib.weir("list", *argv, **options)


@functools.cache
def everything():
    ended = weir_list("-o", "json")
    assert (ended.status, ended.words) == (0, ""), ended
    return {row["name"]: row for row in ended.rows}


def of_kind(kind):
    return {name: row for name, row in everything().items() if row["kind"] == kind}


@functools.cache
def btf_types(path, base=None):
    """Types by number: kind, name, the rest of the line, and the lines below it, as bpftool tells."""
    types, now = {}, None
    argv = ["bpftool", *(["-B", base] if base else []), "btf", "dump", "file", path]
    for line in lib.run(*argv, timeout=120).out.decode().splitlines():
        found = re.match(r"\[(\d+)\] (\w+) '(.*?)' ?(.*)", line)
        if found:
            now = []
            types[int(found[1])] = (found[2], found[3], found[4], now)
        elif now is not None:
            now.append(line)
    return types


def btf_functions(path, base=None):
    """Functions with an argument that points to a struct sock, socket or sk_buff; of a module, those it adds."""
    own = btf_types(path, base)
    types = {**btf_types(base), **own} if base else own
    return {name for kind, name, rest, _ in own.values() if kind == "FUNC" and
            any(points_to(types, argument) in ("sock", "socket", "sk_buff")
                for argument in types[number("type_id", rest)][3])}


def number(key, text):
    return int(re.search(rf"\b{key}=(\d+)", text)[1])


def points_to(types, line):
    """Name of the struct that an argument points to, None when it is anything else."""
    pointers = 0
    at = number("type_id", line)
    while at:
        kind, name, rest, _ = types[at]
        if kind in ("STRUCT", "FWD"):
            return name if pointers == 1 else None
        if kind not in ("PTR", "CONST", "VOLATILE", "TYPEDEF", "RESTRICT", "TYPE_TAG"):
            return None
        pointers += kind == "PTR"
        at = number("type_id", rest)
    return None


@functools.cache
def symbols():
    """Functions of the kernel by name: how often each, and in which modules."""
    found = {}
    for line in pathlib.Path("/proc/kallsyms").read_text().splitlines():
        _, kind, name, *module = line.split()
        if kind in "TtWw" and module not in (["[bpf]"], ["[__builtin__ftrace]"]):
            found.setdefault(name, []).append(module[0][1:-1] if module else None)
    return found


@functools.cache
def traceable():
    try:
        text = (TRACEFS / "available_filter_functions").read_text()
    except OSError as error:
        raise unittest.SkipTest(f"available_filter_functions: {error.strerror}")
    return {line.split()[0] for line in text.splitlines()}


def columns(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Everything(unittest.TestCase):
    maxDiff = 3000

    def test_tracepoints(self):
        """All that tracefs has in these groups, and of others none but what the catalog knows."""
        want = {f"{group}:{event.parent.name}" for group in GROUPS for event in (TRACEFS / "events" / group).glob("*/id")}
        here = {name for name, row in of_kind("tracepoint").items() if row["way"]}
        self.assertGreater(len(want), 60)
        self.assertEqual(want ^ here, set())
        for name, row in of_kind("tracepoint").items():
            if name not in want:
                self.assertEqual((row["lack"], row["way"]), ("absent", None), row)

    def test_functions(self):
        want = btf_functions("/sys/kernel/btf/vmlinux")
        self.assertGreater(len(want), 2000)
        here = {name for name, row in of_kind("function").items() if not row["module"]}
        self.assertEqual(want - here, set())
        for name in here - want:
            self.assertIsNotNone(everything()[name]["meaning"], name)

    def test_functions_of_modules(self):
        modules = [p.name for p in pathlib.Path("/sys/kernel/btf").iterdir() if p.name != "vmlinux"]
        if not modules:
            raise unittest.SkipTest("no module with BTF is loaded")
        count = 0
        for module in modules:
            want = btf_functions(f"/sys/kernel/btf/{module}", "/sys/kernel/btf/vmlinux")
            have = {row["name"].split(":")[1] for row in of_kind("function").values() if row["module"] == module}
            self.assertEqual(want ^ have, set(), module)
            count += len(want)
        print(f"{count} functions in {len(modules)} modules")

    def test_calls(self):
        self.assertEqual(list(of_kind("call")), CALLS + IO_CALLS)
        for row in of_kind("call").values():
            self.assertTrue(row["way"] in ("fexit", "tp", "raw") and row["meaning"] and row["prototype"], row)

    def test_catalog_is_whole(self):
        described = {name.split(":")[-1] for name, row in of_kind("tracepoint").items() if row["meaning"]}
        self.assertEqual(set(TRACEPOINTS) - described, set())
        described = {name for name, row in of_kind("function").items() if row["meaning"]}
        self.assertEqual(set(FUNCTIONS) - described, set())

    def test_prototypes(self):
        """Types as bpftool writes them in C; names are those of the kernel's __traceiter_*()."""
        header = lib.run("bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "c").out.decode()
        types = btf_types("/sys/kernel/btf/vmlinux")
        names = {name: [re.match(r"\t'(.*?)'", line)[1] for line in types[number("type_id", rest)][3]][1:]
                 for kind, name, rest, _ in types.values() if kind == "FUNC" and name.startswith("__traceiter_")}
        count = 0
        for found in re.finditer(r"^typedef void \(\*btf_trace_(\w+)\)\(void \*(?:, )?(.*)\);$", header, re.M):
            row = next((r for n, r in of_kind("tracepoint").items() if n.split(":")[-1] == found[1]), None)
            if row:
                want = [(t + n if t.endswith("*") else f"{t} {n}") for t, n in
                        zip(found[2].split(", "), names[f"__traceiter_{found[1]}"])] if found[2] else ["void"]
                self.assertEqual(row["prototype"], f"void {found[1]}({', '.join(want)})")
                count += 1
        self.assertGreater(count, 60)

    def test_symbols(self):
        """What has no symbol, or several, is not offered; why, is told."""
        for name, row in of_kind("function").items():
            bare = name.split(":")[-1]
            places = [m for m in symbols().get(bare, []) if m == row["module"]]
            if len(places) > 1 and row["lack"] != "inline":
                self.assertEqual(row["lack"], "twins", row)
                self.assertRegex(row["why"], rf"^{len(symbols()[bare])} functions bear the name: 0x[0-9a-f]+, 0x")
            elif not places and row["meaning"] is None:
                self.assertIn(row["lack"], ("renamed", "inline"), row)
                changed = [s for s in symbols() if s.startswith(bare + ".") and ".cold" not in s]
                self.assertEqual(row["lack"] == "renamed", bool(changed), row)
            self.assertEqual(row["way"] is None, row["lack"] is not None and row["why"] is not None, row)

    def test_notrace(self):
        """Where the kernel lists what can be traced, just that is offered."""
        listed = traceable()
        for name, row in of_kind("function").items():
            bare = name.split(":")[-1]
            if row["way"]:
                self.assertIn(bare, listed)
            elif row["lack"] == "notrace":
                self.assertNotIn(bare, listed)
                self.assertIn(bare, symbols())

    def test_ways_hold(self):
        """Of each kind of answer a prime number of functions: does the kernel let a kprobe be set there?"""
        events = TRACEFS / "kprobe_events"
        if not events.exists():
            raise unittest.SkipTest("the kernel has no kprobes")
        choice = random.Random(7)
        rows = [r for r in of_kind("function").values() if not r["module"]]
        may = choice.sample([r["name"] for r in rows if r["way"]], 97)
        not_traced = [r["name"] for r in rows if r["lack"] == "notrace"]
        must_not = choice.sample(not_traced, min(31, len(not_traced)))
        gone = [r["name"] for r in rows if r["lack"] in ("renamed", "absent")]
        for name in may:
            self.assertTrue(self.kprobe(events, name), f"{name} is offered, but no kprobe can be set")
        for name in must_not + gone:
            self.assertFalse(self.kprobe(events, name), f"{name} is not offered, but a kprobe can be set")
        print(f"{len(may)} offered, {len(must_not)} notrace, {len(gone)} gone")

    def kprobe(self, events, name):
        fd = os.open(events, os.O_WRONLY | os.O_APPEND)  # open() would seek, which this file refuses
        try:
            os.write(fd, f"p:weir_test/one {name}\n".encode())
            os.write(fd, b"-:weir_test/one\n")
            return True
        except OSError:
            return False
        finally:
            os.close(fd)


class Table(unittest.TestCase):
    def test_lines(self):
        """Each line fits 80 columns, in both languages; it begins with name, kind and way."""
        for env in (ENGLISH, dict(os.environ, LC_ALL="ko_KR.UTF-8")):
            ended = weir_list(env=env)
            self.assertEqual(ended.status, 0)
            lines = ended.out.decode().splitlines()
            self.assertEqual(lines[0], "NAME                       KIND WAY          MEANING")
            rows = [line for line in lines[1:] if line and not line.endswith(":")]
            self.assertEqual(len(rows), len(everything()))
            for line in rows:
                name, kind, way, *_ = line.split()
                row = everything()[name]
                self.assertLessEqual(columns(line), 80)
                self.assertEqual(kind, {"call": "call", "tracepoint": "tp", "function": "func"}[row["kind"]])
                self.assertEqual(way, row["way"] or f"no:{row['lack']}")
                if row["meaning"] and env is ENGLISH:
                    self.assertTrue(line.endswith(" " + row["meaning"]), line)

    def test_layers(self):
        """In their order, described ones first in each, the others by name."""
        layers = list(dict.fromkeys(row["layer"] for row in everything().values()))
        self.assertEqual(layers, "call socket tcp udp ip icmp device xdp skb qdisc neighbour napi tracing".split())
        for layer in layers:
            rows = [row for row in everything().values() if row["layer"] == layer]
            described = [row["meaning"] is not None for row in rows]
            self.assertEqual(described, sorted(described, reverse=True), layer)
            for kind in ("tracepoint", "function"):
                names = [row["name"] for row in rows if row["kind"] == kind and row["meaning"] is None]
                self.assertEqual(names, sorted(names, key=lambda n: n.encode()))
        for name, layer in (("tcp_ack", "tcp"), ("udp_rcv", "udp"), ("neigh:neigh_update", "neighbour"),
                            ("fib:fib_table_lookup", "ip"), ("napi_consume_skb", "napi")):
            self.assertEqual(everything()[name]["layer"], layer)

    def test_described(self):
        ended = weir_list("--described", "-o", "json")
        self.assertEqual({row["name"] for row in ended.rows},
                         {name for name, row in everything().items() if row["meaning"]})

    def test_csv(self):
        rows = list(csv.DictReader(io.StringIO(weir_list("-o", "csv", "tcp:*").out.decode(), newline="")))
        want = [row for name, row in everything().items() if name.startswith("tcp:")]
        self.assertEqual([row["name"] for row in rows], [row["name"] for row in want])
        self.assertEqual([row["meaning"] for row in rows], [row["meaning"] or "" for row in want])

    def test_quiet(self):
        ended = weir_list("-q", "tcp:tcp_p*")
        self.assertEqual((ended.words, len(ended.lines)), ("", 1))

    def test_korean(self):
        def meanings(env, *argv):
            return [row["meaning"] for row in weir_list("-o", "json", "--described", *argv, env=env).rows]

        def locale(**names):
            clean = {k: v for k, v in os.environ.items() if k not in ("LC_ALL", "LC_MESSAGES", "LANG")}
            return dict(clean, **names)
        english = meanings(locale())
        korean = meanings(locale(LANG="ko_KR.UTF-8"))
        for text in korean:
            self.assertRegex(text, "[가-힣]")
        self.assertEqual(len(korean), len(english))
        self.assertEqual(meanings(locale(), "--lang", "ko"), korean)
        self.assertEqual(meanings(locale(LANG="ko"), "--lang", "en"), english)
        self.assertEqual(meanings(locale(LC_ALL="C", LC_MESSAGES="ko", LANG="ko")), english)
        self.assertEqual(meanings(locale(LC_MESSAGES="ko_KR", LANG="en")), korean)


class Patterns(unittest.TestCase):
    def names(self, *argv):
        ended = weir_list("-o", "json", *argv)
        self.assertEqual(ended.status, 0, ended)
        return [row["name"] for row in ended.rows]

    def same(self, names, want):
        self.assertEqual(set(names), set(want))
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue(names)

    def test_patterns(self):
        every = everything()
        self.same(self.names("tcp:*"), [n for n in every if n.startswith("tcp:")])
        self.same(self.names("function:tcp_*"), [n for n, r in every.items() if r["kind"] == "function" and
                                                 n.split(":")[-1].startswith("tcp_")])
        self.same(self.names("xmit"), [n for n in every if "xmit" in n.split(":")[-1]])
        self.same(self.names("syscall:*msg"), [n for n in CALLS if n.endswith("msg")])
        self.same(self.names("udp:*", "udp", "*udp*"), [n for n in every if "udp" in n.split(":")[-1]])

    def test_unknown(self):
        ended = weir_list("tcp_conect")
        self.assertEqual((ended.status, ended.out), (2, b""))
        self.assertEqual(ended.words, "weir: there is no probe 'tcp_conect' here, did you mean tcp_connect; weir list shows "
                                      "all that there are\n")
        ended = weir_list("no*such*thing")
        self.assertEqual((ended.status, ended.out), (2, b""))
        self.assertIn("no probe here fits 'no*such*thing'", ended.words)

    def test_historical(self):
        accept = "inet_csk_accept" if everything()["inet_csk_accept"]["way"] else "accept4"
        for word, instead in (("tcp_accept", accept), ("recv", "recvfrom"), ("send", "sendto"), ("tcp_recv", None),
                              ("tcp:tcp_set_state", "sock:inet_sock_set_state")):
            instead = instead or ("tcp_recvmsg" if everything()["tcp_recvmsg"]["way"] else "sock:sock_recv_length")
            ended = weir_list(word)
            self.assertEqual(ended.status, 0, ended)
            self.assertRegex(ended.words, rf"(?m)^weir: {word}: .*; {instead} is taken$")
            self.assertIn(instead, [line.split()[0] for line in ended.lines if line])
            ended = weir_list("--strict", word)
            self.assertEqual((ended.status, ended.out), (2, b""))
            self.assertIn(f"'{word}' is no probe", ended.words)

    def test_ghost(self):
        """dev_queue_xmit is inline; a symbol of that name is a copy that few use."""
        row = everything()["dev_queue_xmit"]
        self.assertEqual((row["way"], row["lack"]), (None, "inline"))
        self.assertEqual("ghost" in row["why"], "dev_queue_xmit" in symbols())
        self.assertEqual(everything()["icmp_send"]["lack"], "inline")
        self.assertNotIn("ghost", everything()["icmp_send"]["why"])

    def test_bad_words(self):
        for argv in (["-p", "1"], ["--lang", "fr"], ["--", "true"], ["--check", "tcp"], [""], ["tracepoint:"]):
            ended = weir_list(*argv)
            self.assertEqual((ended.status, ended.out), (2, b""), argv)
            self.assertEqual(len(ended.words.splitlines()), 1, ended)


class Doctored(unittest.TestCase):
    """Other kernels, played through: files of this one with something changed, bound over them."""

    def bound(self, script, *argv):
        """weir list in a mount namespace in which script was run; $D is a scratch folder."""
        with tempfile.TemporaryDirectory() as scratch:
            env = dict(ENGLISH, D=scratch, T=str(TRACEFS))
            return lib.run("unshare", "-m", "--propagation", "private", "sh", "-ec", script + '\nexec "$@"', "sh",
                           lib.WEIR, "list", *argv, env=env, timeout=120)

    FORMATS = 'cd $T; mkdir $D/events; for g in %s; do [ -d events/$g ] && cp -r events/$g $D/events; done; cd /\n' % \
        " ".join(GROUPS)
    TAKE = "\nmount --bind $D $T"

    def check(self, script):
        ended = self.bound(script, "--check", "-o", "json")
        return ended.status, {row["name"]: row for row in ended.rows if row["state"] == "drift"}

    def test_nothing_drifted(self):
        ended = weir_list("--check", "-o", "json")
        drifted = [row for row in ended.rows if row["state"] == "drift"]
        self.assertEqual((ended.status, drifted), (0, []))
        self.assertGreater(len(ended.rows), 100)
        text = weir_list("--check")
        self.assertEqual(text.status, 0)
        found = re.search(r"(\d+) rows as in the catalog, (\d+) otherwise as it knows, 0 drifted", text.words)
        self.assertEqual(int(found[1]) + int(found[2]), len(ended.rows))

    def test_doctored_tracefs(self):
        status, drifted = self.check(self.FORMATS + """
            rm -r $D/events/tcp/tcp_probe
            sed -i 's/ skaddr;/ sk_address;/' $D/events/tcp/tcp_destroy_sock/format
            mv $D/events/udp/udp_fail_queue_rcv_skb $D/events/sock""" + self.TAKE)
        self.assertEqual(status, 1)
        self.assertEqual(set(drifted), {"tcp:tcp_probe", "tcp:tcp_destroy_sock", "udp:udp_fail_queue_rcv_skb"})
        self.assertEqual(drifted["tcp:tcp_probe"]["what"], "tracefs does not list it, though BTF has it")
        self.assertRegex(drifted["tcp:tcp_destroy_sock"]["what"], "^fields are sk_address sport .*knows: skaddr sport ")
        self.assertEqual(drifted["udp:udp_fail_queue_rcv_skb"]["what"], "has moved to group sock")

    def test_doctored_symbols(self):
        status, drifted = self.check("""
            grep -v ' [Tt] ip_rcv$' /proc/kallsyms | sed 's/ T inet_bind$/ t inet_bind.isra.0/' >$D/s
            grep -m1 ' [Tt] tcp_connect$' $D/s | sed 's/^.\\{8\\}/fffffffe/' >$D/t
            cat $D/t >>$D/s
            mount --bind $D/s /proc/kallsyms""")
        self.assertEqual(status, 1)
        self.assertEqual(set(drifted), {"ip_rcv", "inet_bind", "tcp_connect"})
        self.assertRegex(drifted["ip_rcv"]["what"], "^is missing")
        self.assertEqual(drifted["inet_bind"]["what"], "is inet_bind.isra.0 here")
        self.assertRegex(drifted["tcp_connect"]["what"], "^2 functions bear the name: 0x[0-9a-f]+, 0x[0-9a-f]+$")

    def test_not_mounted(self):
        """Without a mount tracefs is looked into all the same."""
        ended = self.bound("umount $T 2>/dev/null || :", "-o", "json", "tracepoint:*")
        self.assertEqual([row["name"] for row in ended.rows if row["way"]],
                         [name for name, row in of_kind("tracepoint").items() if row["way"]])

    def test_no_symbols(self):
        """Where the symbols cannot be read, BTF is believed."""
        ended = self.bound(": >$D/s; mount --bind $D/s /proc/kallsyms", "-o", "json", "function:tcp_*")
        self.assertEqual(ended.status, 0)
        for row in ended.rows:
            self.assertNotIn(row["lack"], ("twins", "renamed"), row)

    def test_without_rights(self):
        """Who may not trace is still told what there is."""
        ended = lib.run(*NOBODY, lib.WEIR, "list", "-o", "json", env=ENGLISH)
        self.assertEqual(ended.status, 0, ended)
        rows = {row["name"]: row for row in ended.rows}
        self.assertEqual(rows["tcp:tcp_retransmit_skb"]["lack"], "refused")
        self.assertIn("run as root", rows["tcp:tcp_retransmit_skb"]["why"])
        self.assertEqual(set(of_kind("function")) - set(rows), set())


if __name__ == "__main__":
    lib.main()
