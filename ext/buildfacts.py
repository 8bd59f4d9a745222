# SPDX-License-Identifier: Apache-2.0
"""What make must know of the interpreter that the extension is built for: the file's suffix and the compiler's flags, on one line."""
import sysconfig

free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
suffix = sysconfig.get_config_var("EXT_SUFFIX") if free_threaded else ".abi3.so"
folders = dict.fromkeys(sysconfig.get_path(name) for name in ("include", "platinclude"))
flags = ["-isystem" + folder for folder in folders] + (["-DPy_GIL_DISABLED=1"] if free_threaded else [])
print(" ".join([suffix] + flags))
