#pragma once
#include <sys/types.h>
#include <optional>
#include <string>
#include <vector>

#include "os/identity.h"

/// Reading postmaster.pid and /proc; the details behind server.h. The files belong to the instance's user, who is not
/// trusted: nothing here follows a link or believes a pid without looking at the process.
namespace howdah::pg {

struct PidFile {
  pid_t pid = 0;
  std::optional<int> segment;  ///< line 7, its second number: the System V segment; absent while there is none yet
  std::string status;          ///< line 8: starting, stopping, ready, standby; "" while it is not written yet
};
std::optional<PidFile> read_pid_file(const std::string& data);

/// A running (not zombie) process of `owner` whose program is postgres and whose working directory is `data`.
bool is_server_process(pid_t pid, const std::string& data, os::Owner owner);

/// The same and a postmaster, not one of its children.
bool is_postmaster(pid_t pid, const std::string& data, os::Owner owner);

/// All processes for which is_server_process holds.
std::vector<pid_t> server_processes(const std::string& data, os::Owner owner);

/// True when a process with this pid exists and has not ended.
bool is_alive(pid_t pid);

/// Replaces the pid in postmaster.pid by one that cannot exist and keeps the rest: PostgreSQL then takes the file for
/// stale but still checks whether the shared memory segment that it names is in use.
bool neutralise_pid_file(const std::string& data, os::Owner owner);

/// A postmaster that was killed may stay a zombie for seconds when its parent is gone and init is slow to reap. For
/// PostgreSQL a zombie is a process, so it would refuse to start: neutralises postmaster.pid and removes the socket
/// lock files in `run` that name it. Nothing happens when the pid file names no zombie. False when a file can't be
/// changed.
bool forget_zombie(const std::string& data, const std::string& run, os::Owner owner);

}  // namespace howdah::pg
