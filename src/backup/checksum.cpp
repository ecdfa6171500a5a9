#include "backup/checksum.h"

#include <openssl/evp.h>
#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

#include "backup/wal_page.h"

namespace howdah::backup {
namespace {

// The page checksum runs 32 independent FNV-1a-like sums over the words of the page. Each starts from a constant of its
// own, so that equal columns don't cancel out.
constexpr size_t kSums = 32;
constexpr uint32_t kPrime = 16777619;
constexpr std::array<uint32_t, kSums> kStart = {
    0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
    0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
    0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
    0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756};
constexpr size_t kChecksumAt = 8, kUpperAt = 14;  // in PageHeaderData

/// `words`: the page with its checksum field zeroed.
inline __attribute__((always_inline)) uint32_t sum_words(const uint32_t* words) {
  std::array<uint32_t, kSums> sums = kStart;
  auto mix = [&](size_t j, uint32_t word) {
    const uint32_t t = sums[j] ^ word;
    sums[j] = (t * kPrime) ^ (t >> 17);
  };
  for (size_t i = 0; i < kPage / sizeof(uint32_t); i += kSums) {
    for (size_t j = 0; j < kSums; j++) mix(j, words[i + j]);
  }
  for (int round = 0; round < 2; round++) {
    for (size_t j = 0; j < kSums; j++) mix(j, 0);
  }
  uint32_t all = 0;
  for (uint32_t s : sums) all ^= s;
  return all;
}

#if defined(__x86_64__)
__attribute__((target("avx2"), optimize("O3"))) uint32_t sum_words_wide(const uint32_t* words) {
  return sum_words(words);
}
const bool kHasWide = __builtin_cpu_supports("avx2") != 0;
#endif

template <class T>
T load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

void Crc32c::add(const void* data, size_t size) { crc_ = wal_crc(crc_, data, size); }

std::string Crc32c::hex() const {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (uint32_t v = value(), i = 0; i < 4; i++, v >>= 8) {
    out += kDigits[(v >> 4) & 15];
    out += kDigits[v & 15];
  }
  return out;
}

uint16_t page_checksum(const char* page, uint32_t block) {
  alignas(64) std::array<uint32_t, kPage / sizeof(uint32_t)> words;
  std::memcpy(words.data(), page, kPage);
  words[kChecksumAt / sizeof(uint32_t)] &= 0xFFFF0000U;
#if defined(__x86_64__)
  uint32_t sum = kHasWide ? sum_words_wide(words.data()) : sum_words(words.data());
#else
  uint32_t sum = sum_words(words.data());
#endif
  return static_cast<uint16_t>((sum ^ block) % 65535 + 1);
}

bool page_is_new(const char* page) { return load<uint16_t>(page + kUpperAt) == 0; }

uint64_t page_lsn(const char* page) { return uint64_t{load<uint32_t>(page)} << 32 | load<uint32_t>(page + 4); }

uint16_t stored_checksum(const char* page) { return load<uint16_t>(page + kChecksumAt); }

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available");
  }
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < size; i++) {
    out += kDigits[digest[i] >> 4];
    out += kDigits[digest[i] & 15];
  }
  return out;
}

}  // namespace howdah::backup
