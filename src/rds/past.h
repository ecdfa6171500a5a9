#pragma once
#include <functional>
#include <optional>
#include <string>

#include "backup/restore.h"
#include "domain/instance.h"
#include "rds/rds.h"

namespace howdah::rds {

/// A state of the past that can be brought back: of an instance, newest or at an instant, or of a snapshot.
struct Past {
  Instance source;    ///< whose; of a snapshot: as it was then. engine_version is one that is installed
  backup::Plan plan;  ///< how to get there
  Time instant{};     ///< what it shows: everything that had ended by then
  std::string of;     ///< "notifydb as of 2026-11-20T10:05:00.000Z"
  bool from_snapshot = false;
};

/// Finds it. `name`: an instance (also one that is stopped or failed), else a snapshot, of which no instant may be
/// asked. Without an instant the newest state: everything that was committed before the call, if the server runs.
/// Waits for at most ten seconds until the vault has what is asked, and as long as it takes for bases that have gone to
/// come back from the repository, if nothing else leads there; `unwanted` ends that. Throws Fault; not to be called in
/// a transaction.
Past find_past(Rds& rds, const Scope& scope, const std::string& name, std::optional<Time> instant,
               const std::function<bool()>& unwanted);

/// "2026-11-20T10:05:00.250Z"
std::string instant_text(Time instant);

/// The server build that the data needs: the same minor version, else a newer one of that major. Throws Fault.
const pg::Engine& engine_for(const Rds& rds, const Instance& source);

}  // namespace howdah::rds
