#!/usr/bin/env python3
"""Repositories of every format so far (test/repository/golden, made by its make.py): today's binary, today's reader
script and the script that lies in them restore the same, and `howdah backup` goes on with them. Those of later formats
are refused with a clear word."""
import hashlib
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, f"{HERE}/golden"]

from make import GOLDEN, described  # noqa: E402
from repository import ROOT, Place, tree  # noqa: E402


class Golden(Place):
    """A copy of the golden repository."""

    def __init__(self, form, key="key"):
        super().__init__()
        with open(f"{GOLDEN}/{form}/holds.json", encoding="utf-8") as f:
            self.holds = json.load(f)
        shutil.copytree(f"{GOLDEN}/{form}/repository", self.repository)
        shutil.copy(f"{GOLDEN}/{form}/{key}", self.key)
        os.chmod(self.key, 0o600)

    def read_by(self, script, *words, programs=False, code=0):
        environment = {**os.environ, "UNPACK_WITH": "commands"} if programs else os.environ
        done = subprocess.run([sys.executable, script, self.repository, self.key, *words], capture_output=True, text=True,
                              check=False, env=environment)
        assert done.returncode == code, f"{script} {words}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def check_wal(self, directory):
        for name, digest in self.holds["wal"].items():
            with open(f"{directory}/{name}", "rb") as f:
                assert hashlib.sha256(f.read()).hexdigest() == digest, name


def reads(form):
    for key in ("key", "old-key"):
        place = Golden(form, key)
        try:
            assert "2 backups" in place.run("verify")
            for name, files in place.holds["backups"].items():
                place.restored(name)
                assert described(f"{place.root}/restored") == files, f"{name} restored by howdah"
            os.mkdir(f"{place.root}/wal")
            place.run("wal-get", "db-A", f"{place.root}/wal")
            place.check_wal(f"{place.root}/wal")
        finally:
            shutil.rmtree(place.root)


def reads_by_script(form):
    place = Golden(form)
    scripts = [f"{ROOT}/src/repository/unpack.py",
               *sorted(f"{place.repository}/{f}" for f in os.listdir(place.repository) if f.endswith(".py"))[-1:]]
    try:
        for number, (script, programs) in enumerate([(s, False) for s in scripts] + [(scripts[0], True)]):
            for name, files in place.holds["backups"].items():
                to = f"{place.root}/{name}-{number}"
                place.read_by(script, "db-A", name, to, programs=programs)
                assert described(to) == files, f"{name} restored by {script}"
            place.read_by(script, "db-A", "--wal", f"{place.root}/wal-{number}", programs=programs)
            place.check_wal(f"{place.root}/wal-{number}")
    finally:
        shutil.rmtree(place.root)


def goes_on(form):
    """What today's binary adds to it needs nothing but today's readers."""
    place = Golden(form)
    try:
        place.run("restore", "db-A", "two", f"{place.root}/changed")
        shutil.rmtree(place.source)
        os.rename(f"{place.root}/changed", place.source)
        with open(f"{place.source}/data/base/5/16384", "r+b") as f:
            f.seek(100_000)
            f.write(b"changed")
        wanted = tree(place.source)
        said = place.put("three")
        assert "; 0.0 MB written" in said, said  # whatever its chunks are called by now
        place.run("drop", "db-A", "one")
        place.run("drop", "db-A", "two")
        for _ in range(2):
            place.run("gc", "--grace-hours", "0")
        assert place.restored("three") == wanted
        assert "everything is as it was stored" in place.run("verify")
        newest = sorted(f for f in os.listdir(place.repository) if f.endswith(".py"))[-1]
        place.read_by(f"{place.repository}/{newest}", "db-A", "three", f"{place.root}/by-script")
        assert tree(f"{place.root}/by-script") == wanted
    finally:
        shutil.rmtree(place.root)


def refuses_later_ones(form):
    place = Golden(form)
    try:
        with open(f"{place.repository}/howdah-repository.json", "w", encoding="utf-8") as f:
            json.dump({"format": 99}, f)
        for said in (place.run("list", code=1), place.put("new", code=1),
                     place.read_by(f"{ROOT}/src/repository/unpack.py", code=1)):
            assert "has format 99" in said and "newer" in said, said
    finally:
        shutil.rmtree(place.root)


def main():
    passed = failed = 0
    for form in sorted(f for f in os.listdir(GOLDEN) if f.isdigit()):
        for check in (reads, reads_by_script, goes_on, refuses_later_ones):
            try:
                check(form)
                passed += 1
                print(f"ok {check.__name__} format {form}", flush=True)
            except AssertionError as why:
                failed += 1
                print(f"FAILED {check.__name__} format {form}: {why}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
