/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What a stream's parser has found in a message becomes a transaction. */
#ifndef WEIR_HTTP_PARSED_H
#define WEIR_HTTP_PARSED_H

#include "stream.h"

/* What libhttp-parser calls; its data is the stream. It pauses where a message ends. */
extern const http_parser_settings parsed_settings;

#endif
