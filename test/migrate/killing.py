"""howdah is killed at any instant of a run, or the server crashes: schema and history always agree, and a rerun finishes.
HOWDAH_KILLS is how often in all; `make torture` has hundreds."""
import json
import os
import random
import shlex
import subprocess
import time

from matrix import Kysely, Prisma, Sql
from project import HOWDAH, test

KILLS = int(os.environ.get("HOWDAH_KILLS", "24"))
HISTORY = {
    Sql: ("schema_history", "version, state, statements_done"),
    Prisma: ("_prisma_migrations", "split_part(migration_name, '_', 1), case when rolled_back_at is not null then 'rolled back' "
                                   "when finished_at is null then 'running' else 'applied' end, applied_steps_count"),
    Kysely: ("kysely_migration", "split_part(name, '_', 1), 'applied', 0"),
}


def wrote(p):
    """Fills the directory; numbers of the migrations that create a<i> and b<i> with a row each, and of those outside a
    transaction, by what they do."""
    pairs, stepwise, single = [], [], []
    for i in range(101, 125):
        if isinstance(p, Sql) and i % 4 == 0:
            p.write(f"{i}_n", f"-- howdah:no-transaction\ncreate table n{i}(id int);\ncreate index concurrently n{i}_i on "
                              f"n{i}(id);\ninsert into n{i} values (1);\ndrop index concurrently n{i}_i;")
            stepwise.append(str(i))
        elif isinstance(p, Prisma) and i % 4 == 0:
            p.write(f"{i}_i", f"create index concurrently i{i} on a{i - 1}(id);")
            single.append(str(i))
        else:
            p.write(f"{i}_t", f"create table a{i}(id int);insert into a{i} values (1);create table b{i}(id int)")
            pairs.append(str(i))
    return pairs, stepwise, single


def facts(p):
    """Relations, and what the history says: number -> (state, statements done)."""
    table, columns = HISTORY[type(p)]
    rows = "'[]'::json"
    if p.sql(f"select to_regclass('{table}')"):
        rows = f"(select coalesce(json_agg(h), '[]') from (select {columns} from {table}) h(v, s, n))"
    relations, rows = json.loads(p.sql("select json_build_array((select coalesce(json_agg(relname), '[]') from pg_class c "
                                       "left join pg_index i on indexrelid = c.oid where relnamespace = "
                                       f"'public'::regnamespace and indisvalid is not false), {rows})"))
    return set(relations), {r["v"]: (r["s"], r["n"]) for r in rows if r["s"] != "rolled back"}


def agree(p, written, when):
    pairs, stepwise, single = written
    relations, history = facts(p)
    for i in pairs:
        there = {f"{x}{i}" in relations for x in "ab"}
        assert there == {history.get(i, ("",))[0] == "applied"}, f"{when}: {i} {there} {history.get(i)}"
    for i in stepwise:
        state, done = history.get(i, ("", 0))
        # A statement that can share its transaction with its progress does; the two others may be one ahead.
        assert (f"n{i}" in relations) == (done >= 1), f"{when}: {i} {state} {done}"
        index = f"n{i}_i" in relations
        assert index if done == 2 else not index if done in (0, 4) else True, f"{when}: {i} {state} {done}"
        if done:
            assert p.sql(f"select count(*) from n{i}") == ("1" if done >= 3 else "0"), f"{when}: {i} {state} {done}"
    for i in single:
        state = history.get(i, ("",))[0]
        assert state == "running" or (f"i{i}" in relations) == (state == "applied"), f"{when}: {i} {state}"


def finish(p, written):
    """What a person does: up, and the commands that it names."""
    for _ in range(3):
        done = subprocess.run(p.command("--json", "up"), capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
        fix = shlex.split(json.loads(done.stdout)["problems"][0]["fix"])
        assert fix[:2] == ["howdah", "migrate"], done.stdout
        subprocess.run([HOWDAH, *fix[1:2], "--url", p.url, "--dir", p.dir, *fix[2:]], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    agree(p, written, "after the rerun")
    _, history = facts(p)
    assert len(history) == 24 and {s for s, _ in history.values()} == {"applied"}, history
    assert p.sql("select count(*) from pg_index where not indisvalid") == "0"


def gone(p):
    """The server notices a dead client when it next reads or writes."""
    deadline = time.monotonic() + 60
    while p.sql("select count(*) from pg_stat_activity where application_name = 'howdah migrate'") != "0":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kill_often(p, kills, seed):
    written = wrote(p)
    start = time.monotonic()
    finish(p, written)
    span, rng = time.monotonic() - start, random.Random(seed)
    for kill in range(kills):
        if kill % 6 == 0:
            p.sql("drop schema public cascade; create schema public")
        run = subprocess.Popen(p.command("up"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0, span if kill % 6 == 0 else span / 3))
        run.kill()
        run.wait()
        gone(p)
        agree(p, written, f"kill {kill}")
        if kill % 6 == 5:
            finish(p, written)
    finish(p, written)


@test
def killed_at_any_instant(pg):
    kill_often(Sql(pg), KILLS * 5 // 12, 7)


@test
def killed_at_any_instant_of_prisma(pg):
    kill_often(Prisma(pg), KILLS * 5 // 12, 8)


@test
def kysely_killed_at_any_instant(pg):
    kill_often(Kysely(pg), KILLS // 6, 9)


def called_applied(said):
    """Numbers of the migrations that `up` printed as applied."""
    return {line.split()[1].split("_")[0] for line in said.splitlines() if line.startswith("applied")}


def applied(p):
    return {number for number, (state, _) in facts(p)[1].items() if state == "applied"}


@test
def the_server_crashes(pg):
    """Transactions of a run wait for the disk together: a crash may take the last ones, each with its row, but none that
    was called applied."""
    p = Sql(pg)
    written, rng = wrote(p), random.Random(5)
    for crash in range(max(2, KILLS // 12)):
        run = subprocess.Popen(p.command("up"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        time.sleep(rng.uniform(0.02, 0.3))
        pg.crash()
        said, _ = run.communicate(timeout=60)
        agree(p, written, f"crash {crash}")
        assert called_applied(said) <= applied(p), f"{said}\n{applied(p)}"
    finish(p, written)
    pg.crash()
    assert len(facts(p)[1]) == 24  # what `up` has returned from is on the disk
    p = Sql(pg)
    for i in range(1, 8):
        p.write(f"{i}_t", f"create table t{i}(id int);")
    p.write("8_bad", "select 1/0;")
    assert called_applied(p.run("up", code=3)) == set("1234567")
    pg.crash()
    assert len(facts(p)[1]) == 7  # also when it failed


@test
def applied_is_said_when_it_is_on_the_disk(pg):
    """The server crashes as soon as a line is read, while later migrations run."""
    for n, options in enumerate(((), ("--single-transaction",))):
        p = Sql(pg)
        pg.psql("postgres", f"alter database {p.name} set synchronous_commit = off")
        for i in range(101, 140):
            p.write(f"{i}_t", f"create table t{i}(id int); select pg_sleep(0.03);")
        run = subprocess.Popen(p.command("up", *options), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        first = run.stdout.readline()
        pg.crash()
        said = first + run.stdout.read()
        assert run.wait(60) in (0, 2) and called_applied(first), said
        assert called_applied(said) <= applied(p), f"{options}: {said}\n{applied(p)}"
        assert n == 1 or run.returncode == 2, "lines wait half a second at most"
        run.stdout.close()
        p.run("up")
        pg.crash()
        assert len(applied(p)) == 39


@test
def what_is_rolled_back_is_not_called_applied(pg):
    p = Sql(pg)
    p.write("1_a", "create table a(id int);")
    p.write("2_b", "set lock_timeout = '1s'; create table b(id int);")  # each in a message of its own
    p.write("3_bad", "set lock_timeout = '1s'; select 1/0;")
    out = p.json("up", "--single-transaction", code=3)
    assert [m["status"] for m in out["migrations"]] == ["rolled back", "rolled back", "failed"], out
    assert p.tables() == ""
