#include "api/local_routes.h"

#include "util/fault_point.h"
#include "util/json.h"

namespace howdah::api {
namespace {

wire::HttpResponse text(int status, std::string body, const char* type = "text/plain") {
  wire::HttpResponse out;
  out.status = status;
  out.headers.emplace_back("Content-Type", type);
  out.body = std::move(body);
  return out;
}

wire::HttpResponse move_clock(const LocalRoutes& routes, const nlohmann::json& body) {
  const bool leaps = body.contains("leap");
  const std::string by = body.value(leaps ? "leap" : "advance", "");
  const bool back = leaps && by.starts_with('-');
  const auto span = parse_duration(by.substr(back ? 1 : 0));
  if (!span) return text(400, "advance and leap must be like 90s, 15m, 36h or 7d\n");
  const auto& move = leaps ? routes.leap : routes.advance;
  if (!move) return text(501, "this clock cannot be moved\n");
  move(back ? -*span : *span);
  return text(200, "ok\n");
}

wire::HttpResponse reset_all(const LocalRoutes& routes, const nlohmann::json& body) {
  const auto patience = parse_duration(body.value("within", "60s"));
  if (!patience) return text(400, "within must be like 90s, 15m, 36h or 7d\n");
  if (!routes.reset) return text(501, "nothing to reset\n");
  fault::disarm_all();
  if (const auto done = routes.reset(*patience); !done) return text(500, done.error().message + "\n");
  return text(200, "ok\n");
}

wire::HttpResponse arm_fault(const nlohmann::json& body) {
  const std::string point = body.value("point", "");
  const std::string action = body.value("action", "");
  const int nth = body.value("nth", 1);
  if (point.empty() || nth < 1) return text(400, "point must be named and nth at least 1\n");
  if (const auto armed = fault::arm(point, action, nth); !armed) return text(400, armed.error().message + "\n");
  return text(200, "ok\n");
}

wire::HttpResponse list_flows(const LocalRoutes& routes) {
  auto out = nlohmann::json::object();
  if (routes.flows) {
    for (auto& [table, steps] : routes.flows()) out[table] = steps;
  }
  return text(200, json_text(out) + "\n", "application/json");
}

wire::HttpResponse test_hook(const LocalRoutes& routes, const wire::HttpRequest& request) {
  const bool reset = request.raw_path == "/_test/reset" || request.raw_path == "/moto-api/reset";
  const auto body = try_parse_json(request.body.empty() ? "{}" : request.body);
  if (!body.is_object()) return text(400, "the body must be a JSON object\n");
  try {
    if (reset) return reset_all(routes, body);
    if (request.raw_path == "/_test/clock") return move_clock(routes, body);
    if (request.raw_path == "/_test/fault") return arm_fault(body);
    if (request.raw_path == "/_test/instances" && routes.register_instances) {
      routes.register_instances(body.value("region", ""), body.value("count", 0));
      return text(200, "ok\n");
    }
  } catch (const nlohmann::json::exception& e) {
    return text(400, std::string(e.what()) + "\n");
  }
  return text(404, "no such test hook\n");
}

}  // namespace

std::optional<Millis> parse_duration(std::string_view t) {
  if (t.size() < 2 || t.size() > 10) return std::nullopt;
  int64_t n = 0;
  for (const char c : t.substr(0, t.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    n = n * 10 + (c - '0');
  }
  switch (t.back()) {
    case 's':
      return Millis(n * 1000);
    case 'm':
      return Millis(n * 60'000);
    case 'h':
      return Millis(n * 3'600'000);
    case 'd':
      return Millis(n * 86'400'000);
    default:
      return std::nullopt;
  }
}

std::optional<wire::HttpResponse> LocalRoutes::answer(const wire::HttpRequest& request) const {
  const std::string& path = request.raw_path;
  if (path.starts_with("/_test/") || path == "/moto-api/reset") {
    if (!test_hooks) return text(404, "not found\n");
    if (path == "/_test/flows" && request.method == "GET") return list_flows(*this);
    if (request.method != "POST") return text(405, "use POST\n");
    return test_hook(*this, request);
  }
  if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
  if (path == "/my-ip") return text(200, request.source_ip + "\n");
  if (path == "/health") return text(200, "ok\n");
  if (path == "/global-bundle.pem") {
    std::string pem = bundle ? bundle() : "";
    if (pem.empty()) return text(404, "there is no certificate authority yet\n");
    return text(200, std::move(pem), "application/x-pem-file");
  }
  return std::nullopt;
}

}  // namespace howdah::api
