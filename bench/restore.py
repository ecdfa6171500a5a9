#!/usr/bin/env python3
"""From a snapshot to the first query of a new instance: beside pgBackRest's restore of the same database, and beside the
floor of a file system without reflink, a plain copy of the snapshot's directory by two threads, synced, with a server
started on it."""
import concurrent.futures
import os
import shutil
import time

from backup_rig import Ours, Peer, balance, end, on_each, pq, settle
from common import limit, median, verdict
from daemon import free_port

ROUNDS = int(os.environ.get("ROUNDS", "7"))


def ours_once(ours, expected, number):
    return ours.restore("RestoreDBInstanceFromDBSnapshot", f"r{number}", expected, DBSnapshotIdentifier="loaded",
                        DBInstanceIdentifier=f"r{number}")


def copied_once(snapshot, peer):
    """The floor: nothing is verified and nothing is recorded. It begins with the files of the server after its promotion,
    as we do."""
    data, port = f"{peer.base}/floor", free_port()
    settle()
    begin = time.monotonic()
    files = []
    for source, target in ((f"{snapshot}/data", data), (f"{snapshot}/promoted", f"{data}/pg_wal")):
        for where, _, names in os.walk(source):
            there = target + where[len(source):]
            os.makedirs(there, mode=0o700, exist_ok=True)
            os.chown(there, peer.user.pw_uid, peer.user.pw_gid)
            files += [(f"{where}/{name}", f"{there}/{name}") for name in names]

    def one(item):
        shutil.copyfile(*item)
        os.chown(item[1], peer.user.pw_uid, peer.user.pw_gid)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(one, files))
    os.rename(f"{data}/pg_wal/pg_control", f"{data}/global/pg_control")
    for name, text in (("postgresql.conf", ""), ("pg_hba.conf", "local all all trust\nhost all all all trust\n"),
                       ("pg_ident.conf", "")):
        with open(f"{data}/{name}", "w", encoding="utf-8") as f:
            f.write(text)
    settle()
    server = peer.start(data, port, "-c", f"unix_socket_directories={peer.base}")
    try:
        pq.first_query(f"{peer.place_of(port).replace('postgres', 'rdsadmin')} dbname=postgres", 120)
        return time.monotonic() - begin
    finally:
        end(server)
        shutil.rmtree(data)


def measure(kind, base):
    with Ours(base) as ours, Peer(base) as peer:
        snapshot = ours.snapshot("loaded")
        peer.backup()
        mine, its = balance(ours.place), balance(peer.place)
        a, b, c = [], [], []
        for n in range(ROUNDS):
            a.append(ours_once(ours, mine, n))
            seconds, got = peer.restore("--type=immediate", "--target-action=promote")
            assert got == its, f"pgBackRest restored {got}, expected {its}"
            b.append(seconds)
            c.append(copied_once(snapshot, peer))
        print(f"{kind}: howdah {median(a):.2f} s ({min(a):.2f}-{max(a):.2f}), pgBackRest {median(b):.2f} s, plain copy "
              f"{median(c):.2f} s; medians of {ROUNDS} rounds in turns")
        if kind == "xfs":
            limit("restore xfs reflink", median(a), "s", "<= 0.6 s", median(a) <= 0.6)
            ratio = median(b) / median(a)
            verdict("restore xfs reflink", ratio, "the speed of pgBackRest", ">= 6x", ratio >= 6)
        else:
            ratio = median(a) / median(c)
            verdict(f"restore {kind}", ratio, "the time of a plain parallel copy", "<= 1.2x", ratio <= 1.2)
            print(f"restore {kind}: {median(b) / median(a):.2f}x of the speed of pgBackRest")


if __name__ == "__main__":
    on_each(measure, 30)
