#!/usr/bin/env python3
"""What keeping WAL twice costs a busy server: CPU a transaction of the server and of whoever copies, with the keeper,
with pg_receivewal, and with neither, in turns on one server. pgbench -N between two checkpoints, so that small commits dominate and not page images."""
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

from common import median, verdict
from daemon import BINARY, wait_for

ROUNDS, SECONDS, CLIENTS = int(os.environ.get("ROUNDS", "6")), int(os.environ.get("SECONDS", "5")), 8
MODES = ["off", "keeper", "pg_receivewal"]


def cpu(pid):
    """Seconds of a process and of its ended children; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return sum(int(n) for n in fields[11:15]) / os.sysconf("SC_CLK_TCK")


class Server:
    def __init__(self, base):
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))[-1]
        self.user = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self.base, self.data, self.socket = base, f"{base}/data", f"{base}/run"
        for path in (self.data, self.socket):
            os.mkdir(path, 0o700)
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
        self.run("initdb", "-D", self.data, "-U", "rdsadmin", "--auth=trust", "-k")
        with open(f"{self.data}/postgresql.conf", "a", encoding="utf-8") as f:
            f.write(f"listen_addresses=''\nunix_socket_directories='{self.socket}'\nshared_buffers=256MB\n"
                    "max_wal_size=4GB\ncheckpoint_timeout=1h\nautovacuum=off\n")
        self.run("pg_ctl", "-D", self.data, "-l", f"{self.data}/log", "-w", "start")
        with open(f"{self.data}/postmaster.pid", encoding="utf-8") as f:
            self.pid = int(f.readline())
        self.client("pgbench", "-i", "-q", "-s", "10")
        self.client("psql", "-c", "select pg_create_physical_replication_slot('howdah_vault', true)")

    def run(self, program, *args):
        subprocess.run([f"{self.bin}/{program}", *args], check=True, stdout=subprocess.DEVNULL,
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


def copier(mode, server):
    """Starts who copies in this mode."""
    if mode == "off":
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
    """CPU seconds a transaction, transactions a second, and the copier's own CPU seconds a transaction."""
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
    done = int(re.search(r"actually processed: (\d+)", text)[1])
    return (spent + own) / done, float(re.search(r"tps = ([\d.]+)", text)[1]), own / done


def main():
    if not glob.glob("/usr/lib/postgresql/*/bin/postgres") or not shutil.which("pg_receivewal"):
        print("archive_cost: SKIPPED, no PostgreSQL server with pg_receivewal here")
        return
    base = tempfile.mkdtemp(prefix="howdah-bench-", dir="/var/tmp")
    os.chmod(base, 0o711)
    server = None
    try:
        server = Server(base)
        for _ in range(2):
            measure("off", server)  # warms the caches, and writes the page images
        results = {mode: [] for mode in MODES}
        for turn in range(ROUNDS):
            for mode in MODES[turn % 3:] + MODES[:turn % 3]:
                results[mode].append(measure(mode, server))
        cost = {mode: median(r[0] for r in rounds) for mode, rounds in results.items()}
        for mode in MODES:
            tps, own = (median(r[n] for r in results[mode]) for n in (1, 2))
            print(f"{mode}: {cost[mode] * 1e6:.0f} us CPU a transaction, {own * 1e6:.1f} of them the copier's, {tps:.0f} tps")
        print(f"pg_receivewal: {cost['pg_receivewal'] / cost['off']:.3f}x of archiving off")
        ratio = cost["keeper"] / cost["off"]
        verdict("archive_cost", ratio, "archiving off", "1.03", ratio <= 1.03)
        ratio = cost["keeper"] / cost["pg_receivewal"]
        verdict("archive_cost receivewal", ratio, "pg_receivewal", "< 1", ratio < 1)
    finally:
        if server:
            server.stop()
        shutil.rmtree(base)


if __name__ == "__main__":
    main()
