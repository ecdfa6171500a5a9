#!/usr/bin/env python3
"""The server removed WAL that the vault had not copied yet: it is announced, a new base is taken at once, the restore
window begins anew behind it, and no restore crosses it."""
import datetime
import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib")]

from client import AwsError  # noqa: E402
from daemon import Daemon, available, create, endpoint, psql, wait_for  # noqa: E402
from report import Report  # noqa: E402
import procs  # noqa: E402


def keepers(daemon):
    return [p for p in procs.using(daemon.base) if " keeper " in procs.cmdline(p)]


def window(client, name):
    """Earliest and latest restorable time; None where there is no window."""
    found = client.rds("DescribeDBInstanceAutomatedBackups", DBInstanceIdentifier=name)
    earliest, latest = (found.findtext(f".//RestoreWindow/{w}Time") for w in ("Earliest", "Latest"))
    return (earliest, latest) if earliest and latest else None


def later_window(client, name, than):
    now = window(client, name)
    return now if now and now[0] > than and now[1] > now[0] else None


def lose_wal(daemon, place, vault, data):
    """What was written behind the vault's end goes from pg_wal before a keeper sees it."""
    keeper, = keepers(daemon)
    daemon.stop()
    procs.send(keeper, signal.SIGKILL)
    wait_for("the keeper's end", lambda: not keepers(daemon))
    psql(*place, "insert into kept select g, repeat(md5(g::text), 30) from generate_series(1000, 80000) g")
    complete = max((s for s in os.listdir(f"{vault}/wal") if len(s) == 24), default="")
    written = sorted(s for s in os.listdir(f"{data}/pg_wal") if len(s) == 24 and s > complete)
    for segment in written[:2]:
        os.remove(f"{data}/pg_wal/{segment}")


def gap():
    with Daemon("gap") as daemon:
        client = daemon.client()
        create(client, "lossy", BackupRetentionPeriod=1)
        place = endpoint(client, "lossy")
        psql(*place, "create table kept (id int, filler text)")
        before = wait_for("a restore window", lambda: window(client, "lossy"), 90)
        resource = client.instance("lossy").findtext("DbiResourceId")
        vault, data = (f"{daemon.state}/{d}" for d in (f"vault/{resource}", f"instances/{resource}/data"))
        earlier = wait_for("a time to restore to", lambda: later_window(client, "lossy", "0"), 60)[1]

        lose_wal(daemon, place, vault, data)
        lost_at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        daemon.start()
        client = daemon.client()

        def told():
            return [e for e in client.events("lossy") if "removed it before it was copied" in str(e)]
        wait_for("an event about the gap", told, 90, describe=lambda: daemon.tail())
        wait_for("a window behind the gap", lambda: later_window(client, "lossy", lost_at), 120,
                 describe=lambda: f"{before} then {window(client, 'lossy')}: {client.events('lossy')}")
        assert len(told()) == 1, told()

        try:
            client.rds("RestoreDBInstanceToPointInTime", SourceDBInstanceIdentifier="lossy",
                       TargetDBInstanceIdentifier="over", RestoreTime=earlier)
            raise AssertionError("a restore to before the new window was begun")
        except AwsError as e:
            assert "removed it before it was copied" in e.message, e.message

        psql(*place, "insert into kept values (-1, 'behind the gap')")
        row = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        wait_for("the last row to be restorable", lambda: window(client, "lossy")[1] > row, 60)
        client.rds("RestoreDBInstanceToPointInTime", SourceDBInstanceIdentifier="lossy",
                   TargetDBInstanceIdentifier="again", UseLatestRestorableTime=True)
        available(client, "again", 180)
        assert psql(*endpoint(client, "again"), "select count(*), min(id) from kept") == "79002|-1"


def main():
    report = Report()
    report.run("a gap is announced, and the restore window begins anew behind it", gap)
    report.finish()


if __name__ == "__main__":
    main()
