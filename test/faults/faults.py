#!/usr/bin/env python3
"""What goes wrong around the daemon: each fault gives a clear error or a recovery, and nothing is lost. Faults that need
a file system or a directory of their own run in a private mount namespace and need root."""
import glob
import os
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

import procs  # noqa: E402
from client import AwsError  # noqa: E402
from daemon import BINARY, PASSWORD, Daemon, available, create, endpoint, psql, reach, wait_for  # noqa: E402
from namespaces import in_namespace, mount_tmpfs, run_inner, small_disk  # noqa: E402
from report import Report, Skip  # noqa: E402

COPY = {"ready_volumes": False}  # nothing takes room of a small disk in the background


def fails_to_start(daemon, *fragments):
    """`howdah serve` ends by itself, not with success, and says why."""
    with open(daemon.log, "wb"):
        pass
    daemon.start(wait=False)
    code = daemon.process.wait(20)
    said = daemon.tail()
    assert code not in (0, -signal.SIGKILL, -signal.SIGABRT, -signal.SIGSEGV), f"exit code {code}: {said}"
    for fragment in fragments:
        assert fragment in said, f"{fragment!r} is not in what it said: {said}"


def data_directory(daemon, client, name):
    return f"{daemon.state}/instances/{client.instance(name).findtext('DbiResourceId')}/data"


def with_row(client, name):
    create(client, name)
    psql(*endpoint(client, name), "create table kept as select 42 as x")


def kept(client, name):
    assert psql(*endpoint(client, name), "select x from kept") == "42"


def stopped(client, name):
    client.rds("StopDBInstance", DBInstanceIdentifier=name)
    reach(client, name, "stopped")


def started(client, name):
    client.rds("StartDBInstance", DBInstanceIdentifier=name)
    available(client, name)


# The daemon's own resources

def two_daemons():
    with Daemon("two") as first:
        second = Daemon("two-b")
        try:
            second.state = first.state
            fails_to_start(second, first.state)
            assert first.client().instances() == []
        finally:
            second.cleanup()


def api_port_in_use():
    daemon = Daemon("port")
    with socket.socket() as s:
        s.bind(("127.0.0.1", daemon.port))
        s.listen()
        try:
            fails_to_start(daemon, str(daemon.port), "another process")
        finally:
            pass
    try:
        daemon.start()
        assert daemon.client().instances() == []
    finally:
        daemon.cleanup()


def corrupt_state(damage):
    """The damaged file is named, kept as it is, and never replaced by an empty one; servers go on meanwhile."""
    def run():
        with Daemon("corrupt") as daemon:
            client = daemon.client()
            with_row(client, "v")
            place = endpoint(client, "v")
            daemon.stop()
            files = [f for f in glob.glob(f"{daemon.state}/state.db*")]
            saved = {f: open(f, "rb").read() for f in files}
            path = f"{daemon.state}/state.db"
            for extra in files:
                if extra != path:
                    os.remove(extra)
            with open(path, "wb") as f:
                f.write(damage(saved[path]))
            damaged = open(path, "rb").read()
            fails_to_start(daemon, "state.db")
            assert open(path, "rb").read() == damaged, "the damaged state file was changed"
            assert psql(*place, "select x from kept") == "42"
            for name, content in saved.items():
                with open(name, "wb") as f:
                    f.write(content)
            daemon.start()
            client.close()
            assert client.status("v") == "available"
            kept(client, "v")
    return run


def stopped_in_the_middle():
    """Who stops the daemon does not wait for hours of work; the next one goes on with it."""
    with Daemon("leave") as daemon:
        client = daemon.client()
        copying = "flow.begin:create-snapshot/copy-files"
        daemon.hook("/_test/fault", point=copying, action="hold", nth=1)
        with_row(client, "v")
        client.rds("CreateDBSnapshot", DBInstanceIdentifier="v", DBSnapshotIdentifier="s")
        time.sleep(3)
        began = time.monotonic()
        daemon.stop()
        took = time.monotonic() - began
        assert 4 < took < 8, f"{took:.1f} s: {daemon.tail()}"
        assert daemon.process.returncode == 0, daemon.process.returncode
        assert "in the middle of work" in daemon.tail()
        daemon.start()
        client.close()
        wait_for("the snapshot", lambda: client.rds("DescribeDBSnapshots", DBSnapshotIdentifier="s").findtext(
            ".//DBSnapshot/Status") == "available", 60)
        kept(client, "v")


def unreadable_config():
    daemon = Daemon("conf")
    try:
        daemon.settings["colour"] = "red"
        daemon.write_config()
        fails_to_start(daemon, "howdah.toml", "colour")
    finally:
        daemon.cleanup()


# One instance's resources

def instance_port_in_use(daemon, client):
    """Somebody else listens where a stopped instance wants to start: no success is claimed, and it comes up afterwards."""
    create(client, "busy", Port=5477)
    psql(*endpoint(client, "busy"), "create table kept as select 42 as x")
    place = endpoint(client, "busy")
    stopped(client, "busy")
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(place)
        s.listen()
        client.rds("StartDBInstance", DBInstanceIdentifier="busy")
        time.sleep(3)
        status = client.status("busy")
        assert status != "available", "available although its port is somebody else's"
    said = daemon.tail(200)
    assert "5477" in said or "in use" in said, f"the log does not name the reason:\n{said}"
    recover(client, "busy")
    kept(client, "busy")


def recover(client, name):
    """Waits for `name` to come back by itself; if the operation ended in a state of rest, starts it again."""
    deadline = time.monotonic() + 60
    while client.status(name) != "available":
        assert time.monotonic() < deadline, f"{name} is {client.status(name)}"
        if client.status(name) in ("failed", "stopped"):
            action = "StartDBInstance" if client.status(name) == "stopped" else "RebootDBInstance"
            try:
                client.rds(action, DBInstanceIdentifier=name)
            except AwsError as e:
                assert e.code == "InvalidDBInstanceState", e  # it was already on its way again
        time.sleep(0.2)


def wrong_modes(daemon, client):
    with_row(client, "modes")
    data = data_directory(daemon, client, "modes")
    stopped(client, "modes")
    subprocess.run(["chmod", "-R", "a+rwX", data], check=True)
    started(client, "modes")
    kept(client, "modes")
    assert os.stat(data).st_mode & 0o077 == 0, oct(os.stat(data).st_mode)


def wrong_owner(daemon, client):
    if os.geteuid() != 0:
        raise Skip("needs root")
    with_row(client, "owner")
    data = data_directory(daemon, client, "owner")
    stopped(client, "owner")
    subprocess.run(["chown", "-R", "root:root", data], check=True)
    started(client, "owner")
    kept(client, "owner")


def foreign_pid_file(daemon, client):
    """postmaster.pid names a living process that is no server of ours: it must neither be touched nor be believed."""
    with_row(client, "pid")
    data = data_directory(daemon, client, "pid")
    owner = os.stat(data)
    stopped(client, "pid")
    bystander = subprocess.Popen(["sleep", "300"], cwd="/")
    try:
        with open(f"{data}/postmaster.pid", "w", encoding="ascii") as f:
            f.write(f"{bystander.pid}\n{data}\n{int(time.time())}\n5432\n{data}\n127.0.0.1\n12345 678\nready\n")
        os.chown(f"{data}/postmaster.pid", owner.st_uid, owner.st_gid)
        assert client.status("pid") == "stopped"
        started(client, "pid")
        kept(client, "pid")
        stopped(client, "pid")
        assert bystander.poll() is None, "the bystander was killed"
        started(client, "pid")
    finally:
        bystander.kill()
        bystander.wait()


class Writer(threading.Thread):
    """Inserts numbers and remembers which ones the server acknowledged."""

    def __init__(self, place):
        super().__init__(daemon=True)
        self.place, self.acknowledged, self.stopped = place, [], False

    def run(self):
        number = 0
        while not self.stopped:
            session = subprocess.Popen(
                ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", f"host={self.place[0]} port={self.place[1]} user=root1 "
                 "dbname=app connect_timeout=2 sslmode=require"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env={**os.environ, "PGPASSWORD": PASSWORD}, text=True, bufsize=1)
            try:
                while not self.stopped:
                    number += 1
                    session.stdin.write(f"insert into numbers values ({number}) returning n;\n")
                    if session.stdout.readline().strip() != str(number):
                        break
                    self.acknowledged.append(number)
            except OSError:
                pass
            session.kill()
            session.wait()
            time.sleep(0.05)


def postmaster_of(daemon, client, name):
    found = daemon.postmasters().get(os.path.realpath(data_directory(daemon, client, name)), [])
    return found[0] if found else None


def killed_under_load(victim):
    """SIGKILL under load, three times: it comes back by itself, every acknowledged row is there, and events tell."""
    def run(daemon, client):
        name = f"killed-{victim}"
        create(client, name)
        place = endpoint(client, name)
        psql(*place, "create table numbers (n int primary key)")
        writers = Writer(place)
        writers.start()
        try:
            for _ in range(3):
                wait_for("rows", lambda n=len(writers.acknowledged): len(writers.acknowledged) > n + 50, 30)
                postmaster = postmaster_of(daemon, client, name)
                target = postmaster
                if victim == "backend":
                    target = next(p for p in procs.pids() if procs.parent(p) == postmaster and "checkpointer" in procs.cmdline(p))
                os.kill(target, signal.SIGKILL)
                count = len(writers.acknowledged)
                wait_for("writes again", lambda n=count: len(writers.acknowledged) > n + 20, 60)
                if victim == "postmaster":  # what the dead one left behind can look like a new one for a moment
                    wait_for("recovery's end", lambda: client.events(name)[-1].endswith("is complete."), 60)
        finally:
            writers.stopped = True
            writers.join(20)
        if victim == "postmaster":  # a backend may acknowledge a few more rows after its postmaster has died
            wait_for("three recoveries", lambda: recoveries(client, name) == 3, 60)
        available(client, name)
        there = set(psql(*place, "select n from numbers").split())
        lost = [n for n in writers.acknowledged if str(n) not in there]
        assert not lost, f"{len(lost)} acknowledged rows are lost"
        if victim == "postmaster":
            messages = client.events(name)
            assert sum("Recovery of the DB instance has started" in m for m in messages) == 3, messages
        assert len(daemon.postmasters()[os.path.realpath(data_directory(daemon, client, name))]) == 1
        client.rds("DeleteDBInstance", DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        reach(client, name, "gone")
    return run


def recoveries(client, name):
    """How often it has come back after a crash."""
    return sum("Recovery of the DB instance is complete" in m for m in client.events(name))


def crashed_long_ago(daemon, client):
    """Only crashes in a row lengthen the pause before a recovery: the fifth in an hour comes back at once."""
    create(client, "old")
    for n in range(1, 6):
        daemon.hook("/_test/clock", advance="11m")
        victim = postmaster_of(daemon, client, "old")
        os.kill(victim, signal.SIGKILL)
        wait_for(f"recovery {n}", lambda k=n: recoveries(client, "old") == k, 15)
    client.rds("DeleteDBInstance", DBInstanceIdentifier="old", SkipFinalSnapshot=True)
    reach(client, "old", "gone")


def killed_while_the_daemon_is_down(daemon, client):
    with_row(client, "both")
    postmaster = postmaster_of(daemon, client, "both")
    daemon.kill()
    os.kill(postmaster, signal.SIGKILL)
    time.sleep(0.2)
    daemon.start()
    client.close()
    wait_for("a new server", lambda: postmaster_of(daemon, client, "both") not in (None, postmaster), 30)
    wait_for("available and serving", lambda: client.status("both") == "available" and
             psql(*endpoint(client, "both"), "select 1", check=False).returncode == 0, 30)
    kept(client, "both")


def full_disk():
    """Nothing is claimed, nothing is lost, and after space was made everything goes on."""
    with small_disk("full", "600m") as base, Daemon("full", base=base, settings=COPY) as daemon:
        client = daemon.client()
        with_row(client, "v")
        filler = f"{base}/filler"
        free = os.statvfs(base).f_bavail * os.statvfs(base).f_bsize
        with open(filler, "wb") as f:
            f.write(b"\0" * (free - (8 << 20)))
        # 8 MiB are left: the request may be refused, the instance may fail or wait for space; available would be a lie,
        # and the reason must be told.
        try:
            create(client, "n", wait=False)
            wait_for("the reason in the log", lambda: "space" in daemon.tail(100).lower(), 60, 0.2)
            time.sleep(2)
            assert client.status("n") in ("creating", "failed"), client.status("n")
        except AwsError as e:
            assert e.code in ("InsufficientDBInstanceCapacity", "StorageQuotaExceeded"), e
        kept(client, "v")
        # Not a byte left: every request is answered, none half done.
        with open(f"{base}/filler2", "wb") as f:
            try:
                while f.write(b"\0" * 65536):
                    f.flush()
            except OSError:
                pass
        try:
            client.rds("AddTagsToResource", ResourceName=client.instance("v").findtext("DBInstanceArn"),
                       **{"Tags.Tag": [{"Key": f"k{i}", "Value": "v" * 200} for i in range(40)]})
        except AwsError as e:
            assert e.status in (500, 503), e
            assert client.instance("v").findall("TagList/Tag") == [], "half done"
        assert not daemon.dead(), daemon.tail()
        kept(client, "v")
        os.remove(f"{base}/filler2")
        os.remove(filler)
        if client.status("n") == "creating":  # it waited, and goes on by itself
            available(client, "n")
        if client.status("n") != "gone":
            client.rds("DeleteDBInstance", DBInstanceIdentifier="n", SkipFinalSnapshot=True)
            reach(client, "n", "gone")
        create(client, "n")
        client.rds("RebootDBInstance", DBInstanceIdentifier="v")
        available(client, "v")
        kept(client, "v")


def storage_full():
    """Databases that fill their disk: an event at a tenth left, read-only at a twentieth, no panic, and everything heals
    when there is room again or the volume grows."""
    def free():
        of = os.statvfs(base)
        return of.f_bavail / of.f_blocks

    def told(what):
        return sum(what in message for message in client.events("v"))

    def insert_until(check, sql):
        """Inserts in short transactions until check(); the server's last complaint."""
        said = ""
        for _ in range(2000):
            done = psql(*place, sql, check=False)
            said = done.stderr or said
            if check():
                return said
        raise AssertionError(f"free: {free():.3f}, {client.events('v')}, {said}")

    with small_disk("ladder", "700m") as base, Daemon("ladder", base=base, settings=COPY) as daemon:
        client = daemon.client()
        create(client, "v", BackupRetentionPeriod=0)
        place = endpoint(client, "v")
        psql(*place, "create table filler (pad text)")
        insert = "insert into filler select repeat(md5(random()::text), 60) from generate_series(1, 1200)"
        (_, (postmaster,)), = daemon.postmasters().items()
        with open(f"{base}/ballast", "wb") as f:
            f.write(b"\0" * int((free() - 0.14) * (700 << 20)))
        assert not told("is low"), client.events("v")
        insert_until(lambda: told("is low"), insert)
        said = insert_until(lambda: client.status("v") == "storage-full", insert)
        wait_for("read-only transactions", lambda: "read-only transaction" in psql(*place, insert, check=False).stderr,
                 30, describe=lambda: f"{free():.3f} free, {said}")
        assert told("is low") == 1 and told("Allocated storage has been exhausted") == 1, client.events("v")
        assert int(psql(*place, "select count(*) from filler")) > 0
        # Who insists may write, and is cancelled before the disk is full.
        slowly = "generate_series(1, 200000) g, lateral (select pg_sleep(g * 0 + 0.0005)) s"
        insists = "sslmode=require options='-c default_transaction_read_only=off'"
        big = psql(*place, f"insert into filler select repeat(md5(random()::text), 60) from {slowly}", check=False,
                   options=insists, timeout=120)
        assert big.returncode != 0 and "cancel" in big.stderr, big.stderr
        psql(*place, "truncate filler", options=insists)
        os.remove(f"{base}/ballast")
        reach(client, "v", "available")
        wait_for("writes", lambda: psql(*place, insert, check=False).returncode == 0, 30)
        assert told("There is storage again") == 1, client.events("v")
        # Full once more; now the volume grows.
        with open(f"{base}/ballast", "wb") as f:
            f.write(b"\0" * int((free() - 0.045) * (700 << 20)))
        reach(client, "v", "storage-full")
        subprocess.run(["mount", "-o", "remount,size=900m", base], check=True)
        reach(client, "v", "available")
        wait_for("writes", lambda: psql(*place, insert, check=False).returncode == 0, 30)
        assert procs.alive(postmaster) and list(daemon.postmasters().values()) == [[postmaster]], "it was restarted"


def missing_engine():
    """Without any PostgreSQL the daemon runs, says so, and offers nothing; instances that exist have their own copy."""
    with Daemon("engine") as daemon:
        client = daemon.client()
        with_row(client, "v")
        daemon.stop()
        mount_tmpfs("/usr/lib/postgresql", "1m")
        try:
            daemon.start()
            client.close()
            client.rds("RebootDBInstance", DBInstanceIdentifier="v")
            available(client, "v")
            assert client.status("v") == "available"
        finally:
            pass
        with Daemon("noengine") as bare:
            other = bare.client()
            found = other.rds("DescribeDBEngineVersions", Engine="postgres").findall(".//DBEngineVersion")
            assert not found, "offers versions that are not there"
            try:
                create(other, "n", wait=False)
            except AwsError as e:
                assert e.status == 400 and ("PostgreSQL" in e.message or "Cannot find version" in e.message), e
            else:
                raise AssertionError("a create without any engine was accepted")
            doctor = subprocess.run([BINARY, "doctor", "--state-dir", bare.state], capture_output=True, text=True, check=False)
            assert "postgresql" in (doctor.stdout + doctor.stderr).lower(), doctor.stdout + doctor.stderr
        subprocess.run(["umount", "/usr/lib/postgresql"], check=True)
        assert psql(*endpoint(client, "v"), "select x from kept") == "42"


def garbage(content):
    return b"this is no database" * 500


def torn(content):
    return content[:len(content) // 3]


def overwritten(content):
    return content[:100] + os.urandom(len(content) - 100)


def main():
    report = Report(sys.argv[1] if len(sys.argv) > 1 else None)
    report.run("two daemons on one state directory", two_daemons)
    report.run("API port in use", api_port_in_use)
    report.run("configuration file with an unknown key", unreadable_config)
    report.run("stopped in the middle of a long step", stopped_in_the_middle)
    report.run("state file replaced by garbage", corrupt_state(garbage))
    report.run("state file truncated", corrupt_state(torn))
    report.run("state file overwritten inside", corrupt_state(overwritten))
    report.run("full disk", in_namespace("full_disk"))
    report.run("databases that fill their disk", in_namespace("storage_full"))
    report.run("missing engine", in_namespace("missing_engine"))
    with Daemon("faults") as daemon:
        client = daemon.client()
        for name, test in [("instance port in use", instance_port_in_use), ("PGDATA with wrong modes", wrong_modes),
                           ("PGDATA of another owner", wrong_owner), ("foreign postmaster.pid", foreign_pid_file),
                           ("postmaster killed under load", killed_under_load("postmaster")),
                           ("a server process killed under load", killed_under_load("backend")),
                           ("postmaster killed while the daemon is down", killed_while_the_daemon_is_down),
                           # Last: it moves the clock, and certificates of new instances are valid from then on only.
                           ("crashes of long ago", crashed_long_ago)]:
            report.run(name, test, daemon, client)
        if report.failed:
            print(f"--- end of the daemon's log:\n{daemon.tail(60)}")
    report.finish()


if __name__ == "__main__":
    if not run_inner({"full_disk": full_disk, "storage_full": storage_full, "missing_engine": missing_engine}):
        main()
