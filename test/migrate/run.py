#!/usr/bin/env python3
"""howdah migrate and howdah db against a real PostgreSQL. Prints "N passed, N failed"; `run.py NAME...` runs these only:
tests, or files of tests. LONG ones, which fetch other engines and tools, run when named."""
import os
import signal
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import databases  # noqa: E402,F401
import diffing  # noqa: E402,F401
import doctoring  # noqa: E402,F401
import formation  # noqa: E402,F401
import history  # noqa: E402,F401
import importing  # noqa: E402,F401
import killing  # noqa: E402,F401
import kysely  # noqa: E402,F401
import linting  # noqa: E402,F401
import locking  # noqa: E402,F401
import majors  # noqa: E402,F401
import matrix  # noqa: E402,F401
import native  # noqa: E402,F401
import others  # noqa: E402,F401
import planning  # noqa: E402,F401
import pooling  # noqa: E402,F401
import prisma  # noqa: E402,F401
import prisma_real  # noqa: E402,F401
import prisma_verbs  # noqa: E402,F401
import rehearsing  # noqa: E402,F401
import rows  # noqa: E402,F401
import server as servers  # noqa: E402
import squashing  # noqa: E402,F401
import squawk  # noqa: E402,F401
import syncing  # noqa: E402,F401
import upgrading  # noqa: E402,F401
from project import TESTS, Skip  # noqa: E402


LONG = {"majors", "prisma_real", "upgrading"}


def main():
    if not servers.bindir():
        print("SKIPPED: no PostgreSQL server is installed, nothing of migrations was tested\n0 passed, 0 failed, 1 skipped")
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    pg = servers.Server()
    passed = failed = skipped = 0
    try:
        for function in TESTS:
            wanted = {function.__name__, function.__module__} & set(sys.argv[1:])
            if not wanted and (len(sys.argv) > 1 or function.__module__ in LONG):
                continue
            start = time.monotonic()
            try:
                function(pg)
                passed += 1
                print(f"ok     {function.__name__}  {time.monotonic() - start:.1f} s", flush=True)
            except Skip as why:
                skipped += 1
                print(f"SKIPPED {function.__name__}: {why}", flush=True)
            except Exception:
                failed += 1
                print(f"FAILED {function.__name__}\n{traceback.format_exc()}", flush=True)
    finally:
        pg.stop()
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
