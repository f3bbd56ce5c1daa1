/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the two halves of weir http agree on. */
#ifndef WEIR_HTTP_H
#define WEIR_HTTP_H

#ifndef __bpf__
#include <stdbool.h>
#endif
#include "payload.h"

enum { DIR_RECEIVED, DIR_SENT };

#define TOKEN_MOST 24 /* letters of a method; "VERSION-CONTROL", "UPDATEREDIRECTREF" have less */
#define TRIES_MOST 16 /* messages after which a connection that began otherwise is left alone */
#define START_MOST 8  /* of the first word that are looked at at once */
#define BODY_MOST  64 /* bytes of a long message that does not begin like HTTP: of a body */

struct http_conf {
	bool tls;  /* OpenSSL's functions are looked at */
	bool cast; /* the kernel lets a program say of what type a pointer is */
};

#endif
