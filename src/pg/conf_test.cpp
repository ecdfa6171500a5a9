#include "pg/conf.h"

#include <filesystem>
#include <fstream>

#include "pg/control_file.h"
#include "pg/scram.h"
#include "pg/testing.h"

namespace howdah::pg {
namespace {

using testing::must;
using testing::Scratch;

TEST(Conf, ValuesCannotEndTheirQuotation) {
  EXPECT_EQ(quote_conf("it's"), "'it''s'");
  EXPECT_EQ(quote_conf("a\\"), "'a\\\\'");
  EXPECT_NE(must(render_conf({{"work_mem", "4MB"}})).find("\nwork_mem = '4MB'\n"), std::string::npos);
  EXPECT_FALSE(render_conf({{"work_mem", "4MB\nfsync = off"}}));
  EXPECT_FALSE(render_conf({{"work_mem", std::string("4\0MB", 4)}}));
  for (const char* name : {"", "a b", "a=b", "1a", "a.", ".a", "a..b", "include 'x'", "a\nb"}) {
    EXPECT_FALSE(render_conf({{name, "1"}})) << name;
  }
  EXPECT_TRUE(render_conf({{"rds.force_ssl", "1"}}));
}

TEST(Conf, HbaAdmitsTheNetworksAndNothingElse) {
  EXPECT_EQ(must(render_hba({"10.0.0.0/8", "2001:db8::/32"}, {})),
            "# Written by howdah from the security groups; changes are lost.\n"
            "local all,replication rdsadmin peer map=howdah\nlocal all all reject\nhost all rdsadmin all reject\n"
            "hostssl all all 10.0.0.0/8 scram-sha-256\nhostssl all all 2001:db8::/32 scram-sha-256\n");
  const auto last_line = [](const LoginRules& rules) {
    const std::string text = must(render_hba({"0.0.0.0/0"}, rules));
    return text.substr(text.rfind('\n', text.size() - 2) + 1);
  };
  EXPECT_EQ(last_line({.force_ssl = false}), "host all all 0.0.0.0/0 scram-sha-256\n");
  EXPECT_EQ(last_line({.md5 = true}), "hostssl all all 0.0.0.0/0 md5\n");
  for (const char* bad :
       {"", "all", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8 trust", "10.0.0.0/8\nhost all all all trust",
        "10.0.0.0/-1", "10.0.0.0/ 8", "::/129", "samenet/8", "10.0.0/8"}) {
    EXPECT_FALSE(render_hba({bad}, {})) << bad;
  }
}

TEST(Conf, IdentMapsOneUser) {
  EXPECT_EQ(must(render_ident("root")), "howdah \"root\" rdsadmin\n");
  for (const char* bad : {"", "/.*", "a\"b", "a\nb"}) EXPECT_FALSE(render_ident(bad)) << bad;
}

TEST(Conf, OursWinOverTheUsers) {
  Engine engine{.version = "15.1", .major = 15};
  Layout layout = layout_of("/s", "db-X");
  ServerPlace place{.address = "127.0.0.5", .port = 5433, .name = "x"};
  Settings s = instance_settings(engine, layout, place,
                                 {{"listen_addresses", "*"}, {"port", "1"}, {"hba_file", "/tmp/x"}, {"work_mem", "1"}});
  EXPECT_EQ(s["listen_addresses"], "127.0.0.5");
  EXPECT_EQ(s["port"], "5433");
  EXPECT_EQ(s["hba_file"], "/s/instances/db-X/conf/pg_hba.conf");
  EXPECT_EQ(s["work_mem"], "1");
}

TEST(Layout, SocketPathIsAlwaysShortEnough) {
  std::string deep = "/" + std::string(70, 'd');
  Layout layout = layout_of(deep, "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  EXPECT_EQ(layout.run.substr(0, deep.size() + 3), deep + "/s/");
  EXPECT_LE((layout.run + "/.s.PGSQL.65535").size(), 107U);
  EXPECT_NE(layout.run, layout_of(deep, "db-BBCDEFGHIJKLMNOPQRSTUVWXYZ").run);
  EXPECT_FALSE(make_layout("/" + std::string(100, 'd'), layout_of("/" + std::string(100, 'd'), "db-A"), {}));
}

TEST(Engine, VersionsAreFoundAsAsked) {
  EXPECT_EQ(parse_version("15.18"), std::pair(15, 18));
  EXPECT_EQ(parse_version("15"), std::pair(15, -1));
  for (const char* bad : {"", "x", "15.", "15.x", ".1", "15.1.1", "-1"}) EXPECT_EQ(parse_version(bad).first, 0) << bad;
  Scratch scratch;
  // Descriptions of engines: programs that answer --version, one of them broken.
  auto fake = [&](const std::string& name, const std::string& says) {
    std::string root = scratch.path() + "/" + name;
    for (const char* dir : {"/bin", "/lib", "/share"}) std::filesystem::create_directories(root + dir);
    std::ofstream(root + "/bin/postgres") << "#!/bin/sh\necho '" << says << "'\n";
    std::filesystem::permissions(root + "/bin/postgres", std::filesystem::perms::owner_all);
    std::ofstream(root + "/share/postgres.bki");
    std::ofstream(root + "/lib/plpgsql.so");
    std::ofstream(scratch.path() + "/" + name + ".json") << R"({"name":"postgres","bindir":")" << root << "/bin\"}";
  };
  for (const char* v : {"98.1", "98.10", "98.4", "99.2"})
    fake(v, std::string("postgres (PostgreSQL) ") + v + " (Debian)");
  fake("broken", "segmentation fault");
  std::ofstream(scratch.path() + "/rubbish.json") << "{";
  Catalog c = Catalog::discover("/nonexistent", scratch.path());
  ASSERT_NE(c.find("98"), nullptr);
  EXPECT_EQ(c.find("98")->version, "98.10");
  EXPECT_EQ(c.find("98.4")->family, "postgres98");
  EXPECT_EQ(c.find("98.2"), nullptr);
  EXPECT_EQ(c.find("98.2", true)->version, "98.4");
  EXPECT_EQ(c.find("98.11", true)->version, "98.10");
  EXPECT_EQ(c.find("97.1", true), nullptr);
  EXPECT_EQ(c.engines().back().version, "99.2");
}

TEST(Engine, DiscoveryIsQuick) {
  NEED_POSTGRESQL();
  auto quickest = std::chrono::steady_clock::duration::max();  // what else runs on the machine is not its cost
  const auto before = testing::cpu_time();
  Catalog c;
  for (int n = 0; n < 5; n++) {
    const auto begin = std::chrono::steady_clock::now();
    c = Catalog::discover("/nonexistent");
    quickest = std::min(quickest, std::chrono::steady_clock::now() - begin);
  }
  EXPECT_LT(quickest, std::chrono::milliseconds(500));
  EXPECT_LT(testing::cpu_time() - before, std::chrono::milliseconds(2'500)) << "five times";
  EXPECT_FALSE(dates_of(c.engines().back().major).end_of_life.empty());
  auto extensions = available_extensions(c.engines().back());
  EXPECT_TRUE(extensions.contains("plpgsql"));
  EXPECT_FALSE(extensions["plpgsql"].empty());
  EXPECT_FALSE(available_extensions(testing::Shared::get().engine).contains("file_fdw")) << "absent from our copy";
}

TEST(ControlFile, ChecksumAndDamage) {
  EXPECT_EQ(crc32c("123456789", 9), 0xE3069283U);
  EXPECT_FALSE(parse_control_file(std::string(8192, 'x')));
  EXPECT_FALSE(parse_control_file("short"));
  EXPECT_NE(new_system_identifier(), new_system_identifier());
}

TEST(Scram, RefusesWhatItCannotHash) {
  EXPECT_TRUE(is_scram_verifier(must(scram_verifier("p"))));
  EXPECT_NE(must(scram_verifier("p")), must(scram_verifier("p"))) << "the salt is random";
  EXPECT_FALSE(scram_verifier(""));
  EXPECT_FALSE(scram_verifier("p\xc3\xa4ss"));
  EXPECT_FALSE(scram_verifier("a\nb"));
  EXPECT_FALSE(is_scram_verifier("password"));
  EXPECT_FALSE(is_scram_verifier("SCRAM-SHA-256$4096:'; DROP ROLE x; --$a:b" + std::string(100, 'x')));
}

}  // namespace
}  // namespace howdah::pg
