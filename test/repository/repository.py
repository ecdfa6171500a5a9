#!/usr/bin/env python3
"""`howdah backup` as a process: killed at each stage of storing a tree and run again; the reader script against it; what
it says of damage; WAL. Prints one line a check and the counts."""
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("HOWDAH", os.path.join(ROOT, os.environ.get("HOWDAH_BUILD", "build"), "howdah"))
BEFORE_MANIFEST = ["repository.put,kill,1", "repository.put,kill,2", "repository.pack,kill,1", "repository.pack,kill,2",
                   "repository.manifest,kill,1"]
LATER = ["repository.put,kill,3", "repository.put,kill,4", "repository.manifest,kill,2"]  # with it or without


def tree(root):
    """path -> (kind, mode, content's hash)"""
    out = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            content = ""
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    content = hashlib.sha256(f.read()).hexdigest()
            out[os.path.relpath(path, root)] = (os.path.isdir(path), os.stat(path).st_mode, content)
    return out


class Place:
    """A repository in a directory of its own, and a tree that two workers share, so that it makes two packs."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="howdah-test-repository-", dir="/var/tmp")
        self.source, self.repository, self.key = (f"{self.root}/{n}" for n in ("source", "repository", "key"))
        random.seed(4)
        os.makedirs(f"{self.source}/data/base/5", mode=0o700)
        os.makedirs(f"{self.source}/data/pg_notify", mode=0o750)
        self.write("data/base/5/16384", random.randbytes(8_000_000))
        self.write("data/base/5/1259", random.randbytes(1 << 17) * 3 + b"tail")
        self.write("data/PG_VERSION", b"15\n")
        self.write("data/base/5/16390", b"")
        self.write("data/base/5/16399", b"page" * 1_000_000)

    def write(self, name, content):
        with open(f"{self.source}/{name}", "wb") as f:
            f.write(content)
        os.chmod(f"{self.source}/{name}", 0o600)

    def command(self):
        return [BINARY, "backup", "--state-dir", f"{self.root}/state", "--repository", self.repository,
                "--key-file", self.key]

    def run(self, *words, code=0, fault=None):
        command = [*self.command(), *words]
        done = subprocess.run(command + (["--fault", fault] if fault else []), capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert done.returncode == code, f"{words} ended with {done.returncode} instead of {code}: {said}"
        return said

    def put(self, name, **more):
        return self.run("put", self.source, "--resource", "db-A", "--id", name, **more)

    def restored(self, name):
        to = f"{self.root}/restored"
        shutil.rmtree(to, ignore_errors=True)
        self.run("restore", "db-A", name, to)
        return tree(to)

    def reader(self, *words, code=0, programs=False):
        environment = {**os.environ, "UNPACK_WITH": "commands"} if programs else os.environ
        done = subprocess.run([sys.executable, f"{self.repository}/unpack.py", self.repository, self.key, *words],
                              capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == code, f"reader: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def files(self, below=""):
        return [os.path.join(folder, f) for folder, _, files in os.walk(f"{self.repository}/{below}") for f in files]


def kills_while_storing():
    place = Place()
    place.run("list")
    wanted, killed = tree(place.source), 0
    try:
        for number, stage in enumerate(BEFORE_MANIFEST + LATER):
            name = f"b{number}"
            with open(f"{place.source}/data/base/5/16384", "r+b") as f:
                f.write(random.randbytes(7_000_000))
            wanted = tree(place.source)
            place.put(name, code=-signal.SIGKILL, fault=stage)
            killed += 1
            there = f" {name} " in place.run("list")
            if stage in BEFORE_MANIFEST:
                assert not there, f"{name} appears although its manifest was never stored ({stage})"
            place.put(name)
            assert place.restored(name) == wanted, stage
        place.run("verify")
        left = [f for f in place.files() if "/.tmp-" in f]
        assert len(left) <= killed, left
    finally:
        shutil.rmtree(place.root)


def resumes():
    """What the first try had stored is not stored again."""
    place = Place()
    try:
        place.put("one", code=-signal.SIGKILL, fault="repository.manifest,kill,1")
        said = place.put("one")
        assert "; 0.0 MB written" in said, said
        assert place.restored("one") == tree(place.source)
    finally:
        shutil.rmtree(place.root)


def reader_gives_the_same():
    place = Place()
    try:
        place.put("one")
        place.write("data/base/5/1259", random.randbytes(100_000))
        before = tree(place.source)
        place.put("two")
        listed = place.reader()
        assert "db-A one" in listed and "db-A two" in listed, listed
        place.reader("db-A", "two", f"{place.root}/by-reader")
        assert tree(f"{place.root}/by-reader") == before == place.restored("two")
        shutil.rmtree(f"{place.source}/data/base")
        place.write("data/small", b"small" * 100_000)
        place.put("small")
        place.reader("db-A", "small", f"{place.root}/by-programs", programs=True)
        assert tree(f"{place.root}/by-programs") == tree(place.source)
        with open(f"{ROOT}/src/repository/unpack.py", encoding="utf-8") as own, \
                open(f"{place.repository}/unpack.py", encoding="utf-8") as stored:
            assert own.read() == stored.read()
        pack = max(place.files("instances/db-A/packs/one"), key=os.path.getsize)
        with open(pack, "r+b") as f:
            f.seek(300_000)
            f.write(b"\0" * 10)
        said = place.reader("db-A", "one", f"{place.root}/damaged", code=1)
        assert "damaged: instances/db-A/packs/one/" in said, said
    finally:
        shutil.rmtree(place.root)


def damage_is_named():
    place = Place()
    try:
        place.put("one")
        place.write("data/base/5/1259", b"other" * 50_000)
        place.put("two")
        assert "everything is as it was stored" in place.run("verify")
        for pack in place.files("instances/db-A/packs/two"):
            os.truncate(pack, os.path.getsize(pack) // 2)
        said = place.run("verify", code=1)
        assert "DAMAGED instances/db-A/packs/two/" in said, said
        assert "affects db-A/two: data/base/5/1259" in said and "CANNOT BE RESTORED db-A/two" in said, said
        assert "1 of 2 backups can be restored" in said and "RESTORED db-A/one" not in said, said
        place.run("restore", "db-A", "two", f"{place.root}/no", code=1)
        assert not os.path.exists(f"{place.root}/no") and not os.path.exists(f"{place.root}/no.tmp")
        place.run("drop", "db-A", "two")
        place.run("verify")
        place.run("gc", "--grace-hours", "0")
        place.run("gc", "--grace-hours", "0")
        assert not place.files("instances/db-A/packs/two")
        place.restored("one")
    finally:
        shutil.rmtree(place.root)


def kills_while_the_key_changes():
    """At any instant the key file opens everything, and the next rotation goes on where the killed one was."""
    place = Place()
    try:
        place.put("one")
        wanted, stored = tree(place.source), sorted(place.files("instances"))
        stages = ["repository.key,kill,1", "repository.put,kill,1", "repository.put,kill,2", "repository.key,kill,2",
                  "repository.key,kill,3"]
        for stage in stages:
            place.run("key", "rotate", code=-signal.SIGKILL, fault=stage)
            assert place.restored("one") == wanted, stage
            said = place.run("key", "rotate")
            assert " in use" in place.run("key", "list") and not os.path.exists(f"{place.key}.next"), said
            assert place.restored("one") == wanted, stage
        place.reader("db-A", "one", f"{place.root}/by-reader")
        assert tree(f"{place.root}/by-reader") == wanted and sorted(place.files("instances")) == stored
        retires_keys(place, wanted)
    finally:
        shutil.rmtree(place.root)


def retires_keys(place, wanted):
    files = {f.rsplit(".", 1)[1] for f in os.listdir(place.root) if f.startswith("key.")}
    names = {line.split()[0] for line in place.run("key", "list").splitlines() if "until it is retired" in line}
    assert names == files and len(names) == 6, (names, files)  # one of the rotations that were killed had switched
    victim = min(names)
    shutil.copy(f"{place.key}.{victim}", f"{place.root}/old")
    place.run("key", "retire", victim, code=-signal.SIGKILL, fault="repository.key,kill,1")
    place.run("key", "retire", victim)
    for name in names - {victim}:
        assert "is retired" in place.run("key", "retire", name)
    (used,) = [line.split()[0] for line in place.run("key", "list").splitlines() if " in use" in line]
    assert {os.path.basename(f) for f in place.files("keys") if "/.tmp-" not in f} == {
        f"{used}.json", *(f"{n}.retired" for n in names)}
    assert place.restored("one") == wanted
    current, place.key = place.key, f"{place.root}/old"
    assert f"({victim}) was retired on 2" in place.run("list", code=1)
    assert "was retired" in place.reader(code=1)
    with open(place.key, "w", encoding="ascii") as f:
        f.write("ab" * 32)
    assert "is not one of the repository" in place.run("list", code=1)
    assert "is none of" in place.reader(code=1)
    place.key = current


def wal_goes_there_and_back():
    place = Place()
    try:
        vault = f"{place.root}/state/vault/db-A/wal"
        os.makedirs(vault)
        segments = {f"0000000100000000000000{n:02X}": random.randbytes(100_000) + bytes(200_000) for n in range(3, 6)}
        others = {"0000000100000000000000FF.partial": b"p", "000000010000000000000003.conflict-1": b"c"}
        for name, content in {**segments, **others, "00000002.history": b"1\t0/5000000\tx\n"}.items():
            with open(f"{vault}/{name}", "wb") as f:
                f.write(content)
        assert "4 WAL files stored" in place.run("wal-put", "db-A")
        assert "0 WAL files stored, 4 were there" in place.run("wal-put", "db-A")
        os.mkdir(f"{place.root}/back")
        place.run("wal-get", "db-A", f"{place.root}/back")
        place.reader("db-A", "--wal", f"{place.root}/read")
        for folder in ("back", "read"):
            assert sorted(os.listdir(f"{place.root}/{folder}")) == sorted([*segments, "00000002.history"])
            for name, content in segments.items():
                with open(f"{place.root}/{folder}/{name}", "rb") as f:
                    assert f.read() == content, name
        assert place.run("list").count("4 WAL files") == 1
        assert "everything is as it was stored" in place.run("verify")

        wal, first, gone, last = f"{place.repository}/instances/db-A/wal", *sorted(segments)
        os.rename(f"{wal}/{gone}", f"{place.root}/aside")
        said = place.run("verify", code=1)
        assert f"DAMAGED instances/db-A/wal/{gone}: it is missing" in said, said
        shutil.copy(f"{wal}/{last}", f"{wal}/{gone}")  # another one in its place
        said = place.run("verify", code=1)
        assert f"DAMAGED instances/db-A/wal/{gone}:" in said and last not in said, said
        os.mkdir(f"{place.root}/partly")
        place.run("wal-get", "db-A", f"{place.root}/partly", code=1)
        assert os.listdir(f"{place.root}/partly") == [first], "what is before the damage can be used, no more"
    finally:
        shutil.rmtree(place.root)


def full_disk():
    """Storing ends with an error where the repository's disk is full; what was there stays good, and the next try goes on."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        print("SKIPPED repository/full_disk: needs root for a mount namespace")
        return
    done = subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable, os.path.abspath(__file__),
                           "--inner"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def full_disk_inner():
    place = Place()
    os.mkdir(place.repository)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "howdah-test", place.repository], check=True)
    try:
        place.put("one")
        first = tree(place.source)
        place.write("data/base/5/16385", random.randbytes(12_000_000))
        with open(f"{place.repository}/filler", "wb") as f:
            f.write(bytes(8 << 20))
        said = place.put("two", code=1)
        assert "No space left on device" in said, said
        assert " one " in place.run("list") and " two " not in place.run("list")
        place.run("verify")
        assert place.restored("one") == first
        os.remove(f"{place.repository}/filler")
        place.put("two")
        assert place.restored("two") == tree(place.source)
    finally:
        subprocess.run(["umount", place.repository], check=True)
        shutil.rmtree(place.root)


def main():
    if sys.argv[1:] == ["--inner"]:
        full_disk_inner()
        return
    passed = failed = 0
    for check in (kills_while_storing, resumes, reader_gives_the_same, damage_is_named, kills_while_the_key_changes,
                  wal_goes_there_and_back, full_disk):
        try:
            check()
            passed += 1
            print(f"ok {check.__name__}", flush=True)
        except AssertionError as why:
            failed += 1
            print(f"FAILED {check.__name__}: {why}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
