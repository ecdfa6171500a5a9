#pragma once
#include <functional>
#include <string_view>
#include <vector>

#include "repository/format.h"
#include "repository/storage.h"

/// Reads many chunks of many packs: in the packs' order, in large pieces, on several threads.
namespace howdah::repository {

struct Wanted {
  Ref ref;                       ///< ref.pack is the number in ChunkReading::packs
  uint32_t file = 0, chunk = 0;  ///< what it is for
};

/// Called for all wanted of one chunk at once, from any thread. `plain` is empty when the chunk is damaged; `why` says
/// how. A chunk that was put together from a difference has been compared with its id. An error ends the reading.
using OnChunk = std::function<Result<void>(unsigned worker, const Wanted* first, const Wanted* last,
                                           std::string_view plain, const std::string& why)>;

struct ChunkReading {
  Storage& storage;
  const Key& data_key;
  const std::string& resource;
  const std::vector<std::string>& packs;
  const std::vector<Ref>& bases;
  unsigned threads;
};

/// Sorts `wanted`. Fails when the storage can't be reached; what is missing or damaged is told to `on_chunk`.
Result<void> read_chunks(const ChunkReading& reading, std::vector<Wanted>& wanted, const OnChunk& on_chunk);

}  // namespace howdah::repository
