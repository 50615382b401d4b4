/* SPDX-License-Identifier: BSD-3-Clause */
#include "args.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_version.h>

#include "logging.h"
#include "mcswitch_version.h"

static const char usage[] =
	"Usage: mcswitch [EAL arguments] -- [options]\n"
	"\n"
	"A DPDK virtual switch for hypervisor hosts, built around IP multicast.\n"
	"\n"
	"  -c, --config FILE        configuration, see mcswitch.yaml; the options below add to it\n"
	"  -u, --uplink DEVICE[,name=NAME]\n"
	"                           an uplink: PCI address or vdev name as EAL knows it\n"
	"  -g, --guest NAME=SOCKET[,vlan=N][,trunk=20+30][,mac=MAC][,mode=client]...\n"
	"                           a guest on a vhost-user socket; NAME=device:DEVICE,... on a "
	"device\n"
	"  -s, --control-socket PATH\n"
	"                           where mcctl finds the daemon (/run/mcswitch/control.sock)\n"
	"      --drivers DIR        what is known of NICs' drivers (" MCSWITCH_DRIVERS_DIR ")\n"
	"  -l, --log-level LEVEL    error, warning, info (the default) or debug, on stderr\n"
	"      --check              validate the configuration and end: 0 right, 1 every error "
	"told\n"
	"  -h, --help               this page\n"
	"  -V, --version\n"
	"\n"
	"The first lcore of -l is the control lcore, the others are workers, so give at least "
	"two:\n"
	"\n"
	"  mcswitch -l 0-3 -a 0000:3b:00.0 -a 0000:3b:00.1 -- --config "
	"/etc/mcswitch/mcswitch.yaml\n"
	"  mcswitch -l 0,1 --no-pci --vdev net_tap0,iface=up0 -- --uplink net_tap0 \\\n"
	"           --guest vm1=/run/mcswitch/vm1.sock,vlan=20\n"
	"\n"
	"Exit status: 0 asked to stop, 1 configuration, 2 environment (hugepages, device, "
	"socket),\n"
	"3 fault. mcctl --help tells what can be asked of a running switch.\n";

enum { OPT_CHECK = 256, OPT_DRIVERS };

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"uplink", required_argument, NULL, 'u'},
	{"guest", required_argument, NULL, 'g'},
	{"control-socket", required_argument, NULL, 's'},
	{"log-level", required_argument, NULL, 'l'},
	{"check", no_argument, NULL, OPT_CHECK},
	{"drivers", required_argument, NULL, OPT_DRIVERS},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

#define OPTSTRING "+:c:u:g:s:l:hV"

/* Position of "--", or argc. */
static int separator(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return i;
	}
	return argc;
}

static int option_apply(struct args *a, int opt, struct conf_errors *errors)
{
	struct error err;

	switch (opt) {
	case 'c':
	case 'l':
	case OPT_DRIVERS:
		return 0; /* read already: the other options add to it */
	case 'u':
		if (conf_add_uplink_arg(a->conf, optarg, &err) < 0)
			conf_errors_add(errors, "--uplink %s: %s", optarg, err.text);
		return 0;
	case 'g':
		if (conf_add_guest_arg(a->conf, optarg, &err) < 0)
			conf_errors_add(errors, "--guest %s: %s", optarg, err.text);
		return 0;
	case 's':
		if (strlen(optarg) >= sizeof(a->conf->control_socket))
			conf_errors_add(errors,
				"--control-socket %s: longer than a socket path may be", optarg);
		else
			snprintf(a->conf->control_socket, sizeof(a->conf->control_socket), "%s",
				optarg);
		return 0;
	case OPT_CHECK:
		a->check = true;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	case 'V':
		printf("mcswitch %s (%s)\n", MCSWITCH_VERSION, rte_version());
		return 1;
	default:
		return -EINVAL;
	}
}

/* The argument of the last of these options; NULL: none. */
static const char *option_find(int argc, char **argv, int wanted)
{
	const char *found = NULL;
	int opt;

	optind = 1;
	while ((opt = getopt_long(argc, argv, OPTSTRING, options, NULL)) != -1) {
		if (opt == wanted)
			found = optarg;
	}
	return found;
}

/* As asked for; else as installed; else as in the source tree that this was built from. */
static struct conf_drivers *drivers_load(
	const char *asked, struct logging *logging, struct conf_errors *errors)
{
	const char *const dirs[] = {asked, MCSWITCH_DRIVERS_DIR, MCSWITCH_DRIVERS_SOURCE};
	size_t n = asked != NULL ? 1 : 3;

	for (size_t i = 0; i < n; i++) {
		if (dirs[i] != NULL && access(dirs[i], F_OK) == 0)
			return conf_drivers_load(dirs[i], errors);
	}
	logging_say(logging, LOG_LEVEL_WARNING,
		"%s is missing, so nothing is known of NICs' drivers but what "
		"devices say themselves; see --drivers",
		asked != NULL ? asked : MCSWITCH_DRIVERS_DIR);
	return NULL;
}

static int options_apply(struct args *a, int argc, char **argv, struct conf_errors *errors)
{
	int opt, rc;

	optind = 1;
	while ((opt = getopt_long(argc, argv, OPTSTRING, options, NULL)) != -1) {
		if (opt == ':' || opt == '?') {
			conf_errors_add(errors, "%s \"%s\"; mcswitch --help lists the options",
				opt == ':' ? "an argument is missing after" : "there is no option",
				argv[optind - 1]);
			return 0;
		}
		rc = option_apply(a, opt, errors);
		if (rc != 0)
			return rc;
	}
	if (optind < argc)
		conf_errors_add(
			errors, "\"%s\" is no option; mcswitch --help lists them", argv[optind]);
	return 0;
}

static void log_level_set(const char *name, struct logging *logging, struct conf_errors *errors)
{
	int level = name != NULL ? log_level_parse(name) : LOG_LEVEL_INFO;

	if (level < 0)
		conf_errors_add(
			errors, "--log-level %s: expected error, warning, info or debug", name);
	else
		logging->log.level = (enum log_level)level;
}

/* Every one, however many: who asked for them waits at a terminal. */
static void errors_print(const struct conf_errors *errors, struct logging *logging)
{
	for (size_t i = 0; i < errors->n; i++)
		logging_say(logging, LOG_LEVEL_ERROR, "%s", errors->text[i]);
}

int args_parse(int argc, char **argv, struct logging *logging, struct args *out)
{
	struct conf_errors errors = {0};
	int split = separator(argc, argv), ours = argc - split, rc = 0;
	const char *path;

	memset(out, 0, sizeof(*out));
	out->eal_argc = split;
	out->eal_argv = argv;
	if (split == argc) {
		/* No "--": only --help and --version are ours; the rest is EAL's, and not enough. */
		bool help =
			argc == 1 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;

		if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0))
			printf("mcswitch %s (%s)\n", MCSWITCH_VERSION, rte_version());
		else
			fputs(usage, help && argc > 1 ? stdout : stderr);
		if (!help && argc > 1 && argv[1][0] == '-' && argv[1][1] != 'V' &&
			strcmp(argv[1], "--version") != 0)
			return -EINVAL;
		return argc > 1 ? 1 : -EINVAL;
	}
	opterr = 0;
	argv[split] = argv[0];
	path = option_find(ours, argv + split, 'c');
	log_level_set(option_find(ours, argv + split, 'l'), logging, &errors);
	out->conf = path != NULL ? conf_load(path, &errors) : conf_new();
	if (out->conf != NULL) {
		rc = options_apply(out, ours, argv + split, &errors);
		if (rc == 0 && errors.n == 0)
			conf_validate(out->conf, &errors);
		if (rc == 0)
			out->drivers = drivers_load(
				option_find(ours, argv + split, OPT_DRIVERS), logging, &errors);
	}
	if (errors.n > 0 && rc == 0) {
		errors_print(&errors, logging);
		rc = -EINVAL;
	} else if (out->conf == NULL) {
		rc = -ENOMEM;
	}
	conf_errors_free(&errors);
	return rc;
}
