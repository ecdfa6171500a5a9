"""howdah plans: how queries are executed, before and after; howdah db extensions: what an upgrade leaves behind."""
import json
import subprocess

from project import HOWDAH, Project, test

QUERIES = """-- name: orders of a customer
select * from orders where customer = 42;

-- name: revenue
select customer, sum(amount) from orders group by 1 order by 2 desc limit 3;
with o as (select id from orders where customer = 7) select count(*) from o;
insert into orders select 1000000, 1, 1;
"""


def plans(*args, code=0):
    done = subprocess.run([HOWDAH, "plans", *args], capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{args}: exit {done.returncode}, expected {code}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def compared(*args, code=0):
    return json.loads(plans("compare", "--json", *args, code=code))


def shop(pg):
    p = Project(pg)
    p.sql("create table orders (id int primary key, customer int not null, amount int not null) "
          "with (autovacuum_enabled = false);"  # which would make it an index-only scan
          "insert into orders select g, g % 1000, g % 77 from generate_series(1, 100000) g;"
          "create index orders_customer on orders (customer); analyze orders")
    return p, p.file("queries.sql", QUERIES)


@test
def plans_before_and_after(pg):
    p, queries = shop(pg)
    before, after = f"{p.dir}/before.json", f"{p.dir}/after.json"
    said = plans("capture", queries, "--url", p.url, "--out", before)
    assert "orders of a customer" in said and "planned   insert into orders" in said, said
    assert p.sql("select count(*), max(id) from orders") == "100000|100000"  # nothing was written
    plans("capture", queries, "--url", p.url, "--out", after)
    same = compared(before, after, "--factor", "1000")
    assert {m["status"] for m in same["migrations"]} == {"same"} and not same["problems"], same
    p.sql("drop index orders_customer")
    plans("capture", queries, "--url", p.url, "--out", after)
    found = compared(before, after, code=7)
    lost = {m["name"]: m["status"] for m in found["migrations"]}
    assert lost["orders of a customer"] == "plan" and lost["revenue"] in ("same", "faster", "slower"), lost
    message = found["problems"][0]["message"]
    assert message.startswith("orders of a customer: ") and "orders_customer" in message and "ms now" in \
        found["problems"][0]["detail"], found["problems"]
    plans("capture", queries, "--url", p.url, "--out", after, "--plan-only")
    assert compared(before, after, code=7)["problems"][0]["detail"] == ""  # no times, no word about them


@test
def plans_that_became_slower_or_fail(pg):
    p, _ = shop(pg)
    p.sql("create function waits() returns int language plpgsql as 'begin perform pg_sleep(0.001); return 1; end'")
    queries = p.file("q.sql", "select waits();\nselect sum(amount) from orders;\n")
    before, after = f"{p.dir}/before.json", f"{p.dir}/after.json"
    plans("capture", queries, "--url", p.url, "--out", before, "--runs", "5")
    p.sql("create or replace function waits() returns int language plpgsql as 'begin perform pg_sleep(0.1); return 1; end'")
    p.sql("alter table orders rename amount to price")
    plans("capture", queries, "--url", p.url, "--out", after, "--runs", "1")
    problems = compared(before, after, code=7)["problems"]
    assert [x["code"] for x in problems] == ["slower", "error"] and 'column "amount" does not exist' in problems[1]["message"]
    assert not [x for x in compared(before, after, "--min-ms", "10000", code=7)["problems"] if x["code"] == "slower"]
    assert "statement timeout" in plans("capture", queries, "--url", p.url, "--out", after, "--timeout", "20ms")
    # What is no list of queries, and what is no capture.
    assert "truncate has no plan" in plans("capture", p.file("t.sql", "truncate orders;"), "--url", p.url, "--out", after, code=1)
    assert "is not what howdah plans capture writes" in plans("compare", before, queries, code=1)
    plans("compare", before, f"{p.dir}/none.json", code=1)
    plans("capture", queries, "--url", "postgresql:///none?host=/nowhere", "--out", after, code=2)


@test
def extensions_that_an_upgrade_left_behind(pg):
    p, other = Project(pg), Project(pg)

    def report(*args, code=0):
        done = subprocess.run([HOWDAH, "db", "--url", p.url, "--json", "extensions", *args], capture_output=True, text=True,
                              check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)
    p.sql("create extension pg_trgm")
    assert {m["status"] for m in report()["migrations"]} == {"current"}
    p.sql("create extension hstore version '1.4'")
    other.sql("create extension pg_trgm version '1.3'")
    found = report(code=7)
    assert {m["name"]: m["status"] for m in found["migrations"]}["hstore"] == "outdated"
    [problem] = found["problems"]
    assert problem["message"].startswith("hstore is 1.4, and the server has "), problem
    everywhere = [x["message"] for x in report("--all", code=7)["problems"]]
    assert any(m.startswith(f"{p.name}: hstore ") for m in everywhere), everywhere
    assert any(m.startswith(f"{other.name}: pg_trgm ") for m in everywhere), everywhere
    # The fix as it stands, but for the program's place.
    subprocess.run(problem["fix"].replace("howdah db", f"{HOWDAH} db --url '{p.url}'").replace("psql -c", f"{pg.bin}/psql -Xqc"),
                   shell=True, check=True)
    assert {m["status"] for m in report()["migrations"]} == {"current"}
    p.sql("update pg_extension set extname = 'gone_ext' where extname = 'hstore'")  # whose package is not installed any more
    assert [x["code"] for x in report(code=7)["problems"]] == ["gone"]
    p.sql("update pg_extension set extname = 'hstore' where extname = 'gone_ext'")
