#!/usr/bin/env python3
"""A runbook from beginning to end: somebody deletes the wrong rows at a known time. Restore to the second before it, move
the damaged instance away by its name, give its name to the restored one; the application reconnects to the endpoint that
it has always known. The damaged instance is only ever read."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from daemon import Daemon, available, create, endpoint, psql, wait_for  # noqa: E402
from report import Report  # noqa: E402


def application(daemon, name, sql):
    """What the application does: resolve the endpoint's name, connect, ask."""
    with open(daemon.hosts, encoding="utf-8") as f:
        found = dict(reversed(line.split()[:2]) for line in f if line[:1].isdigit())
    client = daemon.client()
    host, port = endpoint(client, name)
    return psql(found[host], port, sql)


def latest(client, name):
    return client.instance(name).findtext("LatestRestorableTime") or ""


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def story(daemon):
    client = daemon.client()
    create(client, "notify", BackupRetentionPeriod=31)
    host, _ = endpoint(client, "notify")
    application(daemon, "notify", "create table notifications as select g as id from generate_series(1, 1000) g")
    wait_for("the first backup", lambda: latest(client, "notify"), 60)
    time.sleep(1.2)
    before = int(time.time())
    time.sleep(0.1)
    application(daemon, "notify", "delete from notifications where id > 10")
    wait_for("the moment to be restorable", lambda: latest(client, "notify")[:19] > stamp(before)[:19], 60)
    damaged = client.instance("notify").findtext("DbiResourceId")

    client.rds("RestoreDBInstanceToPointInTime", SourceDBInstanceIdentifier="notify",
               TargetDBInstanceIdentifier="notify-restore", RestoreTime=stamp(before))
    available(client, "notify-restore", 120)
    assert application(daemon, "notify-restore", "select count(*) from notifications") == "1000"
    assert application(daemon, "notify", "select count(*) from notifications") == "10", "the source changed"

    for old, new in (("notify", "notify-original"), ("notify-restore", "notify")):
        client.rds("ModifyDBInstance", DBInstanceIdentifier=old, NewDBInstanceIdentifier=new, ApplyImmediately=True)
        available(client, new, 60)
    assert endpoint(client, "notify")[0] == host, "the endpoint's name differs"
    wait_for("the application to reconnect",
             lambda: application(daemon, "notify", "select count(*) from notifications") == "1000", 30)
    assert client.instance("notify-original").findtext("DbiResourceId") == damaged

    # The old one goes with a last snapshot; the new one has backups of its own.
    client.rds("DeleteDBInstance", DBInstanceIdentifier="notify-original", FinalDBSnapshotIdentifier="evidence")
    wait_for("gone", lambda: client.status("notify-original") == "gone", 60)
    found = client.rds("DescribeDBSnapshots", DBSnapshotIdentifier="evidence")
    assert found.findtext(".//DBSnapshot/Status") == "available"
    wait_for("backups of the restored one", lambda: latest(client, "notify"), 60)


def main():
    report = Report()
    with Daemon("story", settings={"names": "hosts"}) as daemon:
        report.run("restore to the second before the mistake and swap names", story, daemon)
    report.finish()


if __name__ == "__main__":
    main()
