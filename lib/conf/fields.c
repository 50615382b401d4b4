/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/accept.h"
#include "conf/schema.h"

/* In the order of enum team_policy, which this room does not include. */
static const struct choice policies[] = {
	{"port-id", 0}, {"mac-hash", 1}, {"ip-hash", 2}, {"explicit", 3}, {NULL, 0}};
static const struct choice versions[] = {
	{"2", CONF_IGMP_V2}, {"3", CONF_IGMP_V3}, {"auto", CONF_IGMP_AUTO}, {NULL, 0}};
static const struct choice unregistered[] = {{"flood", CONF_UNREG_FLOOD},
	{"router-ports", CONF_UNREG_ROUTER_PORTS}, {"drop", CONF_UNREG_DROP}, {NULL, 0}};
static const struct choice queriers[] = {
	{"off", CONF_QUERIER_OFF}, {"auto", CONF_QUERIER_AUTO}, {"on", CONF_QUERIER_ON}, {NULL, 0}};
static const struct choice modes[] = {
	{"server", CONF_MODE_SERVER}, {"client", CONF_MODE_CLIENT}, {NULL, 0}};
static const struct choice links[] = {{"interrupt", CONF_LINK_INTERRUPT}, {"poll", CONF_LINK_POLL},
	{"kernel", CONF_LINK_KERNEL}, {NULL, 0}};
static const struct choice multicasts[] = {
	{"list", CONF_FILTER_LIST}, {"all", CONF_FILTER_ALL}, {NULL, 0}};
static const struct choice rings[] = {
	{"own", CONF_RINGS_OWN}, {"library", CONF_RINGS_LIBRARY}, {NULL, 0}};
static const struct choice validations[] = {{"lenient", false}, {"strict", true}, {NULL, 0}};
static const struct choice rejects[] = {{"reject", false}, {"accept", true}, {NULL, 0}};
static const struct choice denies[] = {{"deny", false}, {"allow", true}, {NULL, 0}};
static const struct choice booleans[] = {{"true", true}, {"false", false}, {"yes", true},
	{"no", false}, {"on", true}, {"off", false}, {NULL, 0}};

#define MEMBER(raw_type, raw_member, type, member)                            \
	.raw = offsetof(raw_type, raw_member), .out = offsetof(type, member), \
	.size = sizeof(((type *)0)->member)
#define NUMBER(lo, hi) .kind = FIELD_NUMBER, .min = (lo), .max = (hi)
#define CHOICE(list)   .kind = FIELD_CHOICE, .choices = (list)
#define NAME                                        \
	.kind = FIELD_TEXT, .accepts = accept_name, \
	.accepted = "a name: 1 to 31 of A-Z a-z 0-9 _ . - that begin with a letter or a digit"
#define SOCKET                                                           \
	.kind = FIELD_TEXT, .accepts = accept_printable, .quoted = true, \
	.accepted = "the path of a socket: 1 to 107 printable ASCII characters"
#define ACCOUNT                                                        \
	.kind = FIELD_TEXT, .accepts = accept_account, .quoted = true, \
	.accepted = "the name or number of an account, 1 to 31 characters"
#define DEVICE                                                           \
	.kind = FIELD_TEXT, .accepts = accept_printable, .quoted = true, \
	.accepted = "a PCI address or the name of a --vdev: 1 to 127 printable ASCII characters"
#define ADDRESS(check, what) \
	.kind = FIELD_IP, .accepts = (check), .accepted = (what), .quoted = true
#define END                 \
	{                   \
		.key = NULL \
	}

#define ROOT(m)    .key = #m, MEMBER(struct raw, m, struct conf, m)
#define CONTROL(m) .key = #m, MEMBER(struct raw_control, m, struct conf_control, m)
#define METRICS(m) .key = #m, MEMBER(struct raw_metrics, m, struct conf_metrics, m)
#define IGMP(m)    .key = #m, MEMBER(struct raw_igmp, m, struct conf_igmp, m)
#define VLAN(m)    .key = #m, MEMBER(struct raw_vlan, m, struct conf_vlan, m)
#define TIMER(m)   .key = #m, MEMBER(struct raw_timers, m, struct conf_vlan, timers.m)
#define STATIC(m)  .key = #m, MEMBER(struct raw_static, m, struct conf_static, m)
#define UPLINK(m)  .key = #m, MEMBER(struct raw_uplink, m, struct conf_uplink, m)
#define TEAM(m)    .key = #m, MEMBER(struct raw_team, m, struct conf_team, m)
#define GUEST(m)   .key = #m, MEMBER(struct raw_guest, m, struct conf_guest, m)
#define LIMIT(m)   .key = #m, MEMBER(struct raw_limits, m, struct conf_guest, limits.m)
#define SECURED(m) .key = #m, MEMBER(struct raw_security, m, struct conf_guest, security.m)

const struct field root_fields[] = {
	{ROOT(control_socket), SOCKET},
	{ROOT(state_file), .kind = FIELD_TEXT, .accepts = accept_printable, .quoted = true,
		.accepted = "the path of a file, 1 to 255 printable ASCII characters, or none"},
	{ROOT(vhost_rings), CHOICE(rings)},
	{ROOT(idle_sleep_us), NUMBER(0, 1000)},
	END,
};

const struct field control_fields[] = {
	{CONTROL(owner), ACCOUNT},
	{CONTROL(group), ACCOUNT},
	{CONTROL(read_group), ACCOUNT},
	END,
};

const struct field metrics_fields[] = {
	{METRICS(listen), .kind = FIELD_TEXT, .accepts = accept_listen, .quoted = true,
		.accepted = "the path of a socket, or an address and port such as 127.0.0.1:9464"},
	END,
};

const struct field igmp_fields[] = {
	{IGMP(version), CHOICE(versions)},
	{IGMP(queries), NUMBER(0, 100)},
	{IGMP(query_gap_ms), NUMBER(1, 60000)},
	{IGMP(router_address), ADDRESS(accept_host, "an IPv4 address of a host, such as 10.0.0.0")},
	END,
};

const struct field vlan_fields[] = {
	{VLAN(id), NUMBER(0, VLAN_ID_MAX)},
	{VLAN(unregistered), CHOICE(unregistered)},
	{.key = "validation",
		MEMBER(struct raw_vlan, validation, struct conf_vlan, strict),
		CHOICE(validations)},
	{VLAN(querier), CHOICE(queriers)},
	{VLAN(querier_address),
		ADDRESS(accept_host_or_any, "an IPv4 address of a host, or 0.0.0.0 for none")},
	{VLAN(fast_leave), CHOICE(booleans)},
	END,
};

const struct field timers_fields[] = {
	{TIMER(robustness), NUMBER(1, 7)},
	{TIMER(query_interval_ms), NUMBER(1000, 31744000)},
	{TIMER(query_response_ms), NUMBER(100, 3174400)},
	{TIMER(last_member_interval_ms), NUMBER(100, 3174400)},
	END,
};

const struct field static_fields[] = {
	{STATIC(group),
		ADDRESS(accept_group, "a multicast address beyond the link-local 224.0.0.0/24, "
				      "ff02::1 and ff01::/16")},
	{STATIC(source), ADDRESS(accept_source, "the address of a host")},
	END,
};

const struct field uplink_fields[] = {
	{UPLINK(name), NAME},
	{UPLINK(device), DEVICE},
	{UPLINK(link), CHOICE(links), .optional = true},
	{UPLINK(poll_ms), NUMBER(10, 60000), .optional = true},
	{UPLINK(debounce_ms), NUMBER(0, 60000)},
	{UPLINK(multicast), CHOICE(multicasts), .optional = true},
	END,
};

const struct field team_fields[] = {
	{TEAM(name), NAME},
	{TEAM(policy), CHOICE(policies)},
	{TEAM(notify_switches), CHOICE(booleans)},
	{TEAM(failback), CHOICE(booleans)},
	{TEAM(replay_memberships), CHOICE(booleans)},
	{TEAM(channel_replay), CHOICE(booleans)},
	{TEAM(beacon_ms), NUMBER(0, 60000)},
	END,
};

const struct field guest_fields[] = {
	{GUEST(name), NAME},
	{GUEST(socket), SOCKET},
	{GUEST(device), DEVICE},
	{GUEST(mode), CHOICE(modes)},
	{GUEST(vlan), NUMBER(0, VLAN_ID_MAX)},
	{GUEST(mac), .kind = FIELD_MAC, .accepts = accept_station,
		.accepted = "a unicast MAC address such as 00:50:56:a2:7d:63"},
	{GUEST(qmp), SOCKET},
	{GUEST(router), CHOICE(denies)},
	END,
};

const struct field limits_fields[] = {
	{LIMIT(groups), NUMBER(0, 65536)},
	{LIMIT(sources), NUMBER(0, 4096)},
	{LIMIT(reports_per_s), NUMBER(0, 1000000)},
	END,
};

const struct field security_fields[] = {
	{SECURED(promiscuous), CHOICE(rejects)},
	{SECURED(mac_changes), CHOICE(rejects)},
	{SECURED(forged_transmits), CHOICE(rejects)},
	END,
};

static void store(const struct field *f, void *base, uint32_t value)
{
	void *out = (char *)base + f->out;

	if (f->size == 1)
		*(uint8_t *)out = (uint8_t)value;
	else if (f->size == 2)
		*(uint16_t *)out = (uint16_t)value;
	else
		*(uint32_t *)out = value;
}

static uint32_t fetch(const struct field *f, const void *base)
{
	const void *out = (const char *)base + f->out;

	if (f->size == 1)
		return *(const uint8_t *)out;
	return f->size == 2 ? *(const uint16_t *)out : *(const uint32_t *)out;
}

int vlan_id_parse(const char *text, uint16_t *id, struct error *err)
{
	uint32_t value;

	if (!accept_number(text, 0, VLAN_ID_MAX, &value))
		return error_set(err, -EINVAL, "VLAN '%.64s' is not a number from 0 to %u", text,
			VLAN_ID_MAX);
	*id = (uint16_t)value;
	return 0;
}

static int number_field(const struct field *f, const char *text, void *base, struct error *err)
{
	uint32_t value;

	if (!accept_number(text, f->min, f->max, &value))
		return error_set(err, -EINVAL, "%s '%.64s' is not a number from %u to %u", f->key,
			text, f->min, f->max);
	store(f, base, value);
	return 0;
}

static int choice_field(const struct field *f, const char *text, void *base, struct error *err)
{
	char list[128] = "";
	size_t used;

	for (const struct choice *c = f->choices; c->name != NULL; c++) {
		if (strcmp(text, c->name) == 0) {
			store(f, base, (uint32_t)c->value);
			return 0;
		}
		used = strlen(list);
		snprintf(list + used, sizeof(list) - used, "%s%s", used > 0 ? ", " : "", c->name);
	}
	return error_set(
		err, -EINVAL, "%s '%.64s' is not accepted; choose from %s", f->key, text, list);
}

static bool text_parse(const struct field *f, const char *text, void *base)
{
	if (strlen(text) >= f->size || !f->accepts(text))
		return false;
	memset((char *)base + f->out, 0, f->size);
	memcpy((char *)base + f->out, text, strlen(text));
	return true;
}

static bool ip_field(const struct field *f, const char *text, void *base)
{
	struct ip_addr ip;

	if (ip_parse(text, &ip) != 0 || !f->accepts(&ip))
		return false;
	memcpy((char *)base + f->out, &ip, sizeof(ip));
	return true;
}

static bool mac_field(const struct field *f, const char *text, void *base)
{
	struct mac_addr mac;

	if (text[strspn(text, "0123456789abcdefABCDEF:")] != '\0' || mac_parse(text, &mac) != 0 ||
		!f->accepts(&mac))
		return false;
	memcpy((char *)base + f->out, &mac, sizeof(mac));
	return true;
}

int field_parse(const struct field *f, const char *text, void *base, struct error *err)
{
	bool ok = false;

	switch (f->kind) {
	case FIELD_NUMBER:
		return number_field(f, text, base, err);
	case FIELD_CHOICE:
		return choice_field(f, text, base, err);
	case FIELD_TEXT:
		ok = text_parse(f, text, base);
		break;
	case FIELD_IP:
		ok = ip_field(f, text, base);
		break;
	case FIELD_MAC:
		ok = mac_field(f, text, base);
		break;
	}
	if (ok)
		return 0;
	return error_set(err, -EINVAL, "%s '%.128s' is not %s", f->key, text, f->accepted);
}

size_t fields_parse(const struct field *table, const void *raw, void *base, const struct site *site,
	const char *path, const char *what)
{
	struct error err;
	size_t n_errors = 0;

	for (const struct field *f = table; f->key != NULL; f++) {
		const char *text = *(char *const *)((const char *)raw + f->raw);

		if (text == NULL || field_parse(f, text, base, &err) == 0)
			continue;
		n_errors++;
		site_error(site, AT("%s%s%s", path, *path != '\0' ? "." : "", f->key), "%s%s%s",
			what, *what != '\0' ? ": " : "", err.text);
	}
	return n_errors;
}

const struct field *fields_find(const struct field *table, const char *key)
{
	for (const struct field *f = table; f->key != NULL; f++)
		if (strcmp(f->key, key) == 0)
			return f;
	return NULL;
}

static void text_print(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static const char *choice_name(const struct field *f, const void *base)
{
	uint32_t value = fetch(f, base);

	for (const struct choice *c = f->choices; c->name != NULL; c++)
		if ((uint32_t)c->value == value)
			return c->name;
	return "";
}

bool field_is_empty(const struct field *f, const void *base)
{
	const char *member = (const char *)base + f->out;

	if (f->kind == FIELD_NUMBER || f->kind == FIELD_CHOICE)
		return f->optional && fetch(f, base) == 0;
	return (f->kind == FIELD_TEXT && *member == '\0') ||
	       (f->kind == FIELD_MAC && mac_is_zero((const void *)member));
}

void field_print(const struct field *f, const void *base, FILE *out)
{
	const char *member = (const char *)base + f->out;
	char text[IP_STR_SIZE];

	fprintf(out, "%s: ", f->key);
	switch (f->kind) {
	case FIELD_NUMBER:
		fprintf(out, "%u", fetch(f, base));
		break;
	case FIELD_CHOICE:
		fputs(choice_name(f, base), out);
		break;
	case FIELD_TEXT:
		f->quoted ? text_print(member, out) : (void)fputs(member, out);
		break;
	case FIELD_IP:
		fprintf(out, "\"%s\"", ip_format((const void *)member, text));
		break;
	case FIELD_MAC:
		fputs(mac_format((const void *)member, text), out);
		break;
	}
}
