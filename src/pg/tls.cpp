#include "pg/tls.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>

#include <fmt/format.h>

#include "os/background.h"
#include "os/files.h"
#include "os/lock.h"

namespace howdah::pg {
namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, Freer<X509_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>>;

constexpr size_t kSpareKeys = 4;
constexpr std::chrono::seconds kCalm(1);  // since the last one was taken, before the next is made
constexpr std::chrono::hours kDay(24);
constexpr auto kRootLife = kDay * 365 * 40, kLeafLife = kDay * 396;

std::string openssl_error() {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  ERR_clear_error();
  return text;
}

Key make_key(const std::string& ca) {
  if (ca == "rds-ca-rsa4096-g1") return Key(EVP_RSA_gen(4096));
  if (ca == "rds-ca-ecc384-g1") return Key(EVP_EC_gen("P-384"));
  return Key(EVP_RSA_gen(2048));
}

std::string drain(const Bio& bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

std::string pem_of(X509* cert) {
  Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), cert);
  return drain(bio);
}

std::string pem_of(EVP_PKEY* key) {
  Bio bio(BIO_new(BIO_s_secmem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return drain(bio);
}

Cert parse_cert(const std::string& pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Cert(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

Key parse_key(const std::string& pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

bool is_address(const std::string& name) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, name.c_str(), bytes) == 1 || inet_pton(AF_INET6, name.c_str(), bytes) == 1;
}

bool is_dns_name(const std::string& name) {
  constexpr const char* kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_*";
  return !name.empty() && name.size() <= 253 && name.find_first_not_of(kAllowed) == std::string::npos;
}

/// Version, random serial, lifetime and public key: what root and leaf have in common.
bool fill(X509* cert, EVP_PKEY* key, const std::string& cn, Time from, Time to) {
  unsigned char serial[16];
  if (RAND_bytes(serial, sizeof serial) != 1) return false;
  serial[0] &= 0x7f;
  std::unique_ptr<BIGNUM, Freer<BN_free>> number(BN_bin2bn(serial, sizeof serial, nullptr));
  auto seconds = [](Time t) { return std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count(); };
  X509_NAME* subject = X509_get_subject_name(cert);
  auto text = [](const std::string& s) { return reinterpret_cast<const unsigned char*>(s.data()); };
  return X509_set_version(cert, 2) == 1 && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(cert)) != nullptr &&
         ASN1_TIME_set(X509_getm_notBefore(cert), seconds(from)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(cert), seconds(to)) != nullptr && X509_set_pubkey(cert, key) == 1 &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text(cn), static_cast<int>(cn.size()), -1, 0) == 1;
}

bool extend(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (made == nullptr) return false;
  bool ok = X509_add_ext(cert, made, -1) == 1;
  X509_EXTENSION_free(made);
  return ok;
}

Result<std::string> make_root(EVP_PKEY* key, const std::string& identifier) {
  Time now = std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
  Cert cert(X509_new());
  bool ok = fill(cert.get(), key, "Howdah " + identifier, now - kDay, now + kRootLife) &&
            X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get())) == 1 &&
            extend(cert.get(), cert.get(), NID_basic_constraints, "critical,CA:TRUE") &&
            extend(cert.get(), cert.get(), NID_key_usage, "critical,keyCertSign,cRLSign") &&
            extend(cert.get(), cert.get(), NID_subject_key_identifier, "hash") &&
            X509_sign(cert.get(), key, EVP_sha384()) != 0;
  if (!ok) return fail("cannot make a root certificate: " + openssl_error());
  return pem_of(cert.get());
}

std::string san_text(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names)
    out += (out.empty() ? "" : ",") + std::string(is_address(name) ? "IP:" : "DNS:") + name;
  return out;
}

/// Canonical forms for comparing: addresses as text of their bytes, so that ::1 and 0:0::1 are one.
std::string canonical(const std::string& name) {
  unsigned char bytes[16];
  if (inet_pton(AF_INET, name.c_str(), bytes) == 1) return fmt::format("ip {:02x}", fmt::join(bytes, bytes + 4, ""));
  if (inet_pton(AF_INET6, name.c_str(), bytes) == 1) return fmt::format("ip {:02x}", fmt::join(bytes, bytes + 16, ""));
  return "dns " + name;
}

std::set<std::string> names_in(X509* cert) {
  std::set<std::string> out;
  Names names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); i++) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
    const ASN1_STRING* value = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
    const unsigned char* data = ASN1_STRING_get0_data(value);
    int size = ASN1_STRING_length(value);
    out.insert(name->type == GEN_DNS
                   ? "dns " + std::string(reinterpret_cast<const char*>(data), static_cast<size_t>(size))
                   : fmt::format("ip {:02x}", fmt::join(data, data + size, "")));
  }
  return out;
}

Result<Time> end_of(X509* cert) {
  tm broken{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &broken) != 1) return fail("a certificate without an end");
  return Time(std::chrono::seconds(timegm(&broken)));
}

}  // namespace

std::vector<std::string> ca_identifiers() { return {kDefaultCa, "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"}; }

Result<Ca> ensure_ca(const std::string& state, const std::string& identifier) {
  auto known = ca_identifiers();
  if (std::find(known.begin(), known.end(), identifier) == known.end()) {
    return fail(fmt::format("{} is not a certificate authority: one of {}", identifier, fmt::join(known, ", ")));
  }
  std::string base = state + "/ca", dir = base + "/" + identifier, tmp = dir + ".tmp";
  auto load = [&]() -> Result<Ca> {
    auto pem = os::read_file(dir + "/ca.crt");
    if (!pem) return tl::unexpected(pem.error());
    return Ca{identifier, *pem, dir + "/ca.key"};
  };
  if (os::exists(dir)) return load();
  if (auto made = os::ensure_dir(base, 0700); !made) return tl::unexpected(made.error());
  auto lock = os::LockFile::acquire(dir + ".lock", "the certificate authority " + identifier, std::chrono::seconds(60));
  if (!lock) return tl::unexpected(lock.error());
  if (os::exists(dir)) return load();
  if (auto gone = os::remove_tree(tmp); !gone) return tl::unexpected(gone.error());
  if (auto made = os::ensure_dir(tmp, 0700); !made) return tl::unexpected(made.error());
  Key key = make_key(identifier);
  if (!key) return fail("cannot make a key: " + openssl_error());
  auto root = make_root(key.get(), identifier);
  if (!root) return tl::unexpected(root.error());
  for (auto [name, content] : {std::pair("/ca.key", pem_of(key.get())), std::pair("/ca.crt", *root)}) {
    if (auto put = os::write_file_atomic(tmp + name, content, 0600); !put) return tl::unexpected(put.error());
  }
  if (auto done = os::publish(tmp, dir); !done) return tl::unexpected(done.error());
  return load();
}

std::string ca_bundle(const std::string& state) {
  std::string out;
  for (const auto& identifier : ca_identifiers()) {
    auto pem = os::read_file(state + "/ca/" + identifier + "/ca.crt");
    if (pem) out += *pem;
  }
  return out;
}

Result<Leaf> issue_leaf(const Ca& ca, const std::vector<std::string>& names, Time now, const std::string& key_pem) {
  if (names.empty()) return fail("a certificate needs at least one name");
  for (const auto& name : names) {
    if (!is_address(name) && !is_dns_name(name))
      return fail(fmt::format("\"{}\" is neither a host name nor an address", name));
  }
  auto ca_key_pem = os::read_file(ca.key_file);
  if (!ca_key_pem) return tl::unexpected(ca_key_pem.error());
  Key ca_key = parse_key(*ca_key_pem), key = key_pem.empty() ? make_key(ca.identifier) : parse_key(key_pem);
  Cert root = parse_cert(ca.certificate), cert(X509_new());
  if (!ca_key || !key || !root) return fail("cannot issue a certificate: " + openssl_error());
  std::string cn = names[0].size() <= 64 ? names[0] : names[0].substr(0, 64);  // clients look at the names below
  // Valid since the root is: the client's clock may be behind ours, and a test may have moved ours far ahead.
  bool ok = fill(cert.get(), key.get(), cn, now, now + kLeafLife) &&
            X509_set1_notBefore(cert.get(), X509_get0_notBefore(root.get())) == 1 &&
            X509_set_issuer_name(cert.get(), X509_get_subject_name(root.get())) == 1 &&
            extend(cert.get(), root.get(), NID_basic_constraints, "critical,CA:FALSE") &&
            extend(cert.get(), root.get(), NID_key_usage, "critical,digitalSignature,keyEncipherment") &&
            extend(cert.get(), root.get(), NID_ext_key_usage, "serverAuth") &&
            extend(cert.get(), root.get(), NID_subject_key_identifier, "hash") &&
            extend(cert.get(), root.get(), NID_authority_key_identifier, "keyid") &&
            extend(cert.get(), root.get(), NID_subject_alt_name, san_text(names)) &&
            X509_sign(cert.get(), ca_key.get(), EVP_sha256()) != 0;
  if (!ok) return fail("cannot issue a certificate: " + openssl_error());
  return Leaf{pem_of(cert.get()), pem_of(key.get())};
}

Result<Time> valid_till(const std::string& pem) {
  Cert cert = parse_cert(pem);
  if (!cert) return fail("not a certificate: " + openssl_error());
  return end_of(cert.get());
}

bool needs_renewal(const std::string& certificate, const Ca& ca, const std::vector<std::string>& names, Time now) {
  Cert cert = parse_cert(certificate), root = parse_cert(ca.certificate);
  if (!cert || !root || X509_verify(cert.get(), X509_get0_pubkey(root.get())) != 1) {
    ERR_clear_error();
    return true;
  }
  auto end = end_of(cert.get());
  std::set<std::string> wanted;
  for (const auto& name : names) wanted.insert(canonical(name));
  return !end || *end - now < kRenewBefore || names_in(cert.get()) != wanted;
}

KeyStock::KeyStock(std::string ca_identifier) : ca_(std::move(ca_identifier)), maker_([this] { refill(); }) {}

KeyStock::~KeyStock() {
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
  maker_.join();
}

std::string KeyStock::take() {
  {
    std::lock_guard lock(mu_);
    last_ = std::chrono::steady_clock::now();
    if (!spares_.empty()) {
      std::string key = std::move(spares_.back());
      spares_.pop_back();
      changed_.notify_all();
      return key;
    }
  }
  const Key key = make_key(ca_);
  return key ? pem_of(key.get()) : "";
}

void KeyStock::refill() {
  os::step_back();
  std::unique_lock lock(mu_);
  while (!stopping_) {
    const auto calm = last_ + kCalm;
    if (spares_.size() >= kSpareKeys) {
      changed_.wait(lock);
    } else if (!spares_.empty() && std::chrono::steady_clock::now() < calm) {
      changed_.wait_until(lock, calm);
    } else {
      lock.unlock();
      const Key key = make_key(ca_);
      std::string pem = key ? pem_of(key.get()) : "";
      lock.lock();
      spares_.push_back(std::move(pem));
    }
  }
}

}  // namespace howdah::pg
