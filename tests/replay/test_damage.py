#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""
Damaged, truncated, foreign and newer recordings: everything before the damage and one sentence. Never
a crash, never a row that was not recorded.
"""
import random
import struct
import unittest

import recording
from recording import lib

RANDOM = 200


class Damage(unittest.TestCase):
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        """A file of version 1; the class below has one of version 2."""
        cls.whole = recording.Recording(min(recording.recordings(), key=lambda p: p.stat().st_size).read_bytes())
        cls.full = cls.rows(cls.whole.data)

    @staticmethod
    def rows(data):
        ended = recording.replay(data, "-q", "-o", "json")
        assert (ended.status, ended.words) == (0, ""), ended
        return ended.out.splitlines(keepends=True)

    def told(self, data, *words):
        """The rows before the damage, and one sentence. Returns how many rows."""
        ended = recording.replay(data, "-q", "-o", "json")
        self.assertEqual(ended.status, 1, ended)
        self.assertRegex(ended.words, r"\Aweir: [^\n]+\n\Z")
        for word in words:
            self.assertIn(word, ended.words)
        rows = ended.out.splitlines(keepends=True)
        self.assertEqual(rows, self.full[:len(rows)])
        return len(rows)

    def rows_before(self, at):
        """How many rows the frames that end before this byte hold."""
        return sum(self.whole.type(i) == recording.CALL
                   for i in range(len(self.whole.records)) if self.whole.ends[i] <= at)

    def test_cut_in_the_last_frames(self):
        for at in range(self.whole.starts[-4], len(self.whole.data)):
            with self.subTest(at):
                self.assertEqual(self.told(self.whole.data[:at], "cut off"), self.rows_before(at))

    def test_cut_anywhere(self):
        random.seed(at := 7)
        for at in random.sample(range(self.whole.starts[0], len(self.whole.data)), RANDOM):
            with self.subTest(at):
                self.assertEqual(self.told(self.whole.data[:at], "cut off"), self.rows_before(at))

    def test_cut_in_the_head(self):
        for at in {0, 1, 7, 8, 12, 16, 24, 100, len(self.whole.head) // 2, len(self.whole.head) - 1}:
            with self.subTest(at):
                self.assertEqual(self.told(self.whole.data[:at]), 0)
        # A head alone is a recording that was cut off before its first record.
        self.assertEqual(self.told(self.whole.head, "cut off"), 0)

    def test_flipped_anywhere(self):
        random.seed(11)
        for at in random.sample(range(len(self.whole.data)), RANDOM):
            data = bytearray(self.whole.data)
            data[at] ^= 1 << random.randrange(8)
            frames = [i for i, start in enumerate(self.whole.starts[:-1]) if start <= at]
            padding = frames and at >= self.whole.ends[frames[-1]]
            with self.subTest(at):
                if padding:  # says nothing, so nothing is lost
                    self.assertEqual(self.rows(bytes(data)), self.full)
                else:
                    self.assertLessEqual(self.told(bytes(data)), self.rows_before(at))

    def test_zeroed_and_random(self):
        random.seed(13)
        start = self.whole.starts[len(self.whole.starts) // 2]
        for tail in (bytes(4096), random.randbytes(4096), b"\xff" * 4096):
            self.assertEqual(self.told(self.whole.data[:start] + tail, "damaged"), self.rows_before(start))
        for size in (1, 20, 300, 5000):
            self.assertEqual(self.told(random.randbytes(size), "no recording"), 0)
            self.assertEqual(self.told(self.whole.data[:8] + random.randbytes(size)), 0)

    def test_right_sum_wrong_contents(self):
        """What no writer writes, with a sum that is right: whatever it is, no crash."""
        random.seed(17)
        for _ in range(RANDOM // 5):
            records = [bytearray(record) for record in self.whole.records]
            victim = random.choice(records)
            for _ in range(random.randrange(1, 6)):
                victim[random.randrange(len(victim))] = random.randrange(256)
            for options in (["-q"], ["-q", "-o", "json"], ["-q", "-o", "csv"], ["--bare", "-q"], ["--summary"],
                            ["-4", "-q"], ["--port", "7001", "-q"]):
                ended = recording.replay(self.whole.with_records(map(bytes, records)), *options)
                self.assertIn(ended.status, (0, 1), (ended, [r.hex() for r in records]))

    def test_foreign(self):
        for data in (b"", b"\x7fELF" + bytes(1000), b"\xd4\xc3\xb2\xa1" + bytes(100), b"weirrec", b"weirrec\r\n" * 10,
                     b"{}\n"):
            self.assertEqual(self.told(data, "no recording"), 0)

    def test_newer(self):
        """A format to come is refused whole; a kind of record to come is passed over."""
        self.assertEqual(self.told(recording.with_head(self.whole.head, version=recording.VERSION + 1) +
                                   self.whole.data[len(self.whole.head):], "newer weir"), 0)
        extra = recording.RECORD.pack(40, 77, 16) + bytes(32)
        records = [r for record in self.whole.records for r in (extra, record)]
        self.assertEqual(self.rows(self.whole.with_records(records)), self.full)

    def test_grown_records(self):
        """A later writer's record has members that this reader does not know, at its fixed part's end."""
        records = []
        for record in self.whole.records:
            length, kind, fixed = recording.RECORD.unpack_from(record)
            records.append(recording.RECORD.pack(length + 16, kind, fixed + 16) + record[8:fixed] +
                           b"\xa5" * 16 + record[fixed:])
        self.assertEqual(self.rows(self.whole.with_records(records)), self.full)

    def test_unknown_tool(self):
        at = struct.calcsize("<8sIIIIqqiI")
        head = bytearray(self.whole.head)
        self.assertEqual(head[at:at + 6], b"trace\0")
        head[at:at + 6] = b"trade\0"
        self.assertEqual(self.told(recording.with_head(bytes(head)) + self.whole.data[len(head):], "'trade'"), 0)


class ShortFrames(Damage):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        old, cls.whole = cls.whole, recording.Recording(cls.whole.with_short_frames())
        assert cls.whole.records == old.records
        assert len(cls.whole.data) < len(old.data) * 3 // 4, "there are few short frames"

    def test_same_rows(self):
        self.assertEqual(self.rows(self.whole.data), self.full)

    def test_right_sum_wrong_short_frame(self):
        """Nothing kept there, a mask of words that there are not, of the first, or of more than follow."""
        start = self.whole.starts[-2]
        for place in (0, 126):
            for mask, words in ((0, 0), (2, 1), (6, 2), (1, 1), (1 << 63, 1), (6, 1), (2, 2), (recording.MASK, 64)):
                bad = recording.frame(mask.to_bytes(8, "little") + bytes(8 * words), place << 22 | recording.SHORT)
                with self.subTest(place, mask=mask):
                    self.assertEqual(self.told(self.whole.data[:start] + bad, "damaged"), self.rows_before(start))
        place = recording.FRAME.unpack_from(self.whole.data, self.short_frame())[1] >> 22 & 127
        for mask, words in ((1, 1), (1 << 63, 1), (6, 1), (2, 2), (recording.MASK, 64), (0, 1)):
            bad = recording.frame(mask.to_bytes(8, "little") + bytes(8 * words), place << 22 | recording.SHORT)
            with self.subTest(place, mask=mask):
                self.assertEqual(self.told(self.whole.data[:start] + bad, "damaged"), self.rows_before(start))

    def short_frame(self):
        return [at for at in self.whole.starts[:-1]
                if recording.FRAME.unpack_from(self.whole.data, at)[1] & recording.SHORT][-1]


if __name__ == "__main__":
    lib.main(root=False)
