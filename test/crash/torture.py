#!/usr/bin/env python3
"""The crash gate at length: every step of every table at both fault points, then random instants, until the daemon was
killed KILLS times (default 300); then every step once more with all keepers, and with all servers."""
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from crash import INNER_POINTS, OPERATIONS, Daemon, Recover, at_point, at_random, pgbench_survives, points, run_all  # noqa: E402
from report import Report  # noqa: E402


def main():
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    report = Report()
    with Daemon("flows") as daemon:
        jobs = [at_point(*p) for p in points(daemon) + INNER_POINTS]
        jobs += [at_random(random.choice(OPERATIONS)) for _ in range(max(0, wanted - len(jobs)))]
        # Once more after each step's effect, with everything else that runs.
        for operation, point in points(daemon, both=False) + INNER_POINTS:
            jobs.append(at_point(operation, point, "keepers"))
            if operation is not Recover:  # whose own story that is
                jobs.append(at_point(operation, point, "servers"))
    jobs.append(("pgbench and an open transaction while the daemon dies three times", pgbench_survives))
    print(f"{run_all(report, 2, jobs)} kills")
    report.finish()


if __name__ == "__main__":
    main()
