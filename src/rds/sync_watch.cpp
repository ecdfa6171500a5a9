#include "rds/sync_watch.h"

#include <fmt/format.h>

#include "backup/keeper_way.h"
#include "backup/sync_guard.h"
#include "domain/condition.h"
#include "domain/config.h"
#include "pg/client.h"
#include "pg/layout.h"
#include "rds/backup_work.h"
#include "rds/server_files.h"
#include "util/log.h"

namespace howdah::rds {
namespace {

constexpr Millis kOften{500}, kSeldom{5'000};
constexpr uint64_t kNear = 1 << 20;  // bytes that the vault may be behind when commits begin to wait for it

/// Whether the server's standby of our name is nearly where the server is, and has been there for a while: one that
/// can't keep what it receives connects again and again.
bool caught_up(const Rds& rds, const Instance& i) {
  if (!backup::keeper_streams(rds.config.state_dir, i.resource_id)) return false;
  auto client = pg::Client::connect(layout_of(rds, i), i.port);
  if (!client) return false;
  const auto row = client->query(
      "SELECT pg_current_wal_flush_lsn() - flush_lsn < $1::bigint FROM pg_stat_replication "
      "WHERE application_name = $2 AND state = 'streaming' AND backend_start < clock_timestamp() - interval '2 s'",
      {std::to_string(kNear), backup::kSlot});
  return row && row->size() == 1 && row->get(0, 0) == "t";
}

}  // namespace

WalMode wal_mode_of(const Instance& i) {
  const auto tag = i.tags.find(kWalModeTag);
  if (tag == i.tags.end()) return WalMode::tail;
  return tag->second == "sync" ? WalMode::sync : tag->second == "stream" ? WalMode::stream : WalMode::tail;
}

std::chrono::seconds sync_timeout_of(const Instance& i) {
  constexpr int kDefault = 10;
  const auto tag = i.tags.find(kSyncTimeoutTag);
  return std::chrono::seconds(tag == i.tags.end() ? kDefault : std::stoi(tag->second));
}

void check_wal_tags(const Tags& tags) {
  if (const auto mode = tags.find(kWalModeTag); mode != tags.end()) {
    const auto& word = mode->second;
    if (word != "tail" && word != "stream" && word != "sync") {
      throw Fault("InvalidParameterValue",
                  fmt::format("The tag {} is tail, stream or sync, not '{}'.", kWalModeTag, word));
    }
  }
  if (const auto timeout = tags.find(kSyncTimeoutTag); timeout != tags.end()) {
    const auto& text = timeout->second;
    const bool digits = !text.empty() && text.size() < 5 && text.find_first_not_of("0123456789") == std::string::npos;
    if (!digits || text.front() == '0') {
      throw Fault("InvalidParameterValue",
                  fmt::format("The tag {} is a number of seconds from 1 to 9999, not '{}'.", kSyncTimeoutTag, text));
    }
  }
}

Millis SyncWatch::look() {
  std::map<std::string, Seen> kept;
  for (const auto& i : rds_.store.all<Instance>()) {
    const bool wanted = wal_mode_of(*i) == WalMode::sync;
    if (!wanted && Condition::of(rds_.store, i->resource_id).wal_synchronous) {
      set(*i, false, "");
      (void)backup::stop_guard(rds_.config.state_dir, i->resource_id, Millis(0));
    }
    if (!wanted || i->rest != Rest::available) continue;
    Seen& seen = kept[i->resource_id] = seen_[i->resource_id];
    look_at(*i, seen);
  }
  seen_ = std::move(kept);
  return seen_.empty() ? kSeldom : kOften;
}

void SyncWatch::look_at(const Instance& i, Seen& seen) {
  const auto clock = vault_of(rds_, i.resource_id).latest_restorable();
  const auto now = Steady::now();
  if (clock && *clock != seen.clock) seen = {*clock, now};
  if (Condition::of(rds_.store, i.resource_id).wal_synchronous) return look_after(i);
  if (now - seen.moved >= std::chrono::seconds(2) || !caught_up(rds_, i)) return;
  if (const auto guarded = guard_commits(rds_, i); !guarded) {
    log::warn("commits do not wait for a vault yet", {{"instance", i.resource_id}, {"why", guarded.error().message}});
    return;
  }
  set(i, true, "Commits wait until the WAL vault has them.");
}

/// Whether commits may go on waiting.
void SyncWatch::look_after(const Instance& i) {
  const std::string& state = rds_.config.state_dir;
  if (backup::guard_let_go(state, i.resource_id)) {
    set(i, false,
        fmt::format(
            "The WAL vault has not answered for {} s: commits no longer wait for it. They will again once it has "
            "caught up.",
            sync_timeout_of(i).count()));
    (void)backup::stop_guard(state, i.resource_id, Millis(0));
  } else if (const auto guarded = guard_commits(rds_, i); !guarded) {
    set(i, false,
        "Commits no longer wait for the WAL vault, since nobody watches over them: " + guarded.error().message);
  }
}

void SyncWatch::set(const Instance& i, bool synchronous, const std::string& message) {
  rds_.store.write([&](store::Tx& tx) {
    const auto found = tx.find<Instance>(Instance::by_id(i.resource_id));
    Condition now = Condition::of(tx, i.resource_id);
    if (!found || now.wal_synchronous == synchronous) return;
    now.wal_synchronous = synchronous;
    if (!message.empty()) append_event(rds_, tx, *found, 203, message);
    tx.put(std::move(now));
    tx.put(Instance(*found));  // its settings are written again and the server reloads them
  });
}

}  // namespace howdah::rds
