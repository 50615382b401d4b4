/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt/group_msg.h"

static const char *const sentences[GROUP_MSG_N_ERRORS] = {[GROUP_MSG_OK] = "a membership message",
#define X(symbol, sentence) [GROUP_MSG_E_##symbol] = sentence,
	GROUP_MSG_ERRORS(X)
#undef X
};

static const char *const names[GROUP_MSG_N_ERRORS] = {
	[GROUP_MSG_OK] = "ok",
	[GROUP_MSG_E_TRUNCATED] = "truncated",
	[GROUP_MSG_E_IP_HEADER] = "ip_header",
	[GROUP_MSG_E_IP_CHECKSUM] = "ip_checksum",
	[GROUP_MSG_E_FRAGMENT] = "fragment",
	[GROUP_MSG_E_CHECKSUM] = "checksum",
	[GROUP_MSG_E_LENGTH] = "length",
	[GROUP_MSG_E_RECORD] = "record",
	[GROUP_MSG_E_GROUP] = "group",
	[GROUP_MSG_E_SOURCE] = "source",
	[GROUP_MSG_E_NOT_MEMBERSHIP] = "not_membership",
};

const char *group_msg_error_sentence(enum group_msg_error e)
{
	return (unsigned int)e < GROUP_MSG_N_ERRORS ? sentences[e] : "unknown error";
}

const char *group_msg_error_name(enum group_msg_error e)
{
	return (unsigned int)e < GROUP_MSG_N_ERRORS ? names[e] : "unknown";
}
