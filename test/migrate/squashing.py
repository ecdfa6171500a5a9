"""howdah migrate squash: several migrations become one baseline. howdah migrate export: other tools' layouts."""
import os
import shutil
import subprocess
import tempfile

from kysely import KyselyProject
from project import HOWDAH, Project, Skip, node_modules, test

FILES = {
    "1_users": ("create table users(id int generated always as identity primary key, name text default 'a;b');"
                "insert into users(name) values (e'it''s'), ('second');", "drop table users;"),
    "2_posts": ("create type kind as enum ('a', 'b'); create table posts(id int, kind kind, author int references users);"
                "create function n() returns bigint language sql as $$ select count(*) from later; $$;"
                .replace("later", "posts"), "drop function n; drop table posts; drop type kind;"),
    "3_index": ("create index posts_id on posts(id); comment on table posts is 'what; they write';"
                "alter table users add column age int check (age > 0);", "drop index posts_id;"),
}


def native(pg, names=FILES):
    p = Project(pg)
    for name in names:
        up, down = FILES[name]
        p.file(f"{name}.sql", f"-- migrate:up\n{up}\n-- migrate:down\n{down}\n")
    return p


def prisma(pg):
    p = Project(pg, prisma=True)
    for name, (up, _) in FILES.items():
        p.prisma(f"2024010{name}", up)
    return p


def schema(p):
    return subprocess.run([f"{p.pg.bin}/pg_dump", "-s", "--exclude-table=*schema_history*", "--exclude-table=_prisma_migrations",
                           p.url], capture_output=True, text=True, check=True).stdout.split("\n", 8)[8].replace("restrict", "")


def sibling(pg, p):
    """Another database with the same files."""
    other = Project(pg)
    other.dir = p.dir
    return other


def checked_schema(p):
    return [line for line in schema(p).splitlines() if line and not line.startswith(("--", "\\"))]


@test
def squash_rewrites_files_and_histories(pg):
    p = native(pg)
    staging, behind, fresh = sibling(pg, p), sibling(pg, p), sibling(pg, p)
    for q in (p, staging):
        q.run("up")
    behind.run("up", 2)
    p.file("4_late.sql", "create table late(id int);")
    assert "only 3 of these 4" in p.run("squash", code=4)
    assert "-- migrate:replaces 1_users" in p.run("squash", "3", "--dry-run") and os.path.exists(f"{p.dir}/1_users.sql")
    p.run("squash", "3", "--name", "base")
    assert sorted(os.listdir(p.dir)) == ["3_base.sql", "4_late.sql"], os.listdir(p.dir)
    assert p.versions() == "3:applied"
    assert p.sql("select count(*) from schema_history_log where action = 'squashed into 3_base' and row_before <> ''") == "3"
    p.run("up")
    p.run("verify", "--exit-code")
    assert "up records it" in staging.run("status")
    staging.run("up", 0)
    assert staging.versions() == "3:applied"
    staging.run("up")
    problem = behind.json("up", code=4)["problems"][0]
    assert problem["code"] == "half-squashed" and "3_index is missing" in problem["message"], problem
    assert behind.versions() == "1:applied,2:applied"
    fresh.run("up")
    assert fresh.sql("select string_agg(id || name, ',' order by id) from users") == "1it's,2second"
    assert fresh.sql("insert into users(name) values ('next') returning id") == "3"
    assert checked_schema(fresh) == checked_schema(p)
    assert pg.psql("postgres", "select count(*) from pg_database where datname like 'howdah_scratch%'") == "0"
    p.run("squash")  # the baseline is squashed again
    assert p.versions() == "4:applied" and sorted(os.listdir(p.dir)) == ["4_baseline.sql"]
    fresh.run("up")
    assert fresh.versions() == "4:applied"


@test
def squash_of_prisma_directories(pg):
    p = prisma(pg)
    fresh = sibling(pg, p)
    p.run("up")
    p.run("squash")
    names = sorted(os.listdir(p.dir))
    assert names == ["20240103_baseline", "migration_lock.toml"], names
    assert p.sql("select string_agg(migration_name || (finished_at is not null) || applied_steps_count, ',') from "
                 "_prisma_migrations") == "20240103_baselinetrue1"
    p.run("verify", "--exit-code")
    fresh.run("up")
    assert checked_schema(fresh) == checked_schema(p)


@test
def squash_refuses(pg):
    p = native(pg)
    p.run("up")
    p.file("1_users.sql", "-- migrate:up\ncreate table edited(id int);")
    assert p.json("squash", code=4)["problems"][0]["code"] == "edited"
    p = native(pg, ["1_users"])
    assert "nothing to squash" in p.run("squash", code=1)
    p.file("2_role.sql", "create role someone;")
    assert "whole server" in p.run("squash", code=4)
    p = KyselyProject(pg)
    p.table("2024-01-01_a", "a")
    assert p.json("squash", code=1)["problems"][0]["code"] == "dialect"
    p = native(pg)
    p.run("squash")  # a database that has run none: only the files change
    assert p.sql("select count(*) from schema_history") == "0" and os.listdir(p.dir) == ["3_baseline.sql"]
    p.run("up")


def exported(p, form, code=0):
    to = tempfile.mkdtemp(prefix="export-", dir=p.pg.dir)
    done = subprocess.run([HOWDAH, "migrate", "--dir", p.dir, "export", "--format", form, "--to", to], capture_output=True,
                          text=True, check=False, env={"PATH": os.environ["PATH"]})  # needs no database
    assert done.returncode == code, done.stdout + done.stderr
    return to


@test
def export_to_other_tools(pg):
    p = native(pg)
    p.file("4_alone.sql", "-- howdah:no-transaction\ncreate index concurrently i on posts(id);")
    p.file("10_timeout.sql", "-- migrate:up lock_timeout:5s\nbegin;\ncreate table last(id int);\ncommit;\n")
    p.run("up")
    want = checked_schema(p)
    layouts = {"prisma": "04_alone/migration.sql", "dbmate": "04_alone.sql", "goose": "04_alone.sql",
               "golang-migrate": "02_posts.down.sql", "sql-migrate": "10_timeout.sql", "native": "01_users.sql"}
    for form, name in layouts.items():
        q = Project(pg)
        q.dir = exported(p, form)
        assert os.path.exists(f"{q.dir}/{name}"), os.listdir(q.dir)
        q.run("up")
        assert checked_schema(q) == want, form
    for form in ("goose", "dbmate"):
        q = Project(pg)
        q.dir = exported(native(pg), form)
        q.run("up")
        q.run("to", "none")
        assert q.tables() == ""
    with open(f"{exported(p, 'goose')}/02_posts.sql", encoding="utf-8") as f:
        assert "-- +goose StatementBegin" in f.read()
    flyway = exported(p, "flyway")
    assert {"V1__users.sql", "U1__users.sql", "V4__alone.sql.conf", "V10__timeout.sql"} <= set(os.listdir(flyway))
    p.file("11_two.sql", "-- howdah:no-transaction\ncreate index concurrently j on posts(id); vacuum;")
    to = exported(p, "prisma", code=3)
    assert os.listdir(to) == []


def run_by_a_tool(p, form, history, run):
    """What the tool makes of our files is what we make of them, and we go on after it."""
    q = Project(p.pg)
    q.dir = exported(p, form)
    run(q, "up")
    q.run("import")
    q.run("verify", "--exit-code")
    q.file("20_more.sql", "-- migrate:up\ncreate table more(id int);\n-- migrate:down\ndrop table more;\n")
    q.run("up")
    q.run("down")
    q.sql(f"drop table {history}")
    assert checked_schema(q) == checked_schema(p), form
    back = Project(p.pg)
    back.dir = exported(native(p.pg), form)
    run(back, "up")
    for _ in FILES:
        run(back, "down")
    assert back.sql("select count(*) from pg_class where relname in ('users', 'posts')") == "0"


def call(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def with_something_alone(pg):
    p = native(pg)
    p.file("4_alone.sql", "-- howdah:no-transaction\ncreate index concurrently i on posts(id);")
    p.run("up")
    return p


@test
def dbmate_runs_our_export(pg):
    home = f"{node_modules('dbmate', 'dbmate@2.36.0')}/@dbmate"
    [platform] = [d for d in os.listdir(home) if d.endswith("-arm64" if os.uname().machine == "aarch64" else "-x64")]

    def run(p, way):
        url = p.url.replace("host=", "socket=") + "&sslmode=disable"
        call(f"{home}/{platform}/bin/dbmate", "--url", url, "-d", p.dir, "--no-dump-schema",
             {"up": "migrate", "down": "rollback"}[way])
    run_by_a_tool(with_something_alone(pg), "dbmate", "schema_migrations", run)


@test
def sql_migrate_runs_our_export(pg):
    if not shutil.which("sql-migrate"):
        raise Skip("sql-migrate is not installed")

    def run(p, way):
        config = f"{p.dir}.yml"
        with open(config, "w", encoding="utf-8") as f:
            f.write(f"development:\n  dialect: postgres\n  dir: {p.dir}\n  table: gorp_migrations\n"
                    f"  datasource: host={pg.dir} user=postgres dbname={p.name} sslmode=disable\n")
        call("sql-migrate", way, f"-config={config}", cwd=p.dir)
    run_by_a_tool(with_something_alone(pg), "sql-migrate", "gorp_migrations", run)


@test
def export_of_what_is_pending(pg):
    p = native(pg)
    script = p.run("export")
    assert "\\set ON_ERROR_STOP on" in script and script.count("BEGIN;") == 3
    p.run("up", 1)
    path = f"{p.dir}/../{p.name}.sql"
    p.run("export", "--pending", "--to", path)
    subprocess.run([f"{pg.bin}/psql", "-Xqf", path, p.url], check=True, stdout=subprocess.DEVNULL)
    p.run("verify", "--exit-code")
    assert p.versions() == "1:applied,2:applied,3:applied"
    assert "exists already" in p.run("export", "--to", path, code=1)
