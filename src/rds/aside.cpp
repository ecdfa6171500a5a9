#include "rds/aside.h"

#include <fmt/format.h>

#include <filesystem>
#include <mutex>

#include "backup/restore.h"
#include "domain/config.h"
#include "os/files.h"
#include "pg/bootstrap.h"
#include "pg/server.h"
#include "rds/backup_work.h"
#include "util/fault.h"
#include "util/log.h"

namespace howdah::rds {
namespace {

constexpr int kPlaces = 4;
constexpr std::chrono::hours kReplay{12};
constexpr Millis kStop{20'000}, kLook{1'000};

std::mutex places_mutex;  // guards places: which of the kPlaces are in use
bool places[kPlaces];

int take_place() {
  std::lock_guard lock(places_mutex);
  for (int n = 0; n < kPlaces; n++) {
    if (!places[n]) {
      places[n] = true;
      return n;
    }
  }
  throw Fault("LimitExceededException",
              fmt::format("{} states of the past are being looked at already: try again when one is done.", kPlaces));
}

void give_place(int place) {
  std::lock_guard lock(places_mutex);
  places[place] = false;
}

std::string home(const Rds& rds) { return rds.config.state_dir + "/asides"; }

/// Users of their own, from the far end of the range that instances take theirs from.
os::Owner owner_at(const Rds& rds, int place) {
  return rds.identity.instance(slot_count(rds.config.instance_addresses) - static_cast<uint32_t>(place));
}

void remove_one(const pg::Layout& layout, os::Owner owner) {
  const auto down = pg::stop_server(layout, owner, pg::StopMode::kImmediate, kStop);
  if (!down || !*down) {
    log::error("a server aside does not stop; it is removed at the next start", {{"directory", layout.root}});
    return;
  }
  for (const auto& directory : {layout.root, layout.run}) {
    if (auto gone = os::remove_tree(directory); !gone) {
      log::error("files of a server aside stay", {{"error", gone.error().message}});
    }
  }
}

/// "<resource id>.<place>"
std::vector<std::string> names(const Rds& rds) {
  std::vector<std::string> out;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(home(rds) + "/instances", none)) {
    out.push_back(entry.path().filename().string());
  }
  return out;
}

void must(Result<void> done) {
  if (!done) throw Fault("InvalidRestoreFault", done.error().message);
}

}  // namespace

Aside::Aside(Rds& rds, const Scope& scope, const std::string& name, std::optional<Time> instant,
             const std::function<bool()>& unwanted)
    : place_(take_place()) {
  try {
    past_ = find_past(rds, scope, name, instant, unwanted);
    layout_ = pg::layout_of(home(rds), fmt::format("{}.{}", past_.source.resource_id, place_));
    owner_ = owner_at(rds, place_);
    must(os::ensure_dir(home(rds), 0711));
    must(pg::make_layout(home(rds), layout_, owner_));
    do {
      past_ = find_past(rds, scope, name, instant, unwanted);  // again: from now on nothing that it names is removed
    } while (!build(rds, unwanted));
    must(run_privately(*engine_, layout_, owner_, rds.identity.daemon_user, past_.source.master_username));
  } catch (...) {
    if (!layout_.root.empty()) remove_one(layout_, owner_);
    give_place(place_);
    throw;
  }
}

Aside::~Aside() {
  remove_one(layout_, owner_);
  give_place(place_);
}

/// False: the base was damaged and has been set aside, another one may lead there. Each base is set aside once at most.
bool Aside::build(Rds& rds, const std::function<bool()>& unwanted) {
  auto engine = prepared_engine(rds, past_.source);
  if (!engine) throw Fault("InvalidRestoreFault", engine.error().message);
  engine_ = std::make_unique<pg::Engine>(std::move(*engine));
  auto done = backup::make_volume(rds.config.state_dir, past_.plan, layout_, owner_);
  if (done) done = recover(unwanted);
  if (done) return true;
  if (unwanted() || done.error().retry || !note_damage(rds, past_.plan.base.id)) must(done);
  must(os::remove_tree(layout_.data));
  return false;
}

/// In slices, so that it ends soon after nobody wants it any more.
Result<void> Aside::recover(const std::function<bool()>& unwanted) const {
  const auto begun = std::chrono::steady_clock::now();
  for (;;) {
    if (unwanted()) return fail_for_now("nobody waits for the answer any more");
    const auto now = std::chrono::steady_clock::now();
    const auto done = backup::recover(past_.plan, *engine_, layout_, owner_, kLook);
    if (done) return {};
    const bool goes_on = done.error().retry && std::chrono::steady_clock::now() - now >= kLook;
    if (!goes_on || now - begun > kReplay) return tl::unexpected(done.error());
  }
}

Session Aside::open(const std::string& database, bool as_master) const {
  auto session = as_master ? Session::open(layout_.run, 5432, past_.source.master_username, database)
                           : Session::open(layout_.run, 5432, pg::kAdminRole, database,
                                           "-c search_path=pg_catalog,pg_temp -c default_transaction_read_only=off "
                                           "-c statement_timeout=0 -c lock_timeout=0");
  if (!session) throw Fault("InvalidParameterValue", session.error().message);
  return std::move(*session);
}

bool aside_of(const Rds& rds, const std::string& resource_id) {
  for (const auto& name : names(rds)) {
    if (name.starts_with(resource_id + ".")) return true;
  }
  return false;
}

void remove_asides(Rds& rds) {
  for (const auto& name : names(rds)) {
    const int place = name.empty() ? -1 : name.back() - '0';
    if (place < 0 || place >= kPlaces) continue;
    log::info("removing what was looked at when the daemon ended", {{"aside", name}});
    remove_one(pg::layout_of(home(rds), name), owner_at(rds, place));
  }
}

std::string default_database(const Instance& i) { return i.db_name.empty() ? "postgres" : i.db_name; }

}  // namespace howdah::rds
