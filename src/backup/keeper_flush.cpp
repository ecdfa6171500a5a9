#include "backup/keeper_flush.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "backup/wal_page.h"
#include "pg/bootstrap.h"
#include "pg/client.h"

namespace howdah::backup {

using namespace std::chrono_literals;

struct FlushWatch::Shared {
  pg::Layout layout;
  int port = 0;
  os::Fd ready{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  std::deque<Sample> samples;
  bool stop = false;

  void run();
  void add(const Sample& sample);
};

void FlushWatch::Shared::add(const Sample& sample) {
  const std::lock_guard lock(mutex);
  samples.push_back(sample);
  if (samples.size() > 60) samples.pop_front();
  const uint64_t one = 1;
  (void)!write(ready.get(), &one, sizeof one);
}

void FlushWatch::Shared::run() {
  std::optional<pg::Client> client;
  std::unique_lock lock(mutex);
  while (!stop) {
    lock.unlock();
    if (!client || !client->alive()) {
      client.reset();
      if (auto connected = pg::Client::connect(layout, port, pg::kAdminDatabase, 10s)) client = std::move(*connected);
    }
    if (client) {
      const Time before = std::chrono::floor<Millis>(std::chrono::system_clock::now());
      const auto row = client->query("select pg_current_wal_flush_lsn()");
      const auto lsn = row ? parse_lsn(row->get(0, 0)) : std::nullopt;
      if (lsn) add({before, record_end(*lsn)});
      if (!lsn) client.reset();
    }
    lock.lock();
    changed.wait_for(lock, 1s, [this] { return stop; });
  }
}

FlushWatch::FlushWatch(const pg::Layout& layout, int port) : shared_(std::make_shared<Shared>()) {
  shared_->layout = layout;
  shared_->port = port;
  std::thread([shared = shared_] { shared->run(); }).detach();
}

FlushWatch::~FlushWatch() {
  const std::lock_guard lock(shared_->mutex);
  shared_->stop = true;
  shared_->changed.notify_all();
}

std::optional<FlushWatch::Sample> FlushWatch::reached(Lsn end) {
  uint64_t drop;
  (void)!read(shared_->ready.get(), &drop, sizeof drop);
  const std::lock_guard lock(shared_->mutex);
  std::optional<Sample> out;
  while (!shared_->samples.empty() && shared_->samples.front().lsn <= end) {
    out = shared_->samples.front();
    shared_->samples.pop_front();
  }
  return out;
}

int FlushWatch::descriptor() const { return shared_->ready.get(); }

}  // namespace howdah::backup
