#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/base.h"
#include "backup/base_copy.h"
#include "os/lock.h"
#include "util/result.h"

namespace howdah::backup {

/// bases/<id>.tmp while a base is being made: one worker at a time (the lock), cleared of an earlier try. What isn't
/// published is removed with this object: on a full disk its space is needed for other things. Move-only.
class Staging {
 public:
  /// Fails, with retry, when another worker makes the same base.
  /// `before_clearing`: ends what may still run in the directory of an earlier try.
  static Result<Staging> open(const std::string& state, const std::string& id,
                              const std::function<Result<void>()>& before_clearing = {});

  const std::string& root() const { return root_; }
  std::string data() const { return root_ + "/data"; }
  std::string wal() const { return root_ + "/wal"; }
  std::string promoted() const { return root_ + "/promoted"; }  ///< not there before promote() makes it

  /// The base when it is complete already (an earlier try published it and died before it could say so).
  std::optional<Base> finished() const;

  /// Writes both manifests, syncs, and renames to bases/<id>.
  Result<Base> publish(Base base, CopiedData copied);

 private:
  Staging(std::string state, std::string id, os::LockFile lock);
  struct Remover {
    std::string path;  // "" = nothing
    ~Remover();
  };
  std::string state_, id_, root_;
  os::LockFile lock_;
  std::unique_ptr<Remover> unfinished_;  // behind the lock: goes first
};

enum class Blocks {
  kCopied,   ///< always byte for byte
  kShared,   ///< cloned where the file system can
  kPassing,  ///< byte for byte, for files that go before the disk needs to hear of them
};

/// Copies WAL files into `directory`; a partial segment becomes one of full size, with zeroes behind. kShared only when
/// all files are immutable ones of a vault or base, and the copies are removed and never recycled. The last two and
/// partial segments, which will be written to, are copied in any case. Rests at this thread's pace.
Result<void> place_wal(const std::vector<std::string>& files, const std::string& directory,
                       Blocks blocks = Blocks::kCopied);

/// Whether kShared would clone this file into `directory`.
bool can_share(const std::string& file, const std::string& directory);

}  // namespace howdah::backup
