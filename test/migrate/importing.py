"""migrate import: histories that the other tools made themselves, where they can be had: dbmate and node-pg-migrate from npm;
sql-migrate, sqitch, Alembic and ActiveRecord from Debian, when they are installed. goose, golang-migrate and Flyway are
tables with the columns that these tools make, and every odd state is one."""
import os
import shutil
import subprocess
import tempfile

from project import Project, Skip, node_modules, test

FILES = ("1_init", "2_users", "3_posts")


def program(name, debian):
    if not shutil.which(name):
        raise Skip(f"{name} is not installed: Debian's {debian}")
    return name


def call(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def sql_files(p, form="-- migrate:up\n{up};\n-- migrate:down\n{down};\n", names=FILES):
    for name in names:
        table = name.split("_")[1]
        p.file(f"{name}.sql", form.format(up=f"create table {table} (id int)", down=f"drop table {table}"))


def taken_over(p, tool, versions="1:applied,2:applied", note=None):
    """doctor names the tool, import takes it over, nothing drifts, and we go on."""
    finding = p.json("doctor", code=4)["problems"][0]
    assert finding["code"] == "foreign-history" and f"that of {tool}," in finding["message"], finding
    out = p.json(*finding["fix"].split()[2:])
    assert p.versions() == versions, p.versions()
    assert note is None or any(note in n for n in out["notes"]), out
    assert p.json("doctor")["problems"] == []
    p.run("up")
    p.run("verify", "--exit-code")


@test
def import_from_dbmate_itself(pg):
    home = f"{node_modules('dbmate', 'dbmate@2.36.0')}/@dbmate"
    [platform] = [d for d in os.listdir(home) if d.endswith("-arm64" if os.uname().machine == "aarch64" else "-x64")]
    p = Project(pg)
    sql_files(p, names=FILES[:2])
    call(f"{home}/{platform}/bin/dbmate", "--url", p.url.replace("host=", "socket=") + "&sslmode=disable", "-d", p.dir,
         "--no-dump-schema", "migrate")
    sql_files(p)
    taken_over(p, "dbmate")


@test
def import_from_node_pg_migrate_itself(pg):
    modules = node_modules("node-pg-migrate", "node-pg-migrate@7.9.1", "pg@8.23.1")
    p = Project(pg)
    form = "-- Up Migration\n{up};\n\n-- Down Migration\n{down};\n"
    sql_files(p, form, FILES[:2])
    # Both in one run: their times are equal.
    call("node", f"{modules}/node-pg-migrate/bin/node-pg-migrate.js", "up", "-m", p.dir, "--no-check-order",
         env={**os.environ, "DATABASE_URL": f"postgresql:///{p.name}?host={pg.dir}&user=postgres"})
    sql_files(p, form)
    assert p.sql("select count(distinct run_on) from pgmigrations") == "1"
    taken_over(p, "node-pg-migrate")
    p.run("down")  # its own section
    assert p.sql("select to_regclass('posts') is null") == "t"


@test
def import_from_sql_migrate_itself(pg):
    tool = program("sql-migrate", "sql-migrate")
    p = Project(pg)
    form = "-- +migrate Up\n{up};\n-- +migrate Down\n{down};\n"
    sql_files(p, form, FILES[:2])
    with open(f"{p.dir}.yml", "w", encoding="utf-8") as f:
        f.write(f"development:\n  dialect: postgres\n  dir: {p.dir}\n  table: gorp_migrations\n"
                f"  datasource: host={pg.dir} user=postgres dbname={p.name} sslmode=disable\n")
    call(tool, "up", f"-config={p.dir}.yml", cwd=p.dir)
    sql_files(p, form)
    taken_over(p, "sql-migrate")


RAILS = """
require "active_record"
class Init < ActiveRecord::Migration[6.1]; def change; create_table(:init, id: false) { |t| t.integer :id }; end; end
class Users < ActiveRecord::Migration[6.1]; def change; create_table(:users, id: false) { |t| t.integer :id }; end; end
ActiveRecord::Base.establish_connection(adapter: "postgresql", host: ARGV[0], username: "postgres", database: ARGV[1])
ActiveRecord::Migration.verbose = false
ActiveRecord::SchemaMigration.create_table
ActiveRecord::InternalMetadata.create_table
list = [Init.new("Init", 1), Users.new("Users", 2)]
ActiveRecord::Migrator.new(:up, list, ActiveRecord::SchemaMigration).migrate
"""


@test
def import_from_rails_itself(pg):
    tool = program("ruby", "ruby-activerecord and ruby-pg")
    if subprocess.run([tool, "-e", "require 'active_record'; require 'pg'"], capture_output=True, check=False).returncode:
        raise Skip("ActiveRecord is not installed: Debian's ruby-activerecord and ruby-pg")
    p = Project(pg)
    call(tool, "-e", RAILS, pg.dir, p.name)
    sql_files(p)
    taken_over(p, "rails")


def sqitch_project(p):
    tool = program("sqitch", "sqitch and libdbd-pg-perl")
    home = tempfile.mkdtemp(prefix="sqitch-", dir=p.pg.dir)
    env = {**os.environ, "SQITCH_FULLNAME": "me", "SQITCH_EMAIL": "me@example.com", "HOME": home, "PGUSER": "postgres",
           "PATH": f"{p.pg.bin}:{os.environ['PATH']}"}

    def run(*args, code=0):
        done = subprocess.run([tool, *args], capture_output=True, text=True, check=False, cwd=home, env=env)
        assert (done.returncode == 0) == (code == 0), f"{args}\n{done.stdout}{done.stderr}"

    def write(path, sql):
        with open(f"{home}/{path}", "w", encoding="utf-8") as f:
            f.write(sql)
    run("init", "shop", "--engine", "pg")
    for name in ("init", "users"):
        run("add", name, "-n", name)
        write(f"deploy/{name}.sql", f"begin; create table {name} (id int); commit;")
    return home, run, write, f"db:pg://postgres@/{p.name}?host={p.pg.dir}"


@test
def import_from_sqitch_itself(pg):
    p = Project(pg)
    home, run, write, url = sqitch_project(p)
    run("tag", "v1", "-n", "v1")
    run("deploy", url)
    sql_files(p)
    taken_over(p, "sqitch")
    # Reworked: the old text is named after the tag.
    p = Project(pg)
    home, run, write, url = sqitch_project(p)
    run("tag", "v1", "-n", "v1")
    run("rework", "users", "-n", "again")
    write("deploy/users.sql", "begin; alter table users add n int; commit;")
    run("deploy", url)
    sql_files(p, names=("1_init", "2_users@v1", "4_posts"))
    assert os.path.exists(f"{home}/deploy/users@v1.sql"), os.listdir(f"{home}/deploy")
    shutil.copy(f"{home}/deploy/users@v1.sql", f"{p.dir}/2_users@v1.sql")
    problem = p.json("import", code=4)["problems"][0]
    assert problem["code"] == "missing-file" and "has applied users," in problem["message"], problem
    shutil.copy(f"{home}/deploy/users.sql", f"{p.dir}/3_users.sql")
    taken_over(p, "sqitch", "1:applied,2:applied,3:applied")
    # A script that failed may have left half of it.
    p = Project(pg)
    home, run, write, url = sqitch_project(p)
    write("deploy/users.sql", "create table users (id int); select 1 / 0;")
    run("deploy", "--mode", "change", url, code=1)
    sql_files(p)
    problem = p.json("import", code=4)["problems"][0]
    assert problem["code"] == "unfinished" and problem["message"].startswith("users did not finish"), problem
    p.sql("drop table users")
    write("deploy/users.sql", "create table users (id int);")
    run("deploy", url)
    taken_over(p, "sqitch")


REVISION = """from alembic import op
revision, down_revision = "{name}", {before!r}
def upgrade():
    op.execute("create table {table} (id int)")
def downgrade():
    op.execute("drop table {table}")
"""
ENV = """import os
from alembic import context
from sqlalchemy import create_engine
if context.is_offline_mode():
    context.configure(dialect_name="postgresql")
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine(os.environ["URL"]).connect() as c:
        context.configure(connection=c)
        with context.begin_transaction():
            context.run_migrations()
"""


@test
def import_from_alembic_itself(pg):
    """A chain that parts and meets again: a, then b and c, then d of both."""
    tool = program("alembic", "alembic and python3-psycopg2")
    home = tempfile.mkdtemp(prefix="alembic-", dir=pg.dir)

    def alembic(p, *args):
        return call(tool, *args, cwd=home, env={**os.environ, "URL": p.url})
    p = Project(pg)
    call(tool, "init", "-t", "generic", "chain", cwd=home)
    with open(f"{home}/chain/env.py", "w", encoding="utf-8") as f:
        f.write(ENV)
    for name, before, table in (("aa11", None, "init"), ("bb22", "aa11", "users"), ("cc33", "aa11", "posts"),
                                ("dd44", ("bb22", "cc33"), "tags")):
        with open(f"{home}/chain/versions/{name}.py", "w", encoding="utf-8") as f:
            f.write(REVISION.format(name=name, before=before, table=table))
    # Its own --sql says what comes before what.
    steps = {"1_aa11": "aa11", "2_cc33_posts": "aa11:cc33", "3_bb22_users": "aa11:bb22"}
    for name, step in steps.items():
        text = alembic(p, "upgrade", step, "--sql")
        p.file(f"{name}.sql", "-- migrate:up\n" + "".join(
            line + "\n" for line in text.splitlines() if not line.startswith(("BEGIN", "COMMIT", "INSERT INTO alembic",
                                                                              "UPDATE alembic"))))
    alembic(p, "upgrade", "bb22")
    p.run("import")
    assert p.versions() == "1:applied,3:applied"  # not 2, which stands before 3 here
    q = Project(pg)
    q.dir = p.dir
    alembic(q, "upgrade", "heads")
    p.file("4_dd44_tags.sql", "-- migrate:up\n-- Running upgrade bb22, cc33 -> dd44\ncreate table tags (id int);\n")
    assert q.sql("select version_num from alembic_version") == "dd44"
    q.run("import")
    assert q.versions() == "1:applied,2:applied,3:applied,4:applied"
    r = Project(pg)
    r.dir = p.dir
    alembic(r, "upgrade", "bb22")
    alembic(r, "upgrade", "cc33")
    assert r.sql("select count(*) from alembic_version") == "2"
    r.run("import")
    assert r.versions() == "1:applied,2:applied,3:applied"
    # Without its comments two heads cannot be told.
    for name in ("1_aa11", "2_cc33", "3_bb22"):
        r.file(f"../plain/{name}.sql", "-- migrate:up\nselect 1;\n")
    r.sql("drop table schema_history, schema_history_log")
    r.dir = f"{r.dir}/../plain"
    assert r.json("import", code=4)["problems"][0]["code"] == "several-heads"
    r.sql("delete from alembic_version where version_num = 'bb22'")
    assert any("remembers only where it is" in n for n in r.json("import")["notes"])
    assert r.versions() == "1:applied,2:applied"


def by_table(pg, sql, files=FILES, made=("init", "users")):
    p = Project(pg)
    sql_files(p, names=files)
    for table in made:
        p.sql(f"create table {table} (id int)")
    p.sql(sql)
    return p


GOLANG = "create table schema_migrations (version bigint not null primary key, dirty boolean not null); "


@test
def import_of_golang_migrates_states(pg):
    note = "remembers only where it is"
    taken_over(by_table(pg, GOLANG + "insert into schema_migrations values (2, false)"), "golang-migrate", note=note)
    dirty = by_table(pg, GOLANG + "insert into schema_migrations values (2, true)")
    problem = dirty.json("import", code=4)["problems"][0]
    assert problem["code"] == "unfinished" and "2 did not finish" in problem["message"], problem
    # Down failed before the first one.
    assert by_table(pg, GOLANG + "insert into schema_migrations values (-1, true)").json("import", code=4)["problems"][0][
        "code"] == "unfinished"
    gone = by_table(pg, GOLANG + "insert into schema_migrations values (7, false)")
    assert gone.json("import", code=4)["problems"][0]["code"] == "missing-file"
    assert gone.sql("select to_regclass('schema_history') is null") == "t"
    assert "nothing to do" in by_table(pg, GOLANG).run("import")  # migrated down to nothing
    # A file that came late was never run by it: counted as applied, and found by doctor.
    late = by_table(pg, GOLANG + "insert into schema_migrations values (2, false)", made=("users",))
    late.run("import")
    assert "table public.init is missing" in late.json("doctor", code=7)["problems"][0]["detail"]


@test
def import_of_gooses_states(pg):
    columns = ("create table goose_db_version (id integer primary key generated by default as identity, version_id bigint not "
               "null, is_applied boolean not null, tstamp timestamp not null default now()); insert into goose_db_version "
               "(version_id, is_applied) values (0, true), ")
    for rows in ("(1, true), (2, true)", "(1, true), (2, true), (3, true), (3, false)",
                 "(1, true), (2, true), (2, false), (2, true)", "(2, true), (1, true)"):
        taken_over(by_table(pg, columns + rows), "goose")
    p = by_table(pg, columns + "(1, true), (2, true), (2, false)", made=("init",))
    taken_over(p, "goose", "1:applied")


FLYWAY = ("create table flyway_schema_history (installed_rank int not null primary key, version varchar(50), description "
          "varchar(200) not null, type varchar(20) not null, script varchar(1000) not null, checksum int, installed_by "
          "varchar(100) not null, installed_on timestamp not null default now(), execution_time int not null, success "
          "boolean not null); insert into flyway_schema_history values ")


def flyway(*rows):
    out = []
    for rank, (version, kind, script, *ok) in enumerate(rows, 1):
        number = f"'{version}'" if version else "null"
        out.append(f"({rank}, {number}, 'x', '{kind}', '{script}', 1, 'me', now(), 1, {ok[0] if ok else 'true'})")
    return FLYWAY + ", ".join(out)


ONE, TWO = ("1", "SQL", "V1__init.sql"), ("2", "SQL", "V2__users.sql")


@test
def import_of_flyways_states(pg):
    taken_over(by_table(pg, flyway(("", "SCHEMA", '"app"'), ONE, TWO)), "flyway")
    taken_over(by_table(pg, flyway(ONE, ("", "SQL", "R__views.sql"), TWO, ("", "SQL", "R__views.sql"))), "flyway",
               note="R__views.sql was left out")
    # A baseline has no file, and stands for what is below it.
    taken_over(by_table(pg, flyway(("2", "BASELINE", "<< Flyway Baseline >>"))), "flyway")
    # repair removed 3, undo took it back.
    three = ("3", "SQL", "V3__posts.sql")
    taken_over(by_table(pg, flyway(ONE, TWO, three, ("3", "DELETE", "V3__posts.sql"))), "flyway")
    taken_over(by_table(pg, flyway(ONE, TWO, three, ("3", "UNDO_SQL", "U3__posts.sql"))), "flyway")
    # Failed, then repaired away and run again.
    taken_over(by_table(pg, flyway(ONE, (*TWO, "false"), ("2", "DELETE", "V2__users.sql"), TWO)), "flyway")
    for bad, code, words in ((flyway(ONE, (*TWO, "false")), "unfinished", "V2__users.sql did not finish"),
                             (flyway(ONE, ("", "SQL", "R__views.sql", "false")), "unfinished", "R__views.sql"),
                             (flyway(ONE, ("2", "JDBC", "db.migration.V2__Code")), "missing-file", "2"),
                             (flyway(ONE, ("2", "SQL", "V2__people.sql")), "missing-file", "V2__people.sql"),
                             (flyway(("1.5", "BASELINE", "<< Flyway Baseline >>")), "missing-file", "1.5")):
        p = by_table(pg, bad, files=("1_init", "3_posts") if "JDBC" in bad else FILES)
        problem = p.json("import", code=4)["problems"][0]
        assert problem["code"] == code and words in problem["message"], problem
        assert p.sql("select to_regclass('schema_history') is null") == "t"


REGISTRY = ("create schema sqitch; create table sqitch.changes (change_id text primary key, script_hash text, change text "
            "not null, project text not null, note text not null default '', committed_at timestamptz not null default "
            "clock_timestamp(), committer_name text, committer_email text, planned_at timestamptz, planner_name text, "
            "planner_email text); create table sqitch.tags (tag_id text primary key, tag text, project text, change_id "
            "text, planned_at timestamptz); create table sqitch.events (event text, change_id text, change text, "
            "project text, committed_at timestamptz default clock_timestamp()); ")


@test
def import_of_sqitchs_projects(pg):
    """The columns of its registry; the states that it makes itself are in import_from_sqitch_itself."""
    rows = "insert into sqitch.changes (change_id, change, project) values ('a', 'init', 'shop'), ('b', 'users', '{}'); "
    taken_over(by_table(pg, REGISTRY + rows.format("shop")), "sqitch")
    problem = by_table(pg, REGISTRY + rows.format("other")).json("import", code=4)["problems"][0]
    assert problem["code"] == "missing-file" and "shop:init, other:users" in problem["message"], problem
