"""migrate lint: exit codes, formats, git, databases. Which rule finds what is src/migrate/lint_test.cpp."""
import json
import os
import subprocess

from project import HOWDAH, Project, test

INDEX = "-- migrate:up\ncreate index i on t(a);\n-- migrate:down\ndrop index i;\n"
TABLE = "-- migrate:up\ncreate table t (id bigint primary key, a int);\n-- migrate:down\ndrop table t;\n"


def lint(p, *args, code=0):
    env = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    done = subprocess.run([HOWDAH, "migrate", "lint", "--dir", p.dir, *args], capture_output=True, text=True, check=False,
                          env=env)
    assert done.returncode == code, f"{args}: exit {done.returncode}, expected {code}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def rules(p, *args, code=0):
    return [f["rule"] for f in json.loads(lint(p, "--format", "json", *args, code=code))["findings"]]


@test
def lint_formats_and_exit_codes(pg):
    p = Project(pg)
    p.file("1_t.sql", TABLE)
    assert "1 files: 0 errors, 0 warnings" in lint(p)
    p.file("2_i.sql", INDEX)
    assert rules(p) == ["index-not-concurrently"] == rules(p, "--strict", code=5)
    p.file("3_d.sql", "-- migrate:up\n\n  alter table t drop column a;\n-- migrate:down\nalter table t add a int;\n")
    where = f"{p.dir}/3_d.sql:3:17"
    assert f"{where}: error: t.a and its values are gone [drop-column]" in lint(p, "--format", "gcc", code=5)
    assert f"::error file={p.dir}/3_d.sql,line=3,col=17,title=drop-column::" in lint(p, "--format", "github", code=5)
    report = json.loads(lint(p, "--format", "gitlab", code=5))
    assert [r["severity"] for r in report] == ["minor", "critical"] and report[1]["location"]["lines"]["begin"] == 3
    assert len({r["fingerprint"] for r in report}) == 2
    p.file("3_d.sql", '-- migrate:up\n-- migrate:allow drop-column t.b reason="x"\n-- migrate:allow drop-column "t.a" '
           'reason="unused since 1.2"\nalter table t drop column a;\n-- migrate:down\nalter table t add a int;\n')
    found = json.loads(lint(p, "--format", "json"))
    assert [f["rule"] for f in found["findings"]] == ["index-not-concurrently", "allow"]
    assert found["allowed"][0]["reason"] == "unused since 1.2"
    p.file("3_d.sql", "-- migrate:up\n-- migrate:allow drop-column\nalter table t drop column a;\n-- migrate:down\n")
    assert "an exception needs a reason" in lint(p, code=5)
    assert len(lint(p, "--rules").splitlines()) == 27
    lint(p, "--check-down", code=1)


@test
def lint_only_what_git_does_not_have(pg):
    p = Project(pg)

    def git(*args):
        subprocess.run(["git", "-C", p.dir, "-c", "user.name=t", "-c", "user.email=t@t", *args], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    p.file("10_t.sql", TABLE)
    p.file("11_i.sql", INDEX)
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "a")
    assert rules(p, "--against", "main") == []
    git("checkout", "-q", "-b", "work")
    p.file("12_j.sql", INDEX.replace("index i", "index j"))
    git("add", ".")
    git("commit", "-q", "-m", "b")
    p.file("9_u.sql", "-- migrate:up\ncreate table u(id bigint);\n-- migrate:down\ndrop table u;\n")  # not added
    found = rules(p, "--against", "main", code=5)
    assert found == ["timestamp-before-applied", "index-not-concurrently"], found
    assert "knows no revision nowhere" in lint(p, "--against", "nowhere", code=1)


@test
def lint_with_a_database(pg):
    p = Project(pg)
    p.file("1_t.sql", TABLE)
    p.run("up")
    p.file("2_i.sql", INDEX)
    p.file("3_u.sql", "-- migrate:up\nupdate t set a = 1 where id > 0;\n-- migrate:down\nselect 1;\n")
    assert rules(p, "--url", p.url) == []  # the table is empty
    p.sql("insert into t select g from generate_series(1, 2000) g; analyze t")
    assert rules(p, "--url", p.url, "--max-rows", "1000") == ["index-not-concurrently", "large-data-change"]
    p.file("4_w.sql", "-- migrate:up\nalter table t add b int;\n-- migrate:down\nselect 1;\n")
    p.file("5_c.sql", "-- howdah:no-transaction\n-- migrate:up\ncreate index concurrently k on t(b);\n"
           "-- migrate:down\ndrop index k;\n")
    found = json.loads(lint(p, "--url", p.url, "--check-down", "--format", "json"))["findings"]
    assert [(f["rule"], f["line"]) for f in found if f["rule"] == "down"] == [("down", 4)], found
    down = [f["message"] for f in found if f["rule"] == "down"]
    assert "table public.t is not as it was" in down[0], found
    assert p.sql("select count(*) from pg_database where datname like 'howdah_scratch%'") == "0"
    assert p.versions() == "1:applied"
