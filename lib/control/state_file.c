/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct state_file {
	char path[PATH_MAX], beside[PATH_MAX + 8];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;
	/* under the lock */
	char *text;
	size_t size;
	int error;
	bool ended;
};

static int text_write(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		size -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* The new name is on the disk only when its directory is. */
static void directory_sync(const char *path)
{
	char copy[PATH_MAX];
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

static int file_replace(const struct state_file *f, const char *text, size_t size)
{
	int fd = open(f->beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	rc = text_write(fd, text, size);
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(f->beside, f->path) < 0)
		rc = -errno;
	if (rc == 0)
		directory_sync(f->path);
	else
		unlink(f->beside);
	return rc;
}

static void *writer(void *arg)
{
	struct state_file *f = arg;

	pthread_mutex_lock(&f->lock);
	for (;;) {
		char *text = f->text;
		int rc;

		if (text == NULL && f->ended)
			break;
		if (text == NULL) {
			pthread_cond_wait(&f->work, &f->lock);
			continue;
		}
		f->text = NULL;
		pthread_mutex_unlock(&f->lock);
		rc = file_replace(f, text, f->size);
		free(text);
		pthread_mutex_lock(&f->lock);
		f->error = -rc;
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

struct state_file *state_file_open(const char *path)
{
	struct state_file *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	snprintf(f->path, sizeof(f->path), "%s", path);
	snprintf(f->beside, sizeof(f->beside), "%s.new", f->path);
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->work, NULL);
	if (pthread_create(&f->thread, NULL, writer, f) == 0)
		return f;
	free(f);
	return NULL;
}

void state_file_close(struct state_file *f)
{
	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	f->ended = true;
	pthread_cond_signal(&f->work);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	pthread_cond_destroy(&f->work);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

void state_file_write(struct state_file *f, char *text, size_t size)
{
	pthread_mutex_lock(&f->lock);
	free(f->text);
	f->text = text;
	f->size = size;
	pthread_cond_signal(&f->work);
	pthread_mutex_unlock(&f->lock);
}

int state_file_error(struct state_file *f)
{
	int error;

	pthread_mutex_lock(&f->lock);
	error = f->error;
	pthread_mutex_unlock(&f->lock);
	return error;
}

int state_file_read(const char *path, json_t **out, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	json_error_t problem;
	struct stat st;
	int rc = 0;

	if (fd < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)STATE_FILE_MAX) {
		rc = error_set(err, -EINVAL, "%s: no file, or larger than %u MiB", path,
			STATE_FILE_MAX >> 20);
	} else {
		*out = json_loadfd(fd, 0, &problem);
		if (*out == NULL)
			rc = error_set(err, -EINVAL, "%s:%d: %s", path, problem.line, problem.text);
	}
	close(fd);
	return rc;
}
