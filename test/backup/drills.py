#!/usr/bin/env python3
"""H16, restore drills: the clock begins them, an event tells how they went, a damaged backup is found, a daemon that dies in
the middle finishes them, and nothing is left over."""
import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

import procs  # noqa: E402
from daemon import Daemon, create, endpoint, psql, wait_for  # noqa: E402
from report import Report  # noqa: E402


def drills(client):
    """What events say of finished drills, oldest first."""
    return [m for m in client.events("d") if m.startswith("Restore drill")]


def scratch(daemon):
    return [n for n in os.listdir(f"{daemon.state}/instances") if n.startswith("drill-")]


class Days:
    """The daemon's clock, in days from now. A daemon that starts again begins with the real one."""

    def __init__(self, daemon):
        self.daemon, self.passed = daemon, 0

    def one_more(self):
        self.passed += 1
        self.daemon.hook("/_test/clock", advance="1d")

    def again(self):
        self.daemon.hook("/_test/clock", advance=f"{self.passed}d")


def next_drill(daemon, client, before):
    found = wait_for("a drill", lambda: drills(client)[before:], 120, 0.1)
    assert len(found) == 1, found
    wait_for("nothing left over", lambda: not scratch(daemon), 30)
    assert not [p for p in procs.using(daemon.base) if "/drill-" in procs.cmdline(p)], "a scratch server is left"
    return found[0]


def passes(daemon, client, days):
    create(client, "d")
    host, port = endpoint(client, "d")
    psql(host, port, "create table shelf (id int primary key, title text); "
                     "insert into shelf select g, repeat('x', 300) from generate_series(1, 20000) g")
    psql(host, port, "vacuum freeze shelf")  # from now on nothing writes its pages
    client.rds("ModifyDBInstance", DBInstanceIdentifier="d", BackupRetentionPeriod=7, ApplyImmediately=True)
    wait_for("the first backup", lambda: client.instance("d").findtext("LatestRestorableTime"), 60)
    days.one_more()
    said = next_drill(daemon, client, 0)
    assert said.startswith("Restore drill passed in ") and " 20000 rows of 1 tables" in said, said
    assert psql(host, port, "select count(*) from shelf") == "20000"


def survives(daemon, client, days):
    """Killed in the middle, begun again by the next daemon, which finds it where it stood."""
    for step in ("make-volume", "recover", "inspect"):
        before = len(drills(client))
        daemon.hook("/_test/fault", point=f"flow.act:restore-drill/{step}", action="kill", nth=1)
        days.one_more()
        wait_for(f"the daemon's end after {step}", daemon.dead, 120)
        daemon.start()
        client.close()
        days.again()
        said = next_drill(daemon, client, before)
        assert said.startswith("Restore drill passed in "), said


def finds_disorder(daemon, client, days):
    """An index whose pages are whole and whose entries are out of order, here because the order of an enumeration changed."""
    host, port = endpoint(client, "d")
    psql(host, port, "create type size as enum ('b', 'c')")
    psql(host, port, "alter type size add value 'a' before 'b'")  # not in the order of its number: the catalog's order counts
    psql(host, port, "create table hat (s size); insert into hat values ('a'), ('b'), ('c'); create index hat_size on hat (s)")

    def put_first(place):
        run = f"{daemon.state}/instances/{client.instance('d').findtext('DbiResourceId')}/run"
        psql(run, port, f"update pg_enum set enumsortorder = {place} where enumlabel = 'a'", user="rdsadmin", options="")
    put_first(9)
    before = len(drills(client))
    days.one_more()
    said = next_drill(daemon, client, before)
    assert said.startswith("Restore drill FAILED") and "hat_size" in said, said
    put_first(0)
    days.one_more()
    said = next_drill(daemon, client, before + 1)
    assert said.startswith("Restore drill passed in "), said


def finds_damage(daemon, client, days):
    host, port = endpoint(client, "d")
    path = psql(host, port, "select pg_relation_filepath('shelf')")
    before, bases = len(drills(client)), f"{daemon.state}/bases/*"
    damaged = [p for p in glob.glob(f"{bases}/data/{path}")]
    assert damaged, "no base holds the table"
    for base in damaged:
        with open(base, "r+b") as f:
            f.seek(3 * 8192 + 4000)
            f.write(b"\xff" * 8)
    days.one_more()
    said = next_drill(daemon, client, before)
    assert said.startswith("Restore drill FAILED") and path in said, said


def main():
    report = Report()
    with Daemon("drills", settings={"backup": {"drill": "daily"}}) as daemon:
        client, days = daemon.client(), Days(daemon)
        report.run("the schedule's drill passes and leaves nothing", passes, daemon, client, days)
        report.run("drills survive the daemon", survives, daemon, client, days)
        report.run("an index out of order is found", finds_disorder, daemon, client, days)
        report.run("a damaged backup is found", finds_damage, daemon, client, days)
        if report.failed:
            print(daemon.tail(60))
    report.finish()


if __name__ == "__main__":
    main()
