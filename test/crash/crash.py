"""The crash gate: the daemon is killed in the middle of an operation and started again. Afterwards the operation must be
complete, each effect there once, every status that was shown a legal one, and nothing left over."""
import fnmatch
import http.client
import os
import random
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

import procs  # noqa: E402
from client import AwsError  # noqa: E402
from daemon import PASSWORD, Daemon, create, endpoint, psql, reach, wait_for  # noqa: E402

PASSWORD_2 = "another-Secret-7"
BACKGROUND = 150  # seconds for work that every other process on the machine comes before: bases, made or removed
INTERIM_MB = 160  # of WAL: nothing else here writes as much, and it is rolled over without rests
DOWN = (OSError, http.client.HTTPException)


class Watcher:
    """Every status that `names` show while the daemon comes and goes."""

    def __init__(self, daemon, names):
        self.client, self.seen, self.stopped = daemon.client(), {n: [] for n in names}, False
        self.client.timeout = 5
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self):
        while self.seen and not self.stopped:
            try:
                shown = {i.findtext("DBInstanceIdentifier"): i.findtext("DBInstanceStatus")
                         for i in self.client.instances()}
            except (*DOWN, AwsError):
                time.sleep(0.01)
                continue
            for name, seen in self.seen.items():
                status = shown.get(name, "gone")
                if not seen or seen[-1] != status:
                    seen.append(status)
            time.sleep(0.005)

    def stop(self):
        self.stopped = True
        self.thread.join(10)
        return self.seen


def legal(seen, chain):
    """`seen` walks forward through `chain`, leaving out what it likes."""
    at = 0
    for status in seen:
        while at < len(chain) and chain[at] != status:
            at += 1
        if at == len(chain):
            return False
    return True


class Operation:
    """One operation under test. `prepare` brings the world to where it begins, `act` asks for it, `check` looks at
    what it should have done. `chains`: statuses by name; `events`: the new events by name, exactly and in
    order ("*" stands for any text)."""

    table = ""
    patience = 30  # seconds until it has passed its last step; twice as many to be complete after a kill
    own_steps = ()  # of a table that another operation walks, too: those that only this one does something in
    events = {}
    chains = {}

    def __init__(self, world):
        self.world = world

    def prepare(self):
        self.world.have("v")

    def act(self, client):
        raise NotImplementedError

    def done(self, client):
        return client.status("v") == "available"

    def check(self):
        self.world.serves("v")


class Create(Operation):
    table = "create-instance"
    events = {"n": ["DB instance created"]}
    chains = {"n": ["gone", "creating", "backing-up", "available"]}

    def prepare(self):
        self.world.have_not("n")

    def act(self, client):
        create(client, "n", wait=False)

    def done(self, client):
        return client.status("n") == "available"

    def check(self):
        address, port = endpoint(self.world.client, "n")
        assert psql(address, port, "select current_database()") == "app"


class Delete(Operation):
    """With a final snapshot."""
    table = "delete-instance"
    events = {"n": ["DB instance deleted"]}
    chains = {"n": ["available", "deleting", "gone"]}

    def prepare(self):
        self.world.have("n", marker=False)
        self.world.no_snapshot("final")

    def act(self, client):
        client.rds("DeleteDBInstance", DBInstanceIdentifier="n", FinalDBSnapshotIdentifier="final")

    def done(self, client):
        return client.status("n") == "gone"

    def check(self):
        assert self.world.snapshot("final") == "available"  # what must be gone is the world's business


class Reboot(Operation):
    table = "reboot-instance"
    events = {"v": ["DB instance shutdown", "DB instance restarted"]}
    chains = {"v": ["available", "rebooting", "available"]}

    def act(self, client):
        client.rds("RebootDBInstance", DBInstanceIdentifier="v")


class Stop(Operation):
    """With a snapshot."""
    table = "stop-instance"
    events = {"v": ["DB instance stopped"]}
    chains = {"v": ["available", "stopping", "stopped"]}

    def prepare(self):
        super().prepare()
        self.world.no_snapshot("at-stop")

    def act(self, client):
        client.rds("StopDBInstance", DBInstanceIdentifier="v", DBSnapshotIdentifier="at-stop")

    def done(self, client):
        return client.status("v") == "stopped"

    def check(self):
        assert self.world.client.instance("v").findtext("AutomaticRestartTime"), "no AutomaticRestartTime"
        assert self.world.snapshot("at-stop") == "available"


class Start(Operation):
    table = "start-instance"
    events = {"v": ["DB instance started"]}
    chains = {"v": ["stopped", "starting", "available"]}

    def prepare(self):
        self.world.have("v")
        self.world.client.rds("StopDBInstance", DBInstanceIdentifier="v")
        reach(self.world.client, "v", "stopped")

    def act(self, client):
        client.rds("StartDBInstance", DBInstanceIdentifier="v")


class Recover(Operation):
    table = "recover-instance"
    events = {"v": ["Recovery of the DB instance has started. Recovery time will vary with the amount of data to be "
                    "recovered.", "Recovery of the DB instance is complete."]}
    chains = {"v": ["available"]}

    def act(self, client):
        self.before = self.world.postmaster("v")
        procs.send(self.before, 9)

    def done(self, client):
        now = self.world.postmaster("v")
        if now in (None, self.before) or not self.world.answers("v"):
            return False
        # The status is "available" all along: the last event tells that it is over.
        return self.world.client.events("v")[len(self.world.events["v"]):][-1:] == self.events["v"][-1:]


class ModifyClass(Operation):
    table = "modify-instance"
    events = {"v": ["Applying modification to database instance class", "DB instance shutdown", "DB instance restarted",
                    "Finished applying modification to DB instance class"]}
    chains = {"v": ["available", "modifying", "available"]}

    def prepare(self):
        super().prepare()
        now = self.world.client.instance("v").findtext("DBInstanceClass")
        self.wanted = "db.t3.small" if now == "db.t3.micro" else "db.t3.micro"

    def act(self, client):
        client.rds("ModifyDBInstance", DBInstanceIdentifier="v", DBInstanceClass=self.wanted, ApplyImmediately=True)

    def done(self, client):
        node = client.instance("v")
        return (node.findtext("DBInstanceStatus"), node.findtext("DBInstanceClass")) == ("available", self.wanted)


class ChangePort(Operation):
    table = "change-port"
    events = {"v": ["DB instance shutdown", "DB instance restarted"]}
    chains = {"v": ["available", "modifying", "rebooting", "available"]}

    def prepare(self):
        super().prepare()
        self.wanted = 5440 + (int(endpoint(self.world.client, "v")[1]) + 1) % 10

    def act(self, client):
        client.rds("ModifyDBInstance", DBInstanceIdentifier="v", DBPortNumber=self.wanted)

    def done(self, client):
        return client.status("v") == "available" and endpoint(client, "v")[1] == self.wanted


class Rename(Operation):
    table = "rename-instance"
    events = {"w": ["DB instance shutdown", "DB instance restarted"]}
    chains = {"v": ["available", "renaming", "rebooting", "gone"], "w": ["gone", "renaming", "rebooting", "available"]}

    def act(self, client):
        client.rds("ModifyDBInstance", DBInstanceIdentifier="v", NewDBInstanceIdentifier="w", ApplyImmediately=True)

    def done(self, client):
        return client.status("w") == "available" and client.status("v") == "gone"

    def check(self):
        self.world.serves("w")
        self.world.client.rds("ModifyDBInstance", DBInstanceIdentifier="w", NewDBInstanceIdentifier="v",
                              ApplyImmediately=True)
        wait_for("renamed back", lambda: self.world.client.status("v") == "available")


class Swap(Operation):
    """Both at once: neither is ever seen under the wrong name."""
    table = "swap-instances"
    chains = {n: ["available", "renaming", "available"] for n in "vn"}

    def prepare(self):
        super().prepare()
        self.world.have_not("n")  # another operation's may listen on another port
        self.world.have("n", marker=False, Port=endpoint(self.world.client, "v")[1])
        self.ids = {n: self.world.client.instance(n).findtext("DbiResourceId") for n in "vn"}
        self.events = {n: [f"Swapping names: this instance ({self.ids[other]}) was {other} before.",
                           "DB instance shutdown", "DB instance restarted"] for n, other in ("vn", "nv")}

    def act(self, client):
        client.control("SwapInstances", First="v", Second="n")

    def done(self, client):
        return all(client.status(n) == "available" for n in "vn")

    def check(self):
        now = {n: self.world.client.instance(n).findtext("DbiResourceId") for n in "vn"}
        if now != self.ids:  # else the daemon died before the request was recorded
            assert now == {"v": self.ids["n"], "n": self.ids["v"]}, now
            self.world.serves("n")
            self.act(self.world.client)
            wait_for("swapped back", lambda: self.done(self.world.client), 60)
        self.world.serves("v")
        self.world.have_not("n")


class ResetPassword(Operation):
    table = "reset-password"
    events = {"v": ["Reset master credentials"]}
    chains = {"v": ["available", "resetting-master-credentials", "available"]}

    def prepare(self):
        super().prepare()
        self.wanted = PASSWORD_2 if self.world.password == PASSWORD else PASSWORD

    def act(self, client):
        client.rds("ModifyDBInstance", DBInstanceIdentifier="v", MasterUserPassword=self.wanted)

    def done(self, client):
        return client.status("v") == "available" and self.world.answers("v", self.wanted)

    def check(self):
        old, self.world.password = self.world.password, self.wanted
        self.world.serves("v")
        assert not self.world.answers("v", old), "the old password still works"


class Snapshot(Operation):
    """Of a running server that has a base: a position in its WAL first."""
    table = "create-snapshot"
    events = {"v": ["Backing up DB instance", "Finished DB instance backup"]}
    chains = {"v": ["available", "backing-up", "available"]}

    def prepare(self):
        super().prepare()
        self.world.have_snapshot("base")
        self.world.no_snapshot("mark")

    def act(self, client):
        client.rds("CreateDBSnapshot", DBInstanceIdentifier="v", DBSnapshotIdentifier="mark")

    def done(self, client):
        return self.world.snapshot("mark") == "available"


class FirstSnapshot(Snapshot):
    """Of a running server without a base: a copy of its files."""
    own_steps = ("copy-files",)
    patience = BACKGROUND

    def prepare(self):
        self.world.have("v")
        for name in ("base", "mark", "at-stop", "stopped"):
            self.world.no_snapshot(name)


class Materialise(Snapshot):
    table = "materialise-base"
    patience = BACKGROUND

    def done(self, client):
        return super().done(client) and self.world.bases_are_those_of_snapshots()


class SnapshotStopped(Operation):
    table = "snapshot-files"
    events = {"v": []}
    chains = {"v": ["stopped", "backing-up", "stopped"]}

    def prepare(self):
        self.world.have("v")
        self.world.no_snapshot("stopped")
        self.world.client.rds("StopDBInstance", DBInstanceIdentifier="v")
        reach(self.world.client, "v", "stopped")

    def act(self, client):
        client.rds("CreateDBSnapshot", DBInstanceIdentifier="v", DBSnapshotIdentifier="stopped")

    def done(self, client):
        return self.world.snapshot("stopped") == "available" and client.status("v") == "stopped"

    def check(self):
        pass


class Restore(Operation):
    table = "restore-instance"
    events = {"n": ["Restored from snapshot base", "DB instance created"]}
    chains = {"n": ["gone", "creating", "available"]}

    def prepare(self):
        self.world.have("v")
        self.world.have_snapshot("base")
        self.world.have_not("n")

    def act(self, client):
        client.rds("RestoreDBInstanceFromDBSnapshot", DBInstanceIdentifier="n", DBSnapshotIdentifier="base")

    def done(self, client):
        return client.status("n") == "available"

    def check(self):
        address, port = endpoint(self.world.client, "n")
        rows = psql(address, port, "select x from marker", password=self.world.snapshot_password)
        assert rows == "42", rows
        self.world.serves("v")


class RestoreCopied(Restore):
    """From a copy of a running server, which is recovered by each restore."""

    def prepare(self):
        self.world.have("v")
        for name in ("base", "mark", "at-stop", "stopped", "final"):
            self.world.no_snapshot(name)
        super().prepare()


class Clone(Restore):
    """The restore table again, with the step that makes the copy a database of its own."""
    own_steps = ("isolate",)
    events = {"n": ["Cloned from snapshot base of *", "DB instance created"]}

    def act(self, client):
        client.control("CloneInstance", Source="base", Target="n", MasterUserPassword=PASSWORD_2)

    def check(self):
        address, port = endpoint(self.world.client, "n")
        assert psql(address, port, "select x from marker", password=PASSWORD_2) == "42"
        identity = "select system_identifier from pg_control_system()"
        own = psql(address, port, identity, password=PASSWORD_2)
        assert own != psql(*endpoint(self.world.client, "v"), identity, password=self.world.password)
        self.world.serves("v")
        self.world.have_not("n")


class Tidy(Operation):
    """What a deleted snapshot leaves behind goes."""
    table = "tidy-backups"
    events = {"v": []}
    chains = {"v": ["available"]}

    def prepare(self):
        super().prepare()
        self.world.have_snapshot("base")
        self.bases = len(self.world.bases())

    def act(self, client):
        client.rds("DeleteDBSnapshot", DBSnapshotIdentifier="base")

    def done(self, client):
        return len(self.world.bases()) == self.bases - 1 and self.world.bases_are_those_of_snapshots()


class RestoreDrill(Operation):
    """The newest backup is restored aside, checked and thrown away."""
    table = "restore-drill"
    events = {}
    chains = {"v": ["available"]}

    def prepare(self):
        if self.world.retention == 0:  # from one drill to the next it stays
            super().prepare()
            self.world.retain(1)
        reach(self.world.client, "v", "available")
        self.before = self.newest()

    def newest(self):
        """Its id: only the last ten are listed."""
        return [d["DrillId"] for d in self.drills()[-1:]]

    def drills(self):
        return self.world.client.control("DescribeDrills", Instance="v")["Drills"]

    def act(self, client):
        client.control("StartDrill", Instance="v")

    def done(self, client):
        return self.newest() != self.before and self.drills()[-1]["Status"] != "running"

    def check(self):
        last = self.drills()[-1]
        assert last["Status"] == "passed" and last["Rows"] == 1, last
        self.world.serves("v")


class InterimBase(Operation):
    """Much WAL behind the newest base: another one is made, which no snapshot names."""
    table = "interim-base"
    events = {"v": []}
    chains = {}  # nobody watches all the time: clients come before this work
    patience = BACKGROUND

    def prepare(self):
        if self.world.retention == 0:  # from one to the next it stays
            super().prepare()
            self.world.retain(1)
        reach(self.world.client, "v", "available")
        wait_for("bases at rest", self.world.bases_are_those_of_snapshots, BACKGROUND)
        self.before = len(self.world.daemon.interim_bases())

    def act(self, client):
        _, port = endpoint(client, "v")
        segment = "select pg_logical_emit_message(false, 'test', 'x'); select pg_switch_wal(); "
        psql(f"{self.world.directory('v')}/run", port, segment * (INTERIM_MB // 16 + 1), user="rdsadmin", options="")

    def done(self, client):
        return len(self.world.daemon.interim_bases()) > self.before and self.world.bases_are_those_of_snapshots()


OPERATIONS = [Create, Delete, Reboot, Stop, Start, Recover, ModifyClass, ChangePort, Rename, Swap, ResetPassword, FirstSnapshot,
              Snapshot, Materialise, SnapshotStopped, Restore, Clone, Tidy, RestoreDrill,
              InterimBase]


class World:
    """A daemon with one long-lived instance "v" that holds a row that must never be lost."""

    def __init__(self, name):
        self.daemon = Daemon(name, settings={"backup": {"interim_wal_mb": INTERIM_MB, "interim_minutes": 0}}).start()
        self.client = self.daemon.client()
        self.password = PASSWORD
        self.kills = 0
        self.retention = 0  # of "v"
        # What a create and a delete leave behind by design (templates, engine trees) belongs to the state directory.
        self.have("v")
        self.have("n", marker=False)
        self.have_not("n")
        self.files = self.skeleton()

    def close(self):
        self.daemon.cleanup()

    def retain(self, days):
        self.client.rds("ModifyDBInstance", DBInstanceIdentifier="v", BackupRetentionPeriod=days, ApplyImmediately=True)
        self.retention = days
        wait_for("automated backups as asked",
                 lambda: bool(self.client.instance("v").findtext("LatestRestorableTime")) == (days > 0), 60)
        wait_for("their bases", self.bases_are_those_of_snapshots, BACKGROUND)

    def have(self, name, marker=True, **more):
        if name == "v" and self.retention:
            self.retain(0)
        status = self.client.status(name)
        if status == "gone":
            create(self.client, name, **more)
            if marker:
                psql(*endpoint(self.client, name), "create table marker as select 42 as x")
        elif status == "stopped":
            self.client.rds("StartDBInstance", DBInstanceIdentifier=name)
        reach(self.client, name, "available")

    def have_not(self, name):
        if self.client.status(name) != "gone":
            self.client.rds("DeleteDBInstance", DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        reach(self.client, name, "gone")

    def snapshot(self, name):
        """Its status, or "gone"."""
        try:
            return self.client.rds("DescribeDBSnapshots", DBSnapshotIdentifier=name).findtext(".//DBSnapshot/Status")
        except AwsError as e:
            assert e.code == "DBSnapshotNotFound", e
            return "gone"

    def snapshots(self):
        return len(self.client.rds("DescribeDBSnapshots").findall(".//DBSnapshot"))

    def bases(self):
        """Names, complete and half-made ones (with a dot)."""
        try:
            return os.listdir(f"{self.daemon.state}/bases")
        except FileNotFoundError:
            return []

    def bases_are_those_of_snapshots(self):
        bases = self.bases()
        return not any("." in b for b in bases) and len(bases) == self.snapshots() + len(self.daemon.interim_bases())

    def have_snapshot(self, name):
        if self.snapshot(name) == "gone":
            self.client.rds("CreateDBSnapshot", DBInstanceIdentifier="v", DBSnapshotIdentifier=name)
            self.snapshot_password = self.password
        wait_for(f"snapshot {name}", lambda: self.snapshot(name) == "available", 60)
        wait_for("its base", self.bases_are_those_of_snapshots, BACKGROUND)

    def no_snapshot(self, name):
        if self.snapshot(name) != "gone":
            self.client.rds("DeleteDBSnapshot", DBSnapshotIdentifier=name)
        wait_for("tidy bases", self.bases_are_those_of_snapshots, BACKGROUND)

    def answers(self, name, password=None):
        address, port = endpoint(self.client, name)
        return psql(address, port, "select 1", password=password or self.password, check=False).returncode == 0

    def serves(self, name):
        address, port = endpoint(self.client, name)
        assert psql(address, port, "select x from marker", password=self.password) == "42"

    def directory(self, name):
        return f"{self.daemon.state}/instances/{self.client.instance(name).findtext('DbiResourceId')}"

    def postmaster(self, name):
        found = self.daemon.postmasters().get(os.path.realpath(self.directory(name) + "/data"), [])
        return found[0] if found else None

    def strangers(self):
        """Processes of this world that are neither the daemon nor a server nor a keeper."""
        return [(p, procs.state(p), procs.cmdline(p)) for p in procs.using(self.daemon.base)
                if p != self.daemon.pid and os.path.basename(procs.exe(p)) != "postgres"
                and " keeper " not in procs.cmdline(p)]

    def keepers(self):
        """Resource ids of the instances whose WAL a keeper copies, once for each keeper."""
        lines = [procs.cmdline(p) for p in procs.using(self.daemon.base)]
        return sorted(re.search(r"db-[A-Z0-9]{26}", line)[0] for line in lines if " keeper " in line)

    def skeleton(self):
        """Names in the state directory that must not change from one operation to the next."""
        return {f for f in self.daemon.files()
                if not f.startswith(("instances/", "vault", "bases")) and not f.endswith(("-wal", "-shm", "-journal"))
                and not re.match(r"templates/[^/]+/[a-z]+[.](ready|making)", f)}

    # One kill

    def kill_at(self, operation, point, others=None):
        """The daemon kills itself when it passes `point` during the operation; `others` of VICTIMS die with it."""
        if others == "servers":  # one that crashes again and again would pause: a reboot begins anew
            for name in [i.findtext("DBInstanceIdentifier") for i in self.client.instances()]:
                if self.client.status(name) == "available":
                    self.client.rds("RebootDBInstance", DBInstanceIdentifier=name)
                    reach(self.client, name, "available")
        op = self.begin(operation)
        self.daemon.hook("/_test/fault", point=point, action="kill", nth=1)
        self.ask(op)
        wait_for(f"{operation.__name__} passing {point}", self.daemon.dead, op.patience, 0.005)
        self.kills += 1
        for pid in VICTIMS[others](self.daemon) if others else []:
            procs.send(pid, 9)
            self.kills += 1
        self.resume(op, others == "servers")

    def kill_after(self, operation, seconds):
        """SIGKILL from outside, some time after the request. It may also come after the end."""
        op = self.begin(operation)
        self.ask(op)
        time.sleep(seconds)
        self.daemon.kill()
        self.kills += 1
        self.resume(op)

    def begin(self, operation):
        op = operation(self)
        op.prepare()
        self.events = {name: self.client.events(name) for name in op.events}
        self.watcher = Watcher(self.daemon, op.chains)
        wait_for("first look", lambda: all(self.watcher.seen.values()), 10, 0.002)
        return op

    def ask(self, op):
        try:
            op.act(self.client)
        except DOWN:
            pass  # the commit comes before the answer: the daemon may have died in between

    def resume(self, op, recovers=False):
        self.daemon.start()
        self.client.close()
        try:
            wait_for(f"{type(op).__name__} to converge", lambda: op.done(self.client), 2 * op.patience)
            if recovers:
                wait_for("all servers", self.all_answer, 60)
        finally:
            seen = self.watcher.stop()
        self.check_events(op, recovers)
        op.check()
        for name, statuses in seen.items():
            chain = op.chains[name] * (2 if recovers else 1)  # while a server recovers its instance shows "available"
            assert legal(statuses, chain), f"{name} showed {' -> '.join(statuses)}"
        self.check_leaks()

    def all_answer(self):
        """Who should be there accepts connections, whatever his password is."""
        up = [i for i in self.client.instances() if i.findtext("DBInstanceStatus") == "available"]
        return all(subprocess.run(["pg_isready", "-q", "-h", i.findtext("Endpoint/Address"), "-p", i.findtext("Endpoint/Port")],
                                  check=False).returncode == 0 for i in up)

    def check_events(self, op, recovers):
        """`recovers`: servers were killed, too, and what is said of that does not count."""
        for name, wanted in op.events.items():
            new = self.client.events(name)[len(self.events[name]):]
            new = [e for e in new if not (recovers and e.startswith("Recovery of the DB instance"))]
            same = len(new) == len(wanted) and all(fnmatch.fnmatchcase(n, w) for n, w in zip(new, wanted))
            assert same, f"new events of {name}: {new}, wanted {wanted}"

    def check_leaks(self):
        """Processes, listening sockets and files are exactly those of the instances that are there."""
        running = {i.findtext("DbiResourceId"): (i.findtext("Endpoint/Address"), int(i.findtext("Endpoint/Port")))
                   for i in self.client.instances() if i.findtext("DBInstanceStatus") == "available"}
        known = {i.findtext("DbiResourceId") for i in self.client.instances()}
        root = os.path.realpath(self.daemon.state)
        wait_for("one postmaster a server",  # a child that its killed postmaster had just forked looks like one
                 lambda: all(len(p) == 1 for p in self.daemon.postmasters().values()), 5, describe=self.daemon.postmasters)
        servers = {os.path.relpath(d, f"{root}/instances").split("/")[0] for d in self.daemon.postmasters()}
        assert set(servers) == set(running), f"postmasters of {set(servers)}, instances {set(running)}"
        # The listening sockets of a server that was just killed or started may lag a moment behind.
        wait_for(f"only {running.values()} listening", lambda: self.daemon.listening() == set(running.values()), 5)
        # A process in the middle of its exit has no name any more, and a helper may need a moment to end: a leak stays.
        wait_for(f"no processes left over in {self.daemon.base}", lambda: not self.strangers(), 5,
                 describe=self.strangers)
        directories = set(os.listdir(f"{self.daemon.state}/instances"))
        assert directories == known, f"directories {directories}, instances {known}"
        assert self.skeleton() == self.files, f"files differ: {self.skeleton() ^ self.files}"
        self.check_backups(known, running)

    def check_backups(self, known, running):
        """One keeper for each server, one vault for each instance, one base for each snapshot (none here is a copy)."""
        wait_for("a keeper for each server", lambda: set(running) <= set(self.keepers()), 15, describe=self.keepers)
        keepers = self.keepers()
        assert len(set(keepers)) == len(keepers) and set(keepers) <= known, f"keepers of {keepers}, instances {known}"
        wait_for("no vault left over", lambda: set(os.listdir(f"{self.daemon.state}/vault")) == known, 15,
                 describe=lambda: f"{os.listdir(f'{self.daemon.state}/vault')}, instances {known}")
        wait_for("one base for each snapshot", self.bases_are_those_of_snapshots, BACKGROUND,
                 describe=lambda: f"{self.bases()} bases, {self.snapshots()} snapshots")


def of_kind(daemon, chosen):
    return [p for p in procs.using(daemon.base) if chosen(p)]


# Who dies with the daemon: the processes that keep WAL; all servers, also those that nobody but we can reach.
VICTIMS = {"keepers": lambda daemon: of_kind(daemon, lambda p: " keeper " in procs.cmdline(p)),
           "servers": lambda daemon: of_kind(daemon, lambda p: os.path.basename(procs.exe(p)) == "postgres")}


def points(daemon, both=True):
    """[(operation, fault point)] for every step of every table. `both`: after the effect and after the record; else
    after the effect, and after the record for the first and last step of each table only."""
    found, by_table = [], {op.table: op for op in reversed(OPERATIONS)}
    for table, steps in daemon.flows().items():
        assert table in by_table, f"no operation in test/crash/crash.py walks the table {table}: add one"
        for i, step in enumerate(steps):
            operation = next((op for op in OPERATIONS if op.table == table and step in op.own_steps), by_table[table])
            found.append((operation, f"flow.act:{table}/{step}"))
            if both or i in (0, len(steps) - 1):
                found.append((operation, f"flow.step:{table}/{step}"))
    return found


# Within a step of the backup tables: where half of its work is on the disk.
INNER_POINTS = [(FirstSnapshot, "backup.base:started"), (FirstSnapshot, "backup.base:synced"),
                (FirstSnapshot, "backup.base:published"), (Materialise, "backup.roll:copied"),
                (Materialise, "backup.roll:replayed"), (Materialise, "backup.roll:promoted"), (Restore, "backup.volume:copied"),
                (Restore, "backup.volume:made"), (RestoreCopied, "backup.recover:promoted"),
                (RestoreCopied, "backup.recover:stopped"), (Tidy, "backup.remove:renamed")]


def run_all(report, worlds, jobs):
    """Runs the jobs (name, function of a world) on `worlds` daemons side by side. A world that a failure left in
    disorder is thrown away."""
    lock, queue = threading.Lock(), list(jobs)

    def worker(number):
        world = None
        while True:
            with lock:
                if not queue:
                    break
                name, function = queue.pop(0)
            try:
                world = world or World(f"crash{number}")
                failed = report.failed
                report.run(name, function, world)
                broken = report.failed != failed
            except Exception as e:  # pylint: disable=broad-except
                report.fail(name, f"no world to run it in: {e}")
                broken = True
            if broken and world:
                print(f"--- end of the daemon's log:\n{world.daemon.tail(30)}\n---", flush=True)
            if world and (broken or not queue):
                kills.append(world.kills)
                world.close()
                world = None

    kills = []
    threads = [threading.Thread(target=worker, args=(n,)) for n in range(worlds)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sum(kills)


def at_point(operation, point, others=None):
    also = f" with the {others}" if others else ""
    return (f"{operation.__name__}: kill at {point}{also}", lambda world: world.kill_at(operation, point, others))


def at_random(operation, longest=1.0):
    delay = random.uniform(0, longest)
    return (f"{operation.__name__}: kill after {delay * 1000:.0f} ms", lambda world: world.kill_after(operation, delay))


def pgbench_survives(world):
    """A client's open transaction and a running pgbench do not notice that the daemon dies and comes back."""
    world.have("v")
    address, port = endpoint(world.client, "v")
    place = f"host={address} port={port} user=root1 dbname=app sslmode=require"
    env = {**os.environ, "PGPASSWORD": world.password}
    subprocess.run(["pgbench", "-iq", "-s", "1", place], env=env, check=True, capture_output=True)
    before = int(psql(address, port, "select count(*) from pgbench_history", password=world.password))
    bench = subprocess.Popen(["pgbench", "-n", "-c", "2", "-T", "5", place], env=env, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    session = subprocess.Popen(["psql", "-XAtq", place], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, bufsize=1)
    session.stdin.write("begin; create table open_one as select 7 as x; select 'open';\n")
    assert session.stdout.readline().strip() == "open"
    for _ in range(3):
        time.sleep(0.7)
        world.daemon.kill()
        world.kills += 1
        time.sleep(0.3)
        world.daemon.start()
    session.stdin.write("commit; select x from open_one; drop table open_one;\n\\q\n")
    assert session.stdout.read().strip() == "7", "the open transaction was lost"
    out, errors = bench.communicate(timeout=60)
    assert bench.returncode == 0 and "aborted" not in out + errors, out + errors
    done = int(next(line for line in out.splitlines() if "transactions actually processed" in line).split(":")[1].split("/")[0])
    world.client.close()
    now = int(psql(address, port, "select count(*) from pgbench_history", password=world.password))
    assert now - before == done, f"pgbench counted {done} transactions, the table {now - before}"
    psql(address, port, "drop table pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers",
         password=world.password)
