#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "os/background.h"
#include "os/copy.h"
#include "os/detached.h"
#include "os/files.h"
#include "os/identity.h"
#include "os/lock.h"
#include "os/pidfd.h"
#include "os/spawn.h"

namespace howdah::os {
namespace {

using namespace std::chrono_literals;

class Os : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/var/tmp/howdah-os-XXXXXX";
    dir_ = mkdtemp(name.data());
    ASSERT_TRUE(ensure_dir(dir_, 0755));
  }
  void TearDown() override { ASSERT_TRUE(remove_tree(dir_)); }
  std::string path(const std::string& name) const { return dir_ + "/" + name; }
  void put(const std::string& name, const std::string& content) { std::ofstream(path(name)) << content; }
  static mode_t mode_of(const std::string& p) {
    struct stat st {};
    return lstat(p.c_str(), &st) == 0 ? st.st_mode & 07777 : 0;
  }
  std::string dir_;
};

Command shell(const std::string& script) { return {.program = "/bin/sh", .args = {"-c", script}}; }

TEST_F(Os, AtomicWriteReplacesContentAndMode) {
  ASSERT_TRUE(write_file_atomic(path("a"), "one", 0640));
  ASSERT_TRUE(write_file_atomic(path("a"), "two", 0600));
  EXPECT_EQ(*read_file(path("a")), "two");
  EXPECT_EQ(mode_of(path("a")), 0600U);
  EXPECT_FALSE(exists(path("a.tmp")));
  EXPECT_FALSE(write_file_atomic(path("no/such"), "x", 0600));
}

TEST_F(Os, ReadingNeverFollowsLinksNorBlocksNorSwallowsTooMuch) {
  put("secret", "x");
  ASSERT_EQ(symlink("secret", path("link").c_str()), 0);
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_FALSE(read_file(path("link")));
  EXPECT_FALSE(read_file(path("fifo")));
  EXPECT_FALSE(read_file(path("missing")));
  EXPECT_EQ(read_tail(path("fifo"), 0, 10), "");
  std::string big(1000, 'x');
  put("big", big.append("end"));
  EXPECT_FALSE(read_file(path("big"), 100));
  EXPECT_EQ(read_tail(path("big"), 0, 4), "xend");
  EXPECT_EQ(read_tail(path("big"), 1000, 100), "end");
}

TEST_F(Os, ReadsByNameInAnOpenDirectory) {
  ASSERT_TRUE(write_file_atomic(path("a"), "one", 0644));
  ASSERT_EQ(0, symlink("a", path("link").c_str()));
  const auto directory = open_dir(path(""));
  ASSERT_TRUE(directory);
  EXPECT_EQ(*read_file(*directory, "a"), "one");
  EXPECT_FALSE(read_file(*directory, "a", 2));
  EXPECT_FALSE(read_file(*directory, "link"));
  EXPECT_FALSE(read_file(*directory, "missing"));
  EXPECT_FALSE(open_dir(path("a")));
  EXPECT_FALSE(open_dir(path("missing")));
}

TEST_F(Os, TwoThreadsMayWriteTheSameFile) {
  const std::string file = path("shared");
  std::atomic<int> failures = 0;
  auto write = [&](char c) {
    for (int i = 0; i < 200; i++) failures += !write_file_atomic(file, std::string(100, c), 0600);
  };
  std::thread other(write, 'a');
  write('b');
  other.join();
  EXPECT_EQ(failures, 0);
  const auto text = read_file(file).value();
  EXPECT_TRUE(text == std::string(100, 'a') || text == std::string(100, 'b'));
}

TEST_F(Os, AWriteDoesNotFollowAPlantedTemporary) {
  put("victim", "precious");
  ASSERT_EQ(symlink("victim", path("a.tmp").c_str()), 0);
  ASSERT_TRUE(write_file_atomic(path("a"), "new", 0600));
  EXPECT_EQ(*read_file(path("victim")), "precious");
  EXPECT_EQ(*read_file(path("a")), "new");
}

TEST_F(Os, CopiesATreeWithModesAndLinks) {
  ASSERT_TRUE(ensure_dir(path("from"), 0755));
  ASSERT_TRUE(ensure_dir(path("from/sub"), 0755));
  for (int i = 0; i < 200; i++) put("from/sub/" + std::to_string(i), std::string(static_cast<size_t>(i) * 100, 'x'));
  put("from/left-out", "x");
  ASSERT_EQ(symlink("/nowhere", path("from/link").c_str()), 0);
  Identity me = *choose_identity();
  CopyOptions options{.owner = me.instance(1)};
  options.skip = [](const std::string& p) { return p == "left-out"; };
  auto copied = copy_tree(path("from"), path("to"), options);
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(copied->files, 200U);
  EXPECT_EQ(copied->dirs, 2U);
  EXPECT_EQ(read_file(path("to/sub/199"))->size(), 19900U);
  EXPECT_EQ(mode_of(path("to/sub")), 0700U);
  EXPECT_EQ(mode_of(path("to/sub/7")), 0600U);
  EXPECT_FALSE(exists(path("to/left-out")));
  struct stat st {};
  ASSERT_EQ(lstat(path("to/link").c_str(), &st), 0);
  EXPECT_TRUE(S_ISLNK(st.st_mode));
  EXPECT_EQ(st.st_uid, me.instance(1).uid);
  EXPECT_FALSE(copy_tree(path("from"), path("to"), options)) << "the target must not exist";
  ASSERT_EQ(mkfifo(path("from/fifo").c_str(), 0600), 0);
  EXPECT_FALSE(copy_tree(path("from"), path("to2"), options));
}

TEST_F(Os, RepairsOwnerAndModeWithoutFollowingLinks) {
  ASSERT_TRUE(ensure_dir(path("outside"), 0755));
  put("outside/file", "x");
  chmod(path("outside/file").c_str(), 0644);
  ASSERT_TRUE(ensure_dir(path("tree"), 0755));
  put("tree/file", "x");
  chmod(path("tree/file").c_str(), 0666);
  ASSERT_EQ(symlink("../outside", path("tree/link").c_str()), 0);
  Identity me = *choose_identity();
  auto changed = repair_tree(path("tree"), me.instance(5));
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_GE(*changed, 2U);
  EXPECT_EQ(mode_of(path("tree")), 0700U);
  EXPECT_EQ(mode_of(path("tree/file")), 0600U);
  EXPECT_EQ(mode_of(path("outside/file")), 0644U);
  EXPECT_EQ(*repair_tree(path("tree"), me.instance(5)), 0U);
}

TEST_F(Os, SecondLockFailsAndNamesTheHolder) {
  auto first = LockFile::acquire(path("lock"), "state directory");
  ASSERT_TRUE(first);
  auto second = LockFile::acquire(path("lock"), "state directory");
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().retry);
  EXPECT_NE(second.error().message.find("state directory is in use by process " + std::to_string(getpid())),
            std::string::npos);
  std::jthread later([lock = std::move(*first)]() mutable {
    std::this_thread::sleep_for(50ms);
    LockFile ended = std::move(lock);
  });
  EXPECT_TRUE(LockFile::acquire(path("lock"), "state directory", 5s));
}

TEST_F(Os, RunCapturesStatusAndOutputAndKillsWhatHangs) {
  auto out = run(shell("echo out; echo err >&2; exit 3"), 10s);
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->status, 3);
  EXPECT_EQ(out->text, "out\nerr\n");
  EXPECT_EQ(run(shell("kill -9 $$"), 10s)->status, 137);
  auto missing = run({.program = "/no/such/program"}, 10s);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("exec: No such file"), std::string::npos) << missing.error().message;
  auto slow = run(shell("sleep 100 & echo $! > " + path("pid") + "; sleep 100"), 300ms);
  ASSERT_FALSE(slow);
  EXPECT_TRUE(slow.error().retry);
  pid_t pid = atoi(read_file(path("pid"))->c_str());
  for (int i = 0; i < 200 && kill(pid, 0) == 0; i++) {
    auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    if (stat && stat->find(") Z") != std::string::npos) break;  // killed; its new parent has not reaped it yet
    std::this_thread::sleep_for(10ms);
    ASSERT_LT(i, 199) << "the background child lives on";
  }
}

TEST_F(Os, ChildGetsACleanProcess) {
  setenv("NOTIFY_SOCKET", "/run/systemd/notify", 1);
  Fd leak(open("/dev/null", O_RDONLY));  // inheritable on purpose
  auto out = run(shell("ls /proc/self/fd | wc -l; umask; ulimit -c; env | grep -c NOTIFY; grep -E "
                       "'SigBlk|SigIgn|NoNewPrivs' /proc/self/status"),
                 10s);
  unsetenv("NOTIFY_SOCKET");
  ASSERT_TRUE(out);
  EXPECT_EQ(out->text, "4\n0077\n0\n0\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nNoNewPrivs:\t1\n");
}

TEST_F(Os, DropsPrivilegesCompletely) {
  Identity me = *choose_identity();
  auto out = run({.program = "/usr/bin/id", .run_as = me.instance(7)}, 10s);
  ASSERT_TRUE(out);
  if (!me.root) GTEST_SKIP() << "not root: nothing to drop";
  EXPECT_EQ(out->text, "uid=61007 gid=61007 groups=61007\n");
  auto back = run({.program = "/usr/bin/setpriv", .args = {"--reuid=0", "true"}, .run_as = me.instance(7)}, 10s);
  EXPECT_NE(back->status, 0);
}

TEST_F(Os, SpawnedChildOutlivesNothingItShouldNotAndIsReapedOnce) {
  auto child = spawn(shell("echo started; exec sleep 100"), path("out"));
  ASSERT_TRUE(child);
  EXPECT_FALSE(wait_exit(child->pidfd, 20ms));
  EXPECT_TRUE(*send_signal(child->pidfd, SIGTERM));
  EXPECT_TRUE(wait_exit(child->pidfd, 5s));
  auto status = reap(child->pidfd);
  ASSERT_TRUE(status);
  EXPECT_TRUE(WIFSIGNALED(*status) && WTERMSIG(*status) == SIGTERM);
  EXPECT_FALSE(reap(child->pidfd));
  EXPECT_FALSE(*send_signal(child->pidfd, SIGTERM)) << "gone";
  EXPECT_EQ(*read_file(path("out")), "started\n");
}

Detached await_detached(const std::string& name) {
  for (int i = 0; i < 500; i++) {
    auto d = observe_detached(name);
    if (!d || d->state != DetachedState::kInProgress) return d ? *d : Detached{};
    std::this_thread::sleep_for(10ms);
  }
  return {};
}

TEST_F(Os, DetachedWorkRunsOnceAndLeavesItsResult) {
  std::string name = path("work");
  EXPECT_EQ(observe_detached(name)->state, DetachedState::kNotStarted);
  Command work = shell("echo x >> " + path("count") + "; sleep 0.3; echo \"it's done\"; exit 5");
  ASSERT_TRUE(start_detached(name, work));
  EXPECT_EQ(observe_detached(name)->state, DetachedState::kInProgress);
  ASSERT_TRUE(start_detached(name, work)) << "a second start is no error and no second run";
  EXPECT_FALSE(forget_detached(name));
  Detached done = await_detached(name);
  EXPECT_EQ(done.state, DetachedState::kDone);
  EXPECT_EQ(done.status, 5);
  EXPECT_EQ(done.output_tail, "it's done\n");
  EXPECT_EQ(*read_file(path("count")), "x\n");
  ASSERT_TRUE(forget_detached(name));
  EXPECT_EQ(observe_detached(name)->state, DetachedState::kNotStarted);
}

TEST_F(Os, DetachedWorkSurvivesItsStarterAndItsRunner) {
  std::string name = path("work");
  pid_t daemon = fork();
  if (daemon == 0) {
    bool ok = start_detached(name, shell("echo $$ > " + path("pid") + "; exec sleep 0.7")).has_value();
    if (ok) kill(getpid(), SIGKILL);
    _exit(1);
  }
  int status = 0;
  waitpid(daemon, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(observe_detached(name)->state, DetachedState::kInProgress);
  // The runner dies too: its command still holds the lock, and without a result it counts as not started.
  pid_t runner = atoi(read_file(path("work.lock"))->c_str());
  if (runner != daemon) kill(runner, SIGKILL);
  EXPECT_EQ(observe_detached(name)->state, DetachedState::kInProgress);
  Detached end = await_detached(name);
  EXPECT_EQ(end.state, runner != daemon ? DetachedState::kNotStarted : DetachedState::kDone);
  ASSERT_TRUE(start_detached(name, shell("exit 0")));
  EXPECT_EQ(await_detached(name).state, DetachedState::kDone);
}

TEST(Background, WorkRestsMostOfTheTimeUntilItIsAlone) {
  using namespace std::chrono_literals;
  Pace pace;
  const auto begin = Pace::Steady::now();
  pace.did(256 << 20);
  EXPECT_FALSE(pace.due(begin + 1100ms)) << "little work does not rest";
  pace.did(1);
  EXPECT_TRUE(pace.due(begin + 1100ms));
  EXPECT_GE(pace.begin_rest(begin + 1100ms), begin + 11s);
  pace.end_rest(begin + 12s);
  EXPECT_FALSE(pace.due(begin + 12s + 10ms));
  EXPECT_TRUE(pace.due(begin + 13s + 10ms));
  EXPECT_GE(pace.rested(), 9s);
  EXPECT_FALSE(pace.due(begin + 3h)) << "it must come to its end";
}

TEST(Background, OnlyWhoHasAPaceRests) {
  EXPECT_EQ(pace(), nullptr);
  breathe(1 << 30);
  EXPECT_TRUE(in_background([] { return pace() == nullptr; }));
  EXPECT_TRUE(in_background([] { return pace() != nullptr; }, Haste::whenever));
  EXPECT_EQ(threads(2), 2U);
  EXPECT_EQ(in_background([] { return threads(2); }, Haste::whenever), 1U);
  EXPECT_EQ(pace(), nullptr);
}

TEST_F(Os, DetachedWorkDropsPrivileges) {
  Identity me = *choose_identity();
  ASSERT_TRUE(start_detached(path("id"), {.program = "/usr/bin/id", .args = {"-u"}, .run_as = me.instance(3)}));
  Detached done = await_detached(path("id"));
  EXPECT_EQ(done.status, 0) << done.output_tail;
  EXPECT_EQ(done.output_tail, std::to_string(me.instance(3).uid) + "\n");
}

}  // namespace
}  // namespace howdah::os
