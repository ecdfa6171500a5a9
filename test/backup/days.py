#!/usr/bin/env python3
"""Forty days with a retention period of 31: a snapshot a day, never more than the restore window needs, a fresh copy of
the files every week, no directory without a record; and a keeper that dies comes back."""
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

import procs  # noqa: E402
from daemon import Daemon, create, endpoint, psql, wait_for  # noqa: E402
from report import Report  # noqa: E402

RETENTION, DAYS = 31, 40


def snapshots(client):
    found = client.rds("DescribeDBSnapshots", SnapshotType="automated", DBInstanceIdentifier="h").findall(".//DBSnapshot")
    return [s.findtext("DBSnapshotIdentifier") for s in found if s.findtext("Status") == "available"]


def forty_days(daemon, client):
    create(client, "h", BackupRetentionPeriod=RETENTION)
    wait_for("the first snapshot", lambda: len(snapshots(client)) == 1, 60)
    first = snapshots(client)[0]
    for day in range(1, DAYS + 1):
        psql(*endpoint(client, "h"), f"create table day_{day} as select 1 as x")
        newest = max(snapshots(client))
        daemon.hook("/_test/clock", advance="1d")
        wait_for(f"the snapshot of day {day}", lambda n=newest: max(snapshots(client)) > n, 60, 0.1)
    wait_for("expiry", lambda: len(snapshots(client)) == RETENTION + 1, 30, describe=lambda: len(snapshots(client)))
    assert first not in snapshots(client)
    assert all(re.fullmatch(r"rds:h-\d{4}(-\d\d){4}", s) for s in snapshots(client)), snapshots(client)
    bases = f"{daemon.state}/bases"
    wait_for("a base for each snapshot", lambda: len(os.listdir(bases)) == RETENTION + 1, 60,
             describe=lambda: len(os.listdir(bases)))


def keeper_of(daemon):
    found = [p for p in procs.using(daemon.base) if " keeper " in procs.cmdline(p)]
    assert len(found) <= 1, found
    return found[0] if found else None


def keeper_dies(daemon, client):
    old = wait_for("a keeper", lambda: keeper_of(daemon), 15)
    os.kill(old, signal.SIGKILL)
    wait_for("another one", lambda: keeper_of(daemon) not in (None, old), 30)
    client.rds("CreateDBSnapshot", DBInstanceIdentifier="h", DBSnapshotIdentifier="after")
    wait_for("a snapshot with it", lambda: client.rds("DescribeDBSnapshots", DBSnapshotIdentifier="after").findtext(
        ".//DBSnapshot/Status") == "available", 60)
    client.rds("DeleteDBInstance", DBInstanceIdentifier="h", SkipFinalSnapshot=True)
    wait_for("gone", lambda: client.status("h") == "gone", 60)
    wait_for("no keeper", lambda: keeper_of(daemon) is None, 15)
    wait_for("only the manual snapshot's base", lambda: len(os.listdir(f"{daemon.state}/bases")) == 1, 180)
    wait_for("no vault", lambda: not os.listdir(f"{daemon.state}/vault"), 180)


def main():
    report = Report()
    with Daemon("days", settings={"backup": {"drill": "off"}}) as daemon:
        client = daemon.client()
        report.run("forty days", forty_days, daemon, client)
        report.run("the keeper dies", keeper_dies, daemon, client)
        if report.failed:
            print(daemon.tail(60))
    report.finish()


if __name__ == "__main__":
    main()
