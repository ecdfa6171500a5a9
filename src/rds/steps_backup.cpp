// Removes what no record needs any more: bases that no snapshot names, vaults whose instance is gone, and the WAL
// before the oldest base that is kept. Looks at everything each time, so that nothing left behind by a crash stays.
#include <filesystem>

#include "domain/automated_backup.h"
#include "domain/config.h"
#include "domain/interim_base.h"
#include "os/files.h"
#include "rds/aside.h"
#include "rds/backup_work.h"
#include "rds/flows.h"
#include "rds/repository_work.h"

namespace howdah::rds {
namespace {

constexpr uint64_t kWalForNextSnapshot = 1ULL << 30;

struct Needs {
  std::set<std::string> bases;      ///< named by a snapshot, an interim base, a restore or a drill
  std::set<std::string> positions;  ///< resource ids with snapshots that are positions in their WAL
  std::set<std::string> working;    ///< resource ids of which something is being made or restored
};

Needs look(const store::Store& store) {
  Needs n;
  for (const auto& w : store.all<Workflow>()) {  // first: what they name is recorded before they end
    if (w->table != kRestoreInstance && w->table != kDrill) continue;
    n.bases.insert(w->arg("base"));
    n.working.insert(w->arg("source"));
  }
  for (const auto& b : store.all<InterimBase>()) {
    n.bases.insert(b->base_id);
    if (store.get<Workflow>(b->workflow())) n.working.insert(b->resource_id);
  }
  for (const auto& s : store.all<Snapshot>()) {
    n.bases.insert(s->base_id);
    if (s->state == Snapshot::State::creating) n.working.insert(s->resource_id());
    if (s->state == Snapshot::State::available && !s->materialised) n.positions.insert(s->resource_id());
  }
  return n;
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> out;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(directory, none)) {
    out.push_back(entry.path().filename().string());
  }
  return out;
}

bool base_needed(const Rds& rds, const Needs& needs, const std::string& name) {
  const std::string id = name.substr(0, name.find('.'));  // <id>.tmp of a copy that is being made
  if (needs.bases.contains(id)) return true;
  const auto base = backup::read_base(rds.config.state_dir, id);
  if (!base) return false;
  return needs.positions.contains(base->resource_id) || needs.working.contains(base->resource_id) ||
         aside_of(rds, base->resource_id);
}

Result<void> tidy_bases(const Rds& rds) {
  const std::string& state = rds.config.state_dir;
  const Needs before = look(rds.store);
  Result<void> done;
  for (const auto& name : names_in(state + "/bases")) {
    if (base_needed(rds, before, name)) continue;
    const std::string id = name.substr(0, name.find('.'));
    {
      const auto held = hold_removals();
      if (base_needed(rds, look(rds.store), name)) continue;
      if (const auto noted = note_forgotten_base(rds, name); !noted) return noted;
      if (const auto hidden = backup::hide_base(state, id); !hidden) return hidden;
    }
    // With everything of that name. One that is being made right now holds a lock, which may be for hours: later, and
    // no reason to keep the others.
    if (auto gone = backup::remove_base(state, id); !gone) done = std::move(gone);
  }
  return done;
}

/// The WAL that restores may still ask for begins with the oldest automated base. Without automated backups nothing
/// asks for it, but as long as it is little it spares the next manual snapshot a copy of all files.
Result<void> expire_wal(const Rds& rds, const Needs& needs, const std::string& resource_id) {
  if (needs.positions.contains(resource_id) || needs.working.contains(resource_id)) return {};
  if (aside_of(rds, resource_id)) return {};
  std::set<std::string> automated;
  for (const auto& s : rds.store.all<Snapshot>()) {
    if (s->automated && s->state == Snapshot::State::available && s->resource_id() == resource_id) {
      automated.insert(s->base_id);
    }
  }
  const auto vault = vault_of(rds, resource_id);
  const auto durable = vault.durable();
  if (!durable) return {};
  const auto wanted = [&](const backup::Base& base) {
    if (!automated.empty()) return automated.contains(base.id);
    return base.end.timeline == durable->position.timeline &&
           base.start.lsn + kWalForNextSnapshot > durable->position.lsn;
  };
  std::optional<backup::Position> oldest;
  for (const auto& base : bases_of(rds, resource_id)) {
    if (wanted(base) && (!oldest || base.start < *oldest)) oldest = base.start;
  }
  if (!oldest) oldest = durable->position;
  return vault.expire(*oldest);
}

Result<void> tidy_vaults(const Rds& rds) {
  Result<void> all;
  for (const auto& resource_id : names_in(rds.config.state_dir + "/vault")) {
    if (!resource_id.starts_with("db-")) continue;
    auto held = hold_removals();
    const bool used = rds.store.find<Instance>(Instance::by_id(resource_id)) || vault_needed(rds.store, resource_id) ||
                      aside_of(rds, resource_id);
    if (!used) held.unlock();  // all of it goes, which may take a while
    auto done = used ? expire_wal(rds, look(rds.store), resource_id) : vault_of(rds, resource_id).remove();
    if (!done) all = std::move(done);
  }
  return all;
}

Outcome tidy(Rds& rds, const Workflow&) {
  const auto bases = tidy_bases(rds), vaults = tidy_vaults(rds);
  if (!bases) return flow::again(Millis(1'000), bases.error().message);
  if (!vaults) return flow::again(Millis(1'000), vaults.error().message);
  return flow::done();
}

void tidy_failed(Rds&, const Workflow&, const std::string&, store::Tx&) {}  // the schedule begins it again

constexpr flow::Step<Rds> kSteps[] = {{"tidy", "available", tidy, std::chrono::seconds(3600)}};

}  // namespace

void register_backup_steps(flow::Runner& runner, Rds& rds) {
  runner.add(flow::Table<Rds>{kTidyBackups, kSteps, tidy_failed}, rds);
}

}  // namespace howdah::rds
