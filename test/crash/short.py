#!/usr/bin/env python3
"""The crash gate's short version: every step of every table once after its effect, first and last steps also after
their record, some random instants, and clients that must not notice."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from crash import OPERATIONS, Daemon, at_point, at_random, pgbench_survives, points, run_all  # noqa: E402
from report import Report  # noqa: E402


def main():
    report = Report(sys.argv[1] if len(sys.argv) > 1 else None)
    with Daemon("flows") as daemon:
        jobs = [at_point(*p) for p in points(daemon, both=False)]
    jobs += [at_random(op) for op in OPERATIONS]
    jobs.insert(0, ("pgbench and an open transaction while the daemon dies three times", pgbench_survives))
    print(f"{run_all(report, 2, jobs)} kills")
    report.finish()


if __name__ == "__main__":
    main()
