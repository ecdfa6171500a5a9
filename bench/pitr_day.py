#!/usr/bin/env python3
"""Restore to a point in time late in a busy day: 7 GB of WAL after the daily backup, of which the last has just been written
when the instant comes. From the request (or command) to the first query that the restored, writable server answers; both must
hold exactly what was there at the instant. The hour that is to lie between two bases of ours is left out, since the day takes
minutes here."""
import os
import time

from backup_rig import Ours, Peer, churn, on_each
from daemon import wait_for
from pitr import compare, instant_after_churn

DAY = int(os.environ.get("DAY", "6144"))
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
        compare(f"pitr_day {kind}", ours, mine, peer, its, f"{our_wal} and {their_wal} MB of WAL since the backup")


if __name__ == "__main__":
    on_each(measure, 60, kinds=("xfs",))
