#include "migrate/check.h"

#include <gtest/gtest.h>

namespace howdah::migrate {
namespace {

Source source_of(std::initializer_list<const char*> versions, Dialect dialect = Dialect::kNative) {
  Source s{.dialect = dialect};
  for (const char* v : versions) s.migrations.push_back({.version = v, .name = v, .checksum = "c"});
  return s;
}
Row row(const char* version, State state = State::kApplied, const char* checksum = "c") {
  return {.version = version, .name = version, .state = state, .checksum = checksum};
}
std::string codes(const Verdict& v) {
  std::string out;
  for (const auto& p : v.problems) out += p.code + ":" + p.version + " ";
  return out;
}

TEST(Compare, each_kind_of_disagreement) {
  const Source s = source_of({"1", "2", "10"});
  EXPECT_EQ(codes(compare(s, {row("1"), row("2")}, false)), "");
  EXPECT_EQ(compare(s, {row("1"), row("2")}, false).pending.size(), 1u);
  EXPECT_EQ(codes(compare(s, {row("1"), row("10")}, false)), "out-of-order:2 ");
  EXPECT_EQ(codes(compare(s, {row("1"), row("10")}, true)), "");
  EXPECT_EQ(codes(compare(s, {row("1", State::kApplied, "other")}, false)), "edited:1 ");
  EXPECT_EQ(codes(compare(s, {row("1"), row("3")}, false)), "out-of-order:2 missing-file:3 ");
}

TEST(Compare, unfinished_migrations_go_on_here_and_block_in_prisma) {
  EXPECT_EQ(compare(source_of({"1"}), {row("1", State::kRunning)}, false).pending.size(), 1u);
  const auto v = compare(source_of({"1"}, Dialect::kPrisma), {row("1", State::kFailed)}, false);
  EXPECT_TRUE(v.pending.empty());
  EXPECT_EQ(codes(v), "failed-migration:1 ");
  const Source s = source_of({"1"}, Dialect::kPrisma);
  EXPECT_EQ(compare(s, {row("1", State::kRolledBack)}, false).pending.size(), 1u);
}

tl::expected<Script, Problem> prepared(const std::string& sql, Dialect dialect = Dialect::kNative) {
  return prepare(Section{.present = true, .file = "f.sql", .sql = sql, .line = 2}, "1", dialect);
}

TEST(Prepare, an_outermost_transaction_is_ours) {
  const auto s = prepared("BEGIN;\nselect 1;\nCOMMIT;\n");
  ASSERT_TRUE(s) << s.error().message;
  EXPECT_EQ(s->statements.size(), 1u);
  EXPECT_EQ(s->sql, "     ;\nselect 1;\n      ;\n");
  EXPECT_EQ(prepared("select 1;\ncommit;").error().where, "f.sql:3:1");
}

TEST(Prepare, prisma_files_of_one_statement_may_stand_outside) {
  EXPECT_EQ(prepared("create index concurrently i on t(a)").error().code, "outside-transaction");
  EXPECT_FALSE(prepared("create index concurrently i on t(a)", Dialect::kPrisma)->transactional);
  EXPECT_FALSE(prepared("select 1; create index concurrently i on t(a)", Dialect::kPrisma));
}

}  // namespace
}  // namespace howdah::migrate
