#include "migrate/source.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace howdah::migrate {
namespace {

class Files : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/howdah-source-XXXXXX";
    directory_ = mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  void write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = directory_ + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  Result<Source> read() { return read_source(directory_); }
  std::string directory_;
};

TEST_F(Files, sorts_by_number_and_reads_every_tool_s_sections) {
  write("10_pair.up.sql", "create table c();");
  write("10_pair.down.sql", "drop table c;");
  write("9_ours.sql",
        "-- why\n-- migrate:up transaction:false lock_timeout:5s\nselect 1;\n-- migrate:down\nselect 2;\n");
  write("0002_goose.sql", "-- +goose NO TRANSACTION\n-- +goose Up\nselect 1;\n-- +goose Down\nselect 2;\n");
  write("1_plain.sql", "\xEF\xBB\xBFselect 1;");
  const auto s = read();
  ASSERT_TRUE(s) << s.error().message;
  ASSERT_EQ(s->migrations.size(), 4u);
  EXPECT_EQ(s->migrations[0].up.sql, "select 1;");
  EXPECT_EQ(s->migrations[1].name, "0002_goose");
  EXPECT_FALSE(s->migrations[1].up.transactional);
  EXPECT_EQ(s->migrations[2].up.line, 3);
  EXPECT_EQ(s->migrations[2].up.lock_timeout, "5s");
  EXPECT_FALSE(s->migrations[2].up.transactional);
  EXPECT_TRUE(s->migrations[2].down.transactional);
  EXPECT_EQ(s->migrations[3].down.sql, "drop table c;");
  EXPECT_EQ(s->find("pair"), &s->migrations[3]);
}

TEST_F(Files, reads_phases_and_tries) {
  write("1_a.sql", "-- migrate:up phase:contract retry:3\nselect 1;\n-- migrate:down retry:1000\nselect 2;");
  write("2_b.sql", "-- migrate:up phase:expand\nselect 1;");
  const auto s = read();
  ASSERT_TRUE(s) << s.error().message;
  EXPECT_EQ(s->migrations[0].phase, Phase::kContract);
  EXPECT_EQ(s->migrations[0].up.tries, 3);
  EXPECT_EQ(s->migrations[0].down.tries, 1000);
  EXPECT_EQ(s->migrations[1].phase, Phase::kExpand);
  EXPECT_EQ(s->migrations[1].up.tries, 0);
}

TEST_F(Files, refuses_what_it_does_not_understand) {
  for (const char* option : {"colour:red", "phase:both", "phase", "retry:0", "retry:1001", "retry:2x", "retry:"}) {
    write("1_a.sql", std::string("-- migrate:up ") + option + "\nselect 1;");
    const auto s = read();
    ASSERT_FALSE(s) << option;
    EXPECT_NE(s.error().message.find(option), std::string::npos) << s.error().message;
  }
  write("1_a.sql", "-- migrate:up\nselect 1;\n-- migrate:down phase:contract\nselect 2;");
  EXPECT_NE(read().error().message.find("phase:contract"), std::string::npos) << "nobody goes down by phases";
  write("1_a.sql", "select 0;\n-- migrate:up\nselect 1;");
  EXPECT_NE(read().error().message.find("before the first marker"), std::string::npos);
  write("1_a.sql", "select 1;");
  write("01_b.sql", "select 1;");
  EXPECT_NE(read().error().message.find("same version"), std::string::npos);
  write("notes.sql", "select 1;");
  EXPECT_FALSE(read());
}

TEST_F(Files, reads_prisma) {
  write("migration_lock.toml", "provider = \"postgresql\"\n");
  write("20240102_b/migration.sql", "select 2;");
  write("20240101_a/migration.sql", "");
  const auto s = read();
  ASSERT_TRUE(s);
  EXPECT_EQ(s->dialect, Dialect::kPrisma);
  ASSERT_EQ(s->migrations.size(), 2u);
  EXPECT_EQ(s->migrations[0].version, "20240101_a");
  EXPECT_EQ(s->migrations[0].checksum, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_F(Files, reads_the_names_of_kysely_s) {
  write("2024-01-02_b.ts", "");
  write("2024-01-01_a.mjs", "");
  write("types.d.ts", "");
  const auto s = read();
  ASSERT_TRUE(s);
  EXPECT_EQ(s->dialect, Dialect::kKysely);
  ASSERT_EQ(s->migrations.size(), 2u);
  EXPECT_EQ(s->migrations[0].name, "2024-01-01_a");
}

TEST(Version, numbers_of_any_length_compare_as_numbers) {
  EXPECT_TRUE(version_less("2", "10"));
  EXPECT_TRUE(version_less("0009", "10"));
  EXPECT_FALSE(version_less("010", "10"));
  EXPECT_TRUE(version_less("99", "20240101000000"));
}

TEST(Checksum, ignores_carriage_returns_only) {
  EXPECT_EQ(text_checksum("a\r\nb"), text_checksum("a\nb"));
  EXPECT_NE(text_checksum("a b"), text_checksum("a  b"));
}

}  // namespace
}  // namespace howdah::migrate
