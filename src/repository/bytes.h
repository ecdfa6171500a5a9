#pragma once
#include <cstdint>
#include <string>

/// Integers as they lie in the repository's objects: little-endian.
namespace howdah::repository {

inline void put32(char* at, uint32_t v) {
  for (int i = 0; i < 4; i++) at[i] = static_cast<char>(v >> (8 * i));
}
inline void append32(std::string& out, uint32_t v) {
  char bytes[4];
  put32(bytes, v);
  out.append(bytes, sizeof bytes);
}
inline uint32_t get32(const char* at) {
  uint32_t v = 0;
  for (int i = 0; i < 4; i++) v |= static_cast<uint32_t>(static_cast<unsigned char>(at[i])) << (8 * i);
  return v;
}

}  // namespace howdah::repository
