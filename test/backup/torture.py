#!/usr/bin/env python3
"""Backups under load while everything around them dies. A short version by default; `torture.py long` is part of
`make torture`. Prints its seed; `SEED=n` repeats a run's choices."""
import os
import random
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "..", "bench"), HERE]

from common import Libpq  # noqa: E402
from daemon import PASSWORD, Daemon, available, create, endpoint, psql, reach, wait_for  # noqa: E402
from report import Report  # noqa: E402
import procs  # noqa: E402
import rpo  # noqa: E402

LONG = sys.argv[1:] == ["long"]
SEED = int(os.environ.get("SEED", random.randrange(1 << 30)))
chance = random.Random(SEED)


def place(client, name):
    address, port = endpoint(client, name)
    return f"host={address} port={port} user=root1 password={PASSWORD} dbname=app connect_timeout=5"


class Heartbeat(threading.Thread):
    """A row every 100 ms: its number and our clock before it was sent. `acked[n]`: our clock when row n was there for
    certain. Goes on after a crash of the server with the number behind the last one that came through."""

    def __init__(self, conninfo):
        super().__init__(daemon=True)
        self.conninfo, self.acked, self.over, self.pq = conninfo, [], False, Libpq()

    def run(self):
        connection = None
        while not self.over:
            try:
                if connection is None:
                    connection, _ = self.pq.connect(self.conninfo)
                    if connection is None:
                        time.sleep(0.05)
                        continue
                    there = int(self.pq.query(connection, "select count(*) from heartbeat"))
                    assert len(self.acked) <= there <= len(self.acked) + 1, f"{there} rows, {len(self.acked)} acknowledged"
                    self.acked += [time.time()] * (there - len(self.acked))
                self.pq.query(connection, f"insert into heartbeat values ({len(self.acked)}, {time.time():.6f})")
                self.acked.append(time.time())
            except RuntimeError:
                self.pq.lib.PQfinish(connection)
                connection = None
            time.sleep(0.1)
        if connection:
            self.pq.lib.PQfinish(connection)

    def stop(self):
        self.over = True
        self.join(30)


class Load:
    """pgbench, over and over: it ends with the server."""

    def __init__(self, client, name):
        self.conninfo, self.over = place(client, name), False
        subprocess.run(["pgbench", "-iq", "-s", "1", self.conninfo], check=True, capture_output=True)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over:
            subprocess.run(["pgbench", "-n", "-c", "2", "-T", "2", self.conninfo], check=False, capture_output=True)
            time.sleep(0.1)

    def stop(self):
        self.over = True
        self.thread.join(30)


def postmaster(daemon, client, name):
    data = os.path.realpath(f"{daemon.state}/instances/{client.instance(name).findtext('DbiResourceId')}/data")
    return daemon.postmasters().get(data, [None])[0]


def crash(daemon, client, name):
    """The server is killed, and comes back by itself."""
    old = postmaster(daemon, client, name)
    procs.send(old, signal.SIGKILL)
    wait_for("another server", lambda: postmaster(daemon, client, name) not in (None, old) and
             psql(*endpoint(client, name), "select 1", check=False).returncode == 0, 60)


def latest(client, name):
    return client.instance(name).findtext("LatestRestorableTime") or ""


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


SAME_EVERYWHERE = ("select (select coalesce(sum(delta), 0) from pgbench_history) = (select sum(abalance) from pgbench_accounts)"
                   " and (select sum(abalance) from pgbench_accounts) = (select sum(tbalance) from pgbench_tellers)"
                   " and (select sum(tbalance) from pgbench_tellers) = (select sum(bbalance) from pgbench_branches)")


def check_instant(client, instant, beat, number):
    """The restored rows are a prefix, none was sent after the instant, and the next one was not there before it."""
    name = f"t{number}"
    client.rds("RestoreDBInstanceToPointInTime", SourceDBInstanceIdentifier="s", TargetDBInstanceIdentifier=name,
               RestoreTime=stamp(instant))
    available(client, name, 180)
    where = endpoint(client, name)
    rows, last, newest = psql(*where, "select count(*), coalesce(max(n), -1), coalesce(max(sent), 0) from heartbeat").split("|")
    rows = int(rows)
    assert rows == int(last) + 1, f"{rows} rows, the last one is {last}"
    assert float(newest) <= instant, f"a row of {newest} is there as of {instant}"
    assert rows >= len(beat.acked) or beat.acked[rows] > instant, \
        f"row {rows} was there at {beat.acked[rows]}, not as of {instant}"
    assert psql(*where, SAME_EVERYWHERE) == "t", "a transaction is there in part"
    client.rds("DeleteDBInstance", DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    reach(client, name, "gone", 60)


def instants(count, seconds, crashes):
    with Daemon("instants") as daemon:
        client = daemon.client()
        create(client, "s", BackupRetentionPeriod=1)
        psql(*endpoint(client, "s"), "create table heartbeat (n bigint primary key, sent float8)")
        beat, load = Heartbeat(place(client, "s")), Load(client, "s")
        beat.start()
        wait_for("the first backup", lambda: latest(client, "s"), 90)
        begin = time.time()
        for _ in range(crashes):
            time.sleep(seconds / (crashes + 1))
            crash(daemon, client, "s")
        time.sleep(seconds / (crashes + 1))
        finish = int(time.time())
        load.stop()
        time.sleep(1)
        beat.stop()
        wait_for("the last instant to be restorable", lambda: latest(client, "s")[:19] > stamp(finish)[:19], 60)
        seconds_between = range(int(begin) + 1, finish)
        chosen = {finish, *chance.sample(seconds_between, min(count - 1, len(seconds_between)))}
        print(f"{len(beat.acked)} heartbeats, {crashes} crashes, {len(chosen)} instants in {finish - int(begin)} s")
        for number, instant in enumerate(sorted(chosen)):
            check_instant(client, instant, beat, number)


# Death in the middle of a backup

def bases(daemon):
    try:
        return os.listdir(f"{daemon.state}/bases")
    except FileNotFoundError:
        return []


def status(client, name):
    return client.rds("DescribeDBSnapshots", DBSnapshotIdentifier=name).findtext(".//DBSnapshot/Status")


def private_servers(daemon):
    return [pids[0] for data, pids in daemon.postmasters().items() if "/bases/" in data]


def with_backups(daemon):
    """An instance with a snapshot, a table `t`, and WAL enough that a replay takes a while."""
    client = daemon.client()
    create(client, "s", BackupRetentionPeriod=1)
    wait_for("the first backup", lambda: latest(client, "s"), 90)
    psql(*endpoint(client, "s"), "create table t (n bigint primary key)")
    return client


def worker_dies(daemon, client):
    """The daemon is killed while a private server replays WAL for a snapshot: the server lives on, and the next attempt
    ends it and makes the snapshot's base all the same."""
    rows = int(psql(*endpoint(client, "s"), "select count(*) from t"))
    for number in range(10):
        psql(*endpoint(client, "s"), "create table if not exists big (x text); truncate big; "
             "insert into big select repeat(md5(g::text), 8) from generate_series(1, 300000) g", timeout=120)
        before = len(bases(daemon))
        client.rds("CreateDBSnapshot", DBInstanceIdentifier="s", DBSnapshotIdentifier=f"w{number}")
        server = wait_for("a private server", lambda: private_servers(daemon) or len(bases(daemon)) > before + 2, 60, 0.002)
        daemon.kill()
        alive = server is not True and procs.alive(server[0])
        daemon.start()
        client.close()
        wait_for("the base", lambda b=before: len(bases(daemon)) == b + 1 and not any("." in x for x in bases(daemon)), 120,
                 describe=lambda: bases(daemon))
        assert status(client, f"w{number}") == "available"
        assert not private_servers(daemon), "a private server is left over"
        if alive:
            break
    else:
        raise AssertionError("the private server had always ended already")
    client.rds("RestoreDBInstanceFromDBSnapshot", DBSnapshotIdentifier=f"w{number}", DBInstanceIdentifier="w")
    available(client, "w", 120)
    assert psql(*endpoint(client, "w"), "select (select count(*) from t), (select count(*) from big)") == f"{rows}|300000"
    client.rds("DeleteDBInstance", DBInstanceIdentifier="w", SkipFinalSnapshot=True)
    reach(client, "w", "gone", 60)


def kill(daemon, client, who):
    if who == "daemon":
        daemon.kill()
        daemon.start()
        client.close()
    elif who == "keeper":
        for pid in rpo.keepers(daemon):
            procs.send(pid, signal.SIGKILL)
    elif who == "private server":
        for pid in private_servers(daemon):
            procs.send(pid, signal.SIGKILL)
    else:
        crash(daemon, client, "s")


def random_deaths(daemon, client, count):
    """Somebody dies at some moment of each snapshot's making; each becomes available, independent, and holds every row
    that was acknowledged before it was asked for."""
    rows = int(psql(*endpoint(client, "s"), "select count(*) from t"))
    for number in range(count):
        psql(*endpoint(client, "s"), f"insert into t values ({rows})")
        rows += 1
        if number and who == "server":  # one that crashes again and again would pause: a reboot begins anew
            client.rds("RebootDBInstance", DBInstanceIdentifier="s")
            available(client, "s", 60)
        name, who = f"k{number}", chance.choice(["daemon", "keeper", "server", "private server"])
        before = {b for b in bases(daemon) if "." not in b}
        client.rds("CreateDBSnapshot", DBInstanceIdentifier="s", DBSnapshotIdentifier=name)
        time.sleep(chance.uniform(0, 1.0))
        kill(daemon, client, who)
        wait_for(f"{name} after the {who}'s death", lambda n=name: status(client, n) == "available", 120)
        wait_for(f"the base of {name} after the {who}'s death", lambda b=before: set(bases(daemon)) - b and
                 not any("." in x for x in bases(daemon)), 120, describe=lambda: f"{bases(daemon)}: {daemon.tail(10)}")
        assert not private_servers(daemon), "a private server is left over"
        if number % 10 == count % 10 or number == count - 1:
            client.rds("RestoreDBInstanceFromDBSnapshot", DBSnapshotIdentifier=name, DBInstanceIdentifier="k")
            available(client, "k", 120)
            there = int(psql(*endpoint(client, "k"), "select count(*) from t"))
            assert there == rows, f"{there} rows of {rows} in {name}, after the {who}'s death"
            client.rds("DeleteDBInstance", DBInstanceIdentifier="k", SkipFinalSnapshot=True)
            reach(client, "k", "gone", 60)
        client.rds("DeleteDBSnapshot", DBSnapshotIdentifier=name)


def main():
    print(f"SEED={SEED}")
    report = Report()
    report.run("restores to instants under load, with crashes in between", instants,
               *((50, 90, 3) if LONG else (3, 8, 1)))
    with Daemon("deaths") as daemon:
        client = with_backups(daemon)
        report.run("the worker dies while its private server runs", worker_dies, daemon, client)
        report.run("somebody dies while a snapshot is made", random_deaths, daemon, client, 200 if LONG else 3)
    for trial in range(20 if LONG else 0):
        report.run(f"everything dies at once, trial {trial + 1}", rpo.trial, trial % 2 == 1)
    report.finish()


if __name__ == "__main__":
    main()
