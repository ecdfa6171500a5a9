#pragma once
#include <string>

#include "util/clock.h"
#include "util/result.h"

namespace howdah::os {

/// Names the machine's last start.
Result<std::string> boot_id();

/// A reading of the clock, to be compared with later ones, also of other processes and after another start.
struct ClockReading {
  Time now{};
  Millis set_to{};   ///< Clock::set_to()
  std::string boot;  ///< boot_id(); empty: nobody knows

  bool same_boot(const ClockReading& other) const { return !boot.empty() && boot == other.boot; }
  /// Within one start the time that has passed, whatever somebody did to the clock; otherwise what the clock says.
  Millis since(const ClockReading& earlier) const {
    return now - earlier.now - (same_boot(earlier) ? set_to - earlier.set_to : Millis(0));
  }
};
ClockReading read_clock(const Clock& clock);

}  // namespace howdah::os
