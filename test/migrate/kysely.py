"""Kysely's migrations in the user's own node; the real Migrator checks what we wrote. kysely and pg come from npm."""
import json
import os
import subprocess

from native import Holder
from project import Project, node_modules, test, wait_until

MIGRATE = """
import { Kysely, Migrator, FileMigrationProvider, PostgresDialect } from 'kysely'
import pg from 'pg'; import path from 'node:path'; import { promises as fs } from 'node:fs'
const db = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: process.argv[2] }) }) })
const provider = new FileMigrationProvider({ fs, path, migrationFolder: process.argv[3] })
const r = await new Migrator({ db, provider }).migrateToLatest()
await db.destroy()
console.log(JSON.stringify({ error: r.error ? String(r.error.message) : null, names: (r.results ?? []).map((x) => x.migrationName) }))
"""


class KyselyProject(Project):
    def __init__(self, pg):
        super().__init__(pg)
        modules = node_modules("kysely", "kysely@0.28.18", "pg@8.23.1")
        os.symlink(modules, f"{self.dir}/../node_modules") if not os.path.lexists(f"{pg.dir}/node_modules") else None
        self.file("../migrate.mjs", MIGRATE)

    def migration(self, name, up, down=""):
        text = "import { sql } from 'kysely'\nexport async function up(db) { " + up + " }\n"
        self.file(f"{name}.mjs", text + (f"export async function down(db) {{ {down} }}\n" if down else ""))

    def table(self, name, table):
        self.migration(name, f"await db.schema.createTable('{table}').addColumn('id', 'integer').execute()",
                       f"await db.schema.dropTable('{table}').execute()")

    def real(self):
        """What the real Migrator says to what is there, in its strict mode."""
        done = subprocess.run(["node", f"{self.pg.dir}/migrate.mjs", self.url, self.dir], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def history(self):
        return self.sql("select string_agg(name, ',' order by \"timestamp\") from kysely_migration")

    def tables(self):
        return self.sql("select string_agg(relname, ',' order by relname) from pg_class where relkind = 'r' and relnamespace "
                        "= 'public'::regnamespace and relname not like 'kysely%'")


@test
def kysely_runs_in_our_transaction(pg):
    p = KyselyProject(pg)
    p.table("2024-01-01_a", "a")
    p.migration("2024-01-02_data", """
      await db.insertInto('a').values([{ id: 1 }, { id: 2 }]).execute()
      const rows = await db.selectFrom('a').selectAll().where('id', '>', 1).execute()
      if (rows.length !== 1 || rows[0].id !== 2) throw new Error('wrong rows ' + JSON.stringify(rows))
      await db.transaction().execute(async (t) => { await t.insertInto('a').values({ id: 3 }).execute() })
      await db.transaction().execute(async (t) => { await t.deleteFrom('a').execute(); throw new Error('no') }).catch(() => {})
      const r = await db.updateTable('a').set({ id: sql`id + 10` }).executeTakeFirst()
      if (r.numUpdatedRows !== 3n) throw new Error('wrong count ' + r.numUpdatedRows)""")
    p.run("up")
    assert p.sql("select string_agg(id::text, ',' order by id) from a") == "11,12,13"
    assert p.real() == {"error": None, "names": []}
    p.table("2024-01-03_b", "b")
    assert p.real() == {"error": None, "names": ["2024-01-03_b"]}
    p.table("2024-01-04_c", "c")
    p.run("up")
    p.run("status", "--exit-code")
    p.migration("2024-01-05_bad", "await db.schema.createTable('half').addColumn('id', 'integer').execute()\n"
                                  "await sql`select 1 from nowhere`.execute(db)")
    problem = p.json("up", code=3)["problems"][0]
    assert problem["sqlstate"] == "42P01" and "nowhere" in problem["detail"], problem
    assert p.tables() == "a,b,c"
    p.migration("2024-01-05_bad", "throw new Error('mine')")
    assert "mine" in p.json("up", code=3)["problems"][0]["message"]
    os.unlink(f"{p.dir}/2024-01-05_bad.mjs")
    p.run("down")
    assert p.tables() == "a,b" and p.history() == "2024-01-01_a,2024-01-02_data,2024-01-03_b"
    p.run("to", "2024-01-02_data")
    p.run("down", code=3)  # no down
    p.run("to", "latest")
    assert p.real() == {"error": None, "names": []}


def merged(pg):
    """A branch migrated 01, 02, 04; then main brought 03."""
    p = KyselyProject(pg)
    p.table("2024-01-01_a", "a")
    p.table("2024-01-02_b", "b")
    p.table("2024-01-04_feature", "feature")
    assert p.real()["error"] is None
    p.sql("insert into feature values (42)")
    return p


@test
def kysely_rebase_keeps_the_data(pg):
    p = merged(pg)
    p.table("2024-01-03_main", "main")
    said = p.real()["error"]
    problem = p.json("up", code=4)["problems"][0]
    assert problem["message"] == said, f"{problem['message']}\n{said}"
    assert problem["fix"] == "howdah migrate rebase"
    p.run("rebase")
    assert p.tables() == "a,b,feature,main" and p.sql("select id from feature") == "42"
    assert p.history() == "2024-01-01_a,2024-01-02_b,2024-01-03_main,2024-01-04_feature"
    assert p.real() == {"error": None, "names": []}
    assert "nothing to do" in p.run("rebase")
    assert p.sql("select count(*) from pg_database where datname like 'howdah_scratch%'") == "0"


@test
def kysely_rebase_asks_where_the_order_matters(pg):
    p = merged(pg)
    p.migration("2024-01-03_main", "await sql`create table main as select to_regclass('feature') is null as first`.execute(db); "
                "if ((await sql`select to_regclass('feature') as f`.execute(db)).rows[0].f) await sql`alter table main add "
                "column late int`.execute(db)", "await db.schema.dropTable('main').execute()")
    problem = p.json("rebase", code=4)["problems"][0]
    assert problem["code"] == "order-matters" and "2024-01-04_feature" in problem["detail"], problem
    assert p.tables() == "a,b,feature"
    p.run("rebase", "--accept-data-loss")
    assert p.sql("select first from main") == "t" and p.sql("select count(*) from feature") == "0"
    assert p.real() == {"error": None, "names": []}
    p = merged(pg)
    os.unlink(f"{p.dir}/2024-01-04_feature.mjs")
    assert p.json("status", code=4)["problems"][0]["code"] == "missing-file"
    p.run("repair", "2024-01-04_feature", "--forget")
    assert p.history() == "2024-01-01_a,2024-01-02_b"


@test
def rebase_of_sql_files(pg):
    p = Project(pg)
    p.file("1_a.sql", "create table a(id int);")
    p.file("3_c.sql", "alter table a add column c int;")
    p.run("up")
    p.file("2_b.sql", "alter table a add column b int;")
    assert p.json("up", code=4)["problems"][0]["fix"] == "howdah migrate rebase"
    p.run("rebase")
    p.run("verify", "--exit-code")
    p.file("20_x.sql", "create table x(id int);")
    p.run("up")
    p.file("19_y.sql", "create table x(id int); drop table x;")
    assert "19" in p.json("rebase", code=4)["problems"][0]["message"]


def disordered(pg, *extra):
    """2_b came late, and the order makes a difference."""
    p = Project(pg)
    p.file("1_a.sql", "-- migrate:up\ncreate table a(id int, n int);\n-- migrate:down\ndrop table a;\n")
    p.file("3_c.sql", "-- migrate:up\ncreate table c(id int);\nalter table a add column c int;\nalter table a alter n type bigint;\n"
           "-- migrate:down\nalter table a alter n type int;\nalter table a drop column c;\ndrop table c;\n")
    p.run("up")
    p.file("2_b.sql", "-- migrate:up\ndo $$ begin if to_regclass('c') is null then create table first(); end if; end $$;\n"
           "-- migrate:down\ndrop table if exists first;\n")
    for sql in extra:
        p.sql(sql)
    return p


@test
def rebase_says_what_would_be_lost(pg):
    p = disordered(pg, "insert into c values (1), (2)", "insert into a values (1, 1, 1), (2, 2, null)")
    problem = p.json("rebase", code=4)["problems"][0]
    assert problem["code"] == "order-matters" and problem["detail"] == (
        "these would be reverted and run again: 3_c; lost would be column public.a.n, whose type changes, with 2 values, "
        "column public.a.c with 1 values, table public.c with 2 rows"), problem
    p.run("rebase", "--accept-data-loss", "--dry-run")
    assert p.sql("select (select count(*) from c), to_regclass('first') is null") == "2|t"
    assert p.versions() == "1:applied,3:applied"
    p.run("rebase", "--accept-data-loss")
    assert p.sql("select (select count(*) from c), (select count(*) from a), to_regclass('first') is null") == "0|2|f"


@test
def rebase_goes_down_and_up_where_nothing_is_lost(pg):
    p = disordered(pg, "insert into a values (1)")
    out = p.json("rebase")
    assert any("has no rows" in n for n in out["notes"]), out
    assert p.sql("select (select count(*) from a), to_regclass('first') is null") == "1|f"
    p.run("verify", "--exit-code")
    # Rows that somebody is writing just now are not lost either.
    p = disordered(pg)
    writer = Holder(p, "begin; insert into c values (1);\n")
    run = subprocess.Popen(p.command("--lock-timeout", "60s", "rebase"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True)
    wait_until(lambda: p.sql("select count(*) from pg_locks where relation = 'c'::regclass and not granted") != "0", run)
    writer.process.stdin.write("commit;\n")
    writer.close()
    assert "somebody wrote to public.c" in run.communicate(timeout=60)[0] and run.returncode == 3
    assert p.sql("select count(*) from c") == "1" and p.versions() == "1:applied,3:applied"
    # A way down that deletes is never taken unasked.
    p = Project(pg)
    p.file("1_a.sql", "-- migrate:up\ncreate table a(id int);\ninsert into a values (1);\n-- migrate:down\ndrop table a;\n")
    p.file("3_c.sql", "-- migrate:up\ncreate table c(id int);\n-- migrate:down\ndelete from a;\ndrop table c;\n")
    p.run("up")
    p.file("2_b.sql", "do $$ begin if to_regclass('c') is null then create table first(); end if; end $$;")
    assert "what their way down deletes" in p.json("rebase", code=4)["problems"][0]["detail"]
    assert p.sql("select count(*) from a") == "1"


@test
def kysely_rehearsal_measures_and_changes_nothing(pg):
    p = KyselyProject(pg)
    p.migration("2024-01-01_a", "await sql`create table a as select generate_series(1, 20000) as id`.execute(db)")
    p.run("up")
    p.migration("2024-01-02_wide", "await db.schema.alterTable('a').alterColumn('id', (c) => c.setDataType('bigint')).execute()",
                "await db.schema.alterTable('a').alterColumn('id', (c) => c.setDataType('integer')).execute()")
    p.table("2024-01-03_b", "b")
    before = p.history()
    rehearsal = p.json("rehearse", "--with-down")["rehearsal"]
    assert "2024-01-02_wide" in json.dumps(rehearsal) and "AccessExclusive" in json.dumps(rehearsal), rehearsal
    problem = p.json("rehearse", "--max-rewrite", "0B", code=9)["problems"][0]
    assert problem["version"] == "2024-01-02_wide", problem
    assert p.history() == before and p.tables() == "a"
    p.migration("2024-01-04_bad", "await sql`alter table nowhere add c int`.execute(db)")
    assert p.json("rehearse", code=3)["problems"][0]["sqlstate"] == "42P01"
    assert p.tables() == "a" and p.sql("select count(*) from pg_database where datname like 'howdah_scratch%'") == "0"
    assert p.real() == {"error": "relation \"nowhere\" does not exist", "names": ["2024-01-02_wide", "2024-01-03_b",
                                                                                  "2024-01-04_bad"]}


@test
def kysely_provider_defines_the_migrations(pg):
    """A provider in a file of its own, as a class or an object; its names count, whatever files there are."""
    p = KyselyProject(pg)
    for name, table in (("2024-01-02_b", "b"), ("2024-01-01_a", "a"), ("2024-01-03_off", "off")):
        p.table(f"files/{name}", table)
    p.file("migration-provider.mjs", """
      import * as b from './files/2024-01-02_b.mjs'
      import * as a from './files/2024-01-01_a.mjs'
      // import * as off from './files/2024-01-03_off.mjs'
      export class Provider { async getMigrations() { return { '2024-01-02_b': b, '2024-01-01_a': a } } }""")
    assert [m["name"] for m in p.json("plan")["migrations"]] == ["2024-01-01_a", "2024-01-02_b"]
    p.run("to", "2024-01-01_a")
    p.file("other.mjs", "import * as b from './files/2024-01-02_b.mjs'\nimport * as a from './files/2024-01-01_a.mjs'\n"
                        "export const migrations = { '2024-01-02_b': b, '2024-01-01_a': a }")
    home, p.dir = p.dir, f"{p.dir}/other.mjs"
    p.run("to", "latest")
    assert p.tables() == "a,b" and p.history() == "2024-01-01_a,2024-01-02_b"
    p.run("down")
    p.dir = home
    p.run("status", "--exit-code", code=8)
    p.file("migration-provider.mjs", "export const nothing = 1")
    assert "exports no MigrationProvider" in p.json("status", code=1)["problems"][0]["message"]


@test
def kysely_runs_what_we_export(pg):
    """SQL migrations as Kysely's: the real Migrator runs them, goes back, and agrees with us about the history."""
    p = Project(pg)
    p.file("1_a.sql", "-- migrate:up\ncreate table a(id int, t text default '`${x}` \\ $1');\ncreate function f() returns text "
                      "language sql as $$ select 'a;b' $$;\n-- migrate:down\ndrop function f; drop table a;\n")
    p.file("2_b.sql", "-- migrate:up lock_timeout:3s\nalter table a add column n int; -- a column\ninsert into a values (1);\n")
    p.file("10_c.sql", "-- migrate:up\ncreate table c(id int);\n-- migrate:down\ndrop table c;\n")
    p.run("up")
    k = KyselyProject(pg)
    os.rmdir(k.dir)
    exported = subprocess.run([*p.command("export", "--to", "kysely", "--out", k.dir)], capture_output=True, text=True, check=False)
    assert exported.returncode == 0 and sorted(os.listdir(k.dir)) == ["01_a.ts", "02_b.ts", "10_c.ts"], exported
    modules = node_modules("typescript", "typescript@5.9.3")
    types = ["--skipLibCheck", "--target", "es2022", "--module", "es2022", "--moduleResolution", "bundler", "--strict"]
    subprocess.run([f"{modules}/.bin/tsc", *types, *[f"{k.dir}/{n}" for n in os.listdir(k.dir)]], check=True, capture_output=True,
                   cwd=k.dir)
    for name in os.listdir(k.dir):  # what tsc made of them; this machine's node need not know TypeScript
        os.unlink(f"{k.dir}/{name}") if name.endswith(".ts") else os.rename(f"{k.dir}/{name}", f"{k.dir}/{name[:-3]}.mjs")
    said = k.real()
    assert said == {"error": None, "names": ["01_a", "02_b", "10_c"]}, said
    k.run("diff", "--from", p.url, "--to", "db", "--exit-code")
    assert k.sql("select t from a") == p.sql("select t from a")
    k.run("status", "--exit-code")
    k.run("down")
    assert k.tables() == "a"
    p.file("11_i.sql", "-- howdah:no-transaction\ncreate index concurrently i on c(id);")
    problem = p.json("export", "--format", "kysely", "--to", f"{p.dir}-none", code=3)["problems"][0]
    assert problem["code"] == "not-portable" and "11" in problem["version"], problem


@test
def kysely_story_of_the_five_manual_steps(pg):
    """After a merge the real Migrator refuses everything; the way out that people take by hand loses the rows, rebase does
    not."""
    p = merged(pg)
    p.table("2024-01-03_main", "main")
    for direction in ("migrateToLatest()", "migrateDown()", "migrateTo('2024-01-02_b')"):
        p.file("../other.mjs", MIGRATE.replace("migrateToLatest()", direction))
        done = subprocess.run(["node", f"{pg.dir}/other.mjs", p.url, p.dir], capture_output=True, text=True, check=False)
        assert "corrupted migrations: expected previously executed migration 2024-01-04_feature" in done.stdout, done.stdout
    hidden = f"{p.dir}/../2024-01-03_main.mjs"
    os.rename(f"{p.dir}/2024-01-03_main.mjs", hidden)
    p.file("../other.mjs", MIGRATE.replace("migrateToLatest()", "migrateTo('2024-01-02_b')"))
    subprocess.run(["node", f"{pg.dir}/other.mjs", p.url, p.dir], check=True, capture_output=True)
    os.rename(hidden, f"{p.dir}/2024-01-03_main.mjs")
    assert p.real()["error"] is None and p.tables() == "a,b,feature,main"
    assert p.sql("select count(*) from feature") == "0"  # the branch's rows are gone
    q = merged(pg)
    q.table("2024-01-03_main", "main")
    q.run("rebase")
    assert q.sql("select id from feature") == "42" and q.real() == {"error": None, "names": []}


@test
def kysely_equal_times_are_set_apart(pg):
    """Two names that a language and code units sort differently, in one millisecond."""
    p = KyselyProject(pg)
    p.table("01_B", "b")
    p.table("01_a", "a")
    p.run("up")
    p.sql("update kysely_migration set \"timestamp\" = '2026-11-20T09:33:29.890Z'")
    assert "corrupted migrations" in p.real()["error"]
    finding = p.json("doctor", code=4)["problems"][0]
    assert finding["code"] == "equal-times" and finding["fix"] == "howdah migrate repair --all --yes", finding
    p.run(*finding["fix"].split()[2:])
    assert p.real() == {"error": None, "names": []}
    assert p.history() == "01_B,01_a" and p.json("doctor")["problems"] == []
