"""howdah sync table: rows of one database in another."""
import json
import os
import subprocess

from project import HOWDAH, Project, test

SCHEMA = ("create table teams(id bigint generated always as identity primary key, name text not null, meta json, "
          "size int generated always as (length(name)) stored);"
          "create table members(team bigint references teams on delete cascade, n int, email text, primary key (team, n));"
          "create table notes(id serial primary key, team bigint references teams, text text)")
TEAMS = "insert into teams(name, meta) values ('red', '{\"a\": 1}'), ('green', null), (e'tab\\there \\\\', '[]')"


class Sides:
    """Two databases with the same tables: staging and prod of the runbook."""

    def __init__(self, pg):
        self.staging, self.prod = Project(pg), Project(pg)
        for side in (self.staging, self.prod):
            side.sql(SCHEMA)
        self.staging.sql(TEAMS)
        self.env = {**os.environ, "STAGING_CONNECTION_URL": self.staging.url, "PROD_CONNECTION_URL": self.prod.url}

    def run(self, *args, code=0, to="prod"):
        done = subprocess.run([HOWDAH, "sync", "table", "--from", "staging", "--to", to, *args], capture_output=True,
                              text=True, check=False, env=self.env)
        assert done.returncode == code, f"{args}: exit {done.returncode}, expected {code}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def sync(self, *args, code=0):
        return self.run("--yes-name", self.prod.name, *args, code=code)

    def problem(self, *args, code=4):
        return json.loads(self.sync("--json", *args, code=code))["problems"][0]

    def both(self, sql):
        return self.staging.sql(sql), self.prod.sql(sql)


@test
def sync_of_a_table(pg):
    s = Sides(pg)
    assert "protected" in s.run("teams", code=1)
    s.prod.sql("insert into teams(id, name) overriding system value values (1, 'old'), (9, 'only here')")
    assert "2 to insert, 1 to update, 1 only in the target" in s.run("teams", "--dry-run")
    assert s.prod.sql("select count(*) from teams") == "2"
    assert "2 inserted, 1 updated, 0 deleted" in s.sync("teams")
    a, b = s.both("select string_agg(t::text, ',' order by id) from teams t where id < 9")
    assert a == b and s.prod.sql("select name from teams where id = 9") == "only here", b
    assert "0 inserted, 0 updated, 0 deleted" in s.sync("teams")
    assert s.prod.sql("insert into teams(name) values ('next') returning id") == "10"
    assert "2 to delete" in s.run("teams", "--replace", "--dry-run")
    assert "0 inserted, 0 updated, 2 deleted" in s.sync("teams", "--replace")
    a, b = s.both("select string_agg(t::text, ',' order by id) from teams t")
    assert a == b


@test
def sync_keeps_foreign_keys(pg):
    s = Sides(pg)
    s.staging.sql("insert into members values (1, 1, 'a@x'), (2, 1, 'b@x'); insert into notes(team) values (1)")
    assert s.problem("members")["code"] == "missing-parents"
    s.sync("members", "notes", "teams")  # whatever the order
    assert s.prod.sql("select count(*) from members") == "2" and s.prod.sql("select last_value from notes_id_seq") == "1"
    s.prod.sql("insert into teams(name) values ('local'); insert into members values (4, 1, 'c@x')")
    p = s.problem("teams", "--replace")
    assert p["code"] == "referenced" and "members" in p["message"] and "--replace" in p["fix"], p
    s.staging.sql("delete from members where team = 2")
    assert "2 deleted" in s.sync("teams", "members", "--replace")
    a, b = s.both("select (select count(*) from teams), (select string_agg(m::text, ',') from members m)")
    assert a == b


@test
def sync_masks_and_refuses(pg):
    s = Sides(pg)
    s.sync("teams")
    s.staging.sql("insert into members values (1, 1, 'a@x')")
    s.sync("members", "--mask", "email=md5(email)")
    assert s.prod.sql("select email = md5('a@x') from members") == "t"
    assert "fits no column" in s.sync("members", "--mask", "mail=''", code=1)
    assert "cannot be masked" in s.sync("members", "--mask", "n=1", code=4)
    assert "no table nowhere" in s.sync("nowhere", code=1)
    assert "same database" in s.run("teams", to=s.staging.url, code=1)
    s.prod.sql("create function up() returns trigger language plpgsql as $$ begin new.text = upper(new.text); return new; "
               "end $$; create trigger t before insert on notes for each row execute function up()")
    s.staging.sql("insert into notes(team, text) values (1, 'lower')")
    assert s.problem("notes", code=3)["code"] == "not-equal" and s.prod.sql("select count(*) from notes") == "0"
    s.staging.sql("alter table teams add extra int")
    assert s.problem("teams")["code"] == "columns-differ"
    for side in (s.staging, s.prod):
        side.sql("create table logs(x json)")
    s.staging.sql("insert into logs values ('{}'), ('{}')")
    assert s.problem("logs")["code"] == "no-primary-key"
    s.sync("logs", "--replace")
    assert "2 inserted, 0 updated, 2 deleted" in s.sync("logs", "--replace")


@test
def sync_of_unique_values_that_move(pg):
    s = Sides(pg)
    s.both("create table tags(id int primary key, name text unique); create table nodes(id int primary key, "
           "parent int not null references nodes)")
    s.staging.sql("insert into tags values (1, 'a'), (2, 'b'); insert into nodes values (2, 2), (1, 2)")
    s.prod.sql("insert into tags values (1, 'b'), (2, 'a'); insert into nodes values (1, 1), (3, 1)")
    assert "must be DEFERRABLE" in s.problem("tags", code=3)["hint"]
    s.both("alter table tags drop constraint tags_name_key, add unique (name) deferrable")
    assert "0 inserted, 2 updated, 0 deleted" in s.sync("tags")
    assert "1 inserted, 1 updated, 1 deleted" in s.sync("nodes", "--replace")


@test
def sync_of_a_big_table(pg):
    """More than the sockets hold; nothing remains of a source that fails in the middle."""
    s = Sides(pg)
    s.staging.sql("insert into teams(name) select repeat('x', 200) || g from generate_series(1, 100000) g")
    assert "100003 inserted" in s.sync("teams")
    s.staging.sql("update teams set name = 'changed' where id % 1000 = 0")
    assert "0 inserted, 100 updated" in s.sync("teams")
    s.staging.sql("create function bad(bigint) returns text language plpgsql as $$ begin if $1 > 90000 then raise 'broken'; "
                  "end if; return ''; end $$")
    assert "broken" in s.sync("teams", "--mask", "name=bad(id)", code=3)
    a, b = s.both("select md5(string_agg(t::text, ',' order by id)) from teams t")
    assert a == b
