#!/usr/bin/env python3
"""H1: forty days with a retention period of 31: a snapshot a day, never more than the restore window needs, a fresh copy of
the files every week, no directory without a record; the oldest and the newest hold what they should; a keeper that dies
comes back, and a manual snapshot outlives all of it."""
import json
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

import procs  # noqa: E402
from daemon import Daemon, available, create, endpoint, far_windows, psql, wait_for  # noqa: E402
from report import Report  # noqa: E402

RETENTION, DAYS = 31, 40
SLOW = 420  # seconds to make or remove 33 bases of 1,400 files, of which a busy disk removes one in 2 to 5 ms


def snapshots(client):
    found = client.rds("DescribeDBSnapshots", SnapshotType="automated", DBInstanceIdentifier="h").findall(".//DBSnapshot")
    return [s.findtext("DBSnapshotIdentifier") for s in found if s.findtext("Status") == "available"]


def forty_days(daemon, client):
    create(client, "h", BackupRetentionPeriod=RETENTION, **far_windows())
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
    wanted = "".join("F" if day % 7 == 0 else "r" for day in range(DAYS - RETENTION, DAYS + 1))
    wait_for(f"a base for each snapshot, those of a day copied (F) or rolled (r): {wanted}",
             lambda: kinds(bases) == wanted, SLOW, describe=lambda: kinds(bases))
    ends = sorted(snapshots(client))
    for name, snapshot, days in (("oldest", ends[0], DAYS - RETENTION), ("newest", ends[-1], DAYS)):
        holds_days(client, name, snapshot, days)


def clock_leaps(daemon, client):
    """Somebody sets the clock three weeks ahead: nothing expires, and it is said. It is set right: that is said, too."""
    def told(what):
        return any(what in message for message in client.events("h"))

    before = set(snapshots(client))
    daemon.hook("/_test/clock", leap="21d")
    wait_for("the event", lambda: told("21 days ahead"), 30)
    wait_for("the backup of that day", lambda: set(snapshots(client)) - before, 60)
    time.sleep(6)  # longer than the schedule's tick
    assert before <= set(snapshots(client)), before - set(snapshots(client))
    daemon.hook("/_test/clock", leap="-21d")
    wait_for("the other event", lambda: told("was set right"), 30)
    assert before <= set(snapshots(client)), before - set(snapshots(client))


def kinds(bases):
    """A letter for each, in their order: rolled from the one before, which was promoted, or copied with all files."""
    found = []
    for name in os.listdir(bases):
        try:
            with open(f"{bases}/{name}/manifest.json", encoding="utf-8") as f:
                high, low = json.load(f)["base"]["end"]["lsn"].split("/")
        except OSError:
            return f"not yet: {name}"
        found.append((int(high, 16), int(low, 16), "r" if os.path.isdir(f"{bases}/{name}/promoted") else "F"))
    return "".join(kind for _, _, kind in sorted(found))


def holds_days(client, name, snapshot, days):
    """What the snapshot holds, however often it was rolled on."""
    client.rds("RestoreDBInstanceFromDBSnapshot", DBInstanceIdentifier=name, DBSnapshotIdentifier=snapshot,
               BackupRetentionPeriod=0)
    available(client, name, 120)
    found = psql(*endpoint(client, name), "select string_agg(relname, ' ' order by oid) from pg_class where relname ~ '^day_'")
    assert found.split() == [f"day_{n}" for n in range(1, days + 1)], f"{snapshot}: {found}"
    client.rds("DeleteDBInstance", DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    wait_for(f"{name} gone", lambda: client.status(name) == "gone", 60)


def keeper_of(daemon):
    found = [p for p in procs.using(daemon.base) if " keeper " in procs.cmdline(p)]
    assert len(found) <= 1, [(p, procs.state(p), procs.cmdline(p)) for p in found]
    return found[0] if found else None


def keeper_dies(daemon, client):
    old = wait_for("a keeper", lambda: keeper_of(daemon), 15)
    os.kill(old, signal.SIGKILL)
    wait_for("another one", lambda: keeper_of(daemon) not in (None, old), 30)
    available(client, "h")  # a clock that is set back makes a backup of that day due
    client.rds("CreateDBSnapshot", DBInstanceIdentifier="h", DBSnapshotIdentifier="after")
    wait_for("a snapshot with it", lambda: client.rds("DescribeDBSnapshots", DBSnapshotIdentifier="after").findtext(
        ".//DBSnapshot/Status") == "available", 60)
    client.rds("DeleteDBInstance", DBInstanceIdentifier="h", SkipFinalSnapshot=True)
    wait_for("gone", lambda: client.status("h") == "gone", 60)
    wait_for("no keeper", lambda: keeper_of(daemon) is None, 15)
    wait_for("only the manual snapshot's base", lambda: len(os.listdir(f"{daemon.state}/bases")) == 1, SLOW)
    wait_for("no vault", lambda: not os.listdir(f"{daemon.state}/vault"), SLOW)
    holds_days(client, "afterwards", "after", DAYS)


def main():
    report = Report()
    with Daemon("days", settings={"backup": {"drill": "off"}}) as daemon:
        client = daemon.client()
        report.run("forty days", forty_days, daemon, client)
        report.run("a clock that leaps", clock_leaps, daemon, client)
        report.run("the keeper dies", keeper_dies, daemon, client)
        if report.failed:
            print(daemon.tail(60))
    report.finish()


if __name__ == "__main__":
    main()
