# SPDX-License-Identifier: Apache-2.0
"""python -m strobe run: a program under the deterministic profiler, from its first line to its end."""
import argparse
import atexit
import io
import os
import runpy
import sys

from strobe import _callfiles, _callrows, _calls


def _parser():
    parser = argparse.ArgumentParser(prog="python -m strobe run", description="Runs a program and counts every call.",
                                     usage="%(prog)s [options] (SCRIPT | -m MODULE) [arguments]")
    parser.add_argument("-o", "--output", action="append", default=[], metavar="FILE",
                        help="write the profile there (may be given again); the ending chooses the format: .pstat, .callgrind, .json, "
                             ".collapsed, .speedscope.json, .svg, .pb.gz.  Without it a table goes to stderr")
    parser.add_argument("--sort", choices=_callrows._SORTS, help="by what the table is sorted")
    parser.add_argument("--limit", type=int, default=30, metavar="N", help="rows of the table (default 30)")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--builtins", action="store_true", help="functions of C, too")
    parser.add_argument("--threads", choices=("all", "current"), default="all")
    parser.add_argument("--filter", action="append", metavar="WHAT", help="only this module, or this path, by prefix (may be given again)")
    parser.add_argument("--max-functions", type=int, default=20000, metavar="N")
    parser.add_argument("-m", dest="is_module", action="store_true", help="what follows is a module")
    parser.add_argument("program", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _finish(profile, options):
    """Writes what was asked for; a file that cannot be written costs no other one."""
    profile.stop()
    failed = False
    for path in options.output:
        try:
            profile.save(path)
        except OSError as error:
            failed = True
            sys.stderr.write("strobe: cannot write %s: %s\n" % (path, error.strerror or error))
    if failed or not options.output:
        profile.print(options.sort, options.limit, sys.stderr)


def _run_script(path):
    if os.path.isdir(path) or not path.endswith((".py", "")) or _is_archive(path):
        runpy.run_path(path, run_name="__main__")
        return
    with io.open_code(path) as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    main = type(sys)("__main__")
    main.__dict__.update(__file__=path, __builtins__=__builtins__, __spec__=None, __loader__=None, __package__=None, __cached__=None)
    sys.modules["__main__"] = main
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    exec(code, main.__dict__)


def _is_archive(path):
    import zipfile

    return zipfile.is_zipfile(path)


def main(arguments):
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.program:
        parser.error("which program?  Give a script, or -m and a module")
    for path in options.output:
        try:
            _callfiles.format_of(path)
        except ValueError as error:
            parser.error(str(error))
    name = options.program[0]
    if not options.is_module and not os.path.exists(name):
        parser.exit(2, "strobe: there is no program %s\n" % name)
    try:
        profile = _calls.Profile(clock=options.clock, builtins=options.builtins, threads=options.threads, filter=options.filter,
                                 max_functions=options.max_functions)
    except ValueError as error:
        parser.error(str(error))
    profile._own += (runpy.__file__, runpy.run_path.__code__.co_filename)
    sys.argv = options.program
    atexit.register(_finish, profile, options)  # behind those of the program, and when its threads have ended
    profile.start()
    if options.is_module:
        sys.path[0] = os.getcwd()
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        _run_script(name)
