#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
What installs: make install puts the program, its manual and the completion below DESTDIR, and make uninstall takes
them away; before anything is built, the packages that are missing come by apt, and elsewhere are named.
"""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WEIR = os.path.abspath(os.environ.get("WEIR") or ROOT / "weir")


class Install(unittest.TestCase):
    def make(self, target, folder):
        ended = subprocess.run(["make", "--no-print-directory", target, f"DESTDIR={folder}", "PREFIX=/opt/some"],
                               cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, timeout=100)
        self.assertEqual(ended.returncode, 0, ended.stdout[-2000:])

    def test_there_and_back(self):
        told = subprocess.run([WEIR, "help", "--rows"], capture_output=True, text=True, check=True).stdout
        pages = {f"weir-{row[0]}.8" for row in (line.split("\t") for line in told.splitlines()) if row[1] == "tool"}
        self.assertGreater(len(pages), 7)
        with tempfile.TemporaryDirectory() as folder:
            self.make("install", folder)
            top = pathlib.Path(folder, "opt/some")
            files = {str(path.relative_to(top)) for path in pathlib.Path(folder).rglob("*") if path.is_file()}
            self.assertEqual(files, {"bin/weir", "share/bash-completion/completions/weir", "share/man/man8/weir.8",
                                     *(f"share/man/man8/{page}" for page in pages)})
            version = subprocess.run([top / "bin/weir", "--version"], capture_output=True, text=True)
            self.assertRegex(version.stdout, r"^weir \S+")
            self.make("uninstall", folder)
            self.assertEqual([path for path in pathlib.Path(folder).rglob("*") if path.is_file()], [])


class Packages(unittest.TestCase):
    """On machines that have these programs alone; what they are told to do is written down."""
    WANTED = [line.split()[1] for line in (ROOT / "scripts/packages.txt").read_text().splitlines()
              if line.startswith("build ")]
    APT = {"dpkg": "echo amd64", "dpkg-query": 'case $4 in make) exit 1 ;; *) echo installed amd64 ;; esac',
           "apt-get": 'echo "apt-get $*" >>"$LOG"', "sudo": 'echo sudo >>"$LOG"; "$@"'}

    def ran(self, user, **programs):
        """Status, what it said, and what it did."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ("sh", "awk", "dirname", "grep"):
                os.symlink(shutil.which(name), f"{folder}/{name}")
            for name, script in {"id": f"echo {user}", **programs}.items():
                pathlib.Path(folder, name).write_text(f"#!/bin/sh\n{script}\n")
                os.chmod(f"{folder}/{name}", 0o755)
            log = pathlib.Path(folder, "log")
            log.touch()
            ended = subprocess.run([f"{folder}/sh", ROOT / "scripts/packages", "build"], capture_output=True, text=True,
                                   env={"PATH": folder, "LOG": str(log)})
            return ended.returncode, ended.stdout + ended.stderr, log.read_text().splitlines()

    def test_no_apt(self):
        status, said, done = self.ran(0)
        self.assertEqual((status, done), (1, []), said)
        self.assertEqual(said.splitlines()[-1].split(), self.WANTED)

    def test_missing(self):
        self.assertIn("make", self.WANTED)
        steps = ["apt-get update -q", "apt-get install -y -q --no-install-recommends make"]
        self.assertEqual(self.ran(0, **self.APT), (0, "weir: installing make\n", steps))
        steps[1:1] = ["sudo"]
        self.assertEqual(self.ran(1000, **self.APT), (0, "weir: installing make\n", ["sudo", *steps]))

    def test_nothing_missing(self):
        self.assertEqual(self.ran(1000, **self.APT | {"dpkg-query": "echo installed amd64"}), (0, "", []))


if __name__ == "__main__":
    unittest.main()
