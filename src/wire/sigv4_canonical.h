// The parts of a signature that signing and verifying share. Private to sigv4*.cpp and their tests.
#pragma once
#include "wire/sigv4.h"

namespace howdah::wire::sigv4 {

inline constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

/// Everything a signature says about itself.
struct Signature {
  Scope scope;
  std::string date;            ///< 20261120T100000Z
  std::string signed_headers;  ///< host;x-amz-date
  std::string hex;             ///< the signature itself
  std::string session_token;
  int64_t expires_s = -1;  ///< presigned only
  bool presigned = false;
};

/// All values of a header joined by commas, trimmed, inner runs of spaces collapsed.
std::string canonical_header(const HttpRequest& request, std::string_view name);
/// Decoded, encoded anew, sorted; without X-Amz-Signature.
std::string canonical_query(std::string_view raw_query);
/// `normalise`: "//", "/." and "/.." resolved, as most signers do before they encode once more.
std::string canonical_path(std::string_view raw_path, std::string_view service, bool normalise);
/// The hash that the signer used for the body.
std::string payload_hash(const HttpRequest& request, const Signature& s);

/// The hex signature of the request under that secret.
std::string compute(const HttpRequest& request, const Signature& s, const std::string& secret,
                    const std::string& payload, bool normalise);

/// name=value pairs of a URI's query; '+' is literal there.
std::vector<std::pair<std::string, std::string>> query_parameters(std::string_view raw_query);

}  // namespace howdah::wire::sigv4
