#!/usr/bin/env python3
"""From the create-db-instance request to the first answered query of a client, in turns with what one would do by hand
(initdb, pg_ctl -w start, createuser, createdb) and with the floor: copy of a ready data directory, exec of postgres,
query. Twice: as it is, when a volume was made ahead since the last creation, and copying (`ready_volumes = false`), as
in a burst of creations. On the file system under /var/tmp, and on a loop-mounted XFS with reflink in a private mount namespace."""
import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from common import Libpq, limit, median, verdict
from daemon import Daemon, PASSWORD, create, free_port, reach

ROUNDS = 7
PG = "/usr/lib/postgresql/15/bin"
pq = Libpq()


def demote():
    """The OS user that servers run as; None when we are not root."""
    if os.geteuid() != 0:
        return None
    user = pwd.getpwnam("postgres")
    return lambda: (os.setgid(user.pw_gid), os.setuid(user.pw_uid))


def tool(*command):
    subprocess.run(command, check=True, preexec_fn=demote(), cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def initdb(data):
    tool(f"{PG}/initdb", "-k", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-U", "postgres", "-D", data)


def by_hand(base, number):
    data, port = f"{base}/hand{number}", free_port()
    start = time.monotonic()
    initdb(data)
    tool(f"{PG}/pg_ctl", "-w", "-D", data, "-l", f"{data}.log", "-o",
         f"-p {port} -c unix_socket_directories={base} -c listen_addresses=127.0.0.1", "start")
    tool(f"{PG}/createuser", "-h", base, "-p", str(port), "-U", "postgres", "root1")
    tool(f"{PG}/createdb", "-h", base, "-p", str(port), "-U", "postgres", "-O", "root1", "app")
    pq.first_query(f"host=127.0.0.1 port={port} user=root1 dbname=app")
    seconds = time.monotonic() - start
    tool(f"{PG}/pg_ctl", "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(data)
    return seconds


def floor(base, number, reflink):
    data, port = f"{base}/floor{number}", free_port()
    start = time.monotonic()
    subprocess.run(["cp", "-a", f"--reflink={'always' if reflink else 'never'}", f"{base}/template", data], check=True)
    server = subprocess.Popen([f"{PG}/postgres", "-D", data, "-p", str(port), "-c", f"unix_socket_directories={base}",
                               "-c", "listen_addresses=127.0.0.1"], preexec_fn=demote(), cwd="/",
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pq.first_query(f"host=127.0.0.1 port={port} user=postgres dbname=postgres")
    seconds = time.monotonic() - start
    server.send_signal(signal.SIGQUIT)
    server.wait()
    shutil.rmtree(data)
    return seconds


def await_stock(daemon):
    """Until the volume that was made ahead is there, if this daemon makes any."""
    deadline = time.monotonic() + 60
    while daemon.settings.get("ready_volumes", True) and not glob.glob(f"{daemon.state}/templates/*/spare.ready"):
        assert time.monotonic() < deadline, "no volume was made ahead"
        time.sleep(0.05)


def howdah(daemon, number):
    """(request -> first query, request -> answer)"""
    client, name = daemon.client(), f"i{number}"
    client.instances()  # the connection is made
    start = time.monotonic()
    create(client, name, wait=False)
    answered = time.monotonic() - start
    while True:
        # One instance in transition: the answer is held until its status changes.
        node = client.instance(name)
        if node.findtext("DBInstanceStatus") == "available":
            break
        time.sleep(0.002)
    pq.first_query(f"host={node.findtext('Endpoint/Address')} port=5432 user=root1 dbname=app password={PASSWORD} sslmode=require")
    seconds = time.monotonic() - start
    client.rds("DeleteDBInstance", DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    reach(client, name, "gone")
    return seconds, answered


def measure(base, kind, reflink):
    os.chmod(base, 0o777)
    tool(f"{PG}/initdb", "-k", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-U", "postgres", "-D", f"{base}/template")
    hand, low, ours, copying, answers = [], [], [], [], []
    with Daemon("bench", base=base) as daemon, Daemon("copies", base=base, settings={"ready_volumes": False}) as copier:
        for one in (daemon, copier):
            howdah(one, "warm")  # the template is made once for each engine version
        for n in range(ROUNDS):
            await_stock(daemon)
            hand.append(by_hand(base, n))
            low.append(floor(base, n, reflink))
            seconds, answered = howdah(daemon, n)
            ours.append(seconds)
            answers.append(answered)
            await_stock(daemon)
            copying.append(howdah(copier, n)[0])
    print(f"{kind}: by hand {median(hand):.3f} s, floor {median(low):.3f} s, howdah {median(ours):.3f} s "
          f"({min(ours):.3f}-{max(ours):.3f}), copying {median(copying):.3f} s, answer to the request "
          f"{median(answers) * 1000:.1f} ms; medians of {ROUNDS} rounds in turns")
    goal = 4 if reflink else 2

    def judged(name, seconds):
        ratio, over = median(hand) / median(seconds), median(seconds) / median(low)
        return all([verdict(name, ratio, "the speed of initdb by hand", f">= {goal}x", ratio >= goal),
                    verdict(f"{name} floor", over, "the time of copy + exec + query", "<= 1.5x", over <= 1.5)])

    return all([judged(f"create_first_query {kind}", ours), judged(f"create_first_query {kind}, copying", copying),
                limit(f"create_answer {kind}", median(answers) * 1000, "ms p50", "<= 10 ms", median(answers) <= 0.010)])


def on_xfs():
    """Inside the mount namespace: makes the file system, measures, and takes it away."""
    image = tempfile.NamedTemporaryFile(prefix="howdah-test-xfs-", dir="/var/tmp")
    image.truncate(4 << 30)
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image.name], check=True)
    base = tempfile.mkdtemp(prefix="howdah-test-xfs-", dir="/var/tmp")
    subprocess.run(["mount", "-o", "loop", image.name, base], check=True)
    try:
        return measure(base, "xfs reflink", True)
    finally:
        subprocess.run(["umount", base], check=True)
        os.rmdir(base)


def main():
    if "--xfs" in sys.argv:
        sys.exit(0 if on_xfs() else 2)
    base = tempfile.mkdtemp(prefix="howdah-test-bench-", dir="/var/tmp")
    try:
        kind = subprocess.run(["stat", "-f", "-c", "%T", base], check=True, capture_output=True, text=True).stdout.strip()
        measure(base, kind.replace("ext2/ext3", "ext4"), False)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    if os.geteuid() != 0 or not shutil.which("mkfs.xfs"):
        print("SKIPPED create_first_query xfs reflink: needs root and mkfs.xfs")
        return
    done = subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable, os.path.abspath(__file__), "--xfs"],
                          check=False).returncode
    if done not in (0, 2):
        print(f"SKIPPED create_first_query xfs reflink: exit code {done}")


if __name__ == "__main__":
    main()
