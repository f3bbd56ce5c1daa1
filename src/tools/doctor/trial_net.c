/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Programs that see packets, on a device of our own: the loopback device of a network namespace
 * that a child makes for itself and takes with it.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "trial.h"

#define LOOPBACK 1 /* its index in every network namespace */

static int attach_tc(int prog)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LOOPBACK,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog);
	int err = bpf_tc_hook_create(&hook);

	for (u32 point = BPF_TC_INGRESS; !err && point <= BPF_TC_EGRESS; point++) {
		hook.attach_point = point;
		opts.handle = opts.priority = opts.prog_id = 0;
		opts.flags = 0;
		err = bpf_tc_attach(&hook, &opts);
	}
	errno = -err;
	return err ? -1 : 0;
}

/* Devices without XDP of their own have the kernel's generic one. */
static int attach_link(const struct trial *t, int prog)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = t->expected == BPF_XDP ? XDP_FLAGS_SKB_MODE : 0);
	int link = bpf_link_create(prog, LOOPBACK, t->expected, &opts);

	if (link >= 0)
		close(link);
	return link < 0 ? -1 : 0;
}

static void inside(const struct facts *f, const struct trial *t, int prog, struct finding *out)
{
	bool xdp = t->expected == BPF_XDP;

	if (unshare(CLONE_NEWNET)) {
		found(out, ANSWER_UNKNOWN,
		      "loaded; not attached, as that is tried in a network namespace of "
		      "its own only, which is refused: %s",
		      strerror(errno));
		remedy(out, "run doctor with CAP_SYS_ADMIN too, to know");
	} else if (t->expected ? attach_link(t, prog) : attach_tc(prog)) {
		explain(f, &t->need, errno, STEP_ATTACH, out);
	} else {
		found(out, ANSWER_YES, "loaded, and attached to a loopback device of its own%s",
		      xdp ? " (generic mode; native depends on the network card)" : "");
	}
}

/* Trying must not load kernel modules, which would stay. */
static bool tc_at_hand(const struct facts *f, struct finding *out)
{
	char ingress = facts_module(f, "CONFIG_NET_SCH_INGRESS", "sch_ingress");
	char bpf = facts_module(f, "CONFIG_NET_CLS_BPF", "cls_bpf");

	const char *missing = bpf == 'n' ? "CONFIG_NET_CLS_BPF" : "CONFIG_NET_SCH_INGRESS";

	if (ingress == 'y' && bpf == 'y')
		return true;
	if ((ingress == 'n' || bpf == 'n') && facts_config(f, missing) == 'n') {
		explain(f, &(struct need){.config = missing}, EOPNOTSUPP, STEP_ATTACH, out);
	} else if (ingress == 'n' || bpf == 'n') {
		found(out, ANSWER_NO, "the kernel module %s is missing",
		      bpf == 'n' ? "cls_bpf" : "sch_ingress");
		remedy(out, "install the kernel's package of further modules (linux-modules-extra, "
			    "kernel-"
			    "modules-extra)");
	} else if (ingress == '?' || bpf == '?') {
		found(out, ANSWER_UNKNOWN,
		      "loaded; not attached: whether the kernel has sch_ingress and cls_bpf "
		      "cannot be read");
		remedy(out, "modprobe -a sch_ingress cls_bpf, then ask again");
	} else {
		found(out, ANSWER_YES,
		      "loaded; its kernel modules are installed and load when first used (not "
		      "tried, as they would stay)");
	}
	return false;
}

void trial_net(const struct facts *f, const struct trial *t, struct finding *out)
{
	int prog = trial_load(f, t, 0, out), ends[2];
	pid_t child;

	if (prog < 0)
		return;
	if ((t->expected || tc_at_hand(f, out)) && !pipe(ends)) {
		child = fork();
		if (!child) {
			inside(f, t, prog, out);
			_exit(write(ends[1], out, sizeof(*out)) != sizeof(*out));
		}
		close(ends[1]);
		if (child < 0 || read(ends[0], out, sizeof(*out)) != sizeof(*out)) {
			found(out, ANSWER_UNKNOWN,
			      "the child process that tries it could not do so");
			remedy(out, "free some memory, then ask again");
		}
		close(ends[0]);
		while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(prog);
}
