#include "backup/wal_page.h"

#include <array>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace howdah::backup {
namespace {

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int k = 0; k < 8; k++) c = (c & 1) != 0 ? (c >> 1) ^ 0x82F63B78U : c >> 1;
    table[i] = c;
  }
  return table;
}
constexpr auto kTable = make_table();

uint32_t by_table(uint32_t c, const char* bytes, size_t size) {
  for (size_t i = 0; i < size; i++) c = (c >> 8) ^ kTable[(c ^ static_cast<unsigned char>(bytes[i])) & 255];
  return c;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t by_instruction(uint32_t c, const char* bytes, size_t size) {
  uint64_t wide = c;
  for (; size >= 8; size -= 8, bytes += 8) wide = _mm_crc32_u64(wide, load_as<uint64_t>(bytes));
  c = static_cast<uint32_t>(wide);
  for (; size > 0; size--, bytes++) c = _mm_crc32_u8(c, static_cast<unsigned char>(*bytes));
  return c;
}
#endif

}  // namespace

uint32_t wal_crc(uint32_t crc, const void* data, size_t size) {
  const char* bytes = static_cast<const char*>(data);
  const uint32_t c = crc ^ 0xFFFFFFFFU;
#if defined(__x86_64__)
  static const bool fast = __builtin_cpu_supports("sse4.2") != 0;
  if (fast) return by_instruction(c, bytes, size) ^ 0xFFFFFFFFU;
#endif
  return by_table(c, bytes, size) ^ 0xFFFFFFFFU;
}

std::optional<PageHeader> parse_page_header(const char* bytes, Lsn address) {
  PageHeader h;
  h.magic = load_as<uint16_t>(bytes);
  h.flags = load_as<uint16_t>(bytes + 2);
  h.timeline = load_as<uint32_t>(bytes + 4);
  h.address = load_as<uint64_t>(bytes + 8);
  h.remaining = load_as<uint32_t>(bytes + 16);
  // 0xD101 is PostgreSQL 12; each major version counts on from there.
  if (h.magic < 0xD101 || h.magic > 0xD1FF || h.address != address || h.timeline == 0) return {};
  const bool first = address % kSegmentSize == 0;
  if (first != ((h.flags & kLongHeaderFlag) != 0)) return {};
  if (!first) return h;
  h.system_identifier = load_as<uint64_t>(bytes + 24);
  h.segment_size = load_as<uint32_t>(bytes + 32);
  h.page_size = load_as<uint32_t>(bytes + 36);
  if (h.segment_size != kSegmentSize || h.page_size != kWalPage) return {};
  return h;
}

}  // namespace howdah::backup
