#!/usr/bin/env python3
"""A base between the daily ones: made behind much WAL, seen by nobody, the beginning of restores to instants after it; gone
after a day, and with the instance's backups."""
import glob
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from daemon import Daemon, available, create, endpoint, far_windows, psql, wait_for  # noqa: E402
from report import Report  # noqa: E402

LEAST = 100  # MB of WAL
ENOUGH = 170  # more than four times an empty server, so that it pays as a copy, too; little enough to be rolled without rests
SEGMENT = 16 << 20


def segment(lsn):
    high, low = (int(part, 16) for part in lsn.split("/"))
    return f"{high:08X}{low // SEGMENT:08X}"


def write_wal(place, megabytes):
    psql(*place, "select count(pg_logical_emit_message(false, 'test', repeat('x', 1000000))) "
         f"from generate_series(1, {megabytes})")


def snapshots(client):
    found = client.rds("DescribeDBSnapshots", DBInstanceIdentifier="v").findall(".//DBSnapshot")
    return sorted(s.findtext("DBSnapshotIdentifier") for s in found if s.findtext("Status") == "available")


def instant(place):
    """The next whole second, which has passed."""
    time.sleep(1.1)
    now = psql(*place, "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
    time.sleep(1.1)
    return now


def made(daemon, client):
    create(client, "v", BackupRetentionPeriod=7, **far_windows())
    place = endpoint(client, "v")
    wait_for("the first snapshot", lambda: len(snapshots(client)) == 1, 60)
    psql(*place, "create table r as select 'before' as x")
    write_wal(place, LEAST // 2)
    time.sleep(6)  # longer than the schedule's tick
    assert not daemon.interim_bases(), "too early"
    before, events = snapshots(client), client.events("v")
    psql(*place, "checkpoint")  # recovery from the base begins here
    write_wal(place, ENOUGH - LEAST // 2)
    wait_for("a base between", lambda: daemon.interim_bases(), 180)
    assert snapshots(client) == before, snapshots(client)
    assert client.events("v") == events, client.events("v")


def shortens(daemon, client):
    """WAL before it is not needed any more for what comes after it, which a restore shows where it is missing."""
    made(daemon, client)
    base = daemon.interim_bases()[0]
    place = endpoint(client, "v")
    psql(*place, "insert into r values ('wanted')")
    asked = instant(place)
    psql(*place, "insert into r values ('too late')")
    wait_for("the instant to be restorable",
             lambda: (client.instance("v").findtext("LatestRestorableTime") or "") >= asked, 60)
    vault, = glob.glob(f"{daemon.state}/vault/db-*/wal")
    aside = f"{daemon.base}/aside"
    os.mkdir(aside)
    older = [s for s in os.listdir(vault) if len(s) == 24 and s[8:] < segment(base["start"]["lsn"])]
    assert len(older) >= LEAST // 2 // 16, older
    for name in older:
        os.rename(f"{vault}/{name}", f"{aside}/{name}")
    client.rds("RestoreDBInstanceToPointInTime", SourceDBInstanceIdentifier="v", TargetDBInstanceIdentifier="r",
               RestoreTime=asked, BackupRetentionPeriod=0)
    available(client, "r", 120)
    found = psql(*endpoint(client, "r"), "select string_agg(x, ' ' order by x) from r")
    assert found == "before wanted", found
    for name in older:
        os.rename(f"{aside}/{name}", f"{vault}/{name}")


def expires(daemon, client):
    daemon.hook("/_test/clock", advance="25h")
    wait_for("it to go", lambda: not daemon.interim_bases(), 60)
    wait_for("the next day's snapshot", lambda: len(snapshots(client)) == 2, 120)
    found = psql(*endpoint(client, "v"), "select string_agg(x, ' ' order by x) from r")
    assert found == "before too late wanted", found


def goes_with_backups(daemon, client):
    available(client, "v")
    write_wal(endpoint(client, "v"), ENOUGH)
    wait_for("another one", lambda: daemon.interim_bases(), 180)
    client.rds("ModifyDBInstance", DBInstanceIdentifier="v", BackupRetentionPeriod=0, ApplyImmediately=True)
    wait_for("no base at all", lambda: not os.listdir(f"{daemon.state}/bases"), 90)


def main():
    report = Report()
    settings = {"backup": {"drill": "off", "interim_wal_mb": LEAST, "interim_minutes": 0}}
    with Daemon("interim", settings=settings) as daemon:
        client = daemon.client()
        report.run("a restore begins with it", shortens, daemon, client)
        report.run("it goes after a day", expires, daemon, client)
        report.run("it goes with the instance's backups", goes_with_backups, daemon, client)
        if report.failed:
            print(daemon.tail(60))
    report.finish()


if __name__ == "__main__":
    main()
