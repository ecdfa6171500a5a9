#!/usr/bin/env python3
"""Makes test/repository/golden/<format>: a small repository of today's format, its key, and what it holds. Run once when a
format is new, with the binary that introduces it; what is committed is never made again, since tomorrow's binary must read
what yesterday's wrote."""
import hashlib
import json
import os
import random
import shutil
import sys

GOLDEN = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(GOLDEN))

from repository import Place  # noqa: E402

PAGE = 8192


def page(n):
    """A little that does not compress, like rows, and much that does."""
    return random.randbytes(100) + f"filler of page {n} ".encode() * 600


def described(root):
    """path -> [mode, content's hash], of a directory [mode, ""]"""
    out = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path, content = os.path.join(folder, name), ""
            if name in files:
                with open(path, "rb") as f:
                    content = hashlib.sha256(f.read()).hexdigest()
            out[os.path.relpath(path, root)] = [os.stat(path).st_mode & 0o7777, content]
    return out


def first(place):
    shutil.rmtree(f"{place.source}/data")
    os.makedirs(f"{place.source}/data/base/5", mode=0o700)
    os.makedirs(f"{place.source}/data/pg_notify", mode=0o750)
    place.write("data/PG_VERSION", b"15\n")
    place.write("data/base/5/16390", b"")
    place.write("data/base/5/16384", b"".join(page(n)[:PAGE] for n in range(40)))
    place.write("data/base/5/1259", b"the same in each chunk. " * 20_000)
    os.chmod(f"{place.source}/data/PG_VERSION", 0o640)


def second(place):
    """Some bytes of each page, more pages, a file less and one more."""
    with open(f"{place.source}/data/base/5/16384", "r+b") as f:
        for n in range(40):
            f.seek(n * PAGE + 60)
            f.write(random.randbytes(8))
        f.seek(0, os.SEEK_END)
        f.write(b"".join(page(n)[:PAGE] for n in range(40, 45)))
    os.unlink(f"{place.source}/data/base/5/16390")
    place.write("data/base/5/16400", b"new" * 1000)


def main():
    place = Place()
    try:
        random.seed(1)
        holds = {"backups": {}, "wal": {}}
        for name, change in (("one", first), ("two", second)):
            change(place)
            place.put(name)
            holds["backups"][name] = described(place.source)
        vault = f"{place.root}/state/vault/db-A/wal"
        os.makedirs(vault)
        for name, content in (("000000010000000000000003", b"wal" * 50_000), ("00000002.history", b"1\t0/5000000\tx\n")):
            with open(f"{vault}/{name}", "wb") as f:
                f.write(content)
            holds["wal"][name] = hashlib.sha256(content).hexdigest()
        place.run("wal-put", "db-A")
        place.run("key", "rotate")
        with open(f"{place.repository}/howdah-repository.json", encoding="utf-8") as f:
            to = f"{GOLDEN}/{json.load(f)['format']}"
        os.makedirs(to)
        shutil.copytree(place.repository, f"{to}/repository", ignore=shutil.ignore_patterns(".*"))
        shutil.copy(place.key, f"{to}/key")
        (old,) = (f for f in os.listdir(place.root) if f.startswith("key."))
        shutil.copy(f"{place.root}/{old}", f"{to}/old-key")
        with open(f"{to}/holds.json", "w", encoding="utf-8") as f:
            json.dump(holds, f, indent=1, sort_keys=True)
            f.write("\n")
        print(f"{to}: {sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(to) for f in files)} bytes")
    finally:
        shutil.rmtree(place.root)


if __name__ == "__main__":
    main()
