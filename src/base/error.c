/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include "buf.h"
#include "error.h"

#define SENTENCE 1024

static char sentence[SENTENCE];

/* By way of a copy: the arguments may be the sentence kept so far. */
static void keep(const char *fmt, va_list ap)
{
	char text[SENTENCE];

	vsnprintf(text, sizeof(text), fmt, ap);
	memcpy(sentence, text, sizeof(sentence));
}

int fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	keep(fmt, ap);
	va_end(ap);
	return FAIL;
}

int usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	keep(fmt, ap);
	va_end(ap);
	return USAGE;
}

const char *error_text(void)
{
	return sentence;
}

void note(const char *fmt, ...)
{
	char text[4 * SENTENCE];
	struct buf b = {0};
	va_list ap;
	ssize_t n;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_str(&b, "weir: ");
	buf_safe_utf8(&b, text, strlen(text)); /* it may quote what a user or a process chose */
	buf_chr(&b, '\n');
	n = write(STDERR_FILENO, b.base,
		  buf_len(&b)); /* one write: lines of two processes stay whole */
	(void)n;                /* nowhere left to say so */
	buf_free(&b);
}
