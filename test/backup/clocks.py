#!/usr/bin/env python3
"""Servers whose clock is wrong and whose time zone is odd: it is an hour fast, an hour slow, steps back by a year, and
lives through the hours in which New York's clocks are set. A restore to an instant between two rows brings exactly the
rows before it, since the vault's own clock says when they were written."""
import datetime
import glob
import os
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

from daemon import Daemon, available, create, endpoint, psql, wait_for  # noqa: E402
from report import Report  # noqa: E402

# What a server is told instead of the time: seconds are added that a shared file holds.
SHIFT = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile long long *shift;

__attribute__((constructor)) static void begin(void) {
  int fd = open(getenv("CLOCK_SHIFT"), O_RDONLY);
  void *seen = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);
  if (fd < 0 || seen == MAP_FAILED) abort();
  shift = seen;
}

int clock_gettime(clockid_t id, struct timespec *now) {
  int result = (int)syscall(SYS_clock_gettime, id, now);
  if (result == 0 && id == CLOCK_REALTIME) now->tv_sec += *shift;
  return result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
"""


def utc(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc).timestamp()


# Time zone, and what the server's clock is a few seconds before the row: a shift, or a time that it is set to.
ERAS = [("Asia/Kathmandu", 3600),
        ("America/New_York", utc("2027-11-07 05:59:58")),  # 01:59:58 the first time; two seconds later it is 01:00
        ("America/New_York", utc("2026-03-08 06:59:58")),  # there is no 02:00 that night
        ("Australia/Lord_Howe", -3600),
        ("Asia/Kathmandu", 0)]


class Clock:
    """The clock of all servers that begin after install()."""

    def __init__(self, base):
        self.path, self.library = f"{base}/clock", f"{base}/clock.so"
        self.set(0)
        with open(f"{base}/clock.c", "w", encoding="utf-8") as f:
            f.write(SHIFT)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.library, f"{base}/clock.c"], check=True)
        for path in (self.path, self.library):
            os.chmod(path, 0o755)

    def set(self, shift):
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as f:
            f.write(struct.pack("q", int(shift)))  # in place: servers have it mapped

    def install(self, daemon):
        """Programs find their files relative to where they lie, so the whole tree gets a second place."""
        for tree in glob.glob(f"{daemon.state}/engines/*.*"):
            real = f"{daemon.base}/{os.path.basename(tree)}"
            subprocess.run(["cp", "-a", tree, real], check=True)
            for program in glob.glob(f"{tree}/**/bin/postgres", recursive=True):
                other = os.path.join(real, os.path.relpath(program, tree))
                os.remove(program)
                with open(program, "w", encoding="utf-8") as f:
                    f.write(f'#!/bin/sh\nLD_PRELOAD={self.library} CLOCK_SHIFT={self.path} exec {other} "$@"\n')
                os.chmod(program, 0o755)


class Source:
    def __init__(self, client, name):
        self.client, self.name, self.place = client, name, endpoint(client, name)

    def await_vault(self, instant):
        """Until the vault has seen what was written by then."""
        def seen():
            latest = self.client.instance(self.name).findtext("LatestRestorableTime") or "1970-01-01"
            return utc(latest.removesuffix("Z")) > instant
        wait_for("the vault's clock", seen, 60)

    def server_time(self):
        return float(psql(*self.place, "select extract(epoch from clock_timestamp())"))


def live_through(clock, sources, client):
    """One row an era; an instant behind each."""
    instants = []
    for n, (zone, at) in enumerate(ERAS, 1):
        client.rds("ModifyDBParameterGroup", DBParameterGroupName="zones", **{"Parameters.Parameter": [
            {"ParameterName": "timezone", "ParameterValue": zone, "ApplyMethod": "immediate"}]})
        for s in sources:
            wait_for(f"timezone {zone}", lambda s=s: psql(*s.place, "show timezone") == zone)
        shift = at if abs(at) < 1e6 else at - time.time()
        clock.set(shift)
        for s in sources:
            assert abs(s.server_time() - time.time() - shift) < 5, "the server has the machine's own clock"
            # The second one comes less than a second after the index has noted the first, and silence follows.
            psql(*s.place, "do $$ begin insert into noise values (1); commit; perform pg_sleep(0.3);"
                           f" insert into t values ({n}); end $$")
        for s in sources:
            s.await_vault(time.time() + 2.5)  # that is how far a wrong clock may shift a restore
        instants.append(time.time())
        for s in sources:
            s.await_vault(instants[-1] + 3.5)
    return instants


def story():
    with Daemon("clocks") as daemon:
        client = daemon.client()
        client.rds("CreateDBParameterGroup", DBParameterGroupName="zones", Description="x",
                   DBParameterGroupFamily=client.rds("DescribeDBEngineVersions", Engine="postgres").find(
                       ".//DBEngineVersion/DBParameterGroupFamily").text)
        family = client.rds("DescribeDBParameterGroups", DBParameterGroupName="zones").find(".//DBParameterGroupFamily").text
        version = family.removeprefix("postgres")
        ways = {"tailed": "tail", "streamed": "stream"}
        for name, way in ways.items():
            create(client, name, BackupRetentionPeriod=1, EngineVersion=version, DBParameterGroupName="zones",
                   **{"Tags.Tag": [{"Key": "howdah:wal-mode", "Value": way}]})
            psql(*endpoint(client, name), "create table t (x int); create table noise (x int)")
        clock = Clock(daemon.base)
        clock.install(daemon)
        for name in ways:
            wait_for("the first backup", lambda name=name: client.instance(name).findtext("LatestRestorableTime"), 90)
            client.rds("RebootDBInstance", DBInstanceIdentifier=name)
            available(client, name)
        sources = [Source(client, name) for name in ways]
        instants = live_through(clock, sources, client)
        for s in sources:
            for n, instant in enumerate(instants, 1):
                client.rds("RestoreDBInstanceToPointInTime", SourceDBInstanceIdentifier=s.name,
                           TargetDBInstanceIdentifier=f"{s.name}-{n}", BackupRetentionPeriod=0,
                           RestoreTime=datetime.datetime.fromtimestamp(instant, datetime.timezone.utc).isoformat())
            client.rds("RestoreDBInstanceToPointInTime", SourceDBInstanceIdentifier=s.name, UseLatestRestorableTime=True,
                       TargetDBInstanceIdentifier=f"{s.name}-latest", BackupRetentionPeriod=0)
        wrong = []
        for s in sources:
            for n, target in [*enumerate([f"{s.name}-{n}" for n in range(1, len(ERAS) + 1)], 1),
                              (len(ERAS), f"{s.name}-latest")]:
                available(client, target, 180)
                rows = psql(*endpoint(client, target), "select string_agg(x::text, ' ' order by x) from t")
                wanted = " ".join(str(x) for x in range(1, n + 1))
                if rows != wanted:
                    wrong.append(f"{target}: rows {rows}, wanted {wanted}")
        assert not wrong, wrong


def main():
    report = Report()
    report.run("clocks that are wrong and time zones that are odd move no restore", story)
    report.finish()


if __name__ == "__main__":
    main()
