#include "api/local_routes.h"

#include <gtest/gtest.h>

namespace howdah::api {
namespace {

wire::HttpRequest ask(std::string method, std::string path, std::string body = {}) {
  wire::HttpRequest r;
  r.method = std::move(method);
  r.raw_path = std::move(path);
  r.body = std::move(body);
  r.source_ip = "127.0.0.1";
  return r;
}

TEST(LocalRoutes, AnswerWhatIsNotAws) {
  LocalRoutes routes;
  EXPECT_EQ(routes.answer(ask("GET", "/my-ip"))->body, "127.0.0.1\n");
  EXPECT_EQ(routes.answer(ask("GET", "/health"))->status, 200);
  EXPECT_EQ(routes.answer(ask("GET", "/global-bundle.pem"))->status, 404);
  routes.bundle = [] { return std::string("PEM"); };
  EXPECT_EQ(routes.answer(ask("GET", "/global-bundle.pem"))->body, "PEM");
  EXPECT_FALSE(routes.answer(ask("POST", "/")));
  EXPECT_FALSE(routes.answer(ask("GET", "/2013-04-01/hostedzone")));
}

TEST(LocalRoutes, TestHooksAreNotThereByDefault) {
  LocalRoutes routes;
  bool moved = false;
  routes.advance = [&](Millis) { moved = true; };
  for (const char* path : {"/_test/clock", "/_test/fault", "/_test/reset", "/moto-api/reset"}) {
    EXPECT_EQ(routes.answer(ask("POST", path, R"({"advance":"7d"})"))->status, 404) << path;
  }
  EXPECT_FALSE(moved);
}

TEST(LocalRoutes, TestHooksMoveTheClock) {
  LocalRoutes routes;
  Millis by{};
  routes.test_hooks = true;
  routes.advance = [&](Millis m) { by = m; };
  EXPECT_EQ(routes.answer(ask("POST", "/_test/clock", R"({"advance":"7d"})"))->status, 200);
  EXPECT_EQ(by, Millis(7 * 86'400'000LL));
  Millis leapt{};
  routes.leap = [&](Millis m) { leapt = m; };
  EXPECT_EQ(routes.answer(ask("POST", "/_test/clock", R"({"leap":"-21d"})"))->status, 200);
  EXPECT_EQ(leapt, Millis(-21 * 86'400'000LL));
  EXPECT_EQ(routes.answer(ask("GET", "/_test/clock"))->status, 405);
  for (const char* body : {"", "[]", "{", R"({"advance":7})", R"({"advance":"7y"})", R"({"advance":"-1d"})"}) {
    EXPECT_EQ(routes.answer(ask("POST", "/_test/clock", body))->status, 400) << body;
  }
  EXPECT_EQ(routes.answer(ask("POST", "/_test/fault", R"({"point":"pg.volume","action":"explode"})"))->status, 400);
  const auto unknown = routes.answer(ask("POST", "/_test/fault", R"({"point":"pg.volume:mode","action":"kill"})"));
  EXPECT_EQ(unknown->status, 400);
  EXPECT_NE(unknown->body.find("pg.volume:made"), std::string::npos) << unknown->body;
  EXPECT_EQ(routes.answer(ask("POST", "/_test/reset"))->status, 501);
  Millis patience{};
  routes.reset = [&](Millis p) {
    patience = p;
    return p < Millis(10'000) ? Result<void>(fail("not deleted: a")) : Result<void>();
  };
  EXPECT_EQ(routes.answer(ask("POST", "/moto-api/reset"))->body, "ok\n");
  EXPECT_EQ(patience, Millis(60'000));
  EXPECT_EQ(routes.answer(ask("POST", "/_test/reset", R"({"within":"soon"})"))->status, 400);
  const auto failed = routes.answer(ask("POST", "/moto-api/reset", R"({"within":"5s"})"));
  EXPECT_EQ(failed->status, 500);
  EXPECT_EQ(failed->body, "not deleted: a\n");
  EXPECT_EQ(routes.answer(ask("GET", "/_test/flows"))->body, "{}\n");
  routes.flows = [] { return std::vector<std::pair<std::string, std::vector<std::string>>>{{"t", {"a", "b"}}}; };
  EXPECT_EQ(routes.answer(ask("GET", "/_test/flows"))->body, "{\"t\":[\"a\",\"b\"]}\n");
}

}  // namespace
}  // namespace howdah::api
