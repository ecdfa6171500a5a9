#!/usr/bin/env python3
"""A daemon with a repository: bases and WAL are stored in the background, a snapshot whose directory has gone is restored
from there, a deleted snapshot's backup is dropped, and gc does not believe a clock that leaps."""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

import procs  # noqa: E402
from daemon import BINARY, PREFIX, Daemon, available, create, endpoint, psql, wait_for  # noqa: E402


def backup(daemon, *words):
    done = subprocess.run([BINARY, "backup", "--config", f"{daemon.base}/howdah.toml", "--state-dir", daemon.state, *words],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def bases(daemon):
    return {b for b in os.listdir(f"{daemon.state}/bases") if "." not in b}


def listed(daemon):
    daemon.hook("/_test/clock", advance="2m")  # the schedule looks once a minute
    return backup(daemon, "list")


def doomed(repository):
    """What gc has noted: the notes, and the objects that they name."""
    notes = {}
    for path in glob.glob(f"{repository}/instances/*/doomed/*"):
        with open(path, encoding="utf-8") as f:
            notes[path] = json.load(f)
    return notes, {f"{repository}/{name}" for note in notes.values() for name in note["names"]}


def made_long_ago(daemon, repository):
    """All notes, on a machine that has been started anew since."""
    wait_for("no sync that runs", lambda: not any(procs.cmdline(p).endswith((" sync", " sync --clock-doubted"))
                                                  for p in procs.using(daemon.base)), 60)
    notes, _ = doomed(repository)
    for path, note in notes.items():
        with open(path, "w", encoding="utf-8") as f:
            json.dump({**note, "boot": "another", "made": note["made"] - 3 * 86_400_000}, f)


def told(client, what):
    return any(what in message for message in client.events("a"))


def clock_leaps(daemon, client, repository):
    daemon.hook("/_test/clock", leap="21d")
    wait_for("the event", lambda: told(client, "21 days ahead"), 30)
    made_long_ago(daemon, repository)
    _, objects = doomed(repository)
    assert objects and all(os.path.exists(o) for o in objects), objects

    def noted_again():
        listed(daemon)
        notes, names = doomed(repository)
        return names >= objects and all(note["boot"] != "another" for note in notes.values())
    wait_for("another grace time", noted_again, 60, 1, describe=lambda: doomed(repository))
    assert all(os.path.exists(o) for o in objects), objects
    daemon.hook("/_test/clock", leap="-21d")
    wait_for("the other event", lambda: told(client, "was set right"), 30)
    made_long_ago(daemon, repository)
    wait_for("what nothing needs to go", lambda: listed(daemon) and not any(os.path.exists(o) for o in objects), 60, 1)


def main():
    place = tempfile.mkdtemp(prefix=f"{PREFIX}repository-")
    with Daemon("repository", settings={"repository": {"location": f"{place}/repository"}}) as daemon:
        try:
            client = daemon.client()
            create(client, "a", BackupRetentionPeriod=1, seconds=180)
            wait_for("the first base", lambda: bases(daemon), 120)
            first = bases(daemon)
            psql(*endpoint(client, "a"), "create table t as select generate_series(1, 1000) as n")
            client.rds("CreateDBSnapshot", DBInstanceIdentifier="a", DBSnapshotIdentifier="kept")
            wait_for("the snapshot's base", lambda: bases(daemon) - first, 120)
            (base,) = bases(daemon) - first
            wait_for("both bases in the repository", lambda: all(f" {b} " in listed(daemon) for b in first | {base}), 120, 1)
            print("ok bases are stored in the background", flush=True)

            shutil.rmtree(f"{daemon.state}/bases/{base}")
            client.rds("RestoreDBInstanceFromDBSnapshot", DBSnapshotIdentifier="kept", DBInstanceIdentifier="b",
                       DBInstanceClass="db.t3.micro")
            available(client, "b", 180)
            assert psql(*endpoint(client, "b"), "select sum(n) from t").strip() == "500500"
            assert base in bases(daemon)
            print("ok a snapshot whose directory has gone is restored", flush=True)

            client.rds("DeleteDBSnapshot", DBSnapshotIdentifier="kept")
            wait_for("the deleted snapshot's base to go", lambda: base not in bases(daemon), 120)
            wait_for("its backup to go", lambda: f" {base} " not in listed(daemon), 120, 1)
            assert all(f" {b} " in backup(daemon, "list") for b in first)
            assert "everything is as it was stored" in backup(daemon, "verify")
            print("ok a deleted snapshot's backup is dropped", flush=True)

            known = bases(daemon)
            client.rds("CreateDBSnapshot", DBInstanceIdentifier="a", DBSnapshotIdentifier="aside")
            wait_for("its base", lambda: bases(daemon) - known, 120)
            (base,) = bases(daemon) - known
            wait_for("its backup", lambda: f" {base} " in listed(daemon), 120, 1)
            os.rename(f"{daemon.state}/bases/{base}", f"{daemon.state}/bases/{base}.damaged")
            client.rds("DeleteDBSnapshot", DBSnapshotIdentifier="aside")
            wait_for("its backup to go", lambda: f" {base} " not in listed(daemon), 120, 1)
            wait_for("all of it to go", lambda: not [b for b in os.listdir(f"{daemon.state}/bases") if b.startswith(base)], 60)
            print("ok so is that of one whose base was set aside as damaged", flush=True)

            clock_leaps(daemon, client, f"{place}/repository")
            print("ok a clock that leaps ahead takes nothing from the repository\n5 passed, 0 failed", flush=True)
        finally:
            shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
