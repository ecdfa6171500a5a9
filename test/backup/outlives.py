#!/usr/bin/env python3
"""What backups promise about each other and about their source: bases never change, a restore reads its source and touches
nothing of it, both ends of the restore window are restorable, a deleted snapshot takes nothing from another, a snapshot
outlives the instance and its WAL even when it was made independent only afterwards, and a name that is used again meets
nothing of the instance that had it before. A power cut does not move a snapshot."""
import datetime
import glob
import hashlib
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from client import AwsError  # noqa: E402
from daemon import Daemon, available, create, endpoint, psql, reach, wait_for  # noqa: E402
from report import Report  # noqa: E402


def digest(*roots):
    """Every file below: its content and when it was changed."""
    seen = {}
    for root in roots:
        for where, _, files in os.walk(root):
            for name in files:
                path = os.path.join(where, name)
                with open(path, "rb") as f:
                    seen[path] = (hashlib.sha256(f.read()).hexdigest(), os.stat(path).st_mtime_ns)
    assert seen, roots
    return seen


def same(before, *roots):
    after = digest(*roots)
    changed = [p for p in before.keys() | after.keys() if before.get(p) != after.get(p)]
    assert not changed, f"changed: {sorted(changed)[:10]}"


def insert(client, name, row):
    psql(*endpoint(client, name), f"insert into t values ({row})")


def rows(client, name):
    return psql(*endpoint(client, name), "select string_agg(x::text, ' ' order by x) from t")


def snapshot(client, name, instance):
    client.rds("CreateDBSnapshot", DBInstanceIdentifier=instance, DBSnapshotIdentifier=name)
    wait_for(f"snapshot {name}", lambda: client.rds("DescribeDBSnapshots", DBSnapshotIdentifier=name).findtext(
        ".//DBSnapshot/Status") == "available", 60)


def bases(daemon):
    return [f"{daemon.state}/bases/{name}" for name in os.listdir(f"{daemon.state}/bases") if "." not in name]


def to_time(client, target, when, **source):
    """Restores to an instant, or to the latest."""
    when = {"RestoreTime": when} if when else {"UseLatestRestorableTime": True}
    client.rds("RestoreDBInstanceToPointInTime", TargetDBInstanceIdentifier=target, BackupRetentionPeriod=0, **when, **source)


def from_snapshot(client, target, name):
    client.rds("RestoreDBInstanceFromDBSnapshot", DBInstanceIdentifier=target, DBSnapshotIdentifier=name,
               BackupRetentionPeriod=0)


def remove(client, *names):
    for name in names:
        client.rds("DeleteDBInstance", DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    for name in names:
        reach(client, name, "gone")


def window(client, name):
    """Earliest and latest restorable time of the instance that has the name now."""
    found = client.rds("DescribeDBInstanceAutomatedBackups", DbiResourceId=client.instance(name).findtext("DbiResourceId"))
    return [found.findtext(f".//RestoreWindow/{end}Time") for end in ("Earliest", "Latest")]


def seconds(stamp):
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def restorable(client, name):
    """Until what has been written by now lies in the window."""
    now = time.time()
    wait_for(f"a window of {name} that holds all", lambda: seconds(window(client, name)[1] or "1970-01-01T00:00:00Z") > now, 90)


def stamp(when):
    return datetime.datetime.fromtimestamp(when, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def edges(client):
    """Both ends of the window as they are shown, and what lies outside."""
    time.sleep(1.1)  # the window is shown in whole seconds that lie within it
    insert(client, "src", 2)
    restorable(client, "src")
    earliest, latest = window(client, "src")
    for wrong in (stamp(seconds(earliest) - 1), stamp(time.time() + 3600)):
        try:
            to_time(client, "outside", wrong, SourceDBInstanceIdentifier="src")
            raise AssertionError(f"a restore to {wrong} was begun; the window is {earliest} to {latest}")
        except AwsError as e:
            assert e.code == "InvalidParameterValue", e
    to_time(client, "at-earliest", earliest, SourceDBInstanceIdentifier="src")
    to_time(client, "at-latest", latest, SourceDBInstanceIdentifier="src")
    for name, wanted in (("at-earliest", "1"), ("at-latest", "1 2")):
        available(client, name, 120)
        assert rows(client, name) == wanted, (name, rows(client, name))
    remove(client, "at-earliest", "at-latest")


def source_untouched(daemon, client):
    resource = client.instance("src").findtext("DbiResourceId")
    snapshot(client, "one", "src")
    insert(client, "src", 3)
    snapshot(client, "two", "src")
    wait_for("independent snapshots", lambda: len(bases(daemon)) == 3, 120)
    client.rds("StopDBInstance", DBInstanceIdentifier="src")
    reach(client, "src", "stopped")
    places = [*bases(daemon), f"{daemon.state}/instances/{resource}/data", f"{daemon.state}/vault/{resource}/wal"]
    before = digest(*places)
    from_snapshot(client, "r-one", "one")
    to_time(client, "r-latest", None, SourceDBInstanceIdentifier="src")
    for name, wanted in (("r-one", "1 2"), ("r-latest", "1 2 3")):
        available(client, name, 120)
        assert rows(client, name) == wanted, (name, rows(client, name))
        insert(client, name, 99)
    remove(client, "r-one", "r-latest")
    same(before, *places)
    client.rds("StartDBInstance", DBInstanceIdentifier="src")
    available(client, "src")


def cut_after_snapshot(daemon, client, meanwhile=lambda: None):
    """A client sees the snapshot `cut` and inserts row 7; then the power fails, which takes our record of its position."""
    point = "flow.act:create-snapshot/take"
    daemon.hook("/_test/fault", point=point, action="hold")  # its position is in the WAL, and not in our state
    client.rds("CreateDBSnapshot", DBInstanceIdentifier="src", DBSnapshotIdentifier="cut")
    files = ["state.db", "state.db-wal"]
    for name in files:
        shutil.copyfile(f"{daemon.state}/{name}", f"{daemon.base}/{name}")
    daemon.hook("/_test/fault", point=point, action="release")
    seen = wait_for("the snapshot", lambda: described(client, "cut", "available"), 60)
    insert(client, "src", 7)
    daemon.kill()
    meanwhile()
    os.remove(f"{daemon.state}/state.db-shm")
    for name in files:
        shutil.copyfile(f"{daemon.base}/{name}", f"{daemon.state}/{name}")
    daemon.start()
    return seen


def power_cut(daemon, client):
    """What clients did after they saw a snapshot is not in it, also when a power cut took our record of its position."""
    before = rows(client, "src")
    seen = cut_after_snapshot(daemon, client)
    again = wait_for("the snapshot again", lambda: described(client, "cut", "available"), 60)
    times = [datetime.datetime.fromisoformat(found.findtext("SnapshotDatabaseTime")[:23]) for found in (seen, again)]
    assert abs(times[1] - times[0]).total_seconds() < 1, times
    from_snapshot(client, "r-cut", "cut")
    available(client, "r-cut", 120)
    assert rows(client, "r-cut") == before, (rows(client, "r-cut"), before)
    remove(client, "r-cut")
    client.rds("DeleteDBSnapshot", DBSnapshotIdentifier="cut")
    psql(*endpoint(client, "src"), "delete from t where x = 7")


def power_cut_and_damage(daemon, client):
    """The WAL that would tell where it was is damaged, too: the snapshot fails instead of becoming a later one."""
    vault = f"{daemon.state}/vault/{client.instance('src').findtext('DbiResourceId')}/wal"

    def complete():
        return max((name for name in os.listdir(vault) if len(name) == 24), default="")

    before = complete()
    psql(*endpoint(client, "src"), "select pg_logical_emit_message(false, 'x', repeat('y', 1048576)) from generate_series(1, 34)")
    victim = wait_for("another segment to be complete", lambda: complete() > before and complete(), 30)

    def flip():
        with open(f"{vault}/{victim}", "r+b") as f:
            f.seek(300_000)
            byte = f.read(1)[0]
            f.seek(300_000)
            f.write(bytes([byte ^ 0x40]))

    cut_after_snapshot(daemon, client, flip)
    wait_for("its failure", lambda: described(client, "cut", "failed"), 60)
    said = client.rds("DescribeEvents", SourceIdentifier="cut", SourceType="db-snapshot").findall(".//Event/Message")
    assert any("where it began can't be restored: the WAL in the vault is damaged" in e.text for e in said), [e.text for e in said]
    flip()
    client.rds("DeleteDBSnapshot", DBSnapshotIdentifier="cut")
    psql(*endpoint(client, "src"), "delete from t where x = 7")


def described(client, name, status):
    """The snapshot, when it is in that state."""
    found = client.rds("DescribeDBSnapshots", DBSnapshotIdentifier=name).find(".//DBSnapshot")
    return found if found.findtext("Status") == status else None


def everything_else_goes(daemon, client):
    client.rds("DeleteDBSnapshot", DBSnapshotIdentifier="one")
    wait_for("its files to go", lambda: len(bases(daemon)) == 2, 60)
    insert(client, "src", 4)
    daemon.hook("/_test/fault", point="flow.begin:materialise-base/roll-forward", action="hold")
    snapshot(client, "three", "src")
    client.rds("DeleteDBInstance", DBInstanceIdentifier="src", SkipFinalSnapshot=True, DeleteAutomatedBackups=True)
    reach(client, "src", "gone")
    assert os.listdir(f"{daemon.state}/vault"), "WAL went that a snapshot still needs"
    daemon.hook("/_test/fault", point="flow.begin:materialise-base/roll-forward", action="release")
    wait_for("nothing but bases", lambda: not os.listdir(f"{daemon.state}/vault") and len(bases(daemon)) == 2, 120,
             describe=lambda: (os.listdir(f"{daemon.state}/vault"), bases(daemon)))
    assert not os.listdir(f"{daemon.state}/instances"), os.listdir(f"{daemon.state}/instances")
    before = digest(*bases(daemon))
    for name in ("two", "three"):
        from_snapshot(client, f"r-{name}", name)
    for name, wanted in (("r-two", "1 2 3"), ("r-three", "1 2 3 4")):
        available(client, name, 120)
        assert rows(client, name) == wanted, (name, rows(client, name))
    same(before, *bases(daemon))
    remove(client, "r-two", "r-three")


def while_one_is_made(daemon, client):
    """A snapshot is deleted while its files are being made, which can take hours: others go all the same."""
    kept, names = set(bases(daemon)), [f"m{n}" for n in range(4)]
    for n, name in enumerate(names):
        snapshot(client, name, "src")
        wait_for("its base", lambda n=n: len(bases(daemon)) == len(kept) + n + 1, 120)
    point = "backup.base:synced"
    daemon.hook("/_test/fault", point=point, action="hold")
    snapshot(client, "held", "src")
    # All is written by then: a copy that nobody wants any more may end when the files go that it is taken from.
    made = lambda: glob.glob(f"{daemon.state}/bases/*.tmp/manifest.json")  # noqa: E731
    wait_for("its files to be made but for their name", made, 120)
    for name in ("held", *names):
        client.rds("DeleteDBSnapshot", DBSnapshotIdentifier=name)
    wait_for("the others' files to go", lambda: set(bases(daemon)) == kept, 60, describe=lambda: os.listdir(f"{daemon.state}/bases"))
    assert made(), "nothing was being made any more"
    daemon.hook("/_test/fault", point=point, action="release")
    wait_for("its own", lambda: set(bases(daemon)) == kept and not glob.glob(f"{daemon.state}/bases/*.tmp"), 120)


def used_again(client):
    resources = []
    for row in (10, 20):
        create(client, "twin", BackupRetentionPeriod=1)
        psql(*endpoint(client, "twin"), f"create table t (x int); insert into t values ({row})")
        wait_for("a window", lambda: window(client, "twin")[0], 90)
        restorable(client, "twin")
        resources.append(client.instance("twin").findtext("DbiResourceId"))
        if row == 10:
            client.rds("DeleteDBInstance", DBInstanceIdentifier="twin", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)
            reach(client, "twin", "gone")
    found = client.rds("DescribeDBInstanceAutomatedBackups", DBInstanceIdentifier="twin").findall(
        ".//DBInstanceAutomatedBackup")
    assert sorted((b.findtext("DbiResourceId"), b.findtext("Status")) for b in found) == sorted(
        zip(resources, ("retained", "active"))), [b.findtext("Status") for b in found]
    to_time(client, "by-name", None, SourceDBInstanceIdentifier="twin")
    to_time(client, "by-resource", None, SourceDbiResourceId=resources[0])
    for name, wanted in (("by-name", "20"), ("by-resource", "10")):
        available(client, name, 120)
        assert rows(client, name) == wanted, (name, rows(client, name))
    client.rds("DeleteDBInstanceAutomatedBackup", DbiResourceId=resources[0])
    to_time(client, "once-more", None, SourceDBInstanceIdentifier="twin")
    available(client, "once-more", 120)
    assert rows(client, "once-more") == "20"


def main():
    report = Report()
    with Daemon("outlives", settings={"backup": {"drill": "off"}}) as daemon:
        client = daemon.client()
        create(client, "src")
        psql(*endpoint(client, "src"), "create table t (x int); insert into t values (1)")
        client.rds("ModifyDBInstance", DBInstanceIdentifier="src", BackupRetentionPeriod=1, ApplyImmediately=True)
        available(client, "src")
        report.run("both ends of the restore window", edges, client)
        report.run("bases never change and a restore touches nothing of its source", source_untouched, daemon, client)
        report.run("a power cut right after a snapshot", power_cut, daemon, client)
        report.run("a power cut right after a snapshot, and damaged WAL", power_cut_and_damage, daemon, client)
        report.run("a snapshot that goes while it is made", while_one_is_made, daemon, client)
        report.run("a snapshot needs neither its instance nor other snapshots", everything_else_goes, daemon, client)
        report.run("a name that is used again", used_again, client)
    report.finish()


if __name__ == "__main__":
    main()
