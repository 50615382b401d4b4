/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *name;
	const char *prefix;  /* for people */
	const char *journal; /* syslog's priorities */
} levels[LOG_N_LEVELS] = {
	[LOG_LEVEL_ERROR] = {"error", "mcswitch: error: ", "<3>"},
	[LOG_LEVEL_WARNING] = {"warning", "mcswitch: warning: ", "<4>"},
	[LOG_LEVEL_INFO] = {"info", "mcswitch: ", "<6>"},
	[LOG_LEVEL_DEBUG] = {"debug", "mcswitch: debug: ", "<7>"},
};

int log_level_parse(const char *name)
{
	for (int i = 0; i < LOG_N_LEVELS; i++) {
		if (strcmp(name, levels[i].name) == 0)
			return i;
	}
	return -EINVAL;
}

bool log_is_journal(int fd, const char *journal_stream)
{
	unsigned long long device, inode;
	struct stat st;

	return journal_stream != NULL &&
	       sscanf(journal_stream, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &st) == 0 &&
	       st.st_dev == device && st.st_ino == inode;
}

void log_init(struct log *l, int fd, enum log_level level, bool journal)
{
	memset(l, 0, sizeof(*l));
	l->fd = fd;
	l->level = level;
	l->journal = journal;
	pthread_mutex_init(&l->lock, NULL);
	for (int i = 0; i < LOG_N_LEVELS; i++)
		l->buckets[i].tokens = LOG_BURST;
}

static bool bucket_take(struct log_bucket *b, nsec now)
{
	uint64_t gained = now > b->refilled ? (now - b->refilled) * LOG_PER_S / NSEC_PER_SEC : 0;

	if (gained > 0) {
		b->tokens = gained + b->tokens < LOG_BURST ? b->tokens + (unsigned int)gained
							   : LOG_BURST;
		b->refilled = now;
	}
	if (b->tokens == 0) {
		b->n_left_out++;
		return false;
	}
	b->tokens--;
	return true;
}

/* One write a line, so that lines of several processes do not mix. There is nobody to tell of an error. */
static void line_put(const struct log *l, enum log_level level, const char *text, size_t size)
{
	char line[LOG_LINE_SIZE + 32];
	int n = snprintf(line, sizeof(line), "%s%.*s",
		l->journal ? levels[level].journal : levels[level].prefix,
		(int)(size < LOG_LINE_SIZE ? size : LOG_LINE_SIZE - 1), text);
	ssize_t done;

	for (int i = 0; i < n; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	}
	line[n] = '\n';
	done = write(l->fd, line, (size_t)n + 1);
	(void)done;
}

static void line_write(struct log *l, nsec now, enum log_level level, const char *text, size_t size)
{
	struct log_bucket *b = &l->buckets[level];
	char told[80];
	int n;

	if (!bucket_take(b, now))
		return;
	if (b->n_left_out > 0) {
		n = snprintf(told, sizeof(told), "%u lines of level %s were left out: too many",
			b->n_left_out, levels[level].name);
		b->n_left_out = 0;
		line_put(l, level, told, (size_t)n);
	}
	line_put(l, level, text, size);
}

void log_vwrite(struct log *l, nsec now, enum log_level level, const char *fmt, va_list ap)
{
	char text[4 * LOG_LINE_SIZE];

	if (level > l->level)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	pthread_mutex_lock(&l->lock);
	for (const char *at = text; *at != '\0';) {
		size_t size = strcspn(at, "\n");

		if (size > 0)
			line_write(l, now, level, at, size);
		at += size + (at[size] == '\n');
	}
	pthread_mutex_unlock(&l->lock);
}

void log_write(struct log *l, nsec now, enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vwrite(l, now, level, fmt, ap);
	va_end(ap);
}
