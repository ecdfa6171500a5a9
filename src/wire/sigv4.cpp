#include "wire/sigv4.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>

#include "wire/sigv4_canonical.h"
#include "wire/text.h"
#include "wire/timestamp.h"

namespace howdah::wire {
namespace {

using sigv4::Signature;

constexpr int64_t kSkewMs = 5 * 60 * 1000;
constexpr int64_t kS3SkewMs = 15 * 60 * 1000;
constexpr int64_t kMaxExpiresS = 7 * 24 * 3600;
constexpr size_t kMaxSignedHeaders = 100;

/// AK/20261120/eu-west-2/rds/aws4_request; the key itself may contain slashes.
std::optional<Scope> parse_scope(std::string_view credential) {
  std::string_view parts[5];
  for (int i = 4; i > 0; i--) {
    const size_t slash = credential.rfind('/');
    if (slash == credential.npos) return std::nullopt;
    parts[i] = credential.substr(slash + 1);
    credential = credential.substr(0, slash);
  }
  if (parts[4] != "aws4_request" || credential.empty() || parts[1].size() != 8) return std::nullopt;
  return Scope{std::string(credential), std::string(parts[1]), std::string(parts[2]), std::string(parts[3])};
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

/// The Authorization header. `problem` says what is missing when the result is empty.
std::optional<Signature> parse_header(const HttpRequest& request, std::string& problem) {
  std::string_view header = trim(request.header("authorization"));
  if (!header.starts_with(sigv4::kAlgorithm)) {
    problem = "The Authorization header must start with 'AWS4-HMAC-SHA256'.";
    return std::nullopt;
  }
  header.remove_prefix(sigv4::kAlgorithm.size());
  Signature s;
  std::string_view credential;
  while (!header.empty()) {
    const size_t comma = header.find(',');
    const std::string_view part = trim(header.substr(0, comma));
    header = comma == header.npos ? std::string_view{} : header.substr(comma + 1);
    const size_t eq = part.find('=');
    if (eq == part.npos) continue;
    const std::string_view name = part.substr(0, eq), value = part.substr(eq + 1);
    if (name == "Credential") credential = value;
    if (name == "SignedHeaders") s.signed_headers = value;
    if (name == "Signature") s.hex = value;
  }
  auto missing = [&](const char* what) {
    problem = fmt::format("Authorization header requires '{}' parameter.", what);
  };
  if (credential.empty()) return missing("Credential"), std::nullopt;
  if (s.signed_headers.empty()) return missing("SignedHeaders"), std::nullopt;
  if (s.hex.empty()) return missing("Signature"), std::nullopt;
  const auto scope = parse_scope(credential);
  if (!scope) {
    problem = "Credential must have the form key/date/region/service/aws4_request.";
    return std::nullopt;
  }
  s.scope = *scope;
  s.date = trim(request.header("x-amz-date"));
  if (s.date.empty())
    if (const auto t = parse_timestamp(trim(request.header("date")))) s.date = format_amz_date(*t);
  if (s.date.empty()) problem = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
  s.session_token = trim(request.header("x-amz-security-token"));
  return s.date.empty() ? std::nullopt : std::optional(std::move(s));
}

std::optional<Signature> parse_query(const HttpRequest& request, std::string& problem) {
  Signature s;
  s.presigned = true;
  std::string credential, algorithm;
  for (auto& [k, v] : sigv4::query_parameters(request.raw_query)) {
    if (k == "X-Amz-Algorithm")
      algorithm = v;
    else if (k == "X-Amz-Credential")
      credential = v;
    else if (k == "X-Amz-Date")
      s.date = v;
    else if (k == "X-Amz-SignedHeaders")
      s.signed_headers = v;
    else if (k == "X-Amz-Signature")
      s.hex = v;
    else if (k == "X-Amz-Security-Token")
      s.session_token = v;
    else if (k == "X-Amz-Expires")
      s.expires_s = parse_integer(v).value_or(-1);
  }
  const auto scope = parse_scope(credential);
  if (algorithm != sigv4::kAlgorithm)
    problem = "X-Amz-Algorithm must be AWS4-HMAC-SHA256.";
  else if (!scope)
    problem = "X-Amz-Credential must have the form key/date/region/service/aws4_request.";
  else if (s.date.empty() || s.signed_headers.empty() || s.hex.empty())
    problem = "X-Amz-Date, X-Amz-SignedHeaders and X-Amz-Signature are required.";
  else if (s.expires_s < 0 || s.expires_s > kMaxExpiresS)
    problem = "X-Amz-Expires must be between 0 and 604800.";
  if (!problem.empty()) return std::nullopt;
  s.scope = *scope;
  return s;
}

bool has_query_signature(const HttpRequest& request) {
  return request.raw_query.find("X-Amz-Credential=") != std::string::npos;
}

/// Nothing and no problem: the request is not signed.
std::optional<Signature> parse(const HttpRequest& request, std::string& problem) {
  if (!request.header("authorization").empty()) return parse_header(request, problem);
  if (has_query_signature(request)) return parse_query(request, problem);
  return std::nullopt;
}

/// What the signer may not leave out of the signature; "" when all is well.
std::string signed_headers_problem(const HttpRequest& request, const Signature& s) {
  if (size_t(std::count(s.signed_headers.begin(), s.signed_headers.end(), ';')) >= kMaxSignedHeaders)
    return "Too many signed headers.";
  auto is_signed = [&](std::string_view name) {
    return (";" + s.signed_headers + ";").find(";" + std::string(name) + ";") != std::string::npos;
  };
  if (!is_signed("host")) return "'Host' must be a 'SignedHeader' in the AWS Authorization.";
  if (!request.header("x-amz-target").empty() && !is_signed("x-amz-target"))
    return "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.";
  return "";
}

/// Verdict of the clock; Ok when the signature's time is acceptable.
Verification check_time(const Signature& s, int64_t signed_ms, int64_t now_ms) {
  Verification v{Verdict::Ok, s.scope, "", s.presigned};
  const int64_t skew = s.scope.service == "s3" ? kS3SkewMs : kSkewMs;
  const int64_t valid_ms = s.presigned ? s.expires_s * 1000 : skew;
  if (signed_ms + valid_ms < now_ms) {
    v.verdict = Verdict::Expired;
    v.message = s.presigned ? fmt::format("The request has expired: it was valid until {}.",
                                          format_amz_date({signed_ms + valid_ms}))
                            : fmt::format("Signature expired: {} is now earlier than {} ({} - {} min.)", s.date,
                                          format_amz_date({now_ms - skew}), format_amz_date({now_ms}), skew / 60000);
  } else if (signed_ms > now_ms + skew) {
    v.verdict = Verdict::NotYetValid;
    v.message = fmt::format("Signature not yet current: {} is still later than {} ({} + {} min.)", s.date,
                            format_amz_date({now_ms + skew}), format_amz_date({now_ms}), skew / 60000);
  }
  return v;
}

bool same_bytes(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

/// Hash of the body against the header that announces it, then the signature itself.
bool signature_matches(const HttpRequest& request, const Signature& s, const std::string& secret) {
  const std::string payload = sigv4::payload_hash(request, s);
  const std::string_view announced = request.header("x-amz-content-sha256");
  if (announced.size() == 64 && !same_bytes(announced, sha256_hex(request.body))) return false;
  if (same_bytes(sigv4::compute(request, s, secret, payload, false), s.hex)) return true;
  const bool ambiguous =
      request.raw_path.find("//") != std::string::npos || request.raw_path.find("/.") != std::string::npos;
  return ambiguous && same_bytes(sigv4::compute(request, s, secret, payload, true), s.hex);
}

std::string lower(std::string_view s) {
  std::string out(s);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = char(c + 32);
  return out;
}

}  // namespace

std::optional<Scope> credential_scope(const HttpRequest& request) {
  std::string_view credential;
  const std::string_view header = request.header("authorization");
  if (!header.empty()) {
    const size_t at = header.find("Credential=");
    if (at == header.npos) return std::nullopt;
    credential = header.substr(at + 11);
    return parse_scope(trim(credential.substr(0, credential.find(','))));
  }
  if (!has_query_signature(request)) return std::nullopt;
  for (const auto& [k, v] : sigv4::query_parameters(request.raw_query))
    if (k == "X-Amz-Credential") return parse_scope(v);
  return std::nullopt;
}

Verification verify(const HttpRequest& request, const SecretLookup& lookup, Time now) {
  std::string problem;
  const auto s = parse(request, problem);
  if (!s && problem.empty()) return {Verdict::NotSigned, {}, "Request is missing Authentication Token", false};
  if (!s) return {Verdict::Incomplete, {}, problem, false};
  if (problem = signed_headers_problem(request, *s); !problem.empty())
    return {Verdict::Incomplete, s->scope, problem, s->presigned};
  const auto signed_at = s->date.size() == 16 ? parse_timestamp(s->date) : std::nullopt;
  if (!signed_at)
    return {Verdict::Incomplete, s->scope, "Date must be in ISO-8601 'basic format'. Got '" + to_utf8(s->date) + "'.",
            s->presigned};
  if (!s->date.starts_with(s->scope.date))
    return {Verdict::Mismatch, s->scope, "Credential should be scoped with the date of the request.", s->presigned};

  const auto secret = lookup(s->scope.access_key);
  constexpr char kInvalid[] = "The security token included in the request is invalid.";
  if (!secret || !same_bytes(secret->session_token, s->session_token))
    return {Verdict::UnknownKey, s->scope, kInvalid, s->presigned};
  if (secret->expired)
    return {Verdict::ExpiredToken, s->scope, "The security token included in the request is expired", s->presigned};
  Verification v = check_time(*s, signed_at->ms, now.time_since_epoch().count());
  if (!v || signature_matches(request, *s, secret->key)) return v;
  v.verdict = Verdict::Mismatch;
  v.message =
      "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
      "and signing method. Consult the service documentation for details.";
  return v;
}

Verification verify_db_token(std::string_view token, const std::vector<std::string>& endpoints, std::string_view user,
                             const SecretLookup& lookup, Time now) {
  auto refuse = [](std::string why) { return Verification{Verdict::Incomplete, {}, std::move(why), true}; };
  const size_t slash = token.find("/?");
  if (slash == token.npos || token.size() > 16384) return refuse("the password is not a database token");
  const std::string host = lower(token.substr(0, slash));
  const bool ours = std::any_of(endpoints.begin(), endpoints.end(), [&](const auto& e) { return lower(e) == host; });
  if (!ours) return refuse("the token is for another endpoint");
  HttpRequest request;
  request.raw_query = token.substr(slash + 2);
  request.headers.emplace_back("host", token.substr(0, slash));
  std::string action, token_user;
  for (const auto& [k, v] : sigv4::query_parameters(request.raw_query)) {
    if (k == "Action") action = v;
    if (k == "DBUser") token_user = v;
  }
  if (action != "connect" || token_user != user) return refuse("the token is for another action or user");
  const auto scope = credential_scope(request);
  if (!scope || scope->service != "rds-db") return refuse("the token is not signed for rds-db");
  return verify(request, lookup, now);
}

}  // namespace howdah::wire
