#!/usr/bin/env python3
"""1,000 small migrations beside a bare libpq loop that commits each with its history row, and psql; and `up` with nothing
to do. The server syncs its WAL, as in life. HOWDAH_ROUNDS=5 for more rounds."""
import ctypes
import os
import subprocess
import sys
import time

from common import ROOT, Libpq, limit, median, verdict

sys.path.insert(0, f"{ROOT}/test/migrate")
import server as servers  # noqa: E402

HOWDAH = os.environ.get("HOWDAH", f"{ROOT}/build/howdah")
COUNT, ROUNDS = 1000, int(os.environ.get("HOWDAH_ROUNDS", "3"))


def sql(i):
    return f"create table t{i} (id bigint primary key, name text not null);"


def write_files(directory):
    os.mkdir(f"{directory}/m")
    for i in range(1, COUNT + 1):
        with open(f"{directory}/m/{i:06}_t.sql", "w", encoding="utf-8") as f:
            f.write(f"-- migrate:up\n{sql(i)}\n-- migrate:down\ndrop table t{i};\n")
    with open(f"{directory}/all.sql", "w", encoding="utf-8") as f:
        f.write("\n".join(sql(i) for i in range(1, COUNT + 1)))


def fresh(pg, number=[0]):
    number[0] += 1
    pg.psql("postgres", f"create database b{number[0]}")
    pg.psql("postgres", "checkpoint")
    return pg.url(f"b{number[0]}")


def loop(libpq, url):
    """What any runner must do at least: read nothing, send one message a migration."""
    connection, why = libpq.connect(url)
    if connection is None:
        raise RuntimeError(why)
    def run(text):
        libpq.lib.PQclear(ctypes.c_void_p(libpq.lib.PQexec(connection, text.encode())))
    run("create table history (version text primary key, name text, checksum text, at timestamptz default now())")
    for i in range(1, COUNT + 1):
        run(f"begin; {sql(i)} insert into history values ('{i}', '{i}_t', '{'0' * 64}'); commit")
    libpq.lib.PQfinish(connection)


def timed(function, *args):
    start = time.monotonic()
    function(*args)
    return time.monotonic() - start


def up(pg, url, *options):
    subprocess.run([HOWDAH, "migrate", "--url", url, "--dir", f"{pg.dir}/m", "up", *options], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def psql(pg, url, *options):
    subprocess.run([f"{pg.bin}/psql", "-Xq", *options, "-v", "ON_ERROR_STOP=1", "-f", f"{pg.dir}/all.sql", url], check=True)


def measure(pg):
    libpq = Libpq()
    libpq.lib.PQexec.restype = ctypes.c_void_p
    times = {"loop": [], "psql": [], "up": [], "single": [], "floor": [], "noop": []}
    for _ in range(ROUNDS):
        times["loop"].append(timed(loop, libpq, fresh(pg)))
        times["psql"].append(timed(psql, pg, fresh(pg)))
        url = fresh(pg)
        times["up"].append(timed(up, pg, url))
        times["noop"] += [timed(up, pg, url) for _ in range(5)]
        times["single"].append(timed(up, pg, fresh(pg), "--single-transaction"))
        times["floor"].append(timed(psql, pg, fresh(pg), "-1"))
    return {name: median(values) for name, values in times.items()}


def main():
    if not servers.bindir():
        print("SKIPPED: no PostgreSQL server is installed")
        return
    pg = servers.Server(fsync="on")
    try:
        write_files(pg.dir)
        t = measure(pg)
    finally:
        pg.stop()
    print(", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in t.items()))
    met = [
        verdict(f"migrate-{COUNT}", t["up"] / t["loop"], "a bare libpq loop", "<= 1.15", t["up"] <= 1.15 * t["loop"]),
        verdict(f"migrate-{COUNT}-psql", t["up"] / t["psql"], "psql -f, which keeps no history", "<= 1.15",
                t["up"] <= 1.15 * t["psql"]),
        verdict("migrate-single", t["single"] / t["loop"], "the loop", "<= 0.6", t["single"] <= 0.6 * t["loop"]),
        # What is left in one transaction is the server's own: it syncs each new index file when it is built, two for
        # such a table, and the commit that we save is only the third.
        verdict("migrate-single-floor", t["single"] / t["floor"], "psql -1 -f, which keeps no history", "<= 1.3",
                t["single"] <= 1.3 * t["floor"]),
        limit("migrate-noop", t["noop"] * 1000, "ms", "<= 60", t["noop"] <= 0.06),
    ]
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
