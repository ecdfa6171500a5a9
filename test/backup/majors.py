#!/usr/bin/env python3
"""Backups of every major that can be had: a snapshot and its restore, a point in time, in parallel. The builds come from
tools/engines.sh, which unpacks them once below the build directory; a major that is not there is skipped, saying so."""
import concurrent.futures
import glob
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from client import AwsError  # noqa: E402
from daemon import ROOT, Daemon, available, create, endpoint, psql, wait_for  # noqa: E402
from report import Report  # noqa: E402

MAJORS = (13, 17, 18)
ENGINES = os.environ.get("HOWDAH_ENGINES", os.path.join(ROOT, os.environ.get("HOWDAH_BUILD", "build"), "engines"))


def fetch():
    """Why a build is missing, by what the script says."""
    try:
        done = subprocess.run([f"{ROOT}/tools/engines.sh", ENGINES, *map(str, MAJORS)], capture_output=True, text=True,
                              timeout=180, check=False)
        return done.stderr.strip()
    except (OSError, subprocess.TimeoutExpired) as e:
        return str(e)


def versions():
    found = [os.path.basename(p).removesuffix(".json") for p in glob.glob(f"{ENGINES}/engines.d/*.json")]
    return {int(v.split(".")[0]): v for v in found}


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def snapshot(client, name, wanted):
    found = client.rds("DescribeDBSnapshots", DBSnapshotIdentifier=name)
    return found.findtext(".//DBSnapshot/Status") == wanted


def story(daemon, version):
    client, major = daemon.client(), version.split(".")[0]
    a, b, c, s = f"a{major}", f"b{major}", f"c{major}", f"s{major}"
    create(client, a, EngineVersion=version, BackupRetentionPeriod=7)
    ask = lambda name, sql: psql(*endpoint(client, name), sql)  # noqa: E731
    latest = lambda: client.instance(a).findtext("LatestRestorableTime") or ""  # noqa: E731
    assert ask(a, "show server_version").startswith(version)
    assert ask(a, "show data_checksums") == "on"
    wait_for("the first backup", latest, 120)
    ask(a, "create table t as select g as id, repeat('x', 100) as text from generate_series(1, 1000) g")
    ask(a, "alter table t add primary key (id)")
    client.rds("CreateDBSnapshot", DBInstanceIdentifier=a, DBSnapshotIdentifier=s)
    wait_for("the snapshot", lambda: snapshot(client, s, "available"), 120)
    ask(a, "insert into t select g, 'later' from generate_series(1001, 1500) g")
    time.sleep(1.2)
    instant = stamp(time.time())
    time.sleep(0.1)
    ask(a, "delete from t where id > 10")
    wait_for("the moment to be restorable", lambda: latest()[:19] > instant[:19], 120)
    client.rds("RestoreDBInstanceFromDBSnapshot", DBInstanceIdentifier=b, DBSnapshotIdentifier=s, DBInstanceClass="db.t3.micro")
    client.rds("RestoreDBInstanceToPointInTime", SourceDBInstanceIdentifier=a, TargetDBInstanceIdentifier=c,
               RestoreTime=instant)
    available(client, b, 180)
    available(client, c, 180)
    assert ask(a, "select count(*) from t") == "10"
    assert ask(b, "select count(*) from t") == "1000"
    assert ask(c, "select count(*) from t") == "1500"
    wait_for("a drill that passes", lambda: drilled(client, a), 240)
    for name in (a, b, c):
        client.rds("DeleteDBInstance", DBInstanceIdentifier=name, SkipFinalSnapshot=True)


def drilled(client, name):
    """Begins a drill when there is none yet: there is one at a time."""
    drills = client.control("DescribeDrills", Instance=name)["Drills"]
    if not drills:
        try:
            client.control("StartDrill", Instance=name)
        except AwsError as e:
            assert e.code == "InvalidDBInstanceState", e
    assert not drills or drills[-1]["Status"] != "failed", drills[-1]
    return drills and drills[-1]["Status"] == "passed" and drills[-1]["Indexes"] > 100


def main():
    report, why = Report(), fetch()
    there = versions()
    for major in MAJORS:
        if major not in there:
            report.skip(f"backups of PostgreSQL {major}", why or f"no build in {ENGINES}")
    wanted = [there[m] for m in MAJORS if m in there]
    if wanted:
        with Daemon("majors", settings={"engines": f"{ENGINES}/engines.d"}) as daemon, \
                concurrent.futures.ThreadPoolExecutor(len(wanted)) as pool:
            list(pool.map(lambda v: report.run(f"backups of PostgreSQL {v}", story, daemon, v), wanted))
            if report.failed:
                print(daemon.tail(80))
    report.finish()


if __name__ == "__main__":
    main()
