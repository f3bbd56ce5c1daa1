/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The doors of the socket layer: every message that a program sends or receives passes one of them,
 * whatever system call leads there (or none: io_uring).
 */
#ifndef WEIR_DOOR_H
#define WEIR_DOOR_H

enum door { DOOR_RECVMSG, DOOR_SENDMSG, DOOR_MAX };

#endif
