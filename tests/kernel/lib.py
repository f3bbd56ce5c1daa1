# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
What the kernel tests share. A test file ends with lib.main(), which runs its unittest cases in
network, mount and host name namespaces of its own.
"""
import ctypes
import difflib
import fcntl
import functools
import itertools
import json
import os
import pathlib
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WEIR = os.path.abspath(os.environ.get("WEIR") or ROOT / "weir")
WAY = os.environ.get("WEIR_WAY", "")
SLOW = float(os.environ.get("WEIR_TEST_SLOW") or 1)
SKIPPED = 77
KERNEL = tuple(int(n) for n in re.findall(r"\d+", platform.release())[:2])
TRACEFS = "/sys/kernel/tracing"


def here(*parts):
    """A path below the folder of the kernel tests."""
    return str(ROOT.joinpath("tests", "kernel", *parts))


# Programs

# Those that are not NAME.c, compiled in the ordinary way: their source, and what more gcc is told.
ALONE = ["-nostdlib", "-static", "-ffreestanding", "-fno-pie", "-no-pie", "-fno-stack-protector"]
VARIANTS = {"abi": ("abi", ALONE), "refuse": ("refuse", ["-shared", "-fPIC"]),
            "load": ("../../../bench/load", ["-lresolv"])}
if platform.machine() == "x86_64":
    VARIANTS |= {"abi-i386": ("abi", [*ALONE, "-m32"]), "abi-x32": ("abi", [*ALONE, "-mx32"]),
                 "abi-int80": ("abi", [*ALONE, "-DINT80"])}


def work(name):
    """The path of the compiled tests/kernel/work/NAME.c, or of one of VARIANTS."""
    stem, flags = VARIANTS.get(name, (name, ()))
    source = ROOT / "tests/kernel/work" / f"{stem}.c"
    program = ROOT / "build/test/work" / name
    newest = max(p.stat().st_mtime for p in [source, *source.parent.glob("*.h")])
    if program.exists() and program.stat().st_mtime > newest:
        return str(program)
    program.parent.mkdir(parents=True, exist_ok=True)
    with open(program.parent / ".lock", "w") as lock:  # two tests may want the same one
        fcntl.flock(lock, fcntl.LOCK_EX)
        new = f"{program}.new"
        subprocess.run([os.environ.get("CC", "gcc"), "-O1", "-g", "-Wall", "-Wextra", "-Werror",
                        "-D_GNU_SOURCE", "-pthread", "-o", new, source, *flags], check=True)
        os.rename(new, program)
    return str(program)


def work_all():
    for source in (ROOT / "tests/kernel/work").glob("*.c"):
        work(source.stem)
    for name in VARIANTS:
        work(name)


def in_turn(*names):
    """
    A command that runs these of work() one after the other: under emulation it takes seconds to attach to all calls.
    There "sockets" alone would take a minute, where the kernel runs modprobe for each protocol that it does not know.
    """
    loader = "/proc/sys/kernel/modprobe"
    script = [f"{shlex.quote(work(name))} || exit" for name in names]
    if SLOW > 1 and "sockets" in names:
        at = names.index("sockets")
        script[at:at + 1] = [f"echo >{loader}", script[at], f"echo {pathlib.Path(loader).read_text().strip()} >{loader}"]
    return ["sh", "-c", "\n".join(script)]


class Ended:
    """A program that has ended: status (negative: the signal), out and err as bytes."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    @functools.cached_property
    def lines(self):
        """Of standard output; only a line feed ends a line."""
        return self.out.decode(errors="surrogateescape").split("\n")[:-1]

    @functools.cached_property
    def rows(self):
        """Standard output as JSON lines, read strictly; without the account of --stats."""
        return [row for row in map(strict_json, self.out.splitlines()) if "stats" not in row]

    @property
    def stats(self):
        """The account that --stats put last."""
        return strict_json(self.out.splitlines()[-1])["stats"]

    @property
    def words(self):
        return self.err.decode(errors="backslashreplace")

    def __repr__(self):
        return f"status {self.status}\n{self.out[-3000:].decode(errors='backslashreplace')}{self.words}"


def strict_json(line):
    def refuse(word):
        raise ValueError(f"{word} is no JSON")

    def unique(pairs):
        assert len(dict(pairs)) == len(pairs), f"a key is there twice: {line}"
        return dict(pairs)

    return json.loads(line.decode("utf-8"), parse_constant=refuse, object_pairs_hook=unique)


def difference(want, got, shown=40):
    """
    Two lists of lines as a unified diff of at most so many lines, after how many differ. Of a line that
    only changed, what both have in common is left out but for its ends.
    """
    lines = list(difflib.unified_diff(want, got, "want", "got", lineterm="", n=1))[2:]
    wrong = sum(line[0] == "-" for line in lines)
    short, at = [], 0
    while at < len(lines) and len(short) < shown:
        gone = list(itertools.takewhile(lambda line: line[0] == "-", lines[at:]))
        come = list(itertools.takewhile(lambda line: line[0] == "+", lines[at + len(gone):]))
        if gone and len(gone) == len(come):
            gone, come = zip(*map(shorten, gone, come))
        short += [*gone, *come] or [lines[at][:200]]
        at += len(gone) + len(come) or 1
    more = ["..."] if at < len(lines) else []
    return "\n".join([f"{wrong} of {len(want)} lines differ", "--- want", "+++ got", *short[:shown], *more])


def shorten(gone, come, ends=60):
    """The two without the middle of their common start and end."""
    same = len(os.path.commonprefix([gone[1:], come[1:]])) + 1
    rest = len(os.path.commonprefix([gone[:same - 1:-1], come[:same - 1:-1]]))
    start = gone[:ends] + " [...] " + gone[same - ends:same] if same > 2 * ends + 8 else gone[:same]
    end = gone[len(gone) - rest:][:ends]
    return start + gone[same:len(gone) - rest] + end, "+" + start[1:] + come[same:len(come) - rest] + end


def run(*argv, timeout=40, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    argv = [a if isinstance(a, bytes) else str(a) for a in argv]
    process = subprocess.Popen(argv, **options)
    try:
        out, err = process.communicate(timeout=timeout * SLOW)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"{argv} did not end; {Ended(process.returncode, out or b'', err or b'')}")
    return Ended(process.returncode, out or b"", err or b"")


def weir(*argv, **options):
    return run(WEIR, *argv, **options)


def way(argv=()):
    """The way that is being tested, where argv names none."""
    return ["--way", WAY] if WAY and "--way" not in argv else []


def trace(*argv, **options):
    """weir trace, in the way that is being tested."""
    return weir("trace", *way(argv), *argv, **options)


class Live:
    """
    weir trace, or another tool, without a command, in the background: attached when the constructor
    returns. Its output goes to a file, so that nobody need read it.
    """

    def __init__(self, *argv, tool="trace"):
        self.out = tempfile.TemporaryFile()
        ways = [] if tool == "packets" else way(argv)  # which is attached to interfaces
        self.process = subprocess.Popen([WEIR, tool, *ways, *(str(a) for a in argv)],
                                        stdin=subprocess.DEVNULL, stdout=self.out, stderr=subprocess.PIPE)
        self.said = b""
        while b"tracing" not in self.said:
            line = self.process.stderr.readline()
            self.said += line
            if not line:
                raise AssertionError(f"weir {tool} {argv} did not start: {self.said}")

    @property
    def pid(self):
        return self.process.pid

    def stop(self, sig=signal.SIGINT):
        self.process.send_signal(sig)
        return self.wait()

    def wait(self, timeout=40):
        """Until it ends by itself."""
        _, err = self.process.communicate(timeout=timeout * SLOW)
        self.out.seek(0)
        return Ended(self.process.returncode, self.out.read(), self.said + err)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Peer:
    """A tracer of somebody else's, that sees the whole machine. It says nothing when it has attached: it gets its time."""

    def __init__(self, case, program, *argv):
        self.process = subprocess.Popen([need(program), *argv], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        case.addCleanup(self.process.kill)
        time.sleep(8)

    def stop(self):
        """What it told."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=60)[0]


# For a test of a file with EVERY_WAY that does not depend on the way: the first one is enough.
once = unittest.skipIf(os.environ.get("WEIR_TEST_AGAIN"), "the same in every way")


def part(cases):
    """Of many alike all here, and under emulation, where each is seconds, every other one: each kernel has its half."""
    return cases[KERNEL[1] % 2::2] if SLOW > 1 else cases


def wait_for(condition, what, seconds=10):
    end = time.monotonic() + seconds * SLOW
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.01)


def wait_stopped(pid):
    """Until a process has stopped itself."""
    def stopped():
        return re.search(r"^State:\s*T", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
    wait_for(stopped, f"process {pid} to stop")


def need(program):
    """Skips the test where a program is not installed."""
    path = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not path:
        raise unittest.SkipTest(f"{program} is not installed")
    return path


# The account on standard error

def account(ended):
    """Events and the numbers of the other causes, from "5 events, 2 lost; 2 because ..."."""
    found = re.search(r"^weir: (\d+) events?, (\d+) lost(.*)$", ended.words, re.M)
    assert found, f"no account on standard error: {ended.words}"
    return int(found[1]), int(found[2])


def lost(ended):
    """Of --stats: causes and numbers; sockets without an owner may be anybody's."""
    return {cause: n for cause, n in ended.stats["lost"].items() if n and cause != "no_owner"}


def in_full(once):
    """
    Of five runs the first of which weir says that the kernel skipped no probe, else the last. Some kernels run no
    programs in the name of some tasks, in whose wake packets of others arrive.
    """
    for _ in range(5):
        ended = once()
        if "skipped a probe" not in ended.words:
            break
    return ended


# cgroups

def cgroup_root():
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return pathlib.Path(place)
    raise unittest.SkipTest("no cgroup v2 is mounted")


# What is left behind in the kernel

BPF_CALL = {"x86_64": 321, "aarch64": 280}[platform.machine()]
NEXT_ID = {"prog": 11, "map": 12, "btf": 23, "link": 31}  # enum bpf_cmd
libc = ctypes.CDLL(None, use_errno=True)


def bpf_ids(kind):
    """The ids of all BPF objects of a kind that the kernel holds."""
    attr = (ctypes.c_uint32 * 32)()
    ids = set()
    while not libc.syscall(BPF_CALL, NEXT_ID[kind], ctypes.byref(attr), ctypes.sizeof(attr)):
        ids.add(attr[1])
        attr[0] = attr[1]
    return ids


def bpf_held():
    """The same that some process has open, from /proc: of other weirs that run meanwhile."""
    held = {"prog": set(), "map": set(), "link": set()}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            for info in os.listdir(process / "fdinfo"):
                text = (process / "fdinfo" / info).read_text()
                for kind, number in re.findall(r"^(prog|map|link)_id:\t(\d+)$", text, re.M):
                    held[kind].add(int(number))
        except OSError:
            pass  # gone, or closed by now
    return held


class NothingLeft:
    """with NothingLeft(): whatever BPF object was made meanwhile is gone, or some process holds it."""

    def __enter__(self):
        self.before = {kind: bpf_ids(kind) for kind in ("prog", "map", "link")}

    def __exit__(self, kind, *exc):
        if kind:
            return
        wait_for(lambda: not self.left(), f"BPF objects to go: {self.left()}")

    def left(self):
        left = {}
        for kind, before in self.before.items():
            new = bpf_ids(kind) - before
            # Held ones are looked for in between: the kernel frees a moment after the last close.
            orphans = new - bpf_held()[kind] if new else set()
            if orphans & bpf_ids(kind):
                left[kind] = orphans
        return left


# Running

def mount_tracefs():
    if not os.path.exists(f"{TRACEFS}/events"):
        subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACEFS], check=True)


def enter_namespaces():
    """Starts this test anew in namespaces of its own, where the loopback device is up."""
    if os.environ.get("WEIR_TEST_NAMESPACES") != str(os.getpid()):
        # What a shell runs in the background ignores these, and so would what is run from here.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)
        os.environ["WEIR_TEST_NAMESPACES"] = str(os.getpid())  # exec keeps the pid
        os.execvp("unshare", ["unshare", "-n", "-m", "-u", "--propagation", "private",
                              sys.executable, "-u", *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if WAY == "tp":
        mount_tracefs()


class Result(unittest.TextTestResult):
    """Tells what is skipped in the words that tests/run looks for."""

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"skip {test.id().split('.')[-1].removeprefix('test_')}: {reason}")


def main(root=True):
    if not os.access(WEIR, os.X_OK):
        sys.exit(f"there is no {WEIR}, try: make weir")
    if root and os.geteuid():
        print("needs root")
        sys.exit(SKIPPED)
    if root:
        enter_namespaces()
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=0, resultclass=Result)
    unittest.main(testRunner=runner)


if __name__ == "__main__":
    work_all()
