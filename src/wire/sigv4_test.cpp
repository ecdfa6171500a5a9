#include "wire/sigv4.h"

#include <gtest/gtest.h>

#include "wire/timestamp.h"

namespace howdah::wire {
namespace {

const Credentials kLongTerm{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
const Credentials kSession{"ASIATEMP", "tmpsecret", "tok/en+=="};

std::optional<Secret> lookup(const std::string& key) {
  if (key == kLongTerm.access_key) return Secret{kLongTerm.secret_key, ""};
  if (key == kSession.access_key) return Secret{kSession.secret_key, kSession.session_token};
  if (key == "ASIAOLD") return Secret{"old", "old", true};
  return std::nullopt;
}

Time at(const char* iso) { return to_time(*parse_timestamp(iso)); }
const Time kNow = at("2026-11-20T10:00:00Z");

HttpRequest rds_request() {
  return {.method = "POST",
          .raw_path = "/",
          .headers = {{"host", "127.0.0.1:4566"}, {"content-type", "application/x-www-form-urlencoded"}},
          .body = "Action=DescribeDBInstances&Version=2014-10-31"};
}

HttpRequest signed_with(const Credentials& c, HttpRequest r = rds_request()) {
  sign(r, c, "eu-west-2", "rds", kNow);
  return r;
}

/// The worked example of AWS's SigV4 documentation.
TEST(SigV4, PublishedExample) {
  HttpRequest r{.method = "GET", .raw_path = "/", .raw_query = "Action=ListUsers&Version=2010-05-08"};
  r.headers = {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
               {"host", "iam.amazonaws.com"},
               {"x-amz-date", "20150830T123600Z"},
               {"authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
                "SignedHeaders=content-type;host;x-amz-date, "
                "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"}};
  const auto v = verify(r, lookup, at("2015-08-30T12:38:00Z"));
  EXPECT_EQ(v.verdict, Verdict::Ok) << v.message;
  EXPECT_EQ(v.scope.service, "iam");
  EXPECT_EQ(v.scope.access_key, "AKIDEXAMPLE");
}

TEST(SigV4, SignedRequestsVerify) {
  EXPECT_EQ(verify(signed_with(kLongTerm), lookup, kNow).verdict, Verdict::Ok);
  EXPECT_EQ(verify(signed_with(kSession), lookup, kNow).verdict, Verdict::Ok);
  HttpRequest odd = rds_request();
  odd.raw_path = "/2013-04-01/hostedzone/Z%201/rrset/";
  odd.raw_query = "b=2&a=%C3%A9&empty=&a=%20";
  EXPECT_EQ(verify(signed_with(kLongTerm, odd), lookup, kNow).verdict, Verdict::Ok);
}

TEST(SigV4, EveryTamperingIsAMismatch) {
  auto verdict = [](auto&& change) {
    HttpRequest r = signed_with(kLongTerm);
    change(r);
    return verify(r, lookup, kNow).verdict;
  };
  EXPECT_EQ(verdict([](HttpRequest& r) { r.body += "&X=1"; }), Verdict::Mismatch);
  EXPECT_EQ(verdict([](HttpRequest& r) { r.raw_path = "/x"; }), Verdict::Mismatch);
  EXPECT_EQ(verdict([](HttpRequest& r) { r.raw_query = "a=b"; }), Verdict::Mismatch);
  EXPECT_EQ(verdict([](HttpRequest& r) { r.method = "GET"; }), Verdict::Mismatch);
  EXPECT_EQ(verdict([](HttpRequest& r) { r.headers[0].second = "other:4566"; }), Verdict::Mismatch);
  EXPECT_EQ(verdict([](HttpRequest& r) { r.headers[1].second = "text/plain"; }), Verdict::Mismatch);
  EXPECT_EQ(verdict([](HttpRequest& r) { r.headers.back().second.back() ^= 1; }), Verdict::Mismatch);
  EXPECT_EQ(verdict([](HttpRequest& r) { r.headers.emplace_back("x-amz-content-sha256", std::string(64, '0')); }),
            Verdict::Mismatch);
  EXPECT_EQ(verdict([](HttpRequest& r) { r.headers.emplace_back("x-amz-target", "A.B"); }), Verdict::Incomplete);
}

TEST(SigV4, KeysAndTokens) {
  EXPECT_EQ(verify(rds_request(), lookup, kNow).verdict, Verdict::NotSigned);
  EXPECT_EQ(verify(signed_with({"AKIAOTHER", "x", ""}), lookup, kNow).verdict, Verdict::UnknownKey);
  EXPECT_EQ(verify(signed_with({"AKIDEXAMPLE", "wrong", ""}), lookup, kNow).verdict, Verdict::Mismatch);
  EXPECT_EQ(verify(signed_with({"ASIATEMP", "tmpsecret", "other"}), lookup, kNow).verdict, Verdict::UnknownKey);
  EXPECT_EQ(verify(signed_with({"ASIATEMP", "tmpsecret", ""}), lookup, kNow).verdict, Verdict::UnknownKey);
  EXPECT_EQ(verify(signed_with({"ASIAOLD", "old", "old"}), lookup, kNow).verdict, Verdict::ExpiredToken);
}

TEST(SigV4, TheClockHasFiveMinutesEitherWay) {
  const HttpRequest r = signed_with(kLongTerm);
  EXPECT_EQ(verify(r, lookup, at("2026-11-20T10:05:00Z")).verdict, Verdict::Ok);
  EXPECT_EQ(verify(r, lookup, at("2026-11-20T09:55:00Z")).verdict, Verdict::Ok);
  const auto late = verify(r, lookup, at("2026-11-20T10:05:01Z"));
  EXPECT_EQ(late.verdict, Verdict::Expired);
  EXPECT_EQ(late.message,
            "Signature expired: 20261120T100000Z is now earlier than 20261120T100001Z (20261120T100501Z - 5 min.)");
  EXPECT_EQ(verify(r, lookup, at("2026-11-20T09:54:59Z")).verdict, Verdict::NotYetValid);
}

TEST(SigV4, PresignedQueries) {
  HttpRequest r{.method = "GET", .raw_path = "/", .raw_query = "Action=GetCallerIdentity&Version=2011-06-15"};
  r.headers = {{"host", "127.0.0.1:4566"}};
  presign(r, kSession, "eu-west-2", "sts", kNow, 60);
  EXPECT_EQ(credential_scope(r)->service, "sts");
  EXPECT_EQ(verify(r, lookup, kNow).verdict, Verdict::Ok);
  EXPECT_EQ(verify(r, lookup, at("2026-11-20T10:01:01Z")).verdict, Verdict::Expired);
  HttpRequest longer = r;
  longer.raw_query.replace(longer.raw_query.find("Expires=60"), 10, "Expires=6000");
  EXPECT_EQ(verify(longer, lookup, kNow).verdict, Verdict::Mismatch);
}

TEST(SigV4, MalformedSignaturesAreIncomplete) {
  for (const char* header : {"AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=", "Basic eDp5", "Bearer x",
                             "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=x",
                             "AWS4-HMAC-SHA256 Credential=AK/20261120/r/rds/aws4_request, Signature=x"}) {
    HttpRequest r = rds_request();
    r.headers.emplace_back("x-amz-date", "20261120T100000Z");
    r.headers.emplace_back("authorization", header);
    EXPECT_EQ(verify(r, lookup, kNow).verdict, Verdict::Incomplete) << header;
  }
  HttpRequest without_host = rds_request();
  without_host.headers.erase(without_host.headers.begin());
  EXPECT_EQ(verify(signed_with(kLongTerm, without_host), lookup, kNow).verdict, Verdict::Incomplete);
}

TEST(SigV4, DatabaseTokens) {
  const std::vector<std::string> endpoints = {"db.example:5432", "127.0.0.5:5432"};
  const std::string token = make_db_token("db.example:5432", "alice", kSession, "eu-west-2", kNow);
  auto verdict = [&](std::string_view t, std::string_view user, Time now) {
    return verify_db_token(t, endpoints, user, lookup, now).verdict;
  };
  EXPECT_EQ(verdict(token, "alice", kNow), Verdict::Ok);
  EXPECT_EQ(verdict(token, "alice", at("2026-11-20T10:15:00Z")), Verdict::Ok);
  EXPECT_EQ(verdict(token, "alice", at("2026-11-20T10:15:01Z")), Verdict::Expired);
  EXPECT_EQ(verdict(token, "bob", kNow), Verdict::Incomplete);
  std::string swapped = token;
  swapped.replace(swapped.find("alice"), 5, "bobby");
  EXPECT_EQ(verdict(swapped, "bobby", kNow), Verdict::Mismatch);
  EXPECT_EQ(verdict(make_db_token("other:5432", "alice", kSession, "eu-west-2", kNow), "alice", kNow),
            Verdict::Incomplete);
  EXPECT_EQ(verdict("password", "alice", kNow), Verdict::Incomplete);
}

TEST(SigV4, FaultsUseTheProtocolsCodes) {
  const Verification unknown{Verdict::UnknownKey, {}, "m", false};
  EXPECT_EQ(auth_fault(unknown, Protocol::Query).code(), "InvalidClientTokenId");
  EXPECT_EQ(auth_fault(unknown, Protocol::Ec2).code(), "AuthFailure");
  EXPECT_EQ(auth_fault(unknown, Protocol::Json).code(), "UnrecognizedClientException");
  EXPECT_EQ(auth_fault({Verdict::NotSigned, {}, "m", false}, Protocol::Query).code(), "MissingAuthenticationToken");
  EXPECT_EQ(auth_fault({Verdict::Expired, {}, "m", true}, Protocol::Query).code(), "RequestExpired");
}

}  // namespace
}  // namespace howdah::wire
