/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a picture of resources, private to picture/pooled*.c: what is in use (pooled_found.c), what lies
 * idle (pooled_idle.c), names (pooled_names.c), what stays from picture to picture (pooled_steady.c), what was
 * known beforehand (pooled_hints.c).
 * May include: what pooled.h may. */
#ifndef STROBE_PICTURE_POOLED_PARTS_H
#define STROBE_PICTURE_POOLED_PARTS_H

#include "picture/pooled.h"

struct strobe_owners;

enum { STROBE_POOLED_INTERPS = 256 }; /* interpreters that are looked into */

/* The interpreters that the last look saw.  How many. */
size_t strobe_pooled_interps(const struct strobe_pooled *pooled, uint64_t interps[STROBE_POOLED_INTERPS]);
/* The row of the object with that address, made when there is none yet, all unknown; address 0: always a new one.  Valid until the next
 * is made.  NULL: out of memory. */
struct strobe_report_resource *strobe_pooled_row(struct strobe_pooled *pooled, uint64_t address, bool *ret_new);
/* Is there a row of that object? */
bool strobe_pooled_has(const struct strobe_pooled *pooled, uint64_t address);
/* Takes the row that was made last back. */
void strobe_pooled_unrow(struct strobe_pooled *pooled);
/* The object of the i-th hint; false: it is none of those that count. */
bool strobe_pooled_hinted(struct strobe_pooled *pooled, size_t i, struct strobe_instance *ret);
/* Fills pooled->inner, by the instances that were found or hinted at.  STROBE_ERR_NOMEM. */
int strobe_pooled_find_parts(struct strobe_pooled *pooled);
/* The object to list for this one: what stands for it, or itself; 0: none, it is a part of an executor. */
uint64_t strobe_pooled_outer(const struct strobe_pooled *pooled, uint64_t object);
/* The numbers of a semaphore, limiter or queue (its kind is known), into its row. */
void strobe_pooled_put_facts(const struct strobe_wait_facts *facts, struct strobe_report_resource *to);
/* Each adds rows to pooled->found: pools before waits before idle ones.  STROBE_ERR_NOMEM. */
int strobe_pooled_add_pools(struct strobe_pooled *pooled);
int strobe_pooled_add_waits(struct strobe_pooled *pooled);
int strobe_pooled_add_idle(struct strobe_pooled *pooled);
int strobe_pooled_add_hinted(struct strobe_pooled *pooled);
/* Adds a row for an object that has none yet, if it lives and is no part of another. */
int strobe_pooled_add_instance(struct strobe_pooled *pooled, const struct strobe_instance *instance);
/* What the hints say of the rows: capacities before names are given, names after.  STROBE_ERR_NOMEM. */
void strobe_pooled_hint_capacities(struct strobe_pooled *pooled);
int strobe_pooled_hint_names(struct strobe_pooled *pooled);
/* Searches for who has the objects that are wanted, and names executors of loops that are made in C.  STROBE_ERR_NOMEM. */
int strobe_pooled_names_search(struct strobe_pooled *pooled, struct strobe_owners *owners);
/* Appends the name that was found for a row's object; true: it is better than the one that the row has.  ret_lasting: and better than what
 * a local variable is called. */
bool strobe_pooled_names_better(const struct strobe_owners *owners, const struct strobe_report_resource *row, struct strobe_buf *name,
                                bool *ret_lasting);
/* Names all rows.  STROBE_ERR_NOMEM. */
int strobe_pooled_name_all(struct strobe_pooled *pooled);
/* Names all rows, and gives them the capacities that were counted before, as pooled.h says of steady ones.  STROBE_ERR_NOMEM. */
int strobe_pooled_name_steadily(struct strobe_pooled *pooled);

#endif
