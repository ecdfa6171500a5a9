#!/usr/bin/env python3
"""Commits that wait for the WAL vault: nothing acknowledged is lost with server, keeper and data directory gone at once,
across a crash and a timeline; and a vault that does not answer stops them for seconds only."""
import os
import shutil
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "..", "bench")]

from client import AwsError  # noqa: E402
from common import Libpq  # noqa: E402
from daemon import PASSWORD, Daemon, available, create, endpoint, psql, wait_for  # noqa: E402
from report import Report  # noqa: E402
import procs  # noqa: E402

TIMEOUT = 6  # seconds that commits wait for a vault that does not answer


class Writer(threading.Thread):
    """Inserts one number after the other, each its own transaction, until it is told to stop or the server is gone."""

    def __init__(self, number, place, sql="insert into ledger values ({}) returning id"):
        super().__init__(daemon=True)
        self.sql, self.number, self.acknowledged, self.ended = sql, number, [], False
        self.pq = Libpq()
        self.connection, why = self.pq.connect(
            f"host={place[0]} port={place[1]} user=root1 password={PASSWORD} dbname=app")
        assert self.connection, why
        self.start()

    def run(self):
        n = self.number
        try:
            while not self.ended:
                self.pq.query(self.connection, self.sql.format(n))
                self.acknowledged.append(n)
                n += 1000
        except RuntimeError:
            pass


def keeper_of(daemon, client, name):
    return keeper_of_resource(daemon, client.instance(name).findtext("DbiResourceId"))


def keeper_of_resource(daemon, resource):
    found = [p for p in procs.using(daemon.base) if " keeper " in procs.cmdline(p) and resource in procs.cmdline(p)]
    return found[0] if found else None


def told(client, name, what):
    return sum(what in message for message in client.events(name))


def synchronous(client, name, times):
    wait_for(f"{name} to wait for its vault", lambda: told(client, name, "until the WAL vault has them") >= times, 90,
             describe=lambda: client.events(name))
    wait_for("the setting", lambda: psql(*endpoint(client, name), "show synchronous_standby_names") == "howdah_vault")


def server_processes(daemon, client, name):
    data = f"{daemon.state}/instances/{client.instance(name).findtext('DbiResourceId')}/data"
    return data, [p for p in procs.using(data) if os.path.basename(procs.exe(p)) == "postgres"]


def watchdog(daemon, client, name):
    """SIGSTOP of the keeper: commits hang, then go on; they wait again once it is back."""
    keeper, writer = keeper_of(daemon, client, name), Writer(1, endpoint(client, name))
    wait_for("writes", lambda: writer.acknowledged)
    procs.send(keeper, signal.SIGSTOP)
    try:
        stopped, seen = time.monotonic(), len(writer.acknowledged)
        wait_for("commits to go on", lambda: len(writer.acknowledged) > seen + 10, 60)
        print(f"commits went on {time.monotonic() - stopped:.1f} s after the keeper was stopped")
        wait_for("the event", lambda: told(client, name, "no longer wait for it"), 10)
    finally:
        procs.send(keeper, signal.SIGCONT)
    synchronous(client, name, 2)
    writer.ended = True
    writer.join()


def alone(daemon, client, name):
    """The daemon dies: the keeper needs none to acknowledge, and commits go on. The keeper dies, too: another one is begun,
    and commits go on, none of them without the vault. That one hangs: commits wait, then go on without it, which the
    daemon tells when it is back."""
    place, writer, keeper = endpoint(client, name), Writer(5, endpoint(client, name)), keeper_of(daemon, client, name)
    resource = client.instance(name).findtext("DbiResourceId")
    waits = lambda: psql(*place, "show synchronous_standby_names")  # noqa: E731
    wait_for("writes", lambda: writer.acknowledged)
    releases = told(client, name, "no longer wait for it")
    daemon.kill()
    other = None
    try:
        more(writer, "commits without a daemon")
        procs.send(keeper, signal.SIGKILL)
        procs.wait_gone(keeper, 30)
        more(writer, "commits with a keeper that nobody but the guard has begun")
        assert waits() == "howdah_vault", "commits went on without the vault"
        other = keeper_of_resource(daemon, resource)
        assert other and other != keeper, (keeper, other)
        procs.send(other, signal.SIGSTOP)
        stopped = time.monotonic()
        more(writer, "commits without daemon and keeper")
        print(f"commits went on {time.monotonic() - stopped:.1f} s after daemon and keeper were gone")
        wait_for("the setting", lambda: waits() == "")
    finally:
        if other:
            procs.send(other, signal.SIGCONT)
        daemon.start()
        client.close()
    wait_for("the event", lambda: told(client, name, "no longer wait for it") == releases + 1, 30)
    synchronous(client, name, 3)
    writer.ended = True
    writer.join()


def more(writer, what):
    seen = len(writer.acknowledged)
    wait_for(what, lambda: len(writer.acknowledged) > seen + 50, 60)


def crash(daemon, client, name):
    """The server crashes and comes back: the keeper finds it, and commits go on without any fallback."""
    _, pids = server_processes(daemon, client, name)
    for pid in pids:
        procs.send(pid, signal.SIGKILL)
    wait_for("the server", lambda: psql(*endpoint(client, name), "insert into ledger values (-1) "
                                        "on conflict (id) do update set id = -1 returning id", check=False).stdout.strip() == "-1", 90)
    available(client, name)


def disaster(daemon, client, name):
    """All at once: daemon, keeper, server, data. The ids that clients were told of."""
    writers = [Writer(n, endpoint(client, name)) for n in (2, 3, 4)]
    wait_for("writes", lambda: min(len(w.acknowledged) for w in writers) > 50, 60)
    data, pids = server_processes(daemon, client, name)
    keeper = keeper_of(daemon, client, name)
    daemon.kill()
    for pid in [keeper] + pids:  # the keeper first: it can drain nothing
        procs.send(pid, signal.SIGKILL)
    for pid in pids:
        procs.wait_gone(pid, 30)
    shutil.rmtree(data)
    for w in writers:
        w.join()
    return {n for w in writers for n in w.acknowledged}


def restored(client, name, target):
    client.rds("RestoreDBInstanceToPointInTime", SourceDBInstanceIdentifier=name, TargetDBInstanceIdentifier=target,
               UseLatestRestorableTime=True)
    available(client, target, 180)
    return {int(n) for n in psql(*endpoint(client, target), "select string_agg(id::text, ',') from ledger").split(",")}


def story():
    with Daemon("sync") as daemon:
        client = daemon.client()
        # Whoever counts the files of the data directories takes very long: the watchdog does not wait for that.
        daemon.hook("/_test/fault", point="rds.storage-use", action="hold")
        create(client, "ledger", BackupRetentionPeriod=1, **{"Tags.Tag": [
            {"Key": "howdah:wal-mode", "Value": "sync"}, {"Key": "howdah:wal-sync-timeout", "Value": str(TIMEOUT)}]})
        psql(*endpoint(client, "ledger"), "create table ledger (id bigint primary key)")
        wait_for("the first backup", lambda: client.instance("ledger").findtext("LatestRestorableTime"), 90)
        synchronous(client, "ledger", 1)
        watchdog(daemon, client, "ledger")
        daemon.hook("/_test/fault", point="rds.storage-use", action="release")
        alone(daemon, client, "ledger")
        crash(daemon, client, "ledger")
        acknowledged = disaster(daemon, client, "ledger")
        daemon.start()
        client = daemon.client()
        there = restored(client, "ledger", "again")
        lost = sorted(acknowledged - there)
        print(f"{len(acknowledged)} acknowledged, {len(lost)} lost")
        assert not lost, f"lost: {lost[:20]}"

        # The restored one is on another timeline; its tags came with it, and its vault is a new one.
        synchronous(client, "again", 1)
        psql(*endpoint(client, "again"), "insert into ledger values (-2)")
        client.rds("RemoveTagsFromResource", ResourceName=client.instance("again").findtext("DBInstanceArn"),
                   **{"TagKeys.member": ["howdah:wal-mode"]})
        wait_for("the setting", lambda: psql(*endpoint(client, "again"), "show synchronous_standby_names") == "")
        psql(*endpoint(client, "again"), "insert into ledger values (-3)")
        try:
            client.rds("AddTagsToResource", ResourceName=client.instance("again").findtext("DBInstanceArn"),
                       **{"Tags.Tag": [{"Key": "howdah:wal-mode", "Value": "twice"}]})
            raise AssertionError("an unknown mode was taken")
        except AwsError as e:
            assert e.code == "InvalidParameterValue", e


def main():
    report = Report()
    report.run("synchronous commits: a hanging keeper, a crash, everything gone, another timeline", story)
    report.finish()


if __name__ == "__main__":
    main()
