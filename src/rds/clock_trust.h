#pragma once
#include <optional>
#include <string>

#include "rds/rds.h"

namespace howdah::rds {

/// Whether the clock may say what is too old to keep. One that leaps ahead by weeks (a bad time server, a machine that
/// was resumed) would expire nearly all backups at once, and nothing brings them back. So after a leap that no passing
/// of time explains nothing expires for a day: by then the clock was set right, or counts as right. A daemon that was
/// away for longer than a day can't tell that from a leap, and waits for a day, too.
///
/// Both ends are events of the instances with backups. One thread; the idle cost is one clock and a record an hour.
class ClockTrust {
 public:
  explicit ClockTrust(Rds& rds) : rds_(rds), begun_(rds.clock.now()), set_to_(rds.clock.set_to()) {}
  /// Looks at the clock; false: nothing may expire now.
  bool look();

 private:
  void doubt(Millis ahead, Time now);
  void believe(Time now, const std::string& why);

  Rds& rds_;
  std::optional<Time> begun_;  // until the first look
  Millis set_to_;              // Clock::set_to() as it was judged last
};

}  // namespace howdah::rds
