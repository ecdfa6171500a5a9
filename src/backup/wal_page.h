#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>

#include "backup/position.h"

/// What PostgreSQL 12 to 18 write at the start of each WAL page and record; the same in all of them, but for the magic.
namespace howdah::backup {

inline constexpr size_t kShortHeader = 24;  ///< of a page
inline constexpr size_t kLongHeader = 40;   ///< of the first page of a segment
inline constexpr size_t kRecordHeader = 24;

inline constexpr uint16_t kFirstIsContinuation = 0x1;
inline constexpr uint16_t kLongHeaderFlag = 0x2;
inline constexpr uint16_t kOverwritesContinuation = 0x8;  ///< the record that should go on here was given up in a crash

struct PageHeader {
  uint16_t magic = 0, flags = 0;
  uint32_t timeline = 0;
  Lsn address = 0;
  uint32_t remaining = 0;          ///< bytes of the record that began before this page
  uint64_t system_identifier = 0;  ///< of a long header only
  uint32_t segment_size = 0, page_size = 0;
};

/// The header of the page at `address`, from at least kLongHeader bytes. Nothing when these bytes are no WAL page that
/// belongs there: zeros, or an old page of a segment file that was recycled. The timeline is the caller's to judge.
std::optional<PageHeader> parse_page_header(const char* bytes, Lsn address);

inline Lsn page_start(Lsn lsn) { return lsn - lsn % kWalPage; }
inline Lsn segment_begin(Lsn lsn) { return lsn - lsn % kSegmentSize; }
inline size_t header_size(Lsn page) { return page % kSegmentSize == 0 ? kLongHeader : kShortHeader; }

/// PostgreSQL names the position behind a full page in two ways: the page's end (where a record ended) and the first
/// byte after the next page's header (where the next one begins). This makes both the former.
inline Lsn record_end(Lsn lsn) { return lsn % kWalPage == header_size(page_start(lsn)) ? page_start(lsn) : lsn; }

/// CRC-32C as pg::crc32c, by the processor's instruction where it has one. Start with `crc` = 0; may be chained.
uint32_t wal_crc(uint32_t crc, const void* data, size_t size);

template <class T>
T load_as(const char* bytes) {
  T value;
  __builtin_memcpy(&value, bytes, sizeof value);
  return value;
}

}  // namespace howdah::backup
