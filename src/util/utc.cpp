#include "util/utc.h"

#include <fmt/chrono.h>

namespace howdah {

std::string utc_text(Time t) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(t);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)));
}

}  // namespace howdah
