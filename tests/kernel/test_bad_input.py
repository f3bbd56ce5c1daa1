#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""Whatever is asked wrongly or cannot be had: one sentence, the right exit status, nothing left behind."""
import ctypes
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import unittest

import lib

WORDS, FAILED = 2, 1  # exit status: the command line is wrong; it is right and cannot be done


class Case(unittest.TestCase):
    maxDiff = 2000

    def sentence(self, ended, status, *parts):
        """Exactly one, on standard error, and nothing on standard output."""
        self.assertEqual(ended.status, status, ended)
        self.assertEqual(ended.out, b"", ended)
        self.assertRegex(ended.words, r"\Aweir: [^\n]+\n\Z")
        self.assertNotRegex(ended.words, r"libbpf|[.!]\n\Z")
        for part in parts:
            self.assertIn(part, ended.words)

    def refused(self, *argv, status=WORDS, say=(), **options):
        with self.subTest(argv):
            self.sentence(lib.weir(*argv, timeout=5, **options), status, *say)


class Words(Case):
    """What the command line says."""

    def test_tool(self):
        self.refused("trase", say=["trase", "did you mean trace"])
        self.refused("replya", say=["did you mean replay"])
        self.refused("xyzzy", say=["'xyzzy'"])
        self.refused("help", "xyzzy", say=["'xyzzy'"])
        self.assertNotIn("did you mean", lib.weir("xyzzy").words)

    def test_call(self):
        self.refused("trace", "conect", say=["conect", "did you mean connect"])
        self.refused("trace", "recvform", say=["did you mean recvfrom"])
        self.refused("trace", "%sokcet", say=["did you mean %socket"])
        self.refused("trace", "open", say=["'open'"])
        self.refused("trace", "xyzzy", say=["'xyzzy'"])
        self.refused("trace", "", say=["''"])
        for tool in "trace", "list", "describe":
            for word, taken in ("recv", "recvfrom"), ("send", "sendto"):
                self.refused(tool, "--strict", word, say=[f"'{word}' is no probe", f"take {taken}"])
        self.refused("trace", "xyzzy", "conect", say=["conect", "did you mean connect"])

    def test_call_beside(self):
        """What is not there does not keep the rest from being traced."""
        ended = lib.weir("trace", "conect", "socket", "zz*", "-o", "json", "--stats", "--", "python3", "-c",
                         "import socket; socket.socket()")
        self.assertEqual(ended.status, 0, ended)
        self.assertEqual({row["call"] for row in ended.rows}, {"socket"})
        self.assertEqual({lack["probe"] for lack in ended.stats["not_attached"]}, {"conect", "zz*"})
        self.assertIn("weir: conect is not traced: there is no probe 'conect' here, did you mean connect; ", ended.words)

    def test_output_twice(self):
        """Nothing else gets into what standard output carries, and no input is written over."""
        self.refused("packets", "-w", "-", "--stats", say=["-w -", "--stats"])
        self.refused("sockstat", "-o", "csv", "--stats", say=["--stats", "csv"])
        for more in (["-o", "json"], ["--record", "x"], ["--each"], ["-n", "1"], ["-p", "1"]):
            self.refused("drops", "--reasons", *more, say=["--reasons"])

    def test_input_is_output(self):
        with tempfile.TemporaryDirectory() as at:
            capture = pathlib.Path(at, "a.pcap")
            capture.write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
            os.link(capture, pathlib.Path(at, "b.pcap"))
            for name in ("a.pcap", "b.pcap"):
                self.refused("packets", "-r", str(capture), "-w", f"{at}/{name}", say=[name, "is read"])
            self.assertEqual(capture.stat().st_size, 24)

    def test_option(self):
        self.refused("trace", "--bear", say=["--bear", "did you mean --bare"])
        self.refused("trace", "--sumary", say=["did you mean --summary"])
        self.refused("trace", "--xyzzy", say=["--xyzzy"])
        self.refused("trace", "--pid", say=["--pid", "value"])
        self.refused("trace", "-Z", say=["-Z"])
        self.refused("trace", "--failed", "-Zv", say=["-Z"])
        self.refused("trace", "--bare=yes", say=["--bare"])
        self.refused("trace", "-o", "jsno", say=["jsno", "did you mean json"])
        self.refused("trace", "--way", "xyzzy", say=["xyzzy"])

    def test_shortened_option(self):
        """An option's name is not cut: what is one letter less today may be another option tomorrow."""
        for tool in "socketio", "socksize", "sofamily", "soprotocol":
            self.refused(tool, "--by", "port", say=["'--by'", "did you mean --by-name"])
        self.refused("trace", "--summa", say=["'--summa'", "did you mean --summary"])
        self.refused("trace", "--summa=1", say=["did you mean --summary"])
        self.refused("trace", "--slowe=5ms", say=["did you mean --slower"])
        self.refused("trace", "--slowe", "5ms", say=["'--slowe'", "did you mean --slower"])
        self.refused("trace", "--slowe", say=["'--slowe'", "did you mean --slower"])

    def test_options_that_a_tool_lacks(self):
        """What --help does not list is refused, by the tool's name."""
        rows = [line.split("\t") for line in lib.weir("help", "--rows").lines]
        shared = {name: arg for who, kind, letter, name, arg, *_ in (r for r in rows if len(r) > 5)
                  if (who, kind) == ("weir", "option")}
        lacking = 0
        for tool in ("trace", "sockstat", "doctor", "demo"):
            listed = re.findall(r"^  .{4}--([a-z0-9]+)", lib.weir(tool, "--help").out.decode(), re.M)
            for name in sorted(shared.keys() - set(listed)):
                lacking += 1
                self.refused(tool, f"--{name}", *(["1"] if shared[name] else []), say=[f"{tool} has no --{name}: "])
        self.assertGreater(lacking, 17 + 6)
        self.refused("sockstat", "-4", say=["sockstat has no --ipv4"])
        self.assertIn(b"end after this many rows", lib.weir("trace", "--help").out)
        self.assertIn(b"end after this many intervals", lib.weir("sockstat", "--help").out)

    def test_words_that_mean_nothing(self):
        for words in ("--version",), ("help", "trace"), ("help", "--rows"):
            self.assertEqual(lib.weir(*words).status, 0)
            self.refused(*words, "extra", say=[words[-1], "'extra'"])
        for tool, option in ("http", "--method"), ("http", "--path"), ("dns", "--name"):
            self.refused(tool, option, "", say=[option])
        self.refused("demo", "--way", "foo", say=["'foo'"])

    def test_values(self):
        for option, values in (("-p", ["", "0", "-1", "1x", "x", "99999999999"]),
                               ("--uid", ["nobody-has-this-name", "-1", "1.5", ""]),
                               ("-c", ["", "sixteen-letters!"]),
                               ("--port", ["0", "65536", "http", "", "-1"]),
                               ("--host", ["localhost", "1.2.3", "1.2.3.4/33", "::1/129", "1.2.3.4/", "", "/8"]),
                               ("--slower", ["fast", "-1ms", "5 ms", "", "5xs", "5", "0", "0ms", "0.1ns"]),
                               ("-s", ["-1", "4097", "x", ""]),
                               ("-n", ["0", "-1", "x"]),
                               ("-d", ["0", "-1", "x", "", "0x10", "1e3", "inf", "1.2.3"]),
                               ("--ring", ["0", "63", "x", "99999999999"])):
            for value in values:
                self.refused("trace", option, value, say=[f"'{value}'"])
        for tool, option in ("trace", "--slower"), ("dns", "--timeout"), ("latency", "--over"):
            for value in "3", "0", "0s":
                self.refused(tool, option, value, say=[option, f"'{value}'", "above 0 with its unit"])

    def test_contradictions(self):
        self.refused("trace", "-4", "-6", say=["-4", "-6"])
        for host in ("::1", "2001:db8::/32", "::ffff:127.0.0.1"):
            self.refused("trace", "-4", "--host", host, "-d", "0.1", say=["-4", "--host"])
        self.refused("trace", "-p", os.getpid(), "--", "true", say=["-p"])
        self.refused("trace", "--bare", "-o", "json", say=["--bare"])
        self.refused("trace", "--summary", "--bare", say=["--summary"])
        self.refused("trace", "--summary", "--record", "/dev/null", say=["--summary"])
        self.refused("trace", "--", say=["--"])
        self.refused("trace", "--way", "fexit,tp", say=["fexit,tp"])

    def test_options_without_effect(self):
        for words, said in ((("conns", "--once", "-d", "1"), "--once"), (("conns", "--once", "-i", "1"), "--once"),
                            (("dns", "-i", "1"), "--summary"), (("http", "-i", "1"), "--summary"),
                            (("drops", "--each", "--top", "3"), "--each"), (("drops", "--each", "-i", "1"), "--each"),
                            (("packets", "-X", "-o", "json"), "-X"), (("packets", "-e", "-o", "csv"), "-e"),
                            (("packets", "-X", "-w", "x"), "-X"), (("packets", "-e", "--record", "x"), "-e"),
                            (("trace", "tcp:tcp_probe", "--ret"), "--ret")):
            self.refused(*words, say=[said])

    def test_twice(self):
        """Filters and words are not taken from the last one; settings are, and flags and lists may be repeated."""
        for tool, option, *values in (("trace", "-c", "one", "two"), ("trace", "--port", 1, 2),
                                      ("trace", "--arg", "a", "b"),
                                      ("http", "--status", 200, 404), ("http", "--path", "/a", "/b"),
                                      ("http", "--at", "tc", "xdp"), ("drops", "--reason", "NO_SOCKET", "TCP_CSUM")):
            self.refused(tool, option, values[0], option, values[1], say=["is given twice"])
        self.refused("trace", "--comm", "a", "-c", "b", say=["--comm is given twice"])
        self.assertEqual(lib.weir("trace", "-q", "-q", "-4", "-4", "-s", 1, "-s", 2, "--help").status, 0)
        self.assertEqual(lib.weir("sockstat", "-d", 100, "-d", "0.1", timeout=50).status, 0)
        self.assertEqual(lib.weir("packets", "-i", "lo", "-i", "eth0", "--help").status, 0)

    def test_replay(self):
        self.refused("replay", say=["FILE"])
        self.refused("replay", "-o", "json", say=["FILE"])
        self.refused("replay", "/nonexistent.weir", status=FAILED, say=["/nonexistent.weir"])
        self.refused("replay", "/", status=FAILED, say=["directory"])
        self.refused("replay", lib.WEIR, status=FAILED, say=["no recording"])
        self.refused("replay", "/dev/null", status=FAILED, say=["/dev/null"])

    def test_hostile_words(self):
        """A word is repeated harmlessly."""
        for word in ("\33[31m", "\u202e", "\u009b31m", "a\nb"):
            ended = lib.weir("trace", word)
            self.assertEqual(ended.status, WORDS)
            self.assertEqual(len(ended.err.splitlines()), 1, ended.err)
            for bad in (b"\x1b", b"\xc2\x9b", "\u202e".encode()):
                self.assertNotIn(bad, ended.err)

    def test_asked_for_help(self):
        """No errors: standard output, status 0."""
        for argv in (["--help"], ["help"], ["-h"], ["--version"], ["trace", "--help"], ["trace", "-h"],
                     ["help", "trace"], ["replay", "--help"]):
            ended = lib.weir(*argv)
            self.assertEqual((ended.status, ended.words), (0, ""), argv)
            self.assertTrue(ended.out, argv)
        self.assertEqual(lib.weir().status, WORDS)


class Things(Case):
    """What the words name."""

    def test_pid_that_is_gone(self):
        process = subprocess.Popen(["true"])
        process.wait()
        self.refused("trace", "-p", process.pid, status=FAILED, say=[str(process.pid)])

    def test_pid_that_is_a_thread(self):
        """No event has its id: a run would see nothing, and say nothing."""
        ready, done, tid = threading.Event(), threading.Event(), []

        def wait():
            tid.append(threading.get_native_id())
            ready.set()
            done.wait()
        thread = threading.Thread(target=wait)
        thread.start()
        ready.wait()
        try:
            self.refused("trace", "-p", tid[0], say=[str(tid[0]), "thread"])
        finally:
            done.set()
            thread.join()

    def test_cgroup(self):
        for path in ("/nonexistent", "/", "/dev/null", ""):
            self.refused("trace", "--cgroup", path, say=[path])

    def test_netns(self):
        for path in ("/nonexistent", "/", "/dev/null", "/proc/self/ns/mnt", "4000000", ""):
            self.refused("trace", "--netns", path, say=[path])

    def test_record(self):
        for path in ("/nonexistent/x", "/", "/proc/x", ""):
            self.refused("trace", *lib.way(), "--record", path, "--", "true", status=FAILED, say=[path])

    def test_record_full(self):
        with lib.NothingLeft():
            self.refused("trace", *lib.way(), "--record", "/dev/full", "sendto", "--", "true",
                         status=FAILED, say=["/dev/full", "No space left"])

    def test_command(self):
        """127 and 126, as a shell and strace have it."""
        with lib.NothingLeft():
            for status, command in ((127, "/nonexistent"), (127, "xyzzy-no-such-command"), (126, "/dev/null"), (126, "/")):
                self.refused("trace", *lib.way(), "-q", "sendto", "--", command, status=status, say=[command])

    def test_command_is_not_run_when_weir_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            mark = os.path.join(folder, "ran")
            ended = lib.weir("trace", *lib.way(), "--record", "/nonexistent/x", "--", "touch", mark)
            self.assertEqual((ended.status, os.path.exists(mark)), (FAILED, False))


class Output(Case):
    """Where the output goes."""

    def test_closed(self):
        """A closed standard output is told, and no file that weir opens gets the rows."""
        ended = self.with_stdout("exec >&-")
        self.sentence(ended, FAILED, "standard output")

    def test_full(self):
        self.sentence(self.with_stdout("exec >/dev/full"), FAILED, "standard output", "No space left")

    def test_help_full(self):
        for words in ("--version", "help", "help trace", "trace --help", "replay --help", "list --help"):
            ended = lib.run("sh", "-c", f'exec >/dev/full; exec "$0" {words}', lib.WEIR)
            self.sentence(ended, FAILED, "standard output", "No space left")

    def with_stdout(self, redirect):
        with lib.NothingLeft():
            return lib.run("sh", "-c", f'{redirect}; exec "$@"', "sh", lib.WEIR, "trace", *lib.way(), "-q",
                           "-o", "json", "sendto", "-c", "weir-out", "-n", "7", "-d", 5 * lib.SLOW, "--",
                           lib.work("traffic"), "comm", "weir-out", "fail", "7")

    def test_nobody_reads(self):
        """The end of | head -1 is a normal one."""
        with lib.NothingLeft():
            ended = lib.run("bash", "-c", '"$@" | head -1; echo "${PIPESTATUS[0]}"', "bash",
                            lib.WEIR, "trace", *lib.way(), "-q", "-o", "json", "sendto", "-c", "weir-out", "--",
                            lib.work("traffic"), "comm", "weir-out", *(["fail", "7", "sleep", "20"] * 5), "exit", "0")
        self.assertEqual((len(ended.lines), ended.lines[-1], ended.words), (2, "0", ""), ended)

    def test_stderr_closed(self):
        ended = lib.run("sh", "-c", 'exec 2>&-; exec "$@"', "sh", lib.WEIR, "trace", *lib.way(), "sendto",
                        "-o", "json", "--", lib.work("traffic"), "fail", "7")
        self.assertEqual((ended.status, len(ended.rows)), (0, 7), ended)


class Rights(Case):
    """What this machine does not give."""

    def as_nobody(self, *argv):
        # A copy that others may read, wherever the checkout is.
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            copy = os.path.join(folder, "weir")
            with open(lib.WEIR, "rb") as weir, open(copy, "wb") as out:
                out.write(weir.read())
            os.chmod(copy, 0o755)
            return lib.run(lib.need("setpriv"), "--reuid", "65534", "--regid", "65534", "--clear-groups",
                           "--inh-caps=-all", copy, *argv)

    def test_no_rights(self):
        for argv in (["trace"], ["trace", "--", "true"], ["trace", *lib.way(), "connect"]):
            with self.subTest(argv):
                ended = self.as_nobody(*argv)
                self.sentence(ended, FAILED, "root")
                self.assertNotIn("ulimit", ended.words)

    def test_no_rights_needed(self):
        self.assertEqual(self.as_nobody("trace", "--help").status, 0)
        self.assertEqual(self.as_nobody("trace", "xyzzy").status, WORDS)

    def test_no_tracefs(self):
        """Mounting is not ours; how is said."""
        hide = f"umount -l {lib.TRACEFS} /sys/kernel/debug 2>/dev/null; " \
               f"mount -t tmpfs none {lib.TRACEFS}; exec \"$@\""
        with lib.NothingLeft():
            ended = lib.run("unshare", "-m", "--propagation", "private", "sh", "-c", hide, "sh",
                            lib.WEIR, "trace", "--way", "tp", "connect", "--", "true")
            self.sentence(ended, FAILED, "tracefs", "mount -t tracefs")
            # Without the word there are other ways.
            ended = lib.run("unshare", "-m", "--propagation", "private", "sh", "-c", hide, "sh",
                            lib.WEIR, "trace", "-q", "-o", "json", "sendto", "--", lib.work("traffic"), "fail", "7")
            self.assertEqual((ended.status, len(ended.rows)), (0, 7), ended)

    def test_no_number_of_processors(self):
        """Without it neither the tables' sizes nor the counters are known."""
        hide = "mount -t tmpfs none /sys/devices/system/cpu; exec \"$@\""
        for words in (["trace", "tcp:tcp_probe"], ["trace", "--summary"], ["sockstat"], ["soconnect"]):
            with self.subTest(words):
                ended = lib.run("unshare", "-m", "--propagation", "private", "sh", "-c", hide, "sh",
                                lib.WEIR, *words, "--", "true", timeout=10)
                self.sentence(ended, FAILED, "/sys/devices/system/cpu/possible", "No such file or directory")

    def test_no_btf(self):
        """A kernel that tells no types. Every tool says so, and doctor what helps."""
        hide = "mount -t tmpfs none /sys/kernel/btf; exec \"$@\""
        inside = ["unshare", "-m", "--propagation", "private", "sh", "-c", hide, "sh", lib.WEIR]
        why = "/sys/kernel/btf/vmlinux: No such file or directory"
        with lib.NothingLeft():
            for words in (["trace"], ["trace", "--summary"], ["trace", "tcp:tcp_probe"], ["trace", "tcp_connect"],
                          ["sockstat"], ["soconnect"], ["sormem"]):
                with self.subTest(words):
                    ended = lib.run(*inside, *words, "--", "true")
                    self.sentence(ended, FAILED, why, "CONFIG_DEBUG_INFO_BTF")
                    self.assertNotIn("root", ended.words)
        rows = {row["check"]: row for row in lib.run(*inside, "doctor", "trace", "-o", "json", "-q").rows}
        self.assertEqual((rows["btf"]["answer"], rows["btf"]["error"]), ("no", "ENOENT"))
        self.assertIn("/sys/kernel/btf", rows["btf"]["remedy"])
        self.assertEqual((rows["trace"]["answer"], rows["trace"]["remedy"]), ("no", "what stands at btf above"))
        self.assertIn(why, rows["trace"]["detail"])


class Refused(Case):
    """A kernel that refuses what weir loads: which part, and what helps. Root is not told to be root."""
    RING, OLD = 27, ["setarch", "--uname-2.6"]  # BPF_MAP_TYPE_RINGBUF

    def said(self, *parts, before=(), no=("root", "ulimit"), **refuse):
        environ = dict(os.environ, LD_PRELOAD=lib.work("refuse"), **refuse)
        with lib.NothingLeft():
            ended = lib.run(*before, lib.WEIR, "trace", "--way", "raw", "--", "true", env=environ)
        self.sentence(ended, FAILED, *parts)
        for word in no:
            self.assertNotIn(word, ended.words)

    def test_program(self):
        self.said("program call_exit_raw (Permission denied)", "weir doctor", "bug",
                  REFUSE_PROG="call_exit_raw", REFUSE_WITH="13")
        self.said("program call_enter_raw (Invalid argument)", "weir doctor", REFUSE_PROG="call_enter_raw",
                  REFUSE_WITH="22")

    def test_rights(self):
        self.said("(Operation not permitted)", "though for root", "weir doctor", no=("run as root", "ulimit"),
                  REFUSE_PROG="*", REFUSE_WITH="1")

    def test_old_kernel(self):
        """No ring buffer before 5.8, no bpf_loop before 5.17. doctor names the same release."""
        needs = "weir needs Linux 5.17 or newer, and this is 2.6."
        self.said("map ring (Invalid argument)", needs, before=self.OLD, REFUSE_MAP=str(self.RING), REFUSE_WITH="22")
        self.said("program call_exit_raw", needs, before=self.OLD, REFUSE_PROG="call_exit_raw", REFUSE_WITH="22")
        self.said("socket type", needs, before=self.OLD, REFUSE_RUN="1", REFUSE_WITH="22")
        self.said("socket type", "weir doctor", no=("root", "newer"), REFUSE_RUN="1", REFUSE_WITH="22")
        ended = lib.run(*self.OLD, lib.WEIR, "doctor", "trace", "-o", "json", "-q")
        (row,) = (row for row in ended.rows if row["check"] == "release")
        self.assertEqual(row["answer"], "unknown")
        self.assertIn("from 5.17 on", row["detail"])


class Death(Case):
    def test_sigkill_leaves_nothing(self):
        with lib.NothingLeft():
            with lib.Live("sendto", "-c", "nobody-has-this") as live:
                self.assertTrue(lib.bpf_ids("prog"))
                live.process.kill()
                self.assertEqual(live.process.wait(), -signal.SIGKILL)

    def test_sigkill_with_command(self):
        """The command lives on, untraced, as with strace."""
        with lib.NothingLeft(), tempfile.TemporaryDirectory() as folder:
            mark = os.path.join(folder, "pid")
            weir = subprocess.Popen([lib.WEIR, "trace", *lib.way(), "sendto", "--", "sh", "-c",
                                     'echo $$ >"$0"; exec "$@"', mark, "sleep", "60"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            lib.wait_for(lambda: os.path.exists(mark) and pathlib.Path(mark).read_text(), "the command")
            pid = int(pathlib.Path(mark).read_text())
            weir.kill()
            weir.wait()
            os.kill(pid, 0)
            os.kill(pid, signal.SIGKILL)

    def test_killed_before_the_command_began(self):
        """No process is left that waits for the word to go."""
        libc = ctypes.CDLL(None)
        libc.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans become ours
        for delay in (0.001, 0.01, 0.05):
            weir = subprocess.Popen([lib.WEIR, "trace", *lib.way(), "sendto", "--", "sleep", "0.01"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                weir.wait(delay)
            except subprocess.TimeoutExpired:
                weir.kill()
            weir.wait()
            lib.wait_for(self.no_children, "the command's process to end")

    def no_children(self):
        try:
            return os.waitpid(-1, os.WNOHANG)[0] and False
        except ChildProcessError:
            return True


if __name__ == "__main__":
    lib.main()
