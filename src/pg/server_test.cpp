#include "pg/server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <thread>

#include "os/pidfd.h"
#include "os/spawn.h"
#include "pg/postmaster.h"
#include "pg/roles.h"
#include "pg/scram.h"
#include "pg/testing.h"

namespace howdah::pg {
namespace {

using namespace std::chrono_literals;
using testing::Instance;
using testing::must;
using testing::Shared;

TEST(Server, StartsFromTheTemplateAndAdmitsTheMaster) {
  NEED_POSTGRESQL();
  Instance i(1, true);
  auto started = i.start();
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_EQ(started->state, ServerState::kReady);
  Client admin = i.connect();
  auto id = admin.query("SELECT system_identifier, current_user FROM pg_control_system()");
  ASSERT_TRUE(id) << id.error().message;
  EXPECT_EQ(id->get(0, 0), std::to_string(i.volume().system_identifier));
  EXPECT_EQ(id->get(0, 1), "rdsadmin");

  std::string password = "correct horse $1";
  auto made = ensure_master(admin, "root_user", scram_verifier(password).value());
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_TRUE(ensure_master(admin, "root_user", scram_verifier(password).value()));
  auto database = ensure_database(admin, "app", "root_user");
  ASSERT_TRUE(database) << database.error().message;
  ASSERT_TRUE(ensure_database(admin, "app", "root_user"));
  ASSERT_TRUE(ensure_database(admin, "second", "root_user"));

  auto master = Client::connect_tcp("127.0.0.1", i.port(), "root_user", password, "app", "disable");
  ASSERT_TRUE(master) << master.error().message;
  EXPECT_TRUE(master->query("CREATE TABLE t AS SELECT 1 AS x"));
  EXPECT_TRUE(master->query("CREATE EXTENSION pg_stat_statements"));
  EXPECT_TRUE(master->query("SELECT pg_stat_statements_reset()"));
  EXPECT_FALSE(master->query("CREATE EXTENSION file_fdw"));
  EXPECT_EQ(master->query("ALTER SYSTEM SET work_mem = '1MB'").error().sqlstate, "42501");
  EXPECT_FALSE(Client::connect_tcp("127.0.0.1", i.port(), "root_user", "wrong", "app", "disable"));
  EXPECT_FALSE(Client::connect_tcp("127.0.0.1", i.port(), "rdsadmin", "", "app", "disable"));

  auto stopped = stop_server(i.layout(), i.owner(), StopMode::kFast, std::chrono::seconds(20));
  ASSERT_TRUE(stopped && *stopped);
  EXPECT_EQ(i.look().state, ServerState::kAbsent);
}

TEST(Server, AStrangersPidInThePidFileIsLeftAloneAndTheServerStarts) {
  NEED_POSTGRESQL();
  Instance i(4);
  ASSERT_TRUE(i.start());
  auto file = must(os::read_file(i.layout().data + "/postmaster.pid"));
  ASSERT_TRUE(*stop_server(i.layout(), i.owner(), StopMode::kFast, 20s));
  // A process of the instance's own user with a recycled pid: PostgreSQL alone would refuse to start for ever.
  auto stranger =
      must(os::spawn({.program = "/bin/sleep", .args = {"1000"}, .run_as = i.owner()}, i.layout().log + "/stranger"));
  std::string fake = std::to_string(stranger.pid) + file.substr(file.find('\n'));
  must(os::write_file_atomic(i.layout().data + "/postmaster.pid", fake, 0600, i.owner()));
  Observed seen = i.look();
  EXPECT_EQ(seen.state, ServerState::kForeign);
  EXPECT_EQ(seen.pid, stranger.pid);
  EXPECT_TRUE(*stop_server(i.layout(), i.owner(), StopMode::kImmediate, 1s));
  auto started = i.start();
  EXPECT_TRUE(started) << started.error().message;
  EXPECT_FALSE(os::wait_exit(stranger.pidfd, 0ms)) << "the stranger must live";
  ASSERT_TRUE(*os::send_signal(stranger.pidfd, SIGKILL));
  ASSERT_TRUE(os::wait_exit(stranger.pidfd, 5s));
  os::reap(stranger.pidfd);
}

TEST(Server, NeutralisedPidFileKeepsTheSharedMemoryKey) {
  testing::Scratch scratch;
  std::ofstream(scratch.path() + "/postmaster.pid") << "77\n/data\n1\n5432\n/run\n127.0.0.1\n  123456  7\nready   \n";
  os::Owner me{geteuid(), getegid()};
  ASSERT_TRUE(neutralise_pid_file(scratch.path(), me));
  EXPECT_EQ(must(os::read_file(scratch.path() + "/postmaster.pid")),
            "4194305\n/data\n1\n5432\n/run\n127.0.0.1\n  123456  7\nready   \n");
  auto file = read_pid_file(scratch.path());
  ASSERT_TRUE(file);
  EXPECT_EQ(file->status, "ready");
  EXPECT_FALSE(is_alive(file->pid));
}

TEST(Server, AZombiePostmasterDoesNotDelayTheNextStart) {
  NEED_POSTGRESQL();
  Instance i(11);
  pid_t zombie = fork();
  if (zombie == 0) _exit(0);
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(zombie), &info, WEXITED | WNOWAIT), 0);
  std::string pid = std::to_string(zombie);
  must(
      os::write_file_atomic(i.layout().data + "/postmaster.pid", pid + "\n" + i.layout().data + "\n", 0600, i.owner()));
  must(os::write_file_atomic(i.layout().run + "/.s.PGSQL.5432.lock", pid + "\n", 0600, i.owner()));
  EXPECT_TRUE(forget_zombie(i.layout().data, i.layout().run, i.owner()));
  auto file = read_pid_file(i.layout().data);
  ASSERT_TRUE(file);
  EXPECT_NE(file->pid, zombie);
  EXPECT_FALSE(os::read_file(i.layout().run + "/.s.PGSQL.5432.lock"));
  auto started = i.start();
  EXPECT_TRUE(started) << started.error().message;
  waitpid(zombie, nullptr, 0);
}

TEST(Server, RubbishInThePidFileIsNoServer) {
  NEED_POSTGRESQL();
  Instance i(5);
  for (const char* rubbish : {"", "\n", "x\n", "0\n", "1\n", "-1\n", "99999999999999\n"}) {
    must(os::write_file_atomic(i.layout().data + "/postmaster.pid", rubbish, 0600, i.owner()));
    EXPECT_FALSE(i.look().running()) << rubbish;
    EXPECT_TRUE(*stop_server(i.layout(), i.owner(), StopMode::kImmediate, 1s)) << "and nothing is signalled";
  }
  auto started = i.start();
  EXPECT_TRUE(started) << started.error().message;
}

TEST(Server, WrongModesAndOwnersAreRepaired) {
  NEED_POSTGRESQL();
  Instance i(6);
  ASSERT_EQ(chmod(i.layout().data.c_str(), 0777), 0);
  ASSERT_EQ(chmod((i.layout().data + "/global/pg_control").c_str(), 0644), 0);
  if (Shared::get().identity.root) {
    ASSERT_EQ(chown(i.layout().data.c_str(), 0, 0), 0);
    ASSERT_EQ(chown((i.layout().data + "/base").c_str(), 0, 0), 0);
  }
  auto started = i.start();
  ASSERT_TRUE(started) << started.error().message;
  struct stat st {};
  ASSERT_EQ(stat((i.layout().data + "/base").c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, i.owner().uid);
  EXPECT_EQ(st.st_mode & 07777, 0700U);
}

TEST(Server, PortInUseIsSaid) {
  NEED_POSTGRESQL();
  Instance i(7);
  os::Fd taken(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(i.port()));
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  ASSERT_EQ(bind(taken.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(taken.get(), 1), 0);
  auto started = i.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, StartFailure::kPortInUse) << started.error().message;
  EXPECT_NE(started.error().message.find("Address already in use"), std::string::npos) << started.error().message;
  taken.reset();
  EXPECT_TRUE(i.start());
}

TEST(Server, BadParametersAreToldFromOtherFailures) {
  NEED_POSTGRESQL();
  Instance i(8);
  struct Case {
    Settings settings;
    const char* says;
  };
  for (const Case& c : {Case{{{"shared_buffers", "100TB"}}, "shared_buffers"},
                        {{{"shared_buffers", "900GB"}}, "memory"},
                        {{{"work_mem", "lots"}}, "work_mem"},
                        {{{"min_wal_size", "2MB"}}, "min_wal_size"},
                        {{{"superuser_reserved_connections", "9999"}}, "superuser_reserved_connections"},
                        {{{"no_such_thing", "1"}}, "no_such_thing"}}) {
    i.configure(c.settings);
    auto started = i.start();
    ASSERT_FALSE(started) << c.says;
    EXPECT_EQ(started.error().kind, StartFailure::kParameters) << started.error().message;
    EXPECT_NE(started.error().message.find(c.says), std::string::npos) << started.error().message;
  }
  i.configure({{"shared_preload_libraries", "no_such_module, ../../evil, auto_explain"}});
  auto started = i.start();
  ASSERT_TRUE(started) << "modules that are not installed are left out: " << started.error().message;
  EXPECT_EQ(i.connect().query("SHOW shared_preload_libraries")->get(0, 0), "pg_stat_statements,auto_explain");
}

TEST(Server, ParametersThatDoNotFitWhatIsThereAreSuch) {
  NEED_POSTGRESQL();
  Instance i(59);
  const Settings roomy = {{"wal_level", "logical"}, {"max_replication_slots", "5"}, {"max_prepared_transactions", "5"}};
  i.configure(roomy);
  ASSERT_TRUE(i.start());
  {
    Client c = i.connect();
    for (const char* sql : {"SELECT pg_create_logical_replication_slot('a', 'pgoutput')",
                            "SELECT pg_create_logical_replication_slot('b', 'pgoutput')",
                            "BEGIN; CREATE TABLE public.t (); PREPARE TRANSACTION 'one'",
                            "BEGIN; CREATE TABLE public.u (); PREPARE TRANSACTION 'two'"}) {
      const auto done = c.query(sql);
      ASSERT_TRUE(done) << done.error().message;
    }
  }
  struct Case {
    const char *name, *value, *says;
  };
  for (const Case& c : {Case{"wal_level", "replica", "wal_level"},
                        {"max_replication_slots", "1", "too many replication slots active"},
                        {"max_prepared_transactions", "1", "maximum number of prepared transactions"}}) {
    ASSERT_TRUE(*stop_server(i.layout(), i.owner(), StopMode::kFast, 20s));
    Settings tight = roomy;
    tight[c.name] = c.value;
    i.configure(tight);
    const auto started = i.start();
    ASSERT_FALSE(started) << c.name;
    EXPECT_EQ(started.error().kind, StartFailure::kParameters) << started.error().message;
    EXPECT_NE(started.error().message.find(c.says), std::string::npos) << started.error().message;
    i.configure(roomy);
    ASSERT_TRUE(i.start()) << c.name;
  }
}

TEST(Server, AbsentClusterIsADataDirectoryFailure) {
  NEED_POSTGRESQL();
  Instance i(9);
  must(os::remove_tree(i.layout().data));
  EXPECT_EQ(i.start().error().kind, StartFailure::kDataDirectory);
}

TEST(Server, ConfigurationIsOutOfTheServersReach) {
  NEED_POSTGRESQL();
  if (!Shared::get().identity.root) GTEST_SKIP() << "not root: one user owns everything";
  Instance i(60), other(61);
  auto as_instance = [&](const std::string& script) {
    return must(os::run({.program = "/bin/sh", .args = {"-c", script}, .run_as = i.owner()}, 10s)).status;
  };
  EXPECT_EQ(as_instance("cat " + i.layout().config_file()), 0);
  EXPECT_NE(as_instance("echo x >> " + i.layout().hba_file()), 0);
  EXPECT_NE(as_instance("rm -f " + i.layout().hba_file()), 0);
  EXPECT_NE(as_instance("cat " + other.layout().config_file()), 0) << "another instance's configuration";
  EXPECT_NE(as_instance("ls " + other.layout().data), 0);
  EXPECT_NE(as_instance("ls " + Shared::get().from.plain), 0);
}

TEST(Server, LimitsOfSessionsAreNotForOurs) {
  NEED_POSTGRESQL();
  const int major = Shared::get().engine.major;
  Instance i(69);
  Settings limits = {{"statement_timeout", "1"}, {"idle_in_transaction_session_timeout", "1"}};
  if (major >= 14) limits["idle_session_timeout"] = "1";
  if (major >= 17) limits["transaction_timeout"] = "1";
  i.configure(limits);
  ASSERT_TRUE(i.start());
  Client c = i.connect();
  std::this_thread::sleep_for(50ms);
  const auto slept = c.query("SELECT pg_sleep(0.05)");
  EXPECT_TRUE(slept) << slept.error().message;
}

TEST(Server, ObserveIsCheap) {
  NEED_POSTGRESQL();
  Instance i(62);
  ASSERT_TRUE(i.start());
  auto quickest = std::chrono::steady_clock::duration::max();  // what else runs on the machine is not its cost
  const auto before = testing::cpu_time();
  for (int n = 0; n < 100; n++) {
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_EQ(i.look().state, ServerState::kReady);
    quickest = std::min(quickest, std::chrono::steady_clock::now() - begin);
  }
  EXPECT_LT(quickest, 5ms);
  EXPECT_LT(testing::cpu_time() - before, 1s) << "a hundred looks";
}

TEST(Roles, ReconcileRestoresWhatAMasterDropped) {
  NEED_POSTGRESQL();
  Instance i(63);
  ASSERT_TRUE(i.start());
  Client c = i.connect();
  ASSERT_TRUE(c.query("DROP ROLE rds_iam"));
  ASSERT_TRUE(c.query("ALTER ROLE rds_superuser SUPERUSER LOGIN"));
  must(reconcile_roles(c));
  EXPECT_EQ(c.query("SELECT FROM pg_roles WHERE rolname = 'rds_iam'")->size(), 1);
  EXPECT_EQ(c.query("SELECT FROM pg_roles WHERE rolname = 'rds_superuser' AND (rolsuper OR rolcanlogin)")->size(), 0);
  EXPECT_FALSE(set_password(c, "rds_iam", "clear text"));
  EXPECT_FALSE(ensure_master(c, "rdsadmin", must(scram_verifier("password1"))));
  EXPECT_FALSE(ensure_master(c, "RDS_x", must(scram_verifier("password1"))));
  EXPECT_FALSE(ensure_database(c, "template1", "rdsadmin"));
}

TEST(Roles, WhatIsMissingIsSaidAndTheMasterGetsItBack) {
  NEED_POSTGRESQL();
  Instance i(67);
  ASSERT_TRUE(i.start());
  Client c = i.connect();
  must(ensure_master(c, "root_user", must(scram_verifier("password1"))));
  EXPECT_EQ(must(missing_roles(c)), std::vector<std::string>{});
  ASSERT_TRUE(c.query("ALTER ROLE rds_superuser RENAME TO mine"));
  ASSERT_TRUE(c.query("ALTER ROLE rds_password CREATEDB"));
  const auto missing = must(missing_roles(c));
  for (const char* what : {"role rds_superuser", "role rds_password", "rds_superuser in pg_monitor"}) {
    EXPECT_NE(std::find(missing.begin(), missing.end(), what), missing.end()) << what;
  }
  must(restore_roles(c, "root_user"));
  EXPECT_EQ(must(missing_roles(c)), std::vector<std::string>{});
  const auto member = [&] {
    return std::string(
        c.query("SELECT pg_has_role('root_user', 'rds_superuser', 'MEMBER WITH ADMIN OPTION')")->get(0, 0));
  };
  EXPECT_EQ(member(), "t");
  ASSERT_TRUE(c.query("REVOKE rds_superuser FROM root_user"));
  ASSERT_TRUE(c.query("REVOKE pg_monitor FROM rds_superuser"));
  must(restore_roles(c, "root_user"));
  EXPECT_EQ(must(missing_roles(c)), std::vector<std::string>{});
  EXPECT_EQ(member(), "f") << "somebody took it from the master on purpose";
}

TEST(Roles, ReplicationFollowsMembership) {
  NEED_POSTGRESQL();
  Instance i(68);
  const auto settings = [](const char* level) {
    return Settings{{"wal_level", level}, {"max_wal_senders", "5"}, {"max_replication_slots", "5"}};
  };
  i.configure(settings("logical"));
  ASSERT_TRUE(i.start());
  std::optional<Client> c = i.connect();
  must(ensure_master(*c, "root_user", must(scram_verifier("password1"))));
  ASSERT_TRUE(
      c->query("CREATE ROLE dms LOGIN PASSWORD 'x'; CREATE ROLE team NOLOGIN; GRANT rds_replication TO team; "
               "CREATE ROLE \"o'dd\" LOGIN IN ROLE team; CREATE ROLE stray LOGIN REPLICATION"));
  const auto who = [&] {
    return std::string(c->query("SELECT string_agg(rolname, ' ' ORDER BY rolname COLLATE \"C\") FROM pg_roles WHERE "
                                "rolreplication AND NOT rolsuper")
                           ->get(0, 0));
  };
  EXPECT_TRUE(must(follow_replication(*c)));
  EXPECT_EQ(who(), "o'dd root_user") << "the master is a member through rds_superuser";
  ASSERT_TRUE(c->query("GRANT rds_replication TO dms; REVOKE rds_replication FROM team"));
  EXPECT_TRUE(must(follow_replication(*c)));
  EXPECT_EQ(who(), "dms root_user");
  auto dms = Client::connect_tcp("127.0.0.1", i.port(), "root_user", "password1", "postgres", "disable");
  ASSERT_TRUE(dms) << dms.error().message;
  EXPECT_TRUE(dms->query("SELECT pg_create_logical_replication_slot('s', 'pgoutput')"));
  EXPECT_TRUE(dms->query("SELECT pg_drop_replication_slot('s')"));
  c.reset();
  ASSERT_TRUE(*stop_server(i.layout(), i.owner(), StopMode::kFast, 20s));
  i.configure(settings("replica"));
  ASSERT_TRUE(i.start());
  c = i.connect();
  EXPECT_FALSE(must(follow_replication(*c)));
  EXPECT_EQ(who(), "") << "nobody needs it, and with it anybody could copy the whole server";
}

TEST(Roles, ReadAllIsAParameter) {
  NEED_POSTGRESQL();
  Instance i(65);
  if (Shared::get().engine.major < 14) GTEST_SKIP() << "no pg_read_all_data before 14";
  i.configure({{"rds.superuser_read_all", "1"}});
  ASSERT_TRUE(i.start());
  auto may_read = [&] {
    return i.connect().query("SELECT pg_has_role('rds_superuser', 'pg_read_all_data', 'MEMBER')")->get(0, 0) == "t";
  };
  EXPECT_FALSE(may_read());
  Client c = i.connect();
  must(reconcile_roles(c));
  EXPECT_TRUE(may_read());
  i.configure({});
  must(reload_server(i.layout(), i.owner()));
  for (int n = 0; n < 500 && may_read(); n++) {
    Client again = i.connect();
    must(reconcile_roles(again));
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_FALSE(may_read());
}

TEST(Roles, AreSetUpAtOnceAndAgain) {
  NEED_POSTGRESQL();
  Instance i(66, true);
  ASSERT_TRUE(i.start());
  Client c = i.connect();
  const std::string verifier = must(scram_verifier("password1"));
  const auto owners = [&] {
    return std::string(c.query("SELECT string_agg(datname || '=' || pg_get_userbyid(datdba), ' ' ORDER BY datname) "
                               "FROM pg_database WHERE NOT datistemplate AND datname <> 'rdsadmin'")
                           ->get(0, 0));
  };
  must(ensure_set_up(c, {"root_user", "", ""}));
  EXPECT_EQ(c.query("SELECT FROM pg_roles WHERE rolname = 'root_user'")->size(), 0) << "nothing was asked for";
  EXPECT_FALSE(ensure_set_up(c, {"root_user", "clear text", "app"}));
  for (int again = 0; again < 2; again++) {
    must(ensure_set_up(c, {"root_user", verifier, "app"}));
    EXPECT_EQ(owners(), "app=root_user postgres=root_user");
  }
  EXPECT_TRUE(Client::connect_tcp("127.0.0.1", i.port(), "root_user", "password1", "app", "disable"));
  ASSERT_TRUE(c.query("ALTER DATABASE app OWNER TO rds_superuser"));
  must(ensure_set_up(c, {"root_user", verifier, "app"}));
  EXPECT_EQ(owners(), "app=rds_superuser postgres=root_user") << "somebody gave it away";
  ASSERT_TRUE(c.query("ALTER DATABASE app OWNER TO rdsadmin"));
  must(ensure_set_up(c, {"root_user", verifier, "app"}));
  must(ensure_set_up(c, {"root_user", verifier, "more"}));
  EXPECT_EQ(owners(), "app=root_user more=root_user postgres=root_user");
}

TEST(Roles, NamesAreQuoted) {
  NEED_POSTGRESQL();
  Instance i(64);
  ASSERT_TRUE(i.start());
  Client c = i.connect();
  std::string evil = "x\"; DROP ROLE rds_iam; --";
  must(ensure_master(c, evil, must(scram_verifier("password1"))));
  must(ensure_database(c, evil, evil));
  EXPECT_EQ(c.query("SELECT FROM pg_database WHERE datname = $1", {evil})->size(), 1);
  EXPECT_EQ(c.query("SELECT FROM pg_roles WHERE rolname = 'rds_iam'")->size(), 1);
  must(set_password(c, evil, must(scram_verifier("password2"))));
  EXPECT_TRUE(Client::connect_tcp("127.0.0.1", i.port(), evil, "password2", "postgres", "disable"));
  EXPECT_FALSE(Client::connect_tcp("127.0.0.1", i.port(), evil, "password1", "postgres", "disable"));
}

}  // namespace
}  // namespace howdah::pg
