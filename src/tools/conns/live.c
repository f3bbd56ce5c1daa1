/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <ctype.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <ncurses.h>
#include "live.h"
#include "table.h"

bool live_begin(void)
{
	SCREEN *screen;

	setlocale(LC_CTYPE, "");
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return false;
	set_term(screen);
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	return true;
}

void live_end(void)
{
	endwin();
}

/* A key that goes to the filter. */
static void type(struct live_view *v, int key)
{
	size_t n = strlen(v->filter);

	if (key == '\n' || key == KEY_ENTER) {
		v->typing = false;
	} else if (key == 27) {
		v->typing = false;
		*v->filter = 0;
	} else if (key == KEY_BACKSPACE || key == 127 || key == 8) {
		if (n)
			v->filter[n - 1] = 0;
	} else if (key >= ' ' && key < 127 && n < sizeof(v->filter) - 1) {
		v->filter[n] = key;
		v->filter[n + 1] = 0;
	}
	v->selected = v->top = 0;
}

static void sort_by(struct live_view *v, int step)
{
	v->sort = (v->sort + v->ncolumns + 1 + step) % (v->ncolumns + 1);
	v->up = false;
}

static void press(struct live_view *v, int key)
{
	switch (key) {
	case 'q': v->quit = true; break;
	case '/': v->typing = true; break;
	case ' ':
	case 'f': v->frozen = !v->frozen; break;
	case '>': sort_by(v, 1); break;
	case '<': sort_by(v, -1); break;
	case 'r': v->up = !v->up; break;
	case '\n':
	case KEY_ENTER: v->expanded = !v->expanded; break;
	case 27: v->expanded = false; break;
	case 'j':
	case KEY_DOWN: v->selected++; break;
	case 'k':
	case KEY_UP: v->selected -= v->selected > 0; break;
	case KEY_NPAGE: v->selected += LINES / 2; break;
	case KEY_PPAGE:
		v->selected -= v->selected > (u32)LINES / 2 ? (u32)LINES / 2 : v->selected;
		break;
	case KEY_HOME: v->selected = 0; break;
	}
}

bool live_keys(struct live_view *v)
{
	bool any = false;
	int key;

	while ((key = getch()) != ERR) {
		any = true;
		if (v->typing)
			type(v, key);
		else
			press(v, key);
	}
	return any;
}

/* What an output makes of rows, as lines: by way of a file in memory. */
struct lines {
	char *text;
	char **line;
	u32 n;
};

static void lines_free(struct lines *l)
{
	free(l->text);
	free(l->line);
}

static struct lines lines_of(const struct run *run, enum out_format format,
			     const struct column *columns, u32 ncolumns, const struct kept *rows,
			     u32 first, u32 count)
{
	int fd = memfd_create("weir", MFD_CLOEXEC);
	struct out *o = fd < 0 ? NULL : out_open(format, fd, &run->world, false);
	struct lines l = {0};
	off_t size;

	if (o) {
		if (format == OUT_TEXT)
			out_head(o, columns, ncolumns, false);
		for (u32 i = first; i < first + count; i++)
			out_row(o, columns, ncolumns, kept_at(rows, i));
		out_close(o);
	}
	size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	l.text = calloc(1, size + 1);
	l.line = calloc(count + 2, sizeof(*l.line));
	if (l.text && l.line && size > 0 && pread(fd, l.text, size, 0) == size)
		for (char *at = strtok(l.text, "\n"); at && l.n < count + 1;
		     at = strtok(NULL, "\n"))
			l.line[l.n++] = at;
	if (fd >= 0)
		close(fd);
	return l;
}

static bool passes(const struct live_view *v, const char *line)
{
	return !*v->filter || strcasestr(line, v->filter);
}

/* One row, all that is known of it: the members of its JSON, one after the other in columns. */
static void draw_whole(const struct run *run, const struct kept *rows, u32 row)
{
	const struct column *all = table_columns;
	struct lines l;
	int y = 2, x = 0;
	u32 n = 0;

	while (all[n].name)
		n++;
	if (kept_at(rows, row)->type != REC_CONN)
		return;
	l = lines_of(run, OUT_JSON, all, n, rows, row, 1);
	for (char *at = l.n ? l.line[0] + 1 : NULL; at;) {
		char *next = strstr(at, ",\"");

		if (next)
			*next++ = 0;
		else
			at[strcspn(at, "}")] = 0;
		mvaddnstr(y, x, at, COLS - x < 46 ? COLS - x : 46);
		at = next;
		if (++y < LINES - 2)
			continue;
		y = 2;
		x += 48;
	}
	lines_free(&l);
}

static void draw_head(const struct live_view *v, u32 shown, u32 all)
{
	mvprintw(0, 0, "weir conns: %u of %u%s%s%s%s%s%s", shown, all, v->frozen ? ", frozen" : "",
		 v->sort < v->ncolumns ? ", by " : "",
		 v->sort < v->ncolumns ? v->columns[v->sort].name : "", v->up ? " upwards" : "",
		 v->typing || *v->filter ? ", filter: " : "", v->filter);
	if (v->typing)
		addch('_');
	mvaddnstr(LINES - 1, 0,
		  v->typing ? "type to filter   Enter: keep   Esc: none"
			    : "< >: sort   r: reverse   /: filter   f: freeze   Enter: expand   "
			      "q: quit",
		  COLS);
}

void live_draw(struct live_view *v, struct kept *rows, const struct run *run)
{
	u32 shown = 0, room = LINES > 4 ? LINES - 4 : 1, chosen = ~0u;
	struct lines l;

	if (v->sort < v->ncolumns)
		kept_sort(rows, &v->columns[v->sort], v->up);
	l = lines_of(run, OUT_TEXT, v->columns, v->ncolumns, rows, 0, rows->n);
	for (u32 i = 1; i < l.n; i++)
		shown += passes(v, l.line[i]);
	if (v->selected >= shown)
		v->selected = shown ? shown - 1 : 0;
	if (v->selected < v->top)
		v->top = v->selected;
	if (v->selected >= v->top + room)
		v->top = v->selected - room + 1;
	erase();
	draw_head(v, shown, rows->n);
	attron(A_BOLD);
	if (l.n)
		mvaddnstr(1, 0, l.line[0], COLS);
	attroff(A_BOLD);
	for (u32 i = 1, at = 0; i < l.n; i++) {
		if (!passes(v, l.line[i]))
			continue;
		if (at == v->selected)
			chosen = i - 1;
		if (at >= v->top && at < v->top + room && !v->expanded) {
			if (at == v->selected)
				attron(A_REVERSE);
			mvaddnstr(2 + at - v->top, 0, l.line[i], COLS);
			attroff(A_REVERSE);
		}
		at++;
	}
	if (v->expanded && chosen != ~0u)
		draw_whole(run, rows, chosen);
	refresh();
	lines_free(&l);
}
