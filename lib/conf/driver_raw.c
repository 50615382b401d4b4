/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/driver_raw.h"

#include <string.h>

#include "conf/driver.h"

#define MAX_ENTRIES 16 /* of a file */
#define MAX_NAMES   16 /* of an entry */
#define MAX_FAULTS  32

static const cyaml_schema_field_t link_keys[] = {TEXT(raw_link, detect), TEXT(raw_link, poll_ms),
	TEXT(raw_link, idle_tx), TEXT(raw_link, source), TREE_END};
static const cyaml_schema_field_t multicast_keys[] = {
	TEXT(raw_filter, filter), TEXT(raw_filter, size), TEXT(raw_filter, source), TREE_END};
#define unicast_keys multicast_keys
static const cyaml_schema_field_t descriptors_keys[] = {TEXT(raw_descriptors, rx),
	TEXT(raw_descriptors, tx), TEXT(raw_descriptors, source), TREE_END};
static const cyaml_schema_field_t vlan_keys[] = {
	TEXT(raw_vlan_strip, strip), TEXT(raw_vlan_strip, source), TREE_END};
static const cyaml_schema_field_t rss_keys[] = {
	TEXT(raw_rss, multicast), TEXT(raw_rss, source), TREE_END};
static const cyaml_schema_field_t fault_keys[] = {
	TEXT(raw_fault, fault), TEXT(raw_fault, source), TREE_END};
static const cyaml_schema_value_t fault_entry = ENTRY(raw_fault, fault_keys);

static const cyaml_schema_field_t driver_keys[] = {
	LIST("names", raw_driver, names, tree_word, MAX_NAMES),
	PART(raw_driver, link),
	PART(raw_driver, multicast),
	PART(raw_driver, unicast),
	PART(raw_driver, descriptors),
	PART(raw_driver, vlan),
	PART(raw_driver, rss),
	LIST("faults", raw_driver, faults, fault_entry, MAX_FAULTS),
	TREE_END,
};
static const cyaml_schema_value_t driver_entry = ENTRY(raw_driver, driver_keys);

static const cyaml_schema_field_t root_keys[] = {
	LIST("drivers", raw_drivers, drivers, driver_entry, MAX_ENTRIES), TREE_END};
const cyaml_schema_value_t driver_root = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER_NULL, struct raw_drivers, root_keys)};

static const struct choice links[] = {{"interrupt", CONF_LINK_INTERRUPT}, {"poll", CONF_LINK_POLL},
	{"kernel", CONF_LINK_KERNEL}, {NULL, 0}};
static const struct choice multicasts[] = {{"list", CONF_FILTER_LIST}, {"all", CONF_FILTER_ALL},
	{"promiscuous", CONF_FILTER_PROMISCUOUS}, {"none", CONF_FILTER_NONE}, {NULL, 0}};
static const struct choice unicasts[] = {{"list", CONF_FILTER_LIST},
	{"promiscuous", CONF_FILTER_PROMISCUOUS}, {"none", CONF_FILTER_NONE}, {NULL, 0}};
static const struct choice answers[] = {{"yes", true}, {"no", false}, {NULL, 0}};
static const struct choice spreads[] = {{"unknown", 0}, {"yes", 1}, {"no", 2}, {NULL, 0}};

static bool is_line(const void *v)
{
	const char *s = v;

	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			return false;
	return true;
}

#define AS(raw_type, raw_member, member)                                                           \
	.raw = offsetof(struct raw_type, raw_member), .out = offsetof(struct conf_driver, member), \
	.size = sizeof(((struct conf_driver *)0)->member)
#define NUMBER(lo, hi) .kind = FIELD_NUMBER, .min = (lo), .max = (hi)
#define CHOICE(list)   .kind = FIELD_CHOICE, .choices = (list)
#define LINE_OF_TEXT   .kind = FIELD_TEXT, .accepts = is_line, .accepted = "a line of ASCII text"
#define SOURCE(raw_type, part)                                                   \
	{                                                                        \
		.key = "source", AS(raw_type, source, part.source), LINE_OF_TEXT \
	}
#define END                 \
	{                   \
		.key = NULL \
	}

const struct field driver_link_fields[] = {
	{.key = "detect", AS(raw_link, detect, link.detect), CHOICE(links)},
	{.key = "poll_ms", AS(raw_link, poll_ms, link.poll_ms), NUMBER(10, 60000)},
	{.key = "idle_tx", AS(raw_link, idle_tx, link.idle_tx), CHOICE(answers)},
	SOURCE(raw_link, link), END};
const struct field driver_multicast_fields[] = {
	{.key = "filter", AS(raw_filter, filter, multicast.filter), CHOICE(multicasts)},
	{.key = "size", AS(raw_filter, size, multicast.size), NUMBER(0, 65536)},
	SOURCE(raw_filter, multicast), END};
const struct field driver_unicast_fields[] = {
	{.key = "filter", AS(raw_filter, filter, unicast.filter), CHOICE(unicasts)},
	{.key = "size", AS(raw_filter, size, unicast.size), NUMBER(0, 65536)},
	SOURCE(raw_filter, unicast), END};
const struct field driver_descriptors_fields[] = {
	{.key = "rx", AS(raw_descriptors, rx, descriptors.rx), NUMBER(64, 32768)},
	{.key = "tx", AS(raw_descriptors, tx, descriptors.tx), NUMBER(64, 32768)},
	SOURCE(raw_descriptors, descriptors), END};
const struct field driver_vlan_fields[] = {
	{.key = "strip", AS(raw_vlan_strip, strip, vlan.strip), CHOICE(answers)},
	SOURCE(raw_vlan_strip, vlan), END};
const struct field driver_rss_fields[] = {
	{.key = "multicast", AS(raw_rss, multicast, rss.multicast), CHOICE(spreads)},
	SOURCE(raw_rss, rss), END};
const struct field driver_fault_fields[] = {{.key = "fault",
						    .raw = offsetof(struct raw_fault, fault),
						    .out = offsetof(struct conf_fault, text),
						    .size = CONF_SOURCE_SIZE,
						    LINE_OF_TEXT},
	{.key = "source",
		.raw = offsetof(struct raw_fault, source),
		.out = offsetof(struct conf_fault, source),
		.size = CONF_SOURCE_SIZE,
		LINE_OF_TEXT},
	END};

bool driver_name_is_right(const char *name)
{
	return strlen(name) < CONF_DRIVER_NAME_SIZE && is_line(name);
}
