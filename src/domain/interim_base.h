#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "util/clock.h"

namespace howdah {

/// A base between an instance's snapshots, which nobody sees: a restore to an instant after it replays less WAL.
/// Nothing depends on it, so it may go at any time that no restore works with it.
struct InterimBase {
  static constexpr std::string_view kKind = "interim-base";

  std::string base_id;      ///< names <state>/bases/<base_id>
  std::string resource_id;  ///< whose data it is
  uint32_t timeline = 0;    ///< the position it stands at, or a little before it
  uint64_t lsn = 0;
  Time begun{};  ///< it is made when its workflow has gone

  std::string key() const { return base_id; }
  std::string workflow() const { return "base/" + base_id; }
  std::string encode() const;
  static InterimBase decode(std::string_view text);
};

}  // namespace howdah
