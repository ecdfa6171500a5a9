"""What happens in the situations that tell migration tools apart: one test a situation, each for the kinds of directories
that it concerns. The tools' own answers are in docs/migrations.md."""
import os
import subprocess

from kysely import KyselyProject
from project import Project, test


class Sql(Project):
    """Two migrations of our own kind."""

    def write(self, name, sql):
        self.file(f"{name}.sql", sql)

    def remove(self, name):
        os.unlink(f"{self.dir}/{name}.sql")


class Prisma(Project):
    def __init__(self, pg):
        super().__init__(pg, prisma=True)

    def write(self, name, sql):
        self.prisma(name, sql)

    def remove(self, name):
        os.unlink(f"{self.dir}/{name}/migration.sql")
        os.rmdir(f"{self.dir}/{name}")


class Kysely(KyselyProject):
    def write(self, name, sql):
        self.migration(name, "".join(f"await sql`{s}`.execute(db);" for s in sql.split(";") if s.strip()))

    def remove(self, name):
        os.unlink(f"{self.dir}/{name}.mjs")


def applied(p):
    """How many migrations the history calls applied, 0 when there is no history."""
    table, counts = {Sql: ("schema_history", "state = 'applied'"), Kysely: ("kysely_migration", "true"),
                     Prisma: ("_prisma_migrations", "finished_at is not null and rolled_back_at is null")}[type(p)]
    if p.sql(f"select to_regclass('{table}')") == "":
        return 0
    return int(p.sql(f"select count(*) from {table} where {counts}"))


def failing_second_statement(p):
    p.write("1_a", "create table a(id int);")
    p.write("2_b", "create table b(id int);\ninsert into b values (1);\ninsert into nowhere values (1);")
    p.write("3_c", "create table c(id int);")
    problem = p.json("up", code=3)["problems"][0]
    assert problem["sqlstate"] == "42P01" and "nowhere" in problem["message"] + problem["detail"], problem
    assert p.tables() == "a" and applied(p) == 1


def rerun_after_mending_the_file(p):
    failing_second_statement(p)
    p.write("2_b", "create table b(id int);")
    p.run("up")
    assert p.tables() == "a,b,c" and applied(p) == 3


def out_of_order_file(p):
    p.write("1_a", "create table a(id int);")
    p.write("3_c", "create table c(id int); insert into c values (7);")
    p.run("up")
    p.write("2_b", "create table b(id int);")
    problem = p.json("up", code=4)["problems"][0]
    assert problem["fix"] == "howdah migrate rebase", problem
    assert p.tables() == "a,c" and applied(p) == 2
    p.run("rebase")
    assert p.tables() == "a,b,c" and applied(p) == 3 and p.sql("select id from c") == "7"
    p.run("verify", "--exit-code")


def applied_file_edited(p):
    p.write("1_a", "create table a(id int);")
    p.run("up")
    p.write("1_a", "create table a(id bigint);")
    p.write("2_b", "create table b(id int);")
    problem = p.json("up", code=4)["problems"][0]
    assert problem["code"] == "edited" and problem["fix"], problem
    assert p.tables() == "a" and applied(p) == 1


def applied_file_deleted(p):
    p.write("1_a", "create table a(id int);")
    p.write("2_b", "create table b(id int);")
    p.run("up")
    p.remove("1_a")
    p.write("3_c", "create table c(id int);")
    problem = p.json("up", code=4)["problems"][0]
    assert problem["code"] == "missing-file" and problem["fix"], problem
    assert p.tables() == "a,b" and applied(p) == 2


def concurrent_index(p):
    """Detected before anything ran; runs when the file says that it wants no transaction."""
    p.write("1_a", "create table a(id int);")
    p.write("2_i", "create index concurrently i on a(id);")
    problem = p.json("up", code=3)["problems"][0]
    assert problem["code"] == "outside-transaction" and "howdah:no-transaction" in problem["hint"], problem
    assert p.tables() == "" and applied(p) == 0
    p.write("2_i", "-- howdah:no-transaction\ncreate index concurrently i on a(id);")
    p.run("up")
    assert p.sql("select indisvalid from pg_index where indexrelid = 'i'::regclass") == "t" and applied(p) == 2


def two_at_once(p):
    """The first works, the others wait for it and find nothing to do."""
    p.write("1_a", "create table a(id int); select pg_sleep(1);")
    for i in range(2, 8):
        p.write(f"{i}_t", f"create table t{i}(id int);")
    runs = [subprocess.Popen(p.command("up"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(3)]
    said = [r.communicate()[0] for r in runs]
    assert [r.returncode for r in runs] == [0, 0, 0], said
    assert applied(p) == 7 and sum("1_a" in s for s in said) == 1, said
    assert sum("nothing to do" in s for s in said) == 2, said


def in_kinds(check, *kinds):
    """A test a kind of directory: "<situation>_of_sql"; those of Kysely are skipped with Kysely."""
    for kind in kinds:
        name = kind.__name__.lower()

        def function(pg, kind=kind):
            check(kind(pg))
        function.__name__ = f"kysely_{check.__name__}" if kind is Kysely else f"{check.__name__}_of_{name}"
        test(function)


for situation in (failing_second_statement, rerun_after_mending_the_file, out_of_order_file, applied_file_deleted, two_at_once):
    in_kinds(situation, Sql, Prisma, Kysely)
# A Kysely history keeps no checksums.
in_kinds(applied_file_edited, Sql, Prisma)
in_kinds(concurrent_index, Sql)


@test
def concurrent_index_of_prisma(pg):
    """Prisma itself runs a file of one such statement as it is, and so do we."""
    p = Prisma(pg)
    p.write("1_a", "create table a(id int);")
    p.write("2_i", "create index concurrently i on a(id);")
    p.run("up")
    assert applied(p) == 2
    p.write("3_j", "create table b(id int);\ncreate index concurrently j on a(id);")
    assert p.json("up", code=3)["problems"][0]["code"] == "outside-transaction"
    assert p.tables() == "a" and applied(p) == 2


@test
def kysely_concurrent_index(pg):
    p = Kysely(pg)
    p.write("1_a", "create table a(id int)")
    p.write("2_i", "create index concurrently i on a(id)")
    problem = p.json("up", code=3)["problems"][0]
    assert problem["sqlstate"] == "25001", problem
    assert p.tables() == "a" and applied(p) == 1
