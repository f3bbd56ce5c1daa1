# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""What bench/run has measured, as tables and as RESULTS.md and results.json."""
import dataclasses
import json
import os
import shutil
import subprocess
import sys

from machine import BENCH, ROOT, sections

PACKAGES = ("strace", "bpftrace", "libbpf-tools", "linux-perf", "tcpdump", "tshark", "nginx-light", "wrk", "redis-server",
            "qemu-system-x86")
HEAD = "| {} | instructions | added | × untraced | start, million | resident, MB |\n|---|---:|---:|---:|---:|---:|"
REST_HEAD = "| {} | instructions a second | added | wake-ups a second | resident, MB |\n|---|---:|---:|---:|---:|"
WINDOW_SECONDS = 3 * (1 + 5)  # of rest, whose operation takes a second; and one each of the six windows


def table(rows):
    """Lines of Markdown, with a table for each work."""
    work = untraced = None
    for row in rows:
        if row.work != work:
            work, untraced = row.work, row.instructions
            yield "\n" + (REST_HEAD if at_rest(work) else HEAD).format(work)
        if row.instructions is None:
            there = f"not there: {row.why}" if row.why else "not there"
            yield f"| {row.name} | {there} |" + " |" * (3 if at_rest(work) else 4)
            continue
        told = [row.name, str(row.instructions), str(row.instructions - untraced)]
        if at_rest(work):
            told += [f"{row.wakeups / (WINDOW_SECONDS * row.operations + 6):.1f}"]
        else:
            told += [f"{row.instructions / untraced:.2f}", f"{row.start / 1e6:.0f}" if row.start else ""]
        told += [f"{row.resident_kb / 1024:.1f}" if row.resident_kb else ""]
        yield f"| {' | '.join(told)} |"


def at_rest(work):
    return work.startswith("rest")


def host_tables():
    """What bench/host.py tells: a list of {"title", "columns", "rows"}."""
    sudo = [] if not os.geteuid() else ["sudo"] if shutil.which("sudo") else None
    if sudo is None:
        print("bench: bench/host.py needs root, and there is no sudo: left out", file=sys.stderr)
        return []
    told = subprocess.run([*sudo, BENCH / "host.py", "--json"], stdout=subprocess.PIPE, cwd=ROOT, check=True,
                          stdin=subprocess.DEVNULL)
    return json.loads(told.stdout)


def markdown(told):
    """A table of bench/host.py."""
    return "\n".join([f"| {' | '.join(told['columns'])} |", "|---" + "|---:" * (len(told["columns"]) - 1) + "|",
                      *(f"| {' | '.join(map(str, row))} |" for row in told["rows"])])


def version(*command):
    shown = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=ROOT)
    return shown.stdout.strip()


def write(results, releases, here):
    versions = {"weir": version("git", "describe", "--always", "--dirty"),
                **{name: version("dpkg-query", "-W", "-f", "${Version}", name) for name in PACKAGES}}
    made_by = sections()
    machine = f"Linux {os.uname().release}, {os.cpu_count()} processors, load average {os.getloadavg()[2]:.1f}"
    (BENCH / "results.json").write_text(json.dumps({
        "unit": "guest instructions per operation",
        "kernels": releases,
        "versions": versions,
        "rows": [{"kernel": kernel, **dataclasses.asdict(row),
                  **({"command": made_by[row.work][row.name]} if row.name in made_by[row.work] else {})}
                 for kernel, rows in results.items() for row in rows],
        "host": {"machine": machine, "tables": here},
    }, indent=1) + "\n")
    tables = "\n".join(f"## Linux {releases[kernel]}\n" + "\n".join(table(rows)) + "\n" for kernel, rows in results.items())
    told = ", ".join(f"{name} {number}" for name, number in versions.items() if number)
    of_host = "\n\n".join(f"### {one['title']}\n\n{markdown(one)}" for one in here)
    ran = "\n".join(f"| {work} | {name} | `{command.replace('|', chr(92) + '|')}` |" for work, rows in made_by.items()
                    for name, command in rows.items())
    (BENCH / "RESULTS.md").write_text(f"""# What tracing costs

Instructions that the whole machine executes per operation, traced program, kernel and tracer together, counted
one by one in an emulated machine with one processor: any host gets the same numbers. Written by `make bench`; what
each row ran is below; how: bench/guest, bench/places.c.

`udp`, `tcp` and `unix`: 64 bytes sent and received; `http`: a request and its response on a connection that stays;
`connect`: a connection made, accepted and closed at both ends; `mix`: all of these, a connection each tenth time;
`drop`: a datagram that the kernel drops; `flood`: a packet over veth to an interface that drops it; `lookup`: a name
looked up by libc; `getpid`, `read`: system calls that nobody asked about; `idle-N`: as `tcp`, beside N connections on
which nothing happens; `rest`: a second in which nothing happens, beside 10 000 connections.

"Nothing" is an empty program on a hook: the least that the kernel takes. Start: from exec to attached, waiting not
counted, without what ran before. "Not there": this kernel has no such function, or the peer does not work on it. A
negative number is noise.

{told}

{tables}
## The machine that ran this ({machine})

{of_host}

## What each row ran

| work | row | command |
|---|---|---|
{ran}
""")
