/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "devices.h"
#include "error.h"
#include "expr.h"
#include "hook.h"
#include "locals.h"
#include "packets.h"
#include "refused.h"
#include "tidy.h"

/* enum bpf_attach_type of Linux 6.6: e420bed02507 */
#define TCX_INGRESS 46
#define TCX_EGRESS  47
#define TCX_BEFORE  (1u << 3) /* BPF_F_BEFORE: in front of all others */

enum side { IN, OUT, XDP, SIDES };
static const char *const programs[SIDES] = {"packets_in", "packets_out", "packets_xdp"};

struct hook_device {
	u32 ifindex;
	u16 link;
	bool left; /* cannot be traced, and that was said */
	bool gone;
	bool down; /* and that was said */
	char name[IF_NAMESIZE];
	int links[SIDES]; /* descriptors, 0: none */
};

static struct hook_device *devices;
static u32 ndevices, nlive;
static int events = -1; /* devices_open() */
static int locals = -1; /* locals_open() */
static const struct hook_want *wanted;
static struct attach *to;
static bool any, running, tcx_missing;
static char why[512]; /* why the device that was tried last is left */

/* The filter's program by link type and side, loaded once. */
static struct {
	u16 link;
	int fd[SIDES];
} filters[4];

bool hook_filter_here;

static struct hook_device *device_of(u32 ifindex)
{
	for (u32 i = 0; i < ndevices; i++)
		if (devices[i].ifindex == ifindex)
			return &devices[i];
	return NULL;
}

/* What its frames begin with, by the type of the device; 0: unknown. */
static u16 link_of(const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = {};
	int err;

	snprintf(req.ifr_name, IFNAMSIZ, "%s", name);
	err = fd < 0 ? -1 : ioctl(fd, SIOCGIFHWADDR, &req);
	if (fd >= 0)
		close(fd);
	if (err)
		return 0;
	switch (req.ifr_hwaddr.sa_family) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK: return LINK_ETHER;
	case ARPHRD_NONE:
	case 519: /* ARPHRD_RAWIP */
	case 823: /* ARPHRD_IP6GRE */
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE: return LINK_RAW;
	default: return 0;
	}
}

static int program(const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(to->obj, name));
}

static int map(const char *name)
{
	return bpf_object__find_map_fd_by_name(to->obj, name);
}

/* The program to attach on a side: the filter, or what follows it. FAIL: with a reason. */
static int program_for(u16 link, enum side side)
{
	struct cbpf_how how = {.hook = side == XDP ? CBPF_XDP : CBPF_TC,
			       .tags = side != XDP,
			       .map = map(side == XDP ? "packets_xdps" : "packets_tc"),
			       .index = side == OUT,
			       .refused = side == XDP ? 2 /* XDP_PASS */ : -1 /* TC_ACT_UNSPEC */};
	int next = program(programs[side]), fd;
	const char *said;
	u32 i = 0;

	if (!expr_given() || hook_filter_here)
		return next;
	while (i < 3 && filters[i].link && filters[i].link != link)
		i++;
	filters[i].link = link;
	if (filters[i].fd[side])
		return filters[i].fd[side];
	if (bpf_map_update_elem(how.map, &how.index, &next, BPF_ANY))
		return fail("the kernel's filter cannot be joined to the program: %s",
			    strerror(errno));
	fd = expr_program(link, &how, &said);
	if (fd == -EXPR_TOO_LARGE) {
		note("the filter runs in user space, after packets were copied: %s", said);
		hook_filter_here = true;
		return next;
	}
	if (fd < 0)
		return FAIL;
	filters[i].fd[side] = fd;
	attach_program(to, fd);
	return fd;
}

static int link_create(int prog, u32 ifindex, u32 type, u32 flags)
{
	union bpf_attr attr = {};

	attr.link_create.prog_fd = prog;
	attr.link_create.target_ifindex = ifindex;
	attr.link_create.attach_type = type;
	attr.link_create.flags = flags;
	return syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
}

static int attach_tc(struct hook_device *d, enum side side)
{
	int prog = program_for(d->link, side), fd = -1, err = 0;

	if (prog < 0)
		return FAIL;
	if (!tcx_missing)
		fd = link_create(prog, d->ifindex, side == OUT ? TCX_EGRESS : TCX_INGRESS,
				 TCX_BEFORE);
	if (fd >= 0) {
		d->links[side] = fd;
		return 0;
	}
	if (!tcx_missing && errno != EINVAL)
		return fail("%s", strerror(errno));
	tcx_missing = true;
	err = tidy_attach(d->ifindex, prog, side == OUT);
	return err ? fail("%s", strerror(-err)) : 0;
}

static int describe(const struct hook_device *d, u8 bits)
{
	static struct packets_device places[PACKETS_PLACES];
	struct packets_device about = {.ifindex = d->ifindex, .link = d->link, .bits = bits};
	u32 zero = 0;

	places[d->ifindex % PACKETS_PLACES] = about;
	return bpf_map_update_elem(map("packets_devices"), &d->ifindex, &about, BPF_ANY) ||
			       bpf_map_update_elem(map(".data.packets_places"), &zero, places,
						   BPF_ANY)
		       ? fail("the kernel half's memory cannot be written: %s", strerror(errno))
		       : 0;
}

/* Native, else generic; taken: by somebody else's program, which stays. */
static int attach_xdp(struct hook_device *d, bool *taken)
{
	int prog = program_for(d->link, XDP), fd, native;

	*taken = false;
	if (prog < 0)
		return FAIL;
	fd = link_create(prog, d->ifindex, BPF_XDP, XDP_FLAGS_DRV_MODE);
	native = fd < 0 ? errno : 0;
	if (fd < 0 && native != EBUSY && native != EEXIST) {
		if (describe(d, PACKET_GENERIC))
			return FAIL;
		fd = link_create(prog, d->ifindex, BPF_XDP, XDP_FLAGS_SKB_MODE);
	}
	if (fd < 0 && (errno == EBUSY || errno == EEXIST)) {
		*taken = true;
		return 0;
	}
	if (fd < 0)
		return fail("XDP is refused: %s", strerror(errno));
	d->links[XDP] = fd;
	if (!wanted->quiet && !native)
		note("%s: XDP in the driver (native)", d->name);
	else if (!wanted->quiet)
		note("%s: generic XDP, after the driver (native: %s)", d->name, strerror(native));
	return 0;
}

static int attach_device(struct hook_device *d)
{
	bool taken = false;

	d->link = link_of(d->name);
	if (!d->link)
		return fail("its frames are of a kind that weir does not know");
	if (d->link != LINK_ETHER && describe(d, 0))
		return FAIL;
	if (wanted->at & AT_XDP && attach_xdp(d, &taken))
		return FAIL;
	if (taken)
		note("%s has an XDP program already, which stays: what arrives there is traced at "
		     "tc",
		     d->name);
	if ((wanted->at & AT_TC || taken) && attach_tc(d, IN))
		return FAIL;
	return wanted->at & (AT_TC | AT_OUT) ? attach_tc(d, OUT) : 0;
}

static void close_links(struct hook_device *d)
{
	for (u32 i = 0; i < SIDES; i++) {
		if (d->links[i])
			close(d->links[i]);
		d->links[i] = 0;
	}
}

static bool is_wanted(const char *name)
{
	for (u32 i = 0; i < wanted->names->n; i++)
		if (!strcmp(wanted->names->word[i], name))
			return true;
	return any;
}

static void look_if_up(struct hook_device *d)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = {};
	bool down;

	snprintf(req.ifr_name, IFNAMSIZ, "%s", d->name);
	down = fd >= 0 && !ioctl(fd, SIOCGIFFLAGS, &req) && !(req.ifr_flags & IFF_UP);
	if (fd >= 0)
		close(fd);
	if (down != d->down && !wanted->quiet && !d->left)
		note(down ? "%s is down: it has packets once it is up" : "%s is up", d->name);
	d->down = down;
}

static void on_gone(struct hook_device *d)
{
	if (!d || d->gone)
		return;
	d->gone = true;
	close_links(d);
	if (d->left)
		return;
	nlive--;
	if (!wanted->quiet)
		note("%s is gone", d->name);
}

/* The place of a device that was not there before, or was gone. */
static struct hook_device *place_for(u32 ifindex, const char *name)
{
	struct hook_device *d = device_of(ifindex), *more;

	if (!d) {
		more = realloc(devices, (ndevices + 1) * sizeof(*devices));
		if (!more)
			return NULL;
		devices = more;
		d = &devices[ndevices++];
	}
	*d = (struct hook_device){.ifindex = ifindex};
	snprintf(d->name, sizeof(d->name), "%s", name);
	return d;
}

/* A device that is there, has come, or has another name now; NULL: it has gone. */
static void on_device(void *arg, u32 ifindex, const char *name)
{
	struct hook_device *d = device_of(ifindex);

	(void)arg;
	if (!name) {
		on_gone(d);
		return;
	}
	if (d && !d->gone) {
		if (strcmp(d->name, name) && !d->left && !wanted->quiet)
			note("%s is called %s now", d->name, name);
		snprintf(d->name, sizeof(d->name), "%s", name);
		return;
	}
	if (!is_wanted(name))
		return;
	d = place_for(ifindex, name);
	if (!d)
		return;
	if (!attach_device(d)) {
		nlive++;
		if (running && !wanted->quiet)
			note("%s is new, and traced from now on", name);
		if (!any)
			look_if_up(d);
		return;
	}
	d->left = true;
	close_links(d);
	snprintf(why, sizeof(why), "%s", error_text());
	if (any || running)
		note("%s is not traced: %s", name, why);
}

int hook_enter(const char *where)
{
	char path[64];
	int fd, err;

	if (where[strspn(where, "0123456789")] == 0) {
		snprintf(path, sizeof(path), "/proc/%s/ns/net", where);
		where = path;
	}
	fd = open(where, O_RDONLY | O_CLOEXEC);
	err = fd < 0 || setns(fd, CLONE_NEWNET) ? errno : 0;
	if (fd >= 0)
		close(fd);
	return err ? fail("the network namespace %.200s cannot be entered: %s", where,
			  strerror(err))
		   : 0;
}

static void hook_close(void)
{
	for (u32 i = 0; i < ndevices; i++)
		close_links(&devices[i]);
	tidy_end();
	if (events >= 0)
		close(events);
	if (locals >= 0)
		close(locals);
	events = locals = -1;
}

static void want_program(struct attach *a, enum side side)
{
	bpf_program__set_autoload(bpf_object__find_program_by_name(a->obj, programs[side]), true);
}

int hook_setup(struct attach *a, const struct hook_want *want)
{
	want_program(a, IN); /* at XDP too: its place may be taken */
	if (want->at & (AT_TC | AT_OUT))
		want_program(a, OUT);
	if (want->at & AT_XDP)
		want_program(a, XDP);
	return 0;
}

int hook_attach(struct attach *a, const struct hook_want *want)
{
	char text[64];

	wanted = want;
	to = a;
	any = !want->names->n;
	for (u32 i = 0; i < want->names->n; i++) {
		const char *name = want->names->word[i];

		if (!strcmp(name, "any"))
			any = true;
		else if (strlen(name) >= IF_NAMESIZE || !if_nametoindex(name))
			return usage("there is no interface '%.60s%s'; ip link lists them", name,
				     strlen(name) > 60 ? "..." : "");
	}
	a->ending = hook_close;
	locals = locals_open(map("packets_locals"));
	events = devices_open(on_device, NULL);
	running = true;
	if (!nlive && *why)
		return fail("%s cannot be traced: %s", ndevices ? devices[0].name : "nothing", why);
	if (!any && nlive < want->names->n && *why)
		for (u32 i = 0; i < ndevices; i++)
			if (devices[i].left)
				return fail("%s cannot be traced: %s", devices[i].name, why);
	if (!nlive && !any)
		return fail("there is no interface to trace");
	snprintf(text, sizeof(text), "%u interface%s", nlive, nlive == 1 ? "" : "s");
	attach_traced(a, text,
		      want->at == AT_XDP  ? "XDP"
		      : want->at == AT_TC ? "tc"
					  : "XDP and tc");
	return 0;
}

#define POLL_MS 200

bool hook_poll(struct attach *a)
{
	static u64 last;
	struct timespec now;
	u64 ms;

	(void)a;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	ms = now.tv_sec * 1000ull + now.tv_nsec / 1000000;
	if (ms - last < POLL_MS)
		return false;
	last = ms;
	locals_poll(locals, map("packets_locals"));
	devices_poll(events, on_device, NULL);
	for (u32 i = 0; i < ndevices; i++) {
		struct hook_device *d = &devices[i];
		char name[IF_NAMESIZE];

		if (d->gone)
			continue;
		if (if_indextoname(d->ifindex, name)) {
			if (!any)
				look_if_up(d);
			continue;
		}
		on_gone(d);
	}
	return !nlive && !any;
}
