"""A database with migrations, and howdah run on it."""
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOWDAH = os.environ.get("HOWDAH", f"{ROOT}/{os.environ.get('HOWDAH_BUILD', 'build')}/howdah")
TESTS = []

sys.path.insert(0, f"{ROOT}/test/lib")
import npm  # noqa: E402


class Skip(Exception):
    """The test cannot run on this machine; says why."""


def test(function):
    TESTS.append(function)
    return function


def wait_until(true, run):
    """While the process `run` goes on."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline and run.poll() is None, run.communicate()
        time.sleep(0.05)


def sleeps(p):
    """Whether somebody runs a pg_sleep in the project's database."""
    return "0" != p.sql("select count(*) from pg_stat_activity where datname = current_database() and state = 'active' "
                        "and query like '%pg_sleep%' and pid <> pg_backend_pid()")


def node_modules(name, *packages):
    """Where packages of npm are; the test is skipped when they are not to be had."""
    directory, why_not = npm.modules(name, *packages)
    if why_not:
        raise Skip(why_not)
    return directory


class Project:
    """A database of its own and a directory of migrations."""
    number = 0

    def __init__(self, pg, prisma=False):
        Project.number += 1
        self.pg, self.name = pg, f"p{Project.number}"
        pg.psql("postgres", f"create database {self.name}")
        self.url = pg.url(self.name)
        self.dir = tempfile.mkdtemp(prefix="migrations-", dir=pg.dir)
        if prisma:
            self.file("migration_lock.toml", 'provider = "postgresql"\n')

    def file(self, name, text):
        path = f"{self.dir}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="") as f:
            f.write(text)
        return path

    def prisma(self, name, sql):
        self.file(f"{name}/migration.sql", sql)
        return hashlib.sha256(sql.encode()).hexdigest()

    def command(self, *args):
        return [HOWDAH, "migrate", "--url", self.url, "--dir", self.dir, *map(str, args)]

    def run(self, *args, code=0):
        done = subprocess.run(self.command(*args), capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == code, f"{args}: exit {done.returncode}, expected {code}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def json(self, *args, code=0):
        """`code` None: whatever it is."""
        done = subprocess.run(self.command("--json", *args), capture_output=True, text=True, check=False)
        assert code in (None, done.returncode), f"{args}: exit {done.returncode}, expected {code}\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def sql(self, text):
        return self.pg.psql(self.name, text)

    def tables(self):
        return self.sql("select string_agg(relname, ',' order by relname) from pg_class where relkind = 'r' and "
                        "relnamespace = 'public'::regnamespace and relname not like '%schema_history%' and relname "
                        "not like '%prisma%'")

    def versions(self):
        return self.sql("select string_agg(version || ':' || state, ',' order by version) from schema_history")
