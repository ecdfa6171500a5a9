#!/usr/bin/env python3
"""Snapshots of a server under pgbench, at three sizes: from the request to `available`, what the load loses by it, and
what it loses while the snapshot is made independent of the instance's WAL in the background (which the first two
measurements hold back). The peer is the same server without snapshots, in the moments around."""
import os
import statistics
import threading
import time

from backup_rig import SCALE, Load, Ours, on_each, pq
from common import limit, median, percentile, verdict
from daemon import wait_for

COUNT = int(os.environ.get("COUNT", "100"))
BEFORE, AFTER = 0.8, 0.3  # seconds; what a snapshot costs the load is over after 0.1
EVERY = 2.0  # what a load loses is said of snapshots that follow each other so quickly
WORK, HALT = 24, 12
SIZES = {"0.5 GB": 33, "2 GB": 130, "4 GB": 265} if not os.environ.get("SCALE") else {"2 GB": SCALE}  # of pgbench
COPY, REST = "flow.begin:materialise-base/roll-forward", "os.pace:rested"


def create(ours, name):
    """Milliseconds until it is available."""
    begin = time.monotonic()
    ours.client.rds("CreateDBSnapshot", DBInstanceIdentifier="db", DBSnapshotIdentifier=name)
    while True:
        found = ours.client.rds("DescribeDBSnapshots", DBSnapshotIdentifier=name)
        if found.findtext(".//DBSnapshot/Status") == "available":
            return (time.monotonic() - begin) * 1000
        time.sleep(0.001)


def delete(ours, name):
    ours.client.rds("DeleteDBSnapshot", DBSnapshotIdentifier=name)


class Commits:
    """A client that commits one row fifty times a second: what the server's disk lets anybody wait, with or without us."""

    def __init__(self, place):
        self.connection, why = pq.connect(f"{place} dbname=app")
        assert self.connection, why
        self.took, self.stopped = [], False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopped:
            begin = time.monotonic()
            pq.query(self.connection, "insert into mark values (1)")
            self.took.append((time.monotonic() - begin) * 1000)
            time.sleep(0.02)

    def stop(self):
        self.stopped = True
        self.thread.join()
        pq.lib.PQfinish(self.connection)


def marks(ours):
    """(latencies, moments) of snapshots, one every two seconds; nothing is materialised meanwhile."""
    took, moments = [], []
    for n in range(COUNT):
        # Held before its copy would begin; the snapshot is deleted when it is let go.
        ours.daemon.hook("/_test/fault", point=COPY, action="hold", nth=1)
        time.sleep(BEFORE)
        moments.append(time.time())
        took.append(create(ours, f"s{n}"))
        time.sleep(AFTER + 0.6)
        delete(ours, f"s{n}")
        ours.daemon.hook("/_test/fault", point=COPY, action="release", nth=1)
    return took, moments


def share_lost(load, moments):
    """(mean, its standard error) of the part of the load's transactions that one snapshot every EVERY seconds costs: those
    that are missing in AFTER seconds, beside the half seconds before and behind, which cancels what changes more slowly (a
    checkpoint). A whole second costs no more, and the load's own ups and downs in it hide one per cent of two."""
    before, during, behind = (load.rates(moments, *span) for span in ((-0.5, 0), (0, AFTER), (AFTER, AFTER + 0.5)))
    usual = [(b + a) / 2 for b, a in zip(before, behind)]
    missing = [(u - d) * AFTER for u, d in zip(usual, during)]
    whole = statistics.mean(usual) * EVERY
    return statistics.mean(missing) / whole, statistics.stdev(missing) / len(missing) ** 0.5 / whole


def materialised(ours, load):
    """TPS while one snapshot is made independent, in windows that alternate between the work and a halt of it, since the load
    alone varies by half between one checkpoint and the next: (mean of the halts, mean of the work, seconds of work)."""
    bases, halts, works = ours.bases(), [], []
    create(ours, "m")
    while not ours.bases() - bases:
        ours.daemon.hook("/_test/fault", point=REST, action="release")
        begin = time.monotonic()
        wait_for("independence", lambda: ours.bases() - bases or time.monotonic() > begin + WORK, 3600, 0.1)
        works.append((begin, time.monotonic()))
        ours.daemon.hook("/_test/fault", point=REST, action="hold", nth=1)
        time.sleep(HALT / 4)  # until it rests, and what it has written is on the disk
        begin = time.monotonic()
        time.sleep(HALT)
        halts.append((begin, time.monotonic()))
    ours.daemon.hook("/_test/fault", point=REST, action="release")
    mean = lambda windows: sum(load.mean(*w) for w in windows) / len(windows)
    return mean(halts), mean(works), sum(end - begin for begin, end in works)


def measure(kind, base):
    for size, scale in SIZES.items():
        if kind != "xfs" and size != "2 GB":
            continue
        os.mkdir(f"{base}/{scale}", 0o755)
        with Ours(f"{base}/{scale}", scale) as ours:
            ours.snapshot("loaded")
            load = Load(ours.place, 3600, log=f"{base}/{scale}/load")
            try:
                time.sleep(4)
                if size == "2 GB":  # first, as there is little WAL yet: it takes its time beside clients
                    without, during, seconds = materialised(ours, load)
                    print(f"{kind} {size}: independent after {seconds:.1f} s of work; "
                          f"TPS {during:.0f} beside it, {without:.0f} while it was halted")
                    verdict(f"materialise {kind} {size} tps", during / without, "the TPS while it was halted", ">= 0.9x",
                            during >= 0.9 * without)
                commits = Commits(ours.place)
                took, moments = marks(ours)
                commits.stop()
                load.stop()
                print(f"{kind} {size}: a client's plain commit meanwhile: p50 {median(commits.took):.1f}, "
                      f"p99 {percentile(commits.took, 99):.0f}, at most {max(commits.took):.0f} ms")
                worst = percentile(took, 99)
                limit(f"snapshot {kind} {size}", worst, f"ms p99 of {len(took)} (p50 {median(took):.0f} ms)", "<= 100 ms",
                      worst <= 100)
                lost, error = share_lost(load, moments)
                ratio = 1 - lost
                print(f"{kind} {size}: the TPS beside snapshots are known to {100 * error:.2f} %")
                verdict(f"snapshot {kind} {size} tps", ratio, f"the TPS without one every {EVERY} s", ">= 0.99x",
                        ratio >= 0.99)
            finally:
                load.stop()


if __name__ == "__main__":
    on_each(measure, 60, peer=False)
