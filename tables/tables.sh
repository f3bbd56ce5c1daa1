#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
# Makes one C file of all tables: tables/tables.sh OUTFILE
set -eu
here=$(dirname "$0")
out=$1
# table, what an unknown value's comment says
list='af AF_??? sock_type SOCK_??? ipproto IPPROTO_??? netlink_proto NETLINK_??? eth_p ETH_P_???
msg_flags MSG_??? shut SHUT_??? sol SOL_??? arphrd ARPHRD_??? packet_type PACKET_???
splice_flags SPLICE_F_??? rwf RWF_??? tcp_state TCP_??? icmp ICMP_??? packet_mr PACKET_MR_???
dns_type TYPE??? dns_rcode RCODE???'
{
	echo '/* Made by tables/tables.sh from tables/: do not edit. */'
	echo '#include "decode.h"'
	echo '#include "kinds.h"'
	echo '#include "reason.h"'
	echo '#include "nl.h"'
	set -f
	# shellcheck disable=SC2086 # a list of words
	set -- $list
	set +f
	while [ $# -gt 0 ]; do
		rows=$(awk -f "$here/gen" "$here/$1.txt")
		old_rows=$(awk -f "$here/gen" old=1 "$here/$1.txt")
		old=NULL
		echo "static const struct name rows_$1[] = {"
		echo "$rows"
		echo "};"
		if [ "$old_rows" != "$rows" ]; then
			old="&old_$1"
			echo "static const struct name old_rows_$1[] = {"
			echo "$old_rows"
			echo "};"
			echo "static const struct names old_$1 = {old_rows_$1, sizeof(old_rows_$1) / sizeof(*old_rows_$1), \"$2\", NULL};"
		fi
		echo "const struct names names_$1 = {rows_$1, sizeof(rows_$1) / sizeof(*rows_$1), \"$2\", $old};"
		shift 2
	done
	for table in sockopt sockopt_get scm; do
		# what strace 6.1 does not know has a last member of true
		echo "const struct sockopt ${table}s[] = {"
		{ awk -f "$here/gen" old=1 "$here/$table.txt"; echo; awk -f "$here/gen" "$here/$table.txt"; } |
			awk 'NF == 0 { full = 1; next } !full { old[$0] = 1; next }
			     { new = !($0 in old); sub(/ },$/, new ? ", true }," : ", false },"); print }'
		echo "};"
		echo "const u32 n${table}s = sizeof(${table}s) / sizeof(*${table}s);"
	done
	for table in sockopt_unknown af_proto_unknown; do
		echo "static const struct name rows_${table}[] = {"
		awk '!/^#/ && NF > 1 { print "{" $1 ", \"" $2 "\"}," }' "$here/$table.txt"
		echo "};"
		echo "const struct names names_$table = {rows_$table, sizeof(rows_$table) / sizeof(*rows_$table), NULL, NULL};"
	done
	echo "const struct reason reasons[] = {"
	LC_ALL=C awk -f "$here/reasons.awk" -v "packed=$(dirname "$out")/reason.texts" "$here/drop_reasons.txt"
	echo "};"
	echo "const u32 nreasons = sizeof(reasons) / sizeof(*reasons);"
	echo "const struct sockopt af_protos[] = {"
	awk -f "$here/gen" "$here/af_proto.txt" | sed 's/ },$/, 0, false },/'
	echo "};"
	echo "const u32 naf_protos = sizeof(af_protos) / sizeof(*af_protos);"
	awk -f "$here/netlink.awk" "$here"/netlink/*.txt
} >"$out.new"
{
	echo '/* Made by tables/tables.sh: the column KIND of sockopt.txt and scm.txt. */'
	echo 'enum kind {'
	cat "$here/sockopt.txt" "$here/sockopt_get.txt" "$here/scm.txt" |
		awk '!/^#/ && NF > 3 { print "\tKIND_" $4 "," }' | sort -u
	echo '};'
} >"$(dirname "$out")/kinds.h"
{
	echo '/* Made by tables/tables.sh from tables/netlink/: do not edit. */'
	awk -v header=1 -f "$here/netlink.awk" "$here"/netlink/*.txt
} >"$(dirname "$out")/nl_tables.h"
mv "$out.new" "$out"
