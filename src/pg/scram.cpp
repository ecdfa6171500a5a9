#include "pg/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>

#include <fmt/format.h>

namespace howdah::pg {
namespace {

constexpr int kIterations = 4096;
using Key = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

std::string base64(const unsigned char* data, size_t size) {
  std::string out(4 * ((size + 2) / 3) + 1, '\0');
  int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), data, static_cast<int>(size));
  out.resize(static_cast<size_t>(n));
  return out;
}

Key hmac(const Key& key, std::string_view text) {
  Key out{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), out.data(), &size);
  return out;
}

}  // namespace

Result<std::string> scram_verifier(std::string_view password) {
  if (password.empty()) return fail("an empty password is not allowed");
  for (unsigned char c : password) {
    if (c < 0x20 || c > 0x7e) return fail("only printable ASCII characters are allowed in a password");
  }
  std::array<unsigned char, 16> salt{};
  Key salted{}, stored{};
  bool ok =
      RAND_bytes(salt.data(), static_cast<int>(salt.size())) == 1 &&
      PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(), static_cast<int>(salt.size()),
                        kIterations, EVP_sha256(), static_cast<int>(salted.size()), salted.data()) == 1;
  if (!ok) return fail("OpenSSL could not derive a password verifier");
  Key client = hmac(salted, "Client Key"), server = hmac(salted, "Server Key");
  SHA256(client.data(), client.size(), stored.data());
  std::string out = fmt::format("SCRAM-SHA-256${}:{}${}:{}", kIterations, base64(salt.data(), salt.size()),
                                base64(stored.data(), stored.size()), base64(server.data(), server.size()));
  OPENSSL_cleanse(salted.data(), salted.size());
  OPENSSL_cleanse(client.data(), client.size());
  return out;
}

bool is_scram_verifier(std::string_view text) {
  constexpr std::string_view kStart = "SCRAM-SHA-256$";
  if (!text.starts_with(kStart)) return false;
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=$:";
  return text.substr(kStart.size()).find_first_not_of(kAlphabet) == text.npos && text.size() > 100 && text.size() < 256;
}

}  // namespace howdah::pg
