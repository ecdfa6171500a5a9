#include "backup/keeper_slot.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>

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

Error as_error(const pg::SqlError& e) { return {e.message, e.retry}; }

Result<void> move(pg::Client& client, Lsn to) {
  const auto at = hold_slot(client);
  if (!at) return tl::unexpected(at.error());
  if (*at >= to) return {};
  auto moved = client.query("select pg_replication_slot_advance($1, $2::pg_lsn)", {kSlot, lsn_text(to)});
  if (!moved) return tl::unexpected(as_error(moved.error()));
  return {};
}

}  // namespace

Result<Lsn> hold_slot(pg::Client& client) {
  for (int tries = 0; tries < 2; tries++) {
    auto row = client.query("select restart_lsn from pg_replication_slots where slot_name = $1", {kSlot});
    if (!row) return tl::unexpected(as_error(row.error()));
    if (const auto at = row->empty() ? std::nullopt : parse_lsn(row->get(0, 0))) return *at;
    if (!row->empty()) {  // given up: whatever that cost is found as a gap
      auto dropped = client.query("select pg_drop_replication_slot($1)", {kSlot});
      if (!dropped) return tl::unexpected(as_error(dropped.error()));
    }
    // Reserved from the last checkpoint on.
    auto made = client.query("select pg_create_physical_replication_slot($1, true)", {kSlot});
    if (!made) return tl::unexpected(as_error(made.error()));
  }
  return fail_for_now(fmt::format("the replication slot {} has no position", kSlot));
}

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
