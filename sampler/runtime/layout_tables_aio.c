/* SPDX-License-Identifier: Apache-2.0 */
/* The version file of asyncio: FutureObj and TaskObj (CPython: Modules/_asynciomodule.c).
 *
 * Constants are offsetof() from each version's debug information and were compared with live tasks.  From 3.14 on W names words of
 * the target's own table, and W_PLUS and H what lies at a fixed distance,
 * for the table has not all of them.  3.14 and 3.15, both builds:
 *
 *   header | loop callback0 context0 callbacks exception exception_tb result source_tb cancel_msg cancelled_exc awaited_by (pointers)
 *          | state: int | is_task, awaited_by_is_set: char | log_tb, blocking, must_cancel, log_destroy_pending: bits 0-3 of a byte
 *          | num_cancels: int | fut_waiter coro name context (pointers) | node
 *
 * strobe_aio_relations has these distances once more as conditions on the table: a struct of another shape is refused. */
#include "runtime/layout_tables_aio.h"

#define F(field) #field, offsetof(struct strobe_aio_layout, field)
#define NO STROBE_NONE
#define W(word) W_PLUS(word, 0)
#define W_PLUS(word, add) (STROBE_AIO_WORD | (uint32_t)STROBE_AIO_W_##word << 8 | (uint32_t)(128 + (add)))
#define H(add) (STROBE_AIO_HEADER | (add))
#define R(at) (STROBE_AIO_RUNTIME | (at))
#define WHOLE UINT32_MAX /* task_must_cancel is an int of its own */

enum {
    NUM = STROBE_AIO_NUM, PTR = STROBE_AIO_PTR, I32 = STROBE_AIO_I32, U8 = STROBE_AIO_U8, NODE = STROBE_AIO_NODE, SIZE = STROBE_AIO_SIZE,
    VALUE = STROBE_AIO_VALUE, FUT = STROBE_AIO_FUT, TASK = STROBE_AIO_TASK, INTERP = STROBE_AIO_INTERP, THREAD = STROBE_AIO_THREAD,
};

/* The first column of a minor version is the one to start from; a later one is chosen by the size of its tasks. */
const struct strobe_aio_column strobe_aio_columns[STROBE_AIO_COLUMNS] = {
    {8, true, false, 0, 0},
    {9, true, false, 0, 0},
    {10, true, false, 0, 0},
    {10, true, false, 0, 0}, /* the first releases: no fut_exception_tb yet */
    {11, true, false, 0, 0},
    {12, true, false, 0, 0},
    {13, true, false, 0, 0},
    {13, false, true, 0, 0},
    {14, true, true, STROBE_AIO_TABLE_SIZE, 48},
};

const struct strobe_aio_row strobe_aio_rows[] = {
    /*                                        3.8  3.9 3.10 early 3.11 3.12   3.13 3.13t  3.14+, both builds */
    {F(fut_loop), FUT, PTR,               {  16,  16,  16,  16,  16,  16,     16,   32, H(0)}},
    {F(fut_callback0), FUT, PTR,          {  24,  24,  24,  24,  24,  24,     24,   40, H(8)}},
    {F(fut_context0), FUT, PTR,           {  32,  32,  32,  32,  32,  32,     32,   48, H(16)}},
    {F(fut_callbacks), FUT, PTR,          {  40,  40,  40,  40,  40,  40,     40,   56, H(24)}},
    {F(fut_exception), FUT, PTR,          {  48,  48,  48,  48,  48,  48,     48,   64, H(32)}},
    {F(fut_result), FUT, PTR,             {  56,  56,  64,  56,  64,  64,     64,   80, H(48)}},
    {F(fut_state), FUT, I32,              {  72,  80,  88,  80,  88,  88,     96,  112, W_PLUS(IS_TASK, -4)}},
    {F(fut_awaited_by), FUT, PTR,         {  NO,  NO,  NO,  NO,  NO,  NO,     NO,   NO, W(AWAITED_BY)}},
    {F(fut_is_task), FUT, U8,             {  NO,  NO,  NO,  NO,  NO,  NO,     NO,   NO, W(IS_TASK)}},
    {F(fut_awaited_by_is_set), FUT, U8,   {  NO,  NO,  NO,  NO,  NO,  NO,     NO,   NO, W(IS_SET)}},
    {F(fut_size), FUT, SIZE,              { 104, 144, 152, 144, 128, 128,    104,  120, W_PLUS(IS_TASK, 4)}},
    {F(task_must_cancel_mask), VALUE, NUM, {WHOLE, WHOLE, WHOLE, WHOLE, WHOLE, WHOLE, 4, 4, 4}},
    {F(task_must_cancel), TASK, U8,       { 136, 176, 184, 176, 160, 160,    100,  116, W_PLUS(IS_TASK, 2)}},
    {F(task_num_cancels), TASK, I32,      {  NO,  NO,  NO,  NO, 168, 168,    104,  120, W_PLUS(IS_TASK, 4)}},
    {F(task_fut_waiter), TASK, PTR,       { 104, 144, 152, 144, 128, 128,    112,  128, W_PLUS(CORO, -8)}},
    {F(task_coro), TASK, PTR,             { 112, 152, 160, 152, 136, 136,    120,  136, W(CORO)}},
    {F(task_name), TASK, PTR,             { 120, 160, 168, 160, 144, 144,    128,  144, W(NAME)}},
    {F(task_context), TASK, PTR,          { 128, 168, 176, 168, 152, 152,    136,  152, W_PLUS(NAME, 8)}},
    {F(task_node), TASK, NODE,            {  NO,  NO,  NO,  NO,  NO,  NO,     NO,   NO, W(NODE)}},
    {F(task_size), TASK, SIZE,            { 144, 184, 192, 184, 176, 176,    144,  160, W(TASK_SIZE)}},
    {F(interp_tasks_head), INTERP, NODE,  {  NO,  NO,  NO,  NO,  NO,  NO,     NO,   NO, W(INTERP_HEAD)}},
    /* 3.13: the first member of _PyThreadStateImpl behind the PyThreadState (pycore_tstate.h), whose size the runtime tells */
    {F(thread_running_loop), THREAD, PTR, {  NO,  NO,  NO,  NO,  NO,  NO, R(152), R(152), W(RUNNING_LOOP)}},
    {F(thread_running_task), THREAD, PTR, {  NO,  NO,  NO,  NO,  NO,  NO,     NO,   NO, W(RUNNING_TASK)}},
    {F(thread_tasks_head), THREAD, NODE,  {  NO,  NO,  NO,  NO,  NO,  NO,     NO,   NO, W(THREAD_HEAD)}},
};
const size_t strobe_aio_row_count = sizeof strobe_aio_rows / sizeof strobe_aio_rows[0];

#define W_IS(word, of, add, round) {STROBE_AIO_W_##word, of, add, round}
const struct strobe_aio_relation strobe_aio_relations[] = {
    W_IS(AWAITED_BY, STROBE_AIO_REL_HEADER, 80, 8),       /* behind ten pointers */
    W_IS(IS_TASK, STROBE_AIO_W_AWAITED_BY, 12, 4),        /* behind the state */
    W_IS(IS_SET, STROBE_AIO_W_IS_TASK, 1, 1),
    W_IS(CORO, STROBE_AIO_W_IS_TASK, 16, 8),              /* behind the bits, num_cancels and fut_waiter */
    W_IS(NAME, STROBE_AIO_W_CORO, 8, 8),
    W_IS(NODE, STROBE_AIO_W_NAME, 16, 8),                 /* behind the context */
};
const size_t strobe_aio_relation_count = sizeof strobe_aio_relations / sizeof strobe_aio_relations[0];
