#include <fmt/format.h>

#include <filesystem>

#include "cli/cli.h"
#include "cli/control.h"
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

/// Where howdah and its other names (db-create, db-connect...) are: beside the program when it is installed, in bin/ of
/// a build. "" when they are nowhere.
std::string commands_directory() {
  std::error_code ec;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ec);
  for (const auto& directory : {program.parent_path() / "bin", program.parent_path()}) {
    if (std::filesystem::exists(directory / "db-connect", ec)) return directory.string();
  }
  return "";
}

}  // namespace

int print_env(const Config& config) {
  const auto credentials = read_credentials(config);
  if (!credentials) return complain(credentials.error());
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
  if (const std::string commands = commands_directory(); !commands.empty()) {
    fmt::print("case \":$PATH:\" in *:{0}:*) ;; *) export PATH={0}:\"$PATH\" ;; esac\n", shell_word(commands));
  }
  // CLI v1 ignores AWS_ENDPOINT_URL for RDS in us-east-1, and CLIs before 2.13 everywhere; --endpoint-url always works.
  fmt::print("aws() {{ command aws --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"; }}\n");
  return 0;
}

}  // namespace howdah::cli
