# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
# Tables of netlink messages as C: awk -f tables/netlink.awk [header=1] tables/netlink/*.txt
#
# A block a table, its name first, then a row a line; "# new" ends rows that strace 6.1 does not know:
#   names NAME COMMENT [MORE]     VALUE WORD
#       constants or flags; COMMENT (- for none) follows the number of one that is not listed; MORE: the
#       rows of tables/MORE.txt go before
#   attrs NAME COMMENT [NAMES]    VALUE WORD [KIND [ARG [LENGTH]]]
#       attributes; without a kind they are bytes; LENGTH: how many there may be, 8 of constants and flags;
#       NAMES: the table whose names they have when they are
#       not listed
#   struct NAME SIZE [SIZE...]    OFFSET MEMBER KIND [ARG [LENGTH]], or = KIND MEMBER...
#       a structure of the first SIZE or more bytes, or else of exactly one of the others; with =, one
#       member after the other
# KIND is a row of enum nl_kind (src/decode/nl.h), which says what ARG is: the name of a table, or a length.
function number(s,    i, v) {
    if (s !~ /^0[xX]/) return s + 0
    for (i = 3; i <= length(s); i++) v = v * 16 + index("0123456789abcdef", tolower(substr(s, i, 1))) - 1
    return v
}
function die(why) { print FILENAME ":" FNR ": " why > "/dev/stderr"; failed = 1; exit 1 }
function width(kind) {
    sub(/x$/, "", kind)
    if (kind ~ /64$/) return 8
    if (kind ~ /32$/) return 4
    if (kind ~ /16$/) return 2
    if (kind ~ /8$/) return 1
    die("= wants a number: " kind)
}
function include(file,    line, f) {
    while ((getline line < file) > 0)
        if (line ~ /^[0-9]/ && split(line, f) > 1) { names = names "\t{" f[1] ", \"" f[2] "\"},\n"; last = number(f[1]) }
    olds = names
}
# What an argument is called in C, by the kind that wants it.
function argument(kind, arg) {
    if (arg == "" || arg ~ /^[0-9]+$/) return "NULL"
    if (kind == "nested") return "&nl_attrs_" arg
    if (kind ~ /^(struct|structs|structs1|structrest)$/) return "&nl_struct_" arg
    return "&names_" arg
}
function row(at, word, kind, arg, len, fresh) {
    rows = rows sprintf("\t{%s, NL_%s, %s, %s, \"%s\", %s},\n", at, kind == "" ? "hex" : kind, arg ~ /^[0-9]+$/ ? arg : len + 0, fresh ? "true" : "false",
                        word, argument(kind, arg))
    count++
}
function names_of(name, comment, old) {
    if (header) { print "extern const struct names names_" name ";"; return }
    if (old != names) {
        printf "static const struct name old_rows_%s[] = {\n%s};\n", name, old
        printf "static const struct names old_%s = {old_rows_%s, sizeof(old_rows_%s) / sizeof(struct name), %s, NULL};\n", name, name, name, comment
    }
    printf "static const struct name rows_%s[] = {\n%s};\n", name, names
    printf "const struct names names_%s = {rows_%s, sizeof(rows_%s) / sizeof(struct name), %s, %s};\n", name, name, name, comment, old != names ? "&old_" name : "NULL"
}
function finish(    comment) {
    gsub(/\?/, "\\?", note) # no trigraphs
    comment = note == "-" ? "NULL" : "\"" note "\""
    if (type == "names") {
        names_of(name, comment, olds)
    } else if (type == "attrs") {
        if (header) { print "extern const struct nl_attrs nl_attrs_" name ";" }
        names_of(name, comment, olds)
        if (header) return
        printf "static const struct nl_row nl_rows_%s[] = {\n%s};\n", name, rows == "" ? "\t{0},\n" : rows
        printf "const struct nl_attrs nl_attrs_%s = {nl_rows_%s, %d, &names_%s};\n", name, name, count, more == "" ? name : more
    } else if (type == "struct") {
        if (header) { print "extern const struct nl_struct nl_struct_" name ";"; return }
        printf "static const struct nl_row nl_members_%s[] = {\n%s};\n", name, rows
        printf "const struct nl_struct nl_struct_%s = {nl_members_%s, %d, {%s}};\n", name, name, count, sizes
    }
}
/^#/ { next }
NF == 0 { finish(); type = ""; next }
{
    fresh = sub(/ # new$/, "")
    sub(/ +#.*$/, "")
}
type == "" {
    type = $1; name = $2; note = $3; more = $4
    rows = names = olds = ""; count = offset = 0; last = -1
    if (type == "names" && more != "") { file = FILENAME; sub(/netlink\/[^\/]*$/, more ".txt", file); include(file) }
    if (type == "struct") { size = sizes = $3; known = 1; for (i = 4; i <= NF; i++) sizes = sizes ", " $i }
    else if (type != "names" && type != "attrs") die("no block begins so: " $0)
    next
}
type == "struct" && $1 == "=" {
    if (!known) die("= does not know where the member before it ends")
    for (i = 3; i <= NF; i++) { row(offset, $i, $2, "", 0, 0); offset += width($2) }
    if (offset > size) die("it ends behind " size)
    next
}
type == "struct" {
    row($1, $2, $3, $4, $5, fresh)
    known = $3 ~ /(8|16|32|64)x?$/
    offset = $1 + (known ? width($3) : 1)
    if (offset > size) die("it ends behind " size)
    next
}
$1 !~ /^(0[xX][0-9a-fA-F]+|[0-9]+)$/ || NF < 2 { die("not VALUE WORD: " $0) }
number($1) <= last { die("not in ascending order: " $0) }
{
    last = number($1)
    line = "\t{" $1 ", \"" $2 "\"},\n"
    names = names line
    if (!fresh) olds = olds line
    if (type == "attrs") row($1, $2, $3, $4, $5, fresh)
}
END { if (failed) exit 1; if (type != "") finish() }
