#!/usr/bin/env python3
"""Restore to a point in time late in a busy day: 7 GB of WAL after the daily backup, of which the last has just been written
when the instant comes. From the request (or command) to the first query that the restored, writable server answers; both must
hold exactly what was there at the instant. The hour that is to lie between two bases of ours is left out, since the day takes
minutes here."""
import os
import time

from backup_rig import Ours, Peer, churn, on_each
from common import median, verdict
from daemon import wait_for
from pitr import instant_after_churn, ours_once, theirs_once

ROUNDS, DAY = int(os.environ.get("ROUNDS", "3")), int(os.environ.get("DAY", "6144"))
SETTINGS = {"backup": {"interim_minutes": 0}}


def at_rest(ours):
    """The number of bases, when none is being made."""
    bases = os.listdir(f"{ours.daemon.state}/bases")
    return 0 if any("." in b for b in bases) else len(bases)


def quiet(ours, before):
    """Returns when there are more bases than before, and none has been begun for longer than it takes to see that it is due."""
    seen, since = None, 0.0

    def settled():
        nonlocal seen, since
        now = at_rest(ours)
        if now != seen:
            seen, since = now, time.monotonic()
        return now > before and time.monotonic() - since > 15
    wait_for("bases in between", settled, 1800, 1)


def day_and_instant(place, pause=lambda: None):
    """The WAL of a day, and then as pitr.py."""
    day = churn(place, DAY)
    pause()
    (instant, last), written = instant_after_churn(place, 1024)
    total = int(day.split("/")[0]) + int(last.split("/")[0])
    return (instant, f"{total}/{last.split('/')[1]}"), DAY + written


def measure(kind, base):
    with Ours(base, settings=SETTINGS) as ours, Peer(base) as peer:
        ours.snapshot("loaded")
        peer.backup()
        before = len(ours.bases())
        mine, our_wal = day_and_instant(ours.place, lambda: quiet(ours, before))
        its, their_wal = day_and_instant(peer.place)
        ours.restorable(mine[0])
        peer.archived()
        a, b = [], []
        for n in range(ROUNDS):
            a.append(ours_once(ours, *mine, n))
            b.append(theirs_once(peer, *its))
        print(f"{kind}: howdah {median(a):.2f} s ({min(a):.2f}-{max(a):.2f}), pgBackRest {median(b):.2f} s "
              f"({min(b):.2f}-{max(b):.2f}); {our_wal} and {their_wal} MB of WAL since the backup, medians of {ROUNDS} rounds "
              "in turns")
        ratio = median(a) / median(b)
        verdict(f"pitr_day {kind}", ratio, "pgBackRest's time", "<= 0.7x", ratio <= 0.7)


if __name__ == "__main__":
    on_each(measure, 60, kinds=("xfs",))
