#include "repository/difference.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace howdah::repository {

size_t difference(std::string_view chunk, std::string_view base, char* out) {
  const size_t common = std::min(chunk.size(), base.size());
  size_t words = 0, at = 0;
  constexpr size_t kWords = 8;
  uint64_t a[kWords], b[kWords];
  for (; at + sizeof a <= common; at += sizeof a) {
    std::memcpy(a, chunk.data() + at, sizeof a);
    std::memcpy(b, base.data() + at, sizeof b);
    uint64_t any = 0;
    for (size_t i = 0; i < kWords; i++) any |= a[i] ^= b[i];
    std::memcpy(out + at, a, sizeof a);
    if (any == 0) continue;
    for (const uint64_t word : a) words += word != 0 ? 1 : 0;
  }
  const size_t rest = chunk.size() - at;
  for (; at < chunk.size(); at++) out[at] = static_cast<char>(chunk[at] ^ (at < common ? base[at] : 0));
  return words * sizeof(uint64_t) + rest;
}

}  // namespace howdah::repository
