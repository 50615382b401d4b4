/* SPDX-License-Identifier: BSD-3-Clause */
/* The JSON-RPC interface: the protocol with a table of our own, then every method's fields against a
 * fixed scene. The socket has a file of its own, test_api_socket.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/methods.h"
#include "api/params.h"
#include "api/rpc.h"
#include "fake_control.h"

struct text {
	char *data;
	size_t size, max;
};

static int text_add(const char *data, size_t size, void *ctx)
{
	struct text *t = ctx;

	if (t->size + size >= t->max) {
		t->max = 2 * (t->size + size + 1);
		t->data = realloc(t->data, t->max);
	}
	memcpy(t->data + t->size, data, size);
	t->size += size;
	t->data[t->size] = '\0';
	return 0;
}

/* The whole reply, "" when there is none. pieces counts how often it was asked for more. */
static char *reply_to(
	const struct rpc_session *s, const char *line, size_t size, unsigned int *pieces)
{
	struct rpc_reply *reply;
	struct text t = {0};
	int more = 1;

	assert_int_equal(rpc_handle(s, line, size, &reply), 0);
	text_add("", 0, &t);
	if (reply == NULL)
		return t.data;
	for (*pieces = 0; more > 0; ++*pieces)
		more = rpc_reply_write(reply, text_add, &t);
	assert_int_equal(more, 0);
	rpc_reply_free(reply);
	assert_int_equal(t.data[t.size - 1], '\n');
	t.data[t.size - 1] = '\0';
	assert_null(strchr(t.data, '\n'));
	return t.data;
}

/* --- the protocol --- */

static int echo(struct rpc_call *call)
{
	call->result = json_deep_copy(call->params);
	return 0;
}

static int deny(struct rpc_call *call)
{
	return error_set(&call->err, -ENOENT, "there is no such thing");
}

static int forget(struct rpc_call *call)
{
	return 0;
}

static int touch(struct rpc_call *call)
{
	*(int *)call->ctx += 1;
	call->result = json_object();
	return 0;
}

static const struct rpc_param echo_params[] = {
	{"vlan", RPC_INTEGER, false, "a VLAN id, 0 to 4094", params_is_vlan},
	{"name", RPC_STRING, false, "a name", params_is_name},
	{"any", RPC_STRING | RPC_OBJECT | RPC_BOOLEAN, false, "anything", NULL},
	{NULL},
};

static const struct rpc_param need_params[] = {
	{"group", RPC_STRING, true, "a multicast address", params_is_group}, {NULL}};

static const struct rpc_method methods[] = {
	{"echo", RPC_READ, echo_params, echo, ""},
	{"need", RPC_READ, need_params, echo, ""},
	{"deny", RPC_READ, NULL, deny, ""},
	{"forget", RPC_READ, NULL, forget, ""},
	{"touch", RPC_WRITE, NULL, touch, ""},
	{NULL},
};

#define HEAD      "{\"jsonrpc\":\"2.0\",\"id\":"
#define ASK(rest) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":" rest "}"

static const struct {
	const char *line;
	int code;         /* 0: a result */
	const char *told; /* part of the reply */
} exchanges[] = {
	/* well formed */
	{ASK("\"echo\""), 0, HEAD "1,\"result\":{}}"},
	{ASK("\"echo\",\"params\":{}"), 0, "\"result\":{}"},
	{ASK("\"echo\",\"params\":{\"vlan\":20}"), 0, "{\"vlan\":20}"},
	{ASK("\"echo\",\"params\":{\"vlan\":null}"), 0, "\"result\":{}"},
	{ASK("\"echo\",\"params\":[4094,\"vm1\"]"), 0, "{\"vlan\":4094,\"name\":\"vm1\"}"},
	{ASK("\"echo\",\"params\":[null,\"vm1\"]"), 0, "{\"name\":\"vm1\"}"},
	{ASK("\"echo\",\"params\":{\"any\":{\"a\":[1,2]}}"), 0, "{\"any\":{\"a\":[1,2]}}"},
	{ASK("\"need\",\"params\":[\"239.1.1.1\"]"), 0, "239.1.1.1"},
	{ASK("\"need\",\"params\":[\"ff05::1\"]"), 0, "ff05::1"},
	{ASK("\"need\",\"params\":[\"01:00:5e:01:01:01\"]"), 0, "01:00:5e"},
	{"{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"echo\"}\r", 0, HEAD "\"a\","},
	{"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"echo\"}", 0, HEAD "null,\"result\""},
	{"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"echo\"}", 0, HEAD "1.5,"},
	/* not JSON */
	{"", RPC_PARSE_ERROR, HEAD "null"},
	{"{", RPC_PARSE_ERROR, "not JSON"},
	{"show status", RPC_PARSE_ERROR, "not JSON"},
	{"{} {}", RPC_PARSE_ERROR, "not JSON"},
	{"{\"a\":1,\"a\":2}", RPC_PARSE_ERROR, "duplicate"},
	{"{\"id\":\"\\u0000\"}", RPC_PARSE_ERROR, "not JSON"},
	{"{\"id\":\"\xff\xfe\"}", RPC_PARSE_ERROR, "not JSON"},
	{"{\"id\":99999999999999999999}", RPC_PARSE_ERROR, "not JSON"},
	/* JSON, but no request */
	{"7", RPC_INVALID_REQUEST, "an object"},
	{"[]", RPC_INVALID_REQUEST, "batches"},
	{"[" ASK("\"echo\"") "]", RPC_INVALID_REQUEST, "one request object a line"},
	{"{}", RPC_INVALID_REQUEST, "jsonrpc"},
	{"{\"jsonrpc\":\"1.0\",\"id\":3,\"method\":\"echo\"}", RPC_INVALID_REQUEST, HEAD "3"},
	{"{\"jsonrpc\":2.0,\"id\":3,\"method\":\"echo\"}", RPC_INVALID_REQUEST, "jsonrpc"},
	{"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"echo\"}", RPC_INVALID_REQUEST, HEAD "null"},
	{"{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"echo\"}", RPC_INVALID_REQUEST, "id:"},
	{ASK("5"), RPC_INVALID_REQUEST, "method"},
	{"{\"jsonrpc\":\"2.0\",\"method\":5}", RPC_INVALID_REQUEST, HEAD "null"},
	{ASK("\"echo\",\"params\":7"), RPC_INVALID_REQUEST, "params"},
	{"[[[[[[[[[1]]]]]]]]]", RPC_INVALID_REQUEST, "8 levels"},
	{ASK("\"echo\",\"params\":{\"any\":\"[[[[[[[[[[{{{\"}"), 0, "[[[["},
	/* no method */
	{ASK("\"\""), RPC_METHOD_NOT_FOUND, "''"},
	{ASK("\"ech\""), RPC_METHOD_NOT_FOUND, "'ech' is no method"},
	/* not its parameters */
	{ASK("\"echo\",\"params\":{\"vlam\":1}"), RPC_INVALID_PARAMS,
		"'vlam' is no parameter of echo: expected vlan, name, any"},
	{ASK("\"deny\",\"params\":{\"x\":1}"), RPC_INVALID_PARAMS, "expected none"},
	{ASK("\"echo\",\"params\":{\"vlan\":4095}"), RPC_INVALID_PARAMS,
		"vlan: 4095: expected a VLAN id, 0 to 4094"},
	{ASK("\"echo\",\"params\":{\"vlan\":-1}"), RPC_INVALID_PARAMS, "-1"},
	{ASK("\"echo\",\"params\":{\"vlan\":\"20\"}"), RPC_INVALID_PARAMS, "\\\"20\\\""},
	{ASK("\"echo\",\"params\":{\"vlan\":20.0}"), RPC_INVALID_PARAMS, "vlan"},
	{ASK("\"echo\",\"params\":{\"name\":\"a b\"}"), RPC_INVALID_PARAMS, "a name"},
	{ASK("\"echo\",\"params\":{\"name\":\"\"}"), RPC_INVALID_PARAMS, "a name"},
	{ASK("\"echo\",\"params\":{\"any\":[]}"), RPC_INVALID_PARAMS, "anything"},
	{ASK("\"echo\",\"params\":[1,\"a\",true,4]"), RPC_INVALID_PARAMS, "expected 3 at most"},
	{ASK("\"need\""), RPC_INVALID_PARAMS, "'group' is missing"},
	{ASK("\"need\",\"params\":{\"group\":null}"), RPC_INVALID_PARAMS, "missing"},
	{ASK("\"need\",\"params\":{\"group\":\"10.0.0.1\"}"), RPC_INVALID_PARAMS, "10.0.0.1"},
	{ASK("\"need\",\"params\":{\"group\":\"239.1.1\"}"), RPC_INVALID_PARAMS, "239.1.1"},
	{ASK("\"need\",\"params\":{\"group\":\"00:50:56:00:00:01\"}"), RPC_INVALID_PARAMS, "00:50"},
	/* refused */
	{ASK("\"deny\""), RPC_REFUSED,
		"\"message\":\"there is no such thing\",\"data\":{\"errno\":\"ENOENT\"}"},
	{ASK("\"touch\""), RPC_REFUSED, "EPERM"},
	{ASK("\"forget\""), RPC_INTERNAL_ERROR, "forget"},
};

static void protocol(void **state)
{
	const struct rpc_session s = {methods, RPC_READ, NULL};
	unsigned int pieces;

	for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
		const char *line = exchanges[i].line;
		char *reply = reply_to(&s, line, strlen(line), &pieces);
		json_t *json = json_loads(reply, 0, NULL);
		json_t *error = json_object_get(json, "error");

		if (strstr(reply, exchanges[i].told) == NULL)
			fail_msg("%s\n  answered %s\n  without %s", line, reply, exchanges[i].told);
		assert_string_equal(json_string_value(json_object_get(json, "jsonrpc")), "2.0");
		assert_non_null(json_object_get(json, "id"));
		assert_int_equal(
			json_integer_value(json_object_get(error, "code")), exchanges[i].code);
		assert_true((error == NULL) == (json_object_get(json, "result") != NULL));
		json_decref(json);
		free(reply);
	}
}

static void notifications_are_silent(void **state)
{
	static const char *const lines[] = {
		"{\"jsonrpc\":\"2.0\",\"method\":\"touch\"}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"deny\"}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"nothing\"}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"x\":1}}",
	};
	int touched = 0;
	const struct rpc_session s = {methods, RPC_WRITE, &touched};
	unsigned int pieces;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char *reply = reply_to(&s, lines[i], strlen(lines[i]), &pieces);

		assert_string_equal(reply, "");
		free(reply);
	}
	assert_int_equal(touched, 1);
}

static void long_lines_are_refused(void **state)
{
	const struct rpc_session s = {methods, RPC_READ, NULL};
	size_t size = RPC_MAX_LINE + 1;
	char *line = malloc(size);
	unsigned int pieces;
	char *reply;

	memset(line, ' ', size);
	reply = reply_to(&s, line, size, &pieces);
	assert_non_null(strstr(reply, "-32600"));
	free(reply);
	memset(line, '[', size);
	reply = reply_to(&s, line, size - 1, &pieces);
	assert_non_null(strstr(reply, "levels"));
	free(reply);
	free(line);
}

static void text_is_always_json(void **state)
{
	json_t *text = rpc_text("vm\xff");

	assert_string_equal(json_string_value(text), "vm?");
	json_decref(text);
}

/* --- the methods --- */

struct switch_view {
	struct control control;
	size_t snapshots_size;
	struct caller caller;
};

static int view_setup(void **state)
{
	struct switch_view *v = calloc(1, sizeof(*v));

	fake_control_init(&v->control, NULL);
	v->caller = (struct caller){&v->control, &v->snapshots_size, false};
	*state = v;
	return 0;
}

static int view_teardown(void **state)
{
	struct switch_view *v = *state;
	size_t left = v->snapshots_size;

	free(v);
	return left == 0 ? 0 : -1;
}

static char *ask(
	struct switch_view *v, const char *method, const char *params, unsigned int *pieces)
{
	const struct rpc_session s = {methods_table(), RPC_WRITE, &v->caller};
	char line[4096];

	snprintf(line, sizeof(line),
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}", method, params);
	return reply_to(&s, line, strlen(line), pieces);
}

/* The reply's result must be the expected JSON, whatever the order of members. */
static void expect(
	struct switch_view *v, const char *method, const char *params, const char *expected)
{
	unsigned int pieces;
	char *reply = ask(v, method, params, &pieces);
	json_t *json = json_loads(reply, 0, NULL);
	json_t *want = json_loads(expected, JSON_DECODE_ANY, NULL);

	assert_non_null(want);
	if (!json_equal(json_object_get(json, "result"), want))
		fail_msg("%s %s\n  answered %s\n  expected %s", method, params, reply, expected);
	json_decref(want);
	json_decref(json);
	free(reply);
}

static void expect_error(
	struct switch_view *v, const char *method, const char *params, const char *told)
{
	unsigned int pieces;
	char *reply = ask(v, method, params, &pieces);

	if (strstr(reply, "\"error\"") == NULL || strstr(reply, told) == NULL)
		fail_msg("%s %s\n  answered %s\n  without %s", method, params, reply, told);
	free(reply);
}

static void shows_status(void **state)
{
	expect(*state, "status", "{}",
		"{\"version\":\"0.1.0\",\"dpdk_version\":\"DPDK 22.11.11\",\"uptime_ms\":3661000,"
		"\"workers\":1,\"ports\":3,\"guests\":2,\"uplinks\":1,\"groups\":3,\"rows\":3,"
		"\"mbufs_in_use\":512,\"mbufs_total\":8192,\"rx\":100,\"injected\":4,"
		"\"references\":6,\"tx\":95,\"punted\":5,\"dropped\":10,\"in_flight\":0,"
		"\"punts_handled\":0,\"punts_waiting\":0,\"law_holds\":true}");
	expect(*state, "version", "{}",
		"{\"version\":\"0.1.0\",\"dpdk_version\":\"DPDK 22.11.11\",\"api\":1}");
	expect(*state, "cores", "{}",
		"[{\"lcore\":0,\"role\":\"control\",\"ports\":0,\"turns\":0,\"busy_turns\":0,"
		"\"rx\":0,\"tx\":0,\"cycles_busy\":0,\"punt_ring_fill\":0,\"punt_ring_size\":0,"
		"\"inject_ring_fill\":0,\"inject_ring_size\":0,\"numa_node\":0,\"rx_pps\":0,\"tx_"
		"pps\":0,"
		"\"busy_permille\":0,\"cycles_per_frame\":null,\"bursts\":[0,0,0,0,0,0],"
		"\"fanouts\":[0,0,0,0,0,0,0,0,0]},"
		"{\"lcore\":1,\"role\":\"worker\",\"ports\":3,\"turns\":1000,\"busy_turns\":250,"
		"\"rx\":100,\"tx\":95,\"cycles_busy\":20000,\"punt_ring_fill\":0,"
		"\"punt_ring_size\":1024,\"inject_ring_fill\":2,\"inject_ring_size\":4096,"
		"\"numa_node\":1,"
		"\"rx_pps\":10,\"tx_pps\":9,\"busy_permille\":123,\"cycles_per_frame\":210,"
		"\"bursts\":[10,5,0,10,0,0],\"fanouts\":[90,5,0,0,0,0,0,0,0]}]");
	expect(*state, "drops", "{}",
		"[{\"name\":\"malformed\",\"port\":null,\"count\":7,"
		"\"sentence\":\"the frame contradicts itself\"},"
		"{\"name\":\"guest_full\",\"port\":null,\"count\":3,"
		"\"sentence\":\"the guest's ring had no room\"},"
		"{\"name\":\"no_member\",\"port\":null,\"count\":0,"
		"\"sentence\":\"nobody wants this group\"},"
		"{\"name\":\"guest_full\",\"port\":\"vm1\",\"count\":3,"
		"\"sentence\":\"the guest's ring had no room\"}]");
}

#define COUNTERS(rxp, rxb, txp, txd)                                                          \
	"\"rx_packets\":" #rxp ",\"rx_bytes\":" #rxb ",\"rx_dropped\":0,\"tx_packets\":" #txp \
	",\"tx_bytes\":0,\"tx_dropped\":" #txd ",\"rx_pps\":" #rxp ",\"tx_pps\":" #txp        \
	",\"rx_bps\":0,\"tx_bps\":0,\"drop_pps\":0"

#define UP0_TRAFFIC COUNTERS(100, 6400, 0, 0)
#define VM1_TRAFFIC COUNTERS(0, 0, 90, 3)
#define VM2_TRAFFIC COUNTERS(0, 0, 0, 0)

#define TAP_DETECTION "\"link_detection\":\"kernel carrier of up0\",\"driver_file\":\"tap.yaml\","
#define UPLINK_ROWS   "\"rows\":0,\"ring_faults\":0,"
#define VM1_ROWS      "\"rows\":3,\"ring_faults\":2," NO_DETECTION
#define VM2_ROWS      "\"rows\":0,\"ring_faults\":0," NO_DETECTION
#define NO_DETECTION  "\"link_detection\":null,\"driver_file\":null,"

static void shows_ports(void **state)
{
	expect(*state, "ports", "{}",
		"[{\"id\":0,\"name\":\"up0\",\"role\":\"uplink\",\"kind\":\"net_tap\","
		"\"device\":\"net_tap0\",\"state\":\"up\",\"up\":true,\"admin_up\":true,"
		"\"since_ms\":5000,\"vlan\":null,\"trunk\":null,\"mac\":null,\"mac_origin\":null,"
		"\"nic_filter\":null,\"worker\":1,\"numa_node\":0,\"carrier\":null," UPLINK_ROWS
			TAP_DETECTION UP0_TRAFFIC "},"
		"{\"id\":1,\"name\":\"vm1\",\"role\":\"guest\",\"kind\":\"vhost-user\","
		"\"device\":\"/run/mcswitch/vm1.sock\",\"state\":\"up\",\"up\":true,"
		"\"admin_up\":true,\"since_ms\":3600000,\"vlan\":20,\"trunk\":null,"
		"\"mac\":\"00:50:56:a2:7d:63\",\"mac_origin\":\"learnt\",\"nic_filter\":null,"
		"\"worker\":1,\"numa_node\":1,\"carrier\":\"up0\"," VM1_ROWS VM1_TRAFFIC "},"
		"{\"id\":2,\"name\":\"vm2\",\"role\":\"guest\",\"kind\":\"vhost-user\","
		"\"device\":\"/run/mcswitch/vm2.sock\",\"state\":\"down\",\"up\":false,"
		"\"admin_up\":true,\"since_ms\":0,\"vlan\":null,\"trunk\":[20,30],\"mac\":null,"
		"\"mac_origin\":null,\"nic_filter\":null,\"worker\":1,\"numa_node\":null,"
		"\"carrier\":null," VM2_ROWS VM2_TRAFFIC "}]");
	expect(*state, "uplinks", "{}",
		"[{\"id\":0,\"name\":\"up0\",\"device\":\"net_tap0\",\"driver\":\"net_tap\","
		"\"state\":\"up\",\"up\":true,\"admin_up\":true,\"since_ms\":5000,"
		"\"team\":\"team0\",\"role\":\"active\",\"in_use\":true,\"guests\":1,"
		"\"carries\":[\"vm1\"],\"worker\":1,\"multicast_filter\":\"list of 2\","
		"\"unicast_filter\":\"promiscuous\"," TAP_DETECTION COUNTERS(100, 6400, 0, 0) "}]");
	expect(*state, "teams", "{}",
		"[{\"name\":\"team0\",\"policy\":\"port-id\",\"active\":[\"up0\"],\"standby\":[],"
		"\"guests\":2,\"failback\":true,\"notify_switches\":false,"
		"\"replay_memberships\":false,\"channel_replay\":false,\"beacon_ms\":100,"
		"\"last_failover\":{\"ago_ms\":7000,\"guests\":2,\"to_publish_us\":340,"
		"\"reports\":3,\"to_first_replay_us\":51,\"to_last_replay_us\":62}}]");
}

#define GROUP(vlan, group, source, mode, port, origin, version, uptime, expires, packets)        \
	"{\"vlan\":" #vlan ",\"group\":\"" group "\",\"source\":\"" source "\",\"mode\":\"" mode \
	"\",\"port\":\"" port "\",\"origin\":\"" origin "\",\"version\":" #version               \
	",\"uptime_ms\":" #uptime ",\"expires_ms\":" #expires ",\"packets\":" #packets           \
	",\"pps\":" #packets "}"

#define EXCLUDE_ROW                                                                           \
	GROUP(20, "239.1.1.1", "*", "exclude", "vm1", "snooped", 3, 60000, 200000, 1234)      \
	"," GROUP(20, "239.1.1.1", "10.0.0.8", "include", "vm1", "snooped", 3, 60000, 100000, \
		1234) "," GROUP(20, "239.1.1.1", "10.0.0.9", "exclude", "vm1", "snooped", 3,  \
		60000, 200000, 1234)
#define INCLUDE_ROW \
	GROUP(20, "232.1.1.1", "10.0.0.8", "include", "vm1", "snooped", 3, 1000, 200000, 1234)
#define FILTER_ROW GROUP(30, "01:00:5e:01:01:01", "*", "exclude", "vm2", "filter", 0, 0, null, 0)
#define STATIC_ROW GROUP(30, "ff05::1234", "*", "exclude", "vm2", "static", 0, 0, null, 1234)

static void shows_groups(void **state)
{
	expect(*state, "groups", "{}",
		"[" EXCLUDE_ROW "," INCLUDE_ROW "," FILTER_ROW "," STATIC_ROW "]");
	expect(*state, "groups", "{\"vlan\":20}", "[" EXCLUDE_ROW "," INCLUDE_ROW "]");
	expect(*state, "groups", "{\"group\":\"239.1.1.1\"}", "[" EXCLUDE_ROW "]");
	expect(*state, "groups", "{\"group\":\"01:00:5e:01:01:01\"}", "[" FILTER_ROW "]");
	expect(*state, "groups", "{\"port\":\"vm2\"}", "[" FILTER_ROW "," STATIC_ROW "]");
	expect(*state, "groups", "[30,\"ff05::1234\",\"vm2\"]", "[" STATIC_ROW "]");
	expect(*state, "groups", "{\"vlan\":30,\"port\":\"vm1\"}", "[]");
	expect_error(*state, "groups", "{\"port\":\"vm9\"}", "there is no port 'vm9'");
}

static void shows_many_groups_in_pieces(void **state)
{
	struct switch_view *v = *state;
	unsigned int pieces;
	json_t *json;
	char *reply;

	v->control.n_extra_rows = 10000;
	reply = ask(v, "groups", "{}", &pieces);
	json = json_loads(reply, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(json, "result")), 10006);
	assert_true(pieces > 10006 / RPC_PIECE_ROWS);
	json_decref(json);
	free(reply);
	v->control.n_extra_rows = 1000000;
	expect_error(v, "groups", "{}", "EBUSY");
}

static void shows_snooping(void **state)
{
#define REPORTER(group, last, leave)                                              \
	"{\"vlan\":20,\"source\":\"*\",\"group\":\"" group "\",\"port\":\"vm1\"," \
	"\"reporter\":\"10.115.172." last "\",\"mac\":\"00:50:56:a2:7d:63\","     \
	"\"uptime_ms\":8998000,\"last_join_ms\":97000,\"last_leave_ms\":" leave "}"
#define REPORTERS                                              \
	"[" REPORTER("239.1.1.1", "104", "null") "," REPORTER( \
		"239.1.1.1", "105", "1000") "," REPORTER("239.2.2.2", "105", "1000") "]"
	expect(*state, "snooping", "{}", REPORTERS);
	expect(*state, "snooping", "{\"vlan\":20}", REPORTERS);
	expect(*state, "snooping", "{\"vlan\":30}", "[]");
}

static void shows_queriers(void **state)
{
#define SILENT(vlan, family)                                                               \
	"{\"vlan\":" vlan ",\"family\":\"" family "\",\"state\":\"none\",\"known\":false," \
	"\"ours\":false,\"robustness\":0,\"query_interval_ms\":0,\"query_response_ms\":0," \
	"\"last_member_interval_ms\":0,\"version\":null,\"port\":null,\"address\":null,"   \
	"\"uptime_ms\":null,\"expires_ms\":null,\"router_ports\":[\"up0\"]}"
	expect(*state, "queriers", "{}",
		"[{\"vlan\":20,\"family\":\"ipv4\",\"state\":\"heard\",\"known\":true,"
		"\"ours\":false,\"robustness\":2,\"query_interval_ms\":125000,"
		"\"query_response_ms\":10000,\"last_member_interval_ms\":1000,\"version\":3,"
		"\"port\":\"up0\",\"address\":\"192.168.20.1\",\"uptime_ms\":10000,"
		"\"expires_ms\":245000,\"router_ports\":[\"up0\"]}," SILENT(
			"20", "ipv6") "," SILENT("30", "ipv4") "," SILENT("30", "ipv6") "]");
}

static void shows_counters(void **state)
{
#define VERSIONS(a, b, c) "{\"v1\":" a ",\"v2\":" b ",\"v3\":" c "}"
#define VM1_COUNTERS                                                                             \
	"[{\"port\":\"vm1\",\"igmp\":{\"queries_rx\":" VERSIONS("0", "0",                        \
		"0") ",\"queries_tx\":" VERSIONS("0", "0", "2") ",\"reports_rx\":" VERSIONS("0", \
		"1", "7") ",\"reports_tx\":" VERSIONS("0", "0",                                  \
		"0") ",\"leaves_rx\":4,\"leaves_tx\":0},"                                        \
		     "\"mld\":{\"queries_rx\":{\"v1\":0,\"v2\":0},\"queries_tx\":{\"v1\":0,"     \
		     "\"v2\":1},"                                                                \
		     "\"reports_rx\":{\"v1\":0,\"v2\":3},\"reports_tx\":{\"v1\":0,\"v2\":0},"    \
		     "\"leaves_rx\":0,"                                                          \
		     "\"leaves_tx\":0},\"pim_rx\":0,\"mrd_rx\":1,\"unknown_rx\":0,\"odd\":{"     \
		     "\"ttl\":5,"                                                                \
		     "\"router_alert\":0,\"destination\":0,\"source\":0},\"sources_capped\":6}]"
	expect(*state, "counters", "{}", VM1_COUNTERS);
	expect(*state, "counters", "{\"port\":\"vm1\"}", VM1_COUNTERS);
	expect(*state, "counters", "{\"port\":\"vm2\"}", "[]");
	expect_error(*state, "counters", "{\"port\":\"vm9\"}", "there is no port 'vm9'");
}

static void shows_events(void **state)
{
	struct switch_view *v = *state;

#define EVENT                                                                       \
	"[{\"number\":7,\"time_ms\":1795770000123,\"type\":\"link\",\"vlan\":null," \
	"\"port\":\"up0\",\"group\":null,\"text\":\"up0 is up\"}]"
	expect(v, "events", "{}", EVENT);
	expect(v, "events", "{\"from\":7}", EVENT);
	expect(v, "events", "{\"from\":8}", "[]");
	expect_error(v, "events", "{\"from\":-1}", "-32602");
	assert_false(v->caller.watching);
	expect(v, "watch", "{}", "{}");
	assert_true(v->caller.watching);
}

#define GUEST_VM1                                                                                 \
	"{\"name\":\"vm1\",\"socket\":\"/run/mcswitch/vm1.sock\",\"device\":null,"                \
	"\"mode\":\"server\",\"vlan\":20,\"trunk\":null,\"mac\":null,\"qmp\":null,"               \
	"\"router\":\"deny\",\"limits\":{\"groups\":1024,\"sources\":64,\"reports_per_s\":1000}," \
	"\"security\":{\"promiscuous\":\"reject\",\"mac_changes\":\"reject\","                    \
	"\"forged_transmits\":\"reject\"}}"

static const struct {
	const char *method, *params;
	const char *done; /* what control was asked to do; NULL: nothing */
	const char *told; /* the error */
} actions[] = {
	{"guest.add", "[\"vm3=/s,vlan=20\"]", "add vm3 /s,vlan=20", NULL},
	{"guest.add", "[{\"name\":\"vm3\",\"socket\":\"/s\"}]", "add vm3 /s", NULL},
	{"guest.add", "[{\"name\":\"vm3\",\"socket\":\"/s\",\"vlan\":\"20\",\"mode\":\"client\"}]",
		"add vm3 /s,vlan=20,mode=client", NULL},
	{"guest.add", "[{\"name\":\"vm3\",\"device\":\"net_tap1\",\"trunk\":[20,30]}]",
		"add vm3 device:net_tap1,trunk=20+30", NULL},
	{"guest.add", "[" GUEST_VM1 "]",
		"add vm1 /run/mcswitch/vm1.sock,mode=server,vlan=20,router=deny,groups=1024,"
		"sources=64,repo",
		NULL},
	{"guest.add", "[\"vm3\"]", NULL, "expected NAME=SOCKET"},
	{"guest.add", "[{\"socket\":\"/s\"}]", NULL, "name: expected"},
	{"guest.add", "[{\"name\":\"vm3\"}]", NULL, "either socket or device"},
	{"guest.add", "[{\"name\":\"a=b\",\"socket\":\"/s\"}]", NULL, "name: expected"},
	{"guest.add", "[{\"name\":\"vm3\",\"socket\":\"/s,router=allow\"}]", NULL, "no path"},
	{"guest.add", "[{\"name\":\"vm3\",\"socket\":\"device:x\"}]", NULL, "no path"},
	{"guest.add", "[{\"name\":\"vm3\",\"socket\":\"/s\",\"qmp\":\"/q,router=allow\"}]", NULL,
		"comma"},
	{"guest.add", "[{\"name\":\"vm3\",\"socket\":\"/s\",\"a,router\":\"allow\"}]", NULL,
		"no key"},
	{"guest.add", "[{\"name\":\"vm3\",\"socket\":\"/s\",\"vlan\":true}]", NULL, "vlan:"},
	{"guest.add", "[{\"name\":\"vm3\",\"socket\":\"/s\",\"trunk\":[\"a\"]}]", NULL, "trunk:"},
	{"guest.add", "{}", NULL, "'guest' is missing"},
	{"guest.del", "[\"vm1\"]", "del vm1 ", NULL},
	{"guest.query", "[\"vm1\"]", "query vm1 ", NULL},
	{"team.set", "[\"team0\",\"policy\",\"explicit\"]", "team team0 policy explicit", NULL},
	{"team.set", "[\"team0\",\"failback\",false]", "team team0 failback false", NULL},
	{"team.set", "[\"team0\",\"beacon_ms\",100]", "team team0 beacon_ms 100", NULL},
	{"team.set", "[\"team0\",\"policy\"]", NULL, "'value' is missing"},
	{"team.set", "[\"team0\",\"policy\",2.5]", NULL, "value:"},
	{"uplink.admin", "[\"up0\",false]", "admin up0 down", NULL},
	{"uplink.admin", "{\"name\":\"up0\",\"up\":true}", "admin up0 up", NULL},
	{"uplink.admin", "{\"name\":\"up0\"}", NULL, "'up' is missing"},
	{"igmp.set", "[\"version\",2]", "set version 2", NULL},
	{"igmp.set", "[\"version\",\"auto\"]", "set version auto", NULL},
	{"igmp.set", "[\"version\",2.5]", NULL, "value:"},
	{"vlan.set", "[20,\"querier\",\"on\"]", "vlan 20 querier on", NULL},
	{"vlan.set", "[0,\"robustness\",3]", "vlan 0 robustness 3", NULL},
	{"vlan.set", "[20,\"fast_leave\",true]", "vlan 20 fast_leave true", NULL},
	{"vlan.set", "[4095,\"querier\",\"on\"]", NULL, "a VLAN id, 0 to 4094"},
	{"vlan.set", "[20,\"querier\"]", NULL, "'value' is missing"},
	{"group.add", "[20,\"239.9.9.9\",\"10.0.0.9\",\"vm1\"]", "static 20 239.9.9.9 10.0.0.9 vm1",
		NULL},
	{"group.add", "{\"vlan\":20,\"group\":\"239.9.9.9\",\"port\":\"vm1\"}",
		"static 20 239.9.9.9 * vm1", NULL},
	{"group.del", "{\"vlan\":20,\"group\":\"239.9.9.9\",\"port\":\"vm1\"}",
		"no static 20 239.9.9.9 * vm1", NULL},
	{"group.add", "{\"vlan\":20,\"group\":\"239.9.9.9\"}", NULL, "'port' is missing"},
	{"capture", "{\"count\":0}", NULL, "1 or more"},
	{"capture", "{\"group\":\"10.0.0.1\"}", NULL, "a multicast address"},
	{"capture.stop", "{}", NULL, "this client does not capture"},
};

static void acts(void **state)
{
	struct switch_view *v = *state;

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		v->control.last[0] = '\0';
		if (actions[i].told != NULL) {
			expect_error(v, actions[i].method, actions[i].params, actions[i].told);
			assert_string_equal(v->control.last, "");
			continue;
		}
		expect(v, actions[i].method, actions[i].params, "{}");
		assert_memory_equal(v->control.last, actions[i].done, strlen(actions[i].done));
	}
	v->control.refuse = true;
	expect_error(v, "guest.del", "[\"vm9\"]", "\"there is no 'vm9'\"");
}

static void shows_guests(void **state)
{
	expect(*state, "guest.show", "{}", "[" GUEST_VM1 "]");
	expect(*state, "guest.show", "{\"name\":\"vm1\"}", "[" GUEST_VM1 "]");
	expect_error(*state, "guest.show", "{\"name\":\"vm9\"}", "there is no guest 'vm9'");
}

static void schema_names_every_method(void **state)
{
	unsigned int pieces;
	char *reply = ask(*state, "schema", "{}", &pieces);
	json_t *json = json_loads(reply, 0, NULL);
	json_t *list = json_object_get(json, "result"), *row;
	const struct rpc_method *m = methods_table();
	size_t i;

	json_array_foreach (list, i, row) {
		assert_string_equal(json_string_value(json_object_get(row, "name")), m[i].name);
		assert_true(json_is_array(json_object_get(row, "params")));
		assert_true(strlen(json_string_value(json_object_get(row, "help"))) > 0);
	}
	assert_null(m[i].name);
	json_decref(json);
	free(reply);
}

/* Parameters that a method takes; most take a name. */
static const char *params_of(const char *method)
{
	static const struct {
		const char *method, *params;
	} others[] = {
		{"igmp.set", "\"a\",2"},
		{"guest.import", "\"a\",{}"},
		{"team.set", "\"a\",\"b\",true"},
		{"uplink.admin", "\"a\",true"},
		{"vlan.set", "20,\"b\",true"},
		{"group.add", "20,\"239.1.1.1\",\"10.0.0.1\",\"a\""},
		{"group.del", "20,\"239.1.1.1\",\"10.0.0.1\",\"a\""},
		{"reload", ""},
		{"capture.stop", ""},
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (strcmp(others[i].method, method) == 0)
			return others[i].params;
	}
	return "\"a\"";
}

static void lookers_may_not_act(void **state)
{
	struct switch_view *v = *state;
	const struct rpc_session s = {methods_table(), RPC_READ, &v->caller};
	unsigned int pieces;

	for (const struct rpc_method *m = methods_table(); m->name != NULL; m++) {
		char line[256];
		char *reply;

		if (m->role != RPC_WRITE)
			continue;
		snprintf(line, sizeof(line),
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":[%s]}", m->name,
			params_of(m->name));
		reply = reply_to(&s, line, strlen(line), &pieces);
		if (strstr(reply, "EPERM") == NULL)
			fail_msg("%s answered %s", line, reply);
		free(reply);
	}
	assert_string_equal(v->control.last, "");
}

int main(void)
{
#define VIEW(f) cmocka_unit_test_setup_teardown(f, view_setup, view_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protocol),
		cmocka_unit_test(notifications_are_silent),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(text_is_always_json),
		VIEW(shows_status),
		VIEW(shows_ports),
		VIEW(shows_groups),
		VIEW(shows_many_groups_in_pieces),
		VIEW(shows_snooping),
		VIEW(shows_queriers),
		VIEW(shows_counters),
		VIEW(shows_events),
		VIEW(acts),
		VIEW(shows_guests),
		VIEW(schema_names_every_method),
		VIEW(lookers_may_not_act),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
