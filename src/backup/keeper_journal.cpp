#include "backup/keeper_journal.h"

#include <utility>

namespace howdah::backup {

using namespace std::chrono_literals;

namespace {

constexpr Millis kStep{60'000}, kStepBack{3'000};

}  // namespace

Journal::Journal(const std::string& root) : position_(root), clock_(root) {
  last_indexed_ = clock_.last();
  if (const auto durable = position_.read()) clock_seen_ = durable->clock;
}

Result<void> Journal::publish(Position end, Time before, Time after) {
  if (auto written = position_.write({end, before}); !written) return written;
  notice_step(after);
  clock_seen_ = before;
  const bool moved = !seen_ || seen_->position != end;
  if (!last_indexed_ || last_indexed_->position != end) {
    if (auto indexed = index({before, after, end}, moved); !indexed) return indexed;
  }
  if (moved) changed_ = before;
  seen_ = {before, after, end};
  return {};
}

void Journal::notice_step(Time now) {
  const Millis set_to = now.time_since_epoch() - since_start(), ahead = set_to_ ? set_to - *set_to_ : Millis(0);
  stepped_ |= ahead > kStep || -ahead > kStepBack || clock_seen_ - now > kStepBack;
  set_to_ = set_to;
}

/// At most one record a second, but always where a silence begins (what was written last must not be taken for later
/// because the server's clock is fast) and the last look before it ends.
Result<void> Journal::index(const ClockRecord& record, bool moved) {
  if (!stepped_ && last_indexed_ && record.after - last_indexed_->after < 1s) return {};
  const bool silence = moved && seen_ && seen_->before - changed_ >= 1s;
  const bool ends = stepped_ && seen_ && last_indexed_ && seen_->before > last_indexed_->before;  // a run
  if (silence || ends) {
    if (auto last = clock_.append(*seen_); !last) return last;
  }
  const bool stepped = std::exchange(stepped_, false);
  last_indexed_ = record;
  return clock_.append(record, stepped);
}

}  // namespace howdah::backup
