# SPDX-License-Identifier: Apache-2.0
"""Writes tests/unit/layout_cases.inc: where each version's own headers put the fields of struct strobe_layout.

    python3 tests/unit/make_layout_cases.py NAME=FLAGS... > tests/unit/layout_cases.inc

NAME is for people ("3.14t"), FLAGS what the compiler needs to find that version's headers, its internal ones too:

    3.12=-I/usr/include/python3.12
    3.14t=-DPy_GIL_DISABLED=1 -I/usr/include/python3.14

For each NAME a C program with offsetof() and sizeof() is compiled against the headers and run; from 3.13 on it also
prints the bytes of the debug-offset table that those headers make.  The rows below name CPython's fields; which of them
strobe takes from where is not known here, so that layout_tables.c is compared with something else than itself.
The file is kept in the repository, so that the tests need no headers."""
import os
import subprocess
import sys
import tempfile

LAST = 99
RUNTIME, INTERP, TSTATE = "_PyRuntimeState", "PyInterpreterState", "PyThreadState"
GIL, FRAME, OLDFRAME, CODE = "struct _gil_runtime_state", "_PyInterpreterFrame", "PyFrameObject", "PyCodeObject"
STR, TYPE, HEAPTYPE, DICT, SET = "PyASCIIObject", "PyTypeObject", "PyHeapTypeObject", "PyDictObject", "PySetObject"
KEYS, VAR, OBJECT = "struct _dictkeysobject", "PyVarObject", "PyObject"
OLDKEYS = ("struct { Py_ssize_t refcnt; Py_ssize_t dk_size; void *lookup; Py_ssize_t usable; Py_ssize_t dk_nentries; "
           "char dk_indices[]; }")
MODULE = "struct { PyObject base; PyObject *md_dict; }"
# Python/hamt.c
BITMAP = "struct { PyObject_VAR_HEAD uint32_t b_bitmap; PyObject *b_array[1]; }"
ARRAY = "struct { PyObject_HEAD PyObject *a_array[32]; Py_ssize_t a_count; }"
COLLISION = "struct { PyObject_VAR_HEAD int32_t c_hash; PyObject *c_array[1]; }"
# Modules/_queuemodule.c
OLDQUEUE = "struct { PyObject_HEAD void *lock; int locked; PyObject *lst; Py_ssize_t lst_pos; }"
QUEUE = ("struct { PyObject_HEAD _Bool waiting; struct { Py_ssize_t put_idx; Py_ssize_t get_idx; PyObject **items; "
         "Py_ssize_t items_cap; Py_ssize_t num_items; } buf; }")
DEQUE = "struct { PyObject_VAR_HEAD void *leftblock; void *rightblock; Py_ssize_t leftindex; "
         "Py_ssize_t rightindex; size_t state; }"  # Modules/_collectionsmodule.c

# member: (first minor, last minor, struct, field)...; field None = its size; "t" = free-threaded builds only, "g" = others only.
FIELDS = {
    "rt_interpreters_head": [(8, LAST, RUNTIME, "interpreters.head")],
    "rt_main_thread": [(8, LAST, RUNTIME, "main_thread")],
    "rt_finalizing": [(8, 8, RUNTIME, "finalizing"), (9, LAST, RUNTIME, "_finalizing")],
    "rt_gil": [(8, 11, RUNTIME, "ceval.gil")],
    "rt_tstate_current": [(8, 11, RUNTIME, "gilstate.tstate_current")],
    "rt_gc_collecting": [(8, 8, RUNTIME, "gc.collecting")],
    "in_next": [(8, LAST, INTERP, "next")],
    "in_id": [(8, LAST, INTERP, "id")],
    "in_threads_head": [(8, 10, INTERP, "tstate_head"), (11, LAST, INTERP, "threads.head")],
    "in_threads_main": [(13, LAST, INTERP, "threads.main")],
    "in_modules": [(8, 11, INTERP, "modules"), (12, LAST, INTERP, "imports.modules")],
    "in_sysdict": [(8, LAST, INTERP, "sysdict")],
    "in_ceval_gil": [(12, LAST, INTERP, "ceval.gil")],
    "in_gc_collecting": [(9, LAST, INTERP, "gc.collecting")],
    "in_gc_frame": [(15, LAST, INTERP, "gc.frame")],
    "in_code_generation": [(14, LAST, INTERP, "_code_object_generation")],
    "in_tlbc_generation": [("t", 14, INTERP, "tlbc_indices.tlbc_generation")],
    "gil_last_holder": [(8, LAST, GIL, "last_holder")],
    "gil_locked": [(8, LAST, GIL, "locked")],
    "gil_switch_number": [(8, LAST, GIL, "switch_number")],
    "gil_enabled": [("t", 13, GIL, "enabled")],
    "gil_size": [(8, LAST, GIL, None)],
    "ts_prev": [(8, LAST, TSTATE, "prev")],
    "ts_next": [(8, LAST, TSTATE, "next")],
    "ts_interp": [(8, LAST, TSTATE, "interp")],
    "ts_frame": [(8, 10, TSTATE, "frame"), (11, 12, TSTATE, "cframe"), (13, LAST, TSTATE, "current_frame")],
    "ts_base_frame": [(15, LAST, TSTATE, "base_frame")],
    "ts_thread_id": [(8, LAST, TSTATE, "thread_id")],
    "ts_native_id": [(11, LAST, TSTATE, "native_thread_id")],
    "ts_id": [(8, LAST, TSTATE, "id")],
    "ts_status": [(12, LAST, TSTATE, "_status")],
    "ts_state": [(13, LAST, TSTATE, "state")],
    "ts_holds_gil": [(14, LAST, TSTATE, "holds_gil")],
    "ts_gil_requested": [(15, LAST, TSTATE, "gil_requested")],
    "ts_chunk": [(11, LAST, TSTATE, "datastack_chunk")],
    "ts_chunk_top": [(11, LAST, TSTATE, "datastack_top")],
    "ts_dict": [(8, 12, TSTATE, "dict")],
    "ts_context": [(8, LAST, TSTATE, "context")],
    "cframe_current": [(11, 12, "_PyCFrame", "current_frame")],
    "fr_code": [(8, 10, OLDFRAME, "f_code"), (11, 12, FRAME, "f_code"), (13, LAST, FRAME, "f_executable")],
    "fr_previous": [(8, 10, OLDFRAME, "f_back"), (11, LAST, FRAME, "previous")],
    "fr_instr": [(8, 10, OLDFRAME, "f_lasti"), (11, 12, FRAME, "prev_instr"), (13, LAST, FRAME, "instr_ptr")],
    "fr_owner": [(11, LAST, FRAME, "owner")],
    "fr_is_entry": [(11, 11, FRAME, "is_entry")],
    "fr_executing": [(8, 9, OLDFRAME, "f_executing"), (10, 10, OLDFRAME, "f_state")],
    "fr_stacktop": [(8, 9, OLDFRAME, "f_stacktop"), (10, 10, OLDFRAME, "f_stackdepth"), (11, 13, FRAME, "stacktop"),
                    (14, LAST, FRAME, "stackpointer")],
    "fr_tlbc_index": [("t", 14, FRAME, "tlbc_index")],
    "fr_localsplus": [(8, 10, OLDFRAME, "f_localsplus"), (11, LAST, FRAME, "localsplus")],
    "fr_valuestack": [(8, 10, OLDFRAME, "f_valuestack")],
    "fr_globals": [(8, 10, OLDFRAME, "f_globals"), (11, LAST, FRAME, "f_globals")],
    "fr_locals": [(8, 10, OLDFRAME, "f_locals"), (11, LAST, FRAME, "f_locals")],
    "fr_size": [(8, 10, OLDFRAME, "f_localsplus"), (11, LAST, FRAME, "localsplus")],
    "co_filename": [(8, LAST, CODE, "co_filename")],
    "co_name": [(8, LAST, CODE, "co_name")],
    "co_qualname": [(11, LAST, CODE, "co_qualname")],
    "co_firstlineno": [(8, LAST, CODE, "co_firstlineno")],
    "co_linetable": [(8, 9, CODE, "co_lnotab"), (10, LAST, CODE, "co_linetable")],
    "co_code": [(8, 10, CODE, "co_code"), (11, LAST, CODE, "co_code_adaptive")],
    "co_flags": [(8, LAST, CODE, "co_flags")],
    "co_argcount": [(8, LAST, CODE, "co_argcount")],
    "co_varnames": [(8, 10, CODE, "co_varnames")],
    "co_cellvars": [(8, 10, CODE, "co_cellvars")],
    "co_freevars": [(8, 10, CODE, "co_freevars")],
    "co_localsplusnames": [(11, LAST, CODE, "co_localsplusnames")],
    "co_localspluskinds": [(11, LAST, CODE, "co_localspluskinds")],
    "co_nlocalsplus": [(11, LAST, CODE, "co_nlocalsplus")],
    "co_nlocals": [(8, LAST, CODE, "co_nlocals")],
    "co_kwonlyargcount": [(8, LAST, CODE, "co_kwonlyargcount")],
    "co_firsttraceable": [(11, LAST, CODE, "_co_firsttraceable")],
    "co_names": [(8, LAST, CODE, "co_names")],
    "co_exceptiontable": [(11, LAST, CODE, "co_exceptiontable")],
    "co_version": [(12, LAST, CODE, "co_version")],
    "co_framesize": [(12, LAST, CODE, "co_framesize")],
    "co_stacksize": [(8, LAST, CODE, "co_stacksize")],
    "co_tlbc": [("t", 14, CODE, "co_tlbc")],
    "co_monitoring": [(12, LAST, CODE, "_co_monitoring")],
    "monitoring_lines": [(12, LAST, "_PyCoMonitoringData", "lines")],
    "monitoring_opcodes": [(12, LAST, "_PyCoMonitoringData", "per_instruction_opcodes")],
    "co_size": [(8, 10, CODE, None), (11, LAST, CODE, "co_code_adaptive")],
    "ob_type": [(8, LAST, OBJECT, "ob_type")],
    "ob_refcnt": [("g", 8, OBJECT, "ob_refcnt"), ("t", 13, OBJECT, "ob_ref_local")],
    "ob_ref_shared": [("t", 13, OBJECT, "ob_ref_shared")],
    "ob_gc_bits": [("t", 13, OBJECT, "ob_gc_bits")],
    "ob_size": [(8, LAST, VAR, "ob_size")],
    "ob_header": [(8, LAST, OBJECT, None)],
    "ty_name": [(8, LAST, TYPE, "tp_name")],
    "ty_basicsize": [(8, LAST, TYPE, "tp_basicsize")],
    "ty_itemsize": [(8, LAST, TYPE, "tp_itemsize")],
    "ty_flags": [(8, LAST, TYPE, "tp_flags")],
    "ty_dictoffset": [(8, LAST, TYPE, "tp_dictoffset")],
    "ty_dict": [(8, LAST, TYPE, "tp_dict")],
    "ty_mro": [(8, LAST, TYPE, "tp_mro")],
    "ty_base": [(8, LAST, TYPE, "tp_base")],
    "ty_members": [(8, LAST, TYPE, "tp_members")],
    "ty_subclasses": [(8, LAST, TYPE, "tp_subclasses")],
    "ty_qualname": [(8, LAST, HEAPTYPE, "ht_qualname")],
    "ty_cached_keys": [(8, LAST, HEAPTYPE, "ht_cached_keys")],
    "long_tag": [(8, 11, VAR, "ob_size"), (12, LAST, "PyLongObject", "long_value.lv_tag")],
    "long_digit": [(8, 11, "struct _longobject", "ob_digit"), (12, LAST, "PyLongObject", "long_value.ob_digit")],
    "float_value": [(8, LAST, "PyFloatObject", "ob_fval")],
    "str_length": [(8, LAST, STR, "length")],
    "str_hash": [(8, LAST, STR, "hash")],
    "str_state": [(8, LAST, STR, "state")],
    "str_ascii_data": [(8, LAST, STR, None)],
    "str_compact_data": [(8, LAST, "PyCompactUnicodeObject", None)],
    "bytes_size": [(8, LAST, VAR, "ob_size")],
    "bytes_data": [(8, LAST, "PyBytesObject", "ob_sval")],
    "tuple_size": [(8, LAST, VAR, "ob_size")],
    "tuple_items": [(8, LAST, "PyTupleObject", "ob_item")],
    "list_size": [(8, LAST, VAR, "ob_size")],
    "list_items": [(8, LAST, "PyListObject", "ob_item")],
    "dict_keys": [(8, LAST, DICT, "ma_keys")],
    "dict_values": [(8, LAST, DICT, "ma_values")],
    "dict_used": [(8, LAST, DICT, "ma_used")],
    "keys_slots": [(8, 10, OLDKEYS, "dk_size")],
    "keys_log2_slots": [(11, LAST, KEYS, "dk_log2_size")],
    "keys_log2_index_bytes": [(11, LAST, KEYS, "dk_log2_index_bytes")],
    "keys_kind": [(11, LAST, KEYS, "dk_kind")],
    "keys_nentries": [(8, 10, OLDKEYS, "dk_nentries"), (11, LAST, KEYS, "dk_nentries")],
    "keys_indices": [(8, 10, OLDKEYS, "dk_indices"), (11, LAST, KEYS, "dk_indices")],
    "values_valid": [(13, LAST, "struct _dictvalues", "valid")],
    "values_capacity": [(13, LAST, "struct _dictvalues", "capacity")],
    "values_count": [(13, LAST, "struct _dictvalues", "size")],
    "set_used": [(8, LAST, SET, "used")],
    "set_mask": [(8, LAST, SET, "mask")],
    "set_table": [(8, LAST, SET, "table")],
    "chunk_previous": [(11, LAST, "_PyStackChunk", "previous")],
    "chunk_size": [(11, LAST, "_PyStackChunk", "size")],
    "chunk_top": [(11, LAST, "_PyStackChunk", "top")],
    "chunk_data": [(11, LAST, "_PyStackChunk", "data")],
    "cell_ref": [(8, LAST, "PyCellObject", "ob_ref")],
    "weakref_object": [(8, LAST, "PyWeakReference", "wr_object")],
    "module_dict": [(8, LAST, MODULE, "md_dict")],
    "func_code": [(8, LAST, "PyFunctionObject", "func_code")],
    "func_globals": [(8, LAST, "PyFunctionObject", "func_globals")],
    "func_closure": [(8, LAST, "PyFunctionObject", "func_closure")],
    "func_qualname": [(8, LAST, "PyFunctionObject", "func_qualname")],
    "cfunc_def": [(8, LAST, "PyCFunctionObject", "m_ml")],
    "method_func": [(8, LAST, "PyMethodObject", "im_func")],
    "method_self": [(8, LAST, "PyMethodObject", "im_self")],
    "gen_frame": [(8, 10, "PyGenObject", "gi_frame"), (11, LAST, "PyGenObject", "gi_iframe")],
    "gen_running": [(8, 9, "PyGenObject", "gi_running")],
    "gen_state": [(11, LAST, "PyGenObject", "gi_frame_state")],
    "deque_left": [(8, LAST, DEQUE, "leftblock")],
    "deque_index": [(8, LAST, DEQUE, "leftindex")],
    "deque_state": [(8, LAST, DEQUE, "state")],
    "context_prev": [(8, LAST, "struct _pycontextobject", "ctx_prev")],
    "context_vars": [(8, LAST, "struct _pycontextobject", "ctx_vars")],
    "contextvar_name": [(8, LAST, "struct _pycontextvarobject", "var_name")],
    "hamt_root": [(8, LAST, "PyHamtObject", "h_root")],
    "hamt_count": [(8, LAST, "PyHamtObject", "h_count")],
    "hamt_bitmap": [(8, 11, BITMAP, "b_bitmap"), (12, LAST, "PyHamtNode_Bitmap", "b_bitmap")],
    "hamt_bitmap_items": [(8, 11, BITMAP, "b_array"), (12, LAST, "PyHamtNode_Bitmap", "b_array")],
    "hamt_array_items": [(8, LAST, ARRAY, "a_array")],
    "hamt_collision_items": [(8, LAST, COLLISION, "c_array")],
    "simplequeue_list": [(8, 12, OLDQUEUE, "lst")],
    "simplequeue_pos": [(8, 12, OLDQUEUE, "lst_pos")],
    "simplequeue_get": [(13, LAST, QUEUE, "buf.get_idx")],
    "simplequeue_items": [(13, LAST, QUEUE, "buf.items")],
    "simplequeue_capacity": [(13, LAST, QUEUE, "buf.items_cap")],
    "simplequeue_count": [(13, LAST, QUEUE, "buf.num_items")],
}

HEAD = r'''
#include "Python.h"
#include "structmember.h"
#include "frameobject.h"
#include <stddef.h>
#include <stdio.h>
#if PY_VERSION_HEX < 0x03090000
#include "internal/pycore_pystate.h"
#include "internal/pycore_pymem.h"
#include "internal/pycore_gil.h"
#include "internal/pycore_object.h"
#include "internal/pycore_context.h"
#else
#include "internal/pycore_interp.h"
#include "internal/pycore_runtime.h"
#include "internal/pycore_gc.h"
#include "internal/pycore_gil.h"
#include "internal/pycore_ceval.h"
#include "internal/pycore_context.h"
#endif
#if PY_VERSION_HEX >= 0x030B0000
#include "internal/pycore_frame.h"
#include "internal/pycore_dict.h"
#include "internal/pycore_code.h"
#include "internal/pycore_object.h"
#endif
#if PY_VERSION_HEX >= 0x030D0000
#include "internal/pycore_tstate.h"
#include "internal/pycore_runtime_init.h"
static _PyRuntimeState runtime = _PyRuntimeState_INIT(runtime, "xdebugpy");
#endif
#if PY_VERSION_HEX >= 0x030E0000
#include "internal/pycore_interpframe.h"
#include "internal/pycore_interpframe_structs.h"
#include "internal/pycore_instruments.h"
#endif
int main(void)
{
    printf("version %lu\n", (unsigned long)PY_VERSION_HEX);
#ifdef Py_GIL_DISABLED
    printf("free_threaded 1\n");
#endif
#if PY_VERSION_HEX >= 0x030D0000
    printf("table");
    for (size_t i = 0; i < sizeof runtime.debug_offsets / 8; i++)
        printf(" %llu", ((unsigned long long *)(void *)&runtime.debug_offsets)[i]);
    printf("\n");
#endif
'''


def probe_source():
    out = [HEAD]
    for member, places in FIELDS.items():
        for first, last, struct, field in places:
            condition = "PY_VERSION_HEX >= 0x%08x" % (0x03000000 | (last if first in ("t", "g") else first) << 16)
            if first in ("t", "g"):
                condition += " && %sdefined(Py_GIL_DISABLED)" % ("!" if first == "g" else "")
            else:
                condition += " && PY_VERSION_HEX < 0x%08x" % (0x03000000 | (last + 1) << 16)
            value = "sizeof(%s)" % struct if field is None else "offsetof(%s, %s)" % (struct, field)
            out.append('#if %s\n    printf("field %s %%zu\\n", %s);\n#endif' % (condition, member, value))
    return "\n".join(out) + "\n    return 0;\n}\n"


def run_probe(flags):
    paths = [flag[2:] for flag in flags if flag.startswith("-I")]
    internal = ["-I" + os.path.join(p, d) for p in paths for d in ("internal", "internal/mimalloc")]
    with tempfile.TemporaryDirectory() as folder:
        source, program = os.path.join(folder, "probe.c"), os.path.join(folder, "probe")
        with open(source, "w") as f:
            f.write(probe_source())
        # Nothing of Python is linked: the initialiser of the runtime names functions, whose addresses nobody uses.
        subprocess.run(["cc", "-std=gnu11", "-w", "-DPy_BUILD_CORE"] + flags + internal +
                       [source, "-o", program, "-Wl,--unresolved-symbols=ignore-all"], check=True)
        return subprocess.run([program], check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout


def main():
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Made by make_layout_cases.py from each version's own headers (x86-64). */")
    index = []
    for number, argument in enumerate(sys.argv[1:]):
        name, flags = argument.split("=", 1)
        fields, table, version, threaded = [], [], 0, "false"
        for line in run_probe(flags.split()).splitlines():
            words = line.split()
            if words[0] == "field":
                fields.append('{"%s", %s}' % (words[1], words[2]))
            elif words[0] == "table":
                table = words[1:]
            elif words[0] == "version":
                version = int(words[1])
            elif words[0] == "free_threaded":
                threaded = "true"
        print("static const struct layout_field fields_%d[] = {" % number)
        for i in range(0, len(fields), 4):
            print("    %s," % ", ".join(fields[i:i + 4]))
        print("};")
        words = table or ["0"]
        words = [w + ("u" if int(w) < 2 ** 31 else "ull") for w in words]
        print("static const uint64_t table_%d[] = {" % number)
        for i in range(0, len(words), 12):
            print("    %s," % ", ".join(words[i:i + 12]))
        print("};")
        index.append('    {"%s", 0x%08x, %s, fields_%d, %d, table_%d, %d},' % (
            name, version, threaded, number, len(fields), number, len(table)))
    print("static const struct layout_case cases[] = {")
    print("\n".join(index))
    print("};")


if __name__ == "__main__":
    main()
