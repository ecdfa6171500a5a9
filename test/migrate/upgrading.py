"""A database of PostgreSQL 13, upgraded by pg_upgrade to the machine's own major: what `howdah db extensions` says of it."""
import json
import os
import shlex
import subprocess

from majors import server_bin
from project import HOWDAH, Skip, test
from server import Server

OLD = {"hstore": "1.7", "pg_trgm": "1.5", "citext": "1.6"}


# pg_resetwal -n DIRECTORY, which only tells what it would do, on a directory that says it is of this major.
LOOK = """#!/bin/sh -e
[ "$1" = -n ] || exec {bin}/pg_resetwal "$@"
d=$(mktemp -d) && trap 'rm -rf "$d"' EXIT
cp "{new}/PG_VERSION" "$d" && ln -s "$2/global" "$2/pg_wal" "$d" && {bin}/pg_resetwal -n "$d"
"""


def old_programs(new):
    """What pg_upgrade wants to find beside the old server: that build lacks what reads pg_control, whose format is the
    same from 13 to 16."""
    there, programs = server_bin("13"), f"{new.dir}/programs-13"
    os.makedirs(programs)
    for name in ("postgres", "pg_ctl"):
        os.symlink(f"{there}/{name}", f"{programs}/{name}")
    os.symlink(f"{new.bin}/pg_controldata", f"{programs}/pg_controldata")
    with open(f"{programs}/pg_resetwal", "w", encoding="utf-8") as f:
        f.write(LOOK.format(new=new.data, bin=new.bin))
    os.chmod(f"{programs}/pg_resetwal", 0o755)
    return programs


def extensions(url, *words, code):
    done = subprocess.run([HOWDAH, "db", "extensions", "--json", "--url", url, *words], capture_output=True, text=True, check=False)
    assert done.returncode == code, f"exit {done.returncode}, expected {code}\n{done.stdout}{done.stderr}"
    return json.loads(done.stdout)


def upgrade(old, new):
    """Both stopped by now; the new one runs afterwards."""
    for server in (old, new):
        server.run("pg_ctl", "-D", server.data, "-m", "fast", "-w", "stop")
    programs = old_programs(new)
    new.run_in(new.dir, f"{new.bin}/pg_upgrade", "-U", "postgres", "-b", programs, "-B", new.bin, "-d", old.data, "-D", new.data,
               "-s", new.dir)
    new.start()


@test
def extensions_after_pg_upgrade(pg):
    if int(pg.psql("postgres", "show server_version_num")) // 10000 not in (14, 15, 16):
        raise Skip("this machine's PostgreSQL is not 14, 15 or 16: its pg_controldata cannot read PostgreSQL 13's")
    old, new = Server(server=server_bin("13")), Server()
    try:
        old.psql("postgres", "create database app")
        for name in OLD:
            old.psql("app", f"create extension {name}")
        old.psql("app", "create table words(w citext, tags hstore); insert into words values ('Ah', 'a=>1');"
                        "create index on words using gin ((w::text) gin_trgm_ops)")
        assert {s["name"]: s["detail"] for s in extensions(old.url("app"), code=0)["migrations"]}["hstore"] == OLD["hstore"]
        upgrade(old, new)
        url = new.url("app")
        found = extensions(url, code=7)
        outdated = {s["name"]: s["version"] for s in found["migrations"] if s["status"] == "outdated"}
        behind = dict(row.split("|") for row in new.psql(
            "app", "select name, installed_version from pg_available_extensions where installed_version <> default_version").split())
        assert outdated == behind and {"hstore", "pg_trgm"} <= set(outdated) <= set(OLD), (outdated, behind)
        assert len(found["problems"]) == len(outdated)
        everywhere = extensions(new.url("postgres"), "--all", code=7)
        assert {p["message"].split(" ")[0] for p in everywhere["problems"]} == {"app:"}, everywhere
        for problem in found["problems"]:
            words = shlex.split(problem["fix"])
            assert words[:1] == ["howdah"], problem
            subprocess.run([HOWDAH, *words[1:]], check=True, capture_output=True, env={**os.environ, "DATABASE_URL": url})
        assert all(s["status"] == "current" for s in extensions(url, code=0)["migrations"])
        assert new.psql("app", "select w = 'AH', tags->'a' from words") == "t|1"
    finally:
        old.stop()
        new.stop()
