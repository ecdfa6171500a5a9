#!/usr/bin/env python3
"""What is brought back for a look is gone afterwards: also when the command is killed, and when the daemon is."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from daemon import BINARY, Daemon, create, wait_for  # noqa: E402
from report import Report  # noqa: E402


def look(daemon, statement):
    return subprocess.Popen([BINARY, "query", "notify", statement], env={**os.environ, **daemon.env()},
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


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
        with open(f"/proc/{postmaster}/task/{postmaster}/children", encoding="ascii") as f:
            for pid in f.read().split():
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as title:
                        found.append(title.read().decode(errors="replace"))
                except FileNotFoundError:
                    pass
    return found


def gone(daemon):
    wait_for("no server aside", lambda: not aside_servers(daemon), 60)
    wait_for("no files of one", lambda: not directories(daemon), 60)


def command_killed(daemon):
    command = look(daemon, "select pg_sleep(15)")
    begun(daemon, command)
    command.kill()
    command.communicate()
    gone(daemon)


def daemon_killed(daemon):
    command = look(daemon, "select pg_sleep(300)")
    begun(daemon, command)
    daemon.kill()
    _, said = command.communicate(timeout=30)
    assert command.returncode == 1 and "no answer" in said, said
    assert aside_servers(daemon), "the server went with the daemon: nothing was tested"
    daemon.start()
    gone(daemon)


def afterwards(daemon):
    command = look(daemon, "select 6 * 7 as answer")
    out, said = command.communicate(timeout=60)
    assert command.returncode == 0 and " 42" in out, out + said
    gone(daemon)
    assert daemon.client().status("notify") == "available"


def main():
    report = Report()
    with Daemon("asides") as daemon:
        client = daemon.client()
        create(client, "notify", BackupRetentionPeriod=1)
        wait_for("the first backup", lambda: client.instance("notify").findtext("LatestRestorableTime"), 60)
        report.run("the command is killed", command_killed, daemon)
        report.run("the daemon is killed", daemon_killed, daemon)
        report.run("another look", afterwards, daemon)
    report.finish()


if __name__ == "__main__":
    main()
