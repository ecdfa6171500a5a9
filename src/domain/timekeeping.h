#pragma once
#include <string>
#include <string_view>

#include "util/clock.h"

namespace howdah {

/// What is known of the machine's clock beyond the daemon's life; one record. See rds/clock_trust.h.
struct Timekeeping {
  static constexpr std::string_view kKind = "timekeeping";
  static constexpr const char* kOnly = "clock";

  Time seen{};           ///< the clock, less than an hour before the daemon ended or later
  Time doubted_until{};  ///< it has leapt ahead; {} = it is believed
  std::string boot;      ///< the machine's start by then; "" = not known
  int64_t set_to = 0;    ///< Clock::set_to() as it was judged last, in milliseconds

  std::string key() const { return kOnly; }
  std::string encode() const;
  static Timekeeping decode(std::string_view text);
};

}  // namespace howdah
