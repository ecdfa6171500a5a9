"""howdah db and the db-* commands of the runbooks."""
import json
import os
import subprocess
import tempfile

from project import HOWDAH, test
from native import Holder, Project

SCHEMA = """create extension if not exists "pgcrypto";
drop table if exists public.users;
create table public.users (uuid uuid default gen_random_uuid() primary key, handle text not null, cognito_user_id text,
  created_at timestamp default current_timestamp not null);
create table public.activities (uuid uuid default gen_random_uuid() primary key, user_uuid uuid not null, message text not
  null, expires_at timestamp, created_at timestamp default current_timestamp not null);
"""
SEED = """insert into public.users (handle, cognito_user_id) values ('andrew', 'MOCK'), ('bayko', 'MOCK');
insert into public.activities (user_uuid, message, expires_at)
  values ((select uuid from public.users where handle = 'andrew'), 'imported as seed', current_timestamp + interval '10 day');
"""


class Shell:
    """A checkout with db/schema.sql and db/seed.sql, and the commands on its PATH by the names of the runbooks."""

    def __init__(self, pg, database):
        self.dir = tempfile.mkdtemp(prefix="db-", dir=pg.dir)
        os.mkdir(f"{self.dir}/db")
        self.write("db/schema.sql", SCHEMA)
        self.write("db/seed.sql", SEED)
        self.env = {**{k: v for k, v in os.environ.items() if not k.startswith("PG") and not k.endswith("_URL")},
                    "PATH": f"{self.dir}:{pg.bin}:{os.environ['PATH']}", "CONNECTION_URL": pg.url(database),
                    "PROD_CONNECTION_URL": pg.url(database)}
        for name in ("connect", "create", "drop", "schema-load", "seed", "sessions", "setup"):
            os.symlink(HOWDAH, f"{self.dir}/db-{name}")

    def write(self, name, text):
        with open(f"{self.dir}/{name}", "w", encoding="utf-8") as f:
            f.write(text)

    def run(self, *args, code=0):
        args = [f"{self.dir}/{args[0]}" if args[0].startswith("db-") else args[0], *map(str, args[1:])]
        done = subprocess.run(args, capture_output=True, text=True, check=False, cwd=self.dir, env=self.env)
        assert done.returncode == code, f"{args}: exit {done.returncode}, expected {code}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def db(self, *args, code=0):
        return self.run(HOWDAH, "db", *args, code=code)


@test
def the_runbook_word_for_word(pg):
    s = Shell(pg, "cruddur")
    s.run("db-create")
    s.run("db-create", code=1)
    s.run("db-create", "--if-not-exists")
    s.run("db-schema-load")
    s.run("db-seed")
    assert pg.psql("cruddur", "select count(*) from users") == "2"
    assert s.run("db-connect", "--", "psql", "-XAtc", "select count(*) from activities").strip() == "1"
    assert s.run("db-connect", "prod", "--", "psql", "-XAtc", "select 7").strip() == "7"
    assert "no other session" in s.run("db-sessions")
    s.run("db-drop")
    s.run("db-drop", code=1)
    s.db("create", "cruddur2")
    s.db("drop", "cruddur2")
    del s.env["CONNECTION_URL"], s.env["PROD_CONNECTION_URL"]
    assert "--url" in s.run("db-seed", code=1)
    s.env.update(CONNECTION_URL="postgresql://a/b", DATABASE_URL="postgresql://a/c")
    assert "different databases" in s.run("db-seed", code=1)


@test
def setup_is_all_or_nothing_and_never_drops(pg):
    s = Shell(pg, "setup")
    s.write("db/seed.sql", SEED + "insert into nowhere values (1);\n")
    out = s.run("db-setup", code=3)
    assert "db/seed.sql:4:1" in out, out
    assert pg.psql("setup", "select to_regclass('users') is null") == "t"
    s.write("db/seed.sql", SEED)
    s.run("db-setup")
    pg.psql("setup", "insert into users (handle) values ('mine')")
    assert "has tables already" in s.run("db-setup")
    assert pg.psql("setup", "select count(*) from users") == "3"
    s.db("reset")
    assert pg.psql("setup", "select count(*) from users") == "2"


@test
def loading_is_one_transaction(pg):
    s = Shell(pg, "load")
    s.run("db-create")
    s.write("broken.sql", "create table a(id int);\ncreate table a(id int);\n")
    assert "broken.sql:2:1" in s.run("db-schema-load", "broken.sql", code=3)
    assert pg.psql("load", "select to_regclass('a') is null") == "t"
    s.db("schema", "load")
    assert "has tables already" in s.db("schema", "load", code=4)
    s.write("db/seed.sql", "insert into users(handle) values ('x');\ncommit;\nselect 1;")
    assert "remove this commit" in s.run("db-seed", code=3)
    s.write("db/seed.sql", "\\i other.sql\n")
    assert "command of psql" in s.run("db-seed", code=3)
    assert pg.psql("load", "select count(*) from users") == "0"


@test
def production_is_protected(pg):
    s = Shell(pg, "prod1")
    s.run("db-create")
    assert "protected" in s.run("db-drop", "prod", code=1)
    s.db("mark", "production")
    assert "--yes-name prod1" in s.run("db-drop", code=1)
    s.run("db-schema-load", "prod")
    s.run("db-seed", code=1)
    assert "protected" in s.db("schema", "load", "--force", code=1)
    s.db("reset", "--yes-name", "other", code=1)
    s.run("db-drop", "--yes-name", "prod1")


@test
def sessions_show_who_blocks_whom(pg):
    s = Shell(pg, "busy")
    s.run("db-create")
    p = Project(pg)
    p.name, p.url = "busy", pg.url("busy")
    holder = Holder(p, "create table t(id int); begin; lock table t;\n")
    assert "is in use by pid" in s.run("db-drop", code=3)
    waiter = subprocess.Popen([f"{pg.bin}/psql", "-XAtqc", "select * from t", p.url], stderr=subprocess.DEVNULL)
    blocked = []
    while not blocked:
        rows = json.loads(s.db("--json", "sessions"))["migrations"]
        blocked = [r for r in rows if r["status"] == "blocked"]
    blocker = blocked[0]["detail"].split("blocked by ")[1].split()[0]
    assert blocker in [r["version"] for r in rows]
    assert "cancelled" in s.db("sessions", "--cancel", blocked[0]["version"])
    assert waiter.wait(10) == 1
    assert "idle in transaction" in s.run("db-sessions", "--idle-in-tx", 0)
    s.run("db-sessions", "--kill", blocker)
    s.run("db-sessions", "--kill", blocker, code=1)
    holder.process.stdin.close()
    holder.process.wait(10)
    holder.process.stdout.close()
    second = Holder(p, "")
    s.run("db-drop", "--force")
    second.process.stdin.close()
    second.process.wait(10)
    second.process.stdout.close()


@test
def dump_and_load_agree(pg):
    p = Project(pg)
    p.file("1_a.sql", "create table a(id int primary key, t text default 'x;y'); create function f() returns int language "
                      "sql as $$ select 1; $$; create view v as select * from a;")
    p.run("up")
    s = Shell(pg, "copy")
    s.db("--url", p.url, "schema", "dump", "dump.sql")
    with open(f"{s.dir}/dump.sql", encoding="utf-8") as f:
        first = f.read()
    assert "restrict" not in first and "schema_history" in first
    s.run("db-create")
    s.db("schema-load", "dump.sql")
    p.name, p.url = "copy", pg.url("copy")
    assert "nothing to do" in p.run("up")
    s.db("schema", "dump", "again.sql")
    with open(f"{s.dir}/again.sql", encoding="utf-8") as f:
        assert f.read() == first
    pg.psql("copy", "insert into a values (1, e'tab\\there'), (2, null)")
    full = subprocess.run([f"{pg.bin}/pg_dump", pg.url("copy")], capture_output=True, text=True, check=True).stdout
    s.write("full.sql", full)  # with COPY rows and \\restrict
    s.env["CONNECTION_URL"] = pg.url("copy2")
    s.run("db-create")
    s.run("db-schema-load", "full.sql")
    assert pg.psql("copy2", "select count(*), count(t) from a") == "2|1"


@test
def dump_for_elsewhere(pg):
    """The staging dump of the runbook, word for word, and what it should have been."""
    s = Shell(pg, "notifydb")
    s.run("db-create")
    pg.psql("notifydb", "create role notify_owner; create schema hint_plan; create schema pglogical; create table "
            "hint_plan.hints(id int); create table services(id int primary key); insert into services values (1), (2);"
            "alter table services owner to notify_owner; grant select on services to notify_owner")
    big = ("notifications", "notification_history", "ft_billing", "ft_notification_status")
    for table in big:
        pg.psql("notifydb", f"create table {table}(id int, t text); insert into {table} select g, repeat('x', 100) from "
                "generate_series(1, 500) g")
    s.run("db-connect", "--", "pg_dump", "-Fc", "-f", "staging-db-dump", "--exclude-schema=hint_plan",
          "--exclude-schema=pglogical", *[f"--exclude-table={t}" for t in big])
    listed = s.run("pg_restore", "-l", "staging-db-dump")
    assert "services" in listed and not any(t in listed for t in (*big, "hint_plan", "pglogical")), listed
    out = s.db("dump", "local.dump", "--exclude-schema", "hint_plan", "--exclude-schema", "pglogical", "--top-tables", "4")
    assert all(f"without the rows of public.{t}, " in out for t in big), out
    pg.psql("postgres", "create database local_test")
    pg.psql("notifydb", "reassign owned by notify_owner to postgres; drop owned by notify_owner; drop role notify_owner")
    assert "pg_restore --no-owner -d DATABASE local.dump" in out
    s.run("pg_restore", "--exit-on-error", "--no-owner", "-d", pg.url("local_test"), "local.dump")
    assert pg.psql("local_test", "select count(*) from services") == "2"
    assert [pg.psql("local_test", f"select count(*) from {t}") for t in big] == ["0"] * 4
    assert "exists already" in s.db("dump", "local.dump", code=1)
    assert "no table typo" in s.db("dump", "x.dump", "--exclude-table-data", "typo", code=1)
    s.db("dump", "x.dump", "--exclude-table-data", "ft_billing", "--exclude-table", "notification*")
    listed = s.run("pg_restore", "-l", "x.dump")
    assert "TABLE public ft_billing" in listed and "TABLE DATA public ft_billing" not in listed, listed
    assert "notification_history" not in listed and not os.path.exists(f"{s.dir}/x.dump.tmp")


@test
def dump_without_what_belongs_to_extensions(pg):
    """A role that may read all tables but not those of an extension dumps everything else."""
    s = Shell(pg, "extended")
    s.run("db-create")
    pg.psql("extended", "create schema pglogical; create table pglogical.node(id int); alter extension plpgsql add schema "
            "pglogical; create table services(id int); create role dump_reader login; grant select on services to dump_reader")
    s.env["CONNECTION_URL"] = pg.url("extended").replace("postgres@", "dump_reader@")
    assert "permission denied" in s.db("dump", "all.dump", code=3)
    assert not os.path.exists(f"{s.dir}/all.dump.tmp")
    assert "without the schema pglogical of the extension plpgsql" in s.run(HOWDAH, "dump", "some.dump", "--skip-extension-schemas")
    listed = s.run("pg_restore", "-l", "some.dump")
    assert "public services" in listed and "pglogical" not in listed, listed
    pg.psql("extended", "drop owned by dump_reader; drop role dump_reader")


@test
def dump_in_parallel_with_sizes(pg):
    s = Shell(pg, "parallel")
    s.run("db-create")
    for table, rows in (("small", 10), ("large", 20000), ("middle", 5000)):
        pg.psql("parallel", f"create table {table}(id int, t text); insert into {table} select g, 'x' from generate_series(1, "
                f"{rows}) g")
    sizes = dict(line.split("|") for line in pg.psql("parallel", "select relname, pg_size_pretty(pg_total_relation_size(oid)) "
                                                     "from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'").splitlines())
    out = s.db("dump", "d", "--jobs", 2, "--top-tables", 2)
    assert [line for line in out.splitlines() if line.startswith("without")] == [
        f"without the rows of public.{t}, {sizes[t]}" for t in ("large", "middle")], out
    pg.psql("postgres", "create database parallel_copy")
    s.run("pg_restore", "--no-owner", "-j", 2, "-d", pg.url("parallel_copy"), "d")
    assert pg.psql("parallel_copy", "select (select count(*) from small), (select count(*) from large)") == "10|0"


@test
def db_commands_by_their_bare_names(pg):
    """What `howdah env` puts on PATH: every command of the runbook is a program of its own, as a script or by hand."""
    s = Shell(pg, "bare")
    commands = f"{os.path.dirname(HOWDAH)}/bin"
    s.env["PATH"] = f"{commands}:{pg.bin}:{os.environ['PATH']}"

    def run(line, code=0):
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, cwd=s.dir, env=s.env)
        assert done.returncode == code, f"{line}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr
    for name in ("db-connect", "db-connect.sh", "db-create", "db-drop", "db-schema-load", "db-seed", "db-sessions", "db-setup"):
        assert run(f"command -v {name}").strip() == f"{commands}/{name}" and os.access(f"{commands}/{name}", os.X_OK)
        assert "Usage" in run(f"{name} --help")
    run("db-create && db-schema-load && db-seed && db-sessions && db-drop")
    run("db-create cruddur_bare && db-drop cruddur_bare")
    out = run("db-setup")
    assert "db/schema.sql" in out and "db/seed.sql" in out and " ms" in out, out  # each step with its time
    assert run("db-connect -- psql -XAtc 'select count(*) from users'").strip() == "2"
    assert run("howdah db-connect prod -- psql -XAtc 'select 1'").strip() == "1"
    s.env["STAGING_CONNECTION_URL"] = s.env["CONNECTION_URL"]
    assert run("db-connect.sh staging -- sh -c 'echo $PGDATABASE'").strip() == "bare"
    assert "--role" in run("db-connect.sh --role admin staging", code=1)
    assert "--role" in run("db-connect --role admin", code=1)
    s.write("db/schema.sql", "create table broken(;\n")
    run("db-drop && db-setup", code=3)
    assert pg.psql("bare", "select count(*) from pg_class where relname in ('users', 'broken')") == "0"


@test
def sessions_are_ended_by_a_master_that_is_no_superuser(pg):
    s = Shell(pg, "mastered")
    s.run("db-create")
    pg.psql("mastered", "create role some_master login; grant pg_signal_backend, pg_monitor to some_master; create role some_app login")
    p = Project(pg)
    p.name, p.url = "mastered", pg.url("mastered").replace("postgres@", "some_app@")
    app = Holder(p, "select 1;\n")
    s.env["CONNECTION_URL"] = pg.url("mastered").replace("postgres@", "some_master@")
    rows = json.loads(s.db("--json", "sessions"))["migrations"]
    assert len(rows) == 1 and "some_app" in rows[0]["name"] and "idle" in rows[0]["detail"], rows
    s.run("db-sessions", "--kill", rows[0]["version"])
    assert "no other session" in s.run("db-sessions")
    app.process.stdin.close()
    app.process.wait(10)
    app.process.stdout.close()
    pg.psql("mastered", "drop role some_master, some_app")


@test
def prepare_a_new_and_an_old_database(pg):
    s = Shell(pg, "prep")
    os.mkdir(f"{s.dir}/db/migrations")
    s.write("db/migrations/1_t.sql", "-- migrate:up\ncreate table t(id int);\n")
    s.db("prepare")
    assert pg.psql("prep", "select (select count(*) from users), to_regclass('t') is not null") == "2|t"
    s.write("db/migrations/2_u.sql", "-- migrate:up\ncreate table u(id int);\n")
    assert "has tables already" in s.db("prepare")
    assert pg.psql("prep", "select (select count(*) from users), to_regclass('u') is not null") == "2|t"
    s.write("db/migrations/3_bad.sql", "-- migrate:up\ncreate table u(id int);\n")
    s.db("prepare", code=3)
    os.unlink(f"{s.dir}/db/schema.sql")
    os.unlink(f"{s.dir}/db/migrations/3_bad.sql")
    s.db("drop")
    s.db("prepare")
    assert pg.psql("prep", "select to_regclass('users') is null, to_regclass('u') is not null") == "t|t"
