# SPDX-License-Identifier: Apache-2.0
"""python -m strobe run: a program under the deterministic profiler, from its first line to its end."""
import _thread
import argparse
import atexit
import builtins
import importlib.machinery
import io
import os
import pkgutil
import runpy
import sys
import zipfile

from strobe import _callfiles, _callrows, _calls, _strobe


def _parser():
    parser = argparse.ArgumentParser(prog="python -m strobe run", description="Runs a program and counts every call.",
                                     usage="%(prog)s [options] (SCRIPT | - | -m MODULE) [arguments]", allow_abbrev=False)
    parser.add_argument("-o", "--output", action="append", default=[], metavar="FILE",
                        help="write the profile there (may be given again); the ending chooses the format: .pstat, .callgrind, .json, "
                             ".collapsed, .speedscope.json, .svg, .pb.gz.  Without it a table goes to stderr")
    parser.add_argument("--sort", choices=_callrows._SORTS, help="by what the table is sorted")
    parser.add_argument("--by", choices=_callrows.PARTS, help="a row of the table for each of these, rather than for each function")
    parser.add_argument("--limit", type=int, default=30, metavar="N", help="rows of the table (default 30)")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="what files and the table show (default wall)")
    parser.add_argument("--builtins", action="store_true", help="functions of C, too")
    parser.add_argument("--threads", choices=("all", "current"), default="all", help="current: the main thread alone")
    parser.add_argument("--filter", action="append", metavar="WHAT", help="only this module, or this path, by prefix (may be given again)")
    parser.add_argument("--tag", metavar="NAME", help="rows by the value of the context variable of this name, in .json")
    parser.add_argument("--compat", choices=("cprofile", "yappi"), help="counts and times of .pstat as those have them")
    parser.add_argument("--compensate", action="store_true", help="take out of the times what the profiler itself takes")
    parser.add_argument("--every", type=float, metavar="SECONDS", help="write the files while the program runs, too, each time whole")
    parser.add_argument("--max-functions", type=int, default=20000, metavar="N",
                        help="further ones are one row, (other functions); default 20000")
    return parser


def _files(options):
    """(path, compat) of each."""
    return [(path, options.compat if _callfiles.format_of(path) == "pstat" else None) for path in options.output]


class _Writer:
    """Writes the files every some seconds, on a thread that is not profiled and that the module threading does not know."""

    def __init__(self, profile, options):
        self.profile, self.files, self.seconds = profile, _files(options), options.every
        self.stopped, self.ended = _thread.allocate_lock(), _thread.allocate_lock()
        self.stopped.acquire()
        self.ended.acquire()
        _thread.start_new_thread(_strobe.run_left_out, (self.run,))

    def run(self):
        try:
            while not self.stopped.acquire(timeout=self.seconds):
                for path, compat in self.files:
                    self.write(path, compat)
        finally:
            self.ended.release()

    def write(self, path, compat):
        try:
            _callfiles.save(self.profile, path, compat=compat)
        except Exception:  # at the end it is said
            pass

    def end(self):
        """What it is writing is written."""
        self.stopped.release()
        self.ended.acquire()


def _finish(profile, options, pid, writers, out):
    """Writes what was asked for; a file that cannot be written costs no other one."""
    profile.stop()
    if os.getpid() != pid:  # a child of a fork
        return
    for writer in writers:
        writer.end()
    _callfiles.save_at_end(profile, _files(options), lambda out: profile.print(options.sort, options.limit, out, by=options.by), out)


# ---- the program: everything but its own code is done before the profile begins ----


def _main_module(code, **names):
    """A new __main__, and how to run it."""
    module = type(sys)("__main__")
    module.__dict__.update({"__builtins__": builtins, "__doc__": None, "__loader__": None, "__package__": None, "__spec__": None,
                            "__cached__": None}, **names)
    if "__annotations__" in vars(sys.modules["__main__"]):  # as this interpreter begins it
        module.__annotations__ = {}
    sys.modules["__main__"] = module
    return lambda: exec(code, module.__dict__)


def _set_path(folder, always=False):
    """sys.path[0], which is the folder of `python -m strobe` so far, where there is such a place."""
    is_safe = getattr(sys.flags, "safe_path", sys.flags.isolated)
    if not is_safe:
        sys.path[0] = folder
    elif always:
        sys.path.insert(0, folder)


class _NoProgram(Exception):
    """Not something that the program has raised."""


def _compiled(source, name):
    """Or the end: what Python says of it.  A null byte is a ValueError until 3.11."""
    try:
        return compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        sys.excepthook(type(error), error.with_traceback(None), None)
        sys.exit(1)


def _script(path):
    if path == "-":
        code = _compiled(sys.stdin.buffer.read(), "<stdin>")
        _set_path("")
        return _main_module(code, __loader__=importlib.machinery.BuiltinImporter)
    is_file, code = os.path.isfile(path), None  # a pipe can be read only once
    full = os.path.join(os.getcwd(), path)  # as Python has it: "./" stays, ".." may lead through a link
    if os.path.isdir(path) or (is_file and zipfile.is_zipfile(path)):
        _set_path(full, always=True)
        return _as_main(*_details(runpy._get_main_module_details, runpy._Error)[1:])
    if is_file:
        with io.open_code(full) as file:
            code = pkgutil.read_code(file)
    loader = importlib.machinery.SourceFileLoader if code is None else importlib.machinery.SourcelessFileLoader
    if code is None:
        with io.open_code(full) as file:
            code = _compiled(file.read(), full)
    _set_path(os.path.dirname(os.path.realpath(path)))
    return _main_module(code, __file__=full, __loader__=loader("__main__", full))


def _details(get, *args):
    """(name, spec, code) by runpy; packages around it are imported by this, and what they raise is theirs."""
    try:
        return get(*args)
    except runpy._Error as error:
        raise _NoProgram(error) from None


def _as_main(spec, code):
    return _main_module(code, __file__=code.co_filename, __spec__=spec, __loader__=spec.loader, __package__=spec.parent,
                        __cached__=spec.cached)


def _module(name):
    _set_path(os.getcwd())
    _, spec, code = _details(runpy._get_module_details, name, runpy._Error)
    sys.argv[0] = code.co_filename
    return _as_main(spec, code)


class _Trimmed:
    """sys.excepthook for the exception that ends the program: its traceback begins with the program."""

    def __init__(self, own):
        self.own, self.hook = own, sys.excepthook

    def __call__(self, kind, error, traceback):
        sys.excepthook = self.hook
        while traceback is not None and traceback.tb_frame.f_code.co_filename.startswith(self.own):
            traceback = traceback.tb_next
        sys.last_traceback = traceback
        self.hook(kind, error.with_traceback(traceback), traceback)


def _run(program, own):
    """The interpreter ends as it does without us."""
    try:
        return program()
    except SystemExit:
        raise
    except BaseException:
        sys.excepthook = _Trimmed(own)
        raise


# ---- the command line ----


def _split(parser, arguments):
    """(options of ours, is what follows a module?, the program and its arguments)"""
    at = 0
    while at < len(arguments):
        word = arguments[at]
        if word == "--":
            return arguments[:at], False, arguments[at + 1:]
        if word == "-m":
            return arguments[:at], True, arguments[at + 1:]
        if word.startswith("-m"):
            return arguments[:at], True, [word[2:]] + arguments[at + 1:]
        if not word.startswith("-") or word == "-":
            return arguments[:at], False, arguments[at:]
        action = parser._option_string_actions.get(word)
        at += 2 if action is not None and action.nargs is None else 1
    return arguments, False, []


def _prepare(parser, is_module, program):
    if not program:
        parser.error("which program?  Give a script, or -m and a module")
    if not is_module and program[0] != "-" and not os.path.exists(program[0]):
        parser.exit(2, "strobe: there is no program %s\n" % program[0])
    sys.argv = ["-m", *program[1:]] if is_module else program  # which packages see that are imported first
    try:
        return _module(program[0]) if is_module else _script(program[0])
    except _NoProgram as error:
        parser.exit(1, "strobe: %s\n" % error)
    except OSError as error:
        if is_module:
            raise
        parser.exit(2, "strobe: cannot read %s: %s\n" % (program[0], error.strerror))


def main(arguments):
    parser = _parser()
    arguments, is_module, program = _split(parser, arguments)
    options = parser.parse_args(arguments)
    if options.limit < 0:
        parser.error("--limit is a number of rows, not %d" % options.limit)
    try:
        formats = [_callfiles.format_of(path) for path in options.output]
        if options.compat and "pstat" not in formats:
            parser.error("--compat is of .pstat files: -o with one is missing")
        if options.tag and "json" not in formats and options.by != "tag":
            parser.error("--tag is of .json files, which have the rows by its values, and of --by tag: either is missing")
        if options.by == "tag" and not options.tag:
            parser.error("--by tag wants the name of a context variable: --tag NAME is missing")
        if options.every is not None and not (formats and 0 < options.every <= 1e6):
            parser.error("--every is a number of seconds after which files are written, more than 0%s" % ("" if formats else ": -o is missing"))
        profile = _calls.Profile(clock=options.clock, builtins=options.builtins, threads=options.threads, filter=options.filter,
                                 max_functions=options.max_functions, tag=options.tag, compensate=options.compensate)
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    options.output = [os.path.abspath(path) for path in options.output]  # wherever the program goes
    for path in options.output:
        if not os.path.isdir(os.path.dirname(path)) or os.path.isdir(path):
            parser.error("cannot write %s: %s" % (path, "a folder" if os.path.isdir(path) else "there is no such folder"))
        if not os.access(path if os.path.exists(path) and not os.path.isfile(path) else os.path.dirname(os.path.realpath(path)), os.W_OK):
            parser.error("cannot write %s: its folder is not writable" % path)
    profile._own += (runpy.__file__, runpy.run_path.__code__.co_filename)
    run = _run(lambda: _prepare(parser, is_module, program), profile._own)
    writers = []
    # behind those of the program, and when its threads have ended; the program may replace sys.stderr
    atexit.register(_finish, profile, options, os.getpid(), writers, sys.stderr)
    profile.start()
    _calls._begun_at = "python -m strobe run"
    if options.every is not None:
        writers.append(_Writer(profile, options))
    _run(run, profile._own)
