#pragma once
#include <memory>
#include <optional>

#include "backup/position.h"
#include "os/fd.h"
#include "pg/layout.h"
#include "util/clock.h"

namespace howdah::backup {

/// Asks the server once a second how far its WAL is flushed, in a thread of its own: a server that does not answer must
/// not keep the receiving waiting. What a stream brings does not say when there is nothing more.
class FlushWatch {
 public:
  FlushWatch(const pg::Layout& layout, int port);
  ~FlushWatch();  ///< does not wait for the server

  struct Sample {
    Time before{};  ///< when it was asked: all that was acknowledged by then is below
    Lsn lsn = 0;
  };
  /// The newest sample at or below `end` that was not taken yet; those above it are kept for later.
  std::optional<Sample> reached(Lsn end);
  int descriptor() const;  ///< readable when there is a new sample

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace howdah::backup
