"""The real Prisma CLI beside us. Its schema engine is in its npm package as WebAssembly and reaches the database through
Prisma's own driver adapter, so nothing is downloaded at run time: what the CLI looks for as native engines are stand-ins
that only say yes."""
import os
import re
import subprocess

from project import Project, node_modules, test

VERSION = "6.19.3"
CONFIG = """
import { PrismaPg } from '@prisma/adapter-pg'
const factory: any = new PrismaPg({ connectionString: process.env.DATABASE_URL, idleTimeoutMillis: 100 })
const connect = factory.connect.bind(factory)
// The adapter does not know the types "char" and name, which the engine asks for; as text it does.
factory.connect = async () => {
  const adapter = await connect()
  const query = adapter.client.query.bind(adapter.client)
  adapter.client.query = async (...args: any[]) => {
    const result = await query(...args)
    for (const f of result.fields ?? []) if ([18, 19].includes(f.dataTypeID)) f.dataTypeID = 25
    return result
  }
  return adapter
}
export default { experimental: { adapter: true }, engine: 'js' as const, schema: 'schema.prisma',
  migrations: { path: process.env.MIGRATIONS }, adapter: async () => factory }
"""
SCHEMA = 'datasource db {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\nmodel base {\n  id Int @id\n}\n'


class Real(Project):
    """A Prisma directory that both tools work on."""

    def __init__(self, pg):
        super().__init__(pg, prisma=True)
        modules = node_modules("prisma", f"prisma@{VERSION}", f"@prisma/adapter-pg@{VERSION}")
        self.home = f"{self.dir}-prisma"
        os.makedirs(self.home)
        os.symlink(modules, f"{self.home}/node_modules")
        for name, text in (("prisma.config.ts", CONFIG), ("schema.prisma", SCHEMA), ("engine", "#!/bin/sh\nexit 0\n")):
            self.file(f"../{os.path.basename(self.home)}/{name}", text)
        os.chmod(f"{self.home}/engine", 0o755)
        self.prisma("1_init", "CREATE TABLE base(id int primary key);")

    def cli(self, *args, code=0, family="migrate"):
        """What `prisma migrate ARGS` says."""
        engine = f"{self.home}/engine"
        env = {**os.environ, "DATABASE_URL": self.url.replace("@/", "@localhost/"), "MIGRATIONS": self.dir, "NO_COLOR": "1",
               "CHECKPOINT_DISABLE": "1", "PRISMA_HIDE_UPDATE_MESSAGE": "1", "PRISMA_QUERY_ENGINE_LIBRARY": engine,
               "PRISMA_SCHEMA_ENGINE_BINARY": engine}
        done = subprocess.run([f"{self.home}/node_modules/.bin/prisma", family, *args], cwd=self.home, env=env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120)
        said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
        assert done.returncode == code, f"prisma {args}: exit {done.returncode}, expected {code}\n{said}"
        return said


BAD = "CREATE TABLE a(id int);\nALTER TABLE base ADD COLUMN n int;\nALTER TABLE nope ADD COLUMN m int;\nCREATE TABLE b(id int);\n"
COLUMNS = """select string_agg(attname || ' ' || format_type(atttypid, atttypmod) || attnotnull || coalesce(pg_get_expr(adbin,
  adrelid), ''), ', ' order by attnum) from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
  where attrelid = '_prisma_migrations'::regclass and attnum > 0"""


def shape(p):
    """The history but for its times and random ids."""
    return p.sql("select string_agg(concat_ws(' ', migration_name, checksum, finished_at is not null, rolled_back_at is not "
                 "null, coalesce(logs, 'NULL'), applied_steps_count), '; ' order by started_at) from _prisma_migrations")


@test
def prisma_cli_goes_on_after_us_and_we_after_it(pg):
    p = Real(pg)
    sums = [p.prisma("2_wrapped", "BEGIN;\nCREATE TABLE a(id int);\nCOMMIT;\n")]
    p.run("up")
    sums.append(p.prisma("3_theirs", "CREATE TABLE theirs(id int);"))
    assert "3_theirs" in p.cli("deploy")
    p.run("status", "--exit-code")
    sums.append(p.prisma("4_ours", "CREATE TABLE ours(id int);"))
    p.run("up")
    assert "No pending migrations" in p.cli("deploy")
    assert shape(p).split("; ")[1:] == [f"{name} {checksum} t f NULL 1" for name, checksum in
                                        zip(("2_wrapped", "3_theirs", "4_ours"), sums)], shape(p)


@test
def prisma_cli_leaves_a_mess_and_we_mend_it(pg):
    """The story of a migration that fails in its middle: first with Prisma, then with us."""
    p = Real(pg)
    p.prisma("2_bad", BAD)
    p.cli("deploy", code=1)
    assert p.tables() == "a,base"  # half of it stays
    assert "P3009" in p.cli("deploy", code=1)  # and nothing goes on
    problem = p.json("status", code=4)["problems"][0]
    assert problem["code"] == "failed-migration" and problem["fix"] == "howdah migrate resolve 2_bad --auto", problem
    assert "2 of 4 statements of 2_bad are applied" in p.run("resolve", "2_bad", "--auto", code=4)
    p.prisma("2_bad", BAD.replace("ALTER TABLE nope", "ALTER TABLE base"))
    p.run("resolve", "2_bad", "--auto", "--finish")
    assert p.tables() == "a,b,base"
    assert "Database schema is up to date" in p.cli("status")
    # The same file with us: nothing of it stays, and the mended file runs.
    q = Real(pg)
    q.prisma("2_bad", BAD)
    q.run("up", code=3)
    assert q.tables() == "base" and q.sql(COLUMNS) == p.sql(COLUMNS)
    q.prisma("2_bad", BAD.replace("ALTER TABLE nope", "ALTER TABLE base"))
    q.run("up")
    assert "No pending migrations" in q.cli("deploy")


@test
def prisma_cli_resolves_as_we_do(pg):
    p = Real(pg)
    p.prisma("2_bad", BAD)
    p.cli("deploy", code=1)
    copy = f"{p.name}_copy"
    pg.psql("postgres", f"create database {copy} template {p.name}")
    histories = []
    for name, resolve in ((p.name, lambda how: p.cli("resolve", how, "2_bad")), (copy, lambda how: p.run("resolve", "2_bad", how))):
        p.name, p.url = name, pg.url(name)
        resolve("--rolled-back")
        p.sql("insert into _prisma_migrations select gen_random_uuid(), checksum, null, migration_name, logs, null, now(), 0 "
              "from _prisma_migrations where finished_at is null")
        resolve("--applied")
        histories.append(shape(p))
    assert histories[0] == histories[1], "\n".join(histories)
    assert "Database schema is up to date" in p.cli("status")


@test
def prisma_cli_does_not_see_our_log(pg):
    """What the CLI finds in its schema beside the migrations is drift to it, for which `migrate dev` offers a reset."""
    p = Real(pg)
    p.prisma("2_gone", "CREATE TABLE gone(id int primary key);")
    p.run("up")
    p.run("history", "delete", "2_gone", "--yes")
    p.sql("drop table gone")

    def models():
        return re.findall(r"^model (\w+)", p.cli("pull", "--print", family="db"), re.M)
    assert models() == ["base"] and p.sql("select version from howdah_log.public") == "2_gone", models()
    p.sql("create table schema_history_log(id int primary key)")
    assert models() == ["base", "schema_history_log"], models()  # it would have
