/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir replay: a recording through everything right of the ring, without root, on any machine. */
#include <string.h>
#include "account.h"
#include "cgroups.h"
#include "decode.h"
#include "error.h"
#include "file.h"
#include "hit_decode.h"
#include "match.h"
#include "reason.h"
#include "run.h"
#include "stacks.h"

static void play_one(struct run *run, const struct rec *r)
{
	const struct name_rec *name = (const void *)r;
	const struct end_rec *end = (const void *)r;

	if (r->type == REC_NAME) {
		if (name->len > r->len - r->fixed)
			return;
		out_forget(run->out);
		if (name->space == NAME_CGROUP)
			cgroup_learn(name->id, name->name, name->len);
		else if (name->space == NAME_NETDEV)
			netdev_learn(name->id >> 32, name->id, name->name, name->len);
		else if (name->space == NAME_STACK)
			stack_learn(name->id, name->name, name->len);
		else if (name->space == NAME_PROBE)
			probe_learn(name->id, name->name, name->len);
		else if (name->space == NAME_SYMBOL)
			symbol_learn(name->id, name->name, name->len);
		else if (name->space == NAME_REASON)
			reason_learn(name->id, name->name, name->len);
		else if (name->space == NAME_GENL)
			genl_learn(name->id, name->name, name->len);
	} else if (r->type == REC_NOTICE) {
		if (match_task(&run->common.filter, &((const struct notice_rec *)r)->who))
			run_notice(run, (const struct notice_rec *)r);
	} else if (r->type == REC_END) {
		memcpy(run->lost, end->lost, sizeof(run->lost));
	} else if (r->type < REC_MAX && run->tool->records >> r->type & 1 &&
		   match_rec(&run->common.filter, r)) {
		if (!run->tool->hidden || !run->tool->hidden(run, r))
			run_event(run, r);
	}
}

static int replay(struct run *run, struct file_reader *file)
{
	const struct rec *r;
	int more = 0;

	run->world = (struct out_world){file->head.wall_ns, file->head.zone_s, cgroup_path};
	if (run_open(run))
		return FAIL;
	/* this machine's families and cgroups are not those of the recording */
	genl_learn(0, "", 0);
	cgroup_learn(0, "", 0);
	/* After the last that -n wants, what was lost is looked for, which stands at the end. */
	while (!run->broken && (more = file_next(file, &r)) > 0)
		if (!run->stop || r->type == REC_END)
			play_one(run, r);
	if (run->tool->tick && run->tool->tick(run, NULL, true))
		more = FAIL;
	if (!run->headed)
		run_head(run);
	if (run_close(run, NULL))
		return 1; /* told already */
	return more < 0 ? more : 0;
}

/* Takes the file's name out of argv; the other words are those of the tool that was recorded. */
static const char *take_file(int *argc, char **argv)
{
	const char *path = NULL;

	if (*argc > 1 && (argv[1][0] != '-' || !argv[1][1])) {
		path = argv[1];
		memmove(argv + 1, argv + 2, (*argc - 1) * sizeof(*argv));
		--*argc;
	}
	return path;
}

static int prepare(struct run *run, struct file_reader *file, const char *path, int argc,
		   char **argv)
{
	const struct common *c = &run->common;
	int err;

	if (!path)
		return usage("replay needs the file first: weir replay FILE [options]");
	if (file_open(file, path))
		return FAIL;
	run->replay = true;
	run->file = path;
	run->tool = tool_find(file->head.tool);
	if (!run->tool || run->tool->main)
		return fail("%s holds records of a tool that this weir does not have: '%s'", path,
			    file->head.tool);
	err = options_parse(run->tool, &run->common, argc, argv);
	if (err || run->common.help)
		return err;
	if (c->command)
		return usage("replay starts nothing: it has no use for '%s'", *c->command);
	if (c->live)
		return usage("replay reads a recording: --%s is for live runs", c->live);
	return run->tool->check ? run->tool->check(run) : 0;
}

static int replay_main(const struct tool *t, int argc, char **argv)
{
	static struct run run;
	static struct file_reader file;
	const char *path = take_file(&argc, argv);
	int err;

	if (!path && argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		options_help(t);
		return 0;
	}
	err = prepare(&run, &file, path, argc, argv);
	if (!err && run.common.help)
		options_help(t);
	else if (!err)
		err = replay(&run, &file);
	if (err < 0)
		note("%s", error_text());
	file_close(&file);
	return err == USAGE ? 2 : err ? 1 : 0;
}

static const struct tool replay_tool = {
	.name = "replay",
	.summary = "show a recording (--record FILE) as the live run would have",
	.usage = "FILE [options of the tool that recorded it]",
	.lacks = COMMON(DURATION) | COMMON(INTERVAL) | COMMON(RECORD) | COMMON(RING) | COMMON(WAY),
	.main = replay_main,
};
TOOL(replay_tool);
