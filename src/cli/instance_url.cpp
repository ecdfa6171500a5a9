#include "cli/instance_url.h"

#include <fmt/format.h>

#include <cstdlib>

#include "cli/control.h"
#include "cli/database_url.h"

namespace howdah::cli {
namespace {

/// A value of libpq's key=value words.
std::string quoted(const std::string& value) {
  std::string out = "'";
  for (const char c : value) out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "'";
}

}  // namespace

Result<std::string> connection_of(const std::string& word, const std::string& role) {
  if (auto url = named_url(word)) {
    if (!role.empty()) return fail(word + " is a URL, which says the role itself: leave --role out");
    return url;
  }
  const auto config = load_config(ConfigSource::from_environment());
  if (!config) return tl::unexpected(config.error());
  const auto seen = call(*config, "DescribeInstance", {{"Instance", word}});
  if (!seen) {
    return fail(fmt::format("{} is neither prod nor a DB instance ({}), and {} is not set", word, seen.error().message,
                            url_variable(word)));
  }
  const std::string host = seen->value("Endpoint", ""), status = seen->value("Status", "");
  if (host.empty()) return fail(fmt::format("{} has no endpoint yet: it is {}", word, status));
  const std::string user = role == "admin" ? seen->value("MasterUsername", "") : role.empty() ? "readonly" : role;
  const char* mode = std::getenv("PGSSLMODE");
  return fmt::format("host={} port={} user={} dbname={} sslmode={}", quoted(host), seen->value("Port", 5432),
                     quoted(user), quoted(seen->value("DatabaseName", "postgres")),
                     quoted(mode == nullptr ? "require" : mode));
}

}  // namespace howdah::cli
