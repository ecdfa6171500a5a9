#pragma once
#include <sys/types.h>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "os/fd.h"
#include "os/identity.h"
#include "pg/engine.h"
#include "pg/layout.h"
#include "util/result.h"

/// Life of one instance's postmaster. The postmaster is in a session of its own and outlives us; everything about it is
/// observed from outside (postmaster.pid, /proc, a pidfd), nothing is remembered. A process is ours only when its
/// working directory is the instance's data directory, its program is called postgres and its uid is the instance's:
/// no other process is ever signalled.
namespace howdah::pg {

enum class ServerState {
  kAbsent,    ///< no server; a left-over postmaster.pid does not matter
  kStarting,  ///< a postmaster that does not accept connections yet (start-up or crash recovery)
  kReady,     ///< line 8 of postmaster.pid says ready, or standby
  kStopping,
  kOrphans,  ///< the postmaster is gone, backends of it still run and hold the shared memory
  kForeign,  ///< postmaster.pid names a living process that is not ours (recycled pid)
};
std::string_view name_of(ServerState state);

struct Observed {
  ServerState state = ServerState::kAbsent;
  pid_t pid = 0;  ///< of the postmaster; for kForeign of the stranger
  os::Fd pidfd;   ///< of the postmaster, for the supervisor to poll; readable = it has ended
  bool running() const {
    return state == ServerState::kStarting || state == ServerState::kReady || state == ServerState::kStopping;
  }
};

/// Looks; never changes anything except to reap an ended child of ours. About 0.1 ms.
Observed observe(const Layout& layout, os::Owner owner);

enum class StartFailure {
  kParameters,  ///< a setting is unknown, out of range, or asks for more memory than there is: incompatible-parameters
  kPortInUse,
  kDataDirectory,  ///< wrong owner or mode, missing, or of another version
  kAlreadyRunning,
  kDiskFull,
  kTimeout,  ///< still starting (long recovery): call again
  kOther,
};
std::string_view name_of(StartFailure failure);

struct StartError : Error {
  StartFailure kind = StartFailure::kOther;
};

struct StartSpec {
  const Engine& engine;
  const Layout& layout;
  os::Owner owner;
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
  std::vector<std::string> extra_args;  ///< e.g. {"-c", "archive_mode=off"}
  std::function<bool()> go_on;          ///< asked while it waits; false ends the waiting, as `timeout` does
};

/// Makes the server run and waits until it is ready. Already ready: returned as it is. Left-overs are dealt with first:
/// wrong owner or mode of PGDATA is repaired, a recycled pid in postmaster.pid is made harmless without losing the
/// shared memory key in it, orphaned backends get `timeout` to go (SIGQUIT after one second). After kTimeout the server
/// is left running. Two callers at once: one starts, the other finds it started.
tl::expected<Observed, StartError> start_server(const StartSpec& spec);

enum class StopMode { kSmart, kFast, kImmediate };

/// Stops the server and waits for its end. True = nothing runs any more (also when nothing ran). False = `timeout`
/// passed; the server goes on stopping. Orphaned backends are ended as well, and what a killed server left in shared
/// memory is removed.
Result<bool> stop_server(const Layout& layout, os::Owner owner, StopMode mode, std::chrono::milliseconds timeout);

/// SIGHUP: rereads the files in conf/. An error when no server runs.
Result<void> reload_server(const Layout& layout, os::Owner owner);

/// What a log says about a failed start. Exposed for its test.
StartFailure classify_start_log(std::string_view log);

}  // namespace howdah::pg
