#!/usr/bin/env python3
"""A clean build without ccache, then again after one source file changed."""
import os
import shutil
import subprocess
import tempfile
import time

from common import ROOT, limit


def timed(*command):
    start = time.monotonic()
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "CCACHE_DISABLE": "1"}, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def main():
    folder = tempfile.mkdtemp(prefix="howdah-test-build-", dir="/var/tmp")
    try:
        seconds = timed("cmake", "--preset", "release", "-B", folder)
        seconds += timed("cmake", "--build", folder, "--target", "howdah")
        cores = len(os.sched_getaffinity(0))
        limit(f"clean build of howdah on {cores} cores", seconds, "s", "<= 240 s", seconds <= 240)
        os.utime(f"{ROOT}/src/rds/validate.cpp")
        seconds = timed("cmake", "--build", folder, "--target", "howdah")
        limit("build after one changed file", seconds, "s", "<= 10 s", seconds <= 10)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
