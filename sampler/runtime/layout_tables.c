/* SPDX-License-Identifier: Apache-2.0 */
/* The version file: every fact about CPython's structs that differs between versions, and those that do not.
 *
 * Constants are offsetof() over each version's own headers (release build; Py_DEBUG moves none of them) and were read out of
 * live processes of each version.  From 3.13 on T, D and S name places in the target's own _Py_DebugOffsets
 * (Include/internal/pycore_debug_offsets.h; 3.13: pycore_runtime.h), because the offsets move within a minor series.
 * What that table lacks is a constant.  Free-threaded builds ("t") have a PyObject of 32 bytes instead of 16. */
#include "runtime/layout_tables.h"

#include <pthread.h>

#define F(field) #field, offsetof(struct strobe_layout, field)
#define NO STROBE_NONE
#define T(at) (STROBE_LAYOUT_FROM_TABLE | (at))
#define D(a, b) (STROBE_LAYOUT_DIFFERENCE | (a) << STROBE_LAYOUT_POSITION_BITS | (b))
#define S(a, b) (STROBE_LAYOUT_SUM | (a) << STROBE_LAYOUT_POSITION_BITS | (b))
/* The GIL struct holds two condition variables and two mutexes, whose size is the machine's (a mutex: 40 bytes on x86-64,
 * 48 on aarch64).  G(n): n bytes and a GIL struct. */
#define G(n) ((n) + 32 + 2 * (uint32_t)(sizeof(pthread_cond_t) + sizeof(pthread_mutex_t)))

#define SIZE_AT(v13, v14, v15) {0, 0, 0, 0, 0, v13, v14, v15, v13, v14, v15}

enum {
    NUM = STROBE_LAYOUT_NUM, PTR = STROBE_LAYOUT_PTR, U64 = STROBE_LAYOUT_PTR, I32 = STROBE_LAYOUT_I32, U8 = STROBE_LAYOUT_U8,
    TAIL = STROBE_LAYOUT_TAIL, END = STROBE_LAYOUT_END,
};

enum {
    VALUE = STROBE_LAYOUT_VALUE, RT = STROBE_LAYOUT_RT, IN = STROBE_LAYOUT_IN, GIL = STROBE_LAYOUT_GIL, TS = STROBE_LAYOUT_TS,
    CF = STROBE_LAYOUT_CF, FR = STROBE_LAYOUT_FR, CO = STROBE_LAYOUT_CO, OB = STROBE_LAYOUT_OB, TY = STROBE_LAYOUT_TY,
    HT = STROBE_LAYOUT_HT, LONG = STROBE_LAYOUT_LONG, FLOAT = STROBE_LAYOUT_FLOAT, STR = STROBE_LAYOUT_STR,
    BYTES = STROBE_LAYOUT_BYTES, TUPLE = STROBE_LAYOUT_TUPLE, LIST = STROBE_LAYOUT_LIST, DICT = STROBE_LAYOUT_DICT,
    KEYS = STROBE_LAYOUT_KEYS, VALUES = STROBE_LAYOUT_VALUES, SET = STROBE_LAYOUT_SET, CHUNK = STROBE_LAYOUT_CHUNK,
    CELL = STROBE_LAYOUT_CELL, WEAKREF = STROBE_LAYOUT_WEAKREF, MODULE = STROBE_LAYOUT_MODULE, FUNC = STROBE_LAYOUT_FUNC,
    CFUNC = STROBE_LAYOUT_CFUNC, METHOD = STROBE_LAYOUT_METHOD, GEN = STROBE_LAYOUT_GEN, DEQUE = STROBE_LAYOUT_DEQUE,
    CONTEXT = STROBE_LAYOUT_CONTEXT, CONTEXTVAR = STROBE_LAYOUT_CONTEXTVAR, HAMT = STROBE_LAYOUT_HAMT, NODE = STROBE_LAYOUT_HAMT_NODE,
    SIMPLEQUEUE = STROBE_LAYOUT_SIMPLEQUEUE, MONITORING = STROBE_LAYOUT_MONITORING,
};

/* sizeof(_Py_DebugOffsets) last. */
const struct strobe_layout_column strobe_layout_columns[STROBE_LAYOUT_COLUMNS] = {
    {8, false, STROBE_FRAMES_HEAP, STROBE_LINES_LNOTAB, 0},
    {9, false, STROBE_FRAMES_HEAP, STROBE_LINES_LNOTAB, 0},
    {10, false, STROBE_FRAMES_HEAP, STROBE_LINES_PEP626, 0},
    {11, false, STROBE_FRAMES_CFRAME, STROBE_LINES_LOCATIONS, 0},
    {12, false, STROBE_FRAMES_CFRAME, STROBE_LINES_LOCATIONS, 0},
    {13, false, STROBE_FRAMES_DIRECT, STROBE_LINES_LOCATIONS, 584},
    {14, false, STROBE_FRAMES_DIRECT, STROBE_LINES_LOCATIONS, 760},
    {15, false, STROBE_FRAMES_DIRECT, STROBE_LINES_LOCATIONS, 888},
    {13, true, STROBE_FRAMES_DIRECT, STROBE_LINES_LOCATIONS, 584},
    {14, true, STROBE_FRAMES_DIRECT, STROBE_LINES_LOCATIONS, 760},
    {15, true, STROBE_FRAMES_DIRECT, STROBE_LINES_LOCATIONS, 888},
};

const uint32_t strobe_layout_known_prereleases[] = {
    0x030f00c2, /* 3.15.0rc2 */
};
const size_t strobe_layout_known_prerelease_count = sizeof strobe_layout_known_prereleases / sizeof strobe_layout_known_prereleases[0];

/* Caps: for the spans that are read whole the named limits of layout.h; else today's size (runtime 370 kB, interpreter 384 kB with
 * our fields in its first 18 kB, type object 0.9 kB, others under 0.3 kB) with room for several versions of growth. */
enum { CAP_RUNTIME = 1 << 20, CAP_OBJECT = 1024, CAP_TYPE = 4096, CAP_HEADER = 64 };

const struct strobe_layout_group_info strobe_layout_groups[STROBE_LAYOUT_GROUPS] = {
    [VALUE] = {"values", UINT32_MAX, false, {0}},
    [RT] = {"runtime", CAP_RUNTIME, false, SIZE_AT(24, 24, 24)},
    [IN] = {"interpreter", STROBE_MAX_IN_SIZE, false, SIZE_AT(48, 48, 48)},
    [GIL] = {"GIL", STROBE_MAX_GIL_SIZE, false, {0}},
    [TS] = {"thread state", STROBE_MAX_TS_SIZE, false, SIZE_AT(152, 176, 176)},
    [CF] = {"C frame", CAP_OBJECT, false, {0}},
    [FR] = {"frame", STROBE_MAX_FR_SIZE, false, SIZE_AT(224, 248, 312)},
    [CO] = {"code", STROBE_MAX_CO_SIZE, true, SIZE_AT(272, 312, 376)},
    [OB] = {"object", CAP_HEADER, false, {0}}, /* ob_size lies behind the struct whose size the table gives */
    [TY] = {"type", CAP_TYPE, true, SIZE_AT(368, 416, 480)},
    [HT] = {"heap type", CAP_TYPE, true, SIZE_AT(0, 0, 528)},
    [LONG] = {"int", CAP_OBJECT, true, SIZE_AT(488, 568, 664)},
    [FLOAT] = {"float", CAP_OBJECT, true, SIZE_AT(472, 552, 648)},
    [STR] = {"str", CAP_OBJECT, true, SIZE_AT(536, 616, 712)},
    [BYTES] = {"bytes", CAP_OBJECT, true, SIZE_AT(512, 592, 688)},
    [TUPLE] = {"tuple", CAP_OBJECT, true, SIZE_AT(400, 448, 544)},
    [LIST] = {"list", CAP_OBJECT, true, SIZE_AT(424, 472, 568)},
    [DICT] = {"dict", CAP_OBJECT, true, SIZE_AT(448, 528, 624)},
    [KEYS] = {"dict keys", CAP_OBJECT, false, {0}},
    [VALUES] = {"dict values", CAP_OBJECT, false, {0}},
    [SET] = {"set", CAP_OBJECT, true, SIZE_AT(0, 496, 592)},
    [CHUNK] = {"data stack chunk", CAP_OBJECT, false, {0}},
    [CELL] = {"cell", CAP_OBJECT, true, {0}},
    [WEAKREF] = {"weakref", CAP_OBJECT, true, {0}},
    [MODULE] = {"module", CAP_OBJECT, true, {0}},
    [FUNC] = {"function", CAP_OBJECT, true, {0}},
    [CFUNC] = {"built-in function", CAP_OBJECT, true, {0}},
    [METHOD] = {"method", CAP_OBJECT, true, {0}},
    [GEN] = {"generator", CAP_OBJECT, true, SIZE_AT(0, 664, 792)},
    [DEQUE] = {"deque", CAP_OBJECT, true, {0}},
    [CONTEXT] = {"context", CAP_OBJECT, true, {0}},
    [CONTEXTVAR] = {"context variable", CAP_OBJECT, true, {0}},
    [HAMT] = {"context's mapping", CAP_OBJECT, true, {0}},
    [NODE] = {"node of a context's mapping", CAP_OBJECT, true, {0}},
    [SIMPLEQUEUE] = {"SimpleQueue", CAP_OBJECT, true, {0}},
    [MONITORING] = {"monitoring data", CAP_OBJECT, false, {0}},
};

const struct strobe_layout_row strobe_layout_rows[] = {
    /*                                    3.8   3.9  3.10  3.11  3.12    3.13    3.14    3.15   3.13t   3.14t   3.15t */
    /* enum values, masks, distances */
    {F(pointer_mask_low), VALUE, NUM,    {   0,    0,    0,    0,    0,      0,      3,      3,      0,      3,      3}},
    {F(owner_generator), VALUE, NUM,     {  NO,   NO,   NO,    1,    1,      1,      1,      1,      1,      1,      1}},
    {F(owner_object), VALUE, NUM,        {  NO,   NO,   NO,    2,    2,      2,      2,      2,      2,      2,      2}},
    {F(owner_skip), VALUE, NUM,          {  NO,   NO,   NO,   NO,    3,      3,      3,      3,      3,      3,      3}},
    {F(lasti_unit), VALUE, NUM,          {   1,    1,    2,    1,    1,      1,      1,      1,      1,      1,      1}},
    /* 3.8, 3.9: f_executing == 1; 3.10: f_state FRAME_EXECUTING 0 or FRAME_UNWINDING 2 (Include/cpython/frameobject.h). */
    {F(executing_mask), VALUE, NUM,      {   2,    2,    5,   NO,   NO,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(gen_heap_suspended), VALUE, NUM,     {  NO,   NO, 0xff,   NO,   NO,     NO,     NO,     NO,     NO,     NO,     NO}},
    /* _PyFrame_SetStackPointer at a call, _PyFrame_GetStackPointer after it (pycore_frame.h, pycore_interpframe.h). */
    {F(stacktop_size), VALUE, NUM,       {  NO,   NO,   NO,    4,    4,      4,      8,      8,      4,      8,      8}},
    {F(state_attached), VALUE, NUM,      {  NO,   NO,   NO,   NO,   NO,      1,      1,      1,      1,      1,      1}},
    {F(str_kind_shift), VALUE, NUM,      {   2,    2,    2,    2,    2,      2,      2,      2,      2,      8,      8}},
    {F(long_shift), VALUE, NUM,          {   0,    0,    0,    0,    3,      3,      3,      3,      3,      3,      3}},
    {F(dict_values_header), VALUE, NUM,  {   0,    0,    0,    0,    0,      8,      8,      8,      8,      8,      8}},
    {F(managed_dict), VALUE, NUM,        {  NO,   NO,   NO,   24,   24,     24,     24,     24,      8,      8,      8}},
    {F(managed_tag), VALUE, NUM,         {  NO,   NO,   NO,   NO,    1,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(managed_values), VALUE, NUM,      {  NO,   NO,   NO,   32,   NO,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(inline_values_flag), VALUE, NUM,  {  NO,   NO,   NO,   NO,   NO,      4,      4,      4,      4,      4,      4}},
    /* Where a suspended frame's value stack ends (enum strobe_stack_kind), and at which place from its end the awaited object lies. */
    {F(stack_kind), VALUE, NUM,          {   0,    0,    2,    1,    1,      1,      0,      0,      1,      0,      0}},
    {F(awaited_slot), VALUE, NUM,        {   1,    1,    1,    1,    1,      1,      1,      2,      1,      1,      2}},
    /* gi_frame_state as a byte (FRAME_CREATED and so on, Include/internal/pycore_frame.h); 3.8-3.10 keep it in the frame. */
    {F(gen_created), VALUE, NUM,         {  NO,   NO,   NO, 0xfe, 0xfe,   0xfd,   0xfd,      0,   0xfd,   0xfd,      0}},
    {F(gen_yielded), VALUE, NUM,         {  NO,   NO,   NO, 0xff, 0xff,   0xfe,   0xfe,      1,   0xfe,   0xfe,      1}},
    {F(gen_awaiting), VALUE, NUM,        {  NO,   NO,   NO, 0xff, 0xff,   0xff,   0xff,      2,   0xff,   0xff,      2}},
    {F(gen_awaiting_locked), VALUE, NUM, {  NO,   NO,   NO,   NO,   NO,     NO,     NO,      3,     NO,     NO,      3}},
    {F(gen_executing), VALUE, NUM,       {  NO,   NO,   NO,    0,    0,      0,      0,      4,      0,      0,      4}},
    /* Where the state does not tell awaiting from yielding, the unit behind the instruction does: 3.8-3.10 YIELD_FROM, 3.11 and 3.12
     * RESUME with an argument of 2 or 3 (Objects/genobject.c, _PyGen_yf). */
    {F(yield_from_opcode), VALUE, NUM,   {  72,   72,   72,   NO,   NO,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(resume_awaiting), VALUE, NUM,     {  NO,   NO,   NO,    2,    2,     NO,     NO,     NO,     NO,     NO,     NO}},
    /* PyGC_Head, two pointers, lies this far before an object that the collector knows (pycore_gc.h). */
    {F(gc_head), VALUE, NUM,             {  16,   16,   16,   16,   16,     16,     16,     16,     NO,     NO,     NO}},
    /* popleft() adds one to the state and takes one from the length: 2.  remove() moves the items to the left end and back besides, each
     * of which adds one where two or more are there: 4 in all, of the first item in 3.8 and 3.9 3.  Lib/asyncio/locks.py has remove()
     * from 3.11 on, in 3.10 either; Lib/threading.py has it in all. */
    {F(tasks_leave), VALUE, NUM,         {   2,    2,    2,    4,    4,      4,      4,      4,      4,      4,      4}},
    {F(threads_leave), VALUE, NUM,       {   3,    3,    4,    4,    4,      4,      4,      4,      4,      4,      4}},
    /* _PyRuntimeState: Include/internal/pycore_runtime.h */
    {F(rt_interpreters_head), RT, PTR,   {  32,   32,   32,   40,   40,  T(40),  T(40),  T(40),  T(40),  T(40),  T(40)}},
    {F(rt_main_thread), RT, PTR,         {  72,   72,   72,   80,   64,    656,    832,    960,    656,    832,    960}},
    {F(rt_finalizing), RT, PTR,          {  16,   16,   16,   24,   24,  T(32),  T(32),  T(32),  T(32),  T(32),  T(32)}},
    {F(rt_gil), RT, PTR,                 {1152,  352,  352,  360,   NO,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(rt_tstate_current), RT, PTR,      {G(1160), G(360), G(360), G(368),   NO,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(rt_gc_collecting), RT, I32,       { 544,   NO,   NO,   NO,   NO,     NO,     NO,     NO,     NO,     NO,     NO}},
    /* PyInterpreterState: pycore_interp.h */
    {F(in_next), IN, PTR,                {   0,    0,    0,    0,    0,  T(64),  T(64),  T(64),  T(64),  T(64),  T(64)}},
    {F(in_id), IN, U64,                  {  16,   24,   24,   48,    8,  T(56),  T(56),  T(56),  T(56),  T(56),  T(56)}},
    {F(in_threads_head), IN, PTR,        {   8,    8,    8,   16,   72,  T(72),  T(72),  T(72),  T(72),  T(72),  T(72)}},
    {F(in_threads_main), IN, PTR,        {  NO,   NO,   NO,   NO,   NO,   7352,  T(80),  T(80),   7352,  T(80),  T(80)}},
    {F(in_modules), IN, PTR,             {  56,  856,  856,  888,  944,  T(88),  T(96),  T(96),  T(88),  T(96),  T(96)}},
    {F(in_sysdict), IN, PTR,             {  72,  872,  872,  904,  352,  T(96), T(104), T(104),  T(96), T(104), T(104)}},
    {F(in_ceval_gil), IN, PTR,           {  NO,   NO,   NO,   NO,  384, T(112), T(120), T(120), T(112), T(120), T(120)}},
    {F(in_gc_collecting), IN, I32,       {  NO,  816,  816,  848,  312, S(80,576), S(88,656), S(88,760), S(80,576), S(88,656), S(88,760)}},
    {F(in_gc_frame), IN, PTR,            {  NO,   NO,   NO,   NO,   NO,     NO,     NO, S(88,768),     NO,     NO, S(88,768)}},
    {F(in_code_generation), IN, PTR,     {  NO,   NO,   NO,   NO,   NO,     NO, T(160), T(160),     NO, T(160), T(160)}},
    {F(in_tlbc_generation), IN, I32,     {  NO,   NO,   NO,   NO,   NO,     NO,     NO,     NO,     NO, T(168), T(168)}},
    {F(in_size), IN, END,                {2720, 5656, 113528, 107752, 383552,  T(48),  T(48),  T(48),  T(48),  T(48),  T(48)}},
    /* struct _gil_runtime_state: pycore_gil.h; free-threaded builds begin it with `enabled` */
    {F(gil_last_holder), GIL, PTR, {8, 8, 8, 8, 8, D(144,120), D(152,128), D(152,128), D(144,120), D(152,128), D(152,128)}},
    {F(gil_locked), GIL, I32, {16, 16, 16, 16, 16, D(136,120), D(144,128), D(144,128), D(136,120), D(144,128), D(144,128)}},
    {F(gil_switch_number), GIL, PTR,     {  24,   24,   24,   24,   24,     24,     24,     24,     32,     32,     32}},
    {F(gil_enabled), GIL, I32,           {  NO,   NO,   NO,   NO,   NO,     NO,     NO,     NO, T(128), T(136), T(136)}},
    {F(gil_size), GIL, END,              {G(0), G(0), G(0), G(0), G(0),   G(0),   G(0),   G(0),   G(8),   G(8),   G(8)}},
    /* PyThreadState: Include/cpython/pystate.h */
    {F(ts_prev), TS, PTR,                {   0,    0,    0,    0,    0, T(160), T(184), T(184), T(160), T(184), T(184)}},
    {F(ts_next), TS, PTR,                {   8,    8,    8,    8,    8, T(168), T(192), T(192), T(168), T(192), T(192)}},
    {F(ts_interp), TS, PTR,              {  16,   16,   16,   16,   16, T(176), T(200), T(200), T(176), T(200), T(200)}},
    {F(ts_frame), TS, PTR,               {  24,   24,   24,   56,   56, T(184), T(208), T(208), T(184), T(208), T(208)}},
    {F(ts_base_frame), TS, PTR,          {  NO,   NO,   NO,   NO,   NO,     NO,     NO, T(216),     NO,     NO, T(216)}},
    {F(ts_thread_id), TS, PTR,           { 176,  176,  176,  152,  136, T(192), T(216), T(240), T(192), T(216), T(240)}},
    {F(ts_native_id), TS, PTR,           {  NO,   NO,   NO,  160,  144, T(200), T(224), T(248), T(200), T(224), T(248)}},
    {F(ts_id), TS, U64,                  { 256,  256,  256,  240,  224,    224,    224,    248,    224,    224,    248}},
    {F(ts_status), TS, I32,              {  NO,   NO,   NO,   NO,   24, T(216), T(240), T(264), T(216), T(240), T(264)}},
    {F(ts_state), TS, I32,               {  NO,   NO,   NO,   NO,   NO,     40,     44,     48,     40,     44,     48}},
    {F(ts_holds_gil), TS, I32,           {  NO,   NO,   NO,   NO,   NO,     NO,     36, T(272),     NO,     36, T(272)}},
    {F(ts_gil_requested), TS, I32,       {  NO,   NO,   NO,   NO,   NO,     NO,     NO, T(280),     NO,     NO, T(280)}},
    {F(ts_chunk), TS, PTR,               {  NO,   NO,   NO,  296,  232, T(208), T(232), T(256), T(208), T(232), T(256)}},
    {F(ts_chunk_top), TS, PTR,           {  NO,   NO,   NO,  304,  240,    240,    240,    264,    240,    240,    264}},
    {F(ts_dict), TS, PTR,                { 152,  152,  152,  128,  112,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(ts_context), TS, PTR,             { 240,  240,  240,  224,  208,    208,    208,    232,    208,    208,    232}},
    {F(ts_size), TS, END,                { 264,  264,  280,  360,  288, T(152), T(176), T(176), T(152), T(176), T(176)}},
    /* _PyCFrame: Include/cpython/pystate.h */
    {F(cframe_current), CF, PTR,         {  NO,   NO,   NO,    8,    0,     NO,     NO,     NO,     NO,     NO,     NO}},
    /* PyFrameObject (3.8-3.10), _PyInterpreterFrame: pycore_frame.h */
    {F(fr_code), FR, PTR,                {  32,   32,   32,   32,    0, T(240), T(264), T(328), T(240), T(264), T(328)}},
    {F(fr_previous), FR, PTR,            {  24,   24,   24,   48,    8, T(232), T(256), T(320), T(232), T(256), T(320)}},
    {F(fr_instr), FR, PTR,               { 104,  104,   96,   56,   56, T(248), T(272), T(336), T(248), T(272), T(336)}},
    {F(fr_owner), FR, U8,                {  NO,   NO,   NO,   69,   70, T(264), T(288), T(352), T(264), T(288), T(352)}},
    {F(fr_is_entry), FR, U8,             {  NO,   NO,   NO,   68,   NO,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(fr_executing), FR, U8,            { 116,  116,  108,   NO,   NO,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(fr_stacktop), FR, I32,            {  72,   72,   80,   64,   64,     64, T(296), T(360),     64, T(296), T(360)}},
    {F(fr_tlbc_index), FR, I32,          {  NO,   NO,   NO,   NO,   NO,     NO,     NO,     NO,     NO, T(304), T(368)}},
    {F(fr_localsplus), FR, TAIL,         { 360,  360,  352,   72,   72, T(256), T(280), T(344), T(256), T(280), T(344)}},
    {F(fr_valuestack), FR, PTR,          {  64,   64,   64,   NO,   NO,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(fr_globals), FR, PTR,             {  48,   48,   48,    8,   24,     24,     24,     24,     24,     24,     24}},
    {F(fr_locals), FR, PTR,              {  56,   56,   56,   24,   40,     40,     40,     40,     40,     40,     40}},
    {F(fr_size), FR, END,                { 360,  360,  352,   72,   72, T(256), T(280), T(344), T(256), T(280), T(344)}},
    /* PyCodeObject: Include/cpython/code.h */
    {F(co_filename), CO, PTR,            { 104,  104,  104,  112,  112, T(280), T(320), T(384), T(280), T(320), T(384)}},
    {F(co_name), CO, PTR,                { 112,  112,  112,  120,  120, T(288), T(328), T(392), T(288), T(328), T(392)}},
    {F(co_qualname), CO, PTR,            {  NO,   NO,   NO,  128,  128, T(296), T(336), T(400), T(296), T(336), T(400)}},
    {F(co_firstlineno), CO, I32,         {  40,   40,   40,   72,   68, T(312), T(352), T(416), T(312), T(352), T(416)}},
    {F(co_linetable), CO, PTR,           { 120,  120,  120,  136,  136, T(304), T(344), T(408), T(304), T(344), T(408)}},
    {F(co_code), CO, TAIL,               {  48,   48,   48,  184,  192, T(344), T(384), T(448), T(344), T(384), T(448)}},
    {F(co_flags), CO, I32,               {  36,   36,   36,   48,   48,     48,     48,     48,     64,     64,     64}},
    {F(co_argcount), CO, I32,            {  16,   16,   16,   56,   52, T(320), T(360), T(424), T(320), T(360), T(424)}},
    {F(co_varnames), CO, PTR,            {  72,   72,   72,   NO,   NO,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(co_cellvars), CO, PTR,            {  88,   88,   88,   NO,   NO,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(co_freevars), CO, PTR,            {  80,   80,   80,   NO,   NO,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(co_localsplusnames), CO, PTR,     {  NO,   NO,   NO,   96,   96, T(328), T(368), T(432), T(328), T(368), T(432)}},
    {F(co_localspluskinds), CO, PTR,     {  NO,   NO,   NO,  104,  104, T(336), T(376), T(440), T(336), T(376), T(440)}},
    {F(co_nlocalsplus), CO, I32,         {  NO,   NO,   NO,   76,   72,     72,     72,     72,     88,     88,     88}},
    {F(co_nlocals), CO, I32,             {  28,   28,   28,   80,   80,     80,     80,     80,     96,     96,     96}},
    {F(co_kwonlyargcount), CO, I32,      {  24,   24,   24,   64,   60,     60,     60,     60,     76,     76,     76}},
    {F(co_firsttraceable), CO, I32,      {  NO,   NO,   NO,  168,  176,    184,    192,    192,    200,    208,    208}},
    {F(co_names), CO, PTR,               {  64,   64,   64,   32,   32,     32,     32,     32,     48,     48,     48}},
    {F(co_exceptiontable), CO, PTR,      {  NO,   NO,   NO,   40,   40,     40,     40,     40,     56,     56,     56}},
    {F(co_version), CO, I32,             {  NO,   NO,   NO,   NO,   92,     92,     92,     92,    108,    108,    108}},
    {F(co_framesize), CO, I32,           {  NO,   NO,   NO,   NO,   76,     76,     76,     76,     92,     92,     92}},
    {F(co_stacksize), CO, I32,           {  32,   32,   32,   68,   64,     64,     64,     64,     80,     80,     80}},
    {F(co_tlbc), CO, PTR,                {  NO,   NO,   NO,   NO,   NO,     NO,     NO,     NO,     NO, T(392), T(456)}},
    {F(co_monitoring), CO, PTR,          {  NO,   NO,   NO,   NO,  168,    176,    176,    176,    192,    192,    192}},
    {F(monitoring_lines), MONITORING, PTR, { NO,   NO,   NO,   NO,   40,     32,     96,    104,     32,     96,    104}},
    {F(monitoring_opcodes), MONITORING, PTR, {NO,  NO,   NO,   NO,   56,     48,    112,    120,     48,    112,    120}},
    {F(co_size), CO, END,                { 176,  176,  176,  184,  192, T(344), T(384), T(448), T(344), T(384), T(448)}},
    /* PyObject, PyVarObject */
    {F(ob_type), OB, PTR,                {   8,    8,    8,    8,    8, T(360), T(408), T(472), T(360), T(408), T(472)}},
    {F(ob_size), OB, PTR,                {  16,   16,   16,   16,   16,     16,     16,     16,     32,     32,     32}},
    {F(ob_header), OB, END,              {  16,   16,   16,   16,   16, T(352), T(400), T(464), T(352), T(400), T(464)}},
    /* ob_ref_local in free-threaded builds; before 3.12 the low half of the count. */
    {F(ob_refcnt), OB, I32,              {   0,    0,    0,    0,    0,      0,      0,      0,     12,     12,     12}},
    {F(ob_ref_shared), OB, PTR,          {  NO,   NO,   NO,   NO,   NO,     NO,     NO,     NO,     16,     16,     16}},
    {F(ob_gc_bits), OB, U8,              {  NO,   NO,   NO,   NO,   NO,     NO,     NO,     NO,     11,     11,     11}},
    /* PyTypeObject */
    {F(ty_name), TY, PTR,                {  24,   24,   24,   24,   24, T(376), T(424), T(488), T(376), T(424), T(488)}},
    {F(ty_basicsize), TY, PTR,           {  32,   32,   32,   32,   32,     32,     32, T(512),     48,     48, T(512)}},
    {F(ty_flags), TY, PTR,               { 168,  168,  168,  168,  168, T(392), T(440), T(504), T(392), T(440), T(504)}},
    {F(ty_dictoffset), TY, PTR,          { 288,  288,  288,  288,  288,    288,    288, T(520),    304,    304, T(520)}},
    {F(ty_dict), TY, PTR,                { 264,  264,  264,  264,  264,    264,    264,    264,    280,    280,    280}},
    {F(ty_mro), TY, PTR,                 { 344,  344,  344,  344,  344,    344,    344,    344,    360,    360,    360}},
    {F(ty_base), TY, PTR,                { 256,  256,  256,  256,  256,    256,    256,    256,    272,    272,    272}},
    {F(ty_itemsize), TY, PTR,            {  40,   40,   40,   40,   40,     40,     40,     40,     56,     56,     56}},
    {F(ty_members), TY, PTR,             { 240,  240,  240,  240,  240,    240,    240,    240,    256,    256,    256}},
    {F(ty_subclasses), TY, PTR,          { 360,  360,  360,  360,  360,    360,    360,    360,    376,    376,    376}},
    /* PyHeapTypeObject */
    {F(ty_cached_keys), HT, PTR,         { 872,  864,  872,  872,  880,    880,    880, T(536),    896,    896, T(536)}},
    {F(ty_qualname), HT, PTR,            { 864,  856,  864,  864,  872,    872,    872,    880,    888,    888,    896}},
    /* objects */
    {F(long_tag), LONG, PTR,             {  16,   16,   16,   16,   16, T(496), T(576), T(672), T(496), T(576), T(672)}},
    {F(long_digit), LONG, I32,           {  24,   24,   24,   24,   24, T(504), T(584), T(680), T(504), T(584), T(680)}},
    {F(float_value), FLOAT, PTR,         {  16,   16,   16,   16,   16, T(480), T(560), T(656), T(480), T(560), T(656)}},
    {F(str_length), STR, PTR,            {  16,   16,   16,   16,   16, T(552), T(632), T(728), T(552), T(632), T(728)}},
    {F(str_hash), STR, PTR,              {  24,   24,   24,   24,   24,     24,     24,     24,     40,     40,     40}},
    {F(str_state), STR, I32,             {  32,   32,   32,   32,   32, T(544), T(624), T(720), T(544), T(624), T(720)}},
    {F(str_ascii_data), STR, U8,         {  48,   48,   48,   48,   40, T(560), T(640), T(736), T(560), T(640), T(736)}},
    {F(str_compact_data), STR, U8,       {  72,   72,   72,   72,   56,     56,     56, T(744),     72,     72, T(744)}},
    {F(bytes_size), BYTES, PTR,          {  16,   16,   16,   16,   16, T(520), T(600), T(696), T(520), T(600), T(696)}},
    {F(bytes_data), BYTES, U8,           {  32,   32,   32,   32,   32, T(528), T(608), T(704), T(528), T(608), T(704)}},
    {F(tuple_size), TUPLE, PTR,          {  16,   16,   16,   16,   16, T(416), T(464), T(560), T(416), T(464), T(560)}},
    {F(tuple_items), TUPLE, PTR,         {  24,   24,   24,   24,   24, T(408), T(456), T(552), T(408), T(456), T(552)}},
    {F(list_size), LIST, PTR,            {  16,   16,   16,   16,   16, T(440), T(488), T(584), T(440), T(488), T(584)}},
    {F(list_items), LIST, PTR,           {  24,   24,   24,   24,   24, T(432), T(480), T(576), T(432), T(480), T(576)}},
    {F(dict_keys), DICT, PTR,            {  32,   32,   32,   32,   32, T(456), T(536), T(632), T(456), T(536), T(632)}},
    {F(dict_values), DICT, PTR,          {  40,   40,   40,   40,   40, T(464), T(544), T(640), T(464), T(544), T(640)}},
    {F(dict_used), DICT, PTR,            {  16,   16,   16,   16,   16,     16,     16,     16,     32,     32,     32}},
    {F(keys_slots), KEYS, U64,           {   8,    8,    8,   NO,   NO,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(keys_log2_slots), KEYS, U8,       {  NO,   NO,   NO,    8,    8,      8,      8,      8,      8,      8,      8}},
    {F(keys_log2_index_bytes), KEYS, U8, {  NO,   NO,   NO,    9,    9,      9,      9,      9,      9,      9,      9}},
    {F(keys_kind), KEYS, U8,             {  NO,   NO,   NO,   10,   10,     10,     10,     10,     10,     10,     10}},
    {F(keys_nentries), KEYS, PTR,        {  32,   32,   32,   24,   24,     24,     24,     24,     24,     24,     24}},
    {F(keys_indices), KEYS, PTR,         {  40,   40,   40,   32,   32,     32,     32,     32,     32,     32,     32}},
    {F(values_valid), VALUES, U8,        {  NO,   NO,   NO,   NO,   NO,      3,      3,      3,      3,      3,      3}},
    {F(values_capacity), VALUES, U8,     {  NO,   NO,   NO,   NO,   NO,      0,      0,      0,      0,      0,      0}},
    {F(values_count), VALUES, U8,        {  NO,   NO,   NO,   NO,   NO,      1,      1,      1,      1,      1,      1}},
    {F(set_used), SET, PTR,              {  24,   24,   24,   24,   24,     24, T(504), T(600),     40, T(504), T(600)}},
    {F(set_mask), SET, PTR,              {  32,   32,   32,   32,   32,     32, T(520), T(616),     48, T(520), T(616)}},
    {F(set_table), SET, PTR,             {  40,   40,   40,   40,   40,     40, T(512), T(608),     56, T(512), T(608)}},
    {F(chunk_previous), CHUNK, PTR,      {  NO,   NO,   NO,    0,    0,      0,      0,      0,      0,      0,      0}},
    {F(chunk_size), CHUNK, U64,          {  NO,   NO,   NO,    8,    8,      8,      8,      8,      8,      8,      8}},
    {F(chunk_top), CHUNK, PTR,           {  NO,   NO,   NO,   16,   16,     16,     16,     16,     16,     16,     16}},
    {F(chunk_data), CHUNK, PTR,          {  NO,   NO,   NO,   24,   24,     24,     24,     24,     24,     24,     24}},
    {F(cell_ref), CELL, PTR,             {  16,   16,   16,   16,   16,     16,     16,     16,     32,     32,     32}},
    {F(weakref_object), WEAKREF, PTR,    {  16,   16,   16,   16,   16,     16,     16,     16,     32,     32,     32}},
    {F(module_dict), MODULE, PTR,        {  16,   16,   16,   16,   16,     16,     16,     16,     32,     32,     32}},
    {F(func_code), FUNC, PTR,            {  16,   16,   48,   48,   48,     48,     48,     48,     64,     64,     64}},
    {F(func_globals), FUNC, PTR,         {  24,   24,   16,   16,   16,     16,     16,     16,     32,     32,     32}},
    {F(func_closure), FUNC, PTR,         {  48,   48,   72,   72,   72,     72,     72,     72,     88,     88,     88}},
    {F(func_qualname), FUNC, PTR,        { 104,  104,   40,   40,   40,     40,     40,     40,     56,     56,     56}},
    {F(cfunc_def), CFUNC, PTR,           {  16,   16,   16,   16,   16,     16,     16,     16,     32,     32,     32}},
    {F(method_func), METHOD, PTR,        {  16,   16,   16,   16,   16,     16,     16,     16,     32,     32,     32}},
    {F(method_self), METHOD, PTR,        {  24,   24,   24,   24,   24,     24,     24,     24,     40,     40,     40}},
    /* generator, coroutine, asynchronous generator: Include/cpython/genobject.h (3.14: pycore_interpframe_structs.h) */
    {F(gen_frame), GEN, PTR,             {  16,   16,   16,   80,   72,     72, T(680), T(808),     88, T(680), T(808)}},
    {F(gen_running), GEN, U8,            {  24,   24,   NO,   NO,   NO,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(gen_state), GEN, U8,              {  NO,   NO,   NO,   75,   67,     67, T(688), T(816),     83, T(688), T(816)}},
    /* dequeobject: Modules/_collectionsmodule.c */
    {F(deque_left), DEQUE, PTR,          {  24,   24,   24,   24,   24,     24,     24,     24,     40,     40,     40}},
    {F(deque_index), DEQUE, PTR,         {  40,   40,   40,   40,   40,     40,     40,     40,     56,     56,     56}},
    {F(deque_state), DEQUE, U64,         {  56,   56,   56,   56,   56,     56,     56,     56,     72,     72,     72}},
    /* Include/internal/pycore_context.h, pycore_hamt.h; array and collision nodes: Python/hamt.c */
    {F(context_prev), CONTEXT, PTR,      {  16,   16,   16,   16,   16,     16,     16,     16,     32,     32,     32}},
    {F(context_vars), CONTEXT, PTR,      {  24,   24,   24,   24,   24,     24,     24,     24,     40,     40,     40}},
    {F(contextvar_name), CONTEXTVAR, PTR, { 16,   16,   16,   16,   16,     16,     16,     16,     32,     32,     32}},
    {F(hamt_root), HAMT, PTR,            {  16,   16,   16,   16,   16,     16,     16,     16,     32,     32,     32}},
    {F(hamt_count), HAMT, PTR,           {  32,   32,   32,   32,   32,     32,     32,     32,     48,     48,     48}},
    {F(hamt_bitmap), NODE, I32,          {  24,   24,   24,   24,   24,     24,     24,     24,     40,     40,     40}},
    {F(hamt_bitmap_items), NODE, TAIL,   {  32,   32,   32,   32,   32,     32,     32,     32,     48,     48,     48}},
    {F(hamt_array_items), NODE, TAIL,    {  16,   16,   16,   16,   16,     16,     16,     16,     32,     32,     32}},
    {F(hamt_collision_items), NODE, TAIL, { 32,   32,   32,   32,   32,     32,     32,     32,     48,     48,     48}},
    /* simplequeueobject, RingBuf: Modules/_queuemodule.c */
    {F(simplequeue_list), SIMPLEQUEUE, PTR, { 32, 32,   32,   32,   32,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(simplequeue_pos), SIMPLEQUEUE, PTR, {  40, 40,   40,   40,   40,     NO,     NO,     NO,     NO,     NO,     NO}},
    {F(simplequeue_get), SIMPLEQUEUE, PTR, {  NO, NO,   NO,   NO,   NO,     32,     32,     32,     48,     48,     48}},
    {F(simplequeue_items), SIMPLEQUEUE, PTR, { NO, NO,  NO,   NO,   NO,     40,     40,     40,     56,     56,     56}},
    {F(simplequeue_capacity), SIMPLEQUEUE, PTR, { NO, NO, NO, NO,   NO,     48,     48,     48,     64,     64,     64}},
    {F(simplequeue_count), SIMPLEQUEUE, PTR, { NO, NO,  NO,   NO,   NO,     56,     56,     56,     72,     72,     72}},
};
const size_t strobe_layout_row_count = sizeof strobe_layout_rows / sizeof strobe_layout_rows[0];
