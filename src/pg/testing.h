#pragma once
#include <time.h>
#include <unistd.h>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "os/files.h"
#include "os/identity.h"
#include "pg/bootstrap.h"
#include "pg/client.h"
#include "pg/conf.h"
#include "pg/engine.h"
#include "pg/layout.h"
#include "pg/prepared.h"
#include "pg/server.h"
#include "pg/template.h"
#include "pg/volume.h"

/// What the tests of this folder share: a scratch state directory and a real server in it. Only for *_test.cpp.
namespace howdah::pg::testing {

/// The value, or the error's message as an exception: fails the test that set it up.
template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// The CPU time of this program so far: what else runs on the machine is not its cost.
inline std::chrono::nanoseconds cpu_time() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

inline std::string on_disk() {
  const char* chosen = getenv("HOWDAH_TEST_DIR");  // e.g. a mount with reflinks
  return chosen == nullptr ? "/var/tmp" : chosen;
}

/// For files of a test that makes its crashes itself: nobody learns anything from a disk that is waited for. The disk
/// where memory has no file system with room.
inline std::string in_memory() {
  constexpr uint64_t kRoom = 512 << 20;
  const auto space = os::disk_space("/dev/shm");
  return getenv("HOWDAH_TEST_DIR") == nullptr && space && space->free >= kRoom ? "/dev/shm" : on_disk();
}

/// A directory that other users may search, removed at the end.
class Scratch {
 public:
  explicit Scratch(const std::string& in = on_disk()) {
    std::string name = in + "/howdah-pg-XXXXXX";
    path_ = mkdtemp(name.data());
    must(os::ensure_dir(path_, 0755));
  }
  ~Scratch() { (void)os::remove_tree(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Engine, prepared tree and template, made once per test program.
struct Shared {
  Scratch scratch;
  os::Identity identity;
  Engine engine;
  Template from;
  bool installed = false;

  static Shared& get() {
    static Shared shared;
    return shared;
  }

 private:
  Shared() {
    identity = must(os::choose_identity());
    // Others than the installed ones: HOWDAH_TEST_ENGINES is a directory as the setting `engines` names it, and
    // HOWDAH_TEST_MAJOR chooses.
    const char *more = getenv("HOWDAH_TEST_ENGINES"), *major = getenv("HOWDAH_TEST_MAJOR");
    Catalog catalog = Catalog::discover(scratch.path(), more == nullptr ? "" : more);
    const Engine* found = nullptr;
    for (const Engine& e : catalog.engines()) {
      if (major == nullptr || std::to_string(e.major) == major) found = &e;
    }
    if (found == nullptr) return;
    engine = must(prepare_engine(*found, scratch.path()));
    from = must(ensure_template(engine, scratch.path(), identity));
    installed = true;
  }
};

/// One instance with configuration, not started. Stopped and removed at the end.
class Instance {
 public:
  explicit Instance(unsigned slot, bool spare = false) {
    Shared& s = Shared::get();
    owner_ = s.identity.instance(slot);
    port_ = 20000 + static_cast<int>((static_cast<unsigned>(getpid()) * 7 + slot) % 10000);
    layout_ = layout_of(s.scratch.path(), "db-TEST" + std::to_string(slot));
    must(make_layout(s.scratch.path(), layout_, owner_));
    volume_ = must(create_volume(s.from, spare, layout_, owner_));
    configure({});
  }
  ~Instance() {
    (void)stop_server(layout_, owner_, StopMode::kImmediate, std::chrono::seconds(20));
    (void)remove_volume(layout_);
  }
  Instance(const Instance&) = delete;

  void configure(const Settings& extra, const std::vector<std::string>& cidrs = {"127.0.0.0/8"},
                 bool force_ssl = false) {
    Settings user = {{"shared_buffers", "16MB"}, {"fsync", "off"}};
    for (const auto& [k, v] : extra) user[k] = v;
    ServerPlace place{.address = "127.0.0.1", .port = port_, .name = "test", .tls = tls, .force_ssl = force_ssl};
    Settings all = instance_settings(Shared::get().engine, layout_, place, user);
    must(write_conf(layout_.config_file(), render_conf(all).value(), owner_));
    must(write_conf(layout_.hba_file(), render_hba(cidrs, {.force_ssl = force_ssl}).value(), owner_));
    must(write_conf(layout_.ident_file(), render_ident(Shared::get().identity.daemon_user).value(), owner_));
  }
  auto start(std::chrono::milliseconds timeout = std::chrono::seconds(30)) {
    return start_server({.engine = Shared::get().engine, .layout = layout_, .owner = owner_, .timeout = timeout});
  }
  Observed look() { return observe(layout_, owner_); }
  Client connect(const std::string& database = "postgres") {
    auto c = Client::connect(layout_, port_, database);
    if (!c) throw std::runtime_error(c.error().message);
    return std::move(*c);
  }
  const Layout& layout() const { return layout_; }
  os::Owner owner() const { return owner_; }
  int port() const { return port_; }
  void set_port(int port) { port_ = port; }
  const Volume& volume() const { return volume_; }
  bool tls = false;

 private:
  os::Owner owner_;
  Layout layout_;
  Volume volume_;
  int port_;
};

}  // namespace howdah::pg::testing

/// Skips, loudly, where no PostgreSQL is installed.
#define NEED_POSTGRESQL() \
  if (!howdah::pg::testing::Shared::get().installed) GTEST_SKIP() << "NO POSTGRESQL INSTALLED: nothing was tested"
