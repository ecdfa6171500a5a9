#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The checksums that PostgreSQL's formats ask for, fast enough to run beside a copy. Pure functions.
namespace howdah::backup {

/// CRC-32C of a stream, several GB/s where the processor has an instruction for it.
class Crc32c {
 public:
  void add(const void* data, size_t size);
  uint32_t value() const { return crc_; }
  std::string hex() const;  ///< as in PostgreSQL's backup_manifest: the bytes in memory order

 private:
  uint32_t crc_ = 0;
};

inline constexpr size_t kPage = 8192;

/// What pd_checksum of a data page must be. `block`: its number in the relation, counted through all segment files.
uint16_t page_checksum(const char* page, uint32_t block);

/// A page that PostgreSQL has not initialised yet carries no checksum.
bool page_is_new(const char* page);
uint64_t page_lsn(const char* page);
uint16_t stored_checksum(const char* page);

std::string sha256_hex(std::string_view text);

}  // namespace howdah::backup
