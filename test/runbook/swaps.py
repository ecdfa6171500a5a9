#!/usr/bin/env python3
"""Cut-overs under load: two servers exchange their names again and again (argument: how often, default 5; every second
time by three renames), while clients connect by name with verify-full, ask who answers and write a row. Every connection
reaches exactly the named server, every acknowledged row is there, sessions from before a cut-over are closed by its end."""
import os
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from daemon import BINARY, PASSWORD, Daemon, available, create, endpoint, wait_for  # noqa: E402
from report import Report  # noqa: E402

NAMES = ("app", "app-restored")
CLIENTS = 2  # a name


class World:
    def __init__(self, daemon):
        self.daemon, self.client, self.stopped = daemon, daemon.client(), False
        self.bundle = f"{daemon.base}/bundle.pem"
        with urllib.request.urlopen(f"{daemon.url}/global-bundle.pem") as answer, open(self.bundle, "wb") as f:
            f.write(answer.read())
        self.env = {**os.environ, "PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "5"}
        for name in NAMES:
            create(self.client, name, wait=False)
        for name in NAMES:
            available(self.client, name)
        self.hosts = {name: endpoint(self.client, name)[0] for name in NAMES}
        self.seen = {name: [] for name in NAMES}  # (begin, end, who or None), one list a name
        self.acknowledged = {}  # who -> rows
        self.lock = threading.Lock()
        for name in NAMES:
            self.ask(name, f"create table who as select '{self.resource(name)}' as id; create table acks (n bigint)")

    def resource(self, name):
        return self.client.instance(name).findtext("DbiResourceId")

    def place(self, name):
        """What a resolver says now, or nothing."""
        with open(self.daemon.hosts, encoding="utf-8") as f:
            found = dict(reversed(line.split()[:2]) for line in f if line[:1].isdigit() and len(line.split()) == 2)
        address = found.get(self.hosts[name])
        return address and (f"host={self.hosts[name]} hostaddr={address} port=5432 user=root1 dbname=app "
                            f"sslmode=verify-full sslrootcert={self.bundle}")

    def ask(self, name, sql):
        """The answer of a connection of its own, or None."""
        place = self.place(name)
        done = place and subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, place], env=self.env,
                                        capture_output=True, text=True, timeout=60, check=False)
        return done.stdout.strip() if done and done.returncode == 0 else None

    def keep_asking(self, name, number):
        n = number
        while not self.stopped:
            n += 1000
            begin = time.monotonic()
            who = self.ask(name, f"insert into acks values ({n}) returning (select id from who)")
            with self.lock:
                self.seen[name].append((begin, time.monotonic(), who))
                if who:
                    self.acknowledged.setdefault(who, set()).add(n)
            if not who:
                time.sleep(0.02)

    def session(self, name):
        """A client that stays: connected when this returns."""
        p = subprocess.Popen(["psql", "-XAtq", self.place(name)], env=self.env, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
        p.stdin.write("select id from who;\n")
        assert p.stdout.readline().strip() == self.resource(name), f"a session to {name} reached another server"
        return p

    def has_ended(self, session):
        try:
            out, _ = session.communicate("select id from who;\n", timeout=30)
        except BrokenPipeError:
            out = ""
        return out.strip() == ""


def swap(world):
    subprocess.run([BINARY, "swap", *NAMES], env={**os.environ, **world.daemon.env()}, check=True, capture_output=True,
                   timeout=180)


def rename_thrice(world):
    """As a runbook does it; each name is free at once, so the second rename does not wait for the first one's end."""
    def rename(old, new):
        world.client.rds("ModifyDBInstance", DBInstanceIdentifier=old, NewDBInstanceIdentifier=new, ApplyImmediately=True)
    rename(NAMES[0], "aside")
    rename(NAMES[1], NAMES[0])
    available(world.client, "aside", 180)
    rename("aside", NAMES[1])
    for name in NAMES:
        available(world.client, name, 180)


def check_answers(world, name, periods):
    """`periods`: (from, to, who), the times in which exactly one server had the name; in between either may answer, but
    no client goes back to the old one."""
    gaps = []
    for begin, end, who in world.seen[name]:
        for since, till, right in periods:
            if begin >= since and end <= till:
                assert who is not None, f"{name} did not answer although nothing was going on"
                assert who == right, f"{name} led to {who} instead of {right}"
    for (_, since, old), (till, _, new) in zip(periods, periods[1:]):
        during = [s for s in world.seen[name] if s[1] >= since and s[0] <= till and s[2]]
        assert all(s[2] in (old, new) for s in during), f"{name} led to a third server"
        first = min((s[1] for s in during if s[2] == new), default=till)
        late = [s for s in during if s[0] > first and s[2] == old]
        assert not late, f"{name} led back to the old server after the new one had answered"
        last = max((s[0] for s in during if s[2] == old), default=since)
        gaps.append(first - last)
    return gaps


def cut_over(daemon, times):
    world = World(daemon)
    threads = [threading.Thread(target=world.keep_asking, args=(name, i * 10 + k))
               for i, name in enumerate(NAMES) for k in range(CLIENTS)]
    periods = {name: [] for name in NAMES}
    for t in threads:
        t.start()
    try:
        for n in range(times):
            begin = time.monotonic()
            sessions = [world.session(name) for name in NAMES]
            time.sleep(0.3)  # some answers with nothing going on
            for name in NAMES:
                periods[name].append((begin, time.monotonic(), world.resource(name)))
            (swap if n % 2 == 0 else rename_thrice)(world)
            for name, session in zip(NAMES, sessions):
                assert world.has_ended(session), f"a session to {name} outlived cut-over {n + 1}"
                assert world.resource(name) != periods[name][-1][2], f"{name} did not change its server"
        begin = time.monotonic()
        for name in NAMES:
            wait_for(f"{name} answering", lambda name=name: world.ask(name, "select 1") == "1", 60)
            periods[name].append((begin, time.monotonic(), world.resource(name)))
    finally:
        world.stopped = True
        for t in threads:
            t.join()
    by_name = {name: check_answers(world, name, periods[name]) for name in NAMES}
    for kind, first in (("swap", 0), ("renames", 1)):
        gaps = sorted(g for found in by_name.values() for g in found[first::2])
        if gaps:
            print(f"{kind}: longest time from the last answer of the old server to the first of the new one "
                  f"{gaps[-1]:.2f} s, median {gaps[len(gaps) // 2]:.2f} s")
    for name in NAMES:
        who, host = world.resource(name), daemon.client().instance(name).findtext("Endpoint/Address")
        assert host == world.hosts[name], f"the endpoint of {name} changed"
        there = set(map(int, world.ask(name, "select n from acks").split()))
        assert world.acknowledged.get(who, set()) <= there, f"{who} lost acknowledged rows"


def main():
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    report = Report()
    with Daemon("swaps", settings={"names": "hosts"}) as daemon:
        report.run(f"I8 I4 I3 {times} cut-overs under load", cut_over, daemon, times)
    report.finish()


if __name__ == "__main__":
    main()
