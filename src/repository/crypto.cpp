#include "repository/crypto.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

namespace howdah::repository {
namespace {

void must(int done, const char* what) {
  if (done <= 0) throw std::runtime_error(std::string("OpenSSL cannot ") + what);
}

const uint8_t* bytes_of(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }

template <class Pointer>
EVP_CIPHER_CTX* context_of(const Pointer& p) {
  return static_cast<EVP_CIPHER_CTX*>(p.get());
}

std::array<uint8_t, 12> nonce(uint64_t number) {
  std::array<uint8_t, 12> out{};
  for (int i = 0; i < 8; i++) out[11 - i] = static_cast<uint8_t>(number >> (8 * i));
  return out;
}

}  // namespace

Key random_key() {
  Key key;
  must(RAND_bytes(key.data(), key.size()), "make random bytes");
  return key;
}

std::string random_salt() {
  std::string salt(kSalt, '\0');
  must(RAND_bytes(reinterpret_cast<uint8_t*>(salt.data()), kSalt), "make random bytes");
  return salt;
}

Key derive(const Key& from, std::string_view salt, std::string_view purpose) {
  std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr), EVP_KDF_free);
  std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(EVP_KDF_CTX_new(kdf.get()), EVP_KDF_CTX_free);
  char digest[] = "SHA256";
  const auto octets = [](const char* name, const void* data, size_t size) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<void*>(data), size);
  };
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                               octets(OSSL_KDF_PARAM_KEY, from.data(), from.size()),
                               octets(OSSL_KDF_PARAM_SALT, salt.data(), salt.size()),
                               octets(OSSL_KDF_PARAM_INFO, purpose.data(), purpose.size()), OSSL_PARAM_construct_end()};
  Key key;
  must(EVP_KDF_derive(context.get(), key.data(), key.size(), params), "derive a key");
  return key;
}

std::string hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char c : bytes) {
    out += kDigits[c >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

std::string unhex(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  std::string out;
  if (text.size() % 2 != 0) return {};
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return {};
    out += static_cast<char>(high << 4 | low);
  }
  return out;
}

void Cipher::Free::operator()(void* context) const { EVP_CIPHER_CTX_free(static_cast<EVP_CIPHER_CTX*>(context)); }

Cipher::Cipher(const Key& key) : seal_(EVP_CIPHER_CTX_new()), open_(EVP_CIPHER_CTX_new()) {
  must(EVP_EncryptInit_ex(context_of(seal_), EVP_aes_256_gcm(), nullptr, key.data(), nullptr), "set a key");
  must(EVP_DecryptInit_ex(context_of(open_), EVP_aes_256_gcm(), nullptr, key.data(), nullptr), "set a key");
}

void Cipher::seal(uint64_t number, std::string_view about, char* data, size_t size) {
  auto* context = context_of(seal_);
  auto* bytes = reinterpret_cast<uint8_t*>(data);
  int n = 0;
  must(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce(number).data()), "set a nonce");
  must(EVP_EncryptUpdate(context, nullptr, &n, bytes_of(about), static_cast<int>(about.size())), "authenticate");
  must(EVP_EncryptUpdate(context, bytes, &n, bytes, static_cast<int>(size)), "encrypt");
  must(EVP_EncryptFinal_ex(context, bytes + size, &n), "encrypt");
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, kTag, bytes + size), "authenticate");
}

bool Cipher::open(uint64_t number, std::string_view about, std::string_view sealed, char* out) {
  if (sealed.size() < kTag) return false;
  auto* context = context_of(open_);
  const size_t size = sealed.size() - kTag;
  auto* bytes = reinterpret_cast<uint8_t*>(out);
  int n = 0;
  must(EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, nonce(number).data()), "set a nonce");
  must(EVP_DecryptUpdate(context, nullptr, &n, bytes_of(about), static_cast<int>(about.size())), "authenticate");
  must(EVP_DecryptUpdate(context, bytes, &n, bytes_of(sealed), static_cast<int>(size)), "decrypt");
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, kTag, const_cast<uint8_t*>(bytes_of(sealed) + size)),
       "authenticate");
  return EVP_DecryptFinal_ex(context, bytes + size, &n) > 0;
}

void Hasher::Free::operator()(void* context) const { EVP_MAC_CTX_free(static_cast<EVP_MAC_CTX*>(context)); }

Hasher::Hasher(const Key& data_key, const std::string& resource)
    : gmac_(EVP_CIPHER_CTX_new()), blake2b_key_(derive(data_key, "", "chunk:" + resource)) {
  const Key key = derive(data_key, "", "chunk id:" + resource);
  must(EVP_EncryptInit_ex(context_of(gmac_), EVP_aes_256_gcm(), nullptr, key.data(), nullptr), "set a key");
  std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(EVP_MAC_fetch(nullptr, "BLAKE2BMAC", nullptr), EVP_MAC_free);
  blake2b_.reset(EVP_MAC_CTX_new(mac.get()));
  size_t size = sizeof(ChunkId);
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_construct_end()};
  must(EVP_MAC_CTX_set_params(static_cast<EVP_MAC_CTX*>(blake2b_.get()), params), "set up BLAKE2b");
}

ChunkId Hasher::operator()(std::string_view bytes) {
  auto* context = context_of(gmac_);
  ChunkId id{};
  int n = 0;
  must(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce(0).data()), "set a nonce");
  must(EVP_EncryptUpdate(context, nullptr, &n, bytes_of(bytes), static_cast<int>(bytes.size())), "hash");
  must(EVP_EncryptFinal_ex(context, id.data(), &n), "hash");
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, kTag, id.data()), "hash");
  return id;
}

bool Hasher::matches(std::string_view bytes, const ChunkId& id) {
  const bool of_format_1 = std::any_of(id.begin() + kTag, id.end(), [](uint8_t b) { return b != 0; });
  return (of_format_1 ? blake2b(bytes) : (*this)(bytes)) == id;
}

ChunkId Hasher::blake2b(std::string_view bytes) {
  auto* context = static_cast<EVP_MAC_CTX*>(blake2b_.get());
  ChunkId id;
  size_t size = 0;
  must(EVP_MAC_init(context, blake2b_key_.data(), blake2b_key_.size(), nullptr), "start BLAKE2b");
  must(EVP_MAC_update(context, bytes_of(bytes), bytes.size()), "hash");
  must(EVP_MAC_final(context, id.data(), &size, id.size()), "hash");
  return id;
}

}  // namespace howdah::repository
