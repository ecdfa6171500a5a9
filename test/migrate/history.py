"""Mending a history by hand: rows that go and come back, order after a merge, what a table's schema is."""
import json
import os

from kysely import KyselyProject, merged
from matrix import Kysely, Prisma, Sql
from project import Project, test


def three(p):
    for n, name in ((1, "a"), (2, "b"), (3, "c")):
        p.write(f"{n}_{name}", f"create table {name}(id int)")
    p.run("up")
    return p


def names(p):
    return [m["name"] for m in p.json("status", code=None)["migrations"] if m["status"] == "applied"]


def rows(p):
    table = {Sql: "schema_history", Prisma: "_prisma_migrations", Kysely: "kysely_migration"}[type(p)]
    return p.sql(f"select h::text from {table} h order by 1")


def a_row_goes_and_comes_back(p):
    three(p)
    before = rows(p)
    said = p.run("history", "delete", "3_c", code=1)
    assert "howdah migrate history delete 3_c --yes" in said and "up runs it again" in said, said
    assert rows(p) == before
    problem = p.json("history", "delete", "2_b", "--yes", code=4)["problems"][0]
    assert problem["code"] == "gap" and "3_c" in problem["message"], problem
    assert rows(p) == before
    out = p.json("history", "delete", "3_c", "--reason", "renamed after the merge", "--yes")
    assert [m["status"] for m in out["migrations"]] == ["deleted"] and "history restore" in out["notes"][0], out
    assert names(p) == ["1_a", "2_b"]
    log = p.run("history", "log")
    assert "forgotten: renamed after the merge" in log and "postgres" in log, log
    assert p.json("up", code=3)["problems"][0]["sqlstate"] == "42P07"  # c is still there, as it said
    p.run("history", "restore", "3_c")
    assert rows(p) == before
    p.run("verify", "--exit-code")
    p.run("history", "restore", "3_c", code=4)
    p.run("history", "delete", "2_b", "3_c", "--yes")  # both: nothing later stays
    assert names(p) == ["1_a"]
    p.run("history", "delete", "nope", "--yes", code=4)
    p.run("history", "restore", "2_b")
    p.remove("1_a")
    p.run("history", "delete", "1_a", "--yes")  # no file: no gap
    assert names(p) == ["2_b"]
    p.run("history", "restore", "1_a")  # by its name: no file says its version
    assert names(p) == ["1_a", "2_b"]
    logs = p.sql("select string_agg(oid::regclass::text, ' ') from pg_class where relname ~ '_log$' or relnamespace = "
                 "to_regnamespace('howdah_log') and relkind = 'r'")
    assert logs == ("howdah_log.public" if type(p) is Prisma else "schema_history_log"), logs  # not where Prisma looks
    assert p.sql("select count(*) from pg_class where relname = 'schema_history'") == ("1" if type(p) is Sql else "0")


for kind in (Sql, Prisma, Kysely):
    def function(pg, kind=kind):
        a_row_goes_and_comes_back(kind(pg))
    function.__name__ = ("kysely_" if kind is Kysely else "") + "a_row_goes_and_comes_back_of_" + kind.__name__.lower()
    test(function)


@test
def kysely_repair_reorder(pg):
    """The five manual steps of the runbook in one command; the schema is that of a fresh replay."""
    p = merged(pg)
    p.table("2024-01-03_main", "main")
    p.run("repair", "--reorder", "2024-01-03_main", code=1)
    p.run("repair", "--reorder")
    assert p.history() == "2024-01-01_a,2024-01-02_b,2024-01-03_main,2024-01-04_feature"
    p.run("diff", "--from", "migrations", "--to", "db", "--exit-code")
    assert p.sql("select id from feature") == "42" and p.real() == {"error": None, "names": []}


@test
def kysely_corrupted_rows_are_deleted_by_hand(pg):
    """The runbook's own steps: down to before the merge, rows without a way down are deleted, up again."""
    p = KyselyProject(pg)
    p.table("2024-01-01_a", "a")
    p.migration("2024-01-04_view", "await sql`create or replace view v as select id from a`.execute(db)")  # no down
    assert p.real()["error"] is None
    p.table("2024-01-03_main", "main")
    assert "corrupted migrations" in p.real()["error"]
    p.run("history", "delete", "2024-01-04_view", "--reason", "out of order", "--yes")
    p.run("to", "latest")
    assert p.history() == "2024-01-01_a,2024-01-03_main,2024-01-04_view" and p.real() == {"error": None, "names": []}


@test
def schema_of_a_table_and_who_made_it(pg):
    p = Project(pg)
    p.file("1_users.sql", "create type mood as enum ('ok', 'bad'); create table users(id serial primary key, name text not null);")
    p.file("2_other.sql", "create table other(id int); insert into users(name) values ('x');")
    p.file("3_mood.sql", "alter table users add column mood mood default 'ok', add unique (name);")
    p.file("4_index.sql", "do $$ begin execute 'create index by_mood on users(mood)'; end $$;")
    p.file("5_touch.sql", "create function touch() returns trigger language plpgsql as $$ begin return new; end $$;"
                          "create trigger touch before update on users for each row execute function touch();")
    p.run("up", 4)
    out = p.json("schema", "users")
    assert [(m["name"], m["status"]) for m in out["migrations"]] == [
        ("1_users", "applied"), ("3_mood", "applied"), ("4_index", "applied"), ("5_touch", "pending")], out
    p.sql("drop table users; drop type mood")
    p.sql("".join(out["sql"]))  # it is SQL that makes the table
    assert "create index" in json.dumps(out["sql"]).lower() and "by_mood" in json.dumps(out["sql"])
    assert p.json("schema", "public.users")["sql"] == out["sql"]
    p.sql("alter table users drop column mood")
    drifted = p.json("schema", "users", code=7)
    assert drifted["problems"][0]["code"] == "drift" and "mood" not in json.dumps(drifted["sql"]), drifted
    p.file("6_later.sql", "create table later(id int);")
    assert "is not in the database yet" in p.run("schema", "later")
    assert "neither the database nor a migration" in p.run("schema", "nope", code=1)
    assert p.sql("select count(*) from pg_database where datname like 'howdah_scratch%'") == "0"


@test
def kysely_schema_of_a_table(pg):
    p = KyselyProject(pg)
    p.table("2024-01-01_a", "a")
    p.table("2024-01-02_b", "b")
    p.migration("2024-01-03_more", "await db.schema.alterTable('a').addColumn('n', 'text').execute()")
    p.migration("2024-01-04_rename", "await db.schema.alterTable('a').renameTo('Account').execute()")
    p.run("up")
    out = p.json("schema", "Account")
    assert [m["name"] for m in out["migrations"]] == ["2024-01-01_a", "2024-01-03_more", "2024-01-04_rename"], out
    assert '"Account"' in out["sql"][0] and "n text" in out["sql"][0], out


@test
def dry_runs_change_nothing(pg):
    p = Project(pg)
    for n in (1, 2):
        p.file(f"{n}_t.sql", f"-- migrate:up\ncreate table t{n}(id int);\n-- migrate:down\ndrop table t{n};\n")
    assert [m["status"] for m in p.json("up", "--dry-run")["migrations"]] == ["tried", "tried"]
    assert p.tables() == ""
    p.run("latest")
    for words in (("down", "--dry-run"), ("to", "1", "--dry-run"), ("to", "none", "--dry-run")):
        out = p.json(*words)
        assert {m["status"] for m in out["migrations"]} == {"tried"} and p.tables() == "t1,t2", out
    os.unlink(f"{p.dir}/2_t.sql")
    p.run("down", "--missing")
    assert p.tables() == "t1"
