#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

/// What protects a repository's bytes: AES-256-GCM and GMAC, keyed BLAKE2b and HKDF-SHA256 of OpenSSL. Failures of the
/// library itself throw std::runtime_error; a forged or damaged text is a false answer.
namespace howdah::repository {

using Key = std::array<uint8_t, 32>;
using ChunkId = std::array<uint8_t, 32>;  ///< keyed hash of a chunk's plaintext
inline constexpr size_t kTag = 16;        ///< what encryption adds
inline constexpr size_t kSalt = 16;

Key random_key();
std::string random_salt();
/// HKDF-SHA256: a key for one purpose and salt only.
Key derive(const Key& from, std::string_view salt, std::string_view purpose);

std::string hex(std::string_view bytes);
std::string unhex(std::string_view text);  ///< empty when it is not hexadecimal

/// AES-256-GCM under one key, which must encrypt each number once only. Not thread-safe.
class Cipher {
 public:
  explicit Cipher(const Key& key);
  /// Encrypts `size` bytes in place and writes the tag behind them. `about` is authenticated with it.
  void seal(uint64_t number, std::string_view about, char* data, size_t size);
  /// Decrypts `sealed` (with its tag) into `out`, which holds sealed.size() - kTag bytes. False: not what was sealed.
  bool open(uint64_t number, std::string_view about, std::string_view sealed, char* out);

  struct Free {
    void operator()(void* context) const;
  };

 private:
  std::unique_ptr<void, Free> seal_, open_;
};

/// Makes the ids of an instance's chunks: AES-256-GMAC, a keyed universal hash, and 16 zeroes behind it; in format 1
/// keyed BLAKE2b-256. They are secrets: whoever knows some can make chunks of the same id (docs/repository.md). Not
/// thread-safe.
class Hasher {
 public:
  Hasher(const Key& data_key, const std::string& resource);
  ChunkId operator()(std::string_view bytes);
  bool matches(std::string_view bytes, const ChunkId& id);  ///< an id of either kind

 private:
  struct Free {
    void operator()(void* context) const;
  };
  ChunkId blake2b(std::string_view bytes);
  std::unique_ptr<void, Cipher::Free> gmac_;
  std::unique_ptr<void, Free> blake2b_;
  Key blake2b_key_;
};

}  // namespace howdah::repository
