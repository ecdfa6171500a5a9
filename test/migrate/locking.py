"""Who waits for whom: the keys that the dialects' own tools lock, indexes built concurrently, statements that take long."""
import subprocess

from matrix import Kysely, Prisma, Sql, applied, in_kinds
from native import Holder
from project import Project, test

KEYS = {Sql: 114827953725800, Prisma: 72707369, Kysely: 3853314791062309107}


def own_tools_lock(p):
    """The dialect's own tool is at work: we wait for it and say who it is. While we work, it waits for us."""
    key = KEYS[type(p)]
    p.write("1_a", "create table a(id int); select pg_sleep(2);")
    tool = Holder(p, f"set application_name = 'the tool'; select pg_advisory_lock({key});\n")
    try:
        problem = p.json("--lock-wait", 1, "up", code=6)["problems"][0]
        assert "the tool" in problem["message"] and "pid" in problem["message"], problem
        assert p.tables() == "" and applied(p) == 0
    finally:
        tool.close()
    ours = subprocess.Popen(p.command("up"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while ours.poll() is None and p.sql("select count(*) from pg_stat_activity where query like '%pg_sleep(2)%' and pid <> "
                                        "pg_backend_pid() and datname = current_database()") == "0":
        pass
    assert p.sql(f"select pg_try_advisory_lock({key})") == "f"
    said = ours.communicate()[0]
    assert ours.returncode == 0 and applied(p) == 1, said


in_kinds(own_tools_lock, Sql, Prisma, Kysely)


@test
def concurrent_indexes_by_several_at_once(pg):
    """Where a waiting run holds a snapshot, or waits inside a lock function, the server calls this a deadlock."""
    p = Sql(pg)
    p.write("1_a", "create table a(id int); insert into a select generate_series(1, 200000);")
    for i in range(2, 5):
        p.write(f"{i}_i", f"-- howdah:no-transaction\ncreate index concurrently i{i} on a(id);")
    runs = [subprocess.Popen(p.command("up"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(4)]
    said = [r.communicate()[0] for r in runs]
    assert [r.returncode for r in runs] == [0, 0, 0, 0], said
    assert applied(p) == 4 and p.sql("select count(*) from pg_index where indrelid = 'a'::regclass and indisvalid") == "3"


@test
def a_statement_that_takes_too_long(pg):
    p = Sql(pg)
    p.write("1_a", "create table a(id int);\nselect pg_sleep(20);")
    problem = p.json("--statement-timeout", "300ms", "up", code=3)["problems"][0]
    assert problem["sqlstate"] == "57014" and problem["where"].endswith("1_a.sql:2:1"), problem
    p.write("1_a", "-- migrate:up statement_timeout:200ms\ncreate table a(id int);\nselect pg_sleep(20);")
    assert p.json("up", code=3)["problems"][0]["sqlstate"] == "57014"
    p.write("1_a", "-- migrate:up statement_timeout:20s\ncreate table a(id int);\nselect pg_sleep(0.5);")
    p.run("--statement-timeout", "100ms", "up")  # the file knows better
    assert p.tables() == "a"


@test
def a_run_that_is_stopped_keeps_no_locks(pg):
    """The server ends its transaction after a minute, whatever the database says; the lock that keeps others out stays."""
    p = Project(pg)
    p.sql(f"alter database {p.name} set idle_in_transaction_session_timeout = '1h'")
    p.file("1_a.sql", "create table seen as select current_setting('idle_in_transaction_session_timeout') as idle, "
                      "current_setting('lock_timeout') as lock;")
    p.run("up")
    assert p.sql("select idle, lock from seen") == "1min|2s"
