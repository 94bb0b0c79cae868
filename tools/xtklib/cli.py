# SPDX-License-Identifier: MIT
"""The command line of tools/xtk. Each verb is a module in verbs/, found by its name;
a - in the verb is a _ in the file."""

import argparse
import contextlib
import importlib
import os
import signal
import sys

from . import ktap
from .expect import Malformed
from .usage import Usage, not_empty

INTERRUPTED = 128 + signal.SIGINT  # as a shell says of a program that a signal ended
NO_LISTENER = 128 + signal.SIGPIPE


@contextlib.contextmanager
def ended_like_ctrl_c():
    """SIGTERM and SIGHUP end what runs in the same orderly way; nohup's SIGHUP stays ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class ArgumentParser(argparse.ArgumentParser):
    def error(self, message):
        # "argument -j: x: not a number" becomes "-j x: not a number", as all our messages are.
        if message.startswith("argument "):
            message = message[len("argument ") :].replace(": ", " ", 1)
        raise Usage(f"{message}; see '{self.prog} --help'")


def verb_names():
    directory = os.path.join(os.path.dirname(os.path.abspath(__file__)), "verbs")
    files = sorted(name for name in os.listdir(directory) if name.endswith(".py"))
    return [name[:-3].replace("_", "-") for name in files if name != "__init__.py"]


def build_parser(names):
    parser = ArgumentParser(prog="xtk", description="Drives xtk boots and reads their logs.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name in names:
        module = importlib.import_module("." + name.replace("-", "_"), "xtklib.verbs")
        sub = verbs.add_parser(
            name,
            help=module.HELP,
            description=module.HELP,
            epilog=module.EXAMPLE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.register("type", None, not_empty)  # of all arguments that have no other
        module.add(sub)
        sub.set_defaults(main=module.main, takes_words=getattr(module, "TAKES_WORDS", False))
    return parser


def main(argv):
    cut = argv.index("--") if "--" in argv else len(argv)
    names = verb_names()
    verb = "xtk"
    try:
        # Only what was asked for is imported: a boot is to cost little more than the emulator.
        parser = build_parser(argv[:1] if argv and argv[0] in names else names)
        if argv and argv[0] in names:
            verb += " " + argv[0]
        arguments = parser.parse_args(argv[:cut])
        if cut < len(argv) and not arguments.takes_words:
            raise Usage(f"--: nothing follows it here; see '{verb} --help'")
        with ended_like_ctrl_c():
            return arguments.main(arguments, argv[cut + 1 :])
    except (Usage, Malformed) as error:
        print(f"{verb}: {error}", file=sys.stderr)
        return ktap.USAGE
    except BrokenPipeError:
        for stream in (sys.stdout, sys.stderr):  # what they still hold must not raise again
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return NO_LISTENER
    except OSError as error:
        print(f"{verb}: {error.filename or 'cannot write'}: {error.strerror}", file=sys.stderr)
        return ktap.USAGE
    except KeyboardInterrupt:
        print(f"{verb}: interrupted", file=sys.stderr)
        return INTERRUPTED
