#include "backup/position.h"

#include <fmt/format.h>

namespace howdah::backup {
namespace {

constexpr uint64_t kSegmentsOfId = 0x100000000ULL / kSegmentSize;  // segments in one step of the name's middle part

/// 1 to 8 hexadecimal digits; nothing else, in particular no sign, space or "0x".
std::optional<uint32_t> parse_hex(std::string_view text, bool lower_too) {
  if (text.empty() || text.size() > 8) return {};
  uint32_t value = 0;
  for (char c : text) {
    uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint32_t>(c - '0');
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<uint32_t>(c - 'A' + 10);
    } else if (lower_too && c >= 'a' && c <= 'f') {
      digit = static_cast<uint32_t>(c - 'a' + 10);
    } else {
      return {};
    }
    value = value << 4 | digit;
  }
  return value;
}

}  // namespace

std::string lsn_text(Lsn lsn) { return fmt::format("{:X}/{:X}", lsn >> 32, lsn & 0xFFFFFFFFU); }

std::optional<Lsn> parse_lsn(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return {};
  const auto high = parse_hex(text.substr(0, slash), true), low = parse_hex(text.substr(slash + 1), true);
  if (!high || !low) return {};
  return static_cast<Lsn>(*high) << 32 | *low;
}

std::string segment_name(uint32_t timeline, Lsn lsn) {
  const uint64_t segment = lsn / kSegmentSize;
  return fmt::format("{:08X}{:08X}{:08X}", timeline, segment / kSegmentsOfId, segment % kSegmentsOfId);
}

std::optional<Position> segment_start(std::string_view name) {
  if (name.size() != 24) return {};
  const auto timeline = parse_hex(name.substr(0, 8), false), id = parse_hex(name.substr(8, 8), false),
             segment = parse_hex(name.substr(16, 8), false);
  if (!timeline || !id || !segment || *timeline == 0 || *segment >= kSegmentsOfId) return {};
  return Position{*timeline, static_cast<Lsn>(*id) << 32 | *segment * kSegmentSize};
}

std::string history_name(uint32_t timeline) { return fmt::format("{:08X}.history", timeline); }

}  // namespace howdah::backup
