/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/control_private.h"

/*
 * The paper's three parameters and the gap (page 7, "IP Multicast Parameters"), changed while the
 * switch runs: the next burst uses them.
 */
static int number(const char *key, const char *text, uint32_t low, uint32_t high, uint32_t *out,
	struct error *err)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || v < low || v > high)
		return error_set(err, -EINVAL, "%s is \"%s\"; a number from %u to %u is wanted",
			key, text, low, high);
	*out = (uint32_t)v;
	return 0;
}

static int version(const char *text, enum conf_igmp_version *out, struct error *err)
{
	if (strcmp(text, "2") == 0)
		*out = CONF_IGMP_V2;
	else if (strcmp(text, "3") == 0)
		*out = CONF_IGMP_V3;
	else if (strcmp(text, "auto") == 0)
		*out = CONF_IGMP_AUTO;
	else
		return error_set(err, -EINVAL, "version is \"%s\"; 2, 3 or auto is wanted", text);
	return 0;
}

static int router_address(const char *text, struct ip_addr *out, struct error *err)
{
	struct ip_addr a;

	if (ip_parse(text, &a) < 0 || !ip_is_v4(&a) || ip_is_multicast(&a))
		return error_set(err, -EINVAL,
			"router_address is \"%s\"; an IPv4 unicast address is wanted", text);
	*out = a;
	return 0;
}

int control_igmp_set(struct control *c, const char *key, const char *value, struct error *err)
{
	struct conf_igmp *igmp = &c->conf->igmp;
	int rc;

	if (strcmp(key, "version") == 0)
		rc = version(value, &igmp->version, err);
	else if (strcmp(key, "queries") == 0)
		rc = number(key, value, 0, 100, &igmp->queries, err);
	else if (strcmp(key, "query_gap_ms") == 0)
		rc = number(key, value, 1, 60000, &igmp->query_gap_ms, err);
	else if (strcmp(key, "router_address") == 0)
		rc = router_address(value, &igmp->router_address, err);
	else
		rc = error_set(err, -EINVAL,
			"there is no setting \"%s\"; version, queries, query_gap_ms and "
			"router_address are",
			key);
	if (rc == 0)
		ctl_event(c, "config", NULL, -1, NULL, "igmp %s is %s", key, value);
	return rc;
}
