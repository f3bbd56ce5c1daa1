/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * option_sweep names: every level and every option number, without a value.
 * option_sweep values: the options of the levels that have names, with growing values.
 */
#include "probe.h"

static void names(void)
{
	for (int level = -1; level < 300; level++) {
		Setsockopt(-1, level, 0xfffff, NULL, 0);
		Setsockopt(-1, level, -1, NULL, 0);
		for (int option = 0; option < 140; option++)
			Setsockopt(-1, level, option, NULL, 0);
	}
}

static void values(void)
{
	static const int levels[] = {0,   1,   6,   17,  41,  58,  255, 263,
				     268, 270, 271, 272, 275, 279, 282};
	static const int lengths[] = {0, 1, 3, 4, 5, 8, 12, 16, 20, 28, 40, 136};
	unsigned char pattern[160];

	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i + 1;
	for (size_t l = 0; l < sizeof(levels) / sizeof(*levels); l++)
		for (int option = 0; option < 76; option++)
			for (size_t n = 0; n < sizeof(lengths) / sizeof(*lengths); n++)
				Setsockopt(-1, levels[l], option, tail_copy(pattern, lengths[n]),
					   lengths[n]);
}

int main(int argc, char **argv)
{
	arena();
	if (argc > 1 && !strcmp(argv[1], "names"))
		names();
	else if (argc > 1 && !strcmp(argv[1], "values"))
		values();
	else
		return 1;
	return 0;
}
