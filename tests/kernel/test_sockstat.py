#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir sockstat against a workload that counts its own calls, in a private network namespace.

Run as root. WEIR names the program (default ./weir). Exit status 0: all that was compared is equal.
All ways to attach are tried. Only fexit may be refused by the kernel, and only where WEIR_WAY does
not name it: it does on kernels that are known to grant it.
"""
import collections
import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

WEIR = os.environ.get("WEIR", "./weir")
libc = ctypes.CDLL(None, use_errno=True)

# What the workload does: how often, and how many of these fail. Prime numbers, so that a sum of
# the wrong things is not right by chance.
PLAN = {
    "socket": (29, 3),
    "socketpair": (7, 2),
    "bind": (5, 2),
    "listen": (3, 1),
    "connect": (17, 4),
    "accept": (7, 0),
    "accept4": (11, 5),
    "shutdown": (19, 6),
    "sock_sendmsg": (43, 3),
    "sock_recvmsg": (37, 5),
}
# recvmmsg reads this many messages; only the tracepoint sees more than the first.
VECTOR = 3
did = collections.Counter()
bad = collections.Counter()


# ---- the workload: runs under weir, prints what must be seen ----


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint),
                ("iov", ctypes.c_void_p), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


class Mmsghdr(ctypes.Structure):
    _fields_ = [("hdr", Msghdr), ("len", ctypes.c_uint)]


BYTE = ctypes.create_string_buffer(1)
IOV = Iovec(ctypes.addressof(BYTE), 1)
MSG = Msghdr(iov=ctypes.addressof(IOV), iovlen=1)
VEC = (Mmsghdr * VECTOR)(*[Mmsghdr(hdr=MSG) for _ in range(VECTOR)])
NOSIGNAL, DONTWAIT, NONBLOCK, STREAM, DGRAM = 0x4000, 0x40, 0x800, 1, 2


def call(name, *args, as_=None):
    """libc's function of that name, counted under it, or under the door it leads to."""
    ret = getattr(libc, name)(*args)
    did[as_ or name] += 1
    bad[as_ or name] += ret < 0
    return ret


def send(name, *args):
    return call(name, *args, as_="sock_sendmsg")


def recv(name, *args):
    return call(name, *args, as_="sock_recvmsg")


def address(port):
    return struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), bytes((127, 0, 0, 1)))


def port_of(fd):
    return socket.socket(fileno=os.dup(fd)).getsockname()[1]


def streams():
    """13 connections in, 4 refused."""
    listener = call("socket", socket.AF_INET, STREAM | NONBLOCK, 0)
    call("bind", listener, address(0), 16)
    call("listen", listener, 64)
    port = port_of(listener)
    clients = [call("socket", socket.AF_INET, STREAM, 0) for _ in range(17)]
    for fd in clients[:13]:
        call("connect", fd, address(port), 16)
    accepted = [call("accept", listener, None, None) for _ in range(7)]
    accepted += [call("accept4", listener, None, None, 0) for _ in range(6)]
    for _ in range(5):
        call("accept4", listener, None, None, 0)
    idle = call("socket", socket.AF_INET, STREAM, 0)
    call("bind", idle, address(0), 16)
    for fd in clients[13:]:
        call("connect", fd, address(port_of(idle)), 16)
    for fd in accepted:
        call("shutdown", fd, 1)
    for fd in clients[13:] + [idle, listener]:
        call("shutdown", fd, 1 if fd != listener else 9)
    for fd in clients[:2]:
        recv("recv", fd, BYTE, 1, 0)  # the end
    for fd in accepted[:3]:
        send("send", fd, BYTE, 1, NOSIGNAL)
    return port


def datagrams():
    """Messages by each call that leads to the doors."""
    pair = (ctypes.c_int * 2)()
    call("socketpair", socket.AF_UNIX, DGRAM, 0, pair)
    out, into = pair
    for _ in range(11):
        send("send", out, BYTE, 1, 0)
        recv("recv", into, BYTE, 1, 0)
    for _ in range(7):
        send("sendmsg", out, ctypes.byref(MSG), 0)
        recv("recvmsg", into, ctypes.byref(MSG), 0)
    for _ in range(5):
        send("write", out, BYTE, 1)
        recv("read", into, BYTE, 1)
    for _ in range(5):
        send("writev", out, ctypes.byref(IOV), 1)
        recv("readv", into, ctypes.byref(IOV), 1)
    for _ in range(5):
        recv("recv", into, BYTE, 1, DONTWAIT)
    for _ in range(7):
        send("send", out, BYTE, 1, 0)
    did["sock_sendmsg"] += libc.sendmmsg(out, VEC, VECTOR, 0)
    assert libc.recvmmsg(into, VEC, VECTOR, 0, None) == VECTOR


def failures(port):
    for _ in range(3):
        call("socket", 9999, STREAM, 0)
    pair = (ctypes.c_int * 2)()
    for _ in range(2):
        call("socketpair", socket.AF_INET, STREAM, 0, pair)
    udp = call("socket", socket.AF_INET, DGRAM, 0)
    for _ in range(2):
        call("bind", udp, address(port), 3)
    call("listen", udp, 1)
    call("bind", udp, address(0), 16)


def in_child():
    """The rest, by a child and its thread: both are followed."""
    def work():
        pair = (ctypes.c_int * 2)()
        call("socketpair", socket.AF_UNIX, STREAM, 0, pair)
        send("send", pair[0], BYTE, 1, 0)
        recv("recv", pair[1], BYTE, 1, 0)

    fd, to = os.pipe()
    if not os.fork():
        thread = threading.Thread(target=work)
        thread.start()
        work()
        thread.join()
        tcp = call("socket", socket.AF_INET, STREAM, 0)
        call("listen", tcp, 1)
        os.write(to, json.dumps([did, bad]).encode())
        os._exit(0)
    os.close(to)
    os.wait()
    child = json.loads(os.read(fd, 65536))
    did.update(child[0])
    bad.update(child[1])


def workload(arguments):
    if "uid" in arguments:
        os.setuid(12345)
    if "wait" in arguments:
        sys.stdin.readline()
    if "flood" in arguments:
        pair = (ctypes.c_int * 2)()
        call("socketpair", socket.AF_UNIX, DGRAM, 0, pair)
        for _ in range(30011):
            send("send", pair[0], BYTE, 1, 0)
            recv("recv", pair[1], BYTE, 1, 0)
    else:
        in_child()  # before anything is counted here
        failures(streams())
        datagrams()
        for _ in range(5):
            call("socket", socket.AF_UNIX, STREAM, 0)
        for _ in range(2):
            call("socketpair", socket.AF_UNIX, STREAM, 0, (ctypes.c_int * 2)())
    # In one write: weir may write to the same pipe.
    os.write(1, (json.dumps({"did": {k: [did[k], bad[k]] for k in did}}) + "\n").encode())


def noise():
    """What must not be counted, for as long as it lives."""
    one, other = socket.socketpair()
    print("ready", flush=True)
    while True:
        one.send(b"x")
        other.recv(1)
        socket.socket().close()
        time.sleep(0.001)



# ---- the test: what weir says of it ----

failed = 0


def same(what, got, want):
    global failed
    if got == want:
        print(f"ok    {what}: {got}")
    else:
        failed += 1
        print(f"WRONG {what}: got {got}, want {want}")


def true(what, holds, seen=""):
    same(what + (f" ({seen})" if seen != "" else ""), bool(holds), True)


class Run:
    """What one run of weir sockstat printed."""

    def __init__(self, out, err, status):
        self.err, self.status, self.did, self.stats = err, status, None, None
        self.intervals, self.totals = [], {}
        for line in out.splitlines():
            row = json.loads(line)
            if "did" in row:
                self.did = {k: tuple(v) for k, v in row["did"].items()}
            elif "stats" in row:
                self.stats = row["stats"]
            elif row["report"] == "total":
                self.totals[row["call"]] = (row["count"], row["errors"])
                self.length = row["interval_ns"]
            else:
                self.intervals.append(row)

    def sums(self):
        sums = {}
        for row in self.intervals:
            count, errors = sums.get(row["call"], (0, 0))
            sums[row["call"]] = (count + row["count"], errors + row["errors"])
        return sums


JSON = ("-o", "json", "--stats", "--errors")
WORK = (sys.executable, os.path.abspath(__file__), "--workload")


def sockstat(*arguments):
    done = subprocess.run((WEIR, "sockstat") + arguments, capture_output=True, text=True)
    return Run(done.stdout, done.stderr, done.returncode)


def planned(run):
    """PLAN, and what one recvmmsg is to the probe that was taken."""
    count, errors = PLAN["sock_recvmsg"]
    probe = run.stats["probes"].get("sock_recvmsg", "")
    return dict(PLAN, sock_recvmsg=(count + (VECTOR if "tracepoint" in probe else 1), errors))


def whole(what, run, want):
    """The account of a run in which nothing may be missing or told twice."""
    same(f"{what}: totals", run.totals, want)
    same(f"{what}: sum of the intervals", run.sums(), run.totals)
    same(f"{what}: lost", {k: v for k, v in run.stats["lost"].items() if v}, {})
    same(f"{what}: not attached", run.stats["not_attached"], [])
    same(f"{what}: events", run.stats["events"], sum(n for n, _ in want.values()))
    true(f"{what}: no interval has more errors than calls",
         all(r["errors"] <= r["count"] for r in run.intervals))
    times = {r["time"]: r["interval_ns"] for r in run.intervals}
    true(f"{what}: intervals are no longer than the run", sum(times.values()) <= run.length)


def with_command(way):
    force = ("--way", way) if way else ()
    run = sockstat(*JSON, *force, "-i", "0.2", "--", *WORK)
    name = f"by way of {way or 'choice'}"
    refused = run.status == 1 and way == "fexit" and "refuses fexit programs" in run.err
    if refused and os.environ.get("WEIR_WAY") != way:
        print(f"skip fexit: {run.err.strip()}")
        return
    same(f"{name}: exit status", run.status, 0)
    if run.status:
        print(run.err)
        return
    same(f"{name}: the workload did", run.did, PLAN)
    whole(name, run, planned(run))
    if way:
        same(f"{name}: way", run.stats["way"], way)
    print(f"      {name}: {run.stats['way']}, {run.stats['probes']}")


def wait_for(process, word):
    """Its stderr up to a line with word."""
    said = ""
    for line in process.stderr:
        said += line
        if word in line:
            return said
    raise SystemExit(f"weir ended: {said}")


def beside(what, arguments, want, prepare=None, extra=()):
    """weir watches by a filter; the workload is one of two that run, and the one it must see."""
    work = subprocess.Popen(WORK + ("wait",) + extra, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True, preexec_fn=prepare)
    words = [str(work.pid) if a is None else a for a in arguments]
    weir = subprocess.Popen([WEIR, "sockstat", *JSON, "-i", "0.5", *words], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    wait_for(weir, "tracing")
    # Held until weir has ended: another test's network namespace would get its number.
    with open(f"/proc/{work.pid}/ns/net"):
        told, _ = work.communicate("go\n")
        weir.send_signal(signal.SIGINT)
        out, err = weir.communicate()
    run = Run(out + told, err, weir.returncode)
    same(f"{what}: exit status", run.status, 0)
    whole(what, run, want(run))


def without_child(run):
    """What -p sees: not the calls of the workload's child."""
    want = planned(run)
    minus = {"socketpair": (2, 0), "sock_sendmsg": (2, 0), "sock_recvmsg": (2, 0),
             "socket": (1, 0), "listen": (1, 0)}
    return {k: tuple(a - b for a, b in zip(v, minus.get(k, (0, 0)))) for k, v in want.items()}


def new_netns():
    if libc.unshare(0x40000000):
        os._exit(125)
    lo_up()


@contextlib.contextmanager
def noisy():
    """The id of a process that makes noise."""
    other = subprocess.Popen((sys.executable, os.path.abspath(__file__), "--noise"),
                             stdout=subprocess.PIPE)
    try:
        other.stdout.readline()
        yield str(other.pid)
    finally:
        other.kill()
        other.wait()


def filters():
    with noisy():
        beside("-p", ("-p", None), without_child)
        beside("--uid", ("--uid", "12345"), planned, extra=("uid",))
        beside("--netns", ("--netns", None), planned, new_netns)
        beside("two of them", ("connect", "sock_sendmsg", "-p", None),
               lambda run: {k: PLAN[k] for k in ("connect", "sock_sendmsg")} |
                           {"sock_sendmsg": without_child(run)["sock_sendmsg"]})
        beside("--failed", ("--failed", "-p", None),
               lambda run: {k: (v[1], v[1]) for k, v in without_child(run).items() if v[1]})
        with tempfile.TemporaryDirectory() as at:
            cgroup(at)


def cgroup(at):
    if libc.mount(b"cgroup2", at.encode(), b"cgroup2", 0, None):
        print("skip cgroup: no cgroup2 can be mounted")
        return
    group = f"{at}/weir-test-{os.getpid()}"
    os.makedirs(f"{group}/below")

    def join():
        with open(f"{group}/below/cgroup.procs", "w") as f:
            f.write("0")

    try:
        beside("--cgroup", ("--cgroup", group), planned, join)
    finally:
        os.rmdir(f"{group}/below")
        os.rmdir(group)
        libc.umount2(at.encode(), 2)


def boundaries():
    """Calls without a pause, looked at a hundred times a second."""
    for _ in range(7):  # on a machine that is busy, few of them may fall into one flood
        run = sockstat(*JSON, "-i", "0.01", "--", *WORK, "flood")
        whole("flood", run, run.did)
        same("flood: messages", run.did["sock_sendmsg"], (30011, 0))
        times = {r["time"] for r in run.intervals}
        if len(times) > 3:
            break
    true("flood: many intervals", len(times) > 3, len(times))


def reports():
    with noisy() as pid:
        run = sockstat(*JSON, "-n", "3", "-i", "0.4", "-p", pid)
        same("-n 3: exit status", run.status, 0)
        same("-n 3: reports", len({r["time"] for r in run.intervals}), 3)
        same("-n 3: sum of the intervals", run.sums(), run.totals)
        true("-n 3: takes 3 intervals", 1.2e9 <= run.length < 1.2e9 * 2, run.length)
        text = subprocess.run((WEIR, "sockstat", "-d", "0.7", "-i", "0.3", "-p", pid),
                              capture_output=True, text=True).stdout.splitlines()
    same("text: heading", text[0].split(),
         ["TIME", "CALL", "COUNT", "ERRORS", "PER", "SECOND"])
    true("text: at most 80 columns", max(map(len, text)) <= 80, max(map(len, text)))
    true("text: five columns", all(len(line.split()) == 5 for line in text[1:]))
    times = [line.split()[0] for line in text[1:]]
    same("text: reports", len(set(times)), 4)
    true("text: the total is last", "total" in times[-1:] and times.index("total") == len(times) - times.count("total"))


def refusals():
    for words, said in ((("-4",), "looks at no socket"), (("--port", "80"), "looks at no socket"),
                        (("--host", "::1"), "looks at no socket"),
                        (("--slower", "1ms"), "measures no time"),
                        (("--by", "proces"), "did you mean process"),
                        (("conect",), "did you mean connect"),
                        (("read",), "'read' is no socket system call"),
                        (("--way", "kprobe", "connect"), "--way takes"),
                        (("--way", "kprobe", "sock_sendmsg"), "--way takes")):
        done = subprocess.run((WEIR, "sockstat") + words, capture_output=True, text=True)
        what = " ".join(words)
        same(f"{what}: exit status", done.returncode, 2)
        true(f"{what}: one sentence", said in done.stderr and done.stderr.count("\n") == 1,
             done.stderr.strip())


def ways():
    """Those of the default are rare, so each has a tracepoint of its own where fexit is not to be had."""
    for words, way in (((), "tp"), (("bind", "listen", "sendto", "recvfrom"), "raw")):
        run = subprocess.run((WEIR, "sockstat", "-v", "-d", "0.1", "-p", str(os.getpid())) + words, capture_output=True,
                             text=True)
        taken = "fexit" if "not by fexit" not in run.stderr else way
        true(f"way to {words or 'the default'}", f"by way of {taken}" in run.stderr, run.stderr)


def lo_up():
    with socket.socket() as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP


def private():
    """Network and mounts of our own; tracefs there, which weir does not mount by itself."""
    if libc.unshare(0x40020000) or libc.mount(b"none", b"/", None, 0x44000, None):
        raise SystemExit("run this as root: namespaces cannot be made")
    lo_up()
    if not os.path.exists("/sys/kernel/tracing/events"):
        libc.mount(b"tracefs", b"/sys/kernel/tracing", b"tracefs", 0, None)


def main():
    private()
    print(f"kernel {os.uname().release}")
    for way in (None, "fexit", "tp", "raw"):
        with_command(way)
    filters()
    boundaries()
    reports()
    refusals()
    ways()
    print(f"{failed} wrong" if failed else "all as it should be")
    return bool(failed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--workload"]:
        workload(sys.argv[2:])
    elif sys.argv[1:2] == ["--noise"]:
        noise()
    else:
        sys.exit(main())
