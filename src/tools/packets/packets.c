/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir packets: the user half. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "capfile.h"
#include "error.h"
#include "expr.h"
#include "hook.h"
#include "owners.h"
#include "packet_decode.h"
#include "match.h"
#include "packets.h"
#include "pcapng.h"
#include "run.h"
#include "suggest.h"
#include "sums.h"

TOOL_OBJECT(packets);

static struct {
	struct option_words devices;
	const char *at, *write, *read;
	u32 snap, size_mb, files;
	u64 every_ns;
	bool hex, ether, summary;
} opt;

static struct hook_want want = {.names = &opt.devices};

static const struct packet_rec *rec_of(const struct rec *r)
{
	return (const struct packet_rec *)r;
}

/* Columns */

static void tell_who(struct verbs *v, const struct rec *r, u64 n)
{
	if (rec_of(r)->bits & PACKET_WHO)
		v->ops->uint(v, n);
	else
		decode_none(v);
}

static void tell_pid(struct verbs *v, const struct rec *r)
{
	tell_who(v, r, rec_of(r)->who.pid);
}

static void tell_tid(struct verbs *v, const struct rec *r)
{
	tell_who(v, r, rec_of(r)->who.tid);
}

static void tell_uid(struct verbs *v, const struct rec *r)
{
	tell_who(v, r, rec_of(r)->who.uid);
}

static void tell_device(struct verbs *v, const struct rec *r)
{
	const struct packet_rec *p = rec_of(r);
	const char *name;

	netdev_in(p->netns);
	name = netdev_name(p->ifindex);
	if (name && v->ops == &verbs_text)
		buf_safe_utf8(v->b, name, strlen(name));
	else if (name)
		v->ops->bytes(v, name, strlen(name), false);
	else if (v->ops == &verbs_text && p->ifindex)
		v->ops->uint(v, p->ifindex);
	else
		decode_none(v);
}

static void tell_direction(struct verbs *v, const struct rec *r)
{
	if (rec_of(r)->bits & PACKET_NO_SIDE)
		decode_none(v);
	else
		v->ops->word(v, rec_of(r)->bits & PACKET_OUT ? "out" : "in");
}

static void tell_dir(struct verbs *v, const struct rec *r)
{
	if (rec_of(r)->bits & PACKET_XDP)
		v->ops->word(v, "xdp");
	else
		tell_direction(v, r);
}

static void tell_at(struct verbs *v, const struct rec *r)
{
	u8 bits = rec_of(r)->bits;

	if (bits & PACKET_NO_PLACE)
		decode_none(v);
	else
		v->ops->word(v, !(bits & PACKET_XDP)    ? "tc"
				: bits & PACKET_GENERIC ? "xdp-generic"
							: "xdp");
}

static void tell_length(struct verbs *v, const struct rec *r)
{
	struct packet_frame f;

	packet_frame(&f, rec_of(r));
	v->ops->uint(v, f.full);
}

static void tell_captured(struct verbs *v, const struct rec *r)
{
	struct packet_frame f;

	packet_frame(&f, rec_of(r));
	v->ops->uint(v, f.len);
}

static void tell_line(struct verbs *v, const struct rec *r)
{
	packet_line(v, packet_layers(rec_of(r)), opt.ether);
}

static void tell_packet_fields(struct verbs *v, const struct rec *r)
{
	packet_tell(v, packet_layers(rec_of(r)));
}

#define C(member)  COLUMN(struct packet_rec, member)
#define FOR_PEOPLE (COL_TEXT | COL_TEXT_ONLY | COL_DATA_ONLY)
/* Kept for all packets that are alike in the members from one to another. */
#define ALIKE(from, to)                                                                            \
	offsetof(struct packet_rec, from), offsetof(struct packet_rec, to) +                       \
						   sizeof(((struct packet_rec *)0)->to) -          \
						   offsetof(struct packet_rec, from)

static const struct column columns[] = {
	{"time", "TIME", COL_CLOCK, COL_TEXT, C(h.ts), 15, NULL, "when it was seen"},
	{"pid", "PID", COL_NEST, COL_TEXT | COL_KEPT, ALIKE(bits, who.pid), 7, tell_pid,
	 "process of the packet's socket, - or null where nobody knows one"},
	{"tid", NULL, COL_NEST, COL_KEPT, ALIKE(bits, who.tid), 0, tell_tid,
	 "thread that made or used the socket"},
	{"uid", NULL, COL_NEST, COL_KEPT, ALIKE(bits, who.uid), 0, tell_uid,
	 "its effective user, as the initial user namespace has it"},
	{"comm", "COMM", COL_COMM, COL_TEXT | COL_LEFT | COL_KEPT, C(who.comm), 12, NULL,
	 "its name"},
	{"cgroup", NULL, COL_CGROUP, COL_KEPT, C(who.cgroup), 0, NULL,
	 "path of its cgroup (v2), the id where it is unknown"},
	{"netns", NULL, COL_UINT, COL_KEPT, C(netns), 0, NULL,
	 "inode number of the interface's network namespace"},
	{"device", "DEVICE", COL_NEST, COL_TEXT | COL_LEFT | COL_KEPT, ALIKE(netns, ifindex), 8,
	 tell_device, "the interface"},
	{"ifindex", NULL, COL_UINT, COL_KEPT, C(ifindex), 0, NULL, "its number"},
	{"dir", "DIR", COL_NEST, FOR_PEOPLE | COL_LEFT | COL_KEPT, C(bits), 3, tell_dir,
	 "in or out; xdp: in, before the stack; - where a file does not say"},
	{"direction", NULL, COL_NEST, COL_KEPT, C(bits), 0, tell_direction, "in or out"},
	{"at", NULL, COL_NEST, COL_KEPT, C(bits), 0, tell_at,
	 "where it was seen: tc, xdp, or xdp-generic"},
	{"link", NULL, COL_UINT, COL_KEPT, C(link), 0, NULL,
	 "what it begins with: 1 Ethernet, 101 IP (LINKTYPE_ of pcap files)"},
	{"length", NULL, COL_NEST, 0, 0, 0, 0, tell_length, "bytes of it"},
	{"captured", NULL, COL_NEST, 0, 0, 0, 0, tell_captured, "bytes that were copied"},
	{"gso_segs", NULL, COL_UINT, 0, C(gso_segs), 0, NULL,
	 "packets that it stands for (GSO, GRO); 0: itself"},
	{"gso_size", NULL, COL_UINT, 0, C(gso_size), 0, NULL, "bytes of payload in each of them"},
	{"line", "PACKET", COL_NEST, FOR_PEOPLE | COL_LEFT, 0, 0, 0, tell_line,
	 "the packet in tcpdump's words"},
	{"packet", NULL, COL_NEST, COL_DATA_ONLY, 0, 0, 0, tell_packet_fields,
	 "all fields of its headers"},
	{0},
};

#define AT(member) offsetof(typeof(opt), member)

static const struct option_row options[] = {
	{'i', "interface", "IF", OPT_WORDS | OPT_LIVE, AT(devices), 0, 0,
	 "this interface; may be given again; any (default): all"},
	{0, "at", "PLACE", OPT_STRING | OPT_LIVE, AT(at), 0, 0,
	 "tc (default), xdp (before the stack, arrivals only) or both"},
	{'s', "snap", "BYTES", OPT_UINT | OPT_LIVE, AT(snap), 1, PACKET_SNAP_MAX,
	 "copy at most so many bytes of each packet (512; with -w 65535)"},
	{'w', "write", "FILE", OPT_STRING, AT(write), 0, 0,
	 "write packets to FILE (pcapng), print none; -: to standard output"},
	{'r', "read", "FILE", OPT_STRING | OPT_LIVE, AT(read), 0, 0,
	 "read packets from FILE (pcap, pcapng), not from interfaces"},
	{'C', "rotate-size", "MB", OPT_UINT, AT(size_mb), 1, 1 << 20,
	 "with -w: a new file after so many million bytes"},
	{'G', "rotate-time", "SECONDS", OPT_SECONDS, AT(every_ns), 0, 0,
	 "with -w: a new file after this time; FILE is for strftime(3)"},
	{'W', "files", "COUNT", OPT_UINT, AT(files), 1, 1 << 20,
	 "with -C: so many files, used again; with -G: end after them"},
	{'X', "hex", NULL, OPT_FLAG, AT(hex), 0, 0, "show the bytes, too"},
	{'e', "ether", NULL, OPT_FLAG, AT(ether), 0, 0, "show the link level, too"},
	{0, "summary", NULL, OPT_FLAG, AT(summary), 0, 0,
	 "count by protocol, conversation and size; print that at the end"},
	{0, "netns", "PATH|PID", OPT_COMMON, 0, 0, 0,
	 "the interfaces of this network namespace (default: our own)"},
	{0},
};

static int check_at(void)
{
	static const char *const words[] = {"tc", "xdp", "both", NULL};
	static const u32 places[] = {AT_TC, AT_XDP, AT_XDP | AT_TC};
	int i = opt.at ? one_of("--at", opt.at, words) : 0;

	want.at = places[i < 0 ? 0 : i];
	return i < 0 ? i : 0;
}

static bool is_one_file(const char *a, const char *b)
{
	struct stat x, y;

	return a && b && !stat(a, &x) && !stat(b, &y) && S_ISREG(x.st_mode) &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int check_files(const struct run *run)
{
	const struct common *c = &run->common;
	const bool replay = run->replay;

	if ((opt.size_mb || opt.every_ns || opt.files) && !opt.write)
		return usage("-C, -G and -W are about files that -w writes; give -w FILE, too");
	if (opt.files && !opt.size_mb && !opt.every_ns)
		return usage("-W counts files of -C or -G; give one of them, too");
	if ((opt.size_mb || opt.every_ns) && !strcmp(opt.write, "-"))
		return usage("standard output is one file: -C and -G need -w FILE");
	if (opt.every_ns && opt.every_ns % 1000000000)
		return usage("-G takes whole seconds");
	if (opt.summary && (opt.write || opt.read || c->record || replay))
		return usage("--summary counts in the kernel: it goes with no -w, -r or --record, "
			     "nor with replay");
	if (opt.summary && c->format == OUT_CSV)
		return usage("--summary is three tables: text or JSON, not CSV");
	if (opt.write && !strcmp(opt.write, "-") && c->stats)
		return usage("-w - and --stats exclude each other: both write to standard output");
	if (is_one_file(replay ? run->file : opt.read, opt.write))
		return usage("-w %s is the file that is read; give it another name", opt.write);
	if ((opt.hex || opt.ether) && (c->format != OUT_TEXT || opt.write || c->record))
		return usage("-X and -e are forms of text: they go with no -o json or csv, -w or "
			     "--record");
	if (opt.write && c->record)
		return usage("-w and --record exclude each other: both take the packets");
	if (opt.read &&
	    (opt.devices.n || opt.at || opt.snap || c->netns || c->command || c->record))
		return usage("-r reads a file: -i, --at, -s, --netns, --record and a command are "
			     "for interfaces");
	return 0;
}

static int check(struct run *run)
{
	struct common *c = &run->common;
	int err = check_at();

	if (!err)
		err = check_files(run);

	if (!err)
		err = expr_set(c->args, c->nargs);
	if (err)
		return err;
	want.quiet = c->quiet;
	if (opt.write || opt.summary) { /* no table, and so no heading */
		run->columns = columns + sizeof(columns) / sizeof(*columns) - 1;
		run->bare = true;
	}
	if (!opt.snap)
		opt.snap = opt.write || c->record ? PACKET_SNAP_MAX : 512;
	c->interval_ns = 100000000; /* looks for interfaces, and their names, so often */
	return !run->replay && c->netns ? hook_enter(c->netns) : 0;
}

static bool opened; /* what -w writes to */

/* start_ns: of the first span of -G; 0: now. */
static int open_written(const struct run *run, u64 start_ns)
{
	struct pcapng_how how = {.path = opt.write,
				 .size_mb = opt.size_mb,
				 .files = opt.files,
				 .seconds = opt.every_ns / 1000000000,
				 .wall_ns = run->world.wall_ns,
				 .start_ns = start_ns,
				 .snap = opt.snap};

	opened = true;
	return opt.write ? pcapng_open(&how) : 0;
}

static int setup(struct run *run, struct attach *a)
{
	struct packets_conf *conf = attach_data(a, ".rodata.packets", sizeof(*conf));
	const struct common *c = &run->common;

	if (!conf)
		return FAIL;
	*conf = (struct packets_conf){.snap = opt.snap,
				      .netns = netdev_own(),
				      .owner = !opt.summary || c->filter.have & FILTER_TASK ||
					       c->command,
				      .summary = opt.summary};
	owners_load(a->obj);
	if (open_written(run, 0))
		return FAIL;
	return hook_setup(a, &want);
}

static int attach(struct run *run, struct attach *a)
{
	(void)run;
	owners_attach(a, a->obj);
	return hook_attach(a, &want);
}

static __attribute__((noinline)) void show_hex(struct run *run, const struct packet_rec *p)
{
	struct packet_frame f;
	struct buf b = {0};

	packet_frame(&f, p);
	packet_hex(&b, f.p, f.len);
	if (buf_len(&b))
		out_line(run->out, b.base, buf_len(&b));
	buf_free(&b);
}

static u64 dropped; /* since the last packet */

static __attribute__((noinline)) void write_ends(struct run *run, int err)
{
	run->stop = true;
	run->broken |= err < 0; /* told when the file is closed */
}

static void write_packet(struct run *run, const struct packet_rec *p)
{
	int err = opened ? 0 : open_written(run, p->h.ts + run->world.wall_ns); /* replay */

	if (!err)
		err = pcapng_put(p, dropped);
	dropped = 0;
	run->rows++;
	if (err || run->rows == run->common.count)
		write_ends(run, err);
}

/* Where the filter could not be the kernel's. */
static __attribute__((noinline)) bool passes_here(struct run *run, const struct packet_rec *p)
{
	struct packet_frame f;

	packet_frame(&f, p);
	if (expr_passes(f.link, f.p, f.len, f.full))
		return true;
	run->events--;
	return false;
}

static void event(struct run *run, const struct rec *r)
{
	if (hook_filter_here && !passes_here(run, rec_of(r)))
		return;
	if (opt.write) {
		write_packet(run, rec_of(r));
		return;
	}
	run_row(run, r);
	if (opt.hex && run->common.format == OUT_TEXT)
		show_hex(run, rec_of(r));
}

/* What the ring could not take since the last look. */
static void count_dropped(struct attach *a)
{
	static u64 before;
	struct counters sum;

	if (attach_counters(a, &sum))
		return;
	dropped += sum.lost[LOST_RING] - before;
	before = sum.lost[LOST_RING];
}

static int tick(struct run *run, struct attach *a, bool last)
{
	if (!last && hook_poll(a))
		run->stop = true;
	if (!last)
		out_forget(run->out); /* interfaces may have other names now */
	if (opt.summary && last)
		return packets_sums(run, a);
	if (!opt.write)
		return 0;
	if (!opened && open_written(run, 0)) /* replay of no packet */
		return FAIL;
	if (run->broken)
		return FAIL; /* with the sentence that was left */
	if (a && !last)
		count_dropped(a);
	return last ? pcapng_close() : pcapng_flush();
}

static bool offline(struct run *run)
{
	(void)run;
	return opt.read != NULL;
}

static bool hidden(struct run *run, const struct rec *r);

static int reads(struct run *run)
{
	const struct packet_rec *r;
	struct capfile file;
	u32 named = 0, sections;
	int err = capfile_open(&file, opt.read), more = err ? 0 : capfile_next(&file, &r);

	sections = file.sections;
	if (!err)
		err = open_written(run, more > 0 ? r->h.ts : 0);
	while (!err && more > 0 && !run->stop) {
		if (named != file.named)
			out_forget(run->out);
		named = file.named;
		if (opt.write && sections != file.sections)
			pcapng_section();
		sections = file.sections;
		if (match_rec(&run->common.filter, &r->h) && !hidden(run, &r->h))
			run_event(run, &r->h);
		more = capfile_next(&file, &r);
	}
	capfile_close(&file);
	return err || more < 0 ? FAIL : 0;
}

static bool hidden(struct run *run, const struct rec *r)
{
	struct packet_frame f;

	(void)run;
	packet_frame(&f, rec_of(r));
	return expr_given() && !expr_passes(f.link, f.p, f.len, f.full);
}

static const struct tool packets = {
	.name = "packets",
	.summary = "every packet of an interface, decoded, with the process behind it",
	.usage = "[-i IF]... [options] [FILTER] [-- COMMAND...]",
	.options = options,
	.own = &opt,
	.lacks = COMMON(INTERVAL) | COMMON(IPV4) | COMMON(IPV6) | COMMON(HOST) | COMMON(PORT) |
		 COMMON(FAILED) | COMMON(SLOWER) | COMMON(WAY),
	.lacks_why = "the words of its FILTER choose packets, as in tcpdump: tcp port 80",
	.columns = columns,
	.records = RECORD(PACKET),
	.object = packets_bpf_o,
	.object_size = &packets_bpf_o_size,
	.io_uring = true,
	.check = check,
	.setup = setup,
	.attach = attach,
	.event = event,
	.tick = tick,
	.offline = offline,
	.reads = reads,
	.hidden = hidden,
};
TOOL(packets);
