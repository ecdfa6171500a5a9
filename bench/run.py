#!/usr/bin/env python3
"""Runs the benchmarks of this folder, one after the other: run.py [NAME...]"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = ["create_first_query", "describe", "idle", "migrate", "archive_cost", "snapshot", "restore", "pitr",
         "pitr_day", "repository", "build"]


def main():
    names = sys.argv[1:] or NAMES
    unknown = [n for n in names if n not in NAMES]
    if unknown:
        sys.exit(f"no benchmark {unknown[0]}; there are: {', '.join(NAMES)}")
    codes = []
    for name in names:
        print(f"== {name}", flush=True)
        codes.append(subprocess.run([sys.executable, f"{HERE}/{name}.py"], check=False).returncode)
    sys.exit(max(codes))


if __name__ == "__main__":
    main()
