/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The instructions between which bench/places.c counts: nopl with a displacement that no compiler
 * writes (Intel SDM, volume 2B, NOP). */
#ifndef WEIR_BENCH_MARK_H
#define WEIR_BENCH_MARK_H

#define MARK_BYTES 8
#define MARK_START "\x0f\x1f\x84\x00weir"
#define MARK_STOP  "\x0f\x1f\x84\x00rieW"

static inline void mark_start(void)
{
#ifdef __x86_64__
	__asm__ volatile(".byte 0x0f, 0x1f, 0x84, 0\n\t.ascii \"weir\"" ::: "memory");
#endif
}

static inline void mark_stop(void)
{
#ifdef __x86_64__
	__asm__ volatile(".byte 0x0f, 0x1f, 0x84, 0\n\t.ascii \"rieW\"" ::: "memory");
#endif
}

#endif
