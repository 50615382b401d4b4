/* SPDX-License-Identifier: BSD-3-Clause */
#include "fwd/retire.h"

#include <stdint.h>
#include <stdlib.h>

#include <rte_rcu_qsbr.h>

/*
 * A queue of what is dead to the writer and may not be to a reader. Each object carries the token
 * that rte_rcu_qsbr gave out after it was unlinked; tokens only grow, so objects die in the order in
 * which they were retired, and one that refers to others is safe when it is retired last.
 */
#define CHUNK_ITEMS 170 /* a chunk is a page */

struct retired {
	uint64_t token;
	void *object;
	retire_fn *fn;
};

struct chunk {
	struct chunk *next;
	struct retired item[CHUNK_ITEMS];
};

struct retire {
	struct rte_rcu_qsbr *qsbr;
	struct chunk *head, *tail;
	unsigned int first; /* in head: the next to die */
	unsigned int end;   /* in tail: where the next is put */
	size_t n;
};

struct retire *retire_create(struct rte_rcu_qsbr *qsbr)
{
	struct retire *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->head = r->tail = malloc(sizeof(*r->head));
	if (r->head == NULL) {
		free(r);
		return NULL;
	}
	r->head->next = NULL;
	r->qsbr = qsbr;
	return r;
}

static int push(struct retire *r, const struct retired *item)
{
	if (r->end == CHUNK_ITEMS) {
		struct chunk *c = malloc(sizeof(*c));

		if (c == NULL)
			return -1;
		c->next = NULL;
		r->tail->next = c;
		r->tail = c;
		r->end = 0;
	}
	r->tail->item[r->end++] = *item;
	r->n++;
	return 0;
}

static struct retired pop(struct retire *r)
{
	struct retired item = r->head->item[r->first++];

	if (--r->n == 0) {
		r->first = r->end = 0; /* head is tail: use it anew */
	} else if (r->first == CHUNK_ITEMS) {
		struct chunk *c = r->head;

		r->head = c->next;
		r->first = 0;
		free(c);
	}
	return item;
}

size_t retire_poll(struct retire *r)
{
	/* fn may retire more, or poll: an object leaves the queue before its fn runs. */
	while (r->n > 0) {
		struct retired item;

		if (rte_rcu_qsbr_check(r->qsbr, r->head->item[r->first].token, false) != 1)
			break;
		item = pop(r);
		item.fn(item.object);
	}
	return r->n;
}

void retire_later(struct retire *r, void *object, retire_fn *fn)
{
	struct retired item = {.token = rte_rcu_qsbr_start(r->qsbr), .object = object, .fn = fn};

	if (push(r, &item) == 0)
		return;
	rte_rcu_qsbr_check(r->qsbr, item.token, true);
	retire_poll(r); /* all that were retired before it die before it */
	fn(object);
}

void retire_destroy(struct retire *r)
{
	if (r == NULL)
		return;
	while (r->n > 0) {
		rte_rcu_qsbr_synchronize(r->qsbr, RTE_QSBR_THRID_INVALID);
		retire_poll(r);
	}
	free(r->head);
	free(r);
}
