#include "migrate/split.h"

#include <gtest/gtest.h>

namespace howdah::migrate {
namespace {

std::vector<std::string> texts(std::string_view sql, bool psql = false) {
  std::vector<std::string> out;
  const auto parts = split(sql, psql);
  if (!parts) return {"error: " + parts.error().message};
  for (const auto& s : *parts) out.emplace_back(sql.substr(s.begin, s.end - s.begin));
  return out;
}
using Texts = std::vector<std::string>;

TEST(Split, semicolons_inside_strings_comments_and_parentheses_do_not_split) {
  EXPECT_EQ(texts("select ';' , $$a;b$$, $x$;$$;$x$ ; -- c;\nselect 2 /* ; /* ; */ ; */;"),
            (Texts{"select ';' , $$a;b$$, $x$;$$;$x$", "select 2 /* ; /* ; */ ; */"}));
  EXPECT_EQ(texts(R"(select E'it\'s;', 'a''b;', 'c:\', "x;""y")").size(), 1u);
  EXPECT_EQ(texts("create rule r as on insert to t do also (select 1; select 2); select 3").size(), 2u);
}

TEST(Split, bodies_of_standard_functions_stay_whole) {
  EXPECT_EQ(texts("create or replace function f() returns int begin atomic select case when true then 1 end; select 2; "
                  "end; select 1")
                .size(),
            2u);
}

TEST(Split, trailing_comments_and_empty_statements_are_no_statements) {
  EXPECT_TRUE(texts(" ;; -- nothing\n /* here */ ").empty());
  EXPECT_EQ(texts("select 1; -- end"), (Texts{"select 1"}));
}

TEST(Split, says_where_what_is_wrong) {
  const auto r = split("select 1;\nselect 'é', 'open");
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().line, 2);
  EXPECT_EQ(r.error().column, 13);
  EXPECT_NE(texts("\\i other.sql")[0].find("\\i is a command of psql"), std::string::npos);
  EXPECT_NE(texts("copy t from stdin;\n1\n\\.\n")[0].find("COPY ... FROM STDIN"), std::string::npos);
}

TEST(Split, reads_what_pg_dump_writes_for_psql) {
  const std::string sql =
      "\\restrict abc\ncopy public.t (a, b) from stdin;\n1\tx;y\n\\.\nselect 1;\n\\unrestrict abc\n";
  const auto r = split(sql, true);
  ASSERT_TRUE(r) << r.error().message;
  ASSERT_EQ(r->size(), 2u);
  EXPECT_EQ(sql.substr((*r)[0].data_begin, (*r)[0].data_end - (*r)[0].data_begin), "1\tx;y\n");
  EXPECT_EQ((*r)[1].line, 5);
}

TEST(Split, makes_comments_of_restrict_lines) {
  std::string sql = "\\restrict abc\nselect '\n\\restrict x';\n\n\\unrestrict abc\n";
  const auto r = split(sql);
  ASSERT_TRUE(r) << r.error().message;
  comment_out_restrict(sql, *r);
  EXPECT_EQ(sql, "--estrict abc\nselect '\n\\restrict x';\n\n--nrestrict abc\n");
}

TEST(Split, knows_what_cannot_run_in_a_transaction) {
  const auto why = [](const char* sql) { return outside_transaction(split(sql)->at(0)); };
  EXPECT_EQ(why("Create unique index concurrently i on t(a)"), "CREATE INDEX CONCURRENTLY");
  EXPECT_EQ(why("alter table a.b detach partition a.c concurrently"), "ALTER TABLE ... DETACH PARTITION CONCURRENTLY");
  EXPECT_EQ(why("vacuum (analyze) t"), "VACUUM");
  EXPECT_EQ(why("reindex (concurrently) table t"), "");  // the option in parentheses is left to the server
  EXPECT_EQ(why("create index concurrently_ on t(a)"), "");
  EXPECT_EQ(why("alter type mood add value 'x'"), "");
}

TEST(Split, knows_what_has_a_plan) {
  const auto has = [](const char* sql) { return has_plan(sql, split(sql)->at(0)); };
  for (const char* sql : {"Select 1", "with a as (select 1) delete from t", "values (1)", "table t",
                          "insert into t default values", "(select 1) union select 2", "((select 1))"}) {
    EXPECT_TRUE(has(sql)) << sql;
  }
  for (const char* sql : {"create table t ()", "set a = 1", "vacuum t", "explain select 1", "\"select\""})
    EXPECT_FALSE(has(sql)) << sql;
}

TEST(Split, knows_transaction_control) {
  const auto what = [](const char* sql) { return transaction_control(split(sql)->at(0)); };
  EXPECT_EQ(what("BEGIN"), "begin");
  EXPECT_EQ(what("start transaction read only"), "begin");
  EXPECT_EQ(what("end"), "commit");
  EXPECT_EQ(what("rollback to savepoint s"), "");
  EXPECT_EQ(what("do $$ begin end $$"), "");
}

}  // namespace
}  // namespace howdah::migrate
