/* SPDX-License-Identifier: BSD-3-Clause */
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "link.h"

static int fd = -1;

void die(const char *what)
{
	fprintf(stderr, "vguest: %s: %s\n", what, strerror(errno));
	exit(1);
}

void link_open(int link)
{
	fd = link;
}

int link_fd(void)
{
	return fd;
}

static void send_all(const uint8_t *message, size_t size)
{
	if (send(fd, message, size, MSG_NOSIGNAL) < 0)
		exit(0);
}

void link_text(char kind, const char *format, ...)
{
	char text[1024] = {kind};
	va_list args;

	va_start(args, format);
	int size = vsnprintf(text + 1, sizeof(text) - 1, format, args);
	va_end(args);
	if (size >= (int)sizeof(text) - 1)
		size = sizeof(text) - 2;
	send_all((uint8_t *)text, 1 + size);
}

void link_answer(const void *header, const void *payload, size_t size)
{
	uint8_t message[1 + 8 + 512] = {'M'};

	memcpy(message + 1, header, 8);
	memcpy(message + 9, payload, size);
	send_all(message, 9 + size);
}

void link_fault(const char *what, unsigned value)
{
	link_text('E', "{\"event\": \"fault\", \"what\": \"%s\", \"value\": %u}", what, value);
}

bool link_frame(uint8_t *buffer, size_t size)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t ns = htole64((uint64_t)now.tv_sec * 1000000000 + now.tv_nsec);
	buffer[0] = 'F';
	memcpy(buffer + 1, &ns, sizeof(ns));
	if (send(fd, buffer, LINK_FRAME_HEADROOM + size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return true;
	if (errno != EAGAIN && errno != ENOBUFS)
		exit(0);
	return false;
}

int link_command(uint8_t *buffer, size_t size)
{
	ssize_t n = recv(fd, buffer, size, MSG_DONTWAIT);

	if (n > 0)
		return n;
	return n < 0 && errno == EAGAIN ? 0 : -1;
}
