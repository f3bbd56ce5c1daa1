/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include "reason.h"

void found(struct finding *out, enum answer answer, const char *fmt, ...)
{
	va_list args;

	out->answer = answer;
	va_start(args, fmt);
	vsnprintf(out->detail, sizeof(out->detail), fmt, args);
	va_end(args);
}

void remedy(struct finding *out, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(out->remedy, sizeof(out->remedy), fmt, args);
	va_end(args);
}

const char *lockdown_name(enum lockdown level)
{
	static const char *const names[] = {"unknown", "none", "level unknown", "integrity",
					    "confidentiality"};

	return names[level];
}

u64 caps_missing(const struct facts *f, u64 caps)
{
	u64 missing = caps & ~f->effective;

	if (f->effective & CAP(SYS_ADMIN))
		return missing & ~(CAP(BPF) | CAP(PERFMON));
	/* Before 5.8 there were neither of them. */
	if (missing & (CAP(BPF) | CAP(PERFMON)) && f->cap_last < CAP_NR_BPF)
		missing = (missing & ~(CAP(BPF) | CAP(PERFMON))) | CAP(SYS_ADMIN);
	return missing;
}

void caps_name(u64 caps, const char *join, char *text, size_t size)
{
	static const struct {
		u64 cap;
		const char *name;
	} names[] = {{CAP(BPF), "CAP_BPF"},
		     {CAP(PERFMON), "CAP_PERFMON"},
		     {CAP(NET_ADMIN), "CAP_NET_ADMIN"},
		     {CAP(SYS_ADMIN), "CAP_SYS_ADMIN"},
		     {CAP(SYSLOG), "CAP_SYSLOG"},
		     {CAP(SYS_RESOURCE), "CAP_SYS_RESOURCE"}};
	size_t at = 0;

	*text = 0;
	for (u32 i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!(caps & names[i].cap) || at >= size)
			continue;
		caps &= ~names[i].cap;
		at += snprintf(text + at, size - at, "%s%s", names[i].name,
			       !caps  ? ""
			       : join ? join
				      : ",");
	}
	for (char *c = text; !join && *c; c++)
		*c = tolower((unsigned char)*c);
}

void remedy_caps(const struct facts *f, u64 missing, struct finding *out)
{
	char names[128];

	caps_name(missing, NULL, names, sizeof(names));
	if (f->initial[SPACE_USER] == KNOWN_NO)
		remedy(out, "run weir outside of this user namespace, as root of the host");
	else if (missing & ~f->bounding && *f->container)
		remedy(out, "start the container with it (docker, podman: --cap-add %s)", names);
	else if (missing & ~f->bounding)
		remedy(out,
		       "whatever started this session took it away (systemd: "
		       "CapabilityBoundingSet=, "
		       "containers: --cap-add %s); start weir outside of it",
		       names);
	else if (missing & ~(CAP(BPF) | CAP(PERFMON) | CAP(NET_ADMIN)))
		remedy(out, "run weir as root (sudo)");
	else
		remedy(out, "run weir as root (sudo), or setcap "
			    "cap_bpf,cap_perfmon,cap_net_admin=ep weir");
}

bool memlock_short(const struct facts *f)
{
	return !f->memcg && f->memlock < MEMLOCK_WANTED && !(f->effective & CAP(SYS_RESOURCE));
}

static void without(const struct need *need, struct finding *out)
{
	size_t n = strlen(out->remedy);

	if (need->without)
		snprintf(out->remedy + n, sizeof(out->remedy) - n, "%s%s", n ? "; " : "",
			 need->without);
}

static const char *const refused[] = {
	[STEP_MAP] = "refused when created",     [STEP_LOAD] = "refused when loaded",
	[STEP_ATTACH] = "refused when attached", [STEP_RUN] = "refused when run",
	[STEP_READ] = "refused when opened",
};

/* Every right is held, and still: what else is known to say no? */
static void explain_policy(const struct facts *f, const struct need *need, int err, enum step step,
			   struct finding *out)
{
	const char *how = strerror(err), *level = lockdown_name(f->lockdown);

	if (f->lockdown > LOCKDOWN_SOME && need->locked > LOCKDOWN_SOME &&
	    f->lockdown >= need->locked) {
		found(out, ANSWER_NO, "%s (%s): the kernel is locked down (%s)", refused[step], how,
		      level);
		remedy(out, "boot without lockdown; no right and no limit changes this");
	} else if (f->seccomp > 0 && !(step == STEP_LOAD && f->loads)) {
		found(out, ANSWER_NO,
		      "%s (%s) with no right missing: perhaps by the seccomp filter on this "
		      "process",
		      refused[step], how);
		remedy(out, "docker, podman: --security-opt seccomp=unconfined; systemd: "
			    "SystemCallFilter=");
	} else if (f->lockdown >= LOCKDOWN_SOME) {
		found(out, ANSWER_NO,
		      "%s (%s) with no right missing: policy of this kernel, which is locked "
		      "down (%s)",
		      refused[step], how, level);
		remedy(out, "boot without lockdown, or another kernel; no right and no limit "
			    "changes this");
	} else {
		found(out, ANSWER_NO, "%s (%s) with no right missing: policy of a security module?",
		      refused[step], how);
		remedy(out, "its log tells: dmesg, or journalctl -t audit");
	}
	without(need, out);
}

static void explain_rights(const struct facts *f, u64 missing, struct finding *out)
{
	char names[128];

	caps_name(missing, " and ", names, sizeof(names));
	if (f->initial[SPACE_USER] == KNOWN_NO)
		found(out, ANSWER_NO,
		      "%s must be held in the initial user namespace; this is another", names);
	else
		found(out, ANSWER_NO, "%s %s missing", names,
		      missing & (missing - 1) ? "are" : "is");
	remedy_caps(f, missing, out);
}

static bool built_without(const struct facts *f, const struct need *need, struct finding *out)
{
	if (!need->config || facts_config(f, need->config) != 'n')
		return false;
	if (f->release && f->release < need->since)
		return false; /* nor could it be */
	found(out, ANSWER_NO, "this kernel is built without: %s is not set in %s", need->config,
	      f->config_path);
	remedy(out, "another kernel, built with it; no right and no limit changes this");
	without(need, out);
	return true;
}

void explain(const struct facts *f, const struct need *need, int err, enum step step,
	     struct finding *out)
{
	bool denied = err == EPERM || err == EACCES;
	u64 missing = caps_missing(f, need->caps);

	out->err = err;
	if (built_without(f, need, out))
		return;
	if (f->release && f->release < need->since && !(denied && missing)) {
		found(out, ANSWER_NO, "%s (%s): it came with Linux %u.%u", refused[step],
		      strerror(err), need->since >> 8, need->since & 255);
		remedy(out, "a kernel as new as that");
		without(need, out);
	} else if (denied && missing) {
		explain_rights(f, missing, out);
	} else if ((err == EPERM || err == ENOMEM) && memlock_short(f)) {
		found(out, ANSWER_NO,
		      "%s (%s): memory for BPF counts against ulimit -l here, which is %llu "
		      "KiB",
		      refused[step], strerror(err), (unsigned long long)f->memlock / 1024);
		remedy(out, "ulimit -l unlimited (before Linux 5.11 only)");
	} else if (denied) {
		explain_policy(f, need, err, step, out);
	} else {
		found(out, ANSWER_NO, "%s: %s", refused[step], strerror(err));
		if (need->config && facts_config(f, need->config) == '?')
			remedy(out, "a kernel built with %s, if this one is not", need->config);
		else
			remedy(out, "none known; weir doctor -v tells the kernel's own words");
		without(need, out);
	}
}
