#!/usr/bin/env python3
"""What is missing, damaged, swapped or has no room when a backup is made or restored: it is said by name, nothing is left
behind, and what is undamaged can still be restored. The parts with a full disk have a small file system of their own, in
a private mount namespace, and need root."""
import glob
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from daemon import Daemon, available, create, endpoint, far_windows, psql, reach, wait_for  # noqa: E402
from namespaces import in_namespace, run_inner, small_disk, with_disk_for_the_vault  # noqa: E402
from report import Report, Skip  # noqa: E402

SEGMENT = 16 << 20


def snapshot(client, name, status="available"):
    client.rds("CreateDBSnapshot", DBInstanceIdentifier="a", DBSnapshotIdentifier=name)
    def now():
        return client.rds("DescribeDBSnapshots", DBSnapshotIdentifier=name).findtext(".//DBSnapshot/Status")
    wait_for(f"snapshot {name} {status}", lambda: now() == status, 120, describe=now)


def independent(daemon, number):
    bases = f"{daemon.state}/bases"
    wait_for(f"{number} bases", lambda: len(os.listdir(bases)) == number and not glob.glob(f"{bases}/*.*"), 120,
             describe=lambda: os.listdir(bases))


def restore(client, name, snapshot_name, status="available"):
    client.rds("RestoreDBInstanceFromDBSnapshot", DBSnapshotIdentifier=snapshot_name, DBInstanceIdentifier=name)
    reach(client, name, status, 120)


def refused(client, name, why):
    """It rests in incompatible-restore, says why, and can be deleted."""
    reach(client, name, "incompatible-restore", 120)
    said = client.events(name)[-1]
    assert said.startswith("The restore failed, the source is untouched:") and why in said, said
    client.rds("DeleteDBInstance", DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    reach(client, name, "gone", 60)


def count(client, name):
    return psql(*endpoint(client, name), "select count(*) from t")


# Damage

def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def to_instant(client, name, instant):
    client.rds("RestoreDBInstanceToPointInTime", SourceDBInstanceIdentifier="a", TargetDBInstanceIdentifier=name,
               RestoreTime=stamp(instant))


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        old = f.read(1)
        f.seek(at)
        f.write(bytes([old[0] ^ 0x40]))


def swap(one, other, to=None):
    """Each file under the other's name; `to`: or the other one's proper name."""
    os.rename(one, f"{one}.moving")
    os.rename(other, one)
    os.rename(f"{one}.moving", to or other)


def damaged_wal(daemon, client):
    """Four segments of WAL behind the base: one after the other is damaged, missing, or another one's."""
    create(client, "a", BackupRetentionPeriod=1)
    wait_for("the first backup", lambda: client.instance("a").findtext("LatestRestorableTime"), 90)
    place = endpoint(client, "a")
    psql(*place, "create table t as select generate_series(1, 10) as id")
    time.sleep(1.1)
    early = int(time.time())
    time.sleep(0.1)
    psql(*place, "create table after_early (x int)")  # the commit that bounds it, before what will be damaged
    psql(*place, f"select pg_logical_emit_message(false, 'x', repeat('y', {SEGMENT // 16})) from generate_series(1, 48)", timeout=120)
    psql(*place, "insert into t select generate_series(11, 20)")
    time.sleep(1.1)
    late = int(time.time())
    time.sleep(0.1)
    psql(*place, "insert into t values (21)")
    wait_for("both to be restorable",
             lambda: client.instance("a").findtext("LatestRestorableTime")[:19] > stamp(late)[:19], 60)
    vault = f"{daemon.state}/vault/{client.instance('a').findtext('DbiResourceId')}/wal"
    segments = sorted(p for p in glob.glob(f"{vault}/*") if len(os.path.basename(p)) == 24)
    assert len(segments) >= 3, segments
    victim, other = segments[-1], segments[-2]
    name = os.path.basename(victim)

    flip(victim, SEGMENT // 2)
    to_instant(client, "r", late)
    refused(client, "r", name)
    flip(victim, SEGMENT // 2)

    os.rename(victim, f"{victim}.hidden")
    to_instant(client, "r", late)
    refused(client, "r", name)

    swap(other, f"{victim}.hidden", victim)
    to_instant(client, "r", late)
    refused(client, "r", os.path.basename(other))
    # What lies before the damage can be restored all the same.
    to_instant(client, "early", early)
    available(client, "early", 120)
    assert count(client, "early") == "10"

    swap(victim, other)
    to_instant(client, "r", late)
    available(client, "r", 120)
    assert count(client, "r") == "20"


def not_independent_yet(daemon, client):
    """The WAL between the base and a snapshot is damaged: the snapshot stays what it is, says once why it can't be made
    independent, however often that is tried, and is, when it can."""
    create(client, "a", BackupRetentionPeriod=1, **far_windows())
    independent(daemon, 1)
    place, vault = endpoint(client, "a"), f"{daemon.state}/vault/{client.instance('a').findtext('DbiResourceId')}/wal"
    daemon.hook("/_test/fault", point="flow.begin:materialise-base/roll-forward", action="hold", nth=1)
    psql(*place, f"select pg_logical_emit_message(false, 'x', repeat('y', {SEGMENT // 16})) from generate_series(1, 48)", timeout=120)
    snapshot(client, "late")
    segments = sorted(p for p in glob.glob(f"{vault}/*") if len(os.path.basename(p)) == 24)
    flip(segments[-2], SEGMENT // 2)
    daemon.hook("/_test/fault", point="flow.begin:materialise-base/roll-forward", action="release", nth=1)

    def failures():
        with open(daemon.log, encoding="utf-8") as f:
            return sum("workflow failed" in line and "materialise-base" in line for line in f)

    def said():
        return [m for m in said_of_snapshot(client, "late") if "could not be made independent" in m]

    wait_for("the work to be given up", lambda: failures() == 1, 120)
    daemon.hook("/_test/clock", advance="61m")
    wait_for("the work to be given up again", lambda: failures() == 2, 120)
    assert len(said()) == 1 and os.path.basename(segments[-2]) in said()[0], said()
    flip(segments[-2], SEGMENT // 2)
    daemon.hook("/_test/clock", advance="61m")
    independent(daemon, 2)
    client.rds("DeleteDBSnapshot", DBSnapshotIdentifier="late")


def share_blocks(directory):
    """Whether copies there are clones."""
    with tempfile.NamedTemporaryFile(dir=directory) as f:
        f.write(b"x" * 4096)
        f.flush()
        done = subprocess.run(["cp", "--reflink=always", f.name, f"{f.name}.clone"], capture_output=True, check=False)
        if os.path.exists(f"{f.name}.clone"):
            os.remove(f"{f.name}.clone")
    return done.returncode == 0


def said_of_snapshot(client, name):
    found = client.rds("DescribeEvents", SourceIdentifier=name, SourceType="db-snapshot", Duration=1440).findall(".//Event/Message")
    return [e.text for e in found]


def damaged_base(daemon, client):
    """A flipped bit in the files of a snapshot: its restore takes an older base and WAL, and the snapshot is made again;
    when no base is left that is sound, it fails by name."""
    if share_blocks(daemon.base):
        raise Skip("copies share blocks here: a drill looks, not the restore")
    create(client, "a", BackupRetentionPeriod=1)
    wait_for("the first backup", lambda: client.instance("a").findtext("LatestRestorableTime"), 90)
    independent(daemon, 1)
    place, bases = endpoint(client, "a"), f"{daemon.state}/bases"
    psql(*place, "create table t as select generate_series(1, 10) as id")
    table = psql(*place, "select pg_relation_filepath('t')")
    snapshot(client, "s1")
    independent(daemon, 2)
    psql(*place, "insert into t select generate_series(11, 20)")
    before = set(os.listdir(bases))
    snapshot(client, "s2")
    independent(daemon, 3)
    newest, = set(os.listdir(bases)) - before

    flip(f"{bases}/{newest}/data/{table}", 100)
    restore(client, "r", "s2")
    assert count(client, "r") == "20"
    told = said_of_snapshot(client, "s2")
    assert any(f"base {newest} is damaged: {table} has the checksum" in m and "made again" in m for m in told), told
    wait_for("the snapshot's files to be made again", lambda: os.path.exists(f"{bases}/{newest}/manifest.json"), 60)
    assert os.path.exists(f"{bases}/{newest}.damaged"), os.listdir(bases)
    restore(client, "r2", "s2")
    assert count(client, "r2") == "20"

    versions = [f"{bases}/{base}/data/PG_VERSION" for base in os.listdir(bases) if "." not in base]
    for path in {os.stat(path).st_ino: path for path in versions}.values():  # bases share files that did not change
        flip(path, 0)
    client.rds("RestoreDBInstanceFromDBSnapshot", DBSnapshotIdentifier="s2", DBInstanceIdentifier="r3")
    refused(client, "r3", "PG_VERSION has the checksum")
    assert count(client, "a") == "20"
    for name in ("s1", "s2"):
        client.rds("DeleteDBSnapshot", DBSnapshotIdentifier=name)
    wait_for("the damaged files to go with their snapshots", lambda: not os.path.exists(f"{bases}/{newest}.damaged"), 60)


# A full disk

class Filler:
    """Leaves that many MiB of the file system free."""

    def __init__(self, base):
        self.path, self.base = f"{base}/filler", base

    def free(self):
        fs = os.statvfs(self.base)
        return fs.f_bavail * fs.f_bsize

    def quiet(self):
        """Nothing has been written for a second: the keeper, too, has copied everything."""
        before = self.free()
        time.sleep(1)
        return self.free() == before

    def leave(self, megabytes):
        wait_for("a quiet disk", self.quiet, 60)
        with open(self.path, "ab") as f:
            os.posix_fallocate(f.fileno(), f.tell(), max(1, self.free() - (megabytes << 20)))

    def remove(self):
        os.remove(self.path)


def left_over(daemon):
    """Half-made bases and volumes."""
    return [p for p in glob.glob(f"{daemon.state}/bases/*") + glob.glob(f"{daemon.state}/instances/*/data*")
            if p.endswith(".tmp") or p.endswith(".gone")]


def full_disk():
    with small_disk("fullbackup", "1400m") as base:
        with Daemon("full", base=base, settings={"ready_volumes": False}) as daemon:  # the disk is small
            full(daemon, Filler(base))


def full(daemon, filler):
    client = daemon.client()
    create(client, "a")
    psql(*endpoint(client, "a"), "create table t as select g as id, repeat('x', 500) as pad from generate_series(1, 130000) g",
         timeout=120)

    # The files of the first snapshot find no room: it fails, says so, and leaves nothing.
    filler.leave(165)  # more than a creation asks for, also when the server begins another WAL segment meanwhile
    snapshot(client, "s", "failed")
    events = client.rds("DescribeEvents", SourceIdentifier="s", SourceType="db-snapshot").findall(".//Event/Message")
    assert any("not enough space" in e.text for e in events), [e.text for e in events]
    wait_for("nothing left of it", lambda: not left_over(daemon), 30, describe=lambda: left_over(daemon))
    filler.remove()
    client.rds("DeleteDBSnapshot", DBSnapshotIdentifier="s")
    snapshot(client, "s")
    independent(daemon, 1)

    # No room for a restore: incompatible-restore; the source and the snapshot are what they were.
    filler.leave(165)  # more than a creation asks for, also when the server begins another WAL segment meanwhile
    client.rds("RestoreDBInstanceFromDBSnapshot", DBSnapshotIdentifier="s", DBInstanceIdentifier="r")
    refused(client, "r", "not enough space")
    assert not left_over(daemon), left_over(daemon)
    assert not [line for line in open(daemon.log, encoding="utf-8") if "server is down" in line], "a server had no room"
    assert count(client, "a") == "130000"

    # Room that comes back in time is used.
    client.rds("RestoreDBInstanceFromDBSnapshot", DBSnapshotIdentifier="s", DBInstanceIdentifier="r")
    time.sleep(1.5)
    assert client.status("r") == "creating", client.status("r")
    filler.remove()
    available(client, "r", 120)
    assert count(client, "r") == "130000"


def full_replay():
    """There is room for the base, but not for what the WAL makes of it."""
    with small_disk("fullreplay", "2400m") as base:
        with Daemon("replay", base=base, settings={"ready_volumes": False}) as daemon:
            replay_without_room(daemon, Filler(base))


def replay_without_room(daemon, filler):
    client = daemon.client()
    create(client, "a", BackupRetentionPeriod=1)
    wait_for("the first backup", lambda: client.instance("a").findtext("LatestRestorableTime"), 90)
    independent(daemon, 1)
    psql(*endpoint(client, "a"), "create table t as select g as id, repeat('x', 500) as pad from generate_series(1, 400000) g",
         timeout=120)
    time.sleep(1.1)
    instant = int(time.time())
    psql(*endpoint(client, "a"), "create table after_instant (x int)")
    wait_for("it to be restorable", lambda: client.instance("a").findtext("LatestRestorableTime")[:19] > stamp(instant)[:19], 60)

    def waits():
        with open(daemon.log, encoding="utf-8") as log:
            return sum("step=recover reason=\"not enough space" in line for line in log)

    filler.leave(300)
    to_instant(client, "r", instant)
    refused(client, "r", "not enough space")
    assert not left_over(daemon), left_over(daemon)
    assert count(client, "a") == "400000"

    # Room that comes back in time is used.
    before = waits()
    to_instant(client, "r", instant)
    wait_for("the recovery to wait", lambda: waits() > before, 60)
    filler.remove()
    available(client, "r", 120)
    assert count(client, "r") == "400000"


def stands_still(latest):
    before = latest()
    time.sleep(4)
    return latest() == before


def full_vault():
    """The disk of the vault alone is full: databases write on, what can be restored stands still and is told truthfully,
    and once there is room nothing is missing."""
    daemon = Daemon("vault")
    with with_disk_for_the_vault(daemon, "160m") as vault:
        client = daemon.client()
        create(client, "a", BackupRetentionPeriod=1)
        latest = lambda: client.instance("a").findtext("LatestRestorableTime")  # noqa: E731
        wait_for("the first backup", latest, 90)
        place = endpoint(client, "a")
        psql(*place, "create table t as select generate_series(1, 10) as id")
        filler = Filler(vault)
        filler.leave(20)
        psql(*place, f"select pg_logical_emit_message(false, 'x', repeat('y', {SEGMENT // 16})) from generate_series(1, 96)",
             timeout=120)
        wait_for("a full vault", lambda: stands_still(latest), 60, describe=latest)
        inserted = stamp(time.time())
        psql(*place, "insert into t select generate_series(11, 20)")
        time.sleep(3)
        assert latest()[:19] < inserted[:19], f"what was inserted at {inserted} can't be restored, not until {latest()}"
        assert client.status("a") == "available" and count(client, "a") == "20"
        filler.remove()
        after = stamp(time.time())
        wait_for("all that was written to be restorable", lambda: latest()[:19] > after[:19], 60, describe=latest)
        client.rds("RestoreDBInstanceToPointInTime", SourceDBInstanceIdentifier="a", TargetDBInstanceIdentifier="r",
                   RestoreTime=after)
        available(client, "r", 120)
        assert count(client, "r") == "20"


def main():
    if run_inner({"full_disk": full_disk, "full_replay": full_replay, "full_vault": full_vault}):
        return
    report = Report()
    with Daemon("damage") as daemon:
        report.run("damaged, missing and swapped WAL", damaged_wal, daemon, daemon.client())
    with Daemon("behind") as daemon:
        report.run("a snapshot behind damaged WAL", not_independent_yet, daemon, daemon.client())
    with Daemon("bits") as daemon:
        report.run("a flipped bit in a base", damaged_base, daemon, daemon.client())
    report.run("no room for a snapshot or a restore", in_namespace("full_disk"))
    report.run("no room for what the WAL makes of a base", in_namespace("full_replay"))
    report.run("no room in the vault", in_namespace("full_vault"))
    report.finish()


if __name__ == "__main__":
    main()
