"""Prisma's directories and history, and what a failed deploy of Prisma leaves behind."""
from project import Project, test

PRISMA_COLUMNS = ("id:character varying(36) checksum:character varying(64) finished_at:timestamp with time zone "
                  "migration_name:character varying(255) logs:text rolled_back_at:timestamp with time zone "
                  "started_at:timestamp with time zone applied_steps_count:integer")


def prisma_rows(p):
    return p.sql("select string_agg(migration_name || ' ' || checksum || ' ' || (finished_at is not null) || ' ' || "
                 "(rolled_back_at is not null) || ' ' || coalesce(logs, 'NULL') || ' ' || applied_steps_count, ';' "
                 "order by started_at) from _prisma_migrations")


@test
def prisma_history_is_written_as_prisma_does(pg):
    p = Project(pg, prisma=True)
    a = p.prisma("20240101000000_init", "-- CreateTable\r\nCREATE TABLE \"User\" (id int);\r\n")
    b = p.prisma("20240102000000_wrapped", "BEGIN;\nALTER TABLE \"User\" ADD COLUMN n int;\nCOMMIT;\n")
    c = p.prisma("20240103000000_index", "CREATE INDEX CONCURRENTLY i ON \"User\"(n);")
    p.url += "&schema=public&connection_limit=1"
    p.run("up")
    assert prisma_rows(p) == ";".join(f"{n} {h} true false NULL 1" for n, h in (
        ("20240101000000_init", a), ("20240102000000_wrapped", b), ("20240103000000_index", c))), prisma_rows(p)
    columns = p.sql("select string_agg(attname || ':' || format_type(atttypid, atttypmod), ' ' order by attnum) from "
                    "pg_attribute where attrelid = '_prisma_migrations'::regclass and attnum > 0")
    assert columns == PRISMA_COLUMNS, columns
    assert p.sql("select bool_and(id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$') from "
                 "_prisma_migrations") == "t"
    p.prisma("20240102000000_wrapped", "select 1;")
    assert p.json("verify", code=4)["problems"][0]["code"] == "edited"


def disaster(pg, sql=None, applied=2):
    """What Prisma 7.4 leaves: statements one by one, the row outside any transaction."""
    p = Project(pg, prisma=True)
    init = p.prisma("1_init", "CREATE TABLE base(id int);")
    statements = ["CREATE TABLE a(id int)", "ALTER TABLE base ADD COLUMN n int", "ALTER TABLE nope ADD COLUMN n int",
                  "CREATE TABLE b(id int)"]
    bad = p.prisma("2_bad", sql or ";\n".join(statements) + ";\n")
    p.sql("CREATE TABLE _prisma_migrations (id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, "
          "finished_at TIMESTAMPTZ, migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ, "
          "started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0);"
          "CREATE TABLE base(id int);"
          f"insert into _prisma_migrations values (gen_random_uuid(), '{init}', now(), '1_init', null, null, now(), 1)")
    for statement in statements[:applied]:
        p.sql(statement)
    p.sql(f"insert into _prisma_migrations values (gen_random_uuid(), '{bad}', null, '2_bad', 'relation \"nope\" does not "
          "exist', null, now(), 0)")
    return p, init, bad


@test
def prisma_half_applied_is_explained_and_finished(pg):
    p, init, _ = disaster(pg)
    problem = p.json("status", code=4)["problems"][0]
    assert problem["code"] == "failed-migration" and "nope" in problem["detail"], problem
    assert problem["fix"] == "howdah migrate resolve 2_bad --auto"
    p.run("up", code=4)
    out = p.run("resolve", "2_bad", "--auto", code=4)
    assert "2 of 4 statements of 2_bad are applied" in out and "migration.sql:3:1" in out, out
    fixed = p.prisma("2_bad", "CREATE TABLE a(id int);\nALTER TABLE base ADD COLUMN n int;\nALTER TABLE base ADD COLUMN m "
                              "int;\nCREATE TABLE b(id int);\n")
    p.run("resolve", "2_bad", "--auto", "--finish")
    assert p.tables() == "a,b,base"
    rows = prisma_rows(p).split(";")
    assert rows[0] == f"1_init {init} true false NULL 1"
    assert rows[1].startswith("2_bad ") and " false true " in rows[1], rows
    assert rows[2] == f"2_bad {fixed} true false  0", rows
    p.run("status", "--exit-code")
    assert p.sql("select count(*) from pg_database where datname like 'howdah_scratch%'") == "0"


@test
def prisma_nothing_applied_and_all_applied(pg):
    p, _, _ = disaster(pg, "CREATE TABLE z(id int);\nCREATE TABLE y(id int);\n", applied=0)
    assert "rolled back" in p.run("resolve", "2_bad", "--auto")
    p.run("up")
    assert p.tables() == "base,y,z"
    p, _, _ = disaster(pg, "CREATE TABLE a(id int);\n", applied=1)
    assert "marked" in p.run("resolve", "2_bad", "--auto")
    p.run("status", "--exit-code")
    p, _, _ = disaster(pg, "CREATE TABLE a(id int);\nUPDATE base SET id = 1;\nCREATE TABLE b(id int);", applied=1)
    assert "1 to 2 of 3" in p.run("resolve", "2_bad", "--auto", code=4)
    p.sql("create table by_hand(id int)")  # drift elsewhere does not matter
    assert "1 to 2 of 3" in p.run("resolve", "2_bad", "--auto", code=4)


@test
def prisma_resolve_by_hand(pg):
    p, _, bad = disaster(pg)
    p.run("resolve", "1_init", "--rolled-back", code=4)  # Prisma says success and does nothing
    p.run("resolve", "nope", "--applied", code=4)
    p.run("resolve", "2_bad", "--applied")
    rows = prisma_rows(p).split(";")
    assert " false true " in rows[1] and rows[2] == f"2_bad {bad} true false  0", rows
    assert p.sql("select bool_and(finished_at = started_at) from _prisma_migrations where logs = ''") == "t"
    p.run("resolve", "2_bad", "--applied", code=4)
    p.run("status", "--exit-code")
    p, _, _ = disaster(pg)
    p.run("resolve", "2_bad", "--rolled-back")
    p.run("status", "--exit-code", code=8)  # Prisma 6.19 says "up to date" here


@test
def prisma_first_deploy_on_tables_is_refused(pg):
    p = Project(pg, prisma=True)
    p.prisma("1_init", "CREATE TABLE base(id int);")
    p.sql("create table base(id int)")
    assert p.json("up", code=4)["problems"][0]["code"] == "not-empty"
    p.run("baseline", "latest")
    p.run("status", "--exit-code")


@test
def prisma_first_deploy_that_may_not_look(pg):
    """Whether the schema is empty cannot be found out: that is said, with the server's reason, and nothing runs."""
    p = Project(pg, prisma=True)
    p.prisma("1_a", "create table a(id int);")
    p.sql("create role blind login; revoke select on pg_catalog.pg_class from public; grant create on schema public to blind")
    p.url = p.url.replace("postgres@", "blind@")
    found = p.json("up", code=3)["problems"]
    assert len(found) == 1 and found[0]["sqlstate"] == "42501" and "pg_class" in found[0]["message"], found
    assert p.tables() == ""
    p.sql("grant select on pg_catalog.pg_class to public")
    p.run("up")
    assert p.tables() == "a"


@test
def prisma_history_without_rows_is_a_first_deploy(pg):
    """A run that was killed before its first migration leaves the table alone."""
    p = Project(pg, prisma=True)
    p.prisma("1_init", "CREATE TABLE base(id int);")
    p.run("up", 0)
    assert p.sql("select count(*) from _prisma_migrations") == "0"
    p.run("up")
    assert p.tables() == "base"
