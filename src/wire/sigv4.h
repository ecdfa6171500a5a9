// AWS Signature Version 4: who signed a request, and whether they hold the secret. Header and presigned query forms,
// session tokens, RDS database tokens; also signing, for our own CLI and tests.
//
// Thread-safe. Derived signing keys are cached in the process for the day they are valid.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/clock.h"
#include "util/fault.h"
#include "wire/http.h"
#include "wire/shape.h"

namespace howdah::wire {

struct Scope {
  std::string access_key;
  std::string date;  ///< YYYYMMDD
  std::string region;
  std::string service;  ///< signing name: rds, monitoring, rds-db
};

/// What the request claims, without verifying it: enough to route. Nothing when it is not signed or not readable.
std::optional<Scope> credential_scope(const HttpRequest& request);

struct Secret {
  std::string key;
  std::string session_token;  ///< "" for long-term keys
  bool expired = false;       ///< temporary credentials past their end
};
/// The secret of an access key; nothing when there is no such active key. May get any bytes.
using SecretLookup = std::function<std::optional<Secret>(const std::string& access_key)>;

enum class Verdict {
  Ok,
  NotSigned,     ///< neither Authorization nor X-Amz-Signature
  Incomplete,    ///< a part of the signature is missing or malformed
  UnknownKey,    ///< no such access key, or the session token is not its own
  ExpiredToken,  ///< temporary credentials past their end
  Expired,       ///< signed too long ago, or a presigned request past X-Amz-Expires
  NotYetValid,   ///< signed in the future
  Mismatch,      ///< the secret or the request differs from what was signed
};

struct Verification {
  Verdict verdict = Verdict::NotSigned;
  Scope scope;          ///< empty when NotSigned or Incomplete
  std::string message;  ///< AWS's words for the verdict
  bool presigned = false;
  explicit operator bool() const { return verdict == Verdict::Ok; }
};

/// The request's signature against the secret and the clock (5 minutes either way; 15 for s3).
Verification verify(const HttpRequest& request, const SecretLookup& lookup, Time now);

/// A database password made by `aws rds generate-db-auth-token`: a presigned GET of host:port/?Action=connect&DBUser=u.
/// `endpoints` are the "host:port" forms this instance answers to; `user` is the role that logs in.
Verification verify_db_token(std::string_view token, const std::vector<std::string>& endpoints, std::string_view user,
                             const SecretLookup& lookup, Time now);

/// The Fault for a verdict that is not Ok, with the codes that AWS uses in that protocol.
Fault auth_fault(const Verification& v, Protocol protocol);

struct Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  ///< "" for long-term keys
};

/// Adds x-amz-date, x-amz-security-token and authorization. The request must already have its `host` header.
void sign(HttpRequest& request, const Credentials& credentials, std::string_view region, std::string_view service,
          Time now);
/// Adds the X-Amz-* parameters to the query string instead.
void presign(HttpRequest& request, const Credentials& credentials, std::string_view region, std::string_view service,
             Time now, int expires_s);
/// What `aws rds generate-db-auth-token` prints; valid for 15 minutes.
std::string make_db_token(std::string_view host_port, std::string_view user, const Credentials& credentials,
                          std::string_view region, Time now);

std::string sha256_hex(std::string_view bytes);

}  // namespace howdah::wire
