#!/usr/bin/awk -f
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
# tables/drop_reasons.txt as rows of a C array, see the head of that file, and their sentences in a file of their own,
# a NUL behind each:  LC_ALL=C awk -f tables/reasons.awk -v packed=TEXTS tables/drop_reasons.txt
function die(why) { print FILENAME ":" FNR ": " why > "/dev/stderr"; failed = 1; exit 1 }
BEGIN { FS = "\t" }
/^#/ || NF == 0 { next }
NF != 5 { die("not five columns") }
$2 !~ /^(loss|none|unknown)$/ { die("no such kind: " $2) }
$1 in seen { die("twice: " $1) }
{
	seen[$1]
	printf "{ \"%s\", DROP_%s, %d },\n", $1, toupper($2), bytes
	for (i = 3; i <= 5; i++) {
		printf "%s%c", $i, 0 >packed
		bytes += length($i) + 1
	}
}
END { if (failed) exit 1 }
