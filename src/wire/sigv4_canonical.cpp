#include "wire/sigv4_canonical.h"

#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "wire/text.h"

namespace howdah::wire {

std::string sha256_hex(std::string_view bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  return hex_encode({reinterpret_cast<const char*>(digest), sizeof digest});
}

namespace sigv4 {
namespace {

std::string hmac(std::string_view key, std::string_view message) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  unsigned length = sizeof digest;
  HMAC(EVP_sha256(), key.data(), int(key.size()), reinterpret_cast<const unsigned char*>(message.data()),
       message.size(), digest, &length);
  return {reinterpret_cast<const char*>(digest), sizeof digest};
}

/// Derived keys by secret and scope. Bounded: it is emptied when full, a day's keys are few.
class KeyCache {
 public:
  std::string get(const std::string& secret, const Scope& s) {
    const std::string id = secret + '\n' + s.date + '\n' + s.region + '\n' + s.service;
    {
      std::lock_guard lock(mutex_);
      if (const auto at = keys_.find(id); at != keys_.end()) return at->second;
    }
    std::string key = hmac(hmac(hmac(hmac("AWS4" + secret, s.date), s.region), s.service), "aws4_request");
    std::lock_guard lock(mutex_);
    if (keys_.size() >= kMaxKeys) keys_.clear();
    keys_[id] = key;
    return key;
  }

 private:
  static constexpr size_t kMaxKeys = 1024;
  std::mutex mutex_;
  std::unordered_map<std::string, std::string> keys_;  // guarded by mutex_
};

KeyCache& key_cache() {
  static KeyCache cache;
  return cache;
}

/// Trims, and collapses inner runs of spaces.
void append_trimmed(std::string& out, std::string_view text) {
  const size_t from = out.size();
  for (char c : text) {
    const bool space = c == ' ' || c == '\t';
    if (space && (out.size() == from || out.back() == ' ')) continue;
    out += space ? ' ' : c;
  }
  if (out.size() > from && out.back() == ' ') out.pop_back();
}

/// Resolves "//", "/./" and "/../"; a trailing slash stays.
std::string normalised(std::string_view path) {
  std::vector<std::string_view> kept;
  for (std::string_view rest = path; !rest.empty();) {
    const size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    rest = slash == rest.npos ? std::string_view{} : rest.substr(slash + 1);
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!segment.empty() && segment != ".") {
      kept.push_back(segment);
    }
  }
  std::string out;
  for (std::string_view s : kept) out.append("/").append(s);
  if (out.empty() || path.ends_with('/')) out += '/';
  return out;
}

}  // namespace

std::string canonical_header(const HttpRequest& request, std::string_view name) {
  std::string out;
  bool first = true;
  for (const auto& [k, v] : request.headers) {
    if (k != name) continue;
    if (!first) out += ',';
    first = false;
    append_trimmed(out, v);
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> query_parameters(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!query.empty()) {
    const size_t amp = query.find('&');
    const std::string_view pair = query.substr(0, amp);
    query = amp == query.npos ? std::string_view{} : query.substr(amp + 1);
    if (pair.empty()) continue;
    const size_t eq = pair.find('=');
    out.emplace_back(percent_decode(pair.substr(0, eq), false),
                     eq == pair.npos ? std::string() : percent_decode(pair.substr(eq + 1), false));
  }
  return out;
}

std::string canonical_query(std::string_view raw_query) {
  std::vector<std::pair<std::string, std::string>> encoded;
  for (const auto& [k, v] : query_parameters(raw_query))
    if (k != "X-Amz-Signature") encoded.emplace_back(percent_encode(k), percent_encode(v));
  std::sort(encoded.begin(), encoded.end());
  std::string out;
  for (const auto& [k, v] : encoded) {
    if (!out.empty()) out += '&';
    out.append(k).append("=").append(v);
  }
  return out;
}

std::string canonical_path(std::string_view raw_path, std::string_view service, bool normalise) {
  if (raw_path.empty()) return "/";
  if (service == "s3") return std::string(raw_path);
  return percent_encode(normalise ? normalised(raw_path) : std::string(raw_path), /*keep_slash=*/true);
}

std::string payload_hash(const HttpRequest& request, const Signature& s) {
  if (s.scope.service == "s3") {
    const std::string_view sent = request.header("x-amz-content-sha256");
    if (!sent.empty()) return std::string(sent);
    if (s.presigned) return std::string(kUnsignedPayload);
  }
  return sha256_hex(request.body);
}

std::string compute(const HttpRequest& request, const Signature& s, const std::string& secret,
                    const std::string& payload, bool normalise) {
  std::string canonical = request.method;
  canonical.append("\n").append(canonical_path(request.raw_path, s.scope.service, normalise));
  canonical.append("\n").append(canonical_query(request.raw_query)).append("\n");
  for (std::string_view names = s.signed_headers; !names.empty();) {
    const size_t end = names.find(';');
    const std::string_view name = names.substr(0, end);
    names = end == names.npos ? std::string_view{} : names.substr(end + 1);
    canonical.append(name).append(":").append(canonical_header(request, name)).append("\n");
  }
  canonical.append("\n").append(s.signed_headers).append("\n").append(payload);
  std::string to_sign(kAlgorithm);
  to_sign.append("\n").append(s.date).append("\n").append(s.scope.date).append("/").append(s.scope.region);
  to_sign.append("/").append(s.scope.service).append("/aws4_request\n").append(sha256_hex(canonical));
  return hex_encode(hmac(key_cache().get(secret, s.scope), to_sign));
}

}  // namespace sigv4
}  // namespace howdah::wire
