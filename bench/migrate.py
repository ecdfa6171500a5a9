#!/usr/bin/env python3
"""1,000 small migrations beside a bare libpq loop that commits each with its history row, and beside the tools that npm and
Debian have; all in one transaction; and `up` with nothing to do. The server syncs its WAL, as in life, on file systems that
keep a journal: how long a commit takes decides what there is to win. HOWDAH_ROUNDS=5 for more rounds."""
import ctypes
import os
import shutil
import subprocess
import sys
import time

from backup_rig import on_each
from common import ROOT, Libpq, limit, median, verdict

sys.path.insert(0, f"{ROOT}/test/migrate")
sys.path.insert(0, f"{ROOT}/test/lib")
import majors  # noqa: E402
import npm  # noqa: E402
import server as servers  # noqa: E402

HOWDAH = os.environ.get("HOWDAH", f"{ROOT}/build/howdah")
COUNT, ROUNDS = 1000, int(os.environ.get("HOWDAH_ROUNDS", "3"))
SQITCH_COUNT = 50  # it takes 0.15 s for each
NEWER = "17"  # beside Debian's


def sql(i):
    """One in four makes a table; the others change it."""
    t = f"t{(i - 1) // 4}"
    return (f"create table {t} (id bigint primary key, name text not null);", f"alter table {t} add column email text;",
            f"create index on {t} (email);", f"insert into {t} values ({i}, 'n', 'e');")[(i - 1) % 4]


def table_sql(i):
    return f"create table t{i} (id bigint primary key, name text not null);"


def write_files(directory, statement=sql):
    """What each tool reads: m/ ours and dbmate's, all.sql psql's, k/ Kysely's, s/ sqitch's."""
    for name in ("m", "k", "s/deploy"):
        os.makedirs(f"{directory}/{name}")
    def write(name, text):
        with open(f"{directory}/{name}", "w", encoding="utf-8") as f:
            f.write(text)
    for i in range(1, COUNT + 1):
        write(f"m/{i:06}_t.sql", f"-- migrate:up\n{statement(i)}\n-- migrate:down\nselect 1;\n")
        write(f"k/{i:06}_t.mjs", "import { sql } from 'kysely'\nexport const up = (db) => "
                                 f"sql`{statement(i)}`.execute(db)\nexport const down = async () => {{}}\n")
    write("all.sql", "\n".join(statement(i) for i in range(1, COUNT + 1)))
    changes = [f"c{i:06}" for i in range(1, SQITCH_COUNT + 1)]
    for i, change in enumerate(changes, 1):
        write(f"s/deploy/{change}.sql", f"begin;\n{statement(i)}\ncommit;\n")
    write("s/sqitch.conf", "[core]\n  engine = pg\n[user]\n  name = a\n  email = a@b\n")
    write("s/sqitch.plan", "%syntax-version=1.0.0\n%project=bench\n\n" +
          "".join(f"{change} 2026-01-01T00:00:00Z a <a@b>\n" for change in changes))


class Peers:
    """Each runs all migrations on a database's URL; those that are not to be had say why and are left out."""

    def __init__(self, pg, directory):
        self.pg, self.directory, self.run = pg, directory, {}
        modules, why = npm.modules("dbmate", "dbmate@2.36.0")
        self.dbmate = f"{modules}/@dbmate/linux-{'arm64' if os.uname().machine == 'aarch64' else 'x64'}/bin/dbmate"
        self.add("dbmate", self.run_dbmate, why)
        modules, why = npm.modules("kysely", "kysely@0.28.18", "pg@8.23.1")
        if not why:
            import kysely
            os.symlink(modules, f"{directory}/node_modules")
            with open(f"{directory}/migrate.mjs", "w", encoding="utf-8") as f:
                f.write(kysely.MIGRATE)
        self.add("Kysely", self.run_kysely, why)
        self.add("sqitch", self.run_sqitch, None if shutil.which("sqitch") else "it is not installed")

    def add(self, name, function, why):
        if why:
            print(f"SKIPPED {name}: {why}")
        else:
            self.run[name] = function

    def call(self, *command, **options):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)

    def run_dbmate(self, url):
        self.call(self.dbmate, "--url", url.replace("host=", "socket=") + "&sslmode=disable", "-d", f"{self.directory}/m",
                  "--no-dump-schema", "migrate")

    def run_kysely(self, url):
        self.call("node", f"{self.directory}/migrate.mjs", url, f"{self.directory}/k")

    def run_sqitch(self, url):
        self.call("sqitch", "--quiet", "deploy", "db:" + url.replace("postgresql:", "pg:"), cwd=f"{self.directory}/s",
                  env={**os.environ, "HOME": self.directory})


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


def one_message(libpq, url):
    """What no client can undercut that runs these statements in this order in one transaction: one message, no history."""
    connection, why = libpq.connect(url)
    if connection is None:
        raise RuntimeError(why)
    libpq.query(connection, f"begin; {' '.join(sql(i) for i in range(1, COUNT + 1))} commit")
    libpq.lib.PQfinish(connection)


def timed(function, *args):
    start = time.monotonic()
    function(*args)
    return time.monotonic() - start


def up(pg, url, directory, *options):
    subprocess.run([HOWDAH, "migrate", "--url", url, "--dir", f"{directory}/m", "up", *options], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def psql(pg, url, directory, *options):
    subprocess.run([f"{pg.bin}/psql", "-Xq", *options, "-v", "ON_ERROR_STOP=1", "-f", f"{directory}/all.sql", url], check=True)


def measure(pg, mixed, tables, peers):
    """Median seconds by name; `peers`: functions of a database's URL, by name."""
    libpq = Libpq()
    libpq.lib.PQexec.restype = ctypes.c_void_p
    times = {}

    def note(name, function, *args):
        times.setdefault(name, []).append(timed(function, *args))
    for _ in range(ROUNDS):
        url = fresh(pg)
        note("up", up, pg, url, mixed)
        note("loop", loop, libpq, fresh(pg))  # between the two that are compared with it
        for _ in range(3):  # a few per cent are to be told apart
            note("single", up, pg, fresh(pg), mixed, "--single-transaction")
            note("one message", one_message, libpq, fresh(pg))
        note("psql -1", psql, pg, fresh(pg), mixed, "-1")
        note("psql -f", psql, pg, fresh(pg), mixed)
        done = {name: fresh(pg) for name in peers}
        for name, run in peers.items():
            note(name, run, done[name])
        for _ in range(7):
            note("noop", up, pg, url, mixed)
            for name, run in peers.items():
                note(f"{name} noop", run, done[name])
        note("single-tables", up, pg, fresh(pg), tables, "--single-transaction")
        note("psql -1 tables", psql, pg, fresh(pg), tables, "-1")
    return {name: median(values) for name, values in times.items()}


class Claims:
    """The claims about one server on one file system, each printed as it is made."""

    def __init__(self, where):
        self.where, self.met = where, []

    def ratio(self, name, ratio, peer, goal, most):
        self.met.append(verdict(f"{name} {self.where}", ratio, peer, goal, ratio <= most))

    def most(self, name, milliseconds, goal):
        self.met.append(limit(f"{name} {self.where}", milliseconds, "ms", f"<= {goal}", milliseconds <= goal))


def claim_runs(t, claims):
    print(f"{claims.where}: " + ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in t.items()))
    claims.ratio(f"migrate-{COUNT}", t["up"] / t["loop"], "a bare libpq loop", "<= 1.15", 1.15)
    claims.ratio("migrate-single", t["single"] / t["loop"], "the loop", "<= 0.6", 0.6)
    # Before 17 the server syncs each new index's file (750 here) in the middle of the transaction, whoever asks: where a
    # commit's sync is cheap, that alone is more than 0.6 of the loop, as the floor shows.
    claims.ratio("migrate-single-floor", t["single"] / t["one message"], "the same statements in one message, without history",
                 "<= 1.1", 1.1)
    print(f"  {claims.where}: the one message takes {t['one message'] / t['loop']:.2f}x of the loop; no client can be faster")
    claims.ratio("migrate-single-psql", t["single"] / t["psql -1"], "psql -1 -f of the same, without history", "<= 1.15", 1.15)
    claims.ratio("migrate-single-tables", t["single-tables"] / t["psql -1 tables"],
                 "psql -1 -f of 1,000 new tables, without history", "<= 1.3", 1.3)
    claims.most("migrate-noop", t["noop"] * 1000, 60)


def claim_peers(t, peers, claims):
    for name in ("psql -f", *peers):
        ratio = t["up"] / t[name] * (SQITCH_COUNT / COUNT if name == "sqitch" else 1)
        what = {"psql -f": "psql -f, which keeps no history", "Kysely": "Kysely, all in one transaction",
                "sqitch": f"sqitch, a migration ({SQITCH_COUNT} measured)"}.get(name, name)
        claims.ratio(f"migrate-{COUNT}-{name.split()[0].lower()}", ratio, what, "< 1", 1)
    if peers:
        best = min(peers, key=lambda name: t[f"{name} noop"])
        claims.ratio("migrate-noop-best", t["noop"] / t[f"{best} noop"], f"the best peer, {best}", "<= 0.6", 0.6)


def newer():
    """The programs of a server that does not sync what nobody has committed, or None."""
    try:
        return majors.server_bin(NEWER)
    except majors.Skip as why:
        print(f"SKIPPED PostgreSQL {NEWER}: {why}")
        return None


def run_on(base, server, with_peers):
    """(medians, names of the peers) of a server of its own on the file system at `base`."""
    pg = servers.Server(fsync="on", server=server, base=base)
    try:
        mixed, tables = f"{pg.dir}/mixed", f"{pg.dir}/tables"
        write_files(mixed)
        write_files(tables, table_sql)
        run = Peers(pg, mixed).run if with_peers else {}
        return measure(pg, mixed, tables, run), list(run)
    finally:
        pg.stop()


def measure_on(kind, base):
    claims = Claims(kind)
    t, peers = run_on(base, None, True)
    claim_runs(t, claims)
    claim_peers(t, peers, claims)
    server = newer()
    if server:
        later = Claims(f"{kind} PostgreSQL {NEWER}")
        claim_runs(run_on(base, server, False)[0], later)
        claims.met += later.met
    sys.exit(0 if all(claims.met) else 1)


def main():
    if not servers.bindir():
        print("SKIPPED: no PostgreSQL server is installed")
    elif os.geteuid() == 0:
        on_each(measure_on, 8, peer=False)
    else:
        measure_on("here", "/var/tmp")


if __name__ == "__main__":
    main()
