#!/usr/bin/env python3
"""What `howdah` says to wrong words: which command they were given to, what is wrong with them, and where to look."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from daemon import BINARY  # noqa: E402
from report import Report  # noqa: E402

# words -> exit code, and what stands on stderr
WRONG = {
    "": (2, "howdah: which command?"),
    "serv": (2, "howdah: serv: there is no such command; did you mean serve?"),
    "frobnicate": (2, "howdah: frobnicate: there is no such command\n"),
    "--bogus": (2, "howdah: there is no option --bogus"),
    "swap one": (2, "howdah swap: missing: second\n  see: howdah swap --help"),
    "swap a b c": (2, "howdah swap: The following argument was not expected: c"),
    "swap a b --sessions none": (2, "howdah swap: --sessions: none not in {cut,keep}"),
    "engine lst": (2, "howdah engine: lst: there is no such command; did you mean list?"),
    "db creat": (1, "howdah db: creat: there is no such command; did you mean create?"),
    "db sessions --kill abc": (1, "howdah db sessions: --kill: abc must be more than 0"),
    "migrate ups": (1, "howdah migrate: ups: there is no such command; did you mean up?"),
    "sync table": (1, "howdah sync table: missing: tables"),
    "sync table teams --from nowhere": (1, "NOWHERE_CONNECTION_URL is not set"),
    "backup restore": (2, "howdah backup restore: missing: resource"),
    "db-connect prod": (1, "PROD_CONNECTION_URL is not set"),
    "db-connect nowhere": (1, "NOWHERE_CONNECTION_URL is not set"),
    "serve --config /nowhere.toml": (2, "cannot read the settings /nowhere.toml: No such file or directory"),
}
# words -> what stands on stdout
RIGHT = {
    "--version": "howdah ",
    "--help": "dump  ",
    "help": "Usage: howdah [OPTIONS] SUBCOMMAND",
    "help swap": "Usage: howdah swap [OPTIONS] first second",
    "help migrate up": "Usage: howdah migrate up",
    "dump --help": "Usage: howdah db dump [OPTIONS] [arguments...]",
    "sync table --help": "Usage: howdah sync table [OPTIONS] tables...",
}


def said(words, empty):
    env = {n: v for n, v in os.environ.items() if not n.endswith("_URL")}
    return subprocess.run([BINARY, *words.split()], env=env, cwd=empty, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False)


def wrong_words():
    with tempfile.TemporaryDirectory() as empty:
        for words, (code, text) in WRONG.items():
            done = said(words, empty)
            assert done.returncode == code and text in done.stderr, f"howdah {words}: {done.returncode}\n{done.stderr}"
            assert not done.stdout, f"howdah {words} printed: {done.stdout}"


def help_and_version():
    with tempfile.TemporaryDirectory() as empty:
        for words, text in RIGHT.items():
            done = said(words, empty)
            assert done.returncode == 0 and text in done.stdout, f"howdah {words}: {done.returncode}\n{done.stdout}"


def main():
    report = Report(sys.argv[1] if len(sys.argv) > 1 else None)
    report.run("wrong_words", wrong_words)
    report.run("help_and_version", help_and_version)
    report.finish()


if __name__ == "__main__":
    main()
