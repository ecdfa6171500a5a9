#!/usr/bin/env python3
"""What is brought back for a look is gone afterwards: also when the command is killed, and when the daemon is."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from daemon import BINARY, PREFIX, Daemon, create, endpoint, psql, wait_for  # noqa: E402
from report import Report  # noqa: E402
import procs  # noqa: E402


def command(daemon, *words):
    return subprocess.Popen([BINARY, *words], env={**os.environ, **daemon.env()}, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def look(daemon, statement, *words):
    return command(daemon, "query", *words, "notify", statement)


def aside_servers(daemon):
    return [p for d, pids in daemon.postmasters().items() if "/asides/" in d for p in pids]


def directories(daemon):
    return os.listdir(f"{daemon.state}/asides/instances")


def begun(daemon, command):
    """The server is there and the daemon asks it."""
    def check():
        assert command.poll() is None, command.communicate()
        return aside_servers(daemon) and any("SELECT" in line for line in backends(daemon))
    wait_for("a server aside that works", check, 60)


def backends(daemon):
    """Titles of the backends of servers aside, which say what they do."""
    found = []
    for postmaster in aside_servers(daemon):
        try:
            with open(f"/proc/{postmaster}/task/{postmaster}/children", encoding="ascii") as f:
                found += [procs.cmdline(int(pid)) for pid in f.read().split()]
        except FileNotFoundError:
            pass  # the one that replays WAL ends before the one that is asked begins
    return found


def gone(daemon):
    wait_for("no server aside", lambda: not aside_servers(daemon), 60)
    wait_for("no files of one", lambda: not directories(daemon), 60)


def command_killed(daemon):
    """Its statement, which would take an hour, is cancelled: nobody waits for it."""
    killed = look(daemon, "select pg_sleep(3600)", "--timeout", "4000")
    begun(daemon, killed)
    killed.kill()
    killed.communicate()
    gone(daemon)


def copying_killed(daemon):
    """Ctrl-C while a row's check waits: the target's transaction ends, and nothing of it is there."""
    client = daemon.client()
    place = endpoint(client, "notify")
    check = "create or replace function fine(int) returns boolean language sql as 'select {}'"
    psql(*place, check.format("true"))
    psql(*place, "create table t (id int check (fine(id))); insert into t values (1)")
    psql(*place, check.format("pg_sleep(3600) is not null"))  # from now on each row takes an hour
    interrupted = command(daemon, "restore-table", "--from", "notify", "--table", "t", "--into", "notify", "--as", "u")
    running = "select count(*) from pg_stat_activity where query like 'COPY%' and state = 'active'"
    socket = f"{daemon.state}/instances/{client.instance('notify').findtext('DbiResourceId')}/run"
    rows_travel = lambda: psql(socket, place[1], running, user="rdsadmin")  # noqa: E731
    wait_for("the rows to travel", lambda: rows_travel() == "1", 60)
    interrupted.send_signal(signal.SIGINT)
    interrupted.communicate()
    gone(daemon)
    assert rows_travel() == "0"
    assert psql(*place, "select to_regclass('u') is null") == "t"


def daemon_killed(daemon):
    left = look(daemon, "select pg_sleep(300)")
    begun(daemon, left)
    daemon.kill()
    _, said = left.communicate(timeout=30)
    assert left.returncode == 1 and "no answer" in said, said
    assert aside_servers(daemon), "the server went with the daemon: nothing was tested"
    daemon.start()
    gone(daemon)


def answer(daemon, statement):
    done = look(daemon, statement, "--csv")
    out, said = done.communicate(timeout=120)
    assert done.returncode == 0, said
    return out.split()[-1]


def bases(daemon):
    return {b for b in os.listdir(f"{daemon.state}/bases") if "." not in b}


def damage(daemon, names):
    for base in names:
        with open(f"{daemon.state}/bases/{base}/data/PG_VERSION", "r+", encoding="ascii") as f:
            f.write("4")


def stored(daemon, names):
    daemon.hook("/_test/clock", advance="2m")  # the schedule looks once a minute
    listed = subprocess.run([BINARY, "backup", "--config", f"{daemon.base}/howdah.toml", "--state-dir", daemon.state, "list"],
                            capture_output=True, text=True, check=False).stdout
    return all(f" {name} " in listed for name in names)


def damaged_base(daemon):
    """The base that is next to what is asked is damaged: the one before takes over; then all are: the repository does."""
    client, first = daemon.client(), bases(daemon)
    psql(*endpoint(client, "notify"), "create table d as select 1 as id")
    client.rds("CreateDBSnapshot", DBInstanceIdentifier="notify", DBSnapshotIdentifier="s")
    wait_for("its base", lambda: bases(daemon) - first, 120)
    newest = bases(daemon) - first
    damage(daemon, newest)
    assert answer(daemon, "select count(*) from d") == "1"
    (name,) = newest
    assert os.path.exists(f"{daemon.state}/bases/{name}.damaged"), os.listdir(f"{daemon.state}/bases")
    wait_for("its base, made again", lambda: name in bases(daemon), 120)
    wait_for("all in the repository", lambda: stored(daemon, bases(daemon)), 120, 1)
    every = bases(daemon)
    damage(daemon, every)
    assert answer(daemon, "select count(*) from d") == "1"
    assert bases(daemon) & every, "none came back from the repository"
    gone(daemon)


def afterwards(daemon):
    assert answer(daemon, "select 6 * 7 as answer") == "42"
    gone(daemon)
    assert daemon.client().status("notify") == "available"


def main():
    report = Report()
    place = tempfile.mkdtemp(prefix=f"{PREFIX}asides-repository-")
    with Daemon("asides", settings={"repository": {"location": f"{place}/repository"}}) as daemon:
        client = daemon.client()
        create(client, "notify", BackupRetentionPeriod=1)
        wait_for("the first backup", lambda: client.instance("notify").findtext("LatestRestorableTime"), 60)
        report.run("the command is killed", command_killed, daemon)
        report.run("a command that copies a table is interrupted", copying_killed, daemon)
        report.run("the daemon is killed", daemon_killed, daemon)
        report.run("another look", afterwards, daemon)
        report.run("damaged bases", damaged_base, daemon)
    shutil.rmtree(place)
    report.finish()


if __name__ == "__main__":
    main()
