#!/usr/bin/env python3
"""What is lost when a server, its data directory and the control plane are gone from one instant to the next: kill -9 of
all of them under load, rm -rf of the data directory, restore to the latest restorable time. Every insert that a client
was told of must be there; when the keeper dies first, and with it what it could still have read, all but those of the
last quarter of a second."""
import os
import random
import shutil
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "..", "bench")]

from common import Libpq  # noqa: E402
from daemon import PASSWORD, Daemon, available, create, psql, wait_for  # noqa: E402
from report import Report  # noqa: E402
import procs  # noqa: E402

WRITERS, SECONDS = 3, 3
MOST = 0.25  # seconds


def place(client, name):
    found = client.instance(name)
    return found.findtext("Endpoint/Address"), found.findtext("Endpoint/Port")


def conninfo(where):
    return f"host={where[0]} port={where[1]} user=root1 password={PASSWORD} dbname=app"


class Writer(threading.Thread):
    """Inserts one number after the other, each its own transaction, until the server is gone."""

    def __init__(self, number, where):
        super().__init__()
        self.number, self.acknowledged = number, {}  # when the client was told of each
        self.pq = Libpq()
        self.connection, why = self.pq.connect(conninfo(where))
        assert self.connection, why

    def run(self):
        n = self.number
        try:
            while True:
                self.pq.query(self.connection, f"insert into ledger values ({n}) returning id")
                self.acknowledged[n] = time.monotonic()
                n += 1000
        except RuntimeError:
            pass


def keepers(daemon):
    return [p for p in procs.using(daemon.base) if " keeper " in procs.cmdline(p)]


def vault_of(daemon, client, name):
    return f"{daemon.state}/vault/{client.instance(name).findtext('DbiResourceId')}"


def disaster(daemon, client, name, keeper_too):
    """Everything of the instance dies under load; the ids that clients were told of, with how long before it that was."""
    where = place(client, name)
    writers = [Writer(n, where) for n in range(WRITERS)]
    for w in writers:
        w.start()
    time.sleep(SECONDS + random.random())
    (data, postmasters), = daemon.postmasters().items()
    victims = [p for p in procs.using(data) if os.path.basename(procs.exe(p)) == "postgres"] + postmasters
    victims = (keepers(daemon) if keeper_too else []) + victims
    daemon.kill()
    died = time.monotonic()
    for pid in victims:
        procs.send(pid, signal.SIGKILL)
    shutil.rmtree(data)
    for w in writers:
        w.join()
    wait_for("the keeper to have read everything", lambda: not keepers(daemon), 60)
    acknowledged = {n: died - when for w in writers for n, when in w.acknowledged.items()}
    assert len(acknowledged) > 20, f"only {len(acknowledged)} transactions"
    return acknowledged


def restored(daemon, client, name):
    """The ids in a new instance that stands where the old one's WAL ends."""
    target = f"{name}-again"
    client.rds("RestoreDBInstanceToPointInTime", SourceDBInstanceIdentifier=name, TargetDBInstanceIdentifier=target,
               UseLatestRestorableTime=True)
    available(client, target, 180)
    text = psql(*place(client, target), "select string_agg(id::text, ',') from ledger")
    return {int(n) for n in text.split(",")}


def trial(kill_keeper, keeper_too=False):
    with Daemon("rpo") as daemon:
        client = daemon.client()
        create(client, "ledger", BackupRetentionPeriod=1)
        psql(*place(client, "ledger"), "create table ledger (id bigint primary key)")
        wait_for("the first backup", lambda: client.instance("ledger").findtext("LatestRestorableTime"), 90)
        if kill_keeper:
            before = keepers(daemon)
            procs.send(before[0], signal.SIGKILL)
            wait_for("another keeper", lambda: keepers(daemon) not in ([], before), 60)
        acknowledged = disaster(daemon, client, "ledger", keeper_too)
        daemon.start()
        there = restored(daemon, daemon.client(), "ledger")
        lost = [before for n, before in acknowledged.items() if n not in there]
        print(f"{len(acknowledged)} acknowledged, {len(lost)} lost, {len(there - set(acknowledged))} were on the way" +
              (f"; the oldest lost one {max(lost) * 1000:.0f} ms before the end" if lost else ""))
        assert keeper_too or not lost, f"{len(lost)} lost"
        assert max(lost, default=0) <= MOST, f"lost from {max(lost):.3f} s before the end"
        assert len(there - set(acknowledged)) <= WRITERS, "more came back than was ever under way"


def main():
    report = Report()
    report.run("kill -9 of everything and rm -rf: nothing acknowledged is lost", trial, False)
    report.run("the same after the keeper was killed and started anew", trial, True)
    report.run("the same with the keeper killed first: nothing older than 250 ms is lost", trial, False, True)
    report.finish()


if __name__ == "__main__":
    main()
