/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VGUEST_LINK_H
#define VGUEST_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The link to the test: a SOCK_SEQPACKET socket, one message a frame, the first byte names the kind
 * (the head of vguest.c lists them). When the test is gone, the process ends.
 */
#define LINK_FRAME_HEADROOM 9 /* kind and time, before the frame in link_frame()'s buffer */

void link_open(int fd);
int link_fd(void);

/* Kind 'S' or 'E' and a text; waits for room. */
void link_text(char kind, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Kind 'M', an answer of the switch to a raw message; waits for room. */
void link_answer(const void *header, const void *payload, size_t size);

/* The switch broke a rule of virtio: the test must fail, whatever it was looking for. */
void link_fault(const char *what, unsigned value);

/*
 * A received frame of `size` bytes at buffer + LINK_FRAME_HEADROOM, with the time. False: no room,
 * nothing was sent.
 */
bool link_frame(uint8_t *buffer, size_t size);

/* The next command: its size, 0 if there is none, -1 if the test is gone. */
int link_command(uint8_t *buffer, size_t size);

/* Prints what failed, with errno, and ends the process. */
void die(const char *what) __attribute__((noreturn));

#endif
