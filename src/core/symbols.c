/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * ELF symbols by address. A file's are read once and kept: processes share files. Other people's
 * files are read here as root, so all sizes have bounds, and libelf checks what it reads.
 */
#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "clock.h"
#include "symbols.h"

#define SYMBOLS_MOST (4u << 20) /* of one file; a browser has 1 million */
#define FILES_MOST   256        /* kept; of more, only offsets are told */
#define NAME_MOST    128        /* bytes of a name: C++ has longer ones, which nobody reads */
#define SEGMENTS     64
#define MAPS_MOST    (1u << 20)    /* bytes of a process's maps; a browser's are 300 KiB */
#define MAPS_KEPT    16            /* processes whose maps are kept */
#define MAPS_VALID   5000000000ull /* ns: no other process has the number so soon */

struct symbol {
	u64 value, size;
	const char *name;
};

struct segment {
	u64 offset, vaddr, size;
};

struct file {
	struct file *next;
	u64 dev, ino;
	struct symbol *symbols; /* by value */
	u32 nsymbols, nsegments;
	struct segment segments[SEGMENTS];
};

static struct file *files;
static u32 nfiles;

static int by_value(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->value < y->value ? -1 : x->value > y->value;
}

static void read_segments(struct file *f, Elf *elf)
{
	size_t n = 0;
	GElf_Phdr ph;

	elf_getphdrnum(elf, &n);
	for (size_t i = 0; i < n && f->nsegments < SEGMENTS; i++)
		if (gelf_getphdr(elf, i, &ph) && ph.p_type == PT_LOAD)
			f->segments[f->nsegments++] =
				(struct segment){ph.p_offset, ph.p_vaddr, ph.p_filesz};
}

static void add_symbols(struct file *f, Elf *elf, Elf_Scn *section, const GElf_Shdr *head)
{
	Elf_Data *data = elf_getdata(section, NULL);
	u64 n = head->sh_entsize ? head->sh_size / head->sh_entsize : 0;
	struct symbol *more;

	if (!data || n > SYMBOLS_MOST)
		return;
	more = reallocarray(f->symbols, f->nsymbols + n, sizeof(*more));
	if (!more)
		return;
	f->symbols = more;
	for (u64 i = 0; i < n; i++) {
		const char *name;
		GElf_Sym sym;

		if (!gelf_getsym(data, i, &sym) || !sym.st_value || sym.st_shndx == SHN_UNDEF ||
		    (GELF_ST_TYPE(sym.st_info) != STT_FUNC &&
		     GELF_ST_TYPE(sym.st_info) != STT_GNU_IFUNC))
			continue;
		name = elf_strptr(elf, head->sh_link, sym.st_name);
		if (name && *name)
			f->symbols[f->nsymbols++] = (struct symbol){sym.st_value, sym.st_size,
								    strndup(name, NAME_MOST)};
	}
}

/* The symbols for the debugger where there are such, else those for the dynamic linker. */
static void read_symbols(struct file *f, Elf *elf)
{
	static const u32 types[] = {SHT_SYMTAB, SHT_DYNSYM};

	for (u32 t = 0; t < 2 && !f->nsymbols; t++)
		for (Elf_Scn *s = elf_nextscn(elf, NULL); s; s = elf_nextscn(elf, s)) {
			GElf_Shdr head;

			if (gelf_getshdr(s, &head) && head.sh_type == types[t])
				add_symbols(f, elf, s, &head);
		}
	qsort(f->symbols, f->nsymbols, sizeof(*f->symbols), by_value);
}

/* ino: the file's, where another one may be at the path by now; 0: any. */
static void read_elf(struct file *f, const char *path, u64 ino)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	Elf *elf;

	if (fd < 0)
		return;
	elf_version(EV_CURRENT);
	elf = !fstat(fd, &st) && S_ISREG(st.st_mode) && (!ino || st.st_ino == ino)
		      ? elf_begin(fd, ELF_C_READ, NULL)
		      : NULL;
	if (elf && elf_kind(elf) == ELF_K_ELF) {
		read_segments(f, elf);
		read_symbols(f, elf);
	}
	elf_end(elf);
	close(fd);
}

/* The maps of the processes that were looked at last. To read symbols takes milliseconds, in which
 * one may end, and leave stacks behind. */
static struct kept_maps {
	u32 pid;
	u64 ns; /* when they were read */
	char *text;
	size_t len;
} kept[MAPS_KEPT];

/* Reads a process's maps into k: false when there are none, as it is gone. */
static bool read_maps(struct kept_maps *k, u32 pid)
{
	static char room[MAPS_MOST];
	size_t len = 0;
	char path[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (len < sizeof(room) && (n = read(fd, room + len, sizeof(room) - len)) > 0)
		len += n;
	close(fd);
	if (!len)
		return false;
	free(k->text);
	*k = (struct kept_maps){pid, clock_ns(), malloc(len), len};
	if (k->text)
		memcpy(k->text, room, len);
	return k->text;
}

/* The maps of the process that pid was at that time, NULL when they are not to be had. */
static FILE *maps_of(u32 pid, u64 ts)
{
	struct kept_maps *k = kept;

	for (u32 i = 1; i < MAPS_KEPT && k->pid != pid; i++)
		k = kept[i].pid == pid || kept[i].ns < k->ns ? &kept[i] : k;
	if (!read_maps(k, pid) && (k->pid != pid || !k->text || ts > k->ns + MAPS_VALID))
		return NULL;
	return fmemopen(k->text, k->len, "r");
}

/* One mapping of a process, as its maps have it. */
struct mapping {
	u64 start, end, offset, dev, ino;
	char path[4096];  /* as the process has it */
	const char *name; /* its last part */
};

static struct file *file_of(const struct mapping *m, u32 pid)
{
	char path[4200];
	struct file *f = files;

	while (f && (f->dev != m->dev || f->ino != m->ino))
		f = f->next;
	if (f || nfiles == FILES_MOST)
		return f;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->dev = m->dev;
	f->ino = m->ino;
	/* This link leads to the file that is mapped, whatever its path leads to by now; it needs
	 * CAP_CHECKPOINT_RESTORE. */
	snprintf(path, sizeof(path), "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, pid, m->start,
		 m->end);
	read_elf(f, path, 0);
	if (!f->nsegments) {
		snprintf(path, sizeof(path), "/proc/%u/root%s", pid, m->path);
		read_elf(f, path, m->ino);
	}
	f->next = files;
	files = f;
	nfiles++;
	return f;
}

static const struct symbol *symbol_at(const struct file *f, u64 vaddr)
{
	u32 low = 0, high = f->nsymbols;

	while (low < high) {
		u32 mid = (low + high) / 2;

		if (f->symbols[mid].value <= vaddr)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return NULL;
	/* one without a size reaches to the next */
	if (f->symbols[low - 1].size &&
	    vaddr - f->symbols[low - 1].value >= f->symbols[low - 1].size)
		return NULL;
	return &f->symbols[low - 1];
}

static bool parse_mapping(const char *line, struct mapping *m)
{
	unsigned major, minor;
	int at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %x:%x %" SCNu64 " %n", &m->start,
		   &m->end, &m->offset, &major, &minor, &m->ino, &at) < 6)
		return false;
	m->dev = makedev(major, minor);
	snprintf(m->path, sizeof(m->path), "%.*s", (int)strcspn(line + at, "\n"), line + at);
	m->name = m->ino ? strrchr(m->path, '/') : NULL;
	m->name = m->name ? m->name + 1 : m->path;
	return true;
}

/* The mapping that ip lies in. */
static bool find_mapping(FILE *maps, u64 ip, struct mapping *m)
{
	char line[4400]; /* a path has 4096 bytes at most */

	rewind(maps);
	while (fgets(line, sizeof(line), maps))
		if (parse_mapping(line, m) && ip >= m->start && ip < m->end)
			return true;
	return false;
}

static void put_hex(struct buf *b, u64 v)
{
	buf_str(b, "0x");
	for (int shift = 60; shift >= 0; shift -= 4)
		if (v >> shift || !shift)
			buf_chr(b, "0123456789abcdef"[v >> shift & 15]);
}

/* caller: ip is where the call returns to, so the instruction before it is what was called from. */
static void put_frame(struct buf *b, FILE *maps, u32 pid, u64 ip, bool caller)
{
	struct mapping m;
	const struct symbol *s = NULL;
	const struct file *f;
	u64 offset, vaddr = 0;

	if (!maps || !find_mapping(maps, ip - caller, &m)) {
		put_hex(b, ip);
		buf_chr(b, '\n');
		return;
	}
	offset = ip - m.start + m.offset;
	f = m.ino ? file_of(&m, pid) : NULL;
	for (u32 i = 0; f && i < f->nsegments; i++) {
		const struct segment *g = &f->segments[i];

		if (offset - caller < g->offset || offset - caller - g->offset >= g->size)
			continue;
		vaddr = offset - g->offset + g->vaddr;
		s = symbol_at(f, vaddr - caller);
	}
	if (s) {
		buf_text(b, s->name);
		buf_chr(b, '+');
		buf_u64(b, vaddr - s->value);
	} else {
		put_hex(b, m.ino ? offset : ip);
	}
	if (*m.name) {
		buf_str(b, " (");
		buf_text(b, m.name);
		buf_chr(b, ')');
	}
	buf_chr(b, '\n');
}

void symbols_stack(struct buf *b, const struct stack_rec *r, u32 limit)
{
	size_t start = buf_len(b), before = start;
	FILE *maps = maps_of(r->pid, r->h.ts);

	for (u32 i = 0; i < STACK_MAX && r->ip[i]; i++) {
		put_frame(b, maps, r->pid, r->ip[i], i > 0);
		if (buf_len(b) - start > limit) {
			b->at = b->base + before;
			break;
		}
		before = buf_len(b);
	}
	if (maps)
		fclose(maps);
}
