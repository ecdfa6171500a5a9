#include "pg/parameters.h"

#include "pg/testing.h"

namespace howdah::pg {
namespace {

using testing::Instance;
using testing::must;
using testing::Shared;

const FormulaInput kInput{.memory = int64_t(16) << 30, .storage = int64_t(100) << 30, .vcpus = 2, .port = 5433};

TEST(Formula, EvaluatesWhatParameterGroupsHold) {
  struct Case {
    const char* formula;
    int64_t result;
  };
  for (const Case& c : {Case{"{DBInstanceClassMemory/9531392}", 1802},
                        {"LEAST({DBInstanceClassMemory/9531392},5000)", 1802},
                        {"LEAST({DBInstanceClassMemory/9531392},500)", 500},
                        {"{DBInstanceClassMemory/32768}", 524288},
                        {"GREATEST({DBInstanceClassMemory*1024/63963136},65536)", 275036},
                        {"{DBInstanceVCPU*2}", 4},
                        {"SUM({DBInstanceClassMemory/12038},-50003)", 1377133},
                        {"{EndPointPort}", 5433},
                        {"{log(DBInstanceClassMemory/8187281418)*1000}", 1000},
                        {"{AllocatedStorage/1073741824}", 100},
                        {"GREATEST({log(DBInstanceClassMemory/21474836480)*600},200)", 200},
                        {"IF({DBInstanceVCPU>4},10,{DBInstanceVCPU/3})", 0},
                        {" 7 / 2 * 2 ", 6},
                        {"{2.5*2}", 5}}) {
    auto r = evaluate(c.formula, kInput);
    ASSERT_TRUE(r) << c.formula << ": " << r.error().message;
    EXPECT_EQ(*r, c.result) << c.formula;
  }
}

TEST(Formula, RefusesWithThePosition) {
  for (const char* bad : {"", "{", "{DBInstanceClassMemory", "{Nope}", "{1/0}", "MAX(1)", "IF(1,2)", "{1}}", "{1 2}",
                          "{99999999999*99999999999}"}) {
    auto r = evaluate(bad, kInput);
    ASSERT_FALSE(r) << bad;
    EXPECT_NE(r.error().message.find("at position"), std::string::npos) << r.error().message;
  }
  EXPECT_FALSE(evaluate(std::string(3000, '('), kInput)) << "depth is bounded";
  EXPECT_FALSE(evaluate(std::string(5000, '1'), kInput));
}

TEST(Parameters, TableComesFromTheServerAndRds) {
  NEED_POSTGRESQL();
  Shared& s = Shared::get();
  auto table = must(ParameterTable::load(s.engine, s.from.settings));
  EXPECT_GT(table.all().size(), 300U);
  const Parameter* p = table.find("max_connections");
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(p->value, "LEAST({DBInstanceClassMemory/9531392},5000)");
  EXPECT_EQ(p->allowed, "6-262143");
  EXPECT_EQ(p->apply_type, "static");
  EXPECT_EQ(table.find("work_mem")->apply_type, "dynamic");
  EXPECT_EQ(table.find("work_mem")->source, "engine-default");
  EXPECT_NE(table.find("pg_stat_statements.track"), nullptr);
  ASSERT_NE(table.find("timezone"), nullptr);
  EXPECT_FALSE(table.find("archive_command")->modifiable);
  EXPECT_FALSE(table.find("data_directory")->modifiable);
  EXPECT_FALSE(table.find("server_version")->modifiable);

  EXPECT_TRUE(table.check("work_mem", "8192"));
  EXPECT_TRUE(table.check("max_connections", "{DBInstanceClassMemory/9531392}"));
  EXPECT_TRUE(table.check("log_statement", "ddl"));
  EXPECT_TRUE(table.check("random_page_cost", "1.1"));
  auto message = [&](const char* name, const char* value) { return table.check(name, value).error().message; };
  EXPECT_EQ(message("max_connections", "5"),
            "Invalid parameter value: 5 for: max_connections allowed values are: 6-262143");
  EXPECT_EQ(message("nope", "5"), "Could not find parameter with name: nope");
  EXPECT_EQ(message("fsync", "0"), "The parameter fsync cannot be modified.");
  EXPECT_FALSE(table.check("log_statement", "dll"));
  EXPECT_FALSE(table.check("log_filename", "../../data/postgresql.auto.conf"));
  EXPECT_FALSE(table.check("search_path", "a'\nfsync = off"));
  EXPECT_FALSE(table.check("random_page_cost", "nan"));
}

TEST(Parameters, EveryCommandFileAndLibraryIsOurs) {
  NEED_POSTGRESQL();
  Shared& s = Shared::get();
  auto table = must(ParameterTable::load(s.engine, s.from.settings));
  for (const auto& p : table.all()) {
    for (const char* dangerous : {"command", "_file", "directory", "directories", "library_path", "preload"}) {
      if (p.name.find(dangerous) == std::string::npos || p.name == "shared_preload_libraries") continue;
      bool harmless = p.name == "log_replication_commands" || p.name == "log_temp_files" ||
                      p.name == "temp_file_limit" || p.name == "max_files_per_process" || p.name == "log_filename" ||
                      p.name == "rds.restrict_password_commands";
      EXPECT_TRUE(harmless || !p.modifiable) << p.name;
    }
  }
}

TEST(Parameters, ServerRunsWithTheDefaultsOfAClass) {
  NEED_POSTGRESQL();
  Shared& s = Shared::get();
  auto table = must(ParameterTable::load(s.engine, s.from.settings));
  FormulaInput input{.memory = memory_for_class(1024), .storage = int64_t(20) << 30, .vcpus = 2, .port = 5432};
  auto settings = must(table.resolve(
      {{"work_mem", "5000"}, {"rds.logical_replication", "1"}, {"application_name", "it's \\ me"}}, input));
  EXPECT_FALSE(table.resolve({{"nope", "1"}}, input));
  Instance i(3);
  i.configure(settings);
  auto started = i.start();
  ASSERT_TRUE(started) << started.error().message;
  Client c = i.connect();
  auto shown = [&](const std::string& name) {
    auto rows = c.query("SELECT current_setting($1)", {name});
    return rows ? std::string(rows->get(0, 0)) : rows.error().message;
  };
  EXPECT_EQ(shown("max_connections"), "85");
  EXPECT_EQ(shown("wal_level"), "logical");
  EXPECT_EQ(shown("work_mem"), "5000kB");
  EXPECT_EQ(shown("rds.force_ssl"), "0");
  EXPECT_EQ(shown("TimeZone"), "UTC");
  auto rejected = c.query("SELECT name, error FROM pg_file_settings WHERE error IS NOT NULL AND name <> 'hba_file'");
  EXPECT_EQ(rejected->size(), 0) << rejected->get(0, 0);
}

}  // namespace
}  // namespace howdah::pg
