/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <string.h>
#include "chains.h"
#include "columns.h"
#include "decode.h"
#include "drops.h"
#include "hit_decode.h"
#include "out.h"
#include "reason.h"
#include "spreads.h"
#include "stacks.h"
#include "tallies.h"
#include "whos.h"

/* Nothing to tell: "-" is for people. */
static void tell_none(struct verbs *v)
{
	if (v->ops == &verbs_text)
		v->ops->word(v, "-");
	else
		decode_none(v);
}

static void tell_kind_of(struct verbs *v, u32 number)
{
	static const char *const words[] = {
		[DROP_LOSS] = "loss", [DROP_NONE] = "no_loss", [DROP_UNKNOWN] = "unspecified"};
	static const char *const texts[] = {
		[DROP_LOSS] = "yes", [DROP_NONE] = "no", [DROP_UNKNOWN] = "?"};

	v->ops->word(v, (v->ops == &verbs_text ? texts : words)[reason_kind(number)]);
}

static void tell_symbol(struct verbs *v, u64 address)
{
	const char *text = address ? symbol_text(address) : NULL;

	if (text)
		v->ops->word(v, text);
	else if (address)
		v->ops->ptr(v, address);
	else
		tell_none(v);
}

static void tell_hook_of(struct verbs *v, const char *hook)
{
	if (hook)
		v->ops->word(v, hook);
	else
		decode_none(v);
}

/* Counted rows. */

u32 drops_reason(const struct rec *r)
{
	u16 what = tally_of(r)->key.what;

	return what > 1 ? WHAT_REASON(what) : 0;
}

static void tell_reason(struct verbs *v, const struct rec *r)
{
	if (drops_reason(r))
		decode_reason(v, drops_reason(r));
	else
		tell_none(v);
}

static void tell_kind(struct verbs *v, const struct rec *r)
{
	if (drops_reason(r))
		tell_kind_of(v, drops_reason(r));
	else
		tell_none(v);
}

static u64 place_of(const struct rec *r)
{
	return tally_of(r)->flags & TALLY_SYMBOL ? tally_of(r)->key.id : 0;
}

static bool at_hook(const struct rec *r)
{
	const char *name = reason_name(drops_reason(r));

	return name && !strcmp(name, "NETFILTER_DROP");
}

/* At a hook: what stands there, begins with who asked it. NULL: the place is told. */
static const char *asked(const struct rec *r)
{
	return at_hook(r) ? stack_text(place_of(r)) : NULL;
}

static const char *hook_at(const struct rec *r)
{
	const char *text = asked(r);

	if (!text && at_hook(r) && place_of(r))
		text = symbol_text(place_of(r));
	return hook_of(text);
}

static void tell_hook(struct verbs *v, const struct rec *r)
{
	tell_hook_of(v, hook_at(r));
}

static void tell_chains(struct verbs *v, const struct rec *r)
{
	chains_tell(v, asked(r) ? place_of(r) : 0);
}

/* In text behind the hook and what stands there. */
static void tell_place(struct verbs *v, const struct rec *r)
{
	const char *hook = v->ops == &verbs_text ? hook_at(r) : NULL, *text = asked(r);

	if (hook) {
		buf_text(v->b, hook);
		if (text)
			chains_text(v->b, place_of(r));
		buf_chr(v->b, ' ');
	}
	if (text && v->ops == &verbs_text)
		buf_safe_utf8(v->b, text, strcspn(text, "\n"));
	else if (text)
		v->ops->bytes(v, text, strcspn(text, "\n"), false);
	else
		tell_symbol(v, place_of(r));
}

static void tell_device(struct verbs *v, const struct rec *r)
{
	tell_chosen(v, tally_of(r)->key.name, sizeof(tally_of(r)->key.name));
}

#define CHAINS_HELP                                                                                \
	"of NETFILTER_DROP: base chains at the hook, and other functions, of which one dropped "   \
	"it: "                                                                                     \
	"where it is one, that did"

const struct column drops_counted[] = {
	TALLIES_COLUMNS(8),
	{"packets", "PACKETS", COL_UINT, COL_TEXT, T(n[DROPS_PACKETS]), 8, NULL, "dropped"},
	{"bytes", NULL, COL_UINT, 0, T(n[DROPS_BYTES]), 10, NULL,
	 "in them, headers as far as they were still there"},
	{"pid", "PID", COL_NEST, COL_TEXT, 0, 0, 7, tell_key_pid,
	 "process that has the socket; nothing where there is none or nobody is known"},
	{"comm", "COMM", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 15, tell_key_comm,
	 "its name; (other): all that found no room for a row of its own"},
	{"reason", "REASON", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 18, tell_reason,
	 "why, by the running kernel's name for it"},
	{"kind", "LOSS", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 4, tell_kind,
	 "loss; no_loss: used, or there already, or nobody's; unspecified: the kernel does not "
	 "say"},
	{"device", "DEVICE", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 10, tell_device,
	 "by device: where the packet was"},
	{"address", "ADDRESS", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 15, tell_end_addr,
	 "by source or destination: the packet's address"},
	{"port", "PORT", COL_NEST, COL_TEXT, 0, 0, 5, tell_end_port,
	 "by destination: the port there"},
	{"hook", NULL, COL_NEST, 0, 0, 0, 0, tell_hook,
	 "of NETFILTER_DROP: the hook, by the function that asked it"},
	{"chains", NULL, COL_NEST, COL_DATA_ONLY, 0, 0, 0, tell_chains, CHAINS_HELP},
	{"place", "PLACE", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 0, tell_place,
	 "function that dropped it; of NETFILTER_DROP, that asked the hook"},
	{"stack", NULL, COL_NEST, COL_DATA_ONLY, 0, 0, 0, tell_stack,
	 "by stack: kernel functions that led there, innermost first"},
	{0},
};

/* One by one. */

static const struct drop_rec *drop_of(const struct rec *r)
{
	return (const struct drop_rec *)r;
}

static void each_reason(struct verbs *v, const struct rec *r)
{
	decode_reason(v, drop_of(r)->reason);
}

static void each_kind(struct verbs *v, const struct rec *r)
{
	tell_kind_of(v, drop_of(r)->reason);
}

static void each_place(struct verbs *v, const struct rec *r)
{
	tell_symbol(v, drop_of(r)->place);
}

static const char *hook_each(const struct rec *r)
{
	return hook_of(drop_of(r)->caller ? symbol_text(drop_of(r)->caller) : NULL);
}

static void each_hook(struct verbs *v, const struct rec *r)
{
	tell_hook_of(v, hook_each(r));
}

static void each_chains(struct verbs *v, const struct rec *r)
{
	chains_tell(v, drop_of(r)->hook);
}

static void each_caller(struct verbs *v, const struct rec *r)
{
	if (drop_of(r)->caller)
		tell_symbol(v, drop_of(r)->caller);
	else
		decode_none(v);
}

static void each_device(struct verbs *v, const struct rec *r)
{
	tell_chosen(v, drop_of(r)->packet.dev, sizeof(drop_of(r)->packet.dev));
}

static void each_netns(struct verbs *v, const struct rec *r)
{
	if (drop_of(r)->netns)
		v->ops->uint(v, drop_of(r)->netns);
	else
		decode_none(v);
}

static void each_packet(struct verbs *v, const struct rec *r)
{
	decode_packet(v, &drop_of(r)->packet);
}

static void each_socket(struct verbs *v, const struct rec *r)
{
	decode_hit_sock(v, &drop_of(r)->sock);
}

/* NO_SOCKET at udp_unicast_rcv+0x1: lo UDP 127.0.0.1:1->127.0.0.1:2 41, and the frames below. */
static void each_line(struct verbs *v, const struct rec *r)
{
	const char *hook = hook_each(r);

	each_reason(v, r);
	if (hook) {
		buf_chr(v->b, ' ');
		buf_text(v->b, hook);
		chains_text(v->b, drop_of(r)->hook);
	}
	buf_str(v->b, " at ");
	each_place(v, r);
	buf_str(v->b, ": ");
	decode_packet_text(v->b, &drop_of(r)->packet);
	decode_frames(v->b, r);
}

#define D(member)                     COLUMN(struct drop_rec, member)
#define DATA(name, flags, tell, help) NEST(name, NULL, flags, 0, tell, help)

const struct column drops_each[] = {
	{"time", "TIME", COL_CLOCK, COL_TEXT, D(h.ts), 15, NULL, "when it was dropped"},
	WHO_COLUMNS,
	{"line", "DROP", COL_NEST, COL_TEXT | COL_TEXT_ONLY | COL_LEFT, 0, 0, 0, each_line,
	 "reason, place, device, packet"},
	DATA("netns", 0, each_netns, "network namespace of the device, or else of the socket"),
	DATA("reason", 0, each_reason, "why, by the running kernel's name for it"),
	DATA("kind", 0, each_kind, "loss, no_loss or unspecified"),
	DATA("place", 0, each_place, "function that dropped it"),
	DATA("hook", 0, each_hook, "of NETFILTER_DROP: the hook"),
	DATA("chains", COL_DATA_ONLY, each_chains, CHAINS_HELP),
	DATA("caller", 0, each_caller, "of NETFILTER_DROP: the function that asked the hook"),
	DATA("device", 0, each_device, "where the packet was"),
	DATA("packet", COL_DATA_ONLY, each_packet, "its headers"),
	DATA("socket", COL_DATA_ONLY, each_socket, "the socket that it was of or for"),
	DATA("stack", COL_DATA_ONLY, decode_stack, "--stack: kernel functions that led there"),
	{0},
};
