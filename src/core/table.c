/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "table.h"
#include "conn.h"
#include "error.h"
#include "kernel.h"
#include "load.h"
#include "probes.h"

static const struct probe state = {
	.name = "inet_sock_set_state",
	.ways = {{"conn_on_state", PROBE_TP_BTF, "inet_sock_set_state", 3}},
};
static const struct probe gone = {
	.name = "tcp_destroy_sock",
	.id = 1,
	.ways = {{"conn_gone", PROBE_TP_BTF, "tcp_destroy_sock", 1}},
};

/* The program that tells who accepts; NULL: nobody does, and all descriptors are looked through
 * before each list. */
static const char *accepts;

static struct bpf_program *program(struct attach *a, const char *name)
{
	return bpf_object__find_program_by_name(a->obj, name);
}

static const char *find_accepts(void)
{
	struct kernel_name names[] = {{.name = "security_sock_graft", .kind = BTF_KIND_FUNC},
				      {.name = "inet_accept", .kind = BTF_KIND_FUNC}};

	if (via_refused(VIA_FENTRY) || !kernel_names(names, 2))
		return NULL;
	return names[0].id ? "conn_grafted" : names[1].id ? "conn_accepted" : NULL;
}

int table_setup(struct attach *a, u32 events, bool changes)
{
	static const char *const iterators[] = {"conn_scan", "conn_list_tcp", "conn_list_udp"};
	struct conn_told *told = attach_data(a, ".rodata.conns", sizeof(*told));

	if (!told)
		return FAIL;
	told->events = events;
	bpf_map__set_max_entries(bpf_object__find_map_by_name(a->obj, "ends"), 1);
	for (u32 i = 0; i < 3; i++)
		bpf_program__set_autoload(program(a, iterators[i]), true);
	if (!changes)
		return 0;
	probes_want(a, &state);
	probes_want(a, &gone);
	/* An end is told once more: what one program misses is no loss. */
	a->skips_lose = events != 1 << CONN_CLOSED;
	bpf_program__set_autoload(program(a, "conn_left"), true);
	bpf_program__set_autoload(program(a, "conn_left_kept"), true);
	/* Else the owner is who uses the connection first, as far as that is seen. */
	accepts = find_accepts();
	told->accepts = accepts != NULL;
	if (accepts)
		bpf_program__set_autoload(program(a, accepts), true);
	return 0;
}

/* Reads an iterator to its end; each: NULL, or what gets the records that it writes. */
static int read_all(struct run *run, struct bpf_link *link,
		    void (*each)(struct run *run, const struct rec *r))
{
	static char room[64 * sizeof(struct conn_rec)] __attribute__((aligned(8)));
	int fd = bpf_iter_create(bpf_link__fd(link)), err;
	size_t have = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		size_t at = 0;

		n = read(fd, room + have, sizeof(room) - have);
		if (n > 0)
			have += n;
		for (; each && have - at >= sizeof(struct conn_rec); at += sizeof(struct conn_rec))
			each(run, (struct rec *)(room + at));
		memmove(room, room + at, have - at);
		have -= at;
	} while (n > 0 || (n < 0 && errno == EAGAIN));
	err = n < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* map: whose elements, 0 where the iterator is not over those of a map. */
static int iterate(struct run *run, struct attach *a, const char *name, int map,
		   void (*each)(struct run *run, const struct rec *r))
{
	union bpf_iter_link_info info = {.map.map_fd = map};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	struct bpf_link *link = bpf_program__attach_iter(program(a, name), map ? &opts : NULL);
	int err = link ? read_all(run, link, each) : -errno;

	bpf_link__destroy(link);
	return err ? fail("the kernel's sockets cannot be listed (%s): %s", name, strerror(-err))
		   : 0;
}

int table_scan(struct attach *a)
{
	return iterate(NULL, a, "conn_scan", 0, NULL);
}

int table_attach(struct attach *a)
{
	struct bpf_program *prog = accepts ? program(a, accepts) : NULL;

	if (prog) {
		struct bpf_link *link = load_attach(prog);

		if (!link)
			note("who accepts a connection is not seen at once: %s", strerror(errno));
		else
			a->links[a->nlinks++] = link;
	}
	return table_scan(a);
}

static int set_kind(struct attach *a, u32 kind)
{
	int map = bpf_object__find_map_fd_by_name(a->obj, ".data.list");
	u32 zero = 0;

	if (bpf_map_update_elem(map, &zero, &kind, 0))
		return fail("the kernel's sockets cannot be listed: %s", strerror(errno));
	return 0;
}

int table_iterate(struct run *run, struct attach *a, const char *program, const char *map, u32 kind,
		  void (*each)(struct run *run, const struct rec *r))
{
	int fd = bpf_object__find_map_fd_by_name(a->obj, map);

	if (set_kind(a, kind))
		return FAIL;
	return iterate(run, a, program, fd, each);
}

/* conn_kept of kernel/table_watch.bpf.h. */
struct ends {
	u64 begun, ended, alive;
};

static bool ends_now(struct attach *a, struct ends *to)
{
	int map = bpf_object__find_map_fd_by_name(a->obj, ".data.kept");
	u32 zero = 0;

	return map >= 0 && !bpf_map_lookup_elem(map, &zero, to);
}

static int left(struct attach *a, const char *name, const char *map)
{
	int fd = bpf_object__find_map_fd_by_name(a->obj, map);

	return fd < 0 ? 0 : iterate(NULL, a, name, fd, NULL);
}

void table_left(struct attach *a)
{
	struct bpf_program *prog = a->obj ? program(a, "conn_left") : NULL;
	struct ends before, after;

	if (!prog || bpf_program__fd(prog) < 0 || !ends_now(a, &before))
		return;
	if (left(a, "conn_left", "conns_fast") || left(a, "conn_left_kept", "conns") ||
	    !ends_now(a, &after)) {
		note("%s", error_text());
		return;
	}
	/* What begins and what ends meanwhile makes it less, never more. */
	if (before.begun > after.ended + after.alive)
		a->left = before.begun - after.ended - after.alive;
}

/* Network namespaces that were visited, by inode. */
struct seen {
	ino_t *inos;
	u32 n, room;
};

static bool is_new(struct seen *s, ino_t ino)
{
	for (u32 i = 0; i < s->n; i++)
		if (s->inos[i] == ino)
			return false;
	if (s->n == s->room) {
		ino_t *more = realloc(s->inos, (s->room * 2 + 16) * sizeof(*more));

		if (!more)
			return false;
		s->inos = more;
		s->room = s->room * 2 + 16;
	}
	s->inos[s->n++] = ino;
	return true;
}

struct listing {
	struct run *run;
	struct attach *a;
	bool udp;
	void (*each)(struct run *run, const struct rec *r);
	struct seen seen;
};

static int list_here(struct listing *l)
{
	if (iterate(l->run, l->a, "conn_list_tcp", 0, l->each))
		return FAIL;
	return l->udp ? iterate(l->run, l->a, "conn_list_udp", 0, l->each) : 0;
}

/* An iterator shows the namespace in which it was opened. */
static int list_in(struct listing *l, const char *path, int home)
{
	const struct filter *f = &l->run->common.filter;
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;

	if (fd < 0)
		return 0; /* gone meanwhile */
	if (!fstat(fd, &st) && (!(f->have & FILTER_NETNS) || st.st_ino == f->netns) &&
	    is_new(&l->seen, st.st_ino) && !setns(fd, CLONE_NEWNET)) {
		err = list_here(l);
		if (setns(home, CLONE_NEWNET))
			err = fail("cannot go back to the network namespace: %s", strerror(errno));
	}
	close(fd);
	return err;
}

static int list_folder(struct listing *l, const char *folder, const char *rest, int home)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	int err = 0;

	while (dir && !err && (e = readdir(dir))) {
		char path[400];

		if (*e->d_name == '.' || (*rest && !isdigit((unsigned char)*e->d_name)))
			continue;
		snprintf(path, sizeof(path), "%s/%s%s", folder, e->d_name, rest);
		err = list_in(l, path, home);
	}
	if (dir)
		closedir(dir);
	return err;
}

int table_list(struct run *run, struct attach *a, u32 kind, bool udp,
	       void (*each)(struct run *run, const struct rec *r))
{
	struct listing l = {.run = run, .a = a, .udp = udp, .each = each};
	int home, err;

	if (set_kind(a, kind))
		return FAIL;
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return fail("the kernel's sockets cannot be listed: %s", strerror(errno));
	err = !accepts && kind == CONN_INTERVAL ? table_scan(a) : 0;
	if (!err)
		err = list_in(&l, "/proc/self/ns/net", home);
	if (!err)
		err = list_folder(&l, "/proc", "/ns/net", home);
	if (!err)
		err = list_folder(&l, "/run/netns", "", home);
	free(l.seen.inos);
	close(home);
	return err;
}
