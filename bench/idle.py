#!/usr/bin/env python3
"""What the daemon costs when nobody asks it anything, how soon it answers after a start, and how soon it has adopted the
servers that an earlier daemon left. 20 instances run real servers, 30 more are registered."""
import http.client
import os
import time

from common import Libpq, limit
from daemon import Daemon, PASSWORD, create, reach, wait_for
import procs

RUNNING, REGISTERED, SECONDS = 20, 30, 20


def first_answer(daemon):
    """Seconds from exec to a signed answer that names every instance."""
    start = time.monotonic()
    daemon.start(wait=False)
    while True:
        try:
            c = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=5)
            c.request("GET", "/health")
            if c.getresponse().status == 200:
                return time.monotonic() - start
        except OSError:
            time.sleep(0.001)


def main():
    pq = Libpq()
    with Daemon("idle", settings={"quotas": {"DBInstances": 100}}) as daemon:
        client = daemon.client()
        for n in range(RUNNING):
            create(client, f"run{n}", wait=n % 4 == 3, seconds=120)
        for n in range(RUNNING):
            reach(client, f"run{n}", "available", 120)
        daemon.hook("/_test/instances", count=REGISTERED, region=daemon.region)
        known = len(client.instances())
        assert known == RUNNING + REGISTERED, known
        place = [(i.findtext("Endpoint/Address"), i.findtext("Endpoint/Port")) for i in client.instances()
                 if i.findtext("DBInstanceStatus") == "available"]
        sessions = [pq.connect(f"host={a} port={p} user=root1 dbname=app password={PASSWORD}")[0] for a, p in place]
        assert all(sessions) and len(sessions) == RUNNING
        time.sleep(3)

        cpu, start = procs.cpu_seconds(daemon.pid), time.monotonic()
        time.sleep(SECONDS)
        share = 100 * (procs.cpu_seconds(daemon.pid) - cpu) / (time.monotonic() - start)
        limit(f"idle memory with {known} instances ({RUNNING} running)", procs.rss_mb(daemon.pid), "MB", "<= 50 MB",
              procs.rss_mb(daemon.pid) <= 50)
        limit("idle CPU", share, "% of a core", "< 1 %", share < 1)

        before = daemon.postmasters()
        daemon.kill()
        start = time.monotonic()
        seconds = first_answer(daemon)
        limit(f"start-up to the first answer with {known} instances", seconds, "s", "<= 0.3 s", seconds <= 0.3)
        adopted = wait_for("adoption", lambda: adopted_after(daemon, start), 30, 0.005)
        limit(f"adoption of {RUNNING} running servers", adopted, "s", "<= 1 s", adopted <= 1)
        assert daemon.postmasters() == before, "a server was restarted"
        for session in sessions:
            assert pq.query(session, "select 1") == "1", "a client noticed"
        client.close()
        assert all(client.status(f"run{n}") == "available" for n in range(RUNNING))
        # Adopted means watched: a server that dies now is noticed at once.
        victim = next(iter(before.values()))[0]
        procs.send(victim, 9)
        killed = time.monotonic()
        wait_for("a new server", lambda: sum(len(p) for p in daemon.postmasters().values()) == RUNNING and
                 victim not in [q for p in daemon.postmasters().values() for q in p], 30, 0.01)
        print(f"a killed server is back after {time.monotonic() - killed:.2f} s")


def adopted_after(daemon, start):
    """Seconds until the daemon holds a pidfd to each server; needs root or the daemon's own user."""
    held = 0
    try:
        for fd in os.listdir(f"/proc/{daemon.pid}/fd"):
            try:
                held += "pidfd" in os.readlink(f"/proc/{daemon.pid}/fd/{fd}")
            except OSError:
                pass
    except OSError:
        return 0
    return time.monotonic() - start if held >= RUNNING else 0


if __name__ == "__main__":
    main()
