# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""The emulated machine that counts instructions, and the programs that run in it."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
BENCH = ROOT / "bench"
BUILT = ROOT / "build/bench"
KERNELS = ("6.1", "6.12")
PROGRAMS = (("load", ["-no-pie", "-lresolv"]), ("begin", ["-no-pie"]), ("empty", ["-lbpf"]),
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


def sections():
    """The rows of rows.txt: {work: {name: command}}."""
    found = {}
    for line in (BENCH / "rows.txt").read_text().splitlines():
        if head := re.match(r"\[(\S+) \d+.*\]$", line):
            rows = found.setdefault(head[1], {})
        elif " | " in line and not line.startswith("#"):
            name, command = line.split(" | ", 1)
            rows[name] = command
    return found


def measured(kernel):
    """
    The rows of a kernel. To start a tracer is what takes the time: what hardly differs between kernels is measured
    on the first alone, which is what nobody asked about and what rests, and other outputs than text.
    """
    if kernel == KERNELS[0]:
        return sections()
    return {work: {name: command for name, command in rows.items()
                   if name.startswith("weir trace,") or not name.endswith((", JSON", ", recording", ", filtered out"))}
            for work, rows in sections().items() if not re.match("(read|getpid|mix|rest|idle-.*)$", work)}


def dealt(asked, hands):
    """The works of rows in so many lists that take about as long, the longest first."""
    # A peer takes seconds to start.
    weights = {work: sum(1 if re.match(r"\./weir|build/", command) else 5 for command in rows.values())
               for work, rows in asked.items()}
    lists = [[] for _ in range(hands)]
    for work in sorted(weights, key=weights.get, reverse=True):
        min(lists, key=lambda works: sum(weights[one] for one in works)).append(work)
    return sorted(lists, key=lambda works: -sum(weights[one] for one in works))
