/* SPDX-License-Identifier: Apache-2.0 */
/* layout: where the fields lie that strobe reads, for one target.  Filled once by strobe_layout_init, const afterwards.
 *
 * The numbers live in layout_tables.c (one row a field, one column a version); from 3.13 on most come out of the
 * target's own _Py_DebugOffsets (CPython: Include/internal/pycore_debug_offsets.h) and are checked as hostile input.
 * May include: mem. */
#ifndef STROBE_RUNTIME_LAYOUT_H
#define STROBE_RUNTIME_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "mem/mem.h"

#define STROBE_NONE UINT32_MAX /* this version has no such field */

/* How frames are laid out: selects one of the walkers of walk/frames.c. */
enum strobe_frame_kind {
    STROBE_FRAMES_HEAP,   /* 3.8 - 3.10: PyFrameObject on the heap, f_back */
    STROBE_FRAMES_CFRAME, /* 3.11, 3.12: _PyInterpreterFrame, head in the thread's _PyCFrame */
    STROBE_FRAMES_DIRECT, /* 3.13+: _PyInterpreterFrame, head in the thread state */
};

/* How a line table is coded: selects a decoder of runtime/linetable.c. */
enum strobe_lines_kind {
    STROBE_LINES_LNOTAB,    /* 3.8, 3.9: co_lnotab pairs (Objects/lnotab_notes.txt) */
    STROBE_LINES_PEP626,    /* 3.10: co_linetable pairs with ranges */
    STROBE_LINES_LOCATIONS, /* 3.11+: location entries (Objects/locations.md) */
};

/* What fr_stacktop says of a suspended frame. */
enum strobe_stack_kind {
    STROBE_STACK_POINTER, /* address of the first free slot (3.8, 3.9, 3.14+) */
    STROBE_STACK_INDEX,   /* int: slots from fr_localsplus on that are in use, locals included (3.11-3.13) */
    STROBE_STACK_DEPTH,   /* int: slots from fr_valuestack on that are in use (3.10) */
};

/* The longest spans that a validated layout can ask for (today's structs with room to grow): whoever reads a struct whole
 * may use a buffer of this size. */
enum {
    STROBE_MAX_FR_SIZE = 1024,      /* fr_size; 360 in 3.8 */
    STROBE_MAX_CO_SIZE = 1024,      /* co_size; 232 in 3.14t */
    STROBE_MAX_TS_SIZE = 2048,      /* ts_size, which covers the ts_ fields only; 272 in 3.15 */
    STROBE_MAX_IN_SIZE = 64 * 1024, /* in_size, which covers the in_ fields only; 17,632 in 3.14t, 8,000 elsewhere */
    STROBE_MAX_GIL_SIZE = 1024,     /* gil_size; 216 in 3.14t */
};

/* All offsets are bytes from the start of the struct named by the prefix; STROBE_NONE = absent.
 * rt = _PyRuntimeState, in = PyInterpreterState, gil = struct _gil_runtime_state, ts = PyThreadState, fr = frame,
 * co = PyCodeObject, ty = PyTypeObject, and so on. */
struct strobe_layout {
    uint32_t version;    /* PY_VERSION_HEX of the target (micro may be 0 below 3.11) */
    uint8_t minor;       /* 8 .. 15 and above */
    bool free_threaded;
    bool newer;          /* newer than every column: the newest was tried */
    enum strobe_frame_kind frames;
    enum strobe_lines_kind lines;
    uint64_t runtime;    /* address of _PyRuntime */

    /* --- from here on: uint32_t only, one row of layout_tables.c each --- */
    /* Enum values and masks. */
    uint32_t pointer_mask_low;  /* low bits of a stack reference that are a tag, 0 before 3.14 */
    uint32_t owner_generator;   /* frame.owner: frame inside a generator object */
    uint32_t owner_object;      /* frame.owner: frame inside a frame object, which has ended */
    uint32_t owner_skip;        /* frame.owner >= this: a C shim, not a Python frame; NONE in 3.8-3.11 */
    uint32_t lasti_unit;        /* bytes per unit of f_lasti (1 or 2); frames with pointers: 1 */
    /* What a frame shows of its own life (a popped one may still lie in memory, whole): */
    uint32_t executing_mask;    /* 3.8-3.10: bit n set = fr_executing's value n means it executes; NONE elsewhere */
    uint32_t gen_heap_suspended;   /* 3.10: fr_executing's value of a frame that has suspended itself; NONE elsewhere */
    uint32_t stacktop_size;     /* fr_stacktop: 4 = int, -1 while its bytecode runs (3.11-3.13); 8 = pointer, NULL likewise (3.14+);
                                 * otherwise it says nothing: NONE */
    uint32_t state_attached;    /* ts_state value of a thread that runs Python; NONE where ts_state is */
    uint32_t str_kind_shift;    /* of str_state's 32 bits: kind at this bit (3 bits), compact 3 above, ascii 4 above */
    uint32_t dict_values_header; /* bytes before the first pointer of a split dict's values array */
    uint32_t long_shift;        /* 3.12+: long_tag is digits << this, the sign (0 +, 1 zero, 2 -) in its low 2 bits; 0: signed ob_size */
    /* An instance with Py_TPFLAGS_MANAGED_DICT (tp_flags bit 4; 3.11+) keeps a word this many bytes BEFORE the object: */
    uint32_t managed_dict;      /* the dict's address; where managed_tag is not NONE it has two meanings */
    uint32_t managed_tag;       /* 3.12: when this bit of that word is set, word + 1 is the values array, not a dict; NONE elsewhere */
    uint32_t managed_values;    /* 3.11: the values array, when not NULL instead of the dict; NONE elsewhere */
    uint32_t inline_values_flag; /* 3.13+: tp_flags mask; set: values struct at obj + tp_basicsize while the dict word is NULL */
    uint32_t gc_head;            /* this many bytes BEFORE an object that the collector tracks: next and previous one; NONE: no lists */
    /* Queues of waiters, which are deques: what one that leaves a queue of three or more adds, at least, to deque_state less length. */
    uint32_t tasks_leave, threads_leave; /* of asyncio.Semaphore; of threading.Semaphore */
    /* Suspended generators, coroutines and asynchronous generators. */
    uint32_t stack_kind;        /* enum strobe_stack_kind: what fr_stacktop is while the frame does not execute */
    uint32_t awaited_slot;      /* the awaited object is this far below the value stack's end, in slots */
    uint32_t gen_created, gen_yielded, gen_awaiting, gen_awaiting_locked, gen_executing; /* values of the byte at gen_state */
    uint32_t yield_from_opcode; /* 3.8-3.10: the unit behind the instruction, when it awaits */
    uint32_t resume_awaiting;   /* 3.11, 3.12: the low 2 bits of that unit's argument are at least this, when it awaits */

    /* Offsets. */
    uint32_t rt_interpreters_head, rt_main_thread, rt_finalizing, rt_gil, rt_tstate_current, rt_gc_collecting;
    uint32_t in_next, in_id, in_threads_head, in_threads_main, in_modules, in_sysdict, in_ceval_gil, in_gc_collecting,
        in_gc_frame, in_code_generation, in_tlbc_generation, in_size;
    uint32_t gil_last_holder, gil_locked, gil_switch_number, gil_enabled, gil_size;
    uint32_t ts_prev, ts_next, ts_interp, ts_frame /* 3.8-3.10 frame, 3.11-3.12 cframe, 3.13+ current_frame */, ts_base_frame,
        ts_thread_id, ts_native_id, ts_id, ts_status, ts_state, ts_holds_gil, ts_gil_requested, ts_chunk, ts_chunk_top,
        ts_dict /* 3.8-3.12: where asyncio keeps the running loop */, ts_context,
        ts_size;
    uint32_t cframe_current;
    uint32_t fr_code, fr_previous, fr_instr /* f_lasti, prev_instr or instr_ptr */, fr_owner, fr_is_entry, fr_executing,
        fr_stacktop, fr_tlbc_index, fr_localsplus, fr_valuestack /* 3.8-3.10 */, fr_globals, fr_locals /* f_locals dict */,
        fr_size /* header, without localsplus */;
    uint32_t co_filename, co_name, co_qualname, co_firstlineno, co_linetable, co_code /* inline code, or the bytes object */,
        co_flags, co_argcount, co_varnames, co_cellvars, co_freevars, co_localsplusnames, co_localspluskinds, co_nlocalsplus,
        co_nlocals, co_kwonlyargcount, co_firsttraceable, co_names, co_exceptiontable, co_version, co_framesize, co_stacksize, co_tlbc,
        co_monitoring /* _PyCoMonitoringData's address, NULL = not traced */, monitoring_lines, monitoring_opcodes /* per instruction */,
        co_size /* up to the inline code */;
    uint32_t ob_type, ob_refcnt /* int */, ob_ref_shared, ob_gc_bits, ob_size /* of a var object */, ob_header /* sizeof(PyObject) */;
    uint32_t ty_name, ty_basicsize, ty_flags, ty_dictoffset, ty_dict, ty_mro, ty_base, ty_itemsize, ty_members, ty_subclasses,
        ty_qualname /* ht_qualname */, ty_cached_keys;
    uint32_t long_tag /* lv_tag or ob_size */, long_digit, float_value;
    uint32_t str_length, str_hash, str_state, str_ascii_data, str_compact_data /* also the data pointer of a non-compact one */;
    uint32_t bytes_size, bytes_data, tuple_size, tuple_items, list_size, list_items;
    uint32_t dict_keys, dict_values, dict_used;
    /* A dict's keys object: 3.8-3.10 have keys_slots, later ones the log2 bytes and a kind (0 = 24-byte entries). */
    uint32_t keys_slots /* dk_size */, keys_log2_slots, keys_log2_index_bytes, keys_kind, keys_nentries, keys_indices,
        values_valid /* byte of an inline values struct */, values_capacity, values_count /* bytes, where values_valid is one */;
    uint32_t set_used, set_mask, set_table;
    uint32_t chunk_previous, chunk_size, chunk_top, chunk_data;
    uint32_t cell_ref, weakref_object, module_dict, func_code, func_globals, func_closure, func_qualname,
        cfunc_def /* m_ml, then m_self */, method_func, method_self;
    uint32_t gen_frame /* 3.8-3.10: the frame's address, 0 = finished; 3.11+: the frame itself */, gen_running /* 3.8, 3.9 */, gen_state;
    uint32_t deque_left /* leftmost block */, deque_index /* of the first item in it */, deque_state /* counts changes */;
    /* contextvars: Context, ContextVar, the mapping in a Context and its three kinds of nodes. */
    uint32_t context_prev, context_vars, contextvar_name, hamt_root, hamt_count, hamt_bitmap, hamt_bitmap_items, hamt_array_items,
        hamt_collision_items;
    /* _queue.SimpleQueue: to 3.12 the items of a list from a position on; then a ring of `capacity` places. */
    uint32_t simplequeue_list, simplequeue_pos, simplequeue_get, simplequeue_items, simplequeue_capacity, simplequeue_count;
    uint32_t rows_end[0]; /* no storage; stays last, so that a test finds members without a row */
};

/* What the outside knows of the target before anything was read. */
struct strobe_layout_hint {
    uint64_t runtime;   /* address of _PyRuntime */
    uint32_t version;   /* PY_VERSION_HEX, or only its 0x03MM0000 part; 0 = read it from the debug offsets */
    bool free_threaded; /* only needed where there are no debug offsets (never) */
};

/* Chooses the column, reads the target's own table where it has one, validates it.
 * ret_layout: filled on success only.  STROBE_ERR_VERSION, _LAYOUT, _NOTREADY (no interpreter yet), or a read error.
 * On failure `why` (at least 160 bytes, or NULL) gets one clause in plain words. */
int strobe_layout_init(struct strobe_mem *mem, const struct strobe_layout_hint *hint, struct strobe_layout *ret_layout, char *why);

/* Pure part of the above, for tests and fuzzers: a debug-offset table as bytes (version >= 3.13). */
int strobe_layout_from_table(const void *table, size_t len, struct strobe_layout *ret_layout, char *why);

/* Self-check on live memory: interpreters, thread states, first code object. */
int strobe_layout_check(struct strobe_mem *mem, const struct strobe_layout *lay, char *why);

#endif
