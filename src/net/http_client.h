#pragma once
#include <chrono>
#include <string>

#include "util/result.h"
#include "wire/http.h"

namespace howdah::net {

/// Where a request goes. `ca` is a PEM file that the server's certificate is verified with.
struct HttpTarget {
  bool tls = false;
  std::string host;
  std::string port;
  std::string ca;
};

/// "http://127.0.0.1:4566" or "https://name". Fails on anything else, naming it.
Result<HttpTarget> parse_url(const std::string& url);

/// One request on a connection of its own, blocking; it names `target` as its host unless it has a Host header.
/// `timeout` is for connecting and for each silence of the server.
/// Redirects are answers like others: nothing is sent anywhere else. Errors have retry = true when nobody answered, or
/// the answer was cut.
Result<wire::HttpResponse> send_request(const HttpTarget& target, const wire::HttpRequest& request,
                                        std::chrono::milliseconds timeout);

}  // namespace howdah::net
