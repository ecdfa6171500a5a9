#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "os/pidfd.h"
#include "os/spawn.h"
#include "pg/control_file.h"
#include "pg/postmaster.h"
#include "pg/shared_memory.h"
#include "pg/testing.h"
#include "util/fault_point.h"

/// kill -9 of the daemon and of the server, at the worst places, and then the same call again.
namespace howdah::pg {
namespace {

using namespace std::chrono_literals;
using testing::Instance;
using testing::must;
using testing::Scratch;
using testing::Shared;

/// Runs `work` in a process of its own that dies at `point`. True when it died there.
template <class F>
bool dies_at(const char* point, F work) {
  pid_t pid = fork();
  if (pid == 0) {
    fault::enable();
    must(fault::arm(point, "kill"));
    work();
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

TEST(Crash, EngineAndTemplateAreMadeAgainAfterAKillAnywhere) {
  NEED_POSTGRESQL();
  Scratch scratch;
  Shared& s = Shared::get();
  Catalog catalog = Catalog::discover("/nonexistent");
  const Engine& installed = catalog.engines().back();
  EXPECT_TRUE(dies_at("pg.engine:built", [&] { (void)prepare_engine(installed, scratch.path()); }));
  EXPECT_TRUE(Catalog::discover(scratch.path()).engines().back().bindir == installed.bindir)
      << "half a tree is no engine";
  Engine engine = must(prepare_engine(installed, scratch.path()));
  EXPECT_TRUE(engine.prepared);
  for (const char* point : {"pg.template:initdb", "pg.template:bootstrap", "pg.template:filled"}) {
    EXPECT_TRUE(dies_at(point, [&] { (void)ensure_template(engine, scratch.path(), s.identity); })) << point;
  }
  // Killed in the middle of initdb, not at a point: the orphan holds the lock, so the next one waits for it.
  pid_t daemon = fork();
  if (daemon == 0) {
    (void)ensure_template(engine, scratch.path(), s.identity);
    _exit(0);
  }
  std::this_thread::sleep_for(150ms);
  kill(daemon, SIGKILL);
  waitpid(daemon, nullptr, 0);
  Template made = must(ensure_template(engine, scratch.path(), s.identity));
  EXPECT_TRUE(parse_control_file(must(os::read_file(made.plain + "/global/pg_control"))));
  size_t directories = 0;
  for (const auto& entry : std::filesystem::directory_iterator(scratch.path() + "/templates"))
    directories += entry.is_directory();
  EXPECT_EQ(directories, 1U) << "no half-made template is left";
  // The package goes away: the prepared tree stays in the catalog.
  Catalog later = Catalog::discover(scratch.path());
  ASSERT_NE(later.exact(engine.version), nullptr);
  EXPECT_EQ(later.exact(engine.version)->bindir, engine.bindir);
  EXPECT_EQ(later.exact(engine.version)->build, engine.build);
}

TEST(Crash, TwoBuildersMakeOneTemplate) {
  NEED_POSTGRESQL();
  Scratch scratch;
  Shared& s = Shared::get();
  auto build = [&] { return must(ensure_template(s.engine, scratch.path(), s.identity)).plain; };
  std::string a, b;
  {
    std::jthread one([&] { a = build(); }), two([&] { b = build(); });
  }
  EXPECT_EQ(a, b);
  EXPECT_TRUE(os::exists(a + "/PG_VERSION"));
}

TEST(Crash, VolumeIsMadeAgainAfterAKillAnywhere) {
  NEED_POSTGRESQL();
  Shared& s = Shared::get();
  os::Owner owner = s.identity.instance(30);
  Layout layout = layout_of(s.scratch.path(), "db-CRASH");
  must(make_layout(s.scratch.path(), layout, owner));
  for (const char* point : {"pg.volume:copied", "pg.volume:made"}) {
    EXPECT_TRUE(dies_at(point, [&] { (void)create_volume(s.from, false, layout, owner); })) << point;
    EXPECT_FALSE(os::exists(layout.data));
  }
  Volume made = must(create_volume(s.from, false, layout, owner)),
         again = must(create_volume(s.from, false, layout, owner));
  EXPECT_TRUE(made.created);
  EXPECT_FALSE(again.created);
  EXPECT_EQ(made.system_identifier, again.system_identifier);
  EXPECT_TRUE(dies_at("pg.volume:synced", [&] { (void)settle_volume(layout); }));
  EXPECT_FALSE(must(create_volume(s.from, false, layout, owner)).created);
  must(remove_volume(layout));
  must(remove_volume(layout));
  EXPECT_FALSE(os::exists(layout.root));
}

TEST(Crash, AVolumeOfAnEarlierBootThatWasNeverSyncedIsMadeAgain) {
  NEED_POSTGRESQL();
  Shared& s = Shared::get();
  const os::Owner owner = s.identity.instance(36);
  const Layout layout = layout_of(s.scratch.path(), "db-BOOT");
  const std::string mark = layout.root + "/unsynced";
  must(make_layout(s.scratch.path(), layout, owner));
  const Volume first = must(create_volume(s.from, false, layout, owner));
  for (const char* earlier : {"", "another boot\n"}) {  // what a power cut leaves of the mark
    must(os::write_file_atomic(mark, earlier, 0600));
    const Volume second = must(create_volume(s.from, false, layout, owner));
    EXPECT_TRUE(second.created);
    EXPECT_NE(second.system_identifier, first.system_identifier);
  }
  must(settle_volume(layout));
  EXPECT_FALSE(os::exists(mark));
  must(settle_volume(layout));
  EXPECT_FALSE(must(create_volume(s.from, false, layout, owner)).created);
  must(remove_volume(layout));
}

TEST(Crash, EveryVolumeIsItsOwnCluster) {
  NEED_POSTGRESQL();
  Shared& s = Shared::get();
  std::set<uint64_t> ids;
  std::set<std::string> nonces;
  for (unsigned n = 0; n < 8; n++) {
    Instance i(40 + n, n % 2 == 1);
    ids.insert(i.volume().system_identifier);
    auto control = must(os::read_file(i.layout().data + "/global/pg_control"));
    nonces.insert(control.substr(must(parse_control_file(control)).crc_offset - 32, 32));
    auto shown = os::run(
        {.program = s.engine.program("pg_controldata"), .args = {"-D", i.layout().data}, .run_as = i.owner()}, 10s);
    ASSERT_TRUE(shown);
    EXPECT_EQ(shown->status, 0);
    EXPECT_NE(shown->text.find(std::to_string(i.volume().system_identifier)), std::string::npos);
    EXPECT_EQ(shown->text.find("WARNING"), std::string::npos) << shown->text;
    for (const auto& entry : std::filesystem::directory_iterator(i.layout().data + "/pg_wal")) {
      if (!entry.is_regular_file()) continue;
      struct stat st {};
      ASSERT_EQ(stat(entry.path().c_str(), &st), 0);
      EXPECT_EQ(st.st_size, 16 << 20);
      EXPECT_GE(st.st_blocks * 512, st.st_size) << "a WAL segment must not be sparse";
    }
  }
  EXPECT_EQ(ids.size(), 8U);
  EXPECT_EQ(nonces.size(), 8U);
}

TEST(Crash, DaemonDiesBetweenSpawnAndReady) {
  NEED_POSTGRESQL();
  Instance i(31);
  for (auto pause : {0ms, 1ms, 3ms, 10ms, 30ms, 100ms}) {
    EXPECT_TRUE(dies_at("pg.start:spawned", [&] { (void)i.start(); }));
    std::this_thread::sleep_for(pause);
    auto started = i.start();
    ASSERT_TRUE(started) << name_of(started.error().kind) << " " << started.error().message;
    pid_t pid = started->pid;
    EXPECT_EQ(i.start()->pid, pid) << "never started twice";
    EXPECT_TRUE(i.connect().query("SELECT 1"));
    EXPECT_TRUE(*stop_server(i.layout(), i.owner(), StopMode::kFast, 20s));
    EXPECT_TRUE(server_processes(i.layout().data, i.owner()).empty()) << "nor stopped by half";
  }
  EXPECT_TRUE(dies_at("pg.start:spawned", [&] { (void)i.start(); }));
  EXPECT_TRUE(*stop_server(i.layout(), i.owner(), StopMode::kFast, 20s));
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(i.look().state, ServerState::kAbsent) << "a start that nobody saw must not come after the stop";
}

TEST(Crash, KilledPostmasterUnderLoadRestartsWithEveryAcknowledgedRow) {
  NEED_POSTGRESQL();
  Instance i(32);
  i.configure({{"fsync", "on"}});
  auto started = i.start();
  ASSERT_TRUE(started) << started.error().message;
  ASSERT_TRUE(i.connect().query("CREATE TABLE public.t (n int)"));
  std::atomic<int> acknowledged{0};
  std::jthread writer([&] {
    Client c = i.connect();
    for (int n = 1; c.query("INSERT INTO public.t VALUES (" + std::to_string(n) + ")"); n++) acknowledged = n;
  });
  // A backend that does not notice the postmaster's death by itself holds the shared memory.
  std::jthread busy([&] { (void)i.connect().query("SELECT count(*) FROM generate_series(1, 10000000000)"); });
  while (acknowledged < 50) std::this_thread::sleep_for(1ms);
  ASSERT_TRUE(*os::send_signal(started->pidfd, SIGKILL));
  ASSERT_TRUE(os::wait_exit(started->pidfd, 5s));
  EXPECT_EQ(i.look().state, ServerState::kOrphans);
  auto again = i.start();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_NE(again->pid, started->pid);
  writer.join();
  EXPECT_GE(i.connect().query("SELECT count(*) FROM public.t")->get(0, 0), std::to_string(acknowledged.load()));
  auto missing = i.connect().query("SELECT n FROM generate_series(1, $1::int) n EXCEPT SELECT n FROM public.t",
                                   {std::to_string(acknowledged)});
  EXPECT_EQ(missing->size(), 0);
}

TEST(Crash, StopEndsOrphansToo) {
  NEED_POSTGRESQL();
  Instance i(33);
  auto started = i.start();
  ASSERT_TRUE(started);
  std::jthread busy([&] { (void)i.connect().query("SELECT count(*) FROM generate_series(1, 10000000000)"); });
  while (i.connect().query("SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT count%'")->empty())
    std::this_thread::sleep_for(5ms);
  ASSERT_TRUE(*os::send_signal(started->pidfd, SIGKILL));
  auto stopped = stop_server(i.layout(), i.owner(), StopMode::kFast, 20s);
  ASSERT_TRUE(stopped && *stopped);
  EXPECT_TRUE(server_processes(i.layout().data, i.owner()).empty());
  EXPECT_TRUE(*stop_server(i.layout(), i.owner(), StopMode::kFast, 1s)) << "nothing runs: stopped already";
  EXPECT_FALSE(reload_server(i.layout(), i.owner()));
}

/// The shared memory segments, by the names that /proc gives them, of every process of a server.
std::set<std::string> shared_memory_of(const Instance& i) {
  std::set<std::string> out;
  for (const pid_t pid : server_processes(i.layout().data, i.owner())) {
    std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
    for (std::string line; std::getline(maps, line);) {
      std::istringstream fields(line);
      std::string skipped, inode, name;
      fields >> skipped >> skipped >> skipped >> skipped >> inode >> name;
      if (name.starts_with("/dev/shm/PostgreSQL.")) out.insert(name);
      if (name.starts_with("/SYSV")) out.insert("System V segment " + inode);
    }
  }
  return out;
}

/// Those of them that are still there.
std::set<std::string> left_of(std::set<std::string> names) {
  std::ifstream in("/proc/sysvipc/shm");
  std::set<std::string> segments;
  for (std::string line, key, id; std::getline(in, line);) {
    std::istringstream(line) >> key >> id;
    segments.insert("System V segment " + id);
  }
  std::erase_if(names, [&](const auto& n) { return !(n.starts_with("/") ? os::exists(n) : segments.contains(n)); });
  return names;
}

TEST(Crash, StopRemovesTheSharedMemoryOfAServerThatWasKilled) {
  NEED_POSTGRESQL();
  Instance i(36);
  i.configure({{"min_dynamic_shared_memory", "0"}});
  ASSERT_TRUE(i.start());
  const auto& layout = i.layout();
  std::jthread parallel([&] {  // its workers have a dynamic segment of their own
    Client c = i.connect();
    (void)c.query(Shared::get().engine.major < 16 ? "SET force_parallel_mode = on" : "SET debug_parallel_query = on");
    (void)c.query("SELECT pg_sleep(1000)");
  });
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (shared_memory_of(i).size() < 4 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(5ms);
  const auto used = shared_memory_of(i);
  ASSERT_GE(used.size(), 4U) << "the System V segment, the list, the statistics, the query";
  const auto pids = server_processes(layout.data, i.owner());
  for (const int signal : {SIGSTOP, SIGKILL}) {
    for (const pid_t pid : pids) kill(pid, signal);
  }
  while (!server_processes(layout.data, i.owner()).empty()) std::this_thread::sleep_for(1ms);
  ASSERT_EQ(left_of(used), used) << "nobody has cleaned up yet";
  // One that is no longer to be found, but still lets go of its memory.
  const void* memory = shmat(read_pid_file(layout.data)->segment.value(), nullptr, SHM_RDONLY);
  std::jthread ends([&] {
    std::this_thread::sleep_for(200ms);
    shmdt(memory);
  });
  EXPECT_TRUE(*stop_server(layout, i.owner(), StopMode::kFast, 20s));
  EXPECT_EQ(left_of(used), std::set<std::string>{});
  auto again = i.start();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(i.connect().query("SELECT 1"));
}

TEST(Crash, OnlyTheServersOwnSharedMemoryIsRemoved) {
  NEED_POSTGRESQL();
  Instance killed(37), running(38);
  ASSERT_TRUE(killed.start());
  ASSERT_TRUE(running.start());
  const auto theirs = shared_memory_of(running);
  ASSERT_FALSE(theirs.empty());
  // A pid file that names another server's segment, in use or not.
  const std::string path = "/postmaster.pid";
  const auto file = must(os::read_file(running.layout().data + path));
  ASSERT_TRUE(*stop_server(killed.layout(), killed.owner(), StopMode::kFast, 20s));
  const std::string fake = "4194305" + file.substr(file.find('\n'));
  must(os::write_file_atomic(killed.layout().data + path, fake, 0600, killed.owner()));
  EXPECT_TRUE(*stop_server(killed.layout(), killed.owner(), StopMode::kFast, 20s));
  EXPECT_EQ(left_of(theirs), theirs);
  const auto pids = server_processes(running.layout().data, running.owner());
  for (const pid_t pid : pids) kill(pid, SIGKILL);
  while (!server_processes(running.layout().data, running.owner()).empty()) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(*stop_server(killed.layout(), killed.owner(), StopMode::kFast, 20s));
  remove_shared_memory(killed.layout().data, running.owner());  // even of the same user
  EXPECT_EQ(left_of(theirs), theirs);
}

TEST(Crash, FullDiskFailsCleanlyAndSucceedsLater) {
  NEED_POSTGRESQL();
  Shared& s = Shared::get();
  if (!s.identity.root) GTEST_SKIP() << "not root: cannot mount a small filesystem";
  Scratch scratch;
  if (mount("howdah-test", scratch.path().c_str(), "tmpfs", 0, "size=24m,mode=0755") != 0)
    GTEST_SKIP() << "cannot mount";
  Layout layout = layout_of(scratch.path(), "db-FULL");
  os::Owner owner = s.identity.instance(34);
  must(make_layout(scratch.path(), layout, owner));
  auto refused = create_volume(s.from, false, layout, owner);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("MiB free"), std::string::npos) << refused.error().message;
  EXPECT_FALSE(os::exists(layout.data));

  // Enough bytes and too few inodes: the disk turns out to be full in the middle of the copy.
  auto remount = [&](const char* options) {
    return mount("howdah-test", scratch.path().c_str(), "tmpfs", MS_REMOUNT, options);
  };
  ASSERT_EQ(remount("size=512m,nr_inodes=200,mode=0755"), 0);
  auto full = create_volume(s.from, false, layout, owner);
  EXPECT_TRUE(!full && full.error().retry) << (full ? "" : full.error().message);
  EXPECT_NE(full.error().message.find("No space left"), std::string::npos) << full.error().message;
  EXPECT_FALSE(os::exists(layout.data));
  EXPECT_FALSE(os::exists(layout.data + ".tmp"));

  ASSERT_EQ(remount("size=512m,nr_inodes=100000,mode=0755"), 0);
  auto made = create_volume(s.from, false, layout, owner);
  EXPECT_TRUE(made) << made.error().message;
  EXPECT_EQ(umount(scratch.path().c_str()), 0);
}

}  // namespace
}  // namespace howdah::pg
