#pragma once
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "backup/restore.h"
#include "os/identity.h"
#include "util/result.h"

namespace howdah::backup {

/// Gives a recovering server its WAL while it replays, where its directory cannot share blocks with the vault: of all
/// but the last segments only those around the one that it asks for lie in pg_wal at a time. So gigabytes of WAL need
/// neither that room nor that memory, and are copied while the server replays.
///
/// `<directory>/<segment>` says that a segment is still to come: the server's restore_command leaves the name of what
/// it wants in `<directory>/asked`, again and again, and waits while that is so (see private_server). Names that nobody
/// is to bring, such as a history file's, are not waited for. While nobody feeds, the server waits; it goes on when
/// there is a feed again, or when the directory is removed.
class WalFeed {
 public:
  /// The files of a plan that are fed, in order: all segments but the target's and the one before it, which are written
  /// to when the WAL is cut.
  static std::vector<std::string> files_of(const Plan& plan);

  /// Before a server starts, and nobody feeds it yet: all of them are to come, and what an earlier feed left in pg_wal
  /// goes. The directory is there, and the server's.
  static Result<void> prepare(const Plan& plan, const std::string& directory, const std::string& pg_wal,
                              os::Owner owner);

  /// Feeds pg_wal, in a thread of its own, until it is destroyed.
  WalFeed(const Plan& plan, std::string directory, std::string pg_wal, os::Owner owner);

  /// What has ended the feeding: a segment that cannot be read, or a full disk.
  std::optional<Error> failure() const;

 private:
  struct File {
    std::string path, name;
  };
  void feed(const std::stop_token& stop);
  std::optional<size_t> asked() const;
  Result<bool> come_nearer(size_t at);
  Result<void> bring(size_t i);
  Result<void> take_away(size_t i);
  std::string coming(size_t i) const { return directory_ + "/" + files_[i].name; }

  const std::string directory_, pg_wal_;
  const os::Owner owner_;
  std::vector<File> files_;
  std::set<size_t> there_;  // only the thread's
  mutable std::mutex mutex_;
  std::optional<Error> failure_;  // guarded by mutex_
  std::jthread thread_;           // the last: ends before what it uses
};

}  // namespace howdah::backup
