#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backup/control.h"
#include "backup/position.h"
#include "backup/restore.h"
#include "os/files.h"
#include "os/identity.h"
#include "pg/engine.h"
#include "pg/layout.h"
#include "util/result.h"

namespace howdah::backup {

/// A server that nobody can reach, for recovery only: configuration of its own in <root>/recovery, no TCP, a host-based
/// access file that admits nobody, no extensions, no workers. Everything that matters is on the command line, since a
/// database superuser of the source could have left settings in postgresql.auto.conf.
struct PrivateServer {
  pg::Layout layout;              ///< the given one with conf in <root>/recovery
  std::vector<std::string> args;  ///< for StartSpec::extra_args
};

enum class AtTarget { kPromote, kShutdown };

/// Writes the configuration and says how to start it. `socket_directory` may be relative to the data directory.
/// With Durable::later whoever runs it syncs the file system when it is over, and begins anew when the machine goes
/// down before.
Result<PrivateServer> private_server(const pg::Layout& layout, os::Owner owner, const pg::Engine& engine,
                                     const Control& source, Position target, AtTarget action,
                                     const std::string& socket_directory, os::Durable durable = os::Durable::now);

/// How a private server's recovery ended.
enum class RecoveryEnd {
  kPromoted,  ///< it runs and accepts connections (which nobody may make)
  kEnded,     ///< the server is gone: shut down at the target, or failed; the control file tells
  kGoesOn,    ///< `timeout` passed
};

struct RecoveryOutcome {
  RecoveryEnd end = RecoveryEnd::kGoesOn;
  std::string reason;  ///< for kEnded: what the server's log says at its end
};

/// Starts it, or finds it running, and waits for the end of the recovery. (With hot_standby off a server counts as
/// started as soon as recovery begins.) Errors are those of a start that nothing was recovered by. `watch` is asked all
/// the time: a reason that it gives ends the server, and is the outcome's.
Result<RecoveryOutcome> run_recovery(const PrivateServer& server, os::Owner owner, const pg::Engine& engine,
                                     std::chrono::milliseconds timeout,
                                     const std::function<std::optional<std::string>()>& watch = {});

}  // namespace howdah::backup
