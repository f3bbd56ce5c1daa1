/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#ifndef WEIR_VERSION_H
#define WEIR_VERSION_H
#define WEIR_VERSION "0.1.0"
#endif
