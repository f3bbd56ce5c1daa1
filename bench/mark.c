/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* mark start|stop: begins and ends what bench/places.c counts. */
#include <stdio.h>
#include <string.h>
#include "mark.h"

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "start"))
		__asm__ volatile(".ascii \"\\017\\037\\204\\000weir\"");
	else if (argc == 2 && !strcmp(argv[1], "stop"))
		__asm__ volatile(".ascii \"\\017\\037\\204\\000rieW\"");
	else
		return fputs("usage: mark start|stop\n", stderr), 2;
	return 0;
}
