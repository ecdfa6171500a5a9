#include "domain/config.h"

#include <gtest/gtest.h>

#include <fstream>

#include "domain/repository_config.h"

namespace howdah {
namespace {

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override { path_ = testing::TempDir() + "howdah-config-test-" + std::to_string(getpid()) + ".toml"; }
  void TearDown() override { std::remove(path_.c_str()); }
  Result<Config> load(const std::string& content) {
    std::ofstream(path_) << content;
    source_.file = path_;
    return load_config(source_);
  }
  std::string error(const std::string& content) {
    auto c = load(content);
    if (c) return "accepted";
    const std::string& m = c.error().message;
    return m.starts_with(path_) ? m.substr(path_.size()) : m;
  }
  std::string path_;
  ConfigSource source_{.root = true, .home = "/home/u"};
};

TEST_F(ConfigTest, DefaultsNeedNoFile) {
  const auto c = load_config({.home = "/home/u", .xdg_config_home = "/nonexistent"});
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->state_dir, "/home/u/.local/state/howdah");
  EXPECT_EQ(c->url(), "http://127.0.0.1:4566");
  EXPECT_EQ(c->quotas.at("DBInstances"), 40);
  EXPECT_EQ(c->zones("eu-west-2"), (std::vector<std::string>{"eu-west-2a", "eu-west-2b", "eu-west-2c"}));
  EXPECT_EQ(load_config({.root = true, .home = "/root"})->state_dir, "/var/lib/howdah");
  EXPECT_EQ(load_config({.home = "/h", .xdg_state_home = "/s"})->state_dir, "/s/howdah");
  EXPECT_FALSE(load_config({}));
}

TEST_F(ConfigTest, ReadsEverySetting) {
  const auto c = load(R"(
account_id = "000000000001"
region = "us-east-1"
endpoint_suffix = "db.test"
listen = "[::1]:7000"
state_dir = "/srv/h/"
run_as = "pg"
instance_addresses = "127.30.0.0/20"
instance_uid_base = 70000
engine_version_policy = "nearest-minor"
names = "hosts"
hosts_file = "/tmp/hosts"
az_suffixes = ["a"]
subnet_group_min_azs = 1
tls_certificate = "/c.pem"
tls_key = "/k.pem"
log_level = "debug"
workers = 8
[repository]
location = "/mnt/backup"
grace_hours = 48
near = true
[backup]
drill = "daily"
interim_wal_mb = 512
interim_minutes = 10
[quotas]
DBInstances = 3
)");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->url(), "https://[::1]:7000");
  EXPECT_EQ(c->state_dir, "/srv/h");
  EXPECT_EQ(c->engine_version_policy, VersionPolicy::nearest_minor);
  EXPECT_EQ(c->names, Names::hosts);
  EXPECT_EQ(c->quotas.at("DBInstances"), 3);
  EXPECT_EQ(c->quotas.at("DBSubnetGroups"), 50);
  EXPECT_EQ(c->workers, 8u);
  EXPECT_EQ(c->drill, DrillSchedule::daily);
  EXPECT_EQ(c->interim_wal_mb, 512);
  EXPECT_EQ(c->interim_minutes, 10);
  const auto r = load_repository_config(*c).value();
  EXPECT_EQ(r.location, "/mnt/backup");
  EXPECT_EQ(r.key_file, "/srv/h/repository.key");
  EXPECT_EQ(r.grace_hours, 48);
  EXPECT_TRUE(r.near);
}

TEST_F(ConfigTest, FlagsWin) {
  source_.state_dir = "/flag";
  source_.listen = "127.0.0.1:1";
  const auto c = load("state_dir = \"/file\"\nlisten = \"127.0.0.1:2\"");
  EXPECT_EQ(c->state_dir, "/flag");
  EXPECT_EQ(c->listen_port, 1);
}

TEST_F(ConfigTest, ErrorsNameLineAndKey) {
  EXPECT_EQ(error("region = \"a\"\nregoin = \"x\""), ":2: there is no setting 'regoin'");
  EXPECT_EQ(error("\nworkers = \"many\""), ":2: workers must be a whole number from 2 to 256");
  EXPECT_EQ(error("account_id = \"1\""), ":1: account_id '1' is not 12 digits");
  EXPECT_EQ(error("names = \"dns\""), ":1: names 'dns' is none of: auto, hosts, address");
  EXPECT_EQ(error("[repository]\nlocation = \"backup\""), ":1: repository location 'backup' is not an absolute path");
  EXPECT_EQ(error("[repository]\nkey_file = \"/k\""), ":1: repository needs a location");
  EXPECT_EQ(error("[repository]\npath = \"/k\""), ":1: repository path is no setting of it");
  EXPECT_EQ(error("[backup]\ninterim_wal_mb = -1"),
            ":1: backup interim_wal_mb must be a whole number from 0 to 1048576");
  EXPECT_EQ(error("[backup]\ndrills = 1"), ":1: backup drills is no setting of it");
  EXPECT_EQ(error("[quotas]\nX = 1"), ":1: quotas has no quota named 'X'");
  EXPECT_NE(error("listen = \"4566\"").find("ADDRESS:PORT"), std::string::npos);
  EXPECT_NE(error("instance_addresses = \"127.0.0.300/16\"").find("IPv4 range"), std::string::npos);
  EXPECT_TRUE(error("region = ").starts_with(":1: "));
  EXPECT_EQ(error("tls_key = \"x\""), "tls_certificate and tls_key go together");
  EXPECT_EQ(error("state_dir = \"here\""), "state_dir must be an absolute path, not 'here'");
  EXPECT_EQ(error("test_hooks = true"), ":1: there is no setting 'test_hooks'");
}

TEST_F(ConfigTest, EndpointNamesAreStableAndPerRegion) {
  const Config c = *load("");
  const std::string a = c.endpoint_name({"123456789012", "eu-west-2"}, "mydb");
  EXPECT_EQ(a, c.endpoint_name({"123456789012", "eu-west-2"}, "mydb"));
  EXPECT_NE(a, c.endpoint_name({"123456789012", "eu-west-1"}, "mydb"));
  EXPECT_TRUE(a.starts_with("mydb.") && a.ends_with(".eu-west-2.rds.howdah.internal")) << a;
}

}  // namespace
}  // namespace howdah
