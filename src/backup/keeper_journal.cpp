#include "backup/keeper_journal.h"

namespace howdah::backup {

using namespace std::chrono_literals;

Journal::Journal(const std::string& root) : position_(root), clock_(root) {
  last_indexed_ = clock_.last();
  if (const auto durable = position_.read()) clock_seen_ = durable->clock;
}

Result<void> Journal::publish(Position end, Time before, Time after) {
  if (auto written = position_.write({end, before}); !written) return written;
  clock_seen_ = before;
  const bool moved = !seen_ || seen_->position != end;
  if (!last_indexed_ || last_indexed_->position != end) {
    if (auto indexed = index({before, after, end}, moved); !indexed) return indexed;
  }
  if (moved) changed_ = before;
  seen_ = {before, after, end};
  return {};
}

/// At most one record a second, but always where a silence begins (what was written last must not be taken for later
/// because the server's clock is fast) and the last look before it ends.
Result<void> Journal::index(const ClockRecord& record, bool moved) {
  if (last_indexed_ && record.after - last_indexed_->after < 1s) return {};
  if (moved && seen_ && seen_->before - changed_ >= 1s) {
    if (auto silence = clock_.append(*seen_); !silence) return silence;
  }
  last_indexed_ = record;
  return clock_.append(record);
}

}  // namespace howdah::backup
