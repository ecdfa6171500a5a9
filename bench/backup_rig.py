"""What the benchmarks of backups share: a loop-mounted file system in a private mount namespace, a pgbench database of
about 2 GB under Howdah, and the same under a server that pgBackRest backs up."""
import bisect
import contextlib
import glob
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from common import Libpq, end_as_interrupted, install
import procs  # noqa: E402
from daemon import PASSWORD, Daemon, available, create, endpoint, free_port, reach, wait_for

PG = "/usr/lib/postgresql/15/bin"
SCALE = int(os.environ.get("SCALE", "130"))
pq = Libpq()


# Where it runs

@contextlib.contextmanager
def mounted(kind, gigabytes):
    """A file system of its own; only in a private mount namespace."""
    with tempfile.NamedTemporaryFile(prefix="howdah-bench-image-", dir="/var/tmp") as image:
        image.truncate(gigabytes << 30)
        make = {"xfs": ["mkfs.xfs", "-q", "-m", "reflink=1"], "ext4": ["mkfs.ext4", "-q", "-E", "lazy_itable_init=0"]}
        subprocess.run([*make[kind], image.name], check=True)
        base = tempfile.mkdtemp(prefix="howdah-bench-", dir="/var/tmp")
        subprocess.run(["mount", "-o", "loop", image.name, base], check=True)
        os.chmod(base, 0o777)
        try:
            yield base
        finally:
            procs.stop_servers(base)  # what a failure left running would keep the file system busy
            subprocess.run(["umount", base], check=True)
            os.rmdir(base)


def need(peer=True):
    """Ends the benchmark with a clear word when this machine cannot run it; installs what it compares with."""
    name = os.path.basename(sys.argv[0]).removesuffix(".py")
    if os.geteuid() != 0:
        sys.exit(f"{name}: SKIPPED, it mounts file systems of its own: run it as root")
    missing = [p for p, program in (("pgbackrest", "pgbackrest"), ("xfsprogs", "mkfs.xfs"), ("e2fsprogs", "mkfs.ext4"))
               if not shutil.which(program) and (peer or p != "pgbackrest")]
    if missing:
        install(missing)


def on_each(measure, gigabytes, kinds=("xfs", "ext4"), peer=True):
    """measure(kind, base) on a fresh file system of each kind, each in a process with mounts of its own."""
    end_as_interrupted()
    if "--on" in sys.argv:
        kind = sys.argv[sys.argv.index("--on") + 1]
        with mounted(kind, gigabytes) as base:
            measure(kind, base)
        return
    need(peer)
    kinds = os.environ.get("FS", " ".join(kinds)).split()
    sys.exit(max(on_one(kind) for kind in kinds))


def on_one(kind):
    process = subprocess.Popen(["unshare", "-m", "--propagation", "private", sys.executable, os.path.abspath(sys.argv[0]),
                                "--on", kind])
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise


def settle():
    """Nothing of what was done before is still on its way to the disk."""
    os.sync()


# What both sides hold

def fill(place, scale=SCALE):
    pgbench(place, "-i", "-q", "-s", str(scale), "-I", "dtgvp")
    query(place, "create table mark as select 0 as n")


def pgbench(place, *options, database="app"):
    done = subprocess.run([f"{PG}/pgbench", *options, f"{place} dbname={database}"], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout


def query(place, sql, database="app"):
    connection, why = pq.connect(f"{place} dbname={database}")
    if not connection:
        raise RuntimeError(why)
    try:
        return pq.query(connection, sql)
    finally:
        pq.lib.PQfinish(connection)


def churn(place, megabytes, scale=SCALE):
    """Updates rows all over the table until so much WAL was written; every page changes, as in a long day. In small strokes,
    so that it is not much more, however many checkpoints come in between. The balance that must be there then: to ask for it
    would write as much again, since with checksums the first look at a row is logged as well."""
    begin, rows, stroke, total = query(place, "select pg_current_wal_lsn()"), 100_000 * scale, 200_000, 0
    for n in range(1, 60):
        for row in range(0, rows, stroke):
            total += n * int(query(place, f"with changed as (update pgbench_accounts set abalance = abalance + {n} where "
                                          f"aid > {row} and aid <= {row + stroke} and aid % 60 = {n} returning 1) "
                                          "select count(*) from changed"))
            if written_since(place, begin) >= megabytes:
                return f"{total}/{rows}"
    raise RuntimeError(f"only {written_since(place, begin)} MB of WAL")


def written_since(place, lsn):
    """Megabytes of WAL."""
    return int(query(place, f"select (pg_current_wal_lsn() - '{lsn}')::bigint / 1048576"))


def balance(place):
    return query(place, "select sum(abalance) || '/' || count(*) from pgbench_accounts")


# Howdah

class Ours:
    """A daemon with one instance, `db`, that holds the database."""

    def __init__(self, base, scale=SCALE, settings=None):
        self.daemon = Daemon("ours", base=base, settings=settings).start()
        self.client = self.daemon.client()
        create(self.client, "db", DBInstanceClass="db.t3.medium", BackupRetentionPeriod=1, seconds=180)
        self.place = self.place_of("db")
        wait_for("the first snapshot", lambda: self.client.instance("db").findtext("LatestRestorableTime"), 180)
        if scale:
            fill(self.place, scale)

    def place_of(self, name):
        address, port = endpoint(self.client, name)
        return f"host={address} port={port} user=root1 password={PASSWORD} sslmode=require"

    def bases(self):
        return {b for b in os.listdir(f"{self.daemon.state}/bases") if "." not in b}

    def snapshot(self, name, seconds=300):
        """Its base's directory, when it has become independent."""
        before = self.bases()
        self.client.rds("CreateDBSnapshot", DBInstanceIdentifier="db", DBSnapshotIdentifier=name)
        made = wait_for(f"the base of {name}", lambda: self.bases() - before, seconds, 0.2)
        return f"{self.daemon.state}/bases/{made.pop()}"

    def first_query(self, name, seconds=300):
        """Waits for the instance and its first answer."""
        deadline = time.monotonic() + seconds
        while True:  # one instance in transition: the answer is held until its status changes
            node = self.client.instance(name)
            status = node.findtext("DBInstanceStatus")
            if status == "available":
                break
            if status != "creating" or time.monotonic() > deadline:
                raise RuntimeError(f"{name} is {status}: {self.client.events(name)[-1:]}")
            time.sleep(0.002)
        pq.first_query(f"{self.place_of(name)} dbname=app")

    def restore(self, operation, name, expected, **params):
        """Seconds from the request to the first query of the new instance, which must hold `expected`."""
        settle()
        begin = time.monotonic()
        self.client.rds(operation, DBInstanceClass="db.t3.medium", **params)
        self.first_query(name)
        seconds = time.monotonic() - begin
        got = balance(self.place_of(name))
        assert got == expected, f"restored {got}, expected {expected}"
        self.forget(name)
        return seconds

    def forget(self, name):
        self.client.rds("DeleteDBInstance", DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        reach(self.client, name, "gone", 120)

    def restorable(self, instant, seconds=60):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(instant))
        wait_for(f"{stamp} to be restorable",
                 lambda: (self.client.instance("db").findtext("LatestRestorableTime") or "")[:19] > stamp, seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.daemon.cleanup()


# The peer

class Peer:
    """A server with the same database, archived and backed up by pgBackRest with its fastest settings, or
    with `options`."""

    def __init__(self, base, scale=SCALE, options="compress-type=lz4\n"):
        self.base, self.data, self.port = f"{base}/peer", f"{base}/peer/data", free_port()
        self.user = pwd.getpwnam("postgres")
        for path in (self.base, *(f"{self.base}/{d}" for d in ("repo", "spool", "log", "lock"))):
            os.mkdir(path)
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
        with open(f"{self.base}/pgbackrest.conf", "w", encoding="utf-8") as f:
            f.write(f"[global]\nrepo1-path={self.base}/repo\nspool-path={self.base}/spool\nlog-path={self.base}/log\n"
                    f"lock-path={self.base}/lock\nprocess-max=2\n{options}archive-async=y\nstart-fast=y\n"
                    f"log-level-console=warn\n[peer]\npg1-path={self.data}\npg1-port={self.port}\n"
                    f"pg1-socket-path={self.base}\n")
        self.tool(f"{PG}/initdb", "-k", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-U", "postgres", "-D", self.data)
        with open(f"{self.data}/postgresql.conf", "a", encoding="utf-8") as f:
            f.write(f"shared_buffers=1GB\nmax_wal_size=2GB\nlisten_addresses='127.0.0.1'\nhot_standby=off\n"
                    f"unix_socket_directories='{self.base}'\narchive_mode=on\nrecovery_init_sync_method=syncfs\n"
                    f"archive_command='{' '.join(self.backrest('archive-push'))} %p'\n")
        self.server = self.start(self.data, self.port)
        self.place = self.place_of(self.port)
        pq.first_query(f"{self.place} dbname=postgres", 60)
        query(self.place, "create database app", "postgres")
        if scale:
            fill(self.place, scale)
        wait_for("the stanza", self.stanza, 60, 0.5)

    def place_of(self, port):
        return f"host=127.0.0.1 port={port} user=postgres"

    def backrest(self, command, *options):
        return ["pgbackrest", f"--config={self.base}/pgbackrest.conf", "--stanza=peer", *options, command]

    def stanza(self):
        """False while an archive-push that came too early holds the lock."""
        try:
            self.tool(*self.backrest("stanza-create"))
            return True
        except RuntimeError as why:
            if "unable to acquire lock" in str(why):
                return False
            raise

    def tool(self, *command):
        done = subprocess.run(command, user=self.user.pw_uid, group=self.user.pw_gid, extra_groups=[], cwd=self.base,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout[-2000:]}")

    def start(self, data, port, *options):
        with open(f"{self.base}/log/{port}.log", "ab") as log:
            return subprocess.Popen([f"{PG}/postgres", "-D", data, "-p", str(port), *options], stdout=log, stderr=log,
                                    user=self.user.pw_uid, group=self.user.pw_gid, extra_groups=[], cwd=self.base)

    def backup(self):
        self.tool(*self.backrest("backup", "--type=full"))

    def restore(self, *options):
        """Seconds from the command to the first answered query of the restored, writable server; and what it holds."""
        data, port = f"{self.base}/restored", free_port()
        os.mkdir(data, 0o700)
        os.chown(data, self.user.pw_uid, self.user.pw_gid)
        settle()
        begin = time.monotonic()
        self.tool(*self.backrest("restore", f"--pg1-path={data}", *options))
        server = self.start(data, port, "-c", "archive_mode=off")
        try:
            pq.first_query(f"{self.place_of(port)} dbname=app", 300)
            seconds = time.monotonic() - begin
            return seconds, balance(self.place_of(port))
        finally:
            end(server)
            shutil.rmtree(data)

    def archived(self):
        """Everything written so far is in the archive."""
        name = query(self.place, "select pg_walfile_name(pg_switch_wal())")
        wait_for(f"{name} in the archive",
                 lambda: (query(self.place, "select coalesce(last_archived_wal, '') from pg_stat_archiver") >= name), 120, 0.2)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.server)


def end(server):
    if server.poll() is None:
        server.send_signal(signal.SIGQUIT)
    server.wait()


class Load:
    """pgbench in the background; its transactions are counted second by second. `log`: the prefix of files that note each
    transaction's end, for rates()."""

    def __init__(self, place, seconds, clients=8, options=("-N",), log=None):
        self.log = log
        options = (*options, "-l", f"--log-prefix={log}") if log else options
        self.process = subprocess.Popen(
            [f"{PG}/pgbench", "-n", *options, "-c", str(clients), "-j", "2", "-T", str(seconds), "-P", "1",
             f"{place} dbname=app"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.samples = []  # (when, transactions a second)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stderr:
            found = re.match(r"progress: [\d.]+ s, ([\d.]+) tps", line)
            if found:
                self.samples.append((time.monotonic(), float(found[1])))

    def mean(self, begin, finish):
        """Transactions a second in the seconds that lie wholly between the two times."""
        time.sleep(0.1)  # the last second is on its way
        inside = [tps for when, tps in self.samples if begin <= when - 1 and when <= finish]
        if not inside:
            raise RuntimeError(f"pgbench counted nothing within {finish - begin:.1f} s: is it running?")
        return sum(inside) / len(inside)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        self.thread.join()

    def rates(self, moments, begin, finish):
        """Of each moment (time.time()) the transactions a second from `begin` to `finish` seconds after it. After stop()."""
        ends = []
        for path in glob.glob(f"{self.log}.*"):
            with open(path, encoding="utf-8") as f:
                # client, transaction, latency, script, seconds, microseconds; the last line may be cut off
                ends += [int(line[4]) + int(line[5]) / 1e6 for line in map(str.split, f) if len(line) == 6]
        ends.sort()
        count = lambda m: bisect.bisect(ends, m + finish) - bisect.bisect(ends, m + begin)
        return [count(m) / (finish - begin) for m in moments]
