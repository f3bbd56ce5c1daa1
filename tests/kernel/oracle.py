# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
strace as the oracle: both watch the very same run of a program, and what they print must be the same,
character for character.
"""
import collections
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest

import lib

CALLS = ("socket socketpair setsockopt getsockopt getsockname getpeername bind listen accept accept4 "
         "connect shutdown recvfrom recvmsg recvmmsg sendto sendmsg sendmmsg sethostname "
         "setdomainname").split()
IO_CALLS = "read write readv writev preadv2 pwritev2 sendfile splice close".split()


# Names that strace 6.1 does not have, and what it prints: those of younger kernels, and some that it
# leaves out. With a strace that has them they stay.
NEWER = {
    "SOL_MPTCP": "0x11c /* SOL_?? */", "SOL_MCTP": "0x11d /* SOL_?? */", "SOL_SMC": "0x11e /* SOL_?? */",
    "SOL_VSOCK": "0x11f /* SOL_?? */",
    "MPTCP_INFO": "1", "MPTCP_TCPINFO": "2", "MPTCP_SUBFLOW_ADDRS": "3", "MPTCP_FULL_INFO": "4",
    "ICMPV6_FILTER": "1",
    "SO_PASSPIDFD": "0x4c /* SO_??? */", "SO_PEERPIDFD": "0x4d /* SO_??? */",
    "SO_DEVMEM_LINEAR": "0x4e /* SO_??? */", "SO_DEVMEM_DMABUF": "0x4f /* SO_??? */",
    "SO_DEVMEM_DONTNEED": "0x50 /* SO_??? */", "SO_RCVPRIORITY": "0x52 /* SO_??? */",
    "SO_PASSRIGHTS": "0x53 /* SO_??? */", "SO_INQ": "0x54 /* SO_??? */",
    "TCP_AO_ADD_KEY": "0x26 /* TCP_??? */", "TCP_AO_DEL_KEY": "0x27 /* TCP_??? */",
    "TCP_AO_INFO": "0x28 /* TCP_??? */", "TCP_AO_GET_KEYS": "0x29 /* TCP_??? */",
    "TCP_AO_REPAIR": "0x2a /* TCP_??? */", "TCP_IS_MPTCP": "0x2b /* TCP_??? */",
    "TCP_RTO_MAX_MS": "0x2c /* TCP_??? */", "TCP_RTO_MIN_US": "0x2d /* TCP_??? */",
    "TCP_DELACK_MAX_US": "0x2e /* TCP_??? */",
    "IP_LOCAL_PORT_RANGE": "0x33 /* IP_??? */", "IP_PROTOCOL": "0x34 /* IP_??? */",
    "PACKET_VNET_HDR_SZ": "0x18 /* PACKET_??? */", "TLS_TX_ZEROCOPY_RO": "0x3 /* TLS_??? */",
    "TLS_RX_EXPECT_NO_PAD": "0x4 /* TLS_??? */",
    "IPPROTO_AGGFRAG": "0x90 /* IPPROTO_??? */", "IPPROTO_SMC": "0x100 /* IPPROTO_??? */",
    "ETH_P_GRE_OSI": "0xfe /* ETH_P_??? */",
    # as control messages
    "cmsg_level=SOL_MPTCP": "cmsg_level=0x11c /* SOL_??? */",
    "cmsg_type=SCM_PIDFD": "cmsg_type=0x4 /* SCM_??? */", "cmsg_type=SO_PRIORITY": "cmsg_type=0xc /* SCM_??? */",
    "cmsg_type=SO_MARK": "cmsg_type=0x24 /* SCM_??? */", "cmsg_type=SO_RXQ_OVFL": "cmsg_type=0x28 /* SCM_??? */",
    "cmsg_type=SCM_DEVMEM_LINEAR": "cmsg_type=0x4e /* SCM_??? */",
    "cmsg_type=SCM_DEVMEM_DMABUF": "cmsg_type=0x4f /* SCM_??? */",
    "cmsg_type=SCM_TS_OPT_ID": "cmsg_type=0x51 /* SCM_??? */",
    "cmsg_type=SCM_INQ": "cmsg_type=0x54 /* SCM_??? */",
    "cmsg_type=IP_RECVFRAGSIZE": "cmsg_type=0x19 /* IP_??? */",
    "cmsg_type=IP_PROTOCOL": "cmsg_type=0x34 /* IP_??? */",
}
NEWER_FLAGS = {"MSG_SENDPAGE_DECRYPTED": 0x100000, "MSG_SOCK_DEVMEM": 0x2000000, "MSG_SPLICE_PAGES": 0x8000000,
               "RWF_NOAPPEND": 0x20, "RWF_ATOMIC": 0x40, "RWF_DONTCACHE": 0x80}


def older(lines, known):
    """weir's lines without the names that do not occur in known, which is all that strace said."""
    told = "\n".join(lines)

    def unknown(table):
        return {name: value for name, value in table.items() if name in told and not re.search(rf"\b{name}\b", known)}
    names, flags = unknown(NEWER), unknown(NEWER_FLAGS)
    # The longer first: one may be the end of another.
    for name in sorted(names, key=len, reverse=True):
        lines = [re.sub(rf"\b{name}\b", names[name], line) if name in line else line for line in lines]
    if flags:
        some = re.compile(rf"\b(?:(?:MSG|RWF)_\w+\|?|0x[0-9a-f]+(?!\w)\|?)*(?:{'|'.join(flags)})\b(?:\|\w+)*")
        lines = [some.sub(lambda found: older_flags(found[0], flags), line) for line in lines]
    return lines


def older_flags(text, flags):
    """strace tells what has no name as one number, at the end; alone with a remark."""
    words = [word for word in text.split("|") if word not in flags and not word.startswith("0x")]
    rest = sum(flags.get(word, 0) or int(word, 16) for word in text.split("|") if word not in words)
    if not words:
        return f"{rest:#x} /* {text[:3]}_??? */"
    return "|".join([*words, f"{rest:#x}"])


def normal(text):
    """
    strace's lines as weir writes them: without the process id and the padding before the result, and
    a call in one line that another process's line had cut in two. Calls that never returned have no
    result, and weir has no line for them.
    """
    begun, lines = {}, []
    for line in text.split("\n")[:-1]:
        pid, rest = line.split(None, 1)
        if rest.endswith(" <unfinished ...>"):
            begun[pid] = rest.removesuffix(" <unfinished ...>")
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed>", rest)
        if resumed:
            rest = begun.pop(pid) + rest[resumed.end():]
        found = re.fullmatch(r"(.*\)) +(= .*)", rest, re.S)
        if not found:
            raise AssertionError(f"this line of strace's is not understood: {line}")
        if found[2] != "= ?":
            lines.append(f"{found[1]} {found[2]}")
    return lines


def sockets_only(lines):
    """Of lines with descriptors as strace -y tells them, those of sockets, without what -y added."""
    return [re.sub(r"(\d)<(?:socket|pipe|anon_inode|UNIX|/)[^<>]*>(?:\(deleted\))?", r"\1", line)
            for line in lines if re.search(r"\d<(socket|UNIX)[:-]", line)]


# strace is attached while the program waits to begin, and so is itself no child of what weir watches:
# it makes socket calls of its own, to learn the names of interfaces.
BEGIN = 'echo $$ >"$0/pid" && kill -STOP $$ && exec "$@"'


def both(calls, program, *options, strace=(), meanwhile=None, stdin=subprocess.DEVNULL):
    """
    Runs a program under both: strace's lines, and how weir ended. meanwhile(pid) is called when the
    program runs; a server, for one, is used and ended there.
    """
    strace = [lib.need("strace"), "-f", "-qqq", "-e", "signal=none", *strace]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as out, \
            tempfile.TemporaryFile() as err:
        told, pid_file = pathlib.Path(folder, "strace"), pathlib.Path(folder, "pid")
        # the ring is large: it is the decoding that is tested, on a machine that may be busy
        weir = subprocess.Popen([lib.WEIR, "trace", *lib.way(), "-q", "--ring", "32768",
                                 *map(str, options), *calls, "--",
                                 "sh", "-c", BEGIN, folder, *map(str, program)],
                                stdin=stdin, stdout=out, stderr=err)
        try:
            lib.wait_for(lambda: weir.poll() is not None or pid_file.exists() and pid_file.read_text(),
                         "the program to begin")
            if weir.poll() is None:
                watch(int(pid_file.read_text()), [*strace, "-o", told, "-e", "trace=" + ",".join(calls)],
                      meanwhile)
            weir.wait(60 * lib.SLOW)
        finally:
            weir.kill()
            weir.wait()
        out.seek(0)
        err.seek(0)
        ended = lib.Ended(weir.returncode, out.read(), err.read())
        assert told.exists(), ended
        with open(told, errors="surrogateescape", newline="\n") as lines:
            return normal(lines.read()), ended


def watch(pid, strace, meanwhile):
    """Attaches strace to a process that has stopped itself, and waits for both to end."""
    lib.wait_stopped(pid)
    tracer = subprocess.Popen([*strace, "-p", str(pid)], stdin=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)  # its complaints about short reads
    try:
        status = pathlib.Path(f"/proc/{pid}/status")
        lib.wait_for(lambda: f"TracerPid:\t{tracer.pid}\n" in status.read_text(), "strace to attach")
        os.kill(pid, signal.SIGCONT)
        if meanwhile:
            meanwhile(pid)
        tracer.wait(60 * lib.SLOW)
    finally:
        tracer.kill()
        tracer.wait()


class Case(unittest.TestCase):
    """
    What the commands print goes to weir's standard output too, so they are told to be quiet; strace
    on the other hand writes to a file.
    """

    def compare(self, want, ended, ordered=True):
        self.assertTrue(want, "strace saw nothing: this tests nothing")
        got = older(ended.lines, "\n".join(want))
        if not ordered:  # several processes: the order of lines is theirs, not the tracers'
            want, got = sorted(want), sorted(got)
        if want != got:
            self.fail(lib.difference(want, got))
        # Once the command runs, weir has nothing to say but what strace says.
        self.assertNotIn("weir:", ended.words)

    def same(self, program, *options, ordered=True, status=0, **more):
        want, ended = both(CALLS, program, "--bare", *options, **more)
        self.compare(want, ended, ordered)
        self.assertEqual(ended.status, status, ended)

    def same_counts(self, program, **more):
        """--summary counts what strace's lines are, and how many of them failed."""
        want, ended = both(CALLS, program, "--summary", "-o", "json", **more)
        names = collections.Counter(line.split("(")[0] for line in want)
        failed = collections.Counter(line.split("(")[0] for line in want if re.search(r"= (-1|\?) E[A-Z]+ ", line))
        self.assertEqual({row["call"]: (row["calls"], row["errors"]) for row in ended.rows},
                         {call: (n, failed[call]) for call, n in names.items()})
