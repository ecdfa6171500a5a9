#pragma once
#include <sys/types.h>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "os/fd.h"
#include "os/identity.h"
#include "util/result.h"

namespace howdah::os {

/// What to run. The environment is exactly `env` plus PATH and LC_ALL=C.UTF-8: nothing of ours leaks into a server
/// (NOTIFY_SOCKET would make it report in the daemon's name).
struct Command {
  std::string program;                     ///< absolute path
  std::vector<std::string> args;           ///< without argv[0]
  std::map<std::string, std::string> env;  ///< added to the minimum
  std::string directory = "/";
  std::optional<Owner> run_as;      ///< dropped to in the child; nothing or our own user = no change
  std::string input = "/dev/null";  ///< file that becomes stdin, opened by us
  int keep_fd = -1;                 ///< one descriptor the child inherits (as 4): a lock it must go on holding
  bool keep_until_exec = false;     ///< it holds keep_fd only until it has become the program
};

struct Child {
  pid_t pid = 0;
  Fd pidfd;
};

/// Starts `command` in a session of its own that outlives us: stdin from `input`, stdout and stderr appended to
/// `output_path` (opened by us, mode 0640, so the child needs no right to it), no other descriptor except `keep_fd`,
/// default signals, umask 077, no core dumps, no new privileges. Returns once exec has succeeded; a failure on the way
/// (no such program, no right to drop privileges) is an error and leaves no process. The caller reaps it by its pidfd.
Result<Child> spawn(const Command& command, const std::string& output_path);

struct Output {
  int status = 0;    ///< exit status; 128 + signal when killed
  std::string text;  ///< stdout and stderr, interleaved; the last 1 MiB
  bool ok() const { return status == 0; }
};

/// Runs a short command to its end under the same rules and captures what it prints. After `timeout` its whole process
/// group is killed and the result is an error.
Result<Output> run(const Command& command, std::chrono::milliseconds timeout);

}  // namespace howdah::os
