/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Packets of interfaces as what each end of a TCP connection sends and receives there. */
#ifndef WEIR_HTTP_SEGMENTS_H
#define WEIR_HTTP_SEGMENTS_H

#include "record.h"

/* One packet. What leaves is its sender's, what arrives its receiver's: so a connection within the
 * machine is seen as each of its two ends has it. */
void segments_packet(const struct packet_rec *r);

#endif
