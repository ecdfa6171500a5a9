#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "repository/format.h"
#include "repository/storage.h"

namespace howdah::repository {

inline constexpr uint64_t kSkip = 256 << 10;  ///< a gap between chunks that is cheaper to read than to go around

/// The packs that a thread reads, one after the other: only the last one stays open. Not thread-safe.
class PackCursor {
 public:
  PackCursor(Storage& storage, const Key& data_key, const std::vector<std::string>& packs)
      : storage_(storage), data_key_(data_key), packs_(packs) {}
  Result<PackReader*> at(uint32_t pack);

 private:
  Storage& storage_;
  const Key& data_key_;
  const std::vector<std::string>& packs_;
  std::optional<PackReader> open_;
  uint32_t number_ = 0;
};

/// Reads chunks that stand in full, a few at a time, for those that are stored as differences to them. Not thread-safe.
class BaseReader {
 public:
  BaseReader(Storage& storage, const Key& data_key, const std::vector<std::string>& packs)
      : storage_(storage), packs_(packs), cursor_(storage, data_key, packs) {}
  /// The plaintexts of `refs` in their order, valid until the next call; one that is missing or damaged is empty. Fails
  /// when the storage can't be reached.
  Result<std::vector<std::string_view>> read(const std::vector<Ref>& refs);

 private:
  Result<void> read_run(const std::vector<Ref>& refs, const size_t* first, const size_t* last,
                        std::vector<std::string_view>& out);

  Storage& storage_;
  const std::vector<std::string>& packs_;
  PackCursor cursor_;
  Decompressor decompress_;
  std::string bytes_, scratch_, plain_;
};

}  // namespace howdah::repository
