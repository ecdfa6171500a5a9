#!/usr/bin/env python3
"""What keeping WAL twice costs a busy server: CPU a transaction of the server and of whoever copies, with the keeper,
with pg_receivewal, and with neither, in turns on one server; and with pgBackRest's asynchronous archiving on a server like
it. pgbench -N between two checkpoints, so that small commits dominate and not page images."""
import ctypes
import glob
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time

from common import end_as_interrupted, median, verdict
from daemon import BINARY, wait_for

ROUNDS, SECONDS, CLIENTS = int(os.environ.get("ROUNDS", "6")), int(os.environ.get("SECONDS", "5")), 8
MODES = ["off", "keeper", "pg_receivewal"] + (["pgbackrest"] if shutil.which("pgbackrest") else [])


def cpu(pid):
    """Seconds of a process and of its ended children; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return sum(int(n) for n in fields[11:15]) / os.sysconf("SC_CLK_TCK")


class Server:
    def __init__(self, base, settings=""):
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))[-1]
        self.user = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self.base, self.data, self.socket = base, f"{base}/data", f"{base}/run"
        for path in (self.data, self.socket):
            os.mkdir(path, 0o700)
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
        self.run("initdb", "-D", self.data, "-U", "rdsadmin", "--auth=trust", "-k")
        with open(f"{self.data}/postgresql.conf", "a", encoding="utf-8") as f:
            f.write(f"listen_addresses=''\nunix_socket_directories='{self.socket}'\nshared_buffers=256MB\n"
                    f"max_wal_size=4GB\ncheckpoint_timeout=1h\nautovacuum=off\n{settings}")
        self.run("pg_ctl", "-D", self.data, "-l", f"{self.data}/log", "-w", "start")
        with open(f"{self.data}/postmaster.pid", encoding="utf-8") as f:
            self.pid = int(f.readline())
        self.client("pgbench", "-i", "-q", "-s", "10")
        self.client("psql", "-c", "select pg_create_physical_replication_slot('howdah_vault', true)")

    def run(self, program, *args):
        subprocess.run([shutil.which(program, path=self.bin) or program, *args], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd="/",
                       **({"user": self.user.pw_uid, "group": self.user.pw_gid} if os.geteuid() == 0 else {}))

    def client(self, program, *args):
        done = subprocess.run([program, "-h", self.socket, "-U", "rdsadmin", *args, "postgres"], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout

    def cpu(self):
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="utf-8") as f:
            children = f.read().split()
        return cpu(self.pid) + sum(cpu(p) for p in children)

    def log(self, mode):
        with open(f"{self.base}/{mode}.log", encoding="utf-8") as f:
            return f.read()[-2000:]

    def stop(self):
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")


def archived_server(base):
    """Archived by pgBackRest with its fastest settings."""
    os.mkdir(base)
    os.chmod(base, 0o777)
    tool = f"pgbackrest --config={base}/pgbackrest.conf --stanza=peer"
    with open(f"{base}/pgbackrest.conf", "w", encoding="utf-8") as f:
        f.write(f"[global]\nrepo1-path={base}/repo\nspool-path={base}/spool\nlog-path={base}\nlock-path={base}/lock\n"
                f"compress-type=lz4\narchive-async=y\n[peer]\npg1-path={base}/data\npg1-socket-path={base}/run\n"
                "pg1-user=rdsadmin\n")
    server = Server(base, f"archive_mode=on\narchive_command='{tool} archive-push %p'\n")
    wait_for("the stanza", lambda: stanza(server, tool), 60, 0.5)
    return server


def stanza(server, tool):
    """False while an archive-push that came too early holds the lock."""
    try:
        server.run(*tool.split(), "stanza-create")
        return True
    except subprocess.CalledProcessError:
        return False


def adopt_orphans():
    """pgBackRest's archiver leaves its parent: its end, and so what it cost, comes to us."""
    PR_SET_CHILD_SUBREAPER = 36
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def archivers():
    """{pid: has it ended?} of the archivers that have become our children."""
    found = {}
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="utf-8") as f:
        for pid in f.read().split():
            with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
                name, fields = stat.read().split("(", 1)[1].rsplit(")", 1)
            if name == "pgbackrest":
                found[int(pid)] = fields.split()[0] == "Z"
    return found


def archiver_cpu():
    """CPU seconds of the archivers that have ended, each counted once; waits for those that still work."""
    wait_for("the archiver", lambda: all(archivers().values()), 60, 0.1)
    used = [os.wait4(pid, 0)[2] for pid in archivers()]
    return sum(u.ru_utime + u.ru_stime for u in used)


def copier(mode, server):
    """Starts who copies in this mode."""
    if mode in ("off", "pgbackrest"):
        return None
    if mode == "pg_receivewal":
        target = f"{server.base}/received"
        shutil.rmtree(target, ignore_errors=True)  # from now on: it has no slot that held older WAL for it
        os.mkdir(target)
        line = ["pg_receivewal", "-h", server.socket, "-U", "rdsadmin", "-D", target]
    else:
        os.makedirs(f"{server.base}/vault/bench/wal", exist_ok=True)
        line = [BINARY, "keeper", json.dumps({
            "state": server.base, "resource_id": "bench", "root": server.base, "data": server.data, "conf": server.base,
            "run": server.socket, "log": server.base, "uid": server.user.pw_uid, "gid": server.user.pw_gid,
            "port": 5432})]
    with open(f"{server.base}/{mode}.log", "ab") as log:
        process = subprocess.Popen(line, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    return process


def caught_up(mode, server):
    """Before the measurement begins: what an earlier round wrote has been copied."""
    if mode == "keeper":
        name = server.client("psql", "-Atc", "select pg_walfile_name(pg_current_wal_flush_lsn())").strip()
        wait_for("the keeper", lambda: glob.glob(f"{server.base}/vault/bench/wal/{name}*"), 60, 0.2,
                 lambda: server.log(mode))
        time.sleep(1)
    elif mode == "pg_receivewal":
        behind = ("select count(*) from pg_stat_replication where state = 'streaming' "
                  "and pg_current_wal_flush_lsn() - sent_lsn < 65536")
        wait_for("pg_receivewal", lambda: server.client("psql", "-Atc", behind).strip() == "1", 60, 0.2,
                 lambda: server.client("psql", "-c", "select * from pg_stat_replication") + server.log(mode))


def measure(mode, server):
    """(CPU seconds of the server and of the copier, transactions, transactions a second)."""
    process = copier(mode, server)
    try:
        caught_up(mode, server)
        before, own = server.cpu(), cpu(process.pid) if process else 0
        text = server.client("pgbench", "-n", "-N", "-c", str(CLIENTS), "-j", "2", "-T", str(SECONDS))
        spent, own = server.cpu() - before, (cpu(process.pid) if process else 0) - own
    finally:
        if process:
            process.send_signal(signal.SIGTERM if mode == "keeper" else signal.SIGINT)
            process.wait()
    own += archiver_cpu() if mode == "pgbackrest" else 0
    return spent, own, int(re.search(r"actually processed: (\d+)", text)[1]), float(re.search(r"tps = ([\d.]+)", text)[1])


def judge(results):
    """The server's part of a transaction is a median; the copier's comes in lumps, a segment at a time."""
    cost = {}
    for mode, rounds in results.items():
        own = sum(r[1] for r in rounds) / sum(r[2] for r in rounds)
        cost[mode] = median(r[0] / r[2] for r in rounds) + own
        print(f"{mode}: {cost[mode] * 1e6:.0f} us CPU a transaction, {own * 1e6:.1f} of them the copier's, "
              f"{median(r[3] for r in rounds):.0f} tps")
    ratio = cost["keeper"] / cost["off"]
    verdict("archive_cost", ratio, "archiving off", "1.03", ratio <= 1.03)
    for peer, name in (("pg_receivewal", "receivewal"), ("pgbackrest", "pgbackrest")):
        if peer in cost:
            print(f"{peer}: {cost[peer] / cost['off']:.3f}x of archiving off")
            ratio = cost["keeper"] / cost[peer]
            verdict(f"archive_cost {name}", ratio, peer, "< 1", ratio < 1)


def main():
    if not glob.glob("/usr/lib/postgresql/*/bin/postgres") or not shutil.which("pg_receivewal"):
        print("archive_cost: SKIPPED, no PostgreSQL server with pg_receivewal here")
        return
    base = tempfile.mkdtemp(prefix="howdah-bench-", dir="/var/tmp")
    os.chmod(base, 0o711)
    adopt_orphans()
    end_as_interrupted()
    servers = {}
    try:
        servers["here"] = Server(base)
        if "pgbackrest" in MODES:
            servers["pgbackrest"] = archived_server(f"{base}/archived")
        on = {mode: servers.get(mode, servers["here"]) for mode in MODES}
        for server in servers.values():
            for _ in range(2):
                measure("off", server)  # warms the caches, and writes the page images
        results = {mode: [] for mode in MODES}
        for turn in range(ROUNDS):
            at = turn % len(MODES)
            for mode in MODES[at:] + MODES[:at]:
                results[mode].append(measure(mode, on[mode]))
        judge(results)
    finally:
        for server in servers.values():
            server.stop()
        shutil.rmtree(base)


if __name__ == "__main__":
    main()
