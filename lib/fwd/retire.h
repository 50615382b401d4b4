/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FWD_RETIRE_H
#define FWD_RETIRE_H

#include <stddef.h>

/*
 * When memory dies: what was published is unlinked first, then retired; it is freed once every
 * worker has reported a quiescent state after that (rte_rcu_qsbr). The control lcore never waits:
 * it retires, goes on, and frees what has become free at the end of each turn.
 */
struct rte_rcu_qsbr;
struct retire;

typedef void retire_fn(void *object);

struct retire *retire_create(struct rte_rcu_qsbr *qsbr); /* NULL: no memory */
/* Waits for one grace period and frees all. */
void retire_destroy(struct retire *r);

/* Free object with fn after one grace period. Never fails: if there is no memory to remember the
 * object by, it waits for the grace period here and now. */
void retire_later(struct retire *r, void *object, retire_fn *fn);

/* Free what may be freed now; returns how many objects still wait. */
size_t retire_poll(struct retire *r);

#endif
