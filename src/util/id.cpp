#include "util/id.h"

// The plain functions: EVP would read OpenSSL's configuration and set up its providers, 2 ms that a command which
// hashes a few files has no other use for.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <sys/random.h>

#include <stdexcept>

namespace howdah::id {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

void fill(unsigned char* out, size_t n) {
  while (n > 0) {
    const ssize_t got = getrandom(out, n, 0);
    if (got < 0) throw std::runtime_error("getrandom failed");
    out += got;
    n -= static_cast<size_t>(got);
  }
}

}  // namespace

std::string random(std::string_view alphabet, size_t length) {
  // Rejection sampling keeps every character equally likely whatever the alphabet's size.
  const unsigned limit = 256 - 256 % static_cast<unsigned>(alphabet.size());
  std::string out;
  out.reserve(length);
  while (out.size() < length) {
    unsigned char bytes[64];
    fill(bytes, sizeof bytes);
    for (const unsigned char b : bytes) {
      if (b < limit && out.size() < length) out += alphabet[b % alphabet.size()];
    }
  }
  return out;
}

std::string uuid() {
  std::string s = random(kHex, 32);
  s[12] = '4';
  s[16] = "89ab"[static_cast<unsigned char>(s[16]) % 4];
  for (const size_t at : {8, 13, 18, 23}) s.insert(at, "-");
  return s;
}

std::string db_resource() { return "db-" + random(kBase32, 26); }
std::string ec2(std::string_view prefix) { return std::string(prefix) + "-" + random(kHex, 17); }

std::string stable_hex(std::string_view text, size_t length) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256_CTX sha;
  SHA256_Init(&sha);
  SHA256_Update(&sha, text.data(), text.size());
  SHA256_Final(digest, &sha);
  std::string out(length, '\0');
  for (size_t i = 0; i < length && i < 2 * sizeof digest; i++)
    out[i] = kHex[i % 2 == 0 ? digest[i / 2] >> 4 : digest[i / 2] & 15];
  return out;
}

}  // namespace howdah::id
