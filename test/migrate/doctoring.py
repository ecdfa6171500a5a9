"""migrate doctor and import: every finding names a command that mends it, and it does."""
import os
import subprocess

from importing import REGISTRY
from prisma import disaster
from project import Project, sleeps, test, wait_until

FILES = ("1_init", "2_users", "3_posts")


def codes(p, code=4):
    return [f["code"] for f in p.json("doctor", code=code)["problems"]]


def mended(p, finding):
    """Runs the proposed command."""
    words = finding["fix"].split()
    assert words[:2] == ["howdah", "migrate"], finding
    p.run(*words[2:])


@test
def doctor_proposes_what_fits_the_failure(pg):
    for applied, sql, fix in ((0, None, "--rolled-back"), (2, None, "--auto --finish"),
                              (2, "CREATE TABLE a(id int);\nALTER TABLE base ADD COLUMN n int;\n", "--applied")):
        p, _, _ = disaster(pg, sql=sql, applied=applied)
        before = p.sql("select string_agg(p::text, ';') from _prisma_migrations p")
        finding = p.json("doctor", code=4)["problems"][0]
        assert finding["fix"] == f"howdah migrate resolve 2_bad {fix}", finding
        assert p.sql("select string_agg(p::text, ';') from _prisma_migrations p") == before
        if fix == "--auto --finish":
            assert "2 of its 4 statements" in finding["message"] and finding["where"].endswith("2_bad/migration.sql:3:1")
            p.prisma("2_bad", "CREATE TABLE a(id int);\nALTER TABLE base ADD COLUMN n int;\nCREATE TABLE b(id int);\n")
        mended(p, finding)
        if fix == "--rolled-back":
            finding = p.json("doctor", code=4)["problems"][0]
            assert finding["code"] == "rolled-back" and finding["fix"] == "howdah migrate up", finding
            p.prisma("2_bad", "CREATE TABLE a(id int);")
            mended(p, finding)
        assert codes(p, code=0) == []


@test
def doctor_finds_what_is_left_behind(pg):
    p = Project(pg)
    p.file("1_t.sql", "-- migrate:up\ncreate table t (id int, n int);\n-- migrate:down\ndrop table t;\n")
    p.run("up")
    assert codes(p, code=0) == []
    p.sql("insert into t values (1, 1), (1, 1)")
    try:
        p.sql("create unique index concurrently u on t(id)")
        raise AssertionError("made a unique index of equal rows")
    except RuntimeError:
        pass
    p.sql("alter table t add constraint k check (n > 5) not valid")
    found = {f["code"]: f for f in p.json("doctor", code=4)["problems"]}
    assert set(found) == {"invalid-index", "not-valid", "drift"}, found
    assert found["invalid-index"]["fix"] == "howdah db connect -- psql -c 'reindex index concurrently u'"
    p.sql("drop index u; alter table t drop constraint k; alter table t add by_hand text; create view v as select 1")
    finding = p.json("doctor", code=7)["problems"][0]
    assert finding["detail"] == "table public.t differs; view public.v is in no migration", finding


def tool(pg, *sql, files=FILES):
    p = Project(pg)
    for name in files:
        p.file(f"{name}.sql", f"-- migrate:up\ncreate table {name[2:]} (id int);\n-- migrate:down\nselect 1;\n")
    for statement in sql:
        p.sql(statement)
    return p


@test
def import_from_nine_tools(pg):
    two = "create table init(id int); create table users(id int);"
    flyway = ("create table flyway_schema_history(installed_rank int primary key, version varchar(50), description "
              "varchar(200) not null, type varchar(20) not null, script varchar(1000) not null, checksum int, installed_by "
              "varchar(100) not null, installed_on timestamp not null default now(), execution_time int not null, success "
              "boolean not null);")
    cases = {
        "dbmate": "create table schema_migrations(version varchar(128) primary key); insert into schema_migrations "
                  "values ('1'), ('2')",
        "rails": "create table schema_migrations(version varchar primary key); create table ar_internal_metadata(key "
                 "varchar primary key, value varchar, created_at timestamp(6) not null default now(), updated_at timestamp(6) "
                 "not null default now()); insert into schema_migrations values ('001'), ('2')",
        "golang-migrate": "create table schema_migrations(version bigint primary key, dirty boolean not null); insert "
                          "into schema_migrations values (2, false)",
        "goose": "create table goose_db_version(id serial, version_id bigint not null, is_applied boolean not null, "
                 "tstamp timestamp default now()); insert into goose_db_version(version_id, is_applied) values (0, true), "
                 "(1, true), (2, true), (3, true), (3, false)",
        "sql-migrate": "create table gorp_migrations(id text primary key, applied_at timestamptz); insert into "
                       "gorp_migrations values ('1_init.sql', now()), ('2_users.sql', now())",
        "node-pg-migrate": "create table pgmigrations(id serial primary key, name varchar(255) not null, run_on timestamp "
                           "not null); insert into pgmigrations(name, run_on) values ('1_init', now()), ('2_users', now())",
        "alembic": "create table alembic_version(version_num varchar(32) not null constraint alembic_version_pkc primary key); "
                   "insert into alembic_version values ('2_users')",
        "flyway": flyway + "insert into flyway_schema_history values (1, '1', 'init', 'SQL', 'V1__init.sql', 1, 'x', "
                           "now(), 1, true), (2, '2', 'users', 'SQL', 'V2__users.sql', 1, 'x', now(), 1, true)",
        "sqitch": REGISTRY + "insert into sqitch.changes (change_id, change, project) values ('a', 'init', 'shop'), ('b', "
                  "'users', 'shop')"}
    for name, sql in cases.items():
        p = tool(pg, two, sql)
        finding = p.json("doctor", code=4)["problems"][0]
        assert finding["code"] == "foreign-history" and f"that of {name}," in finding["message"], (name, finding)
        mended(p, finding)
        assert p.versions() == "1:applied,2:applied", (name, p.versions())
        assert codes(p, code=0) == [], name
        assert "nothing to do" in p.run("import")
        p.run("up")
        assert p.versions() == "1:applied,2:applied,3:applied", name


@test
def import_refuses_what_it_cannot_map(pg):
    dirty = tool(pg, "create table schema_migrations(version bigint primary key, dirty boolean not null); insert into "
                 "schema_migrations values (2, true)")
    assert dirty.json("import", code=4)["problems"][0]["code"] == "unfinished"
    p = tool(pg, "create table gorp_migrations(id text primary key, applied_at timestamptz); insert into gorp_migrations "
             "values ('1_init.sql', now()), ('2_other.sql', now())")
    assert "2_other.sql" in p.json("import", code=4)["problems"][0]["message"]
    assert p.sql("select to_regclass('schema_history') is null") == "t"
    p.run("import", "--skip-missing")
    assert p.versions() == "1:applied"
    p = tool(pg)
    assert p.json("import", code=4)["problems"][0]["fix"] == "howdah migrate baseline latest"


@test
def doctor_does_not_praise_what_it_could_not_look_at(pg):
    p = Project(pg)
    p.file("1_a.sql", "-- migrate:up\ninsert into outside values (1);\n-- migrate:down\n")
    p.sql("create table outside (n int)")
    p.run("up")
    out = p.run("doctor")
    assert "drift was not looked for" in out and "nothing is wrong in what could be looked at" in out, out


@test
def repair_all_mends_what_needs_no_decision(pg):
    p = Project(pg)
    for n, table in ((1, "t"), (3, "u")):
        p.file(f"{n}_{table}.sql", f"-- migrate:up\ncreate table {table} (id int, n int);\n-- migrate:down\ndrop table {table};\n")
    p.run("up")
    assert "nothing is wrong" in p.run("repair", "--all")
    p.file("2_late.sql", "-- migrate:up\ncreate table late (id int);\n-- migrate:down\ndrop table late;\n")
    p.sql("insert into t values (1, 1), (1, 9)")
    for index, table in (("good", "t"), ("bad", "t")):
        try:
            p.sql(f"create unique index concurrently {index} on {table}(id)")
        except RuntimeError:
            pass
    p.sql("update t set id = 2 where n = 9; drop index bad; alter table t add constraint holds check (n > 0) not valid; alter "
          "table t add constraint fails check (n > 5) not valid")
    told = p.json("repair", "--all", code=4)
    assert [(m["status"], m["detail"]) for m in told["migrations"]] == [
        ("would mend", "howdah migrate rebase"), ("would mend", "reindex index concurrently good"),
        ("would mend", "alter table t validate constraint fails"), ("would mend", "alter table t validate constraint holds")], told
    assert "repair --all --yes" in told["notes"][-1] and p.versions() == "1:applied,3:applied"
    assert [x["code"] for x in told["problems"]] == ["drift"], told  # somebody's decision
    left = p.json("repair", "--all", "--yes", code=4)
    assert p.versions() == "1:applied,2:applied,3:applied"
    assert p.sql("select string_agg(conname, ',') from pg_constraint where contype = 'c' and not convalidated") == "fails"
    assert p.sql("select indisvalid from pg_index where indexrelid = 'good'::regclass") == "t"
    assert {"23514"} <= {x["sqlstate"] for x in left["problems"]}, left
    assert [x["code"] for x in left["problems"]][-2:] == ["not-valid", "drift"], left
    p.sql("delete from t where n < 6; drop index good; alter table t drop constraint holds; alter table t drop constraint fails")
    assert "nothing is wrong" in p.run("repair", "--all", "--yes")


@test
def repair_all_leaves_what_is_a_decision(pg):
    p = Project(pg)
    p.file("1_t.sql", "-- migrate:up\ncreate table t (id int);\n-- migrate:down\ndrop table t;\n")
    p.file("2_u.sql", "-- migrate:up\ncreate table u (id int);\n")
    p.run("up")
    p.file("1_t.sql", "-- migrate:up\ncreate table t (id bigint);\n-- migrate:down\ndrop table t;\n")
    os.remove(f"{p.dir}/2_u.sql")
    before = p.sql("select string_agg(h::text, ';' order by version) from schema_history h")
    out = p.json("repair", "--all", "--yes", code=4)
    assert {x["code"] for x in out["problems"]} == {"edited", "missing-file"} and out["migrations"] == [], out
    assert p.sql("select string_agg(h::text, ';' order by version) from schema_history h") == before
    for words in ((), ("--all", "1"), ("--yes", "1", "--forget"), ("--all", "--reorder")):
        p.run("repair", *words, code=1)


@test
def repair_all_of_a_failed_reindex(pg):
    """What a mend that fails leaves behind is mended as well."""
    p = Project(pg)
    p.file("1_t.sql", "-- migrate:up\ncreate table t (id int);\n")
    p.run("up")
    p.sql("insert into t values (1), (1)")
    try:
        p.sql("create unique index concurrently u on t(id)")
    except RuntimeError:
        pass
    found = p.json("repair", "--all", "--yes", code=4)["problems"]
    assert [x["sqlstate"] for x in found if x["sqlstate"]] == ["23505"], found
    assert p.sql("select string_agg(relname, ',') from pg_class where relkind = 'i' and relnamespace = 'public'::regnamespace "
                 "and relname not like 'schema%'") == "u"


@test
def repair_all_of_prismas_half(pg):
    for applied, sql, state in ((0, None, "rolled-back"), (2, None, None),
                                (2, "CREATE TABLE a(id int);\nALTER TABLE base ADD COLUMN n int;\n", None)):
        p, _, _ = disaster(pg, sql=sql, applied=applied)
        if applied and sql is None:
            assert [x["code"] for x in p.json("repair", "--all", "--yes", code=4)["problems"]][-1] == "failed-migration"
            p.prisma("2_bad", "CREATE TABLE a(id int);\nALTER TABLE base ADD COLUMN n int;\nCREATE TABLE b(id int);\n")
        out = p.json("repair", "--all", "--yes", code=4 if state else 0)
        assert [x["code"] for x in out["problems"]] == ([state] if state else []), out


@test
def repair_all_takes_a_history_over(pg):
    p = tool(pg, "create table init(id int); create table schema_migrations(version varchar(128) primary key); insert into "
             "schema_migrations values ('1')")
    p.run("repair", "--all", "--yes")
    assert p.versions() == "1:applied"


@test
def doctor_tells_a_run_from_a_forgotten_transaction(pg):
    p = Project(pg)
    p.file("1_t.sql", "-- migrate:up\nselect pg_sleep(4);\n")
    with subprocess.Popen(p.command("up"), stdout=subprocess.DEVNULL) as run:
        wait_until(lambda: sleeps(p), run)
        out = p.json("doctor")
        assert any("another run is going on" in n for n in out["notes"]) and not out["problems"], out
        assert run.wait() == 0
    assert not any("another run" in n for n in p.json("doctor")["notes"])
