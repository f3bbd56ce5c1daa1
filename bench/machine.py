# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""The emulated machine that counts instructions, and the programs that run in it."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
BENCH = ROOT / "bench"
BUILT = ROOT / "build/bench"
KERNELS = ("6.1", "6.12")
PROGRAMS = (("load", ["-static", "-no-pie"]), ("empty", ["-lbpf"]),
            ("places", ["-shared", "-fPIC"]))


def build():
    BUILT.mkdir(parents=True, exist_ok=True)
    for name, flags in PROGRAMS:
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", BUILT / name, BENCH / f"{name}.c", *flags],
                       check=True)


def machine(kernel, counts, seconds, *command, share=None):
    """The command that runs another in the machine; counts: what bench/places.c is told."""
    return ["tests/vm/vm", "--icount", "--kernel", kernel, "--timeout", str(seconds),
            *(["--out", str(share)] if share else []), "--plugin", f"{BUILT}/places,{counts}", "--", *command]


def commands():
    """The command of each row of rows.txt: {(work, name): command}."""
    found, work = {}, None
    for line in (BENCH / "rows.txt").read_text().splitlines():
        if head := re.match(r"\[(\S+) \d+\]$", line):
            work = head[1]
        elif " | " in line and not line.startswith("#"):
            name, command = line.split(" | ", 1)
            found[work, name] = command
    return found
