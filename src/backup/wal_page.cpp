#include "backup/wal_page.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#include "pg/control_file.h"

namespace howdah::backup {
namespace {

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
#if defined(__x86_64__)
  static const bool fast = __builtin_cpu_supports("sse4.2") != 0;
  if (fast) return by_instruction(crc ^ 0xFFFFFFFFU, static_cast<const char*>(data), size) ^ 0xFFFFFFFFU;
#endif
  return pg::crc32c(data, size, crc);
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
