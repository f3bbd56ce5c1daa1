/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "nldump.h"
#include "record.h"
#include "tidy.h"

enum what { NOTE_FILTER, NOTE_QDISC, NOTE_NO_QDISC };

/* Written before the thing is done: so nothing is left, whenever the first process ends. */
struct tidy_note {
	int what; /* enum what */
	int ifindex;
	int out;
	u32 prog; /* its id */
};

static int notes = -1; /* a pipe to the second process: its end says that we are gone */
static pid_t child;

static u32 parent_of(bool out)
{
	return TC_H_MAKE(TC_H_CLSACT, out ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
}

/* The id of the program that a filter is, 0 when it is none of BPF's. */
static u32 program_of(const struct nlmsghdr *h)
{
	const struct tcmsg *t = NLMSG_DATA(h);
	const struct rtattr *a = (void *)((char *)t + NLMSG_ALIGN(sizeof(*t))), *in;
	int left = h->nlmsg_len - NLMSG_LENGTH(sizeof(*t)), rest;

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type != TCA_OPTIONS)
			continue;
		rest = RTA_PAYLOAD(a);
		for (in = RTA_DATA(a); RTA_OK(in, rest); in = RTA_NEXT(in, rest))
			if (in->rta_type == TCA_BPF_ID && RTA_PAYLOAD(in) == 4)
				return *(u32 *)RTA_DATA(in);
	}
	return 0;
}

static void detach(int ifindex, bool out, u32 handle, u32 priority)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = out ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = priority);

	bpf_tc_detach(&hook, &opts);
}

/* The filters of an interface, and those of them that are one program. */
struct filters {
	u32 prog;
	int n, nours;
	struct {
		u32 handle, priority;
	} ours[64];
};

static void note_filter(const struct nlmsghdr *h, void *arg)
{
	const struct tcmsg *t = NLMSG_DATA(h);
	struct filters *f = arg;

	if (h->nlmsg_type != RTM_NEWTFILTER || !t->tcm_handle) /* else the priority itself */
		return;
	f->n++;
	if (f->prog && program_of(h) == f->prog && f->nours < 64) {
		f->ours[f->nours].handle = t->tcm_handle;
		f->ours[f->nours++].priority = TC_H_MAJ(t->tcm_info) >> 16;
	}
}

/* How many filters there are; those that are this program go. Negative when nobody knows. */
static int look(int ifindex, bool out, u32 prog)
{
	struct {
		struct nlmsghdr h;
		struct tcmsg t;
	} ask = {.h = {.nlmsg_len = sizeof(ask),
		       .nlmsg_type = RTM_GETTFILTER,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		 .t = {.tcm_ifindex = ifindex, .tcm_parent = parent_of(out)}};
	struct filters f = {.prog = prog};
	int err = nl_dump(NETLINK_ROUTE, &ask.h, false, note_filter, &f);

	for (int i = 0; i < f.nours; i++)
		detach(ifindex, out, f.ours[i].handle, f.ours[i].priority);
	return err ? err : f.n - f.nours;
}

static void drop_qdisc(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	if (!look(ifindex, false, 0) && !look(ifindex, true, 0))
		bpf_tc_hook_destroy(&hook);
}

static void wait_and_tidy(int from)
{
	struct tidy_note *all = NULL, f;
	u32 n = 0;

	prctl(PR_SET_NAME, "weir-tidy");
	while (read(from, &f, sizeof(f)) == sizeof(f)) {
		struct tidy_note *more = realloc(all, (n + 1) * sizeof(*all));

		if (!more)
			continue;
		all = more;
		if (f.what == NOTE_NO_QDISC && n)
			n--; /* it was there already: the note before is void */
		else
			all[n++] = f;
	}
	for (u32 i = 0; i < n; i++)
		if (all[i].what == NOTE_FILTER)
			look(all[i].ifindex, all[i].out, all[i].prog);
	for (u32 i = 0; i < n; i++)
		if (all[i].what == NOTE_QDISC)
			drop_qdisc(all[i].ifindex);
	_exit(0);
}

static int begin(void)
{
	int ends[2], null;

	if (notes >= 0)
		return 0;
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	child = fork();
	if (child < 0) {
		close(ends[0]);
		close(ends[1]);
		return -errno;
	}
	if (child) {
		close(ends[0]);
		notes = ends[1];
		return 0;
	}
	setsid(); /* what ends the first one's group or terminal leaves it alone */
	for (int sig = 1; sig < 32; sig++)
		signal(sig, SIG_IGN);
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	dup2(ends[0], 3);
	close_range(4, ~0u, 0);
	wait_and_tidy(3);
	return 0;
}

static int tell(int what, int ifindex, bool out, u32 prog)
{
	struct tidy_note n = {what, ifindex, out, prog};

	return write(notes, &n, sizeof(n)) == sizeof(n) ? 0 : -EPIPE;
}

int tidy_attach(int ifindex, int prog, bool out)
{
	LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = out ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog);
	struct bpf_prog_info info = {};
	u32 len = sizeof(info);
	int err = begin();

	if (!err && bpf_obj_get_info_by_fd(prog, &info, &len))
		err = -errno;
	if (!err)
		err = tell(NOTE_QDISC, ifindex, out, 0);
	if (err)
		return err;
	err = bpf_tc_hook_create(&both);
	if (err && tell(NOTE_NO_QDISC, ifindex, out, 0))
		return -EPIPE;
	if (err && err != -EEXIST)
		return err;
	err = tell(NOTE_FILTER, ifindex, out, info.id);
	return err ? err : bpf_tc_attach(&hook, &opts);
}

void tidy_end(void)
{
	if (notes < 0)
		return;
	close(notes);
	notes = -1;
	waitpid(child, NULL, 0);
}
