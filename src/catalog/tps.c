/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Tracepoints: what tracefs lists, what BTF has, and their fields. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "buf.h"
#include "inside.h"

/* What is kept of one beside what callers see. */
struct item {
	struct kernel_tp tp; /* first: a pointer to it is one to the item */
	struct kernel_field *fields;
	u32 nfields;
	bool asked;
	char *text; /* that the fields point into */
};

static struct item **items; /* each in memory of its own: pointers to them stay */
static u32 nitems, room;
static struct kernel_tp *listed;
static u32 nlisted;

/* As weir trace does: a record has the fields as the kernel prints them, so it comes first. */
static void choose(struct kernel_tp *tp)
{
	static const enum via order[] = {VIA_TP, VIA_TP_BTF, VIA_RAW_TP};
	const char *why = NULL;

	for (u32 i = 0; i < 3 && !tp->via; i++) {
		bool here = order[i] == VIA_TP ? tp->event : tp->btf_id != 0;

		if (here && !via_refused(order[i]))
			tp->via = order[i];
		else if (here)
			why = via_refused(order[i]);
	}
	if (tp->via)
		return;
	tp->lack = LACK_REFUSED;
	snprintf(tp->why, sizeof(tp->why), "%s", why ? why : "neither tracefs nor BTF lists it");
}

/* btf_trace_NAME; types NULL: BTF has none. */
struct typedef_of {
	const struct kernel_types *types;
	u32 id;
};

static struct item *add(const char *group, const char *name, struct typedef_of found, bool event)
{
	struct item *item = calloc(1, sizeof(*item));
	struct item **more;

	if (nitems == room) {
		more = realloc(items, (room + 64) * sizeof(*items));
		if (!more || !item) {
			free(item);
			return NULL;
		}
		items = more;
		room += 64;
	}
	item->tp = (struct kernel_tp){.group = strdup(group), .name = strdup(name), .event = event};
	if (found.types) {
		const struct raw_btf *btf = found.types->btf;
		const struct btf_type *t = raw_type(btf, raw_type(btf, found.id)->type);

		item->tp.types = found.types;
		item->tp.btf_id = found.id;
		item->tp.proto = btf_is_ptr(t) ? t->type : 0;
	}
	choose(&item->tp);
	items[nitems++] = item;
	return item;
}

static struct item *kept(const char *group, const char *name)
{
	for (u32 i = 0; i < nitems; i++)
		if (!strcmp(items[i]->tp.name, name) &&
		    (!group || !strcmp(items[i]->tp.group, group)))
			return items[i];
	return NULL;
}

/* The BTF of a tracepoint; one name is there once, whatever its group. */
static struct typedef_of typed(const char *name)
{
	struct typedef_of found = {.types = kernel_types_own()};
	char typedefed[160];
	u32 n = 0;

	snprintf(typedefed, sizeof(typedefed), "btf_trace_%s", name);
	if (found.types && kernel_type(found.types, typedefed, BTF_KIND_TYPEDEF, &found.id))
		return found;
	found.types = kernel_types(&n);
	for (u32 i = 1; i < n; i++)
		if (kernel_type(++found.types, typedefed, BTF_KIND_TYPEDEF, &found.id))
			return found;
	return (struct typedef_of){.types = NULL};
}

static void list_group(const char *group)
{
	char path[128];
	struct dirent *e;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "events/%s", group);
	fd = openat(kernel_tracefs(), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && (e = readdir(dir)))
		if (e->d_type == DT_DIR && *e->d_name != '.' && !kept(group, e->d_name))
			add(group, e->d_name, typed(e->d_name), true);
	if (dir)
		closedir(dir);
}

/* Without tracefs nobody tells the group, but for those that have a row. */
static void list_typed(void)
{
	const struct kernel_types *types;
	const struct named *all;
	u32 n, ntypes;

	types = kernel_types(&ntypes);
	all = named_tps(&n);
	for (u32 i = 0; i < n; i++) {
		const struct row *row = row_find(SORT_TRACEPOINT, NULL, all[i].name);
		struct item *item = kept(NULL, all[i].name);
		const struct btf_type *t;

		if (item)
			continue;
		t = raw_type(types[all[i].types].btf, all[i].id);
		t = raw_type(types[all[i].types].btf, t->type);
		if (row || (btf_is_ptr(t) && func_takes_net(types + all[i].types, t->type, 1)))
			add(row ? row->group : "", all[i].name,
			    (struct typedef_of){types + all[i].types, all[i].id}, false);
	}
}

static bool of_network(const char *group)
{
	for (u32 i = 0; i < ncatalog_groups; i++)
		if (!strcmp(catalog_groups[i].name, group))
			return true;
	return false;
}

static int tp_order(const void *a, const void *b)
{
	const struct kernel_tp *x = a, *y = b;
	int c = strcmp(x->group, y->group);

	return c ? c : strcmp(x->name, y->name);
}

const struct kernel_tp *kernel_tps(u32 *n)
{
	if (!listed) {
		for (u32 i = 0; i < ncatalog_groups && kernel_tracefs() >= 0; i++)
			list_group(catalog_groups[i].name);
		if (kernel_tracefs() < 0)
			list_typed();
		listed = calloc(nitems + 1, sizeof(*listed));
		for (u32 i = 0; i < nitems && listed; i++)
			if (!*items[i]->tp.group || of_network(items[i]->tp.group))
				listed[nlisted++] = items[i]->tp;
		if (listed)
			qsort(listed, nlisted, sizeof(*listed), tp_order);
	}
	*n = nlisted;
	return listed;
}

static bool in_tracefs(const char *group, const char *name)
{
	char path[400];

	snprintf(path, sizeof(path), "events/%s/%s/format", group, name);
	return !faccessat(kernel_tracefs(), path, R_OK, AT_EACCESS);
}

/* The group that tracefs has a tracepoint in: of the catalog's row, of its groups, or any. */
static bool find_group(const char *name, char group[64])
{
	const struct row *row = row_find(SORT_TRACEPOINT, NULL, name);
	struct dirent *e;
	bool found = false;
	DIR *dir;
	int fd;

	if (row && in_tracefs(row->group, name))
		return snprintf(group, 64, "%s", row->group), true;
	for (u32 i = 0; i < ncatalog_groups; i++)
		if (in_tracefs(catalog_groups[i].name, name))
			return snprintf(group, 64, "%s", catalog_groups[i].name), true;
	fd = openat(kernel_tracefs(), "events", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && !found && (e = readdir(dir)))
		if (e->d_type == DT_DIR && *e->d_name != '.' && in_tracefs(e->d_name, name)) {
			snprintf(group, 64, "%.63s", e->d_name);
			found = true;
		}
	if (dir)
		closedir(dir);
	return found;
}

const struct kernel_tp *kernel_tp(const char *name)
{
	const char *colon = strchr(name, ':'), *bare = colon ? colon + 1 : name;
	const struct row *row;
	struct typedef_of found;
	struct item *item;
	char group[64] = "";
	bool event;

	if (strchr(bare, '/') || strlen(name) > 120)
		return NULL;
	if (colon)
		snprintf(group, sizeof(group), "%.*s", (int)(colon - name), name);
	item = kept(colon ? group : NULL, bare);
	if (item)
		return &item->tp;
	event = colon ? in_tracefs(group, bare) : find_group(bare, group);
	found = typed(bare);
	row = row_find(SORT_TRACEPOINT, NULL, bare);
	if (!event && row && !colon)
		snprintf(group, sizeof(group), "%s", row->group);
	/* Of one that only BTF tells of, the group is as good as the catalog knows. */
	if (!event && (!found.types || (colon && row && strcmp(row->group, group)) ||
		       (colon && kernel_tracefs() >= 0)))
		return NULL;
	item = add(group, bare, found, event);
	return item ? &item->tp : NULL;
}

u32 kernel_tp_named(const struct kernel_tp *tp)
{
	const struct raw_btf *btf;
	char name[160];
	u32 id, proto;

	if (!tp->proto)
		return 0;
	btf = tp->types->btf;
	snprintf(name, sizeof(name), "__traceiter_%s", tp->name);
	if (!kernel_type(tp->types, name, BTF_KIND_FUNC, &id))
		return tp->proto;
	proto = raw_type(btf, id)->type;
	return btf_vlen(raw_type(btf, proto)) == btf_vlen(raw_type(btf, tp->proto)) ? proto
										    : tp->proto;
}

char *kernel_tp_format(const struct kernel_tp *tp)
{
	char path[400];

	snprintf(path, sizeof(path), "events/%s/%s/format", tp->group, tp->name);
	return kernel_text(kernel_tracefs(), path);
}

/* "__u8 saddr[28]", "__data_loc char[] name": the name goes out of the declaration. */
static bool split_declaration(char *decl, struct kernel_field *f)
{
	size_t n = strlen(decl);
	char *end = n && decl[n - 1] == ']' ? strrchr(decl, '[') : decl + n, *name = end;

	while (name > decl && name[-1] != ' ' && name[-1] != '*')
		name--;
	if (name == decl || name == end)
		return false;
	f->name = strndup(name, end - name);
	f->type = decl;
	while (name[-1] == ' ')
		name--;
	memmove(name, end, strlen(end) + 1);
	return true;
}

bool parse_field(char *line, struct kernel_field *f)
{
	char *decl = strstr(line, "field:"), *end, *rest;
	int is_signed = 0;

	end = decl ? strchr(decl, ';') : NULL;
	if (!end)
		return false;
	*end = 0;
	rest = strstr(end + 1, "offset:");
	if (!rest ||
	    sscanf(rest, "offset:%u; size:%u; signed:%d", &f->offset, &f->size, &is_signed) < 2)
		return false;
	f->is_signed = is_signed;
	return split_declaration(decl + 6, f);
}

/* All that stands after the first empty line: those before it are common to all. */
static void fields_of_format(struct item *item)
{
	char *rest = item->text = kernel_tp_format(&item->tp), *line;
	bool own = false;

	while (rest && (line = strsep(&rest, "\n")) && strncmp(line, "print fmt:", 10)) {
		struct kernel_field *more;

		own |= !*line;
		if (!own || !strstr(line, "field:"))
			continue;
		more = realloc(item->fields, (item->nfields + 1) * sizeof(*more));
		if (!more)
			return;
		item->fields = more;
		item->nfields += parse_field(line, &more[item->nfields]);
	}
}

/* "__data_loc_name" is where tracefs has "__data_loc char[] name". What comes before the name, or
 * NULL. */
static const char *placed_by(const char *field)
{
	static const char *const marks[] = {"__data_loc", "__rel_loc"};

	for (u32 i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (!strncmp(field, marks[i], strlen(marks[i])) && field[strlen(marks[i])] == '_')
			return marks[i];
	return NULL;
}

/* struct trace_event_raw_NAME begins with the common part and ends with __data. */
static void fields_of_btf(struct item *item)
{
	const struct kernel_types *types = item->tp.types;
	const struct btf_member *m;
	const struct btf_type *t;
	struct buf decl = {0};
	char name[160];
	u32 id;

	snprintf(name, sizeof(name), "trace_event_raw_%s", item->tp.name);
	if (!types || !kernel_type(types, name, BTF_KIND_STRUCT, &id))
		return;
	t = raw_type(types->btf, id);
	m = btf_members(t);
	item->fields = calloc(btf_vlen(t) + 1, sizeof(*item->fields));
	for (u32 i = 1; item->fields && i < btf_vlen(t); i++) {
		const char *field = raw_string(types->btf, m[i].name_off);
		struct kernel_field *f = &item->fields[item->nfields];
		const char *mark = placed_by(field);

		if (!strcmp(field, "__data"))
			continue;
		buf_clear(&decl);
		kernel_declare(&decl, types, m[i].type, "");
		buf_chr(&decl, 0);
		*f = (struct kernel_field){strdup(mark ? mark : decl.base),
					   strdup(mark ? field + strlen(mark) + 1 : field),
					   btf_member_bit_offset(t, i) / 8,
					   raw_size(types->btf, m[i].type), false};
		item->nfields++;
	}
	buf_free(&decl);
}

const struct kernel_field *kernel_tp_fields(const struct kernel_tp *tp, u32 *n)
{
	struct item *item = kept(tp->group, tp->name);

	if (item && !item->asked) {
		item->asked = true;
		fields_of_format(item);
		if (!item->nfields)
			fields_of_btf(item);
	}
	*n = item ? item->nfields : 0;
	return item ? item->fields : NULL;
}

void tps_drop(void)
{
	for (u32 i = 0; i < nitems; i++) {
		for (u32 k = 0; k < items[i]->nfields; k++) {
			free((char *)items[i]->fields[k].name);
			if (!items[i]->text)
				free((char *)items[i]->fields[k].type);
		}
		free(items[i]->fields);
		free(items[i]->text);
		free((char *)items[i]->tp.group);
		free((char *)items[i]->tp.name);
		free(items[i]);
	}
	free(items);
	free(listed);
	items = NULL;
	listed = NULL;
	nitems = room = nlisted = 0;
}
