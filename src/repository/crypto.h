#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

/// What protects a repository's bytes: AES-256-GCM, keyed BLAKE2b and HKDF-SHA256 of OpenSSL. Failures of the library
/// itself throw std::runtime_error; a forged or damaged text is a false answer.
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

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> seal_, open_;
};

/// Keyed BLAKE2b-256. Not thread-safe.
class Hasher {
 public:
  explicit Hasher(const Key& key);
  ChunkId operator()(std::string_view bytes);

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;
  Key key_;
};

}  // namespace howdah::repository
