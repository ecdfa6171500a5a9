"""migrate doctor and import: every finding names a command that mends it, and it does."""
from prisma import disaster
from project import Project, test

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
                 "varchar); insert into schema_migrations values ('001'), ('2')",
        "golang-migrate": "create table schema_migrations(version bigint primary key, dirty boolean not null); insert "
                          "into schema_migrations values (2, false)",
        "goose": "create table goose_db_version(id serial, version_id bigint not null, is_applied boolean not null, "
                 "tstamp timestamp default now()); insert into goose_db_version(version_id, is_applied) values (0, true), "
                 "(1, true), (2, true), (3, true), (3, false)",
        "sql-migrate": "create table gorp_migrations(id text primary key, applied_at timestamptz); insert into "
                       "gorp_migrations values ('1_init.sql', now()), ('2_users.sql', now())",
        "node-pg-migrate": "create table pgmigrations(id serial primary key, name varchar(255) not null, run_on timestamp "
                           "not null); insert into pgmigrations(name, run_on) values ('1_init', now()), ('2_users', now())",
        "alembic": "create table alembic_version(version_num varchar(32)); insert into alembic_version values ('2_users')",
        "flyway": flyway + "insert into flyway_schema_history values (1, '1', 'init', 'SQL', 'V1__init.sql', 1, 'x', "
                           "now(), 1, true), (2, '2', 'users', 'SQL', 'V2__users.sql', 1, 'x', now(), 1, true)",
        "sqitch": "create schema sqitch; create table sqitch.changes(change_id text, change text, committed_at "
                  "timestamptz); insert into sqitch.changes values ('a', 'init', now()), ('b', 'users', now())"}
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
