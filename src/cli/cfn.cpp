#include "cli/cfn.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "cli/database_url.h"
#include "migrate/cfn.h"
#include "migrate/report.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "os/files.h"
#include "os/pidfd.h"
#include "os/spawn.h"
#include "util/json.h"

extern char** environ;

namespace howdah::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr auto kToAnswer = 5s;                       ///< before the deadline, the work is stopped
constexpr auto kToRollBack = 2s;                     ///< then it is killed
constexpr auto kNextEvent = std::chrono::hours(24);  ///< Lambda freezes who waits for longer
constexpr int kTries = 5;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::map<std::string, std::string> environment(const std::string& url) {
  std::map<std::string, std::string> out;
  for (char** e = environ; *e != nullptr; e++) {
    const std::string_view text = *e;
    out.emplace(text.substr(0, text.find('=')), text.substr(std::min(text.find('=') + 1, text.size())));
  }
  out.erase("CONNECTION_URL");
  out["DATABASE_URL"] = url;  // not among the arguments, which everybody sees
  return out;
}

/// One howdah as a process of its own. It is told to stop at `stop_at`, which rolls back what runs.
migrate::Ran run_howdah(const CfnOptions& o, const std::string& url, Clock::time_point stop_at,
                        std::vector<std::string> args) {
  const auto left = std::max<std::chrono::milliseconds>(
      std::chrono::duration_cast<std::chrono::milliseconds>(stop_at - Clock::now()), 1ms);
  if (args[0] == "migrate")
    args.insert(args.begin() + 1, {"--dir", o.directory, "--statement-timeout", fmt::format("{}ms", left.count())});
  std::string output = "/tmp/howdah-cfn-XXXXXX";
  const int fd = mkstemp(output.data());
  if (fd < 0) return {migrate::kUsage, ""};
  close(fd);
  std::error_code ec;
  os::Command command{
      .program = fs::read_symlink("/proc/self/exe", ec).string(), .args = args, .env = environment(url)};
  const auto child = os::spawn(command, output);
  migrate::Ran ran{.code = migrate::kUsage};
  if (child) {
    if (!os::wait_exit(child->pidfd, left)) {
      (void)os::send_signal(child->pidfd, SIGTERM);
      if (!os::wait_exit(child->pidfd, kToRollBack)) (void)os::send_signal(child->pidfd, SIGKILL);
      (void)os::wait_exit(child->pidfd, 1s);
      ran.code = migrate::kInterrupted;
    }
    const auto status = os::reap(child->pidfd);
    if (ran.code != migrate::kInterrupted && status)
      ran.code = WIFEXITED(*status) ? WEXITSTATUS(*status) : migrate::kInterrupted;
  }
  const auto text = os::read_file(output, 64 << 20);
  unlink(output.c_str());
  if (!text) return ran;
  fmt::print(stderr, "{}\n", *text);  // Lambda's log
  ran.json = text->substr(std::min(text->find("{\n"), text->size()));
  return ran;
}

/// To a URL as it stands: path and query are part of a presigned one's signature.
Result<wire::HttpResponse> send(const std::string& method, const std::string& url, wire::Headers headers,
                                const std::string& body, std::chrono::milliseconds timeout) {
  const size_t host = std::min(url.find("://"), url.size() - std::min<size_t>(url.size(), 3)) + 3;
  const size_t path = std::min(url.find_first_of("/?", host), url.size()), query = std::min(url.find('?'), url.size());
  const auto target = net::parse_url(url.substr(0, path));
  if (!target) return tl::unexpected(target.error());
  headers.emplace_back("Host", url.substr(host, path - host));
  headers.emplace_back("User-Agent", "howdah/" HOWDAH_VERSION);
  wire::HttpRequest request{
      .method = method, .raw_path = url.substr(path, query - path), .headers = headers, .body = body};
  if (query < url.size()) request.raw_query = url.substr(query + 1);
  if (request.raw_path.empty()) request.raw_path = "/";
  return net::send_request(*target, request, timeout);
}

std::string header(const wire::HttpResponse& answer, std::string_view wanted) {
  for (const auto& [name, value] : answer.headers) {
    if (strcasecmp(name.c_str(), std::string(wanted).c_str()) == 0) return value;
  }
  return "";
}

/// CloudFormation waits an hour for an answer that does not come.
Result<void> put_answer(const std::string& url, const std::string& body, Clock::time_point deadline) {
  std::string why;
  for (int i = 0; i < kTries; i++) {
    if (i > 0) std::this_thread::sleep_for(250ms * (1 << i));
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    const auto sent =
        send("PUT", url, {{"Content-Type", ""}}, body, std::clamp<std::chrono::milliseconds>(left, 1s, 10s));
    if (sent && sent->status >= 200 && sent->status < 300) return {};
    why = sent ? fmt::format("status {}", sent->status) : sent.error().message;
    fmt::print(stderr, "howdah: the answer was not taken: {}\n", why);
    if (sent && sent->status < 500 && sent->status != 408 && sent->status != 429)
      break;  // an expired URL stays expired
  }
  return fail("the answer could not be delivered: " + why);
}

struct Answered {
  migrate::CfnOutcome outcome;
  std::string body;
  Result<void> delivered;
};

Answered answer(const CfnOptions& o, const migrate::CfnEvent& event, Clock::time_point deadline) {
  Answered a;
  a.outcome = migrate::handle_cfn(event, [&](const std::vector<std::string>& args) {
    return run_howdah(o, event.url, deadline - kToAnswer, args);
  });
  if (!a.outcome.ok && deadline - kToAnswer <= Clock::now())
    a.outcome.reason = "out of time, what ran was rolled back: " + a.outcome.reason;
  if (!a.outcome.ok && !variable("AWS_LAMBDA_LOG_STREAM_NAME").empty())
    a.outcome.reason += "; log stream " + variable("AWS_LAMBDA_LOG_STREAM_NAME");
  a.body = migrate::cfn_response(event, a.outcome);
  if (!event.response_url.empty()) a.delivered = put_answer(event.response_url, a.body, deadline);
  return a;
}

// --- Lambda --------------------------------------------------------------------------------------------------------

Clock::time_point lambda_deadline(const wire::HttpResponse& invocation) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::chrono::milliseconds at(std::atoll(header(invocation, "lambda-runtime-deadline-ms").c_str()));
  return Clock::now() + (at.count() == 0 ? std::chrono::milliseconds(900'000)
                                         : at - std::chrono::duration_cast<std::chrono::milliseconds>(now));
}

std::string error_json(const std::string& message) {
  return readable_json(nlohmann::json{
      {"errorMessage", message}, {"errorType", "Howdah.MigrationFailed"}, {"stackTrace", nlohmann::json::array()}});
}

/// Until Lambda ends the process. Configuration that is wrong is no failed start: each event is answered with it.
int lambda_loop(const CfnOptions& o, const std::string& runtime) {
  const std::string base = "http://" + runtime + "/2018-06-01/runtime/invocation/";
  for (;;) {
    const auto invocation = send("GET", base + "next", {}, "", kNextEvent);
    if (!invocation || invocation->status != 200) {
      fmt::print(stderr, "howdah: Lambda's runtime API: {}\n",
                 invocation ? fmt::format("status {}", invocation->status) : invocation.error().message);
      return 1;
    }
    const auto deadline = lambda_deadline(*invocation);
    const std::string id = header(*invocation, "lambda-runtime-aws-request-id");
    std::string body, error;
    if (const auto event = migrate::parse_cfn_event(invocation->body, o.url)) {
      const Answered a = answer(o, *event, deadline);
      body = a.body;
      if (!a.delivered) error = a.delivered.error().message;
      if (event->response_url.empty() && !a.outcome.ok) error = a.outcome.reason;  // CDK's framework answers for us
    } else {
      error = event.error().message;
    }
    const wire::Headers headers = error.empty()
                                      ? wire::Headers{{"Content-Type", "application/json"}}
                                      : wire::Headers{{"Content-Type", "application/json"},
                                                      {"Lambda-Runtime-Function-Error-Type", "Howdah.MigrationFailed"}};
    const auto said = send("POST", base + id + (error.empty() ? "/response" : "/error"), headers,
                           error.empty() ? body : error_json(error), 10s);
    if (!said) fmt::print(stderr, "howdah: Lambda's runtime API: {}\n", said.error().message);
  }
}

// --- HTTP ----------------------------------------------------------------------------------------------------------

bool allowed(const wire::HttpRequest& request, const std::string& token) {
  const std::string wanted = "Bearer " + token;
  const std::string_view got = request.header("authorization");
  return token.empty() || (got.size() == wanted.size() && CRYPTO_memcmp(got.data(), wanted.data(), got.size()) == 0);
}

wire::HttpResponse text_answer(int status, const std::string& text) {
  return {.status = status, .headers = {{"Content-Type", "text/plain"}}, .body = text + "\n"};
}

wire::HttpResponse serve_event(const CfnOptions& o, const std::string& token, const wire::HttpRequest& request) {
  if (request.method != "POST") return text_answer(405, "POST an event of CloudFormation");
  if (!allowed(request, token)) return text_answer(401, "Authorization: Bearer $HOWDAH_CFN_TOKEN is missing");
  const auto event = migrate::parse_cfn_event(request.body, o.url);
  if (!event) return text_answer(400, event.error().message);
  const Answered a = answer(o, *event, Clock::now() + std::chrono::seconds(event->service_timeout));
  if (!a.delivered) return text_answer(502, a.delivered.error().message);
  return {.status = 200, .headers = {{"Content-Type", "application/json"}}, .body = a.body};
}

int serve_http(const CfnOptions& o) {
  const size_t colon = o.listen.rfind(':');
  net::HttpServerOptions http{.tls_certificate = o.certificate, .tls_key = o.key};
  if (colon == std::string::npos) return fmt::print(stderr, "howdah: --listen ADDRESS:PORT\n"), migrate::kUsage;
  http.address = o.listen.substr(0, colon);
  http.port = static_cast<uint16_t>(std::atoi(o.listen.c_str() + colon + 1));
  sigset_t ends;  // before the server's threads, which inherit it
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  const std::string token = variable("HOWDAH_CFN_TOKEN");
  auto server = net::HttpServer::start(http, [&](const auto& request) { return serve_event(o, token, request); });
  if (!server) return fmt::print(stderr, "howdah: {}\n", server.error().message), migrate::kUsage;
  fmt::print("listening on {}://{}:{}\n", o.certificate.empty() ? "http" : "https", http.address, (*server)->port());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&ends, &signal);
  (*server)->stop(10s);
  return migrate::kOk;
}

}  // namespace

int run_cfn(const CfnOptions& given) {
  CfnOptions o = given;
  std::error_code ec;
  o.directory = fs::absolute(o.directory, ec).string();
  if (const std::string runtime = variable("AWS_LAMBDA_RUNTIME_API"); !runtime.empty()) return lambda_loop(o, runtime);
  return serve_http(o);
}

int run_bootstrap() {
  const std::string root = variable("LAMBDA_TASK_ROOT"), said = variable("MIGRATIONS_DIR");
  std::error_code ec;
  CfnOptions o{.directory = said};
  if (said.empty()) {
    o.directory = root + "/db/migrations";
    if (!fs::exists(o.directory, ec) && fs::exists(root + "/prisma/migrations", ec))
      o.directory = root + "/prisma/migrations";
  }
  if (variable("AWS_LAMBDA_RUNTIME_API").empty())
    return fmt::print(stderr, "howdah: bootstrap is started by Lambda; elsewhere: howdah migrate cfn\n"),
           migrate::kUsage;
  o.url = database_url("", false).value_or("");
  return run_cfn(o);
}

}  // namespace howdah::cli
