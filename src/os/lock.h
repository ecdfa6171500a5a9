#pragma once
#include <chrono>
#include <string>

#include "os/fd.h"
#include "util/result.h"

namespace howdah::os {

/// An exclusive flock(2) on a file, held as long as the object lives; the kernel drops it when the holder dies, however
/// it dies. The file stays (removing it would race) and holds the holder's pid. Move-only. Not re-entrant: a second
/// acquire in the same process waits as well.
class LockFile {
 public:
  /// `what` names the thing for the message, e.g. "state directory /var/lib/howdah". With wait zero, a held lock is an
  /// error at once: "… is in use by process 4711"; retry = true.
  static Result<LockFile> acquire(const std::string& path, const std::string& what,
                                  std::chrono::milliseconds wait = std::chrono::milliseconds(0));
  const Fd& fd() const { return fd_; }

 private:
  explicit LockFile(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace howdah::os
