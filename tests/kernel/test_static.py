#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""weir-static is all that another machine needs: it runs in a root directory with no library in it."""
import os
import shutil
import subprocess
import tempfile
import unittest

import lib

STATIC = lib.ROOT / "weir-static"


class Static(unittest.TestCase):
    def setUp(self):
        if not STATIC.exists():
            self.skipTest("there is no weir-static, try: make static")
        self.root = tempfile.mkdtemp()
        # In this test's own mount namespace: gone with it.
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self.root], check=True)
        shutil.copy(STATIC, f"{self.root}/weir")
        shutil.copy(lib.need("busybox"), f"{self.root}/busybox")
        for name in ("sys", "proc"):
            os.mkdir(f"{self.root}/{name}")
            subprocess.run(["mount", "--rbind", f"/{name}", f"{self.root}/{name}"], check=True)

    def tearDown(self):
        subprocess.run(["umount", "-R", self.root], check=False)
        os.rmdir(self.root)

    def weir(self, *argv):
        return lib.run("/usr/sbin/chroot", self.root, "/weir", *argv)

    def test_traces(self):
        ended = self.weir("trace", *lib.way(), "--bare", "connect", "--", "/busybox", "nc", "127.0.0.1", "7")
        refused = ('connect(3, {sa_family=AF_INET, sin_port=htons(7), sin_addr=inet_addr("127.0.0.1")}, 16)'
                   " = -1 ECONNREFUSED (Connection refused)")
        self.assertEqual(ended.lines, [refused], ended)

    def test_small(self):
        """Without its symbols it is 2.99 MB; what comes in again is seen."""
        strip = lib.need("strip")
        lib.run(strip, "-o", f"{self.root}/stripped", STATIC)
        self.assertLess(os.path.getsize(f"{self.root}/stripped"), 3_050_000)

    def test_user(self):
        """By the names in /etc/passwd there."""
        os.mkdir(f"{self.root}/etc")
        with open(f"{self.root}/etc/passwd", "w") as passwd:
            passwd.write("root:x:0:0::/:/sh\nweirling:x:12349:12349::/:/sh\n")
        argv = ("trace", *lib.way(), "-o", "json", "connect", "-u")
        command = ("--", "/busybox", "nc", "127.0.0.1", "7")
        self.assertEqual(len(self.weir(*argv, "root", *command).rows), 1)
        ended = self.weir(*argv, "weirling", *command)
        self.assertEqual((ended.status, ended.rows), (1, []), ended)
        ended = self.weir(*argv, "nobody", *command)
        self.assertEqual((ended.status, ended.words), (2, "weir: --uid takes a number or a user's name; "
                                                       "'nobody' is neither\n"))

    def test_doctor(self):
        ended = self.weir("doctor", "-o", "json")
        tools = {row["check"]: row["answer"] for row in ended.rows if row["group"] == "tools"}
        self.assertEqual(tools.get("trace"), "yes", ended)


if __name__ == "__main__":
    lib.main()
