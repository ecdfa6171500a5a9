#pragma once
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

#include "repository/format.h"
#include "util/result.h"

namespace howdah::repository {

class Repository;

struct HashOfId {
  size_t operator()(const ChunkId& id) const {
    size_t h;
    std::memcpy(&h, id.data(), sizeof h);  // it is a hash already
    return h;
  }
};

/// Chunks that are stored, and the packs they lie in: `Ref::pack` is the number in `packs`, `Ref::base` that in `refs`.
struct Known {
  std::vector<Pack> packs;
  std::vector<Ref> refs;
  std::unordered_map<ChunkId, uint32_t, HashOfId> chunks;  ///< number in `refs`
  /// By a file's path, for each of its chunks in the newest backup: what is like it and stands in full, or kInFull.
  std::unordered_map<std::string, std::vector<uint32_t>> like;

  uint32_t add_pack(Pack p);
  uint32_t add(const Ref& ref);  ///< the first one of its id counts; its number in `refs`
};

/// What a put of the backup `id` need not store again: what the newest backup of `resource` holds, and what packs hold
/// that an earlier try of the same backup left.
Result<Known> learn(const Repository& r, const std::string& resource, const std::string& id);

}  // namespace howdah::repository
