/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "number.h"

int number(const char *s, u64 least, u64 most, u64 *v)
{
	char *end;

	errno = 0;
	*v = strtoull(s, &end, 10);
	return isdigit((unsigned char)*s) && !*end && !errno && *v >= least && *v <= most ? 0 : -1;
}

int span(const char *s, u64 unit, u64 *ns)
{
	static const struct {
		const char *name;
		u64 ns;
	} units[] = {
		{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}};
	const char *unit_at = s + strspn(s, "0123456789.");
	char *end;
	double v;

	v = strtod(s, &end);
	if (end == s || end != unit_at) /* strtod() would also take 0x10, 1e3 and inf */
		return -1;
	for (u32 i = 0; *end && i < sizeof(units) / sizeof(*units); i++)
		if (!strcmp(end, units[i].name)) {
			unit = units[i].ns;
			end += strlen(end);
		}
	*ns = v * unit < 9e18 ? v * unit : 0;
	return *end || !*ns ? -1 : 0;
}
