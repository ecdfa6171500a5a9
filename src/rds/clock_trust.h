#pragma once
#include <optional>
#include <string>

#include "os/boot.h"
#include "rds/rds.h"

namespace howdah::rds {

/// Whether the clock may say what is too old to keep. One that leaps ahead by weeks (a bad time server, a machine that
/// was resumed) would expire nearly all backups at once, and nothing brings them back. So after a leap that no passing
/// of time explains nothing expires for a day: by then the clock was set right, or counts as right. A daemon that was
/// away sees it all the same, unless the machine was started anew meanwhile: then only more than a day is taken for
/// one.
///
/// Both ends are events of the instances with backups. One thread; the idle cost is one clock and a record an hour.
class ClockTrust {
 public:
  /// `boot`: which start of the machine this is.
  explicit ClockTrust(Rds& rds, std::string boot = os::boot_id().value_or(""))
      : rds_(rds), boot_(std::move(boot)), begun_(rds.clock.now()), set_to_(rds.clock.set_to()) {}
  /// Looks at the clock; false: nothing may expire now.
  bool look();

 private:
  void doubt(Millis ahead, Time now);
  void believe(Time now, const std::string& why);
  void note(store::Tx& tx, Time now, Time doubted_until);

  Rds& rds_;
  const std::string boot_;
  std::optional<Time> begun_;  // until the first look
  Millis set_to_;              // Clock::set_to() as it was judged last
};

}  // namespace howdah::rds
