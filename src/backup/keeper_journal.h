#pragma once
#include <optional>
#include <string>

#include "backup/vault_files.h"

namespace howdah::backup {

/// What a keeper tells the world after its data was synced: `position` and the index `clock`.
class Journal {
 public:
  explicit Journal(const std::string& root);

  /// All that the server had written at `before` is durable below `end`; `after` is now.
  Result<void> publish(Position end, Time before, Time after);
  /// A longer way is gone in steps: so far it is durable, the clock stands still.
  Result<void> publish_step(Position end) { return position_.write({end, clock_seen_}); }
  Time clock() const { return clock_seen_; }  ///< of the last publish()

 private:
  Result<void> index(const ClockRecord& record, bool moved);
  void notice_step(Time now);
  PositionFile position_;
  ClockFile clock_;
  std::optional<ClockRecord> last_indexed_, seen_;
  Time clock_seen_{}, changed_{};  ///< of the last whole look; when the end last moved
  std::optional<Millis> set_to_;   ///< the clock less the time that has passed, at the last whole look
  bool stepped_ = false;           ///< somebody has set the clock since the last record
};

}  // namespace howdah::backup
