// Helpers of wire's own tests.
#pragma once
#include <string>

#include "aws/cloudwatch.h"
#include "aws/ec2.h"
#include "aws/iam.h"
#include "aws/kms.h"
#include "aws/logs.h"
#include "aws/pi.h"
#include "aws/rds.h"
#include "aws/route53.h"
#include "aws/secretsmanager.h"
#include "aws/sns.h"
#include "aws/sts.h"
#include "wire/codec.h"
#include "wire/dump.h"

namespace howdah::wire {

inline const Router& all_services() {
  static const Router router({&aws::rds::kService, &aws::ec2::kService, &aws::sts::kService,
                              &aws::secretsmanager::kService, &aws::iam::kService, &aws::kms::kService,
                              &aws::cloudwatch::kService, &aws::logs::kService, &aws::pi::kService,
                              &aws::route53::kService, &aws::sns::kService});
  return router;
}

/// A request whose credential scope names the service; the signature itself is not valid.
inline HttpRequest signed_request(const std::string& signing_name, std::string body = "") {
  HttpRequest r{.method = "POST", .body = std::move(body)};
  r.headers.emplace_back("authorization", "AWS4-HMAC-SHA256 Credential=AKID/20261120/eu-west-2/" + signing_name +
                                              "/aws4_request, SignedHeaders=host, Signature=00");
  return r;
}

inline HttpRequest form_request(const std::string& signing_name, std::string body) {
  HttpRequest r = signed_request(signing_name, std::move(body));
  r.headers.emplace_back("content-type", "application/x-www-form-urlencoded; charset=utf-8");
  return r;
}

inline HttpRequest json_request(const std::string& signing_name, const std::string& target, std::string body) {
  HttpRequest r = signed_request(signing_name, std::move(body));
  r.headers.emplace_back("content-type", "application/x-amz-json-1.1");
  r.headers.emplace_back("x-amz-target", target);
  return r;
}

/// "Operation {input}" or "Code: message".
inline std::string decoded(const HttpRequest& request) {
  const Route route = all_services().route(request);
  if (!route.operation) return route.fault->code() + ": " + route.fault->what();
  try {
    const BoxBase in = decode(route, request);
    return route.operation_name + " " + (in ? dump(*route.operation->in, in.raw(), true) : "{}");
  } catch (const Fault& f) {
    return f.code() + ": " + f.what();
  }
}

}  // namespace howdah::wire
