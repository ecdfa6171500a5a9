#include "util/id.h"

#include <openssl/evp.h>
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
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  // Fetched once: OpenSSL looks an algorithm up by its name in every call otherwise.
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_Digest(text.data(), text.size(), digest, &size, sha256, nullptr);
  std::string out;
  for (unsigned i = 0; i < size && out.size() < length; i++) {
    out += kHex[digest[i] >> 4];
    out += kHex[digest[i] & 15];
  }
  out.resize(length);
  return out;
}

}  // namespace howdah::id
