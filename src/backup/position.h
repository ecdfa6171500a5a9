#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace howdah::backup {

/// A byte position in the WAL, as pg_lsn.
using Lsn = uint64_t;

/// Always 16 MiB: initdb's default, and every engine of ours is made with it.
inline constexpr uint64_t kSegmentSize = 16u << 20;
inline constexpr uint64_t kWalPage = 8192;

struct Position {
  uint32_t timeline = 0;
  Lsn lsn = 0;
  auto operator<=>(const Position&) const = default;
};

std::string lsn_text(Lsn lsn);                         ///< "0/16B3748"
std::optional<Lsn> parse_lsn(std::string_view text);   ///< of "0/16B3748"
std::string segment_name(uint32_t timeline, Lsn lsn);  ///< 24 hex digits, of the segment that holds `lsn`
/// The first position of the segment with that name; nothing for any other file name.
std::optional<Position> segment_start(std::string_view name);
std::string history_name(uint32_t timeline);  ///< "00000002.history"

}  // namespace howdah::backup
