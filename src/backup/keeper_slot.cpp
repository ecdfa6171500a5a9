#include "backup/keeper_slot.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "backup/vault.h"
#include "pg/client.h"
#include "util/log.h"

namespace howdah::backup {

struct Slot::Shared {
  pg::Layout layout;
  int port = 0;
  std::mutex mutex;
  std::condition_variable changed;
  Lsn wanted = 0, done = 0;
  bool stop = false;
};

namespace {

using namespace std::chrono_literals;

/// Errors that repeat are logged once.
class Complaint {
 public:
  void operator()(const std::string& message) {
    if (message != last_) log::warn("the replication slot cannot be moved on", {{"why", message}});
    last_ = message;
  }
  void over() { last_.clear(); }

 private:
  std::string last_;
};

Result<void> move(pg::Client& client, Lsn to) {
  const std::string name = kSlot;
  const auto as_error = [](const pg::SqlError& e) { return tl::unexpected(Error{e.message, e.retry}); };
  auto row = client.query("select restart_lsn from pg_replication_slots where slot_name = $1", {name});
  if (!row) return as_error(row.error());
  const auto at = row->empty() ? std::nullopt : parse_lsn(row->get(0, 0));
  if (!at) {
    // Missing, or given up by the server since it held back too much: whatever that cost is found as a gap.
    if (!row->empty()) {
      auto dropped = client.query("select pg_drop_replication_slot($1)", {name});
      if (!dropped) return as_error(dropped.error());
    }
    auto made = client.query("select pg_create_physical_replication_slot($1, true)", {name});
    if (!made) return as_error(made.error());
    return {};  // reserved from the last checkpoint on; the next segment moves it
  }
  if (*at >= to) return {};
  auto moved = client.query("select pg_replication_slot_advance($1, $2::pg_lsn)", {name, lsn_text(to)});
  if (!moved) return as_error(moved.error());
  return {};
}

}  // namespace

Slot::Slot(const pg::Layout& layout, int port) : shared_(std::make_shared<Shared>()) {
  shared_->layout = layout;
  shared_->port = port;
  std::thread([shared = shared_] {
    std::optional<pg::Client> client;
    Complaint complain;
    std::unique_lock lock(shared->mutex);
    const auto due = [&] { return shared->stop || shared->wanted > shared->done; };
    while (!shared->stop) {
      if (client && !shared->changed.wait_for(lock, 10s, due)) client.reset();
      if (!client) shared->changed.wait(lock, due);
      if (shared->stop) return;
      const Lsn to = shared->wanted;
      lock.unlock();
      Result<void> result;
      if (!client || !client->alive()) {
        client.reset();
        auto connected = pg::Client::connect(shared->layout, shared->port, "postgres", 10s);
        if (connected) {
          client = std::move(*connected);
        } else {
          result = tl::unexpected(connected.error());
        }
      }
      if (client) result = move(*client, to);
      if (result) {
        complain.over();
      } else {
        client.reset();
        if (!result.error().retry) complain(result.error().message);
      }
      lock.lock();
      if (result) shared->done = to;
      shared->changed.wait_for(lock, result ? 1s : 5s, [&] { return shared->stop; });
    }
  }).detach();
}

Slot::~Slot() {
  const std::lock_guard lock(shared_->mutex);
  shared_->stop = true;
  shared_->changed.notify_all();
}

void Slot::advance(Lsn to) {
  const std::lock_guard lock(shared_->mutex);
  shared_->wanted = to;
  shared_->changed.notify_all();
}

void Slot::check(Lsn to) {
  const std::lock_guard lock(shared_->mutex);
  shared_->wanted = to;
  shared_->done = 0;
  shared_->changed.notify_all();
}

}  // namespace howdah::backup
