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
        sources = [lib.ROOT / "docs/weir.md", *(lib.ROOT / f"src/tools/{tool}/{tool}.md" for tool in tools)]
        for source in sources:
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
        for tool in ("weir", "trace"):
            source = lib.ROOT / ("docs/weir.md" if tool == "weir" else "src/tools/trace/trace.md")
            page = lib.run(lib.ROOT / "scripts/man", lib.WEIR, source).out.decode()
            for who, kind, *rest in rows():
                if who == tool and kind == "option":
                    self.assertIn(r"\fB\-\-" + rest[1].replace("-", r"\-"), page)
                elif who == tool and kind == "column":
                    self.assertIn(rf"\fB{rest[0]}\fP", page)

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
