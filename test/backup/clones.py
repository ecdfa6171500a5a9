#!/usr/bin/env python3
"""On a file system that shares blocks: a restore shares those of the snapshot's immutable files, and copies what is in so
many extents that a clone takes longer, which makes one piece of it again; nothing shares blocks with files that a running
server of the source writes."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from daemon import Daemon, available, create, endpoint, psql, wait_for  # noqa: E402
from namespaces import in_namespace, run_inner  # noqa: E402
from report import Report, Skip  # noqa: E402
import procs  # noqa: E402

BLOCK = 8192


def extents(path):
    """How many, and how many of them are shared."""
    subprocess.run(["sync", "-f", path], check=True)
    said = subprocess.run(["filefrag", "-v", path], capture_output=True, text=True, check=True).stdout
    rows = [line for line in said.splitlines() if re.match(r"\s*\d+:\s", line)]
    return len(rows), sum("shared" in line for line in rows)


def tear(path):
    """The same bytes in as many extents as there are blocks, as it becomes when clones are written to."""
    other = f"{path}.clone"
    subprocess.run(["cp", "--reflink=always", path, other], check=True)
    fd = os.open(path, os.O_RDWR | os.O_DSYNC)
    for at in range(0, os.path.getsize(path), 2 * BLOCK):
        os.pwrite(fd, os.pread(fd, BLOCK, at), at)
    os.close(fd)
    os.remove(other)


def story(daemon):
    client = daemon.client()
    create(client, "src")
    place = endpoint(client, "src")
    for table in ("torn", "whole"):
        psql(*place, f"create table {table} as select g as id, repeat(md5(g::text), 30) as pad from generate_series(1, 20000) g")
    psql(*place, "vacuum")
    client.rds("CreateDBSnapshot", DBInstanceIdentifier="src", DBSnapshotIdentifier="s")
    base, = wait_for("the snapshot's files", lambda: [b for b in glob.glob(f"{daemon.state}/bases/*") if "." not in
                                                      os.path.basename(b)], 120)
    paths = {t: psql(*place, f"select pg_relation_filepath('{t}')") for t in ("torn", "whole")}
    source = f"{daemon.state}/instances/{client.instance('src').findtext('DbiResourceId')}/data"
    for path in paths.values():
        for where in (f"{base}/data/{path}", f"{source}/{path}"):
            assert extents(where)[1] == 0, f"{where} shares blocks of a running server"
    tear(f"{base}/data/{paths['torn']}")
    before, _ = extents(f"{base}/data/{paths['torn']}")
    assert before > 500, f"only {before} extents"

    client.rds("RestoreDBInstanceFromDBSnapshot", DBInstanceIdentifier="r", DBSnapshotIdentifier="s", BackupRetentionPeriod=0)
    available(client, "r", 120)
    data = f"{daemon.state}/instances/{client.instance('r').findtext('DbiResourceId')}/data"
    found = {t: extents(f"{data}/{path}") for t, path in paths.items()}
    print(f"{before} extents in the snapshot; restored: {found}")
    assert found["torn"][0] <= 32 and found["torn"][1] == 0, found
    assert found["whole"][1] > 0, found
    for table in paths:
        assert psql(*endpoint(client, "r"), f"select count(*), sum(length(pad)) from {table}") == "20000|19200000"
    damaged(daemon, client, base, paths["torn"])


def damaged(daemon, client, base, path):
    """A copied file that is not what it was when the base was made is noticed, as where all is copied."""
    with open(f"{base}/data/{path}", "r+b") as f:
        f.seek(BLOCK // 2)
        byte = f.read(1)[0]
        f.seek(BLOCK // 2)
        f.write(bytes([byte ^ 1]))
    assert extents(f"{base}/data/{path}")[0] > 500, "it is no patchwork any more"
    client.rds("RestoreDBInstanceFromDBSnapshot", DBInstanceIdentifier="d", DBSnapshotIdentifier="s", BackupRetentionPeriod=0)
    wait_for("the end of the restore", lambda: client.status("d") in ("available", "incompatible-restore"), 120)
    why = " ".join(client.events("d"))
    assert client.status("d") == "incompatible-restore", "damage was restored"
    assert path in why, why


def on_xfs():
    base = tempfile.mkdtemp(prefix="howdah-test-clones-", dir="/var/tmp")
    image = f"{base}.img"
    mounted = False
    try:
        with open(image, "wb") as f:
            f.truncate(3 << 30)
        subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image], check=True)
        done = subprocess.run(["mount", "-o", "loop", image, base], capture_output=True, text=True, check=False)
        mounted = done.returncode == 0
        if not mounted:
            raise Skip(f"this machine mounts no loop device: {done.stderr.strip()}")
        os.chmod(base, 0o711)
        with Daemon("clones", base=base) as daemon:
            story(daemon)
    finally:
        procs.stop_servers(base)
        if mounted:
            subprocess.run(["umount", "-l", base], check=False)
        os.rmdir(base)
        os.remove(image)


def clones():
    missing = [p for p in ("mkfs.xfs", "filefrag") if not shutil.which(p) and not os.path.exists(f"/usr/sbin/{p}")]
    if missing:
        raise Skip(f"{', '.join(missing)} is not installed")
    if not os.path.exists("/dev/loop-control"):
        raise Skip("this machine has no loop devices")
    in_namespace("on_xfs")()


def main():
    report = Report()
    report.run("clones of immutable files, copies of those in too many extents", clones)
    report.finish()


if __name__ == "__main__":
    if not run_inner({"on_xfs": on_xfs}):
        main()
