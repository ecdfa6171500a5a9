"""migrate rehearse: what it measures on a copy, and that the database itself is only read."""
import subprocess

from project import Project, test
from server import Server


def crowded(pg):
    p = Project(pg)
    p.file("1_t.sql", "-- migrate:up\ncreate table t (id int primary key, v varchar(20), n int);\n"
           "create table u (id int);\n-- migrate:down\ndrop table t;\ndrop table u;\n")
    p.run("up")
    p.sql("insert into t select g, 'x' || g, g from generate_series(1, 20000) g; analyze t")
    return p


def pending(p):
    p.file("2_a.sql", "-- migrate:up\nalter table t add w text;\nalter table t alter v type varchar(30);\n"
           "alter table u add n int;\n-- migrate:down\nalter table u drop n;\nalter table t alter v type varchar(20);\n"
           "alter table t drop w;\n")
    p.file("3_b.sql", "-- migrate:up\nalter table t add r float8 default random();\ncreate index i on t(n);\n"
           "update t set n = n + 1;\n-- migrate:down\nalter table t drop r;\ndrop index i;\n")
    p.file("4_c.sql", "-- migrate:up transaction:false\ncreate index concurrently j on t(v);\n-- migrate:down\n"
           "drop index j;\n")


@test
def rehearse_measures_each_statement(pg):
    p = crowded(pg)
    pending(p)
    found = p.json("rehearse")["rehearsal"]
    one = {s["sql"]: s for s in found["statements"]}
    assert len(one) == 7, list(one)
    added = one["alter table t add w text"]
    assert added["locks"] == {"public.t": "AccessExclusive"} and not added["rewritten"] and not added["scanned_rows"]
    assert one["alter table t alter v type varchar(30)"]["rewritten"] == {}  # only the catalog
    assert one["alter table t alter v type varchar(30)"]["locks"] == {}  # held already
    assert one["alter table u add n int"]["locks"] == {"public.u": "AccessExclusive"}
    rewrite = one["alter table t add r float8 default random()"]
    assert set(rewrite["rewritten"]) == {"public.t", "public.t_pkey"} and rewrite["scanned_rows"] >= 20000, rewrite
    assert rewrite["wal_bytes"] > 1000000, rewrite
    assert set(one["create index i on t(n)"]["built"]) == {"public.i"}
    assert one["update t set n = n + 1"]["wal_bytes"] > 1000000
    assert set(one["create index concurrently j on t(v)"]["built"]) == {"public.j"}
    # From the lock of its first statement to the commit: the update counts, though it blocks nobody by itself.
    worst = found["tables"]["public.t"]
    whole = sum(s["ms"] for s in found["statements"] if s["version"] == "3")
    assert worst["version"] == "3" and worst["mode"] == "AccessExclusive" and worst["ms"] >= whole, (worst, whole)
    assert found["tables"]["public.u"]["version"] == "2"
    assert p.versions() == "1:applied" and p.sql("select count(*) from pg_attribute where attrelid = 't'::regclass and "
                                                 "attnum > 0") == "3"
    assert p.sql("select count(*) from pg_database where datname like 'howdah_copy%'") == "0"
    assert "worst: public.t is locked AccessExclusive" in p.run("rehearse")


@test
def rehearse_keeps_to_budgets(pg):
    p = crowded(pg)
    pending(p)
    p.run("rehearse", "--max-lock", "10min", "--max-rewrite", "1GB")
    problems = p.json("rehearse", "--max-lock", "0ms", "--max-rewrite", "0B", code=9)["problems"]
    assert {x["code"] for x in problems} == {"lock-budget", "rewrite-budget"}, problems
    assert [x["where"].rsplit("/", 1)[1] for x in problems if x["where"]] == ["3_b.sql:2:1"], problems
    p.run("rehearse", "--max-lock", "soon", code=1)
    assert p.json("rehearse", "--max-lock", "soon", code=1)["problems"][0]["code"] == "usage"  # one object, not two
    p.run("rehearse", "--with-down")
    p.file("3_b.sql", "-- migrate:up\nalter table t add r float8;\n-- migrate:down\nselect 1;\n")
    assert "public.t differs" in p.json("rehearse", "--with-down", code=3)["problems"][0]["message"]
    p.file("3_b.sql", "-- migrate:up\nalter table t add r float8;\n\nalter table t add constraint c check (n < 5);\n"
           "-- migrate:down\nselect 1;\n")
    problem = p.json("rehearse", code=3)["problems"][0]  # fails only on real rows
    assert problem["sqlstate"] == "23514" and problem["where"].endswith("3_b.sql:4:1"), problem
    assert p.sql("select count(*) from pg_database where datname like 'howdah_copy%'") == "0"


@test
def rehearse_while_somebody_is_connected(pg):
    p = crowded(pg)
    pending(p)
    other = subprocess.Popen([f"{pg.bin}/psql", "-XAtq", p.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        other.stdin.write("select 'here';\n")
        other.stdin.flush()
        assert other.stdout.readline().strip() == "here"
        out = p.json("rehearse", "--with-down")
        assert "by dump and restore" in out["notes"][0] and len(out["rehearsal"]["statements"]) == 7
    finally:
        other.communicate("\\q\n", timeout=30)


@test
def rehearse_says_what_disk_and_replicas_need(pg):
    p = crowded(pg)
    p.file("2_a.sql", "-- migrate:up\nalter table t alter n type bigint;\nalter table t alter n type int;\n")
    p.file("3_b.sql", "-- migrate:up\ncreate index i on t(n);\n")
    p.file("4_c.sql", "-- migrate:up\nalter table u add n int;\n")
    found = p.json("rehearse", "--replica-rate", "1MB")["rehearsal"]
    twice = sum(b for s in found["statements"] if s["version"] == "2" for b in s["rewritten"].values())
    assert found["disk"] == {"bytes": twice, "version": "2"} and twice > 2000000, found
    assert found["wal_bytes"] == sum(s["wal_bytes"] for s in found["statements"])
    # What is written faster than it is applied adds up.
    behind = most = 0
    for s in found["statements"]:
        behind = max(0, behind + s["wal_bytes"] / 1048576 * 1000 - s["ms"])
        most = max(most, behind)
    assert abs(found["replica"]["lag_ms"] - most) < 1 and most > 500, (found["replica"], most)
    problem = p.json("rehearse", "--replica-rate", "1MB", "--max-lag", "100ms", code=9)["problems"][0]
    assert problem["code"] == "lag-budget", problem
    out = p.run("rehearse", "--max-lag", "1min")
    assert "more until 2 commits, old and new side by side" in out and "of WAL; at 50 MB a second" in out, out
    p.run("rehearse", "--replica-rate", "0MB", code=1)


@test
def rehearse_replays_what_the_application_sends(_):
    """Real pg_stat_statements: texts with $1, of statements that a dropped or changed column breaks."""
    pg = Server()
    try:
        with open(f"{pg.data}/postgresql.conf", "a", encoding="utf-8") as f:
            f.write("shared_preload_libraries = 'pg_stat_statements'\n")
        pg.run("pg_ctl", "-D", pg.data, "-m", "fast", "-w", "stop")
        pg.start()
        p = crowded(pg)
        p.file("2_a.sql", "-- migrate:up\nalter table t add w text;\n")
        p.file("3_b.sql", "-- migrate:up\nalter table t drop v;\n")
        p.file("4_c.sql", "-- migrate:up\nalter table u alter id type text;\ncreate view n as select n from t;\n")
        out = p.run("rehearse")
        assert "was not tried: the database has no extension pg_stat_statements" in out, out
        p.sql("create schema app; create table app.z (id int, at timestamptz); create extension pg_stat_statements schema app; "
              f"alter database {p.name} set search_path = app, public")
        for sql in ("select count(*) from t where n > 5 and v = 'x5'", "select count(*) from u where id + 1 > 4",
                    "insert into t (id, v) values (-1, 'a')", "update z set id = 3 where at > now() - interval '3 days'",
                    "/* job */ (select n from t order by id limit 3)", "select * from generate_series(1, 3) g where g % 2 = 1",
                    "create table gone (x int)", "select x + 1 from gone", "drop table gone"):
            p.sql(sql)
        p.sql("begin; select id from z where id = 1; commit")
        before = p.sql("select count(*) from t")
        found = p.json("rehearse", code=9)
        told = {(x["version"], x["sqlstate"], x["detail"].split(";")[0]) for x in found["problems"]}
        assert told == {("3", "42703", "select count(*) from t where n > $1 and v = $2"),
                        ("3", "42703", "insert into t (id, v) values ($1, $2)"),
                        ("4", "42883", "select count(*) from u where id + $1 > $2")}, told
        assert all("called 1 times" in x["detail"] and x["code"] == "statement" for x in found["problems"])
        assert found["rehearsal"]["application"]["statements"] >= 6, found["rehearsal"]["application"]
        assert "select x + $1 from gone" not in str(found)  # cannot be planned now either
        assert p.sql("select count(*) from t") == before
        assert "can still be planned" in p.run("rehearse", code=9)
        p.run("rehearse", "--statements", "0")
        p.sql("select pg_stat_statements_reset()")
        p.run("rehearse")
    finally:
        pg.stop()


@test
def rehearse_under_load(pg):
    p = crowded(pg)
    p.file("2_a.sql", "-- migrate:up\nalter table t add w text;\nselect pg_sleep(1);\n")
    load = p.file("app.load", "begin;\nselect count(*) from t where id < 10;\nupdate t set n = n + 1 where id = 7;\ncommit;\n"
                              "select v from t where id = 3;\n")
    found = p.json("rehearse", "--load", load)["rehearsal"]
    # Somebody waited for the whole second, and nobody failed.
    assert found["load"]["slowest_ms"] >= 900 and found["load"]["slowest_version"] == "2", found["load"]
    assert found["load"]["failed"] == 0 and found["load"]["statements"] >= 2, found["load"]
    assert p.sql("select n from t where id = 7") == "7"
    p.file("3_b.sql", "-- migrate:up\nalter table t drop v;\n")
    p.file("4_c.sql", "-- migrate:up\nselect pg_sleep(0.5);\n")
    problem = p.json("rehearse", "--load", load, code=9)["problems"][0]
    assert problem["code"] == "load" and problem["version"] in "34" and "column \"v\"" in problem["message"], problem
    assert problem["detail"] == "select v from t where id = 3", problem
    p.file("5_d.sql", "-- migrate:up\nselect 1 / 0;\n")  # fails while the load waits for its locks
    assert "22012" in {x["sqlstate"] for x in p.json("rehearse", "--load", load, code=3)["problems"]}
    p.file("app.load", "select nothing from t;\n")
    assert "correct the file" in p.json("rehearse", "--load", load, code=1)["problems"][0]["hint"]
    assert p.sql("select count(*) from pg_database where datname like 'howdah_copy%'") == "0"
