#include <fmt/format.h>

#include "wire/sigv4_canonical.h"
#include "wire/text.h"
#include "wire/timestamp.h"

namespace howdah::wire {
namespace {

using sigv4::Signature;

constexpr int kDbTokenExpiresS = 900;

Signature begin(const Credentials& c, std::string_view region, std::string_view service, Time now) {
  Signature s;
  s.date = format_amz_date(to_timestamp(now));
  s.scope = {c.access_key, s.date.substr(0, 8), std::string(region), std::string(service)};
  s.session_token = c.session_token;
  return s;
}

std::string credential(const Signature& s) {
  return s.scope.access_key + "/" + s.scope.date + "/" + s.scope.region + "/" + s.scope.service + "/aws4_request";
}

struct AuthCode {
  Verdict verdict;
  const char* query;
  const char* ec2;
  const char* json;
};
constexpr AuthCode kCodes[] = {
    {Verdict::NotSigned, "MissingAuthenticationToken", "MissingAuthenticationToken",
     "MissingAuthenticationTokenException"},
    {Verdict::Incomplete, "IncompleteSignature", "IncompleteSignature", "IncompleteSignatureException"},
    {Verdict::UnknownKey, "InvalidClientTokenId", "AuthFailure", "UnrecognizedClientException"},
    {Verdict::ExpiredToken, "ExpiredToken", "RequestExpired", "ExpiredTokenException"},
    {Verdict::Expired, "SignatureDoesNotMatch", "RequestExpired", "InvalidSignatureException"},
    {Verdict::NotYetValid, "SignatureDoesNotMatch", "RequestExpired", "InvalidSignatureException"},
    {Verdict::Mismatch, "SignatureDoesNotMatch", "SignatureDoesNotMatch", "InvalidSignatureException"},
};

}  // namespace

Fault auth_fault(const Verification& v, Protocol protocol) {
  for (const AuthCode& c : kCodes) {
    if (c.verdict != v.verdict) continue;
    const bool json = protocol == Protocol::Json || protocol == Protocol::Cbor;
    if (v.verdict == Verdict::Expired && v.presigned && !json) return Fault("RequestExpired", v.message);
    return Fault(json ? c.json : protocol == Protocol::Ec2 ? c.ec2 : c.query, v.message);
  }
  return Fault("InternalFailure", "auth_fault was asked about a valid signature");
}

void sign(HttpRequest& request, const Credentials& c, std::string_view region, std::string_view service, Time now) {
  Signature s = begin(c, region, service, now);
  request.headers.emplace_back("x-amz-date", s.date);
  if (!c.session_token.empty()) request.headers.emplace_back("x-amz-security-token", c.session_token);
  const std::string payload = sha256_hex(request.body);
  if (service == "s3") request.headers.emplace_back("x-amz-content-sha256", payload);
  std::vector<std::string> names;
  for (const auto& [name, value] : request.headers) {
    const bool wanted =
        name == "host" || name == "content-type" || name == "smithy-protocol" || name.starts_with("x-amz-");
    if (wanted && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) s.signed_headers += (s.signed_headers.empty() ? "" : ";") + name;
  const std::string hex = sigv4::compute(request, s, c.secret_key, payload, false);
  request.headers.emplace_back("authorization", fmt::format("{} Credential={}, SignedHeaders={}, Signature={}",
                                                            sigv4::kAlgorithm, credential(s), s.signed_headers, hex));
}

void presign(HttpRequest& request, const Credentials& c, std::string_view region, std::string_view service, Time now,
             int expires_s) {
  Signature s = begin(c, region, service, now);
  s.presigned = true;
  s.signed_headers = "host";
  std::string& q = request.raw_query;
  if (!q.empty()) q += '&';
  q += fmt::format("X-Amz-Algorithm={}&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-Expires={}&X-Amz-SignedHeaders=host",
                   sigv4::kAlgorithm, percent_encode(credential(s)), s.date, expires_s);
  if (!c.session_token.empty()) q += "&X-Amz-Security-Token=" + percent_encode(c.session_token);
  q += "&X-Amz-Signature=" + sigv4::compute(request, s, c.secret_key, sigv4::payload_hash(request, s), false);
}

std::string make_db_token(std::string_view host_port, std::string_view user, const Credentials& c,
                          std::string_view region, Time now) {
  HttpRequest request;
  request.headers.emplace_back("host", host_port);
  request.raw_query = "Action=connect&DBUser=" + percent_encode(user);
  presign(request, c, region, "rds-db", now, kDbTokenExpiresS);
  return std::string(host_port) + "/?" + request.raw_query;
}

}  // namespace howdah::wire
