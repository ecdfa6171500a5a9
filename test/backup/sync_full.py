#!/usr/bin/env python3
"""Commits that wait for the WAL vault, and disks that fill up: the vault's alone, with the daemon and without it, and the
one disk that holds everything. They go on within the timeout, nothing acknowledged is lost, it is told, and they wait again
once there is room."""
import glob
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "..", "bench"), HERE]

from daemon import Daemon, create, endpoint, psql, wait_for  # noqa: E402
from namespaces import in_namespace, run_inner, small_disk, with_disk_for_the_vault  # noqa: E402
from report import Report  # noqa: E402
from sync import TIMEOUT, Writer, more, restored, synchronous, told  # noqa: E402

LET_GO = "no longer wait for it"
LET_GO_NOTE = b"1"  # what the guard makes of the first byte of its task


def sync_file(daemon):
    return glob.glob(f"{daemon.state}/vault/*/sync")[0]


def fill(directory):
    """Takes the very last byte, also what others free while it does so."""
    path, chunk = f"{directory}/filler", b"x" * 65536
    with open(path, "ab", buffering=0) as f:
        for size in (len(chunk), 4096, 1):
            try:
                while f.write(chunk[:size]):
                    pass
            except OSError:
                continue
    return path


def begin(daemon):
    client = daemon.client()
    create(client, "s", BackupRetentionPeriod=1, **{"Tags.Tag": [
        {"Key": "howdah:wal-mode", "Value": "sync"}, {"Key": "howdah:wal-sync-timeout", "Value": str(TIMEOUT)}]})
    psql(*endpoint(client, "s"), "create table ledger (id bigint primary key)")
    wait_for("the first backup", lambda: client.instance("s").findtext("LatestRestorableTime"), 90)
    synchronous(client, "s", 1)
    return client


def shown(place):
    return psql(*place, "show synchronous_standby_names")


def vault_fills(daemon, client, vault):
    """The vault's disk is full: `position` and the guard's file need no room."""
    place, writer = endpoint(client, "s"), Writer(1, endpoint(client, "s"))
    wait_for("writes", lambda: writer.acknowledged)
    filler = fill(vault)
    begun = time.monotonic()
    wait_for("commits that do not wait", lambda: shown(place) == "", 60)
    print(f"commits no longer wait {time.monotonic() - begun:.1f} s after the vault's disk was full")
    more(writer, "commits with a full vault")
    wait_for("the event", lambda: told(client, "s", LET_GO) == 1, 20)
    os.remove(filler)
    synchronous(client, "s", 2)
    return writer


def alone(daemon, client, vault, writer):
    """Again, when nobody but the guard is there to notice."""
    place = endpoint(client, "s")
    daemon.kill()
    filler = fill(vault)
    try:
        wait_for("commits that do not wait", lambda: shown(place) == "", 60)
        more(writer, "commits with a full vault and no daemon")
    finally:
        os.remove(filler)
        daemon.start()
        client.close()
    wait_for("the event", lambda: told(client, "s", LET_GO) == 2, 30)
    synchronous(client, "s", 3)
    writer.ended = True
    writer.join()
    there = restored(client, "s", "again")
    lost = set(writer.acknowledged) - there
    print(f"{len(writer.acknowledged)} acknowledged, {len(lost)} lost")
    assert not lost, sorted(lost)[:20]


def full_vault():
    daemon = Daemon("syncvault")
    with with_disk_for_the_vault(daemon, "200m") as vault:
        client = begin(daemon)
        writer = vault_fills(daemon, client, vault)
        alone(daemon, client, vault, writer)


def full_disk():
    """Data, WAL, vault and the daemon's own records on one disk without a byte left, and nobody but the guard there."""
    with small_disk("syncfull", "1000m") as base:
        with Daemon("syncfull", base=base, settings={"ready_volumes": False}) as daemon:
            client = begin(daemon)
            place = endpoint(client, "s")
            # Their WAL has room in its segment; rows would not find any in their table's file.
            writer = Writer(1, place, "select pg_logical_emit_message(true, 'test', '{}')")
            wait_for("writes", lambda: writer.acknowledged)
            daemon.kill()
            filler = fill(base)
            try:
                wait_for("commits that do not wait", lambda: LET_GO_NOTE in open(sync_file(daemon), "rb").read(1), 60)
                more(writer, "commits with a full disk")
                daemon.start()  # which gives up its reserve
                client.close()
                wait_for("the event", lambda: told(client, "s", LET_GO) == 1, 60)
            finally:
                os.remove(filler)
            synchronous(client, "s", 2)
            more(writer, "commits that wait again")
            writer.ended = True
            writer.join()


def main():
    if run_inner({"full_vault": full_vault, "full_disk": full_disk}):
        return
    report = Report()
    report.run("no room in the vault that commits wait for", in_namespace("full_vault"))
    report.run("no room at all", in_namespace("full_disk"))
    report.finish()


if __name__ == "__main__":
    main()
