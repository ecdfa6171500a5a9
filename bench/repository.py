#!/usr/bin/env python3
"""The repository beside pgBackRest's, both with zstd level 1, AES-256 and two processes or threads, on one database of about
2 GB: a full backup, its restore (files only, synced), and what is stored of 5 % of the rows, scattered. pgBackRest reads
the server's directory; `howdah backup put` reads a base, a copy of it made beforehand. CPU is that of the tools."""
import os
import resource
import shutil
import subprocess
import time

from backup_rig import Peer, on_each, query, settle
from common import median, verdict
from daemon import BINARY

ROUNDS = int(os.environ.get("ROUNDS", "3"))


def timed(work):
    """Seconds and CPU seconds of the processes that it runs."""
    settle()
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    work()
    seconds, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def size_of(path):
    return sum(os.lstat(os.path.join(folder, f)).st_size for folder, _, files in os.walk(path) for f in files)


class Repository:
    def __init__(self, base):
        self.base, self.path = base, f"{base}/ours"

    def run(self, *words):
        done = subprocess.run([BINARY, "backup", "--state-dir", f"{self.base}/state", "--repository", self.path,
                               "--key-file", f"{self.base}/key", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)

    def put(self, name):
        self.run("put", f"{self.base}/base", "--resource", "db-BENCH", "--id", name)

    def restore(self, name):
        self.run("restore", "db-BENCH", name, f"{self.base}/restored")


def copy_base(peer, base):
    """What a materialised snapshot would be."""
    query(peer.place, "checkpoint")
    shutil.rmtree(f"{base}/base", ignore_errors=True)
    subprocess.run(["cp", "-a", "--reflink=never", peer.data, f"{base}/base"], check=True)
    for name in os.listdir(f"{base}/base/pg_wal"):
        path = f"{base}/base/pg_wal/{name}"
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def restore_peer(peer):
    data = f"{peer.base}/files"
    os.mkdir(data, 0o700)
    os.chown(data, peer.user.pw_uid, peer.user.pw_gid)
    try:
        return timed(lambda: peer.tool(*peer.backrest("restore", f"--pg1-path={data}")))
    finally:
        shutil.rmtree(data)


def measure(kind, base):
    options = "compress-type=zst\ncompress-level=1\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=bench\n" \
              "repo1-retention-full=1\n"
    with Peer(base, options=options) as peer:
        ours = Repository(base)
        copy_base(peer, base)
        full, back = {"a": [], "b": []}, {"a": [], "b": []}
        for n in range(ROUNDS):
            shutil.rmtree(ours.path, ignore_errors=True)
            full["a"].append(timed(lambda n=n: ours.put(f"full{n}")))
            full["b"].append(timed(peer.backup))
            back["a"].append(timed(lambda n=n: ours.restore(f"full{n}")))
            shutil.rmtree(f"{base}/restored")
            back["b"].append(restore_peer(peer))
        query(peer.place, "update pgbench_accounts set abalance = abalance + 1 where aid % 20 = 0")
        copy_base(peer, base)
        backups = f"{peer.base}/repo/backup"
        sizes = size_of(f"{ours.path}/instances"), size_of(backups)
        more = timed(lambda: ours.put("more")), timed(lambda: peer.tool(*peer.backrest("backup", "--type=incr")))
        stored = size_of(f"{ours.path}/instances") - sizes[0], size_of(backups) - sizes[1]

    def report(name, runs, goal_time, goal_cpu):
        for what, at, goal in (("time", 0, goal_time), ("CPU", 1, goal_cpu)):
            mine, its = (median([r[at] for r in runs[side]]) for side in "ab")
            print(f"{name} {what}: howdah {mine:.2f} s, pgBackRest {its:.2f} s; medians of {ROUNDS} rounds in turns")
            if goal:
                verdict(f"{name} {what}", mine / its, f"pgBackRest's {what}", f"<= {goal}x", mine / its <= goal)

    report("repository full backup", full, 0.75, 0.75)
    report("repository restore", back, 0.7, None)
    print(f"full backup stored: howdah {sizes[0] / 1e6:.0f} MB, pgBackRest {sizes[1] / 1e6:.0f} MB")
    print(f"5 % of the rows, scattered: howdah {stored[0] / 1e6:.0f} MB, {more[0][1]:.1f} CPU-s; pgBackRest "
          f"{stored[1] / 1e6:.0f} MB, {more[1][1]:.1f} CPU-s (2.45 stores whole changed files; block incremental begins "
          "with 2.46)")
    ratio = stored[0] / stored[1]
    verdict("repository scattered 5 %", ratio, "pgBackRest's stored bytes", "<= 1.2x", ratio <= 1.2)
    ratio = more[0][1] / more[1][1]
    verdict("repository scattered 5 % CPU", ratio, "pgBackRest's CPU", "<= 0.6x", ratio <= 0.6)


if __name__ == "__main__":
    on_each(measure, 16, kinds=("xfs",))
