"""Directories of our own kind."""
import json
import os
import re
import signal
import socket
import subprocess
import threading

from project import HOWDAH, Project, sleeps, test, wait_until


def three(pg):
    p = Project(pg)
    p.file("001_a.sql", "-- migrate:up\ncreate table a(id int);\n-- migrate:down\ndrop table a;\n")
    p.file("002_b.sql", "-- +goose Up\ncreate table b(id int);\n-- +goose Down\ndrop table b;\n")
    p.file("10_c.up.sql", "create table c(id int);")
    p.file("10_c.down.sql", "drop table c;")
    return p


@test
def up_down_to_redo(pg):
    p = three(pg)
    assert p.json("plan")["migrations"][2]["name"] == "10_c"
    p.run("up", 1)
    assert p.tables() == "a"
    p.run("to", "latest")
    assert p.tables() == "a,b,c" and p.versions() == "001:applied,002:applied,10:applied"
    assert "nothing to do" in p.run("up")
    p.run("redo")
    p.run("to", "001_a")
    assert p.tables() == "a"
    p.run("to", "b")
    assert p.tables() == "a,b"
    p.run("to", "none")
    assert p.tables() == ""
    p.run("status", "--exit-code", code=8)
    p.run("up", "--dry-run")
    assert p.tables() == ""
    p.run("up", "--single-transaction")
    p.run("verify", "--exit-code")
    assert [m["status"] for m in p.json("status")["migrations"]] == ["applied"] * 3


@test
def up_by_phases(pg):
    """Before the application is deployed what adds, after it what takes away; the order stays."""
    p = Project(pg)
    p.file("1_a.sql", "-- migrate:up phase:expand\ncreate table a(id int, old int);")
    p.file("2_b.sql", "create table b(id int);")
    p.file("3_c.sql", "-- migrate:up phase:contract\nalter table a drop column old;")
    p.file("4_d.sql", "create table d(id int);")
    said = p.json("up", "--phase", "contract", code=4)["problems"][0]
    assert said["version"] == "1" and "--phase expand" in said["fix"] and p.tables() == "", said
    assert "3_c and what comes after it wait" in p.run("up", "--phase", "expand")
    assert p.tables() == "a,b"
    assert "3_c and what comes after it wait" in p.run("up", "--phase", "expand")  # again: nothing, and it says why
    assert "4_d and what comes after it wait" in p.run("up", "--phase", "contract")
    assert p.tables() == "a,b"
    assert p.sql("select count(*) from information_schema.columns where table_name = 'a'") == "1"
    p.run("up", "--phase", "expand")
    assert p.tables() == "a,b,d"
    assert "nothing to do" in p.run("up", "--phase", "contract")
    p.run("up", "--phase", "both", code=1)


@test
def up_with_nothing_to_do(pg):
    """Whatever the order is that the rows come in; and not when a row says something else than its file."""
    p = Project(pg)
    for i in range(1, 13):
        p.file(f"{i}_t.sql", f"create table t{i} (id int);")
    p.run("up")
    said = p.run("up")
    assert said == "nothing to do\n", said
    assert p.json("up")["migrations"] == [] and p.json("to", "latest")["problems"] == []
    p.sql("update schema_history set name = name where version in ('1', '5')")  # these come last now
    assert p.run("up") == p.run("latest") == p.run("to", "latest") == said
    p.sql("update schema_history set state = 'failed' where version = '12'")
    assert "12_t" in p.run("up", code=3)  # it would run again
    p.sql("update schema_history set state = 'applied', checksum = 'v1:other' where version = '12'")
    for words in (["up"], ["latest"], ["to", "latest"]):
        assert p.json(*words, code=4)["problems"][0]["code"] == "edited"


@test
def hosts_that_do_not_answer(pg):
    """As everywhere with libpq: the next one is tried, after connect_timeout."""
    p = three(pg)
    silent = f"{p.dir}/silent"
    os.mkdir(silent)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{silent}/.s.PGSQL.5432")
        listening.listen()
        p.url = f"postgresql://postgres@/{p.name}?host={silent},{pg.dir}&connect_timeout=2"
        p.run("up", 2)
    p.url = f"postgresql://postgres@/{p.name}?host={p.dir}/nowhere,{pg.dir}"
    p.run("up")
    assert p.tables() == "a,b,c"
    p.url = f"postgresql://postgres@/{p.name}?host={p.dir}/nowhere"
    problem = p.json("up", code=2)["problems"][0]
    assert "No such file or directory" in problem["message"], problem
    p.url = f"postgresql://nobody@/{p.name}?host={pg.dir}"
    assert 'role "nobody" does not exist' in p.json("up", code=2)["problems"][0]["message"]


@test
def a_failing_statement_leaves_nothing(pg):
    p = Project(pg)
    p.file("1_x.sql", "-- migrate:up\ncreate table x(id int);\n\ninsert into x values (1);\ninsert into\n  née values (2);\n")
    problem = p.json("up", code=3)["problems"][0]
    assert problem["where"].endswith("1_x.sql:6:3"), problem
    assert problem["sqlstate"] == "42P01" and problem["fix"]
    assert p.tables() == "" and p.versions() == ""
    p.file("1_x.sql", "-- migrate:up\ncreate table x(id int primary key);\ninsert into x values (1);\n"
                      "  insert into x values (1);\n")
    problem = p.json("up", code=3)["problems"][0]
    assert problem["where"].endswith("1_x.sql:4:3"), problem  # found by counting: the server names no position
    p.file("1_x.sql", "create table x(id int);")
    p.run("up")
    assert p.versions() == "1:applied"


@test
def edited_missing_and_out_of_order_are_refused(pg):
    p = three(pg)
    p.run("up")
    p.file("001_a.sql", "-- migrate:up\r\ncreate table a(id int);\r\n-- migrate:down\r\ndrop table a;\r\n")
    p.run("verify")  # line endings do not matter
    p.file("001_a.sql", "-- migrate:up\ncreate table a(id bigint);\n-- migrate:down\ndrop table a;\n")
    problem = p.json("up", code=4)["problems"][0]
    assert problem["code"] == "edited" and "repair 001 --accept" in problem["fix"]
    p.run("repair", "001", "--accept")
    p.run("up")
    p.file("003_early.sql", "create table early(id int);")
    assert p.json("up", code=4)["problems"][0]["code"] == "out-of-order"
    p.run("up", "--out-of-order")
    os.unlink(f"{p.dir}/002_b.sql")
    assert p.json("status", code=4)["problems"][0]["code"] == "missing-file"
    p.run("down", "--missing")  # its down SQL is in the history
    assert p.tables() == "a,c,early"
    p.run("status")
    assert p.sql("select count(*) from schema_history_log where row_before is not null") == "2"


@test
def what_cannot_run_in_a_transaction(pg):
    p = Project(pg)
    p.file("1_t.sql", "create table t(a int);")
    p.file("2_i.sql", "create index concurrently i on t(a);")
    problem = p.json("up", code=3)["problems"][0]
    assert problem["code"] == "outside-transaction" and p.tables() == "", problem
    p.file("2_i.sql", "-- howdah:no-transaction\ncreate index concurrently i on t(a);\ninsert into t values (1);\n"
                      "insert into t select 1/0;\ninsert into t values (3);")
    problem = p.json("up", code=3)["problems"][0]
    assert problem["where"].endswith("2_i.sql:4:1") and "2 of 4" in problem["detail"], problem
    assert "2 of 4" in p.run("status", code=4)
    p.file("2_i.sql", "-- howdah:no-transaction\ncreate index concurrently i2 on t(a);\ninsert into t values (1);\nselect 1;")
    p.run("up", code=4)  # what was applied has changed
    p.file("2_i.sql", "-- howdah:no-transaction\ncreate index concurrently i on t(a);\ninsert into t values (1);\n"
                      "insert into t values (2);\ninsert into t values (3);")
    p.run("up")
    assert p.sql("select string_agg(a::text, ',' order by a) from t") == "1,2,3"
    p.run("verify", "--exit-code")
    p.file("3_x.sql", "begin; select 1; commit; select 2;")
    assert p.json("up", code=3)["problems"][0]["code"] == "transaction-nesting"
    p.file("3_x.sql", "begin;\nselect 1;\ncommit;\n")
    p.run("up")
    p.file("4_x.sql", "\\i other.sql\n")
    assert "psql" in p.json("up", code=3)["problems"][0]["message"]


@test
def a_broken_concurrent_index_is_made_again(pg):
    p = Project(pg)
    p.file("1_t.sql", "create table t(a int); insert into t values (1), (1);")
    p.file("2_i.sql", "-- migrate:up transaction:false\ncreate unique index concurrently i on t(a);")
    p.run("up", code=3)
    assert p.sql("select indisvalid from pg_index where indexrelid = 'i'::regclass") == "f"
    p.sql("delete from t")
    assert "invalid index" in p.run("up")
    assert p.sql("select indisvalid from pg_index where indexrelid = 'i'::regclass") == "t"


@test
def settings_of_one_migration_do_not_leak(pg):
    p = Project(pg)
    p.file("1_a.sql", "set search_path = ''; set role pg_monitor; reset role; create table public.a(id int);")
    p.file("2_b.sql", "select pg_catalog.set_config('search_path', '', false); create table public.b(id int);")
    p.file("3_c.sql", "create table c(id int);")
    p.run("up")
    assert p.tables() == "a,b,c"


class Holder:
    """A psql session that stays open."""

    def __init__(self, p, sql):
        self.process = subprocess.Popen([f"{p.pg.bin}/psql", "-XAtq", p.url], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(sql + "select 'ready';\n")
        self.process.stdin.flush()
        while self.process.stdout.readline().strip() != "ready":
            pass

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@test
def a_busy_table_is_waited_for_in_short_tries(pg):
    p = Project(pg)
    p.sql("create table busy(id int)")
    p.file("1_x.sql", "create table x(id int); alter table busy add column n int;")
    holder = Holder(p, "begin; select count(*) from busy;\n")
    out = p.json("--lock-timeout", "600ms", "--tries", 2, "up", code=3)
    assert out["problems"][0]["sqlstate"] == "55P03" and "blocked by pid" in out["problems"][0]["detail"], out
    assert p.tables() == "busy"
    p.file("1_x.sql", "-- migrate:up retry:3\ncreate table x(id int); alter table busy add column n int;")
    said = " ".join(p.json("--lock-timeout", "100ms", "--tries", 2, "up", code=3)["notes"])
    assert "try 2 of 3" in said and "try 3 of 3" in said, said
    timer = threading.Timer(1.5, holder.close)
    timer.start()
    p.run("--lock-timeout", "300ms", "up")
    timer.join()
    assert p.tables() == "busy,x"


@test
def two_runs_at_once(pg):
    p = Project(pg)
    for i in range(1, 20):
        p.file(f"{i}_t.sql", f"create table t{i}(id int);" + (" select pg_sleep(0.3);" if i == 1 else ""))
    runs = [subprocess.Popen(p.command("up"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(3)]
    outs = [r.communicate()[0] for r in runs]
    assert [r.returncode for r in runs] == [0, 0, 0], outs
    assert p.sql("select count(*) from schema_history") == "19"
    q = three(pg)
    holder = Holder(q, "begin; select pg_advisory_xact_lock(114827953725800);\n")
    problem = q.json("--lock-wait", 1, "up", code=6)["problems"][0]
    assert "pid" in problem["message"], problem
    holder.close()


@test
def interrupting_rolls_back(pg):
    p = Project(pg)
    p.file("1_x.sql", "create table x(id int); select pg_sleep(30);")
    run = subprocess.Popen(p.command("up"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: sleeps(p), run)
    run.send_signal(signal.SIGINT)
    assert run.wait(10) == 130
    assert p.tables() == "" and p.versions() == ""


@test
def baseline_and_new(pg):
    p = three(pg)
    p.sql("create table a(id int); create table b(id int)")
    p.run("baseline", "002")
    p.run("up")
    assert p.tables() == "a,b,c"
    assert "created" in p.run("new", "add things")
    assert [n for n in os.listdir(p.dir) if n.endswith("_add_things.sql")]
    p.run("up")
    p.run("wait", "--timeout", 2)
    p.run("frobnicate", code=1)
    p.url = p.url.replace(p.name, "nosuch")
    assert "db create" in p.json("up", code=2)["problems"][0]["fix"]


@test
def a_single_transaction_says_which_migration_failed(pg):
    p = Project(pg)
    for i in range(1, 150):
        p.file(f"{i:03}_t.sql", f"-- migrate:up\n-- é\ncreate table t{i}(id int primary key);\ninsert into t{i} values ({i});\n")
    p.file("070_t.sql", "-- migrate:up lock_timeout:1s\ncreate table t70(id int);\n")  # goes alone
    p.file("120_t.sql", "-- migrate:up\ncreate table t120(id int);\n\n  insert into t119 values (119);\n")
    problem = p.json("up", "--single-transaction", code=3)["problems"][0]
    assert problem["where"].endswith("120_t.sql:4:3") and problem["version"] == "120", problem
    assert p.tables() == "" and p.versions() == ""
    p.file("120_t.sql", "-- migrate:up\ncreate table t120(id int);\n  insert into néant values (119);\n")
    assert p.json("up", "--single-transaction", code=3)["problems"][0]["where"].endswith("120_t.sql:3:15")
    p.file("120_t.sql", "-- migrate:up\ncreate table t120(id int);\nset search_path = pg_catalog;\n")
    assert len(p.json("up", "--single-transaction")["migrations"]) == 149
    p.run("verify", "--exit-code")
    assert p.sql("select count(*), min(statements), max(statements), count(execution_ms) from schema_history") == "149|1|2|149"


@test
def history_rows_do_without_their_prepared_statement(pg):
    """A script may remove it, as a pooler that changes the server connection does."""
    p = Project(pg)
    for n in range(1, 21):
        p.file(f"{n}_t.sql", f"create table t{n}(id int);" + ("deallocate all;" if n in (1, 9) else ""))
    p.file("21_bad.sql", "create table t21(id int); execute nothing;")
    out = p.json("up", code=3)
    assert [m["status"] for m in out["migrations"]] == ["applied"] * 20 + ["failed"], out
    assert out["problems"][0]["sqlstate"] == "26000" and out["problems"][0]["where"].endswith("21_bad.sql:1:27"), out
    assert p.tables().count("t") == 20 and p.sql("select count(*), sum(statements) from schema_history") == "20|22"
    p.run("verify")


@test
def a_manifest_says_which_files_and_in_which_order(pg):
    p = Project(pg)
    for name in ("1_a.sql", "2_b.up.sql", "3_c.sql"):
        p.file(name, f"create table {name[2]}(id int);")
    p.file("2_b.down.sql", "drop table b;")
    p.file("manifest.json", '{"migrations": ["1_a.sql", {"up": "2_b.up.sql", "down": "2_b.down.sql"}]}')
    assert [m["name"] for m in p.json("plan")["migrations"]] == ["1_a", "2_b"]
    p.run("up")
    p.run("down")
    assert p.tables() == "a"
    for text, why in (('["2_b.up.sql", "1_a.sql"]', "in the order of their numbers"), ('["9_x.sql"]', "there is no 9_x.sql"),
                      ("{}", "not a list"), ("[1]", "an entry is"), ('["x.sql"]', "<number>_<words>")):
        p.file("manifest.json", text)
        assert why in p.json("status", code=1)["problems"][0]["message"], text
    p.file("manifest.json", '["1_a.sql", "3_c.sql"]')
    p.run("up")
    assert p.tables() == "a,c"


@test
def what_a_run_prints(pg):
    """Name, what became of it and how long it took; and why it failed, where, and what to do."""
    p = Project(pg)
    p.file("1_a.sql", "create table a(id int); select pg_sleep(0.002);")
    p.file("2_bad.sql", "create table b(id int);\nselect 1/0;")
    done = subprocess.run(p.command("up"), capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 3 and re.fullmatch(r"applied   1_a  \d+ ms\nfailed    2_bad  \d+ ms\n", done.stdout), done.stdout
    assert re.fullmatch(r"/\S+/2_bad.sql:2:1: sql: division by zero \(SQLSTATE 22012\)\n  hint: nothing of this migration was "
                        r"applied\n  fix: correct the file, then: howdah migrate up\n", done.stderr), done.stderr
    out = p.json("up", code=3)
    assert set(out) == {"command", "exit_code", "database", "dialect", "migrations", "problems", "notes"}, out
    assert set(out["migrations"][0]) == {"version", "name", "direction", "status", "ms", "detail"}, out


@test
def what_fails_says_what_to_do_about_it(pg):
    p = Project(pg)
    file = p.file("1_a.sql", "-- migrate:up\ncreate table a ();\n-- migrate:down\ndrop table nope;\n")
    p.run("up")
    assert p.json("down", code=3)["problems"][0]["fix"] == "correct its down section, then: howdah migrate down"
    assert "nothing to do" in p.run("baseline", "latest")
    os.rename(file, file + ".gone")
    p.file("2_b.sql", "-- migrate:up\n")
    assert p.json("down", "--missing", code=3)["problems"][0]["fix"].endswith("howdah migrate repair 1 --forget")
    # Not "still pending", and not that code: up would not help.
    assert p.json("wait", "--timeout", 0, code=4)["problems"][0]["code"] == "missing-file"
    for words, why in ((("--lock-timeout", "soon", "up"), "soon is no duration"), (("down", "-1"), "must not be negative"),
                       (("--lock-wait", "-1", "up"), "must not be negative"),
                       (("--statement-timeout", "1 week", "up"), "1 week is no duration")):
        assert why in p.run(*words, code=1), words


@test
def status_counts_what_is_unfinished_apart(pg):
    p = Project(pg)
    p.file("1_a.sql", "-- migrate:up\ncreate table a (n int);\n-- migrate:down\n")
    p.file("2_b.sql", "-- howdah:no-transaction\ncreate index concurrently i on a (n);\ninsert into nope values (1);\n")
    p.run("up", code=3)
    assert "1 applied, 1 unfinished, 0 pending, 1 problems" in p.run("status", code=4)


@test
def what_pg_dump_writes_is_a_migration(pg):
    p = Project(pg)
    p.file("1_base.sql", "-- migrate:up\n--\n-- PostgreSQL database dump\n--\n\n\\restrict aB9\n\nSET lock_timeout = 0;\n"
                         "SELECT pg_catalog.set_config('search_path', '', false);\n\nCREATE TABLE public.t (a text);\n\n"
                         "\\unrestrict aB9\n\n")
    p.file("2_u.sql", "-- migrate:up\ninsert into t values ('\\restrict me');\n\\i other.sql\n")
    assert "\\i is a command of psql" in p.run("up", code=3) and p.tables() == ""
    p.file("2_u.sql", "-- migrate:up\ninsert into t values ('\\restrict me');\n")
    assert "restrict" not in p.run("lint")
    p.run("up")
    assert p.sql("select a from t") == "\\restrict me"


@test
def mistakes_are_answered_with_what_was_meant(pg):
    p = Project(pg)
    assert "upp: there is no such command; did you mean up?" in p.run("upp", code=1)
    assert "xyzzy: there is no such command\n" in p.run("xyzzy", code=1)
    assert "delte: there is no such command; did you mean delete?" in p.run(
        "history", "delte", code=1)
    assert "flywy not in {dbmate," in p.run("import", "--from", "flywy", code=1)
    assert "/nowhere.sql is not there" in p.run("rehearse", "--load", "/nowhere.sql", code=1)
    assert "nonesuch is neither db, migrations, empty, a URL, a directory nor a file" in p.run("diff", "--to", "nonesuch", code=3)

    def elsewhere(url, *args):
        return json.loads(subprocess.run([HOWDAH, "migrate", "--json", "--dir", p.dir, *args, "--url", url],
                                         capture_output=True, text=True, check=False).stdout)
    assert elsewhere("mysql://x/y", "status")["problems"][0]["message"].startswith("mysql:// is no URL of PostgreSQL")
    nobody = elsewhere(f"postgresql://nobody@/postgres?host={pg.dir}", "status")
    assert nobody["exit_code"] == 2 and nobody["problems"][0]["fix"] == "", nobody
    assert elsewhere(pg.url("nothing"), "status")["problems"][0]["fix"] == "howdah db create"
    assert elsewhere(p.url, "diff", "--from", pg.url("nothing"))["exit_code"] == 2
    p.file("1_a.sql", "-- migrate:up\nselect 'é',\n  nothing from pg_class;\n")
    assert p.json("rehearse", code=3)["problems"][0]["where"].endswith("1_a.sql:3:3")  # as up says
    assert p.json("up", code=3)["problems"][0]["where"].endswith("1_a.sql:3:3")
