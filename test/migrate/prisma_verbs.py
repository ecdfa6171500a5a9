"""`howdah migrate prisma ...`: the commands of Prisma's own guides, in its words and with its exit codes."""
import os
import subprocess

from prisma import disaster, prisma_rows
from project import HOWDAH, Project, test


def guide(p, *words, code=0, stdin=None, env=None):
    """As it is typed in a checkout: the database in DATABASE_URL, the migrations in prisma/migrations."""
    home = f"{p.dir}-home"
    if not os.path.exists(home):
        os.makedirs(f"{home}/prisma")
        os.symlink(p.dir, f"{home}/prisma/migrations")
    done = subprocess.run([HOWDAH, "migrate", "prisma", *words], cwd=home, input=stdin, capture_output=True, text=True,
                          check=False, env={**os.environ, "DATABASE_URL": p.url, **(env or {})})
    assert done.returncode == code, f"{words}: exit {done.returncode}, expected {code}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@test
def prisma_deploy_status_and_resolve(pg):
    p, init, bad = disaster(pg)
    assert "2_bad" in guide(p, "status", code=1)
    assert "did not finish" in guide(p, "migrate", "deploy", code=1)
    guide(p, "resolve", code=1)
    guide(p, "resolve", "--applied", "a", "--rolled-back", "b", code=1)
    guide(p, "migrate", "resolve", "--rolled-back", "1_init", code=1)
    guide(p, "migrate", "resolve", "--rolled-back", "2_bad")
    assert prisma_rows(p) == f"1_init {init} true false NULL 1;2_bad {bad} false true relation \"nope\" does not exist 0"
    q, _, bad = disaster(pg)
    guide(q, "resolve", "--applied", "2_bad")
    assert prisma_rows(q).split(";")[2] == f"2_bad {bad} true false  0"
    q.prisma("3_more", "create table more(id int);")
    guide(q, "status", code=1)
    guide(q, "migrate", "deploy", "--schema", "prisma/schema.prisma")
    assert q.tables() == "a,base,more"
    guide(q, "status")
    native = Project(pg)
    native.file("1_a.sql", "create table a(id int);")
    assert "not a directory of Prisma's" in native.run("prisma", "deploy", code=1)


@test
def prisma_diff_as_in_the_guide(pg):
    """A half-applied migration goes back, then forward: the SQL comes from diff, runs by db execute, leaves no difference."""
    p, _, _ = disaster(pg)
    p.prisma("2_bad", "CREATE TABLE a(id int);\nALTER TABLE base ADD COLUMN n int;\nCREATE TABLE b(id int);\n")
    said = guide(p, "diff", "--from-url", p.url, "--to-migrations", "prisma/migrations", "--shadow-database-url", p.url,
                 "--script", "--exit-code", code=2)
    assert "prisma migrate diff" in said and "create table public.b" in said, said
    script = subprocess.run(p.command("diff"), capture_output=True, text=True, check=True).stdout
    path = p.file("../forward.sql", script)
    guide(p, "db", "execute", "--url", p.url, "--file", path)
    guide(p, "migrate", "resolve", "--applied", "2_bad")
    guide(p, "migrate", "diff", "--from-url", p.url, "--to-migrations", "prisma/migrations", "--exit-code")
    guide(p, "status")
    empty = guide(p, "migrate", "diff", "--from-empty", "--to-schema-datasource", "prisma/schema.prisma", "--script")
    assert "create table public.base" in empty, empty
    assert "prisma/migrations" in guide(p, "diff", "--from-empty", "--to-schema-datamodel", "schema.prisma", code=1)
    guide(p, "diff", "--from-empty", code=1)
    guide(p, "db", "execute", "--stdin", stdin="create table piped(id int); insert into nowhere values (1);", code=1)
    assert "piped" not in p.tables()
    guide(p, "db", "execute", "--stdin", stdin="create table piped(id int);")
    assert p.tables() == "a,b,base,piped"
