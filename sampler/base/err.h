/* SPDX-License-Identifier: Apache-2.0 */
/* err: the one list of errors of libstrobe: name, class, text.
 *
 * Functions return 0 or one of these (negative).  The class says what a walk does with it: skip the frame, skip the
 * sample, or give the target up.  Includes nothing of ours.  No state. */
#ifndef STROBE_BASE_ERR_H
#define STROBE_BASE_ERR_H

enum strobe_err_class {
    STROBE_CLASS_NONE,   /* not an error */
    STROBE_CLASS_FRAME,  /* this frame or object is unreadable; the rest of the sample stands */
    STROBE_CLASS_SAMPLE, /* this sample is not the truth: retry, then drop and count it */
    STROBE_CLASS_FATAL,  /* the target or the tool cannot go on */
};

#define STROBE_ERRORS(X)                                                                          \
    X(NOMEM, FATAL, "out of memory")                                                              \
    X(ARG, FATAL, "invalid argument")                                                             \
    X(IO, FATAL, "input/output error")                                                            \
    X(FILES, FATAL, "too many open files (ulimit -n)")                                            \
    X(NOPROC, FATAL, "no such process")                                                           \
    X(GONE, FATAL, "the process has ended")                                                       \
    X(EXECED, FATAL, "the process now runs another program")                                      \
    X(PERM, FATAL, "permission denied")                                                           \
    X(NOTPYTHON, FATAL, "not a Python process")                                                   \
    X(NOTREADY, FATAL, "the Python runtime is not initialised yet")                               \
    X(VERSION, FATAL, "unsupported Python version")                                               \
    X(LAYOUT, FATAL, "the target's table of offsets is not plausible")                            \
    X(FORMAT, FATAL, "malformed file")                                                            \
    X(BUSY, SAMPLE, "another tracer holds the thread")                                            \
    X(FAULT, SAMPLE, "address not mapped in the target")                                          \
    X(TORN, SAMPLE, "the stack changed while it was read")                                        \
    X(STUCK, SAMPLE, "the thread did not stop in time")                                           \
    X(OBJECT, FRAME, "not the object that was expected")                                          \
    X(LIMIT, FRAME, "larger than the limit")                                                      \
    X(MISSING, FRAME, "not found")

enum strobe_err {
    STROBE_OK = 0,
    STROBE_ERR_BASE_ = -1000,
#define X(name, cls, text) STROBE_ERR_##name,
    STROBE_ERRORS(X)
#undef X
    STROBE_ERR_END_
};

/* The text of a code (static; "unknown error" for a code not in the list). */
const char *strobe_err_text(int code);
/* The class of a code. */
enum strobe_err_class strobe_err_class(int code);

#endif
