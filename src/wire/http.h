// One HTTP exchange as plain values: what net/ hands to api/ and gets back.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace howdah::wire {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string raw_path = "/";  ///< as sent, still percent-encoded; no scheme, host or query
  std::string raw_query;       ///< as sent, without the '?'
  Headers headers;             ///< names in lower case, in the order sent, duplicates kept
  std::string body;
  std::string source_ip;
  /// Whether the client has closed its connection since: nobody waits for the answer. May be empty; only while the
  /// request is being answered.
  std::function<bool()> client_gone;

  /// The first header of that (lower-case) name, "" when there is none.
  std::string_view header(std::string_view name) const {
    for (const auto& [k, v] : headers)
      if (k == name) return v;
    return {};
  }
};

struct HttpResponse {
  int status = 200;
  Headers headers;  ///< names in the case to send; Content-Length, Date and Connection are net/'s business
  std::string body;

  std::string_view header(std::string_view name) const {
    for (const auto& [k, v] : headers)
      if (k == name) return v;
    return {};
  }
};

}  // namespace howdah::wire
