#include "cli/control.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "net/http_client.h"
#include "util/clock.h"
#include "wire/sigv4.h"

namespace howdah::cli {
namespace {

constexpr auto kPatience = std::chrono::hours(24);  // a clone of a large database takes what it takes
constexpr auto kPoll = std::chrono::milliseconds(50);
constexpr auto kTellAfter = std::chrono::seconds(2);

std::string environment(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

Result<wire::Credentials> signing_keys(const Config& config) {
  wire::Credentials keys{environment("AWS_ACCESS_KEY_ID", ""), environment("AWS_SECRET_ACCESS_KEY", ""),
                         environment("AWS_SESSION_TOKEN", "")};
  if (!keys.access_key.empty() && !keys.secret_key.empty()) return keys;
  const auto own = read_credentials(config);
  if (!own) return tl::unexpected(own.error());
  return wire::Credentials{own->access_key_id, own->secret_access_key, ""};
}

Error error_of(const wire::HttpResponse& answer) {
  const auto body = try_parse_json(answer.body);
  if (!body.is_object()) return {fmt::format("the daemon answered {}: {}", answer.status, answer.body.substr(0, 500))};
  const std::string code = body.value("__type", "");
  return {fmt::format("{} ({})", body.value("message", body.value("Message", "no reason given")),
                      code.substr(code.find('#') + 1))};
}

}  // namespace

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

Result<nlohmann::json> call(const Config& config, const std::string& operation, const nlohmann::json& input) {
  const std::string url = environment("AWS_ENDPOINT_URL", config.url());
  auto target = net::parse_url(url);
  if (!target) return tl::unexpected(target.error());
  target->ca = environment("AWS_CA_BUNDLE", config.tls_ca);
  const auto keys = signing_keys(config);
  if (!keys) return tl::unexpected(keys.error());
  wire::HttpRequest request;
  request.method = "POST";
  request.headers = {{"host", url.substr(url.find("//") + 2)},
                     {"content-type", "application/x-amz-json-1.1"},
                     {"user-agent", "howdah/" HOWDAH_VERSION},
                     {"x-amz-target", "Howdah." + operation}};
  request.body = json_text(input);
  wire::sign(request, *keys, environment("AWS_REGION", config.region), "howdah", SystemClock().now());
  const auto answer = net::send_request(*target, request, kPatience);
  if (!answer) {
    return fail(fmt::format("{}. Is the daemon running (howdah serve)? AWS_ENDPOINT_URL or --listen say where it is.",
                            answer.error().message));
  }
  if (answer->status != 200) return tl::unexpected(error_of(*answer));
  auto body = try_parse_json(answer->body);
  if (!body.is_object()) return fail("the daemon's answer is not JSON: " + answer->body.substr(0, 200));
  return body;
}

Result<nlohmann::json> await_rest(const Config& config, const std::string& instance) {
  const auto begin = std::chrono::steady_clock::now();
  std::string told;
  for (;;) {
    auto seen = call(config, "DescribeInstance", {{"Instance", instance}});
    if (!seen) return seen;
    const std::string status = seen->value("Status", "");
    if (status == "available" || status == "failed" || status == "stopped" || status.starts_with("incompatible-")) {
      return seen;
    }
    if (status != told && std::chrono::steady_clock::now() - begin > kTellAfter) {
      fmt::print(stderr, "{} is {}...\n", instance, told = status);
    }
    std::this_thread::sleep_for(kPoll);
  }
}

Result<std::string> random_password() {
  unsigned char bytes[26];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return fail("the kernel gives no random bytes");
  std::string out;
  for (const unsigned char b : bytes) out += "abcdefghijkmnpqrstuvwxyz23456789"[b % 32];
  return out;
}

int complain(const Error& error) {
  fmt::print(stderr, "howdah: {}\n", error.message);
  return 1;
}

}  // namespace howdah::cli
