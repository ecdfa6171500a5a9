// Removing what no backup needs, in two goes. What nothing needs is noted with the time; only what was noted a grace
// time ago, and is still not needed, is removed. So a backup that is being stored meanwhile, also by another machine,
// may use a chunk whose last manifest goes: its own manifest is there before the grace time is over. A clock that leaps
// ahead must not end it: within one start of the machine only time that has passed counts.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "repository/repository.h"
#include "util/fault_point.h"
#include "util/id.h"
#include "util/json.h"
#include "util/log.h"

namespace howdah::repository {
namespace {

using nlohmann::json;

constexpr std::chrono::hours kAhead{1};  // clocks of two machines differ by less, unless one is wrong

/// A segment's position in the WAL, the same on every timeline; empty for history files.
std::string wal_place(const std::string& name) { return name.size() == 24 ? name.substr(8) : ""; }

struct Note {
  std::string object;
  os::ClockReading made;
  std::set<std::string> names;
};

/// A note that can't be read is taken for none: what it named is noted anew.
Result<std::vector<Note>> read_notes(Storage& storage, const std::string& prefix) {
  const auto objects = storage.list(prefix);
  if (!objects) return tl::unexpected(objects.error());
  std::vector<Note> out;
  for (const auto& o : *objects) {
    const auto text = storage.get(o.name);
    if (!text) return tl::unexpected(text.error());
    Note note{o.name};
    try {
      const auto j = parse_json(*text);
      note.made.now = Time(Millis(j.at("made").get<int64_t>()));
      note.made.boot = j.value("boot", "");
      note.made.set_to = Millis(j.value("set_to", int64_t{0}));
      note.names = j.at("names").get<std::set<std::string>>();
    } catch (const std::exception&) {
      note.names.clear();
    }
    out.push_back(std::move(note));
  }
  return out;
}

}  // namespace

Result<Swept> Repository::gc(const std::string& resource, const os::ClockReading& now, Millis grace,
                             bool doubted) const {
  if (!is_plain_name(resource)) return fail(fmt::format("'{}' can't be a name in a repository", resource));
  const auto held = lock(resource);
  if (!held) return tl::unexpected(held.error());
  // Objects first: what appears later is not looked at.
  const auto objects = storage_->list(instance_prefix(resource));
  if (!objects) return tl::unexpected(objects.error());
  const auto notes = read_notes(*storage_, doomed_prefix(resource));
  if (!notes) return tl::unexpected(notes.error());
  const auto ids = backups(resource);
  if (!ids) return tl::unexpected(ids.error());
  std::set<std::string> needed;
  std::optional<std::string> oldest_wal;
  for (const auto& id : *ids) {
    const auto m = manifest(resource, id, true);
    // What a damaged manifest needs isn't known: nothing is removed until somebody drops it.
    if (!m) return tl::unexpected(Error{"nothing was removed: " + m.error().message, m.error().retry});
    for (const auto& p : m->packs) needed.insert(p.name);
    if (m->wal_from.empty()) continue;
    const std::string from = wal_place(m->wal_from);
    if (!oldest_wal || from < *oldest_wal) oldest_wal = from;
  }
  const std::string packs = pack_prefix(resource), wal = wal_prefix(resource);
  std::set<std::string> unneeded, here;
  for (const auto& o : *objects) {
    here.insert(o.name);
    if (o.name.starts_with(packs) && !needed.contains(o.name)) unneeded.insert(o.name);
    if (!o.name.starts_with(wal)) continue;
    const std::string place = wal_place(o.name.substr(wal.size()));
    if (ids->empty() || (!place.empty() && oldest_wal && place < *oldest_wal)) unneeded.insert(o.name);
  }
  fault::point("repository.gc:marked");
  Swept swept;
  std::set<std::string> noted;
  for (const auto& note : *notes) {
    // A name that came into use again may leave it again at any time: then its grace begins anew, with the others'. So
    // does that of a note whose clock was wrong, or is not to be compared with ours.
    const bool used = std::any_of(note.names.begin(), note.names.end(),
                                  [&](const auto& name) { return here.contains(name) && !unneeded.contains(name); });
    const Millis age = now.since(note.made);
    const bool wrong = !now.same_boot(note.made) && (age < -kAhead || (doubted && age >= grace));
    const bool stale = used || wrong, due = !stale && age >= grace;
    bool all_gone = true;
    for (const auto& name : note.names) {
      if (!unneeded.contains(name)) continue;
      if (stale) continue;
      noted.insert(name);
      if (!due) {
        all_gone = false;
        swept.doomed++;
      } else if (const auto gone = storage_->remove(name); gone) {
        unneeded.erase(name);
        swept.removed++;
      } else if (gone.error().retry) {
        return tl::unexpected(gone.error());
      } else {
        log::warn("an object can't be removed", {{"object", name}, {"error", gone.error().message}});
        all_gone = false;
        swept.kept++;
      }
    }
    if (all_gone) {
      if (auto gone = storage_->remove(note.object); !gone && gone.error().retry) return tl::unexpected(gone.error());
    }
  }
  fault::point("repository.gc:removed");
  std::set<std::string> fresh;
  std::set_difference(unneeded.begin(), unneeded.end(), noted.begin(), noted.end(), std::inserter(fresh, fresh.end()));
  if (fresh.empty()) return swept;
  swept.doomed += fresh.size();
  const json note{{"made", now.now.time_since_epoch().count()},
                  {"boot", now.boot},
                  {"set_to", now.set_to.count()},
                  {"names", fresh}};
  if (auto done = storage_->put(doomed_prefix(resource) + id::uuid(), json_text(note)); !done) {
    return tl::unexpected(done.error());
  }
  return swept;
}

}  // namespace howdah::repository
