/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What doctor reads out of the kernel's texts, and whom it blames for a refusal. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/resource.h>
#include "tools/doctor/reason.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void releases(void **unused)
{
	(void)unused;
	assert_int_equal(parse_release("6.12.117+deb12-amd64"), KVER(6, 12));
	assert_int_equal(parse_release("5.8-rc3"), KVER(5, 8));
	assert_true(KVER(5, 11) < KVER(6, 1) && KVER(6, 1) < KVER(6, 12));
	assert_int_equal(parse_release("six"), 0);
	assert_int_equal(parse_release("6.x"), 0);
	assert_int_equal(parse_release(""), 0);
}

static void statuses(void **unused)
{
	static const char text[] = "Name:\tCapEff\nXCapEff:\t1\nCapEff:\t000001fffeffffff\n"
				   "Seccomp:\t2\nSeccomp_filters:\t7\nShdPnd:\tzz\n";
	u64 v = 0;

	(void)unused;
	assert_true(parse_status(text, "CapEff", 16, &v));
	assert_true(v == 0x1fffeffffffull);
	assert_true(parse_status(text, "Seccomp", 10, &v));
	assert_int_equal(v, 2);
	assert_false(parse_status(text, "CapBnd", 16, &v));
	assert_false(parse_status(text, "ShdPnd", 10, &v));
}

static void configs(void **unused)
{
	static const char text[] = "# CONFIG_KPROBES is not set\nCONFIG_BPF_SYSCALL=y\n"
				   "CONFIG_NET_CLS_BPF=m\nCONFIG_LSM=\"lockdown\"\nCONFIG_HZ=250\n"
				   "CONFIG_NAME=\"my\"\nCONFIG_YEAR=yes\nCONFIG_LAST=y";

	(void)unused;
	assert_int_equal(parse_config(text, "CONFIG_BPF_SYSCALL"), 'y');
	assert_int_equal(parse_config(text, "CONFIG_NET_CLS_BPF"), 'm');
	assert_int_equal(parse_config(text, "CONFIG_KPROBES"), 'n');
	assert_int_equal(parse_config(text, "CONFIG_BPF"), 'n'); /* not the longer one */
	assert_int_equal(parse_config(text, "BPF_SYSCALL"), 'n');
	assert_int_equal(parse_config(text, "CONFIG_LSM"), '=');
	assert_int_equal(parse_config(text, "CONFIG_HZ"), '=');
	assert_int_equal(parse_config(text, "CONFIG_YEAR"), '=');
	assert_int_equal(parse_config(text, "CONFIG_LAST"), 'y');
	assert_int_equal(parse_config("", "CONFIG_BPF"), 'n');
}

static void lockdowns(void **unused)
{
	(void)unused;
	assert_int_equal(parse_lockdown("[none] integrity confidentiality\n"), LOCKDOWN_NONE);
	assert_int_equal(parse_lockdown("none [integrity] confidentiality\n"), LOCKDOWN_INTEGRITY);
	assert_int_equal(parse_lockdown("none integrity [confidentiality]\n"),
			 LOCKDOWN_CONFIDENTIALITY);
	assert_int_equal(parse_lockdown("none integrity confidentiality"), LOCKDOWN_UNKNOWN);
	assert_int_equal(parse_lockdown(""), LOCKDOWN_UNKNOWN);
}

static void mounts(void **unused)
{
	static const char text[] =
		"24 30 0:22 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
		"31 24 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
		"32 24 0:27 / /a\\040b\\134c rw shared:9 master:1 - cgroup2 cgroup2 rw\n"
		"33 24 0:28 / /second rw - cgroup2 cgroup2 rw\n"
		"34 24 0:29 / /tracefs rw - tmpfs tracefs rw\n";
	char path[32] = "-";

	(void)unused;
	assert_int_equal(parse_mounts(text, "cgroup2", path, sizeof(path)), 2);
	assert_string_equal(path, "/a b\\c");
	assert_int_equal(parse_mounts(text, "cgroup", path, sizeof(path)), 1);
	assert_string_equal(path, "/sys/fs/cgroup/cpu");
	assert_int_equal(parse_mounts(text, "tracefs", path, sizeof(path)), 0);
	assert_int_equal(parse_mounts(text, "sysfs", path, 3), 1);
	assert_string_equal(path, "/s");
	assert_int_equal(parse_mounts(text, "sysfs", NULL, 0), 1);
	assert_int_equal(parse_mounts("", "sysfs", NULL, 0), 0);
}

static void words(void **unused)
{
	static const char modules[] =
		"kernel/net/sched/cls_bpf.ko.xz:\n"
		"kernel/net/cls_bpf.d/other.ko: kernel/net/sched/sch_ingress.ko\n"
		"kernel/net/ipv4/tcp_bbr.ko\n";

	(void)unused;
	assert_true(parse_cmdline("quiet lockdown=integrity\n", "lockdown=integrity"));
	assert_true(parse_cmdline("lockdown=integrity quiet", "lockdown=integrity"));
	assert_false(parse_cmdline("nolockdown=integrity", "lockdown=integrity"));
	assert_false(parse_cmdline("lockdown=integrityx y", "lockdown=integrity"));
	assert_true(parse_module(modules, "cls_bpf"));
	assert_true(parse_module(modules, "tcp_bbr"));
	assert_true(parse_module(modules, "other"));
	assert_false(parse_module(modules, "sch_ingress")); /* needed by one, not there itself */
	assert_false(parse_module(modules, "bpf"));
	assert_false(parse_module(modules, "cls"));
}

static const char *wrapped(const char *text, u32 indent, u32 width)
{
	static struct buf b;

	buf_clear(&b);
	wrap(&b, text, indent, width);
	buf_chr(&b, 0);
	return b.base;
}

static void wraps(void **unused)
{
	static const char text[] = "one two three four five six seven eight nine ten eleven";

	(void)unused;
	assert_string_equal(wrapped("", 4, 20), "");
	assert_string_equal(wrapped("one two", 4, 11), "one two");
	assert_string_equal(wrapped("one two", 4, 10), "one\n    two");
	assert_string_equal(wrapped("one  two ", 4, 20), "one two");
	assert_string_equal(wrapped("a word_that_is_longer_than_a_line b", 2, 8),
			    "a\n  word_that_is_longer_than_a_line\n  b");
	assert_string_equal(wrapped("a\033[2Jb", 2, 80), "a\\x1b[2Jb");
	for (u32 width = 12; width < 80; width++) {
		char *copy = strdup(wrapped(text, 5, width)), *rest = copy, *line;
		const char *next = text;

		for (u32 n = 0; (line = strsep(&rest, "\n")); n++) {
			assert_true(strlen(line) + (n ? 0 : 5) <= width);
			assert_true(!n || !strncmp(line, "     ", 5));
			line += n ? 5 : 0;
			assert_memory_equal(line, next, strlen(line)); /* no word is lost */
			next += strlen(line);
			next += *next == ' ';
		}
		assert_string_equal(next, "");
		free(copy);
	}
}

#define ALL     (CAP(BPF) | CAP(PERFMON) | CAP(NET_ADMIN) | CAP(SYS_ADMIN) | CAP(SYS_RESOURCE))
#define TRACING (CAP(BPF) | CAP(PERFMON))

/* A root of Linux 6.12 without any restriction. */
static struct facts root(void)
{
	static char config[] = "CONFIG_BPF=y\nCONFIG_KPROBES=y\n";
	struct facts f = {
		.release = KVER(6, 12),
		.config = config,
		.config_path = "/boot/config",
		.effective = ALL,
		.bounding = ALL,
		.held = ALL,
		.cap_last = 40,
		.initial = {KNOWN_YES, KNOWN_YES, KNOWN_YES, KNOWN_YES},
		.memlock = 64 << 10,
		.memcg = true,
		.lockdown = LOCKDOWN_NONE,
	};

	return f;
}

static struct finding why(const struct facts *f, const struct need *need, int err, enum step step)
{
	struct finding out = {.answer = ANSWER_YES};

	explain(f, need, err, step, &out);
	assert_int_equal(out.answer, ANSWER_NO);
	assert_int_equal(out.err, err);
	return out;
}

#define SAYS(text, part)     assert_non_null(strstr(text, part))
#define SAYS_NOT(text, part) assert_null(strstr(text, part))

static void missing_rights(void **unused)
{
	static const struct need need = {.caps = TRACING};
	struct facts f = root();
	struct finding out;

	(void)unused;
	f.effective = CAP(BPF);
	f.lockdown = LOCKDOWN_INTEGRITY; /* known, and not to blame */
	out = why(&f, &need, EPERM, STEP_LOAD);
	assert_string_equal(out.detail, "CAP_PERFMON is missing");
	SAYS(out.remedy, "sudo");
	f.effective = 0;
	f.bounding = ALL & ~CAP(PERFMON);
	out = why(&f, &need, EPERM, STEP_LOAD);
	assert_string_equal(out.detail, "CAP_BPF and CAP_PERFMON are missing");
	SAYS(out.remedy, "--cap-add cap_bpf,cap_perfmon");
	SAYS_NOT(out.remedy, "sudo");
	f.initial[SPACE_USER] = KNOWN_NO;
	out = why(&f, &need, EPERM, STEP_LOAD);
	SAYS(out.detail, "initial user namespace");
	SAYS(out.remedy, "outside of this user namespace");
}

static void rights_in_others(void **unused)
{
	struct facts f = root();

	(void)unused;
	f.effective = CAP(SYS_ADMIN);
	assert_true(caps_missing(&f, TRACING) == 0);
	assert_true(caps_missing(&f, CAP(NET_ADMIN)) == CAP(NET_ADMIN));
	f.effective = TRACING;
	assert_true(caps_missing(&f, TRACING) == 0);
	assert_true(caps_missing(&f, CAP(SYS_ADMIN)) == CAP(SYS_ADMIN));
	f.effective = 0;
	f.cap_last = 37; /* Linux 5.7 */
	assert_true(caps_missing(&f, TRACING) == CAP(SYS_ADMIN));
}

static void locked_down(void **unused)
{
	static const struct need kprobe = {TRACING, "CONFIG_KPROBES", KVER(4, 17),
					   LOCKDOWN_CONFIDENTIALITY, "weir does without"};
	static const struct need fexit = {TRACING, NULL, KVER(5, 5), LOCKDOWN_UNKNOWN, NULL};
	struct facts f = root();
	struct finding out;

	(void)unused;
	f.lockdown = LOCKDOWN_CONFIDENTIALITY;
	out = why(&f, &kprobe, EPERM, STEP_ATTACH);
	SAYS(out.detail, "the kernel is locked down (confidentiality)");
	SAYS(out.remedy, "boot without lockdown;");
	SAYS(out.remedy, "; weir does without");
	f.lockdown = LOCKDOWN_INTEGRITY; /* which allows both, upstream */
	out = why(&f, &kprobe, EPERM, STEP_ATTACH);
	SAYS(out.detail, "policy of this kernel, which is locked down (integrity)");
	out = why(&f, &fexit, EPERM, STEP_LOAD);
	SAYS(out.detail, "policy of this kernel, which is locked down (integrity)");
	f.lockdown = LOCKDOWN_NONE;
	out = why(&f, &fexit, EPERM, STEP_LOAD);
	SAYS_NOT(out.detail, "locked");
	f.seccomp = 2;
	out = why(&f, &fexit, EPERM, STEP_LOAD);
	SAYS(out.detail, "seccomp");
	f.loads = true; /* other types load: a filter cannot tell them apart */
	out = why(&f, &fexit, EPERM, STEP_LOAD);
	SAYS_NOT(out.detail, "seccomp");
}

/* What no right can change is told first, whoever asks. */
static void built_without(void **unused)
{
	static const struct need multi = {TRACING, "CONFIG_FPROBE", KVER(5, 18),
					  LOCKDOWN_CONFIDENTIALITY, NULL};
	struct facts f = root();
	struct finding out = why(&f, &multi, EOPNOTSUPP, STEP_ATTACH);

	(void)unused;
	SAYS(out.detail, "CONFIG_FPROBE is not set in /boot/config");
	f.effective = 0;
	out = why(&f, &multi, EPERM, STEP_LOAD);
	SAYS(out.detail, "CONFIG_FPROBE is not set in /boot/config");
	f.effective = ALL;
	f.config = NULL;
	out = why(&f, &multi, EOPNOTSUPP, STEP_ATTACH);
	SAYS(out.detail, strerror(EOPNOTSUPP));
	SAYS(out.remedy, "CONFIG_FPROBE");
	f.release = KVER(5, 15);
	out = why(&f, &multi, EINVAL, STEP_ATTACH);
	SAYS(out.detail, "it came with Linux 5.18");
}

static void memlock(void **unused)
{
	static const struct need need = {.caps = TRACING, .since = KVER(5, 8)};
	struct facts f = root();
	struct finding out;

	(void)unused;
	f.release = KVER(5, 10);
	f.memcg = false;
	f.effective = TRACING;
	for (int err = 0; err < 2; err++) {
		out = why(&f, &need, err ? ENOMEM : EPERM, STEP_MAP);
		SAYS(out.detail, "ulimit -l here, which is 64 KiB");
		SAYS(out.remedy, "ulimit -l unlimited");
	}
	out = why(&f, &need, EINVAL, STEP_MAP);
	SAYS_NOT(out.remedy, "ulimit");
	f.effective = 0; /* then this is the reason */
	out = why(&f, &need, EPERM, STEP_MAP);
	SAYS(out.detail, "are missing");
	f.effective = ALL; /* weir raises the limit itself */
	assert_false(memlock_short(&f));
	f.effective = TRACING;
	f.memlock = RLIM_INFINITY;
	assert_false(memlock_short(&f));
}

/* Whatever happens where BPF memory does not count against it, ulimit is never blamed. */
static void never_ulimit(void **unused)
{
	static const int errs[] = {EPERM,  EACCES, ENOMEM,     EINVAL,
				   ENOENT, ENOSYS, EOPNOTSUPP, E2BIG};
	static const u64 caps[] = {0, TRACING, ALL, CAP(SYS_ADMIN)};
	static const struct need needs[] = {
		{TRACING, NULL, KVER(5, 8), LOCKDOWN_UNKNOWN, NULL},
		{TRACING, "CONFIG_KPROBES", KVER(6, 18), LOCKDOWN_CONFIDENTIALITY,
		 "weir does without: it takes another way than this one, as it should"},
		{CAP(NET_ADMIN) | TRACING | CAP(SYS_ADMIN), "CONFIG_NOT", 0, LOCKDOWN_INTEGRITY,
		 NULL},
	};
	struct facts f = root();

	(void)unused;
	for (u32 i = 0; i < COUNT(errs) * COUNT(caps) * COUNT(needs) * 5 * 4 * 3 * 2; i++) {
		u32 k = i;
		struct finding out;
		int err = errs[k % COUNT(errs)];

		k /= COUNT(errs);
		f.effective = caps[k % COUNT(caps)];
		k /= COUNT(caps);
		const struct need *need = &needs[k % COUNT(needs)];

		k /= COUNT(needs);
		f.lockdown = k % 5;
		f.seccomp = k / 5 % 4 - 1;
		f.initial[SPACE_USER] = k / 20 % 3;
		f.bounding = k / 60 ? ALL : 0;
		out = why(&f, need, err, i % 2 ? STEP_LOAD : STEP_MAP);
		SAYS_NOT(out.detail, "ulimit");
		SAYS_NOT(out.remedy, "ulimit");
		assert_true(*out.detail && *out.remedy);
		assert_true(strlen(out.detail) < sizeof(out.detail) - 1); /* nothing was cut off */
		assert_true(strlen(out.remedy) < sizeof(out.remedy) - 1);
	}
}

static void names(void **unused)
{
	char text[128];

	(void)unused;
	caps_name(ALL, NULL, text, sizeof(text));
	assert_string_equal(text,
			    "cap_bpf,cap_perfmon,cap_net_admin,cap_sys_admin,cap_sys_resource");
	caps_name(CAP(SYSLOG), " and ", text, sizeof(text));
	assert_string_equal(text, "CAP_SYSLOG");
	caps_name(ALL, " and ", text, 10); /* cut, not overrun */
	assert_string_equal(text, "CAP_BPF a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases),
		cmocka_unit_test(statuses),
		cmocka_unit_test(configs),
		cmocka_unit_test(lockdowns),
		cmocka_unit_test(mounts),
		cmocka_unit_test(words),
		cmocka_unit_test(wraps),
		cmocka_unit_test(missing_rights),
		cmocka_unit_test(rights_in_others),
		cmocka_unit_test(locked_down),
		cmocka_unit_test(built_without),
		cmocka_unit_test(memlock),
		cmocka_unit_test(never_ulimit),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
