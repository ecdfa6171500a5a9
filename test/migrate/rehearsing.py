"""migrate rehearse: what it measures on a copy, and that the database itself is only read."""
import subprocess

from project import Project, test


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
