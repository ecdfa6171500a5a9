#pragma once
#include <string_view>

#include "util/clock.h"
#include "util/result.h"

namespace howdah::cli {

/// "2026-11-20 10:05", with T or a space, seconds and fractions optional, "Z" or an offset such as +01:00 at the end. A
/// time without one is of the local time zone (TZ): refused when clocks there skipped it or showed it twice.
Result<Time> parse_instant(std::string_view text);

}  // namespace howdah::cli
