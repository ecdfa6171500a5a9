"""Counting results the same way everywhere. Every suite ends with the line "N passed, N failed, N skipped"."""
import sys
import time
import traceback


class Report:
    def __init__(self, only=None):
        self.passed, self.failed, self.skipped = 0, 0, 0
        self.only = only

    def ok(self, name, seconds=None):
        self.passed += 1
        print(f"ok       {name}" + (f"  ({seconds:.1f} s)" if seconds is not None else ""), flush=True)

    def fail(self, name, why):
        self.failed += 1
        print(f"FAILED   {name}\n" + "\n".join("         " + line for line in str(why).splitlines()), flush=True)

    def skip(self, name, why):
        self.skipped += 1
        print(f"SKIPPED  {name}: {why}", flush=True)

    def run(self, name, function, *args):
        """One test: passes when function(*args) returns, is skipped when it raises Skip."""
        if self.only and self.only not in name:
            return
        start = time.monotonic()
        try:
            function(*args)
        except Skip as e:
            self.skip(name, e)
        except AssertionError as e:
            self.fail(name, str(e) or traceback.format_exc())
        except Exception:  # pylint: disable=broad-except
            self.fail(name, traceback.format_exc())
        else:
            self.ok(name, time.monotonic() - start)

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        sys.exit(1 if self.failed else 0)


class Skip(Exception):
    pass
