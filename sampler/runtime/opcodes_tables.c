/* SPDX-License-Identifier: Apache-2.0 */
/* Made by tools/make_opcodes.py from the interpreters' own modules.
 * {kind, flow, cache units, shift, at, {popped, times operand, bits}, {pushed, ...}, pushed when it jumps} */
#include "runtime/opcodes.h"

#define AITER STROBE_OP_AITER
#define ANEXT STROBE_OP_ANEXT
#define ASYNC_WITH STROBE_OP_ASYNC_WITH
#define ATTR STROBE_OP_ATTR
#define BINARY STROBE_OP_BINARY
#define CALL STROBE_OP_CALL
#define COPY STROBE_OP_COPY
#define DEREF STROBE_OP_DEREF
#define DUP_TWO STROBE_OP_DUP_TWO
#define EXCEPT_START STROBE_OP_EXCEPT_START
#define EXECUTOR STROBE_OP_EXECUTOR
#define EXTENDED_ARG STROBE_OP_EXTENDED_ARG
#define GLOBAL STROBE_OP_GLOBAL
#define HIDDEN STROBE_OP_HIDDEN
#define KEEP STROBE_OP_KEEP
#define LOCAL STROBE_OP_LOCAL
#define LOCAL_TWO STROBE_OP_LOCAL_TWO
#define OTHER STROBE_OP_OTHER
#define PRECALL STROBE_OP_PRECALL
#define RESUME STROBE_OP_RESUME
#define ROT STROBE_OP_ROT
#define SEND STROBE_OP_SEND
#define SPECIAL STROBE_OP_SPECIAL
#define STORE_LOCAL STROBE_OP_STORE_LOCAL
#define SUBSCRIPT STROBE_OP_SUBSCRIPT
#define SUPER STROBE_OP_SUPER
#define SWAP STROBE_OP_SWAP
#define UNPACK_EX STROBE_OP_UNPACK_EX
#define WITH STROBE_OP_WITH
#define YIELD STROBE_OP_YIELD
#define GOTO_ABSOLUTE STROBE_FLOW_GOTO_ABSOLUTE
#define GOTO_BACKWARD STROBE_FLOW_GOTO_BACKWARD
#define GOTO_FORWARD STROBE_FLOW_GOTO_FORWARD
#define JUMP_ABSOLUTE STROBE_FLOW_JUMP_ABSOLUTE
#define JUMP_BACKWARD STROBE_FLOW_JUMP_BACKWARD
#define JUMP_FORWARD STROBE_FLOW_JUMP_FORWARD
#define NEXT STROBE_FLOW_NEXT
#define STOP STROBE_FLOW_STOP

static const struct strobe_op ops_8[] = {
    {HIDDEN, STOP, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0},
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_TOP */
    {ROT, NEXT, 0, 0, 2, {0, 0, 0}, {0, 0, 0}, 0}, /* ROT_TWO */
    {ROT, NEXT, 0, 0, 3, {0, 0, 0}, {0, 0, 0}, 0}, /* ROT_THREE */
    {COPY, NEXT, 0, 0, 1, {0, 0, 0}, {0, 0, 0}, 0}, /* DUP_TOP */
    {DUP_TWO, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DUP_TOP_TWO */
    {ROT, NEXT, 0, 0, 4, {0, 0, 0}, {0, 0, 0}, 0}, /* ROT_FOUR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* NOP */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_POSITIVE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_NEGATIVE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_NOT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_INVERT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_MATRIX_MULTIPLY */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_MATRIX_MULTIPLY */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_POWER */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_MULTIPLY */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_MODULO */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_ADD */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_SUBTRACT */
    {SUBSCRIPT, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_SUBSCR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_FLOOR_DIVIDE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_TRUE_DIVIDE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_FLOOR_DIVIDE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_TRUE_DIVIDE */
    {AITER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_AITER */
    {ANEXT, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* GET_ANEXT */
    {ASYNC_WITH, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* BEFORE_ASYNC_WITH */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {6, 0, 0}, 0}, /* BEGIN_FINALLY */
    {OTHER, NEXT, 0, 0, 0, {7, 0, 0}, {0, 0, 0}, 0}, /* END_ASYNC_FOR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_ADD */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_SUBTRACT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_MULTIPLY */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_MODULO */
    {OTHER, NEXT, 0, 0, 0, {3, 0, 0}, {0, 0, 0}, 0}, /* STORE_SUBSCR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* DELETE_SUBSCR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_LSHIFT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_RSHIFT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_AND */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_XOR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_OR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_POWER */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_ITER */
    {KEEP, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_YIELD_FROM_ITER */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* PRINT_EXPR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_BUILD_CLASS */
    {SEND, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* YIELD_FROM */
    {KEEP, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_AWAITABLE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_LSHIFT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_RSHIFT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_AND */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_XOR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_OR */
    {EXCEPT_START, NEXT, 0, 0, 7, {0, 0, 0}, {2, 0, 0}, 0}, /* WITH_CLEANUP_START */
    {OTHER, NEXT, 0, 0, 0, {3, 0, 0}, {0, 0, 0}, 0}, /* WITH_CLEANUP_FINISH */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* RETURN_VALUE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* IMPORT_STAR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* SETUP_ANNOTATIONS */
    {YIELD, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* YIELD_VALUE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* POP_BLOCK */
    {OTHER, NEXT, 0, 0, 0, {6, 0, 0}, {0, 0, 0}, 0}, /* END_FINALLY */
    {OTHER, NEXT, 0, 0, 0, {3, 0, 0}, {0, 0, 0}, 0}, /* POP_EXCEPT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_NAME */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_NAME */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 1, 0}, 0}, /* UNPACK_SEQUENCE */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* FOR_ITER */
    {UNPACK_EX, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* UNPACK_EX */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* STORE_ATTR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DELETE_ATTR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_GLOBAL */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_GLOBAL */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CONST */
    {GLOBAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_NAME */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_TUPLE */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_LIST */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SET */
    {OTHER, NEXT, 0, 0, 0, {0, 2, 0}, {1, 0, 0}, 0}, /* BUILD_MAP */
    {ATTR, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* LOAD_ATTR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* COMPARE_OP */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* IMPORT_NAME */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* IMPORT_FROM */
    {OTHER, GOTO_FORWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_FORWARD */
    {OTHER, JUMP_ABSOLUTE, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 1}, /* JUMP_IF_FALSE_OR_POP */
    {OTHER, JUMP_ABSOLUTE, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 1}, /* JUMP_IF_TRUE_OR_POP */
    {OTHER, GOTO_ABSOLUTE, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_ABSOLUTE */
    {OTHER, JUMP_ABSOLUTE, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_FALSE */
    {OTHER, JUMP_ABSOLUTE, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_TRUE */
    {GLOBAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_GLOBAL */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 6}, /* SETUP_FINALLY */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_FAST */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_FAST */
    {OTHER, STOP, 0, 0, 0, {0, 1, 0}, {0, 0, 0}, 0}, /* RAISE_VARARGS */
    {CALL, NEXT, 0, 0, 1, {1, 1, 0}, {1, 0, 0}, 0}, /* CALL_FUNCTION */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 15}, {1, 0, 0}, 0}, /* MAKE_FUNCTION */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SLICE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CLOSURE */
    {DEREF, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_DEREF */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_DEREF */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_DEREF */
    {CALL, NEXT, 0, 0, 1, {2, 1, 0}, {1, 0, 0}, 0}, /* CALL_FUNCTION_KW */
    {CALL, NEXT, 0, 0, 1, {2, 0, 1}, {1, 0, 0}, 0}, /* CALL_FUNCTION_EX */
    {WITH, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 7}, /* SETUP_WITH */
    {EXTENDED_ARG, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* EXTENDED_ARG */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* LIST_APPEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* SET_ADD */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* MAP_ADD */
    {DEREF, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CLASSDEREF */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_LIST_UNPACK */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_MAP_UNPACK */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_MAP_UNPACK_WITH_CALL */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_TUPLE_UNPACK */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SET_UNPACK */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 6}, /* SETUP_ASYNC_WITH */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 4}, {1, 0, 0}, 0}, /* FORMAT_VALUE */
    {OTHER, NEXT, 0, 0, 0, {1, 1, 0}, {1, 0, 0}, 0}, /* BUILD_CONST_KEY_MAP */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_STRING */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_TUPLE_UNPACK_WITH_CALL */
    {ATTR, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* LOAD_METHOD */
    {CALL, NEXT, 0, 0, 2, {2, 1, 0}, {1, 0, 0}, 0}, /* CALL_METHOD */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* CALL_FINALLY */
    {OTHER, NEXT, 0, 0, 0, {6, 0, 0}, {0, 0, 0}, 0}, /* POP_FINALLY */
};
static const uint8_t numbers_8[256] = {
    0, 1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 0, 0, 11, 12, 13, 0, 14, 15, 0, 16, 17,
    18, 19, 20, 21, 22, 23, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 24, 25, 26, 27, 28, 29, 30, 31, 0, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44,
    45, 46, 0, 47, 48, 49, 50, 51, 0, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66,
    67, 68, 69, 0, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 0, 0, 0,
    0, 0, 87, 0, 88, 89, 90, 0, 0, 0, 91, 92, 93, 94, 0, 95, 96, 97, 98, 0, 0, 99, 100, 101,
    102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 0, 117, 118, 119, 120, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};

static const struct strobe_op ops_9[] = {
    {HIDDEN, STOP, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0},
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_TOP */
    {ROT, NEXT, 0, 0, 2, {0, 0, 0}, {0, 0, 0}, 0}, /* ROT_TWO */
    {ROT, NEXT, 0, 0, 3, {0, 0, 0}, {0, 0, 0}, 0}, /* ROT_THREE */
    {COPY, NEXT, 0, 0, 1, {0, 0, 0}, {0, 0, 0}, 0}, /* DUP_TOP */
    {DUP_TWO, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DUP_TOP_TWO */
    {ROT, NEXT, 0, 0, 4, {0, 0, 0}, {0, 0, 0}, 0}, /* ROT_FOUR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* NOP */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_POSITIVE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_NEGATIVE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_NOT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_INVERT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_MATRIX_MULTIPLY */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_MATRIX_MULTIPLY */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_POWER */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_MULTIPLY */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_MODULO */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_ADD */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_SUBTRACT */
    {SUBSCRIPT, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_SUBSCR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_FLOOR_DIVIDE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_TRUE_DIVIDE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_FLOOR_DIVIDE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_TRUE_DIVIDE */
    {OTHER, STOP, 0, 0, 0, {3, 0, 0}, {0, 0, 0}, 0}, /* RERAISE */
    {EXCEPT_START, NEXT, 0, 0, 7, {0, 0, 0}, {1, 0, 0}, 0}, /* WITH_EXCEPT_START */
    {AITER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_AITER */
    {ANEXT, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* GET_ANEXT */
    {ASYNC_WITH, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* BEFORE_ASYNC_WITH */
    {OTHER, NEXT, 0, 0, 0, {7, 0, 0}, {0, 0, 0}, 0}, /* END_ASYNC_FOR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_ADD */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_SUBTRACT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_MULTIPLY */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_MODULO */
    {OTHER, NEXT, 0, 0, 0, {3, 0, 0}, {0, 0, 0}, 0}, /* STORE_SUBSCR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* DELETE_SUBSCR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_LSHIFT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_RSHIFT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_AND */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_XOR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_OR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_POWER */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_ITER */
    {KEEP, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_YIELD_FROM_ITER */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* PRINT_EXPR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_BUILD_CLASS */
    {SEND, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* YIELD_FROM */
    {KEEP, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_AWAITABLE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_ASSERTION_ERROR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_LSHIFT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_RSHIFT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_AND */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_XOR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_OR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* LIST_TO_TUPLE */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* RETURN_VALUE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* IMPORT_STAR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* SETUP_ANNOTATIONS */
    {YIELD, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* YIELD_VALUE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* POP_BLOCK */
    {OTHER, NEXT, 0, 0, 0, {3, 0, 0}, {0, 0, 0}, 0}, /* POP_EXCEPT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_NAME */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_NAME */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 1, 0}, 0}, /* UNPACK_SEQUENCE */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* FOR_ITER */
    {UNPACK_EX, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* UNPACK_EX */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* STORE_ATTR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DELETE_ATTR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_GLOBAL */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_GLOBAL */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CONST */
    {GLOBAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_NAME */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_TUPLE */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_LIST */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SET */
    {OTHER, NEXT, 0, 0, 0, {0, 2, 0}, {1, 0, 0}, 0}, /* BUILD_MAP */
    {ATTR, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* LOAD_ATTR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* COMPARE_OP */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* IMPORT_NAME */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* IMPORT_FROM */
    {OTHER, GOTO_FORWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_FORWARD */
    {OTHER, JUMP_ABSOLUTE, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 1}, /* JUMP_IF_FALSE_OR_POP */
    {OTHER, JUMP_ABSOLUTE, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 1}, /* JUMP_IF_TRUE_OR_POP */
    {OTHER, GOTO_ABSOLUTE, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_ABSOLUTE */
    {OTHER, JUMP_ABSOLUTE, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_FALSE */
    {OTHER, JUMP_ABSOLUTE, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_TRUE */
    {GLOBAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_GLOBAL */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* IS_OP */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* CONTAINS_OP */
    {OTHER, JUMP_ABSOLUTE, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* JUMP_IF_NOT_EXC_MATCH */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 6}, /* SETUP_FINALLY */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_FAST */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_FAST */
    {OTHER, STOP, 0, 0, 0, {0, 1, 0}, {0, 0, 0}, 0}, /* RAISE_VARARGS */
    {CALL, NEXT, 0, 0, 1, {1, 1, 0}, {1, 0, 0}, 0}, /* CALL_FUNCTION */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 15}, {1, 0, 0}, 0}, /* MAKE_FUNCTION */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SLICE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CLOSURE */
    {DEREF, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_DEREF */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_DEREF */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_DEREF */
    {CALL, NEXT, 0, 0, 1, {2, 1, 0}, {1, 0, 0}, 0}, /* CALL_FUNCTION_KW */
    {CALL, NEXT, 0, 0, 1, {2, 0, 1}, {1, 0, 0}, 0}, /* CALL_FUNCTION_EX */
    {WITH, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 7}, /* SETUP_WITH */
    {EXTENDED_ARG, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* EXTENDED_ARG */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* LIST_APPEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* SET_ADD */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* MAP_ADD */
    {DEREF, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CLASSDEREF */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 6}, /* SETUP_ASYNC_WITH */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 4}, {1, 0, 0}, 0}, /* FORMAT_VALUE */
    {OTHER, NEXT, 0, 0, 0, {1, 1, 0}, {1, 0, 0}, 0}, /* BUILD_CONST_KEY_MAP */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_STRING */
    {ATTR, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* LOAD_METHOD */
    {CALL, NEXT, 0, 0, 2, {2, 1, 0}, {1, 0, 0}, 0}, /* CALL_METHOD */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* LIST_EXTEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* SET_UPDATE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DICT_MERGE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DICT_UPDATE */
};
static const uint8_t numbers_9[256] = {
    0, 1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 0, 0, 11, 12, 13, 0, 14, 15, 0, 16, 17,
    18, 19, 20, 21, 22, 23, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    24, 25, 26, 27, 28, 0, 29, 30, 31, 32, 0, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45,
    46, 47, 48, 49, 50, 51, 52, 53, 0, 0, 54, 55, 56, 57, 58, 59, 0, 60, 61, 62, 63, 64, 65, 66,
    67, 68, 69, 0, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 0,
    0, 89, 90, 0, 91, 92, 93, 0, 0, 0, 94, 95, 96, 97, 0, 98, 99, 100, 101, 0, 0, 102, 103, 104,
    105, 106, 107, 108, 109, 0, 0, 0, 0, 0, 110, 111, 112, 113, 0, 0, 114, 115, 116, 117, 118, 119, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};

static const struct strobe_op ops_10[] = {
    {HIDDEN, STOP, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0},
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_TOP */
    {ROT, NEXT, 0, 0, 2, {0, 0, 0}, {0, 0, 0}, 0}, /* ROT_TWO */
    {ROT, NEXT, 0, 0, 3, {0, 0, 0}, {0, 0, 0}, 0}, /* ROT_THREE */
    {COPY, NEXT, 0, 0, 1, {0, 0, 0}, {0, 0, 0}, 0}, /* DUP_TOP */
    {DUP_TWO, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DUP_TOP_TWO */
    {ROT, NEXT, 0, 0, 4, {0, 0, 0}, {0, 0, 0}, 0}, /* ROT_FOUR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* NOP */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_POSITIVE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_NEGATIVE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_NOT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_INVERT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_MATRIX_MULTIPLY */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_MATRIX_MULTIPLY */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_POWER */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_MULTIPLY */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_MODULO */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_ADD */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_SUBTRACT */
    {SUBSCRIPT, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_SUBSCR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_FLOOR_DIVIDE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_TRUE_DIVIDE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_FLOOR_DIVIDE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_TRUE_DIVIDE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* GET_LEN */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* MATCH_MAPPING */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* MATCH_SEQUENCE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {4, 0, 0}, 0}, /* MATCH_KEYS */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* COPY_DICT_WITHOUT_KEYS */
    {EXCEPT_START, NEXT, 0, 0, 7, {0, 0, 0}, {1, 0, 0}, 0}, /* WITH_EXCEPT_START */
    {AITER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_AITER */
    {ANEXT, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* GET_ANEXT */
    {ASYNC_WITH, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* BEFORE_ASYNC_WITH */
    {OTHER, NEXT, 0, 0, 0, {7, 0, 0}, {0, 0, 0}, 0}, /* END_ASYNC_FOR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_ADD */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_SUBTRACT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_MULTIPLY */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_MODULO */
    {OTHER, NEXT, 0, 0, 0, {3, 0, 0}, {0, 0, 0}, 0}, /* STORE_SUBSCR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* DELETE_SUBSCR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_LSHIFT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_RSHIFT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_AND */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_XOR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_OR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_POWER */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_ITER */
    {KEEP, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_YIELD_FROM_ITER */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* PRINT_EXPR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_BUILD_CLASS */
    {SEND, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* YIELD_FROM */
    {KEEP, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_AWAITABLE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_ASSERTION_ERROR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_LSHIFT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_RSHIFT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_AND */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_XOR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* INPLACE_OR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* LIST_TO_TUPLE */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* RETURN_VALUE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* IMPORT_STAR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* SETUP_ANNOTATIONS */
    {YIELD, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* YIELD_VALUE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* POP_BLOCK */
    {OTHER, NEXT, 0, 0, 0, {3, 0, 0}, {0, 0, 0}, 0}, /* POP_EXCEPT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_NAME */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_NAME */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 1, 0}, 0}, /* UNPACK_SEQUENCE */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* FOR_ITER */
    {UNPACK_EX, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* UNPACK_EX */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* STORE_ATTR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DELETE_ATTR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_GLOBAL */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_GLOBAL */
    {ROT, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* ROT_N */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CONST */
    {GLOBAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_NAME */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_TUPLE */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_LIST */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SET */
    {OTHER, NEXT, 0, 0, 0, {0, 2, 0}, {1, 0, 0}, 0}, /* BUILD_MAP */
    {ATTR, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* LOAD_ATTR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* COMPARE_OP */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* IMPORT_NAME */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* IMPORT_FROM */
    {OTHER, GOTO_FORWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_FORWARD */
    {OTHER, JUMP_ABSOLUTE, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 1}, /* JUMP_IF_FALSE_OR_POP */
    {OTHER, JUMP_ABSOLUTE, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 1}, /* JUMP_IF_TRUE_OR_POP */
    {OTHER, GOTO_ABSOLUTE, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_ABSOLUTE */
    {OTHER, JUMP_ABSOLUTE, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_FALSE */
    {OTHER, JUMP_ABSOLUTE, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_TRUE */
    {GLOBAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_GLOBAL */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* IS_OP */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* CONTAINS_OP */
    {OTHER, STOP, 0, 0, 0, {3, 0, 0}, {0, 0, 0}, 0}, /* RERAISE */
    {OTHER, JUMP_ABSOLUTE, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* JUMP_IF_NOT_EXC_MATCH */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 6}, /* SETUP_FINALLY */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_FAST */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_FAST */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* GEN_START */
    {OTHER, STOP, 0, 0, 0, {0, 1, 0}, {0, 0, 0}, 0}, /* RAISE_VARARGS */
    {CALL, NEXT, 0, 0, 1, {1, 1, 0}, {1, 0, 0}, 0}, /* CALL_FUNCTION */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 15}, {1, 0, 0}, 0}, /* MAKE_FUNCTION */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SLICE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CLOSURE */
    {DEREF, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_DEREF */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_DEREF */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_DEREF */
    {CALL, NEXT, 0, 0, 1, {2, 1, 0}, {1, 0, 0}, 0}, /* CALL_FUNCTION_KW */
    {CALL, NEXT, 0, 0, 1, {2, 0, 1}, {1, 0, 0}, 0}, /* CALL_FUNCTION_EX */
    {WITH, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 7}, /* SETUP_WITH */
    {EXTENDED_ARG, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* EXTENDED_ARG */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* LIST_APPEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* SET_ADD */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* MAP_ADD */
    {DEREF, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CLASSDEREF */
    {OTHER, NEXT, 0, 0, 0, {3, 0, 0}, {2, 0, 0}, 0}, /* MATCH_CLASS */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 6}, /* SETUP_ASYNC_WITH */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 4}, {1, 0, 0}, 0}, /* FORMAT_VALUE */
    {OTHER, NEXT, 0, 0, 0, {1, 1, 0}, {1, 0, 0}, 0}, /* BUILD_CONST_KEY_MAP */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_STRING */
    {ATTR, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* LOAD_METHOD */
    {CALL, NEXT, 0, 0, 2, {2, 1, 0}, {1, 0, 0}, 0}, /* CALL_METHOD */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* LIST_EXTEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* SET_UPDATE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DICT_MERGE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DICT_UPDATE */
};
static const uint8_t numbers_10[256] = {
    0, 1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 0, 0, 11, 12, 13, 0, 14, 15, 0, 16, 17,
    18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 29, 30, 31, 32, 0, 33, 34, 35, 36, 0, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49,
    50, 51, 52, 53, 54, 55, 56, 57, 0, 0, 58, 59, 60, 61, 62, 63, 0, 64, 65, 66, 67, 68, 69, 70,
    71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94,
    0, 95, 96, 0, 97, 98, 99, 0, 0, 100, 101, 102, 103, 104, 0, 105, 106, 107, 108, 0, 0, 109, 110, 111,
    112, 113, 114, 115, 116, 0, 0, 0, 117, 0, 118, 119, 120, 121, 0, 0, 122, 123, 124, 125, 126, 127, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};

static const struct strobe_op ops_11[] = {
    {HIDDEN, STOP, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0},
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_TOP */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* PUSH_NULL */
    {OTHER, NEXT, 1, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_OP */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* NOP */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_POSITIVE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_NEGATIVE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_NOT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_INVERT */
    {SUBSCRIPT, NEXT, 4, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_SUBSCR */
    {CALL, NEXT, 4, 0, 2, {2, 1, 0}, {1, 0, 0}, 0}, /* CALL */
    {OTHER, NEXT, 2, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* COMPARE_OP */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* GET_LEN */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* MATCH_MAPPING */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* MATCH_SEQUENCE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {3, 0, 0}, 0}, /* MATCH_KEYS */
    {EXTENDED_ARG, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* EXTENDED_ARG */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* PUSH_EXC_INFO */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {2, 0, 0}, 0}, /* CHECK_EXC_MATCH */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {2, 0, 0}, 0}, /* CHECK_EG_MATCH */
    {OTHER, GOTO_BACKWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_BACKWARD */
    {ATTR, NEXT, 4, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* LOAD_ATTR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CONST */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST */
    {GLOBAL, NEXT, 5, 1, 1, {0, 0, 0}, {1, 0, 1}, 0}, /* LOAD_GLOBAL */
    {EXCEPT_START, NEXT, 0, 0, 4, {0, 0, 0}, {1, 0, 0}, 0}, /* WITH_EXCEPT_START */
    {AITER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_AITER */
    {ANEXT, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* GET_ANEXT */
    {ASYNC_WITH, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* BEFORE_ASYNC_WITH */
    {WITH, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* BEFORE_WITH */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* END_ASYNC_FOR */
    {ATTR, NEXT, 10, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* LOAD_METHOD */
    {OTHER, NEXT, 1, 0, 0, {3, 0, 0}, {0, 0, 0}, 0}, /* STORE_SUBSCR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* DELETE_SUBSCR */
    {PRECALL, NEXT, 1, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* PRECALL */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_ITER */
    {KEEP, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_YIELD_FROM_ITER */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* PRINT_EXPR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_BUILD_CLASS */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_ASSERTION_ERROR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* RETURN_GENERATOR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* LIST_TO_TUPLE */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* RETURN_VALUE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* IMPORT_STAR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* SETUP_ANNOTATIONS */
    {YIELD, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* YIELD_VALUE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* ASYNC_GEN_WRAP */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* PREP_RERAISE_STAR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_EXCEPT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_NAME */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_NAME */
    {OTHER, NEXT, 1, 0, 0, {1, 0, 0}, {0, 1, 0}, 0}, /* UNPACK_SEQUENCE */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* FOR_ITER */
    {UNPACK_EX, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* UNPACK_EX */
    {OTHER, NEXT, 4, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* STORE_ATTR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DELETE_ATTR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_GLOBAL */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_GLOBAL */
    {SWAP, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* SWAP */
    {GLOBAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_NAME */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_TUPLE */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_LIST */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SET */
    {OTHER, NEXT, 0, 0, 0, {0, 2, 0}, {1, 0, 0}, 0}, /* BUILD_MAP */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* IMPORT_NAME */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* IMPORT_FROM */
    {OTHER, GOTO_FORWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_FORWARD */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 1}, /* JUMP_IF_FALSE_OR_POP */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 1}, /* JUMP_IF_TRUE_OR_POP */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_FORWARD_IF_FALSE */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_FORWARD_IF_TRUE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* IS_OP */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* CONTAINS_OP */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* RERAISE */
    {COPY, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* COPY */
    {SEND, JUMP_FORWARD, 0, 0, 0, {2, 0, 0}, {2, 0, 0}, 1}, /* SEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_FAST */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_FAST */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_FORWARD_IF_NOT_NONE */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_FORWARD_IF_NONE */
    {OTHER, STOP, 0, 0, 0, {0, 1, 0}, {0, 0, 0}, 0}, /* RAISE_VARARGS */
    {KEEP, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_AWAITABLE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 15}, {1, 0, 0}, 0}, /* MAKE_FUNCTION */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SLICE */
    {OTHER, GOTO_BACKWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_BACKWARD_NO_INTERRUPT */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* MAKE_CELL */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CLOSURE */
    {DEREF, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_DEREF */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_DEREF */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_DEREF */
    {CALL, NEXT, 0, 0, 2, {3, 0, 1}, {1, 0, 0}, 0}, /* CALL_FUNCTION_EX */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* LIST_APPEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* SET_ADD */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* MAP_ADD */
    {DEREF, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CLASSDEREF */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* COPY_FREE_VARS */
    {RESUME, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* RESUME */
    {OTHER, NEXT, 0, 0, 0, {3, 0, 0}, {1, 0, 0}, 0}, /* MATCH_CLASS */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 4}, {1, 0, 0}, 0}, /* FORMAT_VALUE */
    {OTHER, NEXT, 0, 0, 0, {1, 1, 0}, {1, 0, 0}, 0}, /* BUILD_CONST_KEY_MAP */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_STRING */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* LIST_EXTEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* SET_UPDATE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DICT_MERGE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DICT_UPDATE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* KW_NAMES */
    {OTHER, JUMP_BACKWARD, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_BACKWARD_IF_NOT_NONE */
    {OTHER, JUMP_BACKWARD, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_BACKWARD_IF_NONE */
    {OTHER, JUMP_BACKWARD, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_BACKWARD_IF_FALSE */
    {OTHER, JUMP_BACKWARD, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_BACKWARD_IF_TRUE */
};
static const uint8_t numbers_11[256] = {
    0, 1, 2, 3, 3, 3, 3, 3, 3, 4, 5, 6, 7, 3, 3, 8, 3, 9, 9, 9, 9, 9, 10, 10,
    10, 9, 11, 11, 11, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 21, 21, 21, 21, 22, 23, 23, 24,
    24, 25, 26, 27, 28, 29, 30, 24, 31, 31, 31, 31, 32, 33, 31, 31, 34, 34, 34, 34, 35, 36, 37, 38,
    34, 34, 39, 40, 34, 34, 34, 34, 34, 34, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54,
    55, 56, 57, 58, 22, 59, 60, 61, 62, 63, 21, 11, 64, 65, 66, 67, 68, 34, 69, 70, 24, 71, 72, 73,
    74, 34, 3, 75, 23, 76, 77, 34, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 20, 34, 90, 34,
    16, 91, 92, 93, 94, 95, 96, 96, 97, 54, 54, 98, 99, 100, 54, 54, 31, 76, 101, 102, 103, 104, 34, 76,
    32, 32, 32, 10, 105, 106, 107, 108, 109, 51, 51, 51, 51, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};

static const struct strobe_op ops_12[] = {
    {HIDDEN, STOP, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0},
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_TOP */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* PUSH_NULL */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* INTERPRETER_EXIT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* END_FOR */
    {KEEP, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* END_SEND */
    {OTHER, NEXT, 1, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_OP */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* NOP */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_NEGATIVE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_NOT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_INVERT */
    {SUBSCRIPT, NEXT, 1, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_SUBSCR */
    {CALL, NEXT, 3, 0, 2, {2, 1, 0}, {1, 0, 0}, 0}, /* CALL */
    {SUBSCRIPT, NEXT, 0, 0, 0, {3, 0, 0}, {1, 0, 0}, 0}, /* BINARY_SLICE */
    {OTHER, NEXT, 0, 0, 0, {4, 0, 0}, {0, 0, 0}, 0}, /* STORE_SLICE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* GET_LEN */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* MATCH_MAPPING */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* MATCH_SEQUENCE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {3, 0, 0}, 0}, /* MATCH_KEYS */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* PUSH_EXC_INFO */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {2, 0, 0}, 0}, /* CHECK_EXC_MATCH */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {2, 0, 0}, 0}, /* CHECK_EG_MATCH */
    {EXCEPT_START, NEXT, 0, 0, 4, {0, 0, 0}, {1, 0, 0}, 0}, /* WITH_EXCEPT_START */
    {AITER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_AITER */
    {ANEXT, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* GET_ANEXT */
    {ASYNC_WITH, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* BEFORE_ASYNC_WITH */
    {WITH, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* BEFORE_WITH */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* END_ASYNC_FOR */
    {KEEP, NEXT, 0, 0, 0, {3, 0, 0}, {2, 0, 0}, 0}, /* CLEANUP_THROW */
    {OTHER, NEXT, 1, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* COMPARE_OP */
    {OTHER, NEXT, 1, 0, 0, {3, 0, 0}, {0, 0, 0}, 0}, /* STORE_SUBSCR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* DELETE_SUBSCR */
    {OTHER, JUMP_FORWARD, 1, 0, 0, {0, 0, 0}, {1, 0, 0}, 1}, /* FOR_ITER */
    {SUPER, NEXT, 1, 2, 0, {3, 0, 0}, {1, 0, 1}, 0}, /* LOAD_SUPER_ATTR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_ITER */
    {KEEP, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_YIELD_FROM_ITER */
    {ATTR, NEXT, 9, 1, 0, {1, 0, 0}, {1, 0, 1}, 0}, /* LOAD_ATTR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_BUILD_CLASS */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_ASSERTION_ERROR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* RETURN_GENERATOR */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* RETURN_VALUE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CONST */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* SETUP_ANNOTATIONS */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_LOCALS */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_EXCEPT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_NAME */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_NAME */
    {OTHER, NEXT, 1, 0, 0, {1, 0, 0}, {0, 1, 0}, 0}, /* UNPACK_SEQUENCE */
    {UNPACK_EX, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* UNPACK_EX */
    {OTHER, NEXT, 4, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* STORE_ATTR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DELETE_ATTR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_GLOBAL */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_GLOBAL */
    {SWAP, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* SWAP */
    {GLOBAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_NAME */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_TUPLE */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_LIST */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SET */
    {OTHER, NEXT, 0, 0, 0, {0, 2, 0}, {1, 0, 0}, 0}, /* BUILD_MAP */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* IMPORT_NAME */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* IMPORT_FROM */
    {OTHER, GOTO_FORWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_FORWARD */
    {GLOBAL, NEXT, 4, 1, 1, {0, 0, 0}, {1, 0, 1}, 0}, /* LOAD_GLOBAL */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_FALSE */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_TRUE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* IS_OP */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* CONTAINS_OP */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* RERAISE */
    {COPY, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* COPY */
    {OTHER, STOP, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* RETURN_CONST */
    {SEND, JUMP_FORWARD, 1, 0, 0, {2, 0, 0}, {2, 0, 0}, 2}, /* SEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_FAST */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_FAST */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST_CHECK */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_NOT_NONE */
    {OTHER, JUMP_FORWARD, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_NONE */
    {OTHER, STOP, 0, 0, 0, {0, 1, 0}, {0, 0, 0}, 0}, /* RAISE_VARARGS */
    {KEEP, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_AWAITABLE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 15}, {1, 0, 0}, 0}, /* MAKE_FUNCTION */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SLICE */
    {OTHER, GOTO_BACKWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_BACKWARD_NO_INTERRUPT */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* MAKE_CELL */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CLOSURE */
    {DEREF, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_DEREF */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_DEREF */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_DEREF */
    {OTHER, GOTO_BACKWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_BACKWARD */
    {CALL, NEXT, 0, 0, 2, {3, 0, 1}, {1, 0, 0}, 0}, /* CALL_FUNCTION_EX */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST_AND_CLEAR */
    {EXTENDED_ARG, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* EXTENDED_ARG */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* LIST_APPEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* SET_ADD */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* MAP_ADD */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* COPY_FREE_VARS */
    {YIELD, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* YIELD_VALUE */
    {RESUME, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* RESUME */
    {OTHER, NEXT, 0, 0, 0, {3, 0, 0}, {1, 0, 0}, 0}, /* MATCH_CLASS */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 4}, {1, 0, 0}, 0}, /* FORMAT_VALUE */
    {OTHER, NEXT, 0, 0, 0, {1, 1, 0}, {1, 0, 0}, 0}, /* BUILD_CONST_KEY_MAP */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_STRING */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* LIST_EXTEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* SET_UPDATE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DICT_MERGE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DICT_UPDATE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* KW_NAMES */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* CALL_INTRINSIC_1 */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* CALL_INTRINSIC_2 */
    {GLOBAL, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FROM_DICT_OR_GLOBALS */
    {DEREF, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FROM_DICT_OR_DEREF */
};
static const uint8_t numbers_12[256] = {
    0, 1, 2, 3, 4, 5, 6, 6, 6, 7, 6, 8, 9, 6, 6, 10, 6, 0, 6, 11, 11, 11, 11, 12,
    12, 11, 13, 14, 12, 12, 15, 16, 17, 18, 12, 19, 20, 21, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12,
    12, 22, 23, 24, 25, 26, 27, 28, 12, 29, 29, 29, 30, 31, 32, 32, 32, 32, 33, 33, 34, 35, 36, 37,
    36, 36, 38, 39, 36, 36, 36, 36, 36, 36, 36, 40, 41, 42, 43, 44, 43, 45, 46, 47, 48, 32, 49, 50,
    51, 52, 53, 54, 41, 55, 56, 57, 58, 59, 36, 29, 60, 61, 62, 63, 63, 50, 64, 65, 63, 66, 67, 68,
    69, 70, 6, 71, 43, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 33, 88, 89,
    90, 91, 92, 93, 50, 94, 95, 96, 97, 50, 72, 98, 99, 100, 72, 30, 30, 48, 101, 102, 103, 104, 48, 48,
    71, 0, 0, 12, 105, 106, 107, 108, 109, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 33, 76, 75,
    96, 12, 40, 95, 88, 62, 87, 70, 32, 64, 65, 4, 5, 0, 0, 0,
};

static const struct strobe_op ops_13[] = {
    {HIDDEN, STOP, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0},
    {ASYNC_WITH, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* BEFORE_ASYNC_WITH */
    {WITH, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* BEFORE_WITH */
    {OTHER, NEXT, 1, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_OP */
    {SUBSCRIPT, NEXT, 0, 0, 0, {3, 0, 0}, {1, 0, 0}, 0}, /* BINARY_SLICE */
    {SUBSCRIPT, NEXT, 1, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_SUBSCR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {2, 0, 0}, 0}, /* CHECK_EG_MATCH */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {2, 0, 0}, 0}, /* CHECK_EXC_MATCH */
    {KEEP, NEXT, 0, 0, 0, {3, 0, 0}, {2, 0, 0}, 0}, /* CLEANUP_THROW */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* DELETE_SUBSCR */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* END_ASYNC_FOR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* END_FOR */
    {KEEP, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* END_SEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* EXIT_INIT_CHECK */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* FORMAT_SIMPLE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* FORMAT_WITH_SPEC */
    {AITER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_AITER */
    {ANEXT, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* GET_ANEXT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_ITER */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* GET_LEN */
    {KEEP, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_YIELD_FROM_ITER */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* INTERPRETER_EXIT */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_ASSERTION_ERROR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_BUILD_CLASS */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_LOCALS */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* MAKE_FUNCTION */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {3, 0, 0}, 0}, /* MATCH_KEYS */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* MATCH_MAPPING */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* MATCH_SEQUENCE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* NOP */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_EXCEPT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_TOP */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* PUSH_EXC_INFO */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* PUSH_NULL */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* RETURN_GENERATOR */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* RETURN_VALUE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* SETUP_ANNOTATIONS */
    {OTHER, NEXT, 0, 0, 0, {4, 0, 0}, {0, 0, 0}, 0}, /* STORE_SLICE */
    {OTHER, NEXT, 1, 0, 0, {3, 0, 0}, {0, 0, 0}, 0}, /* STORE_SUBSCR */
    {OTHER, NEXT, 3, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* TO_BOOL */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_INVERT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_NEGATIVE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_NOT */
    {EXCEPT_START, NEXT, 0, 0, 4, {0, 0, 0}, {1, 0, 0}, 0}, /* WITH_EXCEPT_START */
    {OTHER, NEXT, 0, 0, 0, {1, 1, 0}, {1, 0, 0}, 0}, /* BUILD_CONST_KEY_MAP */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_LIST */
    {OTHER, NEXT, 0, 0, 0, {0, 2, 0}, {1, 0, 0}, 0}, /* BUILD_MAP */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SET */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SLICE */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_STRING */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_TUPLE */
    {CALL, NEXT, 3, 0, 2, {2, 1, 0}, {1, 0, 0}, 0}, /* CALL */
    {CALL, NEXT, 0, 0, 2, {3, 0, 1}, {1, 0, 0}, 0}, /* CALL_FUNCTION_EX */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* CALL_INTRINSIC_1 */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* CALL_INTRINSIC_2 */
    {CALL, NEXT, 0, 0, 2, {3, 1, 0}, {1, 0, 0}, 0}, /* CALL_KW */
    {OTHER, NEXT, 1, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* COMPARE_OP */
    {OTHER, NEXT, 1, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* CONTAINS_OP */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* CONVERT_VALUE */
    {COPY, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* COPY */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* COPY_FREE_VARS */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DELETE_ATTR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_DEREF */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_FAST */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_GLOBAL */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_NAME */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DICT_MERGE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DICT_UPDATE */
    {EXECUTOR, STOP, 1, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* ENTER_EXECUTOR */
    {EXTENDED_ARG, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* EXTENDED_ARG */
    {OTHER, JUMP_FORWARD, 1, 0, 0, {0, 0, 0}, {1, 0, 0}, 1}, /* FOR_ITER */
    {KEEP, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_AWAITABLE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* IMPORT_FROM */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* IMPORT_NAME */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* IS_OP */
    {OTHER, GOTO_BACKWARD, 1, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_BACKWARD */
    {OTHER, GOTO_BACKWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_BACKWARD_NO_INTERRUPT */
    {OTHER, GOTO_FORWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_FORWARD */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* LIST_APPEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* LIST_EXTEND */
    {ATTR, NEXT, 9, 1, 0, {1, 0, 0}, {1, 0, 1}, 0}, /* LOAD_ATTR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CONST */
    {DEREF, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_DEREF */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST_AND_CLEAR */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST_CHECK */
    {LOCAL_TWO, NEXT, 0, 0, 0, {0, 0, 0}, {2, 0, 0}, 0}, /* LOAD_FAST_LOAD_FAST */
    {DEREF, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FROM_DICT_OR_DEREF */
    {GLOBAL, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FROM_DICT_OR_GLOBALS */
    {GLOBAL, NEXT, 4, 1, 0, {0, 0, 0}, {1, 0, 1}, 0}, /* LOAD_GLOBAL */
    {GLOBAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_NAME */
    {SUPER, NEXT, 1, 2, 0, {3, 0, 0}, {1, 0, 1}, 0}, /* LOAD_SUPER_ATTR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* MAKE_CELL */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* MAP_ADD */
    {OTHER, NEXT, 0, 0, 0, {3, 0, 0}, {1, 0, 0}, 0}, /* MATCH_CLASS */
    {OTHER, JUMP_FORWARD, 1, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_FALSE */
    {OTHER, JUMP_FORWARD, 1, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_NONE */
    {OTHER, JUMP_FORWARD, 1, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_NOT_NONE */
    {OTHER, JUMP_FORWARD, 1, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_TRUE */
    {OTHER, STOP, 0, 0, 0, {0, 1, 0}, {0, 0, 0}, 0}, /* RAISE_VARARGS */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* RERAISE */
    {OTHER, STOP, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* RETURN_CONST */
    {SEND, JUMP_FORWARD, 1, 0, 0, {2, 0, 0}, {2, 0, 0}, 2}, /* SEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* SET_ADD */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* SET_FUNCTION_ATTRIBUTE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* SET_UPDATE */
    {OTHER, NEXT, 4, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* STORE_ATTR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_DEREF */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_FAST */
    {STORE_LOCAL, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* STORE_FAST_LOAD_FAST */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* STORE_FAST_STORE_FAST */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_GLOBAL */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_NAME */
    {SWAP, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* SWAP */
    {UNPACK_EX, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* UNPACK_EX */
    {OTHER, NEXT, 1, 0, 0, {1, 0, 0}, {0, 1, 0}, 0}, /* UNPACK_SEQUENCE */
    {YIELD, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* YIELD_VALUE */
    {RESUME, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* RESUME */
};
static const uint8_t numbers_13[256] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 17, 18, 19, 20, 21, 22,
    23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 3, 44, 45,
    46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69,
    70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93,
    94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 117, 3, 3, 3, 3, 3, 3, 3, 5, 5, 5, 5, 5, 51, 51, 51, 51, 51, 51,
    51, 51, 51, 51, 51, 51, 51, 51, 51, 51, 51, 51, 51, 51, 56, 56, 56, 57, 57, 70, 70, 70, 70, 80,
    80, 80, 80, 80, 80, 80, 80, 80, 80, 80, 80, 89, 89, 91, 91, 117, 102, 106, 106, 106, 38, 38, 39, 39,
    39, 39, 39, 39, 115, 115, 115, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 117, 11, 12, 35,
    101, 116, 91, 70, 51, 55, 52, 0, 77, 75, 98, 95, 96, 97, 0, 0,
};

static const struct strobe_op ops_14[] = {
    {HIDDEN, STOP, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0},
    {SUBSCRIPT, NEXT, 0, 0, 0, {3, 0, 0}, {1, 0, 0}, 0}, /* BINARY_SLICE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BUILD_TEMPLATE */
    {BINARY, NEXT, 5, 0, 26, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_OP */
    {CALL, NEXT, 0, 0, 2, {4, 0, 0}, {1, 0, 0}, 0}, /* CALL_FUNCTION_EX */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {2, 0, 0}, 0}, /* CHECK_EG_MATCH */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {2, 0, 0}, 0}, /* CHECK_EXC_MATCH */
    {KEEP, NEXT, 0, 0, 0, {3, 0, 0}, {2, 0, 0}, 0}, /* CLEANUP_THROW */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* DELETE_SUBSCR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* END_FOR */
    {KEEP, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* END_SEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* EXIT_INIT_CHECK */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* FORMAT_SIMPLE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* FORMAT_WITH_SPEC */
    {AITER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_AITER */
    {ANEXT, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* GET_ANEXT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_ITER */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* GET_LEN */
    {KEEP, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_YIELD_FROM_ITER */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* INTERPRETER_EXIT */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_BUILD_CLASS */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_LOCALS */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* MAKE_FUNCTION */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {3, 0, 0}, 0}, /* MATCH_KEYS */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* MATCH_MAPPING */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* MATCH_SEQUENCE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* NOP */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* NOT_TAKEN */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_EXCEPT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_ITER */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_TOP */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* PUSH_EXC_INFO */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* PUSH_NULL */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* RETURN_GENERATOR */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* RETURN_VALUE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* SETUP_ANNOTATIONS */
    {OTHER, NEXT, 0, 0, 0, {4, 0, 0}, {0, 0, 0}, 0}, /* STORE_SLICE */
    {OTHER, NEXT, 1, 0, 0, {3, 0, 0}, {0, 0, 0}, 0}, /* STORE_SUBSCR */
    {OTHER, NEXT, 3, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* TO_BOOL */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_INVERT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_NEGATIVE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_NOT */
    {EXCEPT_START, NEXT, 0, 0, 5, {0, 0, 0}, {1, 0, 0}, 0}, /* WITH_EXCEPT_START */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 1}, {1, 0, 0}, 0}, /* BUILD_INTERPOLATION */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_LIST */
    {OTHER, NEXT, 0, 0, 0, {0, 2, 0}, {1, 0, 0}, 0}, /* BUILD_MAP */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SET */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SLICE */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_STRING */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_TUPLE */
    {CALL, NEXT, 3, 0, 2, {2, 1, 0}, {1, 0, 0}, 0}, /* CALL */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* CALL_INTRINSIC_1 */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* CALL_INTRINSIC_2 */
    {CALL, NEXT, 3, 0, 2, {3, 1, 0}, {1, 0, 0}, 0}, /* CALL_KW */
    {OTHER, NEXT, 1, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* COMPARE_OP */
    {OTHER, NEXT, 1, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* CONTAINS_OP */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* CONVERT_VALUE */
    {COPY, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* COPY */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* COPY_FREE_VARS */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DELETE_ATTR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_DEREF */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_FAST */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_GLOBAL */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_NAME */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DICT_MERGE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DICT_UPDATE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* END_ASYNC_FOR */
    {EXTENDED_ARG, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* EXTENDED_ARG */
    {OTHER, JUMP_FORWARD, 1, 0, 0, {0, 0, 0}, {1, 0, 0}, 1}, /* FOR_ITER */
    {KEEP, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_AWAITABLE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* IMPORT_FROM */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* IMPORT_NAME */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* IS_OP */
    {OTHER, GOTO_BACKWARD, 1, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_BACKWARD */
    {OTHER, GOTO_BACKWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_BACKWARD_NO_INTERRUPT */
    {OTHER, GOTO_FORWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_FORWARD */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* LIST_APPEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* LIST_EXTEND */
    {ATTR, NEXT, 9, 1, 0, {1, 0, 0}, {1, 0, 1}, 0}, /* LOAD_ATTR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_COMMON_CONSTANT */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CONST */
    {DEREF, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_DEREF */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST_AND_CLEAR */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST_BORROW */
    {LOCAL_TWO, NEXT, 0, 0, 0, {0, 0, 0}, {2, 0, 0}, 0}, /* LOAD_FAST_BORROW_LOAD_FAST_BORROW */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST_CHECK */
    {LOCAL_TWO, NEXT, 0, 0, 0, {0, 0, 0}, {2, 0, 0}, 0}, /* LOAD_FAST_LOAD_FAST */
    {DEREF, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FROM_DICT_OR_DEREF */
    {GLOBAL, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FROM_DICT_OR_GLOBALS */
    {GLOBAL, NEXT, 4, 1, 0, {0, 0, 0}, {1, 0, 1}, 0}, /* LOAD_GLOBAL */
    {GLOBAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_NAME */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_SMALL_INT */
    {SPECIAL, NEXT, 0, 0, 2, {1, 0, 0}, {2, 0, 0}, 0}, /* LOAD_SPECIAL */
    {SUPER, NEXT, 1, 2, 0, {3, 0, 0}, {1, 0, 1}, 0}, /* LOAD_SUPER_ATTR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* MAKE_CELL */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* MAP_ADD */
    {OTHER, NEXT, 0, 0, 0, {3, 0, 0}, {1, 0, 0}, 0}, /* MATCH_CLASS */
    {OTHER, JUMP_FORWARD, 1, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_FALSE */
    {OTHER, JUMP_FORWARD, 1, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_NONE */
    {OTHER, JUMP_FORWARD, 1, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_NOT_NONE */
    {OTHER, JUMP_FORWARD, 1, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_TRUE */
    {OTHER, STOP, 0, 0, 0, {0, 1, 0}, {0, 0, 0}, 0}, /* RAISE_VARARGS */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* RERAISE */
    {SEND, JUMP_FORWARD, 1, 0, 0, {2, 0, 0}, {2, 0, 0}, 2}, /* SEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* SET_ADD */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* SET_FUNCTION_ATTRIBUTE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* SET_UPDATE */
    {OTHER, NEXT, 4, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* STORE_ATTR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_DEREF */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_FAST */
    {STORE_LOCAL, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* STORE_FAST_LOAD_FAST */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* STORE_FAST_STORE_FAST */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_GLOBAL */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_NAME */
    {SWAP, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* SWAP */
    {UNPACK_EX, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* UNPACK_EX */
    {OTHER, NEXT, 1, 0, 0, {1, 0, 0}, {0, 1, 0}, 0}, /* UNPACK_SEQUENCE */
    {YIELD, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* YIELD_VALUE */
    {RESUME, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* RESUME */
    {EXECUTOR, STOP, 1, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* ENTER_EXECUTOR */
};
static const uint8_t numbers_14[256] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 17, 18, 19, 20, 21, 22,
    23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 3, 43, 44, 45,
    46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69,
    70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93,
    94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117,
    118, 0, 0, 0, 0, 0, 0, 0, 119, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 50,
    50, 50, 50, 50, 50, 50, 50, 53, 53, 53, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 54, 54,
    54, 55, 55, 68, 68, 68, 68, 73, 73, 78, 78, 78, 78, 78, 78, 78, 78, 78, 78, 78, 78, 78, 80, 80,
    90, 90, 94, 94, 119, 104, 108, 108, 108, 37, 37, 38, 38, 38, 38, 38, 38, 117, 117, 117, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 29, 10, 68, 0, 75,
    27, 101, 98, 99, 100, 119, 34, 118, 66, 94, 50, 53, 4, 73, 0, 120,
};

static const struct strobe_op ops_15[] = {
    {HIDDEN, STOP, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0},
    {SUBSCRIPT, NEXT, 0, 0, 0, {3, 0, 0}, {1, 0, 0}, 0}, /* BINARY_SLICE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* BUILD_TEMPLATE */
    {BINARY, NEXT, 5, 0, 26, {2, 0, 0}, {1, 0, 0}, 0}, /* BINARY_OP */
    {CALL, NEXT, 1, 0, 2, {4, 0, 0}, {1, 0, 0}, 0}, /* CALL_FUNCTION_EX */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {2, 0, 0}, 0}, /* CHECK_EG_MATCH */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {2, 0, 0}, 0}, /* CHECK_EXC_MATCH */
    {KEEP, NEXT, 0, 0, 0, {4, 0, 0}, {3, 0, 0}, 0}, /* CLEANUP_THROW */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* DELETE_SUBSCR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* END_FOR */
    {KEEP, NEXT, 0, 0, 0, {3, 0, 0}, {1, 0, 0}, 0}, /* END_SEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* EXIT_INIT_CHECK */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* FORMAT_SIMPLE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* FORMAT_WITH_SPEC */
    {AITER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_AITER */
    {ANEXT, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* GET_ANEXT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* GET_LEN */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* INTERPRETER_EXIT */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_BUILD_CLASS */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_LOCALS */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* MAKE_FUNCTION */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {3, 0, 0}, 0}, /* MATCH_KEYS */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* MATCH_MAPPING */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* MATCH_SEQUENCE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* NOP */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* NOT_TAKEN */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_EXCEPT */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* POP_ITER */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_TOP */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* PUSH_EXC_INFO */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* PUSH_NULL */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* RETURN_GENERATOR */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* RETURN_VALUE */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* SETUP_ANNOTATIONS */
    {OTHER, NEXT, 0, 0, 0, {4, 0, 0}, {0, 0, 0}, 0}, /* STORE_SLICE */
    {OTHER, NEXT, 1, 0, 0, {3, 0, 0}, {0, 0, 0}, 0}, /* STORE_SUBSCR */
    {OTHER, NEXT, 3, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* TO_BOOL */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_INVERT */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_NEGATIVE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* UNARY_NOT */
    {EXCEPT_START, NEXT, 0, 0, 5, {0, 0, 0}, {1, 0, 0}, 0}, /* WITH_EXCEPT_START */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 1}, {1, 0, 0}, 0}, /* BUILD_INTERPOLATION */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_LIST */
    {OTHER, NEXT, 0, 0, 0, {0, 2, 0}, {1, 0, 0}, 0}, /* BUILD_MAP */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SET */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_SLICE */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_STRING */
    {OTHER, NEXT, 0, 0, 0, {0, 1, 0}, {1, 0, 0}, 0}, /* BUILD_TUPLE */
    {CALL, NEXT, 3, 0, 2, {2, 1, 0}, {1, 0, 0}, 0}, /* CALL */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* CALL_INTRINSIC_1 */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* CALL_INTRINSIC_2 */
    {CALL, NEXT, 3, 0, 2, {3, 1, 0}, {1, 0, 0}, 0}, /* CALL_KW */
    {OTHER, NEXT, 1, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* COMPARE_OP */
    {OTHER, NEXT, 1, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* CONTAINS_OP */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* CONVERT_VALUE */
    {COPY, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* COPY */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* COPY_FREE_VARS */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DELETE_ATTR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_DEREF */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_FAST */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_GLOBAL */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* DELETE_NAME */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DICT_MERGE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* DICT_UPDATE */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* END_ASYNC_FOR */
    {EXTENDED_ARG, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* EXTENDED_ARG */
    {OTHER, JUMP_FORWARD, 1, 0, 0, {0, 0, 0}, {1, 0, 0}, 1}, /* FOR_ITER */
    {KEEP, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* GET_AWAITABLE */
    {KEEP, NEXT, 1, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* GET_ITER */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {2, 0, 0}, 0}, /* IMPORT_FROM */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* IMPORT_NAME */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* IS_OP */
    {OTHER, GOTO_BACKWARD, 1, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_BACKWARD */
    {OTHER, GOTO_BACKWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_BACKWARD_NO_INTERRUPT */
    {OTHER, GOTO_FORWARD, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* JUMP_FORWARD */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* LIST_APPEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* LIST_EXTEND */
    {ATTR, NEXT, 9, 1, 0, {1, 0, 0}, {1, 0, 1}, 0}, /* LOAD_ATTR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_COMMON_CONSTANT */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_CONST */
    {DEREF, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_DEREF */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST_AND_CLEAR */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST_BORROW */
    {LOCAL_TWO, NEXT, 0, 0, 0, {0, 0, 0}, {2, 0, 0}, 0}, /* LOAD_FAST_BORROW_LOAD_FAST_BORROW */
    {LOCAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FAST_CHECK */
    {LOCAL_TWO, NEXT, 0, 0, 0, {0, 0, 0}, {2, 0, 0}, 0}, /* LOAD_FAST_LOAD_FAST */
    {DEREF, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FROM_DICT_OR_DEREF */
    {GLOBAL, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* LOAD_FROM_DICT_OR_GLOBALS */
    {GLOBAL, NEXT, 4, 1, 0, {0, 0, 0}, {1, 0, 1}, 0}, /* LOAD_GLOBAL */
    {GLOBAL, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_NAME */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {1, 0, 0}, 0}, /* LOAD_SMALL_INT */
    {SPECIAL, NEXT, 0, 0, 2, {1, 0, 0}, {2, 0, 0}, 0}, /* LOAD_SPECIAL */
    {SUPER, NEXT, 1, 2, 0, {3, 0, 0}, {1, 0, 1}, 0}, /* LOAD_SUPER_ATTR */
    {OTHER, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* MAKE_CELL */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* MAP_ADD */
    {OTHER, NEXT, 0, 0, 0, {3, 0, 0}, {1, 0, 0}, 0}, /* MATCH_CLASS */
    {OTHER, JUMP_FORWARD, 1, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_FALSE */
    {OTHER, JUMP_FORWARD, 1, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_NONE */
    {OTHER, JUMP_FORWARD, 1, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_NOT_NONE */
    {OTHER, JUMP_FORWARD, 1, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* POP_JUMP_IF_TRUE */
    {OTHER, STOP, 0, 0, 0, {0, 1, 0}, {0, 0, 0}, 0}, /* RAISE_VARARGS */
    {OTHER, STOP, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* RERAISE */
    {SEND, JUMP_FORWARD, 1, 0, 0, {3, 0, 0}, {3, 0, 0}, 3}, /* SEND */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* SET_ADD */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {1, 0, 0}, 0}, /* SET_FUNCTION_ATTRIBUTE */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* SET_UPDATE */
    {OTHER, NEXT, 4, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* STORE_ATTR */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_DEREF */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_FAST */
    {STORE_LOCAL, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* STORE_FAST_LOAD_FAST */
    {OTHER, NEXT, 0, 0, 0, {2, 0, 0}, {0, 0, 0}, 0}, /* STORE_FAST_STORE_FAST */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_GLOBAL */
    {OTHER, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* STORE_NAME */
    {SWAP, NEXT, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* SWAP */
    {UNPACK_EX, NEXT, 0, 0, 0, {1, 0, 0}, {0, 0, 0}, 0}, /* UNPACK_EX */
    {OTHER, NEXT, 1, 0, 0, {1, 0, 0}, {0, 1, 0}, 0}, /* UNPACK_SEQUENCE */
    {YIELD, NEXT, 0, 0, 0, {1, 0, 0}, {1, 0, 0}, 0}, /* YIELD_VALUE */
    {RESUME, NEXT, 1, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* RESUME */
    {EXECUTOR, STOP, 1, 0, 0, {0, 0, 0}, {0, 0, 0}, 0}, /* ENTER_EXECUTOR */
};
static const uint8_t numbers_15[256] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 17, 18, 19, 20, 21, 22,
    23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 3, 41, 42, 43, 44, 45,
    46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69,
    70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93,
    94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117,
    0, 0, 0, 0, 0, 0, 0, 0, 118, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    48, 48, 48, 48, 48, 48, 48, 4, 4, 48, 51, 51, 51, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48,
    48, 52, 52, 52, 53, 53, 66, 66, 66, 66, 66, 68, 68, 72, 72, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 89, 89, 93, 93, 118, 118, 103, 103, 103, 107, 107, 107, 35, 35, 36, 36, 36, 36, 36, 36,
    116, 116, 116, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 27, 10, 66, 0, 74, 25,
    100, 97, 98, 99, 118, 32, 117, 64, 93, 48, 51, 4, 72, 0, 119, 0,
};

const struct strobe_opcodes strobe_opcodes[] = {
    {8, 1, 0, 0, true, ops_8, numbers_8},
    {9, 1, 0, 0, true, ops_9, numbers_9},
    {10, 2, 0, 0, true, ops_10, numbers_10},
    {11, 2, 0, 0, false, ops_11, numbers_11},
    {12, 2, 254, 253, false, ops_12, numbers_12},
    {13, 2, 254, 247, false, ops_13, numbers_13},
    {14, 2, 254, 238, false, ops_14, numbers_14},
    {15, 2, 253, 237, false, ops_15, numbers_15},
};
const size_t strobe_opcodes_count = sizeof strobe_opcodes / sizeof strobe_opcodes[0];
