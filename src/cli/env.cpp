#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "cli/cli.h"
#include "domain/principal.h"

namespace howdah::cli {
namespace {

/// One word of a POSIX shell.
std::string shell_word(std::string_view value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

Result<Credentials> read_credentials(const Config& config) {
  const std::string path = config.credentials_file();
  errno = 0;
  std::ifstream file(path);
  if (!file) {
    const int error = errno;
    if (error == ENOENT)
      return fail("there is no " + path + " yet: start the daemon first (howdah serve), or give its --state-dir");
    return fail(fmt::format("cannot read {}: {}; only the user who runs the daemon may", path, std::strerror(error)));
  }
  std::stringstream text;
  text << file.rdbuf();
  auto credentials = parse_credentials(text.str());
  if (!credentials)
    return fail(path + " holds no [default] key; remove it and restart the daemon to have it written again");
  return std::move(*credentials);
}

}  // namespace

int print_env(const Config& config) {
  const auto credentials = read_credentials(config);
  if (!credentials) {
    fmt::print(stderr, "howdah: {}\n", credentials.error().message);
    return 1;
  }
  fmt::print("unset AWS_SESSION_TOKEN AWS_PROFILE AWS_IGNORE_CONFIGURED_ENDPOINT_URLS\n");
  const auto print = [](const char* name, const std::string& value) {
    fmt::print("export {}={}\n", name, shell_word(value));
  };
  print("AWS_ACCESS_KEY_ID", credentials->access_key_id);
  print("AWS_SECRET_ACCESS_KEY", credentials->secret_access_key);
  print("AWS_REGION", config.region);
  print("AWS_DEFAULT_REGION", config.region);
  print("AWS_ENDPOINT_URL", config.url());
  if (config.secure()) print("AWS_CA_BUNDLE", config.tls_ca);
  // CLI v1 ignores AWS_ENDPOINT_URL for RDS in us-east-1, and CLIs before 2.13 everywhere; --endpoint-url always works.
  fmt::print("aws() {{ command aws --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"; }}\n");
  return 0;
}

}  // namespace howdah::cli
