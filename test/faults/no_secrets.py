#!/usr/bin/env python3
"""D4: no password that a caller sent is found anywhere afterwards: files (state, write-ahead logs, data directories, server
and daemon logs), events, answers, or the arguments and environment of any process."""
import base64
import os
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

import procs  # noqa: E402
from client import AwsError  # noqa: E402
from daemon import Daemon, available, create, endpoint, psql, wait_for  # noqa: E402
from report import Report  # noqa: E402

FIRST, SECOND = "Xq7-first-SECRET-41", "Xq7+second=SECRET%42"
REFUSED = ["Xq7 refused SECRET 43", "Xq7/refused/SECRET/44", "Xq7SEC4"]  # these must not be logged in the refusal
ON_FAILURE = "Xq7-unlucky-SECRET-45"


def forms(secret):
    """The secret as it stands, as a form body carries it, and in base64."""
    return {secret.encode(), urllib.parse.quote(secret).encode(), urllib.parse.quote_plus(secret).encode(),
            base64.b64encode(secret.encode()).rstrip(b"=")}


class ProcessWatch(threading.Thread):
    """Reads the arguments and environment of every process that stands in `root`, again and again."""

    def __init__(self, daemon, secrets):
        super().__init__(daemon=True)
        self.daemon_, self.secrets, self.found, self.stopped, self.looked = daemon, secrets, [], False, set()

    def run(self):
        while not self.stopped:
            for pid in procs.pids():
                if pid == os.getpid() or (self.daemon_.pid != pid and not procs.inside(procs.cwd(pid), self.daemon_.base)
                                          and procs.parent(pid) != self.daemon_.pid):
                    continue
                self.looked.add(pid)
                text = procs._read(pid, "cmdline") + procs.environ(pid)
                self.found += [(pid, procs.cmdline(pid)) for s in self.secrets if s in text]
            time.sleep(0.002)


def files_with(root, secrets):
    found, looked = [], 0
    for where, _, names in os.walk(root):
        for name in names:
            path = os.path.join(where, name)
            if not os.path.isfile(path) or os.path.islink(path):
                continue
            looked += 1
            with open(path, "rb") as f:
                content = f.read()
            found += [f"{path} holds {s!r}" for s in secrets if s in content]
    return found, looked


def use_passwords(daemon, client):
    """Every way in which a password travels: create, modify, refusals, a failure on the way, reboot, rename, crash."""
    create(client, "a", MasterUserPassword=FIRST)
    psql(*endpoint(client, "a"), "create table t as select 1", password=FIRST)
    client.rds("ModifyDBInstance", DBInstanceIdentifier="a", MasterUserPassword=SECOND)
    wait_for("the new password", lambda: psql(*endpoint(client, "a"), "select 1", password=SECOND,
                                              check=False).returncode == 0)
    available(client, "a")
    for refused in REFUSED:
        for action, more in (("ModifyDBInstance", {"DBInstanceIdentifier": "a"}),):
            try:
                client.rds(action, MasterUserPassword=refused, **more)
            except AwsError as e:
                assert refused not in e.message, f"the refusal repeats the password: {e.message}"
            else:
                raise AssertionError(f"{refused!r} was accepted")
    client.rds("RebootDBInstance", DBInstanceIdentifier="a")
    available(client, "a")
    daemon.hook("/_test/fault", point="flow.act:create-instance/open-to-clients", action="error", nth=1)
    create(client, "b", MasterUserPassword=ON_FAILURE, seconds=120)
    daemon.kill()
    daemon.start()
    client.close()
    available(client, "a")
    psql(*endpoint(client, "a"), "select pg_switch_wal()", password=SECOND, check=False)
    psql(*endpoint(client, "a"), "select 1", password="Xq7-wrong-SECRET-46", check=False)


def main():
    report = Report()
    secrets = set().union(*(forms(s) for s in [FIRST, SECOND, ON_FAILURE, *REFUSED, "Xq7-wrong-SECRET-46"]))
    with Daemon("secrets", settings={"log_level": "debug"}) as daemon:
        client = daemon.client()
        watch = ProcessWatch(daemon, secrets | {client.secret.encode()})
        watch.start()
        report.run("passwords through create, modify, refusal, failure and crash", use_passwords, daemon, client)
        watch.stopped = True

        def processes():
            assert watch.looked, "no process was looked at"
            assert not watch.found, watch.found[:5]

        def files():
            subprocess.run(["sync"], check=True)
            found, looked = files_with(daemon.base, secrets)
            assert looked > 100 and not found, "\n".join(found[:20])
            assert files_with(daemon.base, {b"root1"})[0], "the search finds nothing, not even the master's name"

        def key_in_logs():
            found = [f for f, _ in [(p, 0) for p in [daemon.log]] if client.secret in open(f, encoding="utf-8",
                                                                                          errors="replace").read()]
            assert not found, "the secret access key is in the log"
            mode = os.stat(f"{daemon.state}/credentials").st_mode & 0o777
            assert mode == 0o600, f"the credentials file has mode {mode:o}"

        def answers():
            texts = [m for n in ("a", "b") for m in client.events(n)]
            status, _, body = client.raw("POST", "/", *client.request("rds", "DescribeDBInstances"))
            assert status == 200
            joined = " ".join(texts).encode() + body
            assert not [s for s in secrets if s in joined]

        report.run("arguments and environment of every process", processes)
        report.run("every file under the state directory, and the logs", files)
        report.run("the secret access key is in no log, its file is private", key_in_logs)
        report.run("events and descriptions", answers)
        if report.failed:
            print(f"--- end of the daemon's log:\n{daemon.tail(30)}")
    report.finish()


if __name__ == "__main__":
    main()
