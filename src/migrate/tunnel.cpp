#include "migrate/tunnel.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "migrate/kysely_bridge.h"
#include "util/json.h"

namespace howdah::migrate {
namespace {

using Json = nlohmann::json;

/// Does not return: becomes node with the two pipe ends as stdin and stdout.
[[noreturn]] void become_node(int in, int out, const std::string& directory) {
  dup2(in, 0);
  dup2(out, 1);
  const char* node = std::getenv("NODE");
  if (node == nullptr) node = "node";
  signal(SIGINT, SIG_IGN);  // the terminal's ^C is ours to handle: the running statement is cancelled
  execlp(node, node, "--no-warnings", "--input-type=module", "-e", kKyselyBridge, "--", directory.c_str(), nullptr);
  const std::string line =
      json_text(Json(
          {{"failed", fmt::format("{}: {}; Kysely migrations run in your own node (set NODE, or put it on the PATH)",
                                  node, std::strerror(errno))}})) +
      "\n";
  (void)!write(1, line.data(), line.size());
  _exit(127);
}

std::vector<std::optional<std::string>> params_of(const Json& list) {
  std::vector<std::optional<std::string>> out;
  for (const auto& p : list) {
    if (p.is_null())
      out.emplace_back();
    else
      out.emplace_back(p.get<std::string>());
  }
  return out;
}

Json answer_of(const Answer& a) {
  Json rows = Json::array();
  for (size_t r = 0; r < a.rows.size(); r++) {
    Json row = Json::array();
    for (size_t c = 0; c < a.rows[r].size(); c++) row.push_back(a.nulls[r][c] ? Json() : Json(a.rows[r][c]));
    rows.push_back(std::move(row));
  }
  const size_t space = a.tag.rfind(' ');
  const bool counted =
      space != std::string::npos && a.tag.find_first_not_of("0123456789", space + 1) == std::string::npos;
  return {{"columns", a.columns},
          {"types", a.types},
          {"rows", rows},
          {"affected", counted ? Json(a.tag.substr(space + 1)) : Json()}};
}

}  // namespace

Result<std::unique_ptr<Tunnel>> Tunnel::start(const std::string& source) {
  int to[2], from[2];
  if (pipe2(to, O_CLOEXEC) != 0) return fail(std::strerror(errno));
  std::unique_ptr<Tunnel> t(new Tunnel);
  t->out_ = os::Fd(to[1]);
  const os::Fd child_in(to[0]);
  if (pipe2(from, O_CLOEXEC) != 0) return fail(std::strerror(errno));
  t->in_ = os::Fd(from[0]);
  const os::Fd child_out(from[1]);
  signal(SIGPIPE, SIG_IGN);
  t->pid_ = fork();
  if (t->pid_ < 0) return fail(std::strerror(errno));
  if (t->pid_ == 0) become_node(child_in.get(), child_out.get(), source);
  const_cast<os::Fd&>(child_out).reset();
  const auto line = t->read_line();
  if (!line) return tl::unexpected(line.error());
  const Json first = try_parse_json(*line);
  if (first.contains("failed")) return fail(first["failed"].get<std::string>());
  if (!first.contains("list")) return fail("node said: " + *line);
  for (const auto& e : first["list"]) t->list_.push_back({e["name"], e["file"], e["down"]});
  return t;
}

Tunnel::~Tunnel() {
  out_.reset();
  in_.reset();
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);  // user code may keep node alive
  int status = 0;
  for (int i = 0; i < 100 && waitpid(pid_, &status, WNOHANG) == 0; i++) {
    if (i == 99) kill(pid_, SIGKILL), waitpid(pid_, &status, 0);
    usleep(20000);
  }
}

Result<std::string> Tunnel::read_line() {
  for (;;) {
    const size_t end = buffer_.find('\n');
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    pollfd p = {in_.get(), POLLIN, 0};
    if (poll(&p, 1, 250) <= 0) {
      if (interrupted()) return fail("interrupted");
      continue;
    }
    char piece[65536];
    const ssize_t n = read(in_.get(), piece, sizeof piece);
    if (n > 0)
      buffer_.append(piece, static_cast<size_t>(n));
    else if (n == 0)
      return fail("node ended; what it said is above");
  }
}

bool Tunnel::write_line(const std::string& line) {
  const std::string text = line + "\n";
  for (size_t at = 0; at < text.size();) {
    const ssize_t n = write(out_.get(), text.data() + at, text.size() - at);
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) at += static_cast<size_t>(n);
  }
  return true;
}

tl::expected<int, SqlFailure> Tunnel::call(Database& db, const std::string& op, const std::string& name,
                                           const std::function<void()>& while_waiting) {
  bool failed = false;
  SqlFailure last;  // of the last statement if it failed; what JavaScript throws afterwards is mostly the same
  int statements = 0;
  bool alive = write_line(json_text(Json({{"op", op}, {"name", name}})));
  while (alive) {
    const auto line = read_line();
    if (!line) return tl::unexpected(SqlFailure{.message = line.error().message});
    const Json message = try_parse_json(*line);
    if (message.contains("done")) return statements;
    if (message.contains("failed")) {
      if (!failed) last = SqlFailure{.message = message["failed"].get<std::string>()};
      return tl::unexpected(last);
    }
    if (!message.contains("sql")) return tl::unexpected(SqlFailure{.message = "node said: " + *line});
    statements++;
    auto done = db.exec(message["sql"].get<std::string>(), params_of(message["params"]), while_waiting);
    failed = !done;
    if (failed) {
      last = done.error();
      if (last.context.empty()) last.context = "statement: " + message["sql"].get<std::string>();
      alive = write_line(
          json_text(Json({{"error", {{"message", last.message}, {"code", last.sqlstate}, {"detail", last.detail}}}})));
    } else {
      alive = write_line(readable_json(answer_of(*done)));
    }
  }
  return tl::unexpected(SqlFailure{.message = "node ended"});
}

}  // namespace howdah::migrate
