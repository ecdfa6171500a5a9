#include "pg/roles.h"
#include "pg/scram.h"
#include "pg/testing.h"
#include "pg/tls.h"

/// What the master user of an instance can do, and what it cannot. A database user is not trusted with the server.
namespace howdah::pg {
namespace {

using testing::Instance;
using testing::must;
using testing::Shared;

Client master_of(Instance& i) {
  Client admin = i.connect();
  must(ensure_master(admin, "master", must(scram_verifier("password1"))));
  must(ensure_database(admin, "app", "master"));
  return must(Client::connect_tcp("127.0.0.1", i.port(), "master", "password1", "app", "disable"));
}

TEST(Isolation, MasterDoesWhatRdsAllows) {
  NEED_POSTGRESQL();
  Instance i(70);
  ASSERT_TRUE(i.start());
  Client m = master_of(i);
  auto available = available_extensions(Shared::get().engine);
  for (const auto& name : trusted_extensions()) {
    if (!available.contains(name)) continue;
    auto made = m.query("CREATE EXTENSION IF NOT EXISTS \"" + name + "\" CASCADE");
    EXPECT_TRUE(made) << name << ": " << made.error().message;
  }
  for (const char* sql :
       {"CREATE EXTENSION hstore", "CREATE EXTENSION pg_trgm", "CREATE EXTENSION \"uuid-ossp\"",
        "SELECT pg_stat_statements_reset()", "CREATE ROLE dev LOGIN PASSWORD 'x' CREATEDB",
        "GRANT rds_superuser TO dev", "GRANT rds_iam TO dev", "GRANT rds_replication TO dev", "GRANT pg_monitor TO dev",
        "REVOKE rds_iam FROM dev", "CREATE TABLE t (id int PRIMARY KEY)", "SELECT bt_index_check('t_pkey')",
        "CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db.internal')",
        "CREATE PUBLICATION p FOR TABLE t", "CREATE DATABASE more", "ALTER DATABASE more SET work_mem = '8MB'",
        "ALTER DATABASE postgres SET timezone = 'UTC'", "VACUUM ANALYZE t",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'dev'"}) {
    auto done = m.query(sql);
    EXPECT_TRUE(done) << sql << ": " << done.error().message;
  }
  if (Shared::get().engine.major < 15) return;
  for (const char* sql : {"SET session_replication_role = replica", "ALTER ROLE dev SET log_statement = 'all'",
                          "SET log_min_duration_statement = 0", "CHECKPOINT"}) {
    auto done = m.query(sql);
    EXPECT_TRUE(done) << sql << ": " << done.error().message;
  }
}

TEST(Isolation, MasterIsNoSuperuser) {
  NEED_POSTGRESQL();
  Instance i(71);
  ASSERT_TRUE(i.start());
  Client m = master_of(i);
  for (const char* sql : {"SELECT * FROM pg_authid",
                          "ALTER SYSTEM SET work_mem = '8MB'",
                          "COPY (SELECT 1) TO PROGRAM 'cat'",
                          "COPY t TO '/tmp/x'",
                          "SELECT pg_read_file('postgresql.auto.conf')",
                          "CREATE EXTENSION file_fdw",
                          "CREATE EXTENSION pageinspect",
                          "CREATE EXTENSION adminpack",
                          "CREATE ROLE s SUPERUSER",
                          "ALTER ROLE master SUPERUSER",
                          "ALTER ROLE rdsadmin PASSWORD 'x'",
                          "GRANT rdsadmin TO master",
                          "SET ROLE rdsadmin",
                          "SET SESSION AUTHORIZATION rdsadmin",
                          "ALTER ROLE master REPLICATION",
                          "LOAD '/tmp/evil.so'",
                          "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/tmp/evil'",
                          "DROP DATABASE rdsadmin",
                          "ALTER DATABASE rdsadmin OWNER TO master",
                          "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION pg_catalog.now()",
                          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rdsadmin' AND "
                          "application_name = 'howdah'"}) {
    Client admin = i.connect();  // someone for the last statement to aim at
    EXPECT_FALSE(m.query(sql)) << sql;
  }
  EXPECT_FALSE(Client::connect_tcp("127.0.0.1", i.port(), "master", "password1", "rdsadmin", "disable"));
}

TEST(Isolation, WhoReachesTheOperatingSystemFindsOnlyItsOwnFiles) {
  NEED_POSTGRESQL();
  Shared& s = Shared::get();
  if (!s.identity.root) GTEST_SKIP() << "not root: one user owns everything";
  if (s.engine.major > 15) GTEST_SKIP() << "from 16 on the way out is closed";
  Instance i(72), other(73);
  Ca ca = must(ensure_ca(s.scratch.path()));
  ASSERT_TRUE(i.start());
  ASSERT_TRUE(other.start());
  Client m = master_of(i);
  ASSERT_TRUE(m.query("GRANT pg_execute_server_program TO master")) << "PostgreSQL 15 lets a CREATEROLE user do this";
  auto shell = [&](const std::string& script) {
    return m.query("COPY (SELECT 1) TO PROGRAM " + m.quote_literal(script)).has_value();
  };
  EXPECT_TRUE(shell("cat >/dev/null; test $(id -u) = " + std::to_string(i.owner().uid) +
                    " -a \"$(id -G)\" = " + std::to_string(i.owner().gid)));
  EXPECT_TRUE(shell("cat >/dev/null; grep -q 'NoNewPrivs:.1' /proc/self/status"));
  for (const std::string& path :
       {ca.key_file, other.layout().data, other.layout().config_file(), other.layout().run, other.layout().log,
        s.from.plain, s.scratch.path() + "/ca", std::string("/proc/") + std::to_string(getpid()) + "/environ"}) {
    EXPECT_FALSE(shell("cat >/dev/null; exec 2>/dev/null; ls " + path + "/ || cat " + path)) << path;
  }
  for (const std::string& path :
       {i.layout().hba_file(), i.layout().config_file(), i.layout().root + "/x", s.engine.program("postgres"),
        s.engine.sharedir + "/extension/x.control", s.scratch.path() + "/x"}) {
    EXPECT_FALSE(shell("cat >/dev/null; exec 2>/dev/null; echo x >> " + path)) << path;
  }
  EXPECT_FALSE(shell("cat >/dev/null; kill -0 " + std::to_string(other.look().pid) + " 2>/dev/null"));
  EXPECT_FALSE(shell("cat >/dev/null; kill -0 " + std::to_string(getpid()) + " 2>/dev/null"));
}

}  // namespace
}  // namespace howdah::pg
