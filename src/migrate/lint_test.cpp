#include "migrate/lint.h"

#include <gtest/gtest.h>

namespace howdah::migrate {
namespace {

Migration file(const char* version, const std::string& sql, const char* down = "select 1") {
  Migration m{.version = version, .name = version, .file = std::string(version) + ".sql"};
  m.up = {.present = true, .file = m.file, .sql = sql};
  m.down = {.present = true, .file = m.file, .sql = down};
  return m;
}

/// The rules that the last file breaks; the first one makes the tables that everybody uses.
std::string broken(const std::string& sql, bool transactional = true, Dialect dialect = Dialect::kNative) {
  Source s{.dialect = dialect};
  s.migrations.push_back(file("1",
                              "create table t (id bigint, a int, v varchar(20), n numeric(10,2), ts timestamp);"
                              "create table u (id bigint); create type mood as enum ('x');"));
  s.migrations.push_back(file("2", sql));
  s.migrations.back().up.transactional = transactional;
  std::string out;
  for (const auto& f : lint(s, {.chosen = {"2"}}).findings) out += (out.empty() ? "" : " ") + f.rule;
  return out;
}

struct Case {
  const char *rule, *bad, *good;
};

TEST(Lint, each_rule_finds_the_bad_and_leaves_the_good) {
  const Case cases[] = {
      {"concurrently-in-transaction", "create index concurrently i on t(a)", "create table x as select 1"},
      {"transaction-nesting", "select 1; begin; select 2", "begin; select 1; commit"},
      {"index-not-concurrently", "create unique index i on public.t(a)", "create table w(); create index on w(a)"},
      {"drop-index-not-concurrently", "drop index i", "comment on index i is 'x'"},
      {"drop-index-not-concurrently", "reindex table t", "select 1"},
      {"add-column-rewrite", "alter table t add c uuid default gen_random_uuid()", "alter table t add c int default 7"},
      {"add-column-rewrite", "alter table t add column if not exists c bigint generated always as identity",
       "alter table t add c timestamptz not null default now()"},
      {"add-column-rewrite", "alter table t add c bigint generated always as (a * 2) stored",
       "alter table t add c bigint generated always as (a * 2) virtual"},
      {"add-column-rewrite", "alter table t add c text default 'a' || random()::text",
       "alter table t add c numeric(10,2) default '1'::numeric(10,2)"},
      {"add-not-null-without-default", "alter table t add c text not null",
       "alter table t add c text not null default ''"},
      {"set-not-null-directly", "alter table t alter a set not null", "alter table t alter a set statistics 200"},
      {"foreign-key-without-not-valid", "alter table t add constraint k foreign key (a) references u (id)",
       "alter table t add constraint k foreign key (a) references u (id) not valid"},
      {"check-without-not-valid", "alter table only t add check (a > 0)", "alter table t add check (a > 0) not valid"},
      {"set-not-null-directly", "alter table t add constraint k not null a",
       "alter table t add constraint k not null a not valid"},
      {"validate-in-same-transaction",
       "alter table t add constraint k check (a > 0) not valid; alter table t validate constraint k",
       "alter table t validate constraint k"},
      {"unique-constraint-directly", "alter table t add constraint k unique (a)",
       "alter table t add constraint k unique using index i"},
      {"exclusion-constraint", "alter table t add constraint k exclude using gist (a with =)", "select 1"},
      {"change-column-type", "alter table t alter column a type bigint", "alter table t alter v type varchar(40)"},
      {"change-column-type", "alter table t alter v type varchar(19)", "alter table t alter v set data type text"},
      {"change-column-type", "alter table t alter n type numeric(12,3)", "alter table t alter n type numeric(12,2)"},
      {"change-column-type", "alter table t alter v type text using trim(v)", "select 1"},
      {"rename-column", "alter table t rename a to b", "alter table t rename constraint a to b"},
      {"rename-table", "alter table t rename to tt", "alter sequence s rename to ss"},
      {"rename-table", "alter type mood rename value 'x' to 'y'", "select 1"},
      {"drop-column", "alter table t drop column if exists a cascade", "alter table t drop constraint k"},
      {"drop-table", "drop table if exists t, u", "create temp table w(); drop table w"},
      {"drop-table", "drop view v cascade", "drop view v"},
      {"drop-table", "truncate t cascade", "truncate t"},
      {"drop-not-null-or-default", "alter table t alter a drop not null", "alter table t alter a set default 1"},
      {"drop-not-null-or-default", "alter table t alter a drop default",
       "alter table t alter a drop default; alter table t alter a set default 1"},
      {"backfill-in-ddl-transaction", "alter table t add c int; update t set c = a",
       "alter table t add c int; update t set c = a where id = 1"},
      {"several-tables-locked", "alter table t add c int; alter table u add c int",
       "alter table t add c int; alter table t add d int"},
      {"enum-value", "alter type mood add value 'z'", "alter type mood add value 'z' after 'x'"},
      {"enum-value", "alter type mood add value 'z' after 'x'; insert into t(v) values ('z')",
       "alter type mood add value if not exists 'z' before 'x'; select 'x'"},
      {"types", "create table w (c timestamp(3) without time zone)", "create table w (c timestamp with time zone)"},
      {"types", "create table w (c json)", "create table w (c varchar, d text)"},
      {"types", "create table w (id integer, primary key (id))", "create table w (id int8 primary key, n int)"},
      {"hygiene", "set local search_path = x", "set local work_mem = '1MB'"},
      {"hygiene", "select pg_catalog.set_config('search_path', '', false)", "select 1"},
      {"hygiene", "create function f() returns int language sql security definer as 'select 1'",
       "create function f() returns int language sql security definer set search_path = x as 'select 1'"},
      {"hygiene", "create table a123456789012345678901234567890123456789012345678901234567890123 ()", "select 1"},
  };
  for (const auto& c : cases) {
    const std::string got = broken(c.bad);
    EXPECT_TRUE((" " + got + " ").find(std::string(" ") + c.rule + " ") != std::string::npos)
        << c.bad << "\n  broke: " << got << "\n  not: " << c.rule;
    EXPECT_EQ(broken(c.good), "") << c.good;
  }
}

TEST(Lint, what_nobody_uses_any_more_goes_in_the_contract_phase) {
  const auto in_contract = [](const std::string& sql) {
    Source s;
    s.migrations = {file("1", "create table t (id bigint, a int); create table u (t bigint);"), file("2", sql)};
    s.migrations[1].phase = Phase::kContract;
    std::string out;
    for (const auto& f : lint(s, {.chosen = {"2"}}).findings) out += f.rule + " ";
    return out;
  };
  EXPECT_EQ(in_contract("alter table t drop column a"), "");
  EXPECT_EQ(in_contract("drop table u"), "");
  EXPECT_EQ(in_contract("alter table t drop column a cascade"), "drop-column ");
  EXPECT_EQ(in_contract("drop table u cascade"), "drop-table ");
  EXPECT_EQ(in_contract("alter table t rename a to b"), "rename-column ");
}

TEST(Lint, headers_and_prismas_files) {
  EXPECT_EQ(broken("create index concurrently i on t(a)", false), "");
  EXPECT_EQ(broken("insert into u values (1); select 1", false), "no-transaction");
  EXPECT_EQ(broken("select 1; select 2", true, Dialect::kPrisma), "no-transaction");
  EXPECT_EQ(broken("BEGIN; select 1; select 2; COMMIT;", true, Dialect::kPrisma), "");
  EXPECT_EQ(broken("create index concurrently i on t(a)", true, Dialect::kPrisma), "");
  EXPECT_EQ(broken("select 'x"), "syntax");
}

TEST(Lint, not_null_is_cheap_after_a_validated_check) {
  Source s;
  s.migrations = {file("1", "create table t (a int)"),
                  file("2", "alter table t add constraint k check (a is not null) not valid"),
                  file("3", "alter table t validate constraint k"), file("4", "alter table t alter a set not null")};
  EXPECT_TRUE(lint(s, {.chosen = {"1", "2", "3", "4"}}).findings.empty());
}

TEST(Lint, facts_silence_and_add) {
  Source s;
  s.migrations = {file("1", "create table t (a int)"), file("2", "create index i on t(a)"),
                  file("3", "update t set a = 1 where a = 2")};
  LintFacts facts{.chosen = {"2", "3"}, .empty = {"t"}};
  EXPECT_TRUE(lint(s, facts).findings.empty());
  facts.empty.clear();
  facts.estimate = [](const std::string& sql) { return sql.starts_with("update t") ? 1e6 : 0; };
  facts.known = {"1", "10"};
  facts.known_where = "main";
  std::string rules;
  for (const auto& f : lint(s, facts).findings) rules += f.rule + " ";
  EXPECT_EQ(rules, "timestamp-before-applied index-not-concurrently timestamp-before-applied large-data-change ");
}

TEST(Lint, types_are_normal) {
  const auto type = [](const std::string& sql) {
    return parse_ddl("create table t (c " + sql + ")").columns.at(0).type;
  };
  EXPECT_EQ(type("character varying ( 20 ) not null"), "varchar(20)");
  EXPECT_EQ(type("pg_catalog.int4[] default '{}'"), "int[]");
  EXPECT_EQ(type("double precision"), "float8");
  EXPECT_EQ(type("numeric(10, 2)"), "numeric(10,2)");
  EXPECT_EQ(type("\"My\".\"Type\""), "My.Type");
}

TEST(Lint, formats_escape) {
  LintResult r{.files = 1};
  r.findings.push_back({"types", Severity::kError, "1", "a,b:c.sql", 2, 3, "t.c", "50%\nx", "y", ""});
  EXPECT_EQ(print_lint(r, LintFormat::kGithub),
            "::error file=a%2Cb%3Ac.sql,line=2,col=3,title=types::50%25%0Ax%0Afix: y\n");
  EXPECT_EQ(print_lint(r, LintFormat::kGcc), "a,b:c.sql:2:3: error: 50%\nx [types]\n");
}

}  // namespace
}  // namespace howdah::migrate
