#!/usr/bin/env python3
"""Restore to a point in time with 2 GB of WAL between the last backup and the instant: from the request (or command) to
the first query that the restored, writable server answers. Both must hold exactly what was there at the instant."""
import os
import time

from backup_rig import Ours, Peer, churn, on_each, query, written_since
from common import median, verdict

ROUNDS, MEGABYTES = int(os.environ.get("ROUNDS", "3")), int(os.environ.get("MEGABYTES", "2048"))


def instant_after_churn(place, megabytes=MEGABYTES):
    """Writes the WAL, then passes a whole second without a commit, and goes on; (that second, the sum it holds), and the
    megabytes of WAL before it."""
    query(place, "checkpoint")
    begin = query(place, "select pg_current_wal_lsn()")
    expected = churn(place, megabytes)
    time.sleep(1.2)
    instant, written = int(time.time()), written_since(place, begin)
    time.sleep(1.2)
    query(place, "update pgbench_accounts set abalance = 0 where aid < 1000")
    return (instant, expected), written


def ours_once(ours, instant, expected, number):
    return ours.restore("RestoreDBInstanceToPointInTime", f"r{number}", expected, SourceDBInstanceIdentifier="db",
                        TargetDBInstanceIdentifier=f"r{number}",
                        RestoreTime=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(instant)))


def theirs_once(peer, instant, expected):
    seconds, got = peer.restore("--type=time", "--target-action=promote",
                                f"--target={time.strftime('%Y-%m-%d %H:%M:%S+00', time.gmtime(instant))}")
    assert got == expected, f"pgBackRest restored {got}, expected {expected}"
    return seconds


def compare(name, ours, mine, peer, its, wal):
    """Rounds in turns, to an (instant, what it holds) of each side; prints what came of it."""
    ours.restorable(mine[0])
    peer.archived()
    a, b = [], []
    for n in range(ROUNDS):
        a.append(ours_once(ours, *mine, n))
        b.append(theirs_once(peer, *its))
    print(f"{name}: howdah {median(a):.2f} s ({min(a):.2f}-{max(a):.2f}), pgBackRest {median(b):.2f} s "
          f"({min(b):.2f}-{max(b):.2f}); {wal}, medians of {ROUNDS} rounds in turns")
    ratio = median(a) / median(b)
    verdict(name, ratio, "pgBackRest's time", "<= 0.7x", ratio <= 0.7)


def measure(kind, base):
    with Ours(base) as ours, Peer(base) as peer:
        query(ours.place, "checkpoint")  # pgBackRest's backup begins with one: both replay from about here
        ours.snapshot("loaded")
        peer.backup()
        (mine, our_wal), (its, their_wal) = instant_after_churn(ours.place), instant_after_churn(peer.place)
        compare(f"pitr {kind}", ours, mine, peer, its, f"{our_wal} and {their_wal} MB of WAL")


if __name__ == "__main__":
    on_each(measure, 40)
