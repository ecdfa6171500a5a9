#include "api/dispatch.h"

#include <gtest/gtest.h>

#include <future>
#include <utility>

#include "api/audit.h"
#include "api/never.h"
#include "aws/rds.h"
#include "aws/secretsmanager.h"
#include "aws/sts.h"
#include "domain/principal.h"
#include "wire/codec.h"
#include "wire/sigv4.h"

namespace howdah::api {
namespace {

using aws::rds::AddTagsToResourceMessage;
using aws::rds::DBInstanceMessage;
using aws::rds::DescribeDBInstancesMessage;

struct Env {
  std::function<void()> act = [] {};
};
DBInstanceMessage describe(Env& env, Context&, const DescribeDBInstancesMessage&) {
  env.act();
  return {};
}

class DispatchTest : public testing::Test {
 protected:
  void SetUp() override {
    use_principals(store_);
    admin_ = ensure_administrator(store_, clock_, "123456789012");
    store_.write([this](store::Tx& tx) {
      tx.put(Principal{.account = "123456789012", .name = "bob", .user_id = "AIDABOB"});
      tx.put(AccessKey{.id = "AKIABOB", .secret = "s", .principal = "123456789012/user/bob"});
      tx.put(AccessKey{.id = "AKIAOFF", .secret = "s", .principal = "123456789012/user/bob", .active = false});
    });
    api_.add(aws::sts::kService);
    api_.add(aws::secretsmanager::kService);
    api_.on(aws::rds::kService, "DescribeDBInstances", env_, describe);
    register_never(api_);
  }

  wire::HttpRequest form(const std::string& action, const std::string& version) {
    wire::HttpRequest r;
    r.method = "POST";
    r.headers = {{"host", "127.0.0.1"}, {"content-type", "application/x-www-form-urlencoded"}};
    r.body = "Action=" + action + "&Version=" + version;
    r.source_ip = "127.0.0.1";
    return r;
  }
  wire::HttpResponse send(wire::HttpRequest r, wire::Credentials who, const char* service = "rds") {
    wire::sign(r, who, "eu-west-2", service, clock_.now());
    const Dispatch dispatch(api_, store_, holds_, clock_, clock_);
    return dispatch(r);
  }
  wire::HttpResponse rds(const std::string& action) {
    return send(form(action, "2014-10-31"), {admin_.id, admin_.secret});
  }

  Env env_;
  FakeClock clock_;
  store::Store store_{store::open_memory()};
  Holds holds_{store_, 2};
  AccessKey admin_;
  Api api_;
};

std::string code(const wire::HttpResponse& r) {
  const size_t at = r.body.find("<Code>");
  if (at == std::string::npos) return std::to_string(r.status);
  return std::to_string(r.status) + " " + r.body.substr(at + 6, r.body.find("</Code>") - at - 6);
}

TEST_F(DispatchTest, AnswersWithEnvelopeAndRequestId) {
  const auto r = rds("DescribeDBInstances");
  EXPECT_EQ(r.status, 200) << r.body;
  EXPECT_NE(r.body.find("<DescribeDBInstancesResult>"), std::string::npos) << r.body;
  EXPECT_EQ(r.header("x-amzn-RequestId").size(), 36u);
}

TEST_F(DispatchTest, ChecksWhoSigns) {
  const auto f = form("DescribeDBInstances", "2014-10-31");
  EXPECT_EQ(code(send(f, {admin_.id, "wrong"})), "403 SignatureDoesNotMatch");
  EXPECT_EQ(code(send(f, {"AKIANOBODY", "x"})), "403 InvalidClientTokenId");
  EXPECT_EQ(code(send(f, {"AKIAOFF", "s"})), "403 InvalidClientTokenId");
  const Dispatch dispatch(api_, store_, holds_, clock_, clock_);
  EXPECT_EQ(code(dispatch(f)), "403 MissingAuthenticationToken");
  auto old = f;
  wire::sign(old, {admin_.id, admin_.secret}, "eu-west-2", "rds", clock_.now() - std::chrono::minutes(20));
  EXPECT_EQ(code(dispatch(old)), "403 SignatureDoesNotMatch");
}

TEST_F(DispatchTest, AllowsAdministratorsOnly) {
  const auto r = send(form("DescribeDBInstances", "2014-10-31"), {"AKIABOB", "s"});
  EXPECT_EQ(code(r), "403 AccessDenied");
  EXPECT_NE(
      r.body.find("User: arn:aws:iam::123456789012:user/bob is not authorized to perform: rds:DescribeDBInstances"),
      std::string::npos)
      << r.body;
}

TEST_F(DispatchTest, FaultsTakeTheModelsStatus) {
  env_.act = [] { throw Fault("DBInstanceNotFound", "DBInstance x not found."); };
  EXPECT_EQ(code(rds("DescribeDBInstances")), "404 DBInstanceNotFound");
  env_.act = [] { throw Fault("InvalidParameterCombination", "No modifications were requested"); };
  EXPECT_EQ(code(rds("DescribeDBInstances")), "400 InvalidParameterCombination");
}

TEST_F(DispatchTest, OtherExceptionsTellNothing) {
  env_.act = [] { throw std::runtime_error("/secret/path"); };
  const auto r = rds("DescribeDBInstances");
  EXPECT_EQ(code(r), "500 InternalFailure");
  EXPECT_EQ(r.body.find("secret"), std::string::npos);
}

TEST_F(DispatchTest, ClientMistakesAreNever5xx) {
  EXPECT_EQ(code(rds("CreateDBInstance")), "400 InvalidAction");  // modelled, nobody answers it
  EXPECT_EQ(code(rds("NoSuchThing")), "400 InvalidAction");
  EXPECT_EQ(code(rds("CreateDBSecurityGroup&DBSecurityGroupName=a&DBSecurityGroupDescription=b")),
            "400 InvalidParameterCombination");
  EXPECT_EQ(code(send(form("A", "1"), {admin_.id, admin_.secret}, "quicksight")), "400 InvalidAction");
  EXPECT_EQ(code(rds("DescribeDBInstances&MaxRecords=many")).substr(0, 1), "4");
}

TEST_F(DispatchTest, JsonServicesRefuseInJson) {
  wire::HttpRequest r;
  r.method = "POST";
  r.headers = {
      {"host", "h"}, {"content-type", "application/x-amz-json-1.1"}, {"x-amz-target", "secretsmanager.ListSecrets"}};
  r.body = "{}";
  const auto answer = send(r, {admin_.id, admin_.secret}, "secretsmanager");
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("ListSecrets is not implemented by Howdah yet."), std::string::npos) << answer.body;
}

TEST_F(DispatchTest, EmptyAnswersHaveTheirLists) {
  const auto r = rds("DescribeDBSecurityGroups");
  EXPECT_EQ(r.status, 200);
  EXPECT_NE(r.body.find("DBSecurityGroups"), std::string::npos) << r.body;
  EXPECT_EQ(code(rds("DescribeDBSecurityGroups&DBSecurityGroupName=x")), "404 DBSecurityGroupNotFound");
}

TEST(ApiDeathTest, RegistrationIsCheckedAtStart) {
  Env env;
  Api api;
  EXPECT_DEATH(api.on(aws::rds::kService, "DescribeDBInstance", env, describe), "has no such operation");
  EXPECT_DEATH(api.on(aws::rds::kService, "DescribeDBSnapshots", env, describe), "input type");
  api.on(aws::rds::kService, "DescribeDBInstances", env, describe);
  EXPECT_DEATH(api.on(aws::rds::kService, "DescribeDBInstances", env, describe), "twice");
}

TEST(Audit, KnowsWhatChangesThings) {
  EXPECT_TRUE(is_mutating(*aws::rds::kService.find("CreateDBInstance")));
  EXPECT_TRUE(is_mutating(*aws::rds::kService.find("AddTagsToResource")));
  EXPECT_FALSE(is_mutating(*aws::rds::kService.find("DescribeDBInstances")));
  EXPECT_FALSE(is_mutating(*aws::rds::kService.find("ListTagsForResource")));
  EXPECT_FALSE(is_mutating(*aws::rds::kService.find("DownloadDBLogFilePortion")));
}

TEST(Audit, MasksSecrets) {
  store::Store store(store::open_memory());
  Holds holds(store, 1);
  FakeClock clock;
  Context ctx{.caller = {.account = "1", .arn = "arn:aws:iam::1:user/a"},
              .clock = clock,
              .store = store,
              .holds = holds,
              .service = aws::rds::kService,
              .operation = *aws::rds::kService.find("CreateDBInstance")};
  aws::rds::CreateDBInstanceMessage in;
  in.db_instance_identifier = "mydb";
  in.master_user_password = "hunter22";
  testing::internal::CaptureStderr();
  audit(ctx, &in, nullptr);
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_NE(line.find("event=CreateDBInstance"), std::string::npos) << line;
  EXPECT_NE(line.find("mydb"), std::string::npos) << line;
  EXPECT_EQ(line.find("hunter22"), std::string::npos) << line;
}

class HoldsTest : public testing::Test {
 protected:
  HoldsTest() {
    use_principals(store_);
    holds_.watch(Principal::kKind);
  }
  void commit(const std::string& name) {
    store_.write([&](store::Tx& tx) { tx.put(Principal{.account = "1", .name = name}); });
  }
  store::Store store_{store::open_memory()};
  Holds holds_{store_, 1};
};

TEST_F(HoldsTest, WakesOnTheChange) {
  auto waiting = std::async(std::launch::async, [this] {
    bool seen = false;
    holds_.wait(std::chrono::seconds(60), [&] { return seen = store_.get<Principal>("1/user/b") != nullptr; });
    return seen;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  commit("a");
  commit("b");
  EXPECT_EQ(waiting.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_TRUE(waiting.get());
}

TEST_F(HoldsTest, OneTooManyIsNotHeldAndStopEndsAll) {
  std::promise<void> asked;
  auto waiting = std::async(std::launch::async, [this, &asked] {
    holds_.wait(std::chrono::seconds(60), [&, first = true]() mutable {
      if (std::exchange(first, false)) asked.set_value();
      return false;
    });
  });
  asked.get_future().wait();
  const auto before = std::chrono::steady_clock::now();
  holds_.wait(std::chrono::seconds(10), [] { return false; });
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(1));
  holds_.stop();
  EXPECT_EQ(waiting.wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

}  // namespace
}  // namespace howdah::api
