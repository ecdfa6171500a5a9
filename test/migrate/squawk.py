"""Our lint beside squawk's on the same statements: what either finds alone stands in a table here, with the reason."""
import json
import os
import subprocess
import tempfile

from project import HOWDAH, node_modules, test

PACKAGE = "squawk-cli@2.66.0"
BASE = "create table t (id bigint, a int, v varchar(20), ts timestamp);\ncreate table u (id bigint);\n"
# What squawk's rules are called here.
SAME = {
    "require-concurrent-index-creation": "index-not-concurrently",
    "require-concurrent-index-deletion": "drop-index-not-concurrently",
    "require-concurrent-reindex": "drop-index-not-concurrently",
    "ban-concurrent-index-creation-in-transaction": "concurrently-in-transaction",
    "adding-field-with-default": "add-column-rewrite",
    "adding-required-field": "add-not-null-without-default",
    "adding-serial-primary-key-field": "unique-constraint-directly",
    "adding-not-nullable-field": "set-not-null-directly",
    "adding-foreign-key-constraint": "foreign-key-without-not-valid",
    "constraint-missing-not-valid": "check-without-not-valid",
    "disallowed-unique-constraint": "unique-constraint-directly",
    "changing-column-type": "change-column-type",
    "renaming-column": "rename-column",
    "renaming-table": "rename-table",
    "ban-drop-column": "drop-column",
    "ban-drop-table": "drop-table",
    "ban-truncate-cascade": "drop-table",
    "ban-drop-not-null": "drop-not-null-or-default",
    "transaction-nesting": "transaction-nesting",
    "ban-uncommitted-transaction": "transaction-nesting",
    "ban-char-field": "types", "prefer-bigint-over-int": "types", "prefer-bigint-over-smallint": "types",
    "prefer-identity": "types", "prefer-text-field": "types", "prefer-timestamp-tz": "types",
    "identifier-too-long": "hygiene",
}
# The runner sets both timeouts, and a migration that fails leaves nothing to run again over.
NEEDLESS = {"require-lock-timeout", "require-statement-timeout", "require-timeout-settings", "prefer-robust-stmts"}
# Statements on which both say the same: the same rules of SAME, or both nothing.
AGREED = """
create index i on t (a)
create unique index i on t (a)
create table w (id bigint); create index on w (id)
drop index i
reindex table t
alter table t add column b bigint
alter table t add column b bigint default 7
alter table t add column b uuid default gen_random_uuid()
alter table t add column b timestamptz default now()
alter table t add column b timestamptz default clock_timestamp()
alter table t add column b text not null
alter table t add column b text not null default ''
alter table t add column b bigint generated always as identity
alter table t add column b bigint generated always as (a * 2) stored
alter table t alter column a set not null
alter table t alter column a drop not null
alter table t alter column a set default 1
alter table t alter column a type bigint
alter table t alter column ts type timestamptz
alter table t rename column a to b
alter table t rename to tt
alter table t drop column a
drop table t
truncate t
truncate t cascade
alter table t add constraint k foreign key (a) references u (id) not valid
alter table t add constraint k check (a > 0)
alter table t add constraint k check (a > 0) not valid
alter table t validate constraint k
alter table t add constraint k unique using index i
begin; alter table t add column b bigint
create table w (id integer primary key)
create table w (id smallint primary key)
create table w (id serial primary key)
create table w (id bigint primary key, c char(3))
create table w (id bigint primary key, c varchar(30))
create table w (id bigint primary key, c timestamp)
create table a123456789012345678901234567890123456789012345678901234567890123 (id bigint primary key)
update t set a = 1
update t set a = 1 where id = 1
delete from t
alter table t set unlogged
create trigger g before insert on t for each row execute function f()
alter table t disable trigger all
create table w as select 1 as n
cluster t using i
lock table t in access exclusive mode
refresh materialized view m
""".strip().splitlines()
# statement: (only squawk, only we, why)
DIFFERENT = {
    "create index concurrently i on t (a)": (
        "", "concurrently-in-transaction",
        "squawk looks at the next four only in a file that begins a transaction"),
    "drop index concurrently i": (
        "", "concurrently-in-transaction",
        "as above"),
    "reindex index concurrently i": (
        "", "concurrently-in-transaction",
        "as above"),
    "vacuum t": (
        "", "concurrently-in-transaction",
        "as above"),
    "drop database d": (
        "ban-drop-database", "concurrently-in-transaction",
        "it cannot run in a migration at all"),
    "begin; alter table t add column b bigint; commit": (
        "transaction-nesting", "",
        "a pair around the whole file is allowed and does nothing"),
    "alter table t add column b bigserial primary key": (
        "", "add-column-rewrite",
        "the default of a serial is volatile: the table is rewritten"),
    "alter table t alter column a drop default": (
        "", "drop-not-null-or-default",
        "the running application may rely on it"),
    "alter table t alter column v type text": (
        "change-column-type", "",
        "binary coercible: nothing is rewritten or scanned"),
    "alter table t alter column v type varchar(40)": (
        "change-column-type types", "",
        "as above; types are judged when a table is made"),
    "alter table t alter column v type varchar(19)": (
        "types", "",
        "types are judged when a table is made"),
    "create table w (id bigint primary key, n integer)": (
        "types", "",
        "only a key of 32 bits runs out"),
    "create table w (id bigint primary key, c json)": (
        "", "types",
        "jsonb has equality and indexes"),
    "create table w (id bigint primary key, c money)": (
        "", "types",
        "its meaning depends on lc_monetary"),
    "drop schema s cascade": (
        "", "drop-table",
        "its tables go along"),
    "alter table t add constraint k foreign key (a) references u (id)": (
        "check-without-not-valid", "",
        "one finding is enough"),
    "alter table t add constraint k unique (a)": (
        "check-without-not-valid", "",
        "there is no NOT VALID for it"),
    "alter table t add primary key (a)": (
        "check-without-not-valid", "",
        "there is no NOT VALID for it"),
    "alter table t add constraint k exclude using gist (a with =)": (
        "check-without-not-valid", "exclusion-constraint",
        "there is no NOT VALID for it"),
    "alter table t add constraint k check (a > 0) not valid; alter table t validate constraint k": (
        "check-without-not-valid", "validate-in-same-transaction",
        "the first statement is right, the second comes too early"),
    "alter table t add column b bigint references u (id)": (
        "foreign-key-without-not-valid", "",
        "all values are null: the server scans nothing"),
    "alter type mood add value 'z'": (
        "require-enum-value-ordering", "enum-value",
        "the same under another name"),
    "alter table t add column b bigint; update t set b = 1": (
        "", "backfill-in-ddl-transaction",
        "rows are changed under the lock of the first statement"),
    "alter table t add column b bigint; alter table u add column b bigint": (
        "", "several-tables-locked",
        "two locks can deadlock with the application"),
    "create function f() returns int language sql security definer as 'select 1'": (
        "", "hygiene",
        "search_path of a SECURITY DEFINER function"),
    "create domain d as text check (value <> '')": (
        "ban-create-domain-with-constraint", "",
        "a domain that is new is in no table"),
    "alter domain d add constraint k check (value <> 'x')": (
        "ban-alter-domain-with-add-constraint", "",
        "no rule here: rehearse shows the scan"),
}


def squawk(binary, directory):
    """Rules that each file breaks, in our names."""
    done = subprocess.run([binary, "--reporter", "json", "--pg-version", "15.0", "--assume-in-transaction",
                           *sorted(os.listdir(directory))], cwd=directory, capture_output=True, text=True, check=False)
    found = {name: set() for name in os.listdir(directory)}
    for f in json.loads(done.stdout):
        if f["rule_name"] not in NEEDLESS:
            found[f["file"]].add(SAME.get(f["rule_name"], f["rule_name"]))
    return found


def ours(sql):
    with tempfile.TemporaryDirectory(prefix="howdah-lint-") as d:
        for name, text in (("1_base.sql", BASE), ("2_case.sql", f"-- migrate:up\n{sql};\n-- migrate:down\nselect 1;\n")):
            with open(f"{d}/{name}", "w", encoding="utf-8") as f:
                f.write(text)
        done = subprocess.run([HOWDAH, "migrate", "lint", "--dir", d, "--format", "json"], capture_output=True, text=True,
                              check=False)
        return {f["rule"] for f in json.loads(done.stdout)["findings"] if f["file"].endswith("2_case.sql")}


@test
def lint_beside_squawk(pg):
    machine = "arm64" if os.uname().machine == "aarch64" else "x64"
    binary = f"{node_modules('squawk', PACKAGE)}/@squawk-cli/linux-{machine}/bin/squawk"
    statements = AGREED + list(DIFFERENT)
    with tempfile.TemporaryDirectory(prefix="howdah-squawk-") as d:
        for i, sql in enumerate(statements):
            with open(f"{d}/{i:03}.sql", "w", encoding="utf-8") as f:
                f.write(sql + ";\n")
        theirs = squawk(binary, d)
    wrong = []
    for i, sql in enumerate(statements):
        they, we = theirs[f"{i:03}.sql"], ours(sql)
        only_they, only_we, _ = DIFFERENT.get(sql, ("", "", ""))
        if they - we != set(only_they.split()) or we - they != set(only_we.split()):
            wrong.append(f"{sql}\n    only squawk: {they - we}\n    only we: {we - they}\n    both: {they & we}")
    assert not wrong, "\n".join(wrong)
