/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Errors: a function that fails returns a negative value and leaves one sentence here; main
 * prints it once. The sentence says what failed, on what, what to try.
 */
#ifndef WEIR_ERROR_H
#define WEIR_ERROR_H

enum {
	FAIL = -1,  /* exit status 1 */
	USAGE = -2, /* exit status 2: the user's words */
};

/* Keeps the sentence; returns FAIL or USAGE, for `return fail(...)`. */
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The sentence, "" when none; overwritten by the next failure. */
const char *error_text(void);
/* A remark on stderr, "weir: …" and a newline, ahead of nothing else: never on stdout. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
