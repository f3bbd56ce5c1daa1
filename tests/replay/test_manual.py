#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
The manual is right: its examples give what it shows, and its pages are well-formed.

A block that begins with ```console and "$ weir replay" is run where the demo's recording is, and its
output (standard error last) must be what stands below. With --update the blocks are written anew.
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import recording
from recording import lib

assert recording
FOLDER = lib.ROOT / "src/tools/demo"
PAGES = [*lib.ROOT.glob("*.md"), *lib.ROOT.glob("docs/*.md"), *lib.ROOT.glob("src/tools/*/*.md")]
BLOCK = re.compile(r"^```console\n(\$ weir replay .*?)^```$", re.M | re.S)


def output(command):
    script = command.removeprefix("$ ").replace("weir ", f"{lib.WEIR} ", 1)
    ended = lib.run("sh", "-c", script, cwd=FOLDER)
    assert ended.status == 0, ended
    return (ended.out + ended.err).decode().replace("\r\n", "\n")  # CSV has both


def renewed(block):
    """The commands of a block, each with what it prints now."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{command}\n{output(command)}" for command in commands)


def update():
    for page in PAGES:
        text = page.read_text()
        new = BLOCK.sub(lambda found: f"```console\n{renewed(found[1])}```", text)
        if new != text:
            print("updated", page.relative_to(lib.ROOT))
            page.write_text(new)


def rows():
    return [line.split("\t") for line in lib.weir("help", "--rows").lines]


def source_of(tool):
    return lib.ROOT / ("docs/weir.md" if tool == "weir" else f"src/tools/{tool}/{tool}.md")


class Manual(unittest.TestCase):
    maxDiff = None

    def test_examples(self):
        count = 0
        for page in PAGES:
            for found in BLOCK.finditer(page.read_text()):
                with self.subTest(page.name, command=found[1].split("\n")[0]):
                    self.assertEqual(found[1], renewed(found[1]))
                    count += 1
        self.assertGreater(count, 5)

    def test_pages_render(self):
        tools = [row[0] for row in rows() if row[1] == "tool"]
        self.assertIn("trace", tools)
        for source in map(source_of, ["weir", *tools]):
            with self.subTest(source.stem), tempfile.NamedTemporaryFile(suffix=".8") as page:
                made = lib.run(lib.ROOT / "scripts/man", lib.WEIR, source)
                self.assertEqual((made.status, made.err), (0, b""))
                page.write(made.out)
                page.flush()
                # -ww: all warnings; lines of examples are as long as they are.
                ended = lib.run("groff", "-Kutf8", "-man", "-ww", "-Wbreak", "-Tutf8", page.name)
                self.assertEqual((ended.status, ended.words), (0, ""))
                shown = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", ended.out.decode())
                for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES"):
                    self.assertRegex(shown, rf"(?m)^{heading}$")

    def test_pages_have_all_rows(self):
        """Each option and column row is on its page."""
        have = rows()
        for tool in ["weir", *(who for who, kind, *_ in have if kind == "tool")]:
            page = lib.run(lib.ROOT / "scripts/man", lib.WEIR, source_of(tool)).out.decode()
            for who, kind, *rest in have:
                if who == tool and kind == "option":
                    self.assertIn(r"\fB\-\-" + rest[1].replace("-", r"\-"), page, tool)
                elif who == tool and kind == "column":
                    self.assertIn(rf"\fB{rest[0]}\fP", page, tool)

    def test_pages_have_shared_options(self):
        """Where a page says that the others are refused, it lists by hand those that help has."""
        by_hand = []
        for tool in [who for who, kind, *_ in rows() if kind == "tool"]:
            text = source_of(tool).read_text()
            if not re.search("^The other.* that every tool has are refused", text, re.M):
                continue
            by_hand.append(tool)
            help_text = lib.weir(tool, "--help").out.decode().split("Options that tools share:\n")[1].split("\n\n")[0]
            taken = {letter or name for letter, name in re.findall(r"^  (?:(-\w),| {3}) (--[\w-]+)", help_text, re.M)}
            listed = re.findall(r"^- `(-[\w-]+)", text.split("\n## Options\n")[1].split("\n## ")[0], re.M)
            self.assertEqual({*listed}, taken - {"-h"}, tool)
        self.assertEqual(by_hand, ["demo", "describe", "doctor", "list"])

    def complete(self, *words):
        """What bash offers for the last of the words."""
        script = subprocess.run([lib.ROOT / "scripts/completion", lib.WEIR], stdout=subprocess.PIPE, check=True,
                                text=True).stdout
        script += 'COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _weir; printf "%s\\n" "${COMPREPLY[@]}"\n'
        ended = lib.run("bash", "-c", script, "bash", *words)
        self.assertEqual(ended.err, b"")
        return [line for line in ended.lines if line]

    def test_completion(self):
        for words, offers in ((["tr"], ["trace"]), (["trace", "conn"], ["connect"]), (["trace", "--su"], ["--summary"]),
                              (["sockstat", "--su"], []), (["trace", "-o", "j"], ["json"]),
                              (["trace", "--netn"], ["--netns"]), (["describe", "tcp_retransmit_sy"], ["tcp_retransmit_synack"]),
                              (["list", "inet_csk_l"], ["inet_csk_listen_start"]), (["help", "re"], ["replay"]), (["nothing"], [])):
            self.assertEqual(self.complete("weir", *words), offers, words)
        self.assertIn(str(FOLDER / "demo.rec"), self.complete("weir", "replay", f"{FOLDER}/demo"))


if __name__ == "__main__":
    assert pathlib.Path(lib.WEIR).exists(), "there is no weir, try: make weir"
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        unittest.main()
