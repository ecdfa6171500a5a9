#include "repository/difference.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace howdah::repository {

size_t difference(std::string_view chunk, std::string_view base, char* out) {
  const size_t common = std::min(chunk.size(), base.size());
  size_t words = 0, at = 0;
  for (; at + sizeof(uint64_t) <= common; at += sizeof(uint64_t)) {
    uint64_t a, b;
    std::memcpy(&a, chunk.data() + at, sizeof a);
    std::memcpy(&b, base.data() + at, sizeof b);
    a ^= b;
    std::memcpy(out + at, &a, sizeof a);
    words += a != 0 ? 1 : 0;
  }
  const size_t rest = chunk.size() - at;
  for (; at < chunk.size(); at++) out[at] = static_cast<char>(chunk[at] ^ (at < common ? base[at] : 0));
  return words * sizeof(uint64_t) + rest;
}

}  // namespace howdah::repository
