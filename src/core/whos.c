/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <string.h>
#include "cgroups.h"
#include "hit_decode.h"
#include "match.h"
#include "out.h"
#include "whos.h"

static void tell_none(struct verbs *v)
{
	if (v->ops == &verbs_text)
		v->ops->word(v, "-");
	else
		decode_none(v);
}

static void tell_number(struct verbs *v, const struct who *w, u64 n)
{
	if (w && w->pid)
		v->ops->uint(v, n);
	else
		tell_none(v);
}

void tell_chosen(struct verbs *v, const char *s, size_t n)
{
	n = strnlen(s, n);
	if (!n) {
		tell_none(v);
	} else if (v->ops != &verbs_json) {
		buf_safe_utf8(v->b, s, n);
	} else {
		buf_chr(v->b, '"');
		buf_json_utf8(v->b, s, n);
		buf_chr(v->b, '"');
	}
}

void tell_who_pid(struct verbs *v, const struct rec *r)
{
	const struct who *w = rec_who(r);

	tell_number(v, w, w ? w->pid : 0);
}

void tell_who_tid(struct verbs *v, const struct rec *r)
{
	const struct who *w = rec_who(r);

	tell_number(v, w, w ? w->tid : 0);
}

void tell_who_uid(struct verbs *v, const struct rec *r)
{
	const struct who *w = rec_who(r);

	tell_number(v, w, w ? w->uid : 0);
}

void tell_who_comm(struct verbs *v, const struct rec *r)
{
	const struct who *w = rec_who(r);

	if (w && w->pid)
		tell_chosen(v, w->comm, sizeof(w->comm));
	else
		tell_none(v);
}

void tell_who_cgroup(struct verbs *v, const struct rec *r)
{
	const struct who *w = rec_who(r);
	const char *path = w && w->pid ? cgroup_path(w->cgroup) : NULL;

	if (path)
		tell_chosen(v, path, strlen(path));
	else
		tell_number(v, w, w ? w->cgroup : 0);
}

void tell_key_pid(struct verbs *v, const struct rec *r)
{
	const struct tally_rec *t = (const struct tally_rec *)r;

	if (t->key.pid)
		v->ops->uint(v, t->key.pid);
	else
		tell_none(v);
}

void tell_key_comm(struct verbs *v, const struct rec *r)
{
	const struct tally_rec *t = (const struct tally_rec *)r;

	tell_chosen(v, t->key.comm, sizeof(t->key.comm));
}
