#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "util/clock.h"
#include "util/result.h"
#include "wire/http.h"

namespace howdah::api {

/// What the port serves besides AWS's API.
///   GET /my-ip               the caller's address (what `curl ifconfig.me` is in AWS tutorials)
///   GET /global-bundle.pem   the certificate authorities of every server (RDS's truststore has the same name)
///   GET /health
/// With test hooks, 404 otherwise:
///   POST /_test/clock {"advance":"7d"}: as if a week had passed; {"leap":"7d"} or "-7d": as if somebody had set it
///   POST /_test/fault {"point":"flow.step","action":"kill","nth":1}
///   POST /_test/reset, /moto-api/reset: 500 with the names of instances that could not be deleted within 60 s, or what
///   {"within":"5s"} says      GET /_test/flows {"table": ["step", ...]}
///   POST /_test/instances {"count":1000,"region":"eu-west-2"}   stopped instances that never had a server
struct LocalRoutes {
  std::function<std::string()> bundle;  ///< empty text = none yet
  bool test_hooks = false;
  std::function<void(Millis)> advance, leap;
  std::function<Result<void>(Millis patience)> reset;
  std::function<std::vector<std::pair<std::string, std::vector<std::string>>>()> flows;
  std::function<void(const std::string& region, int count)> register_instances;

  /// Nothing when the request is for somebody else.
  std::optional<wire::HttpResponse> answer(const wire::HttpRequest& request) const;
};

/// "90s", "15m", "36h", "7d".
std::optional<Millis> parse_duration(std::string_view text);

}  // namespace howdah::api
