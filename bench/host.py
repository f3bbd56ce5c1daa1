#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
What bench/run's emulated machines cannot tell, on the running kernel: how fast recordings and packets are
formatted, which rate of events is not too much, how long the start takes, how large the program is, and how many
fewer requests a server answers while it is traced. Times are of this machine, and noisy: rates stand beside `cat`
of the same bytes, and servers are measured in pairs, one run without and one with a tracer after it. As root;
traces only what it starts itself.

    bench/host.py [--json] [size|start|format|packets|rate|servers|sites|programs...]
"""
import contextlib
import ctypes
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
WEIR = str(ROOT / "weir")
LOAD = str(ROOT / "build/bench/load")
EVENTS = 1_000_000
PACKETS = 200_000
TRIES = 3
STARTS = 7
PAIRS = 3
SITE_PAIRS = 7
OPERATIONS = 100_000  # of one run at a rate
HALVINGS = 4  # of the range in which the largest rate lies


def attached(command, **more):
    """The tracer, once it has said that it has attached."""
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **more)
    for line in tracer.stderr:
        if re.search("tracing|attached|recording|counting", line):
            return tracer
    sys.exit(f"bench/host.py: {' '.join(command)}: it ended before it was attached")


def end(tracer):
    tracer.send_signal(signal.SIGINT)
    tracer.stderr.read()
    tracer.wait()


def table(title, columns, rows):
    return {"title": title, "columns": columns, "rows": rows}


def size():
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for name, program in (("weir", WEIR), ("weir-static", f"{WEIR}-static")):
            if not os.path.exists(program):
                rows.append([name, "not built", ""])
                continue
            stripped = f"{folder}/{name}"
            subprocess.run(["strip", "-o", stripped, program], check=True)
            rows.append([name, f"{os.path.getsize(program) / 1e6:.1f}", f"{os.path.getsize(stripped) / 1e6:.1f}"])
    return table("How large the program is", ["program", "MB", "stripped, MB"], rows)


def start():
    rows = []
    for words in (["trace", "sendto", "recvfrom"], ["trace"], ["sockstat"], ["socketio"], ["soconnect"], ["soconnlat"],
                  ["tcplife"], ["packets", "-i", "lo"]):
        took, cpu, memory = [], [], 0
        for _ in range(STARTS):
            begin = time.monotonic()
            tracer = attached([WEIR, *words, "-p", str(os.getpid())], stdout=subprocess.DEVNULL)
            took.append(time.monotonic() - begin)
            cpu.append(int(pathlib.Path(f"/proc/{tracer.pid}/schedstat").read_text().split()[0]) / 1e9)
            status = pathlib.Path(f"/proc/{tracer.pid}/status").read_text()
            memory = max(memory, int(re.search(r"VmHWM:\s+(\d+)", status)[1]))
            end(tracer)
        rows.append([f"weir {' '.join(words)}", f"{min(cpu) * 1e3:.0f}", f"{statistics.median(took) * 1e3:.0f}",
                     f"{min(took) * 1e3:.0f}", f"{memory / 1024:.1f}"])
    return table(f"From exec to attached, of {STARTS} starts",
                 ["tool", "least processor time, ms", "elapsed, ms (median)", "elapsed, ms (least)", "resident, MB"], rows)


def seconds(command, out):
    """The least processor time of some runs of a command that writes to a file."""
    def once():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with open(out, "wb") as file:
            subprocess.run(command, stdout=file, stderr=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    return min(once() for _ in range(TRIES))


def rated(name, count, command, out):
    took = seconds(command, out)
    written = os.path.getsize(out)
    return [name, f"{count / took / 1e6:.2f}", f"{written / took / 1e6:.0f}",
            f"{written / max(seconds(['cat', out], out + '.copy'), 1e-3) / 1e6:.0f}"]


RATED = ["million a second", "MB a second", "cat, MB a second"]


def formatting():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        recording, out = f"{folder}/load.rec", f"{folder}/out"
        subprocess.run([WEIR, "trace", "sendto", "recvfrom", "--ring", "262144", "--record", recording,
                        "--", LOAD, "udp", str(EVENTS // 2)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=True)
        with open(out, "wb") as file:
            subprocess.run([WEIR, "replay", recording, "-o", "csv"], stdout=file, stderr=subprocess.DEVNULL, check=True)
        with open(out, "rb") as file:
            events = sum(1 for _ in file) - 1
        rows = [rated(f"weir replay, {name}", events, [WEIR, "replay", recording, *words], out)
                for name, words in (("text", []), ("text, --bare", ["--bare"]), ("JSON", ["-o", "json"]),
                                    ("CSV", ["-o", "csv"]))]
    return table(f"To format {events} recorded events, by processor time", ["output", *RATED], rows)


def write_pcap(path):
    """UDP datagrams of 64 bytes of payload (draft-ietf-opsawg-pcap)."""
    ethernet = bytes.fromhex("0200000000020200000000010800")
    ip = bytes.fromhex("4500005c000040004011" "0000" "c0000201" "c0000202")
    udp = struct.pack("!HHHH", 1000, 2000, 72, 0)
    packet = ethernet + ip + udp + bytes(64)
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        file.writelines(struct.pack("<IIII", 1790000000 + i // 1000, i % 1000 * 1000, len(packet), len(packet)) + packet
                        for i in range(PACKETS))


def packets():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path, out = f"{folder}/packets.pcap", f"{folder}/out"
        write_pcap(path)
        rows = [rated(" ".join(words), PACKETS, [shutil.which(words[0]) or words[0], *words[1:], path], out)
                for words in ((WEIR, "packets", "-r"), (WEIR, "packets", "-o", "json", "-r"), ("tcpdump", "-n", "-r"),
                              ("tshark", "-n", "-r"))]
        for row in rows:
            row[0] = row[0].replace(f"{ROOT}/", "")
    return table(f"To format {PACKETS} packets of a file, by processor time", ["command", *RATED], rows)


def recorded(words, tracer_cpu, load_cpu, rate):
    """Records a second that came, and how many were lost, of the load at a rate, 0: as fast as it can."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        command = [word.format(folder) for word in words]
        with open(f"{folder}/out", "wb") as out:
            told = subprocess.run(["taskset", "-c", str(tracer_cpu), WEIR, "trace", "sendto", "recvfrom", *command, "--",
                                   "taskset", "-c", str(load_cpu), "sh", "-c",
                                   f"exec {LOAD} --rate {rate} udp {OPERATIONS} >{folder}/load"],
                                  stdout=out, stderr=subprocess.PIPE, text=True, check=True).stderr
        lost = int(re.search(r"events, (\d+) lost", told)[1])
        took = int(re.search(r"ns=(\d+)", pathlib.Path(folder, "load").read_text())[1])
    return 2 * OPERATIONS / took * 1e9, lost


def largest_rate(words, tracer_cpu, load_cpu):
    reached, lost = recorded(words, tracer_cpu, load_cpu, 0)
    if not lost:
        return f"{reached:.0f}, all that the load can"
    least, most = 0, reached
    for _ in range(HALVINGS):
        middle = (least + most) / 2
        reached, lost = recorded(words, tracer_cpu, load_cpu, round(middle / 2))
        least, most = (least, middle) if lost else (reached, most)
    return f"{least:.0f}"


def rate():
    rows = [[name, largest_rate(words, 0, 0), largest_rate(words, 1, 0) if os.cpu_count() > 1 else "one only"]
            for name, words in (("text", []), ("JSON", ["-o", "json"]), ("recording", ["--record", "{}/rec"]))]
    return table("Largest rate without loss, in records a second (weir trace of UDP, ring of 4 MB)",
                 ["output", "one processor", "two processors"], rows)


# The least that nginx can do for a request, and what Debian's package sets up: a page of 612 bytes, a line in a log.
SITES = {
    "answer": """access_log off; keepalive_requests 1000000;
server { listen 127.0.0.1:8089; location / { return 200 "ok\\n"; } }""",
    "page": """sendfile on; tcp_nopush on; types_hash_max_size 2048; include /etc/nginx/mime.types; gzip on;
default_type application/octet-stream; access_log FOLDER/access.log;
server { listen 127.0.0.1:8089; root FOLDER; index index.html; location / { try_files $uri $uri/ =404; } }""",
}


@contextlib.contextmanager
def nginx(folder, site="answer"):
    conf = pathlib.Path(folder) / "nginx.conf"
    os.chmod(folder, 0o755)  # its child is nobody
    (pathlib.Path(folder) / "index.html").write_bytes(b"x" * 611 + b"\n")
    conf.write_text(f"""daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error;
events {{ worker_connections 768; }}
http {{ {SITES[site].replace("FOLDER", folder)} }}
""")
    server = subprocess.Popen(["nginx", "-c", str(conf)], stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    yield server.pid
    server.terminate()
    server.wait()


@contextlib.contextmanager
def redis(folder):
    server = subprocess.Popen(["redis-server", "--port", "8090", "--bind", "127.0.0.1", "--save", "",
                               "--dir", folder], stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    yield server.pid
    server.terminate()
    server.wait()


def wrk():
    told = subprocess.run(["wrk", "-t1", "-c16", "-d1s", "http://127.0.0.1:8089/"],
                          capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in told, told
    return float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])


def redis_benchmark():
    told = subprocess.run(["redis-benchmark", "-p", "8090", "-q", "-t", "set", "-n", "20000"],
                          capture_output=True, text=True, check=True).stdout
    return float(re.findall(r"([\d.]+) requests per second", told)[-1])


# Only what these servers do is traced: the filter names their processes.
TRACERS = {
    "trace, text": ["trace", "%io"],
    "trace --record": ["trace", "%io", "--record", "{}/rec"],
    "trace --summary": ["trace", "%io", "--summary"],
    "socketio": ["socketio"],
    "sockstat": ["sockstat"],
    "soconnect": ["soconnect"],
    "tcplife": ["tcplife"],
}


def ratios(pid, ask, words, folder, pairs=PAIRS):
    # nginx works in a child.
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = []
    for _ in range(pairs):
        plain = ask()
        command = [WEIR, *(word.format(folder) for word in words), "-p", children[0] if children else str(pid)]
        with open(f"{folder}/out", "wb") as out:
            tracer = attached(command, stdout=out)
            found.append(ask() / plain)
            end(tracer)
    return f"{statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})"


def servers():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, nginx(folder) as web, redis(folder) as store:
        rows = [[f"weir {name}", ratios(web, wrk, words, folder), ratios(store, redis_benchmark, words, folder)]
                for name, words in TRACERS.items()]
    return table(f"Requests a second, of untraced: median of {PAIRS} pairs (least to most)",
                 ["tool", "wrk and nginx", "redis-benchmark"], rows)


def sites():
    rows = []
    for name in SITES:
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, nginx(folder, name) as web:
            rows.append([name, ratios(web, wrk, ["http"], folder, SITE_PAIRS)])
    return table(f"Requests a second of wrk and nginx with weir http, of untraced: median of {SITE_PAIRS} pairs "
                 "(least to most)", ["nginx gives", "ratio"], rows)


libc = ctypes.CDLL(None, use_errno=True)
BPF_CALL = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
TEST_RUN, GET_FD_BY_ID, GET_INFO = 10, 13, 15  # enum bpf_cmd
INFO_NAME = 64  # where in struct bpf_prog_info
CLONE_NEWNET = 0x40000000
RUNS = 7
REPEAT = 20000  # in one run


def bpf(command, attr):
    room = ctypes.create_string_buffer(attr, 128)
    return libc.syscall(BPF_CALL, command, room, 128), room.raw


def program_of(tracer, name):
    """A descriptor of the BPF program of that name that a process holds."""
    for one in pathlib.Path(f"/proc/{tracer.pid}/fdinfo").iterdir():
        for number in re.findall(r"^prog_id:\s+(\d+)", one.read_text(), re.M):
            fd, _ = bpf(GET_FD_BY_ID, struct.pack("=I", int(number)))
            info = ctypes.create_string_buffer(256)
            bpf(GET_INFO, struct.pack("=IIQ", fd, len(info), ctypes.addressof(info)))
            if info.raw[INFO_NAME:INFO_NAME + 16].rstrip(b"\0").decode() == name:
                return fd
            os.close(fd)
    sys.exit(f"bench/host.py: no BPF program {name} is attached")


def run_program(fd, frame):
    """Nanoseconds that it takes for a frame."""
    data = ctypes.create_string_buffer(frame, len(frame))
    attr = struct.pack("=IIIIQQII", fd, 0, len(frame), 0, ctypes.addressof(data), 0, REPEAT, 0)
    done, room = bpf(TEST_RUN, attr)
    if done:
        sys.exit("bench/host.py: the kernel does not run the program on request")
    return struct.unpack_from("=I", room, 36)[0]


def programs():
    """In a network namespace of its own, in which this process stays: the last part."""
    if libc.unshare(CLONE_NEWNET):
        sys.exit("bench/host.py: no network namespace can be made")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    udp = struct.pack("!HHHH", 40000, receiver.getsockname()[1], 72, 0) + bytes(64)
    frame = bytes(12) + struct.pack("!HBBHHHBBH4s4s", 0x800, 0x45, 0, 92, 0, 0, 64, 17, 0,
                                    socket.inet_aton("127.0.0.1"), socket.inet_aton("127.0.0.1")) + udp
    rows = []
    for hook, held in (("xdp", "packets_xdp"), ("tc", "packets_in")):
        empty = attached([str(ROOT / "build/bench/empty"), hook, "lo"])
        plain = program_of(empty, "empty")
        end(empty)
        for name, program, words in (("refused by the filter", "weir_filter", ["tcp", "port", "80"]),
                                     ("copied, with its owner", held, [])):
            tracer = attached([WEIR, "packets", "-i", "lo", "--ring", "65536", "--at", hook, *words],
                              stdout=subprocess.DEVNULL)
            fd = program_of(tracer, program)
            pairs = [(run_program(plain, frame), run_program(fd, frame)) for _ in range(RUNS)]
            end(tracer)
            rows.append([f"{hook}, {name}", f"{statistics.median(run for _, run in pairs):.0f}",
                         f"{statistics.median(none for none, _ in pairs):.0f}",
                         f"{statistics.median(run / max(none, 1) for none, run in pairs):.1f}"])
    return table(f"BPF programs, for a packet of {len(frame)} bytes (BPF_PROG_TEST_RUN, median of {RUNS})",
                 ["program", "ns", "an empty one, ns", "ratio"], rows)


PARTS = {"size": size, "start": start, "format": formatting, "packets": packets, "rate": rate, "servers": servers,
         "sites": sites, "programs": programs}


def main():
    asked = sys.argv[1:]
    as_json = "--json" in asked
    tables = []
    for part in [word for word in asked if word != "--json"] or PARTS:
        began = time.monotonic()
        tables.append(PARTS[part]())
        print(f"    {part}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    if as_json:
        print(json.dumps(tables))
        return
    for one in tables:
        print(f"\n{one['title']}\n", *("\t".join(map(str, row)) for row in [one["columns"], *one["rows"]]), sep="\n")


main()
