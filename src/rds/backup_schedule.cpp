#include "rds/backup_schedule.h"

#include <fmt/format.h>

#include <algorithm>

#include "backup/losses.h"
#include "backup/restore.h"
#include "domain/automated_backup.h"
#include "domain/condition.h"
#include "domain/config.h"
#include "domain/window.h"
#include "pg/layout.h"
#include "pg/server.h"
#include "rds/backup_work.h"
#include "rds/flows.h"
#include "rds/repository_work.h"
#include "rds/server_files.h"
#include "rds/snapshots.h"
#include "rds/sync_watch.h"
#include "util/log.h"

namespace howdah::rds {
namespace {

constexpr std::chrono::hours kMendEvery{1};
constexpr std::chrono::minutes kStoreEvery{1};
constexpr uint64_t kCheckEvery = 8 * backup::kSegmentSize;

/// Automated snapshots that are done, oldest first, by the resource id of their instance.
std::map<std::string, std::vector<std::shared_ptr<const Snapshot>>> automated(const store::Store& store) {
  std::map<std::string, std::vector<std::shared_ptr<const Snapshot>>> out;
  for (const auto& s : store.all<Snapshot>()) {
    if (s->automated && s->state == Snapshot::State::available) out[s->resource_id()].push_back(s);
  }
  for (auto& [id, list] : out) {
    std::sort(list.begin(), list.end(),
              [](const auto& a, const auto& b) { return a->database_time < b->database_time; });
  }
  return out;
}

/// What a restore window that begins at `from` does not need: everything before the newest snapshot at or before it.
std::vector<std::string> expired(const std::vector<std::shared_ptr<const Snapshot>>& list, Time from) {
  std::vector<std::string> out;
  for (size_t i = 0; i + 1 < list.size(); i++) {
    if (list[i + 1]->retained_since() <= from && list[i]->materialised && list[i + 1]->materialised) {
      out.push_back(list[i]->key());
    }
  }
  return out;
}

}  // namespace

Time last_window(const std::string& window, Time now) {
  const auto begin = std::chrono::minutes(window::parse_daily(window).begin);
  const Time today = std::chrono::floor<std::chrono::days>(now) + begin;
  return today <= now ? today : today - std::chrono::days(1);
}

void BackupSchedule::tick() {
  keep_keepers();
  note_losses();
  check_ways();
  begin_due();
  interim_.begin_due();
  const bool believed = trust_.look();
  if (believed) {
    expire();
    interim_.expire();
  }
  const Time now = rds_.clock.now();
  if (now - mended_ >= kMendEvery || set_back_since(mended_, now)) mend();
  if (now - stored_ >= kStoreEvery || set_back_since(stored_, now)) store_apart(!believed);
}

void BackupSchedule::keep_keepers() {
  decltype(kept_) seen;
  for (const auto& i : rds_.store.all<Instance>()) {
    if (i->rest != Rest::available || rds_.store.get<flow::Workflow>(i->workflow())) continue;
    const auto known = kept_.find(i->resource_id);
    const std::pair told{i->port, wal_mode_of(*i) != WalMode::tail};
    const bool same = known != kept_.end() && known->second == told;
    if (same && backup::keeper_runs(rds_.config.state_dir, i->resource_id)) {
      seen[i->resource_id] = told;
      continue;
    }
    if (pg::observe(layout_of(rds_, *i), owner_of(rds_, *i)).state != pg::ServerState::kReady) continue;
    if (const auto kept = protect(rds_, *i); !kept) {
      log::error("no keeper copies an instance's WAL", {{"instance", i->resource_id}, {"error", kept.error().message}});
    } else {
      seen[i->resource_id] = told;
    }
  }
  kept_ = std::move(seen);
}

/// Announces WAL that a vault has lost. The restore window begins anew behind it, with a base that is begun at once.
void BackupSchedule::note_losses() {
  for (const auto& i : rds_.store.all<Instance>()) {
    const auto losses = backup::read_losses(vault_of(rds_, i->resource_id).root());
    if (!losses)
      log::error("a vault cannot be judged", {{"instance", i->resource_id}, {"why", losses.error().message}});
    const auto known = static_cast<size_t>(Condition::of(rds_.store, i->resource_id).wal_losses);
    if (!losses || known >= losses->size()) continue;
    rds_.store.write([&](store::Tx& tx) {
      const auto found = tx.find<Instance>(Instance::by_id(i->resource_id));
      if (!found) return;
      Instance now = *found;
      Condition condition = Condition::of(tx, i->resource_id);
      for (size_t n = known; n < losses->size(); n++) {
        const auto& loss = (*losses)[n];
        condition.lost_until = std::max<uint64_t>(condition.lost_until, loss.to);
        append_event(rds_, tx, now, 201,
                     backup::text_of(loss) + (now.backup_retention > 0 ? " The restore window begins anew." : ""));
      }
      condition.wal_losses = static_cast<int32_t>(losses->size());
      tx.put(std::move(condition));
      now.last_backup = {};  // due at once, and again until it succeeds
      refresh_window(tx, now);
      tx.put(std::move(now));
    });
  }
  for (const auto& c : rds_.store.all<Condition>()) {  // of instances that were deleted
    if (rds_.store.find<Instance>(Instance::by_id(c->resource_id))) continue;
    rds_.store.write([&](store::Tx& tx) {
      if (!tx.find<Instance>(Instance::by_id(c->resource_id))) tx.erase<Condition>(c->key());
    });
  }
}

/// A snapshot must know that the WAL since the newest base is whole. Much of it takes long to open, so it is looked at
/// as it comes: of one instance a tick, whose vault has grown enough, each in its turn. What is wrong with it the
/// snapshot finds out.
void BackupSchedule::check_ways() {
  std::erase_if(checked_, [&](const auto& checked) { return !kept_.contains(checked.first); });
  auto next = kept_.upper_bound(last_checked_);
  for (size_t n = 0; n < kept_.size(); n++, ++next) {
    if (next == kept_.end()) next = kept_.begin();
    const auto& resource_id = next->first;
    const auto vault = vault_of(rds_, resource_id);
    const auto durable = vault.durable();
    if (!durable || durable->position.lsn < checked_[resource_id] + kCheckEvery) continue;
    const auto more = backup::check_ahead(vault, bases_of(rds_, resource_id), rds_.ways);
    checked_[resource_id] = more.value_or(false) ? 0 : durable->position.lsn;
    last_checked_ = resource_id;
    return;
  }
}

void BackupSchedule::begin_due() {
  for (const auto& i : rds_.store.all<Instance>()) {
    if (i->rest != Rest::available || i->backup_retention == 0) continue;
    const Time now = rds_.clock.now();
    if (i->last_backup >= last_window(i->backup_window, now) && !set_back_since(i->last_backup, now)) continue;
    rds_.store.write([&](store::Tx& tx) {
      const auto found = tx.find<Instance>(Instance::by_id(i->resource_id));
      if (!found || found->rest != Rest::available || !left_alone(tx, *found)) return;
      Instance now = *found;
      begin_automated_snapshot(rds_, tx, now);
      if (now.last_backup != found->last_backup) tx.put(std::move(now));
    });
  }
}

void BackupSchedule::expire() {
  const auto lists = automated(rds_.store);
  const Time now = rds_.clock.now();
  for (const auto& i : rds_.store.all<Instance>()) {
    const auto list = lists.find(i->resource_id);
    if (list == lists.end() || i->rest == Rest::stopped) continue;  // the retention clock stands still while stopped
    const auto gone = expired(list->second, now - std::chrono::days(i->backup_retention));
    if (gone.empty()) continue;
    rds_.store.write([&](store::Tx& tx) {
      for (const auto& key : gone) tx.erase<Snapshot>(key);
      if (const auto found = tx.find<Instance>(Instance::by_id(i->resource_id))) {
        Instance changed = *found;
        refresh_window(tx, changed);
        tx.put(std::move(changed));
      }
      tidy_backups(rds_, tx);
    });
  }
  for (const auto& b : rds_.store.all<AutomatedBackup>()) {
    const auto retention = std::chrono::days(b->source.backup_retention);
    const auto list = lists.find(b->source.resource_id);
    if (b->deleted + retention > now) {  // one by one, as if the instance were there
      const auto gone = list == lists.end() ? std::vector<std::string>{} : expired(list->second, now - retention);
      if (gone.empty()) continue;
      rds_.store.write([&](store::Tx& tx) {
        for (const auto& key : gone) tx.erase<Snapshot>(key);
        AutomatedBackup left = *b;
        refresh_window(tx, left.source);
        tx.put(std::move(left));
        tidy_backups(rds_, tx);
      });
      continue;
    }
    rds_.store.write([&](store::Tx& tx) {
      tx.erase<AutomatedBackup>(b->key());
      erase_automated_snapshots(rds_, tx, b->source.resource_id);
      tidy_backups(rds_, tx);
    });
  }
}

void BackupSchedule::store_apart(bool clock_doubted) {
  stored_ = rds_.clock.now();
  store_backups(rds_, clock_doubted);
}

/// Snapshots whose materialisation failed get another try, and WAL that is no longer needed goes.
void BackupSchedule::mend() {
  mended_ = rds_.clock.now();
  rds_.store.write([&](store::Tx& tx) {
    for (const auto& s : tx.all<Snapshot>()) {
      const std::string work = "base/" + s->base_id;
      if (s->state != Snapshot::State::available || s->materialised || flow::Runner::busy(tx, work)) continue;
      rds_.flows.start(tx, kMaterialise, work);
    }
    if (!flow::Runner::busy(tx, kTidyResource)) tidy_backups(rds_, tx);
  });
}

}  // namespace howdah::rds
