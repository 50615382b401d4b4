/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/slab.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SLAB_PLAIN 1
#else
#define SLAB_PLAIN 0
#endif

#define CHUNK_SIZE 65536u

struct slab_free {
	struct slab_free *next;
};

struct slab_chunk {
	struct slab_chunk *next;
	uint64_t objects[];
};

void slab_init(struct slab *s, size_t object_size)
{
	memset(s, 0, sizeof(*s));
	s->object_size = (object_size + 7) / 8 * 8;
}

void slab_fini(struct slab *s)
{
	struct slab_chunk *next;

	for (struct slab_chunk *c = s->chunks; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	memset(s, 0, sizeof(*s));
}

static void chunk_add(struct slab *s)
{
	size_t n = (CHUNK_SIZE - sizeof(struct slab_chunk)) / s->object_size;
	struct slab_chunk *c = malloc(CHUNK_SIZE);

	if (c == NULL)
		return;
	c->next = s->chunks;
	s->chunks = c;
	s->size += CHUNK_SIZE;
	while (n-- > 0) {
		struct slab_free *f = (void *)((char *)c->objects + n * s->object_size);

		f->next = s->free;
		s->free = f;
	}
}

void *slab_take(struct slab *s)
{
	struct slab_free *f;

	if (SLAB_PLAIN) {
		void *object = calloc(1, s->object_size);

		s->n_taken += object != NULL;
		s->size += object != NULL ? s->object_size : 0;
		return object;
	}
	if (s->free == NULL)
		chunk_add(s);
	f = s->free;
	if (f == NULL)
		return NULL;
	s->free = f->next;
	s->n_taken++;
	return memset(f, 0, s->object_size);
}

void slab_give(struct slab *s, void *object)
{
	struct slab_free *f = object;

	if (object == NULL)
		return;
	s->n_taken--;
	if (SLAB_PLAIN) {
		s->size -= s->object_size;
		free(object);
		return;
	}
	f->next = s->free;
	s->free = f;
}
