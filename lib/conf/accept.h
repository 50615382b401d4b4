/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONF_ACCEPT_H
#define CONF_ACCEPT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What a text or an address may be. The argument is the member of a struct of conf.h: a string, a
 * struct ip_addr or a struct mac_addr.
 */
bool accept_name(const void *v);
bool accept_printable(const void *v); /* ASCII, not empty */
bool accept_account(const void *v);   /* a user or group: its name or number */
bool accept_listen(const void *v);    /* a path, or an address and port */
bool accept_host_or_any(const void *v);
bool accept_host(const void *v);
bool accept_group(const void *v);
bool accept_source(const void *v);
bool accept_station(const void *v);

/* Decimal digits alone: no sign, no hexadecimal, no surprise octal. */
bool accept_number(const char *text, uint32_t min, uint32_t max, uint32_t *out);

#endif
