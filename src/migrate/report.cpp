#include "migrate/report.h"

#include <fmt/format.h>

#include "util/json.h"

namespace howdah::migrate {

void Report::step(Step s) {
  if (!json_) {
    const std::string time = s.ms > 0 ? fmt::format("  {:.0f} ms", s.ms) : "";
    fmt::print("{:<9} {}{}{}\n", s.status, s.name, time, s.detail.empty() ? "" : "  " + s.detail);
    std::fflush(stdout);
  }
  steps_.push_back(std::move(s));
}

void Report::note(const std::string& text) {
  if (!json_) fmt::print(stderr, "{}\n", text);
  notes_.push_back(text);
}

void Report::problem(Problem p) {
  if (!json_) {
    fmt::print(stderr, "{}{}: {}{}\n", p.where.empty() ? "howdah: " : p.where + ": ", p.code, p.message,
               p.sqlstate.empty() ? "" : " (SQLSTATE " + p.sqlstate + ")");
    if (!p.detail.empty()) fmt::print(stderr, "  detail: {}\n", p.detail);
    if (!p.hint.empty()) fmt::print(stderr, "  hint: {}\n", p.hint);
    if (!p.fix.empty()) fmt::print(stderr, "  fix: {}\n", p.fix);
  }
  problems_.push_back(std::move(p));
}

int Report::finish(int code) {
  if (!json_) return code;
  nlohmann::ordered_json out = {
      {"command", command_}, {"exit_code", code}, {"database", database_}, {"dialect", dialect_}};
  auto& steps = out["migrations"] = nlohmann::ordered_json::array();
  for (const auto& s : steps_) {
    steps.push_back({{"version", s.version},
                     {"name", s.name},
                     {"direction", s.direction},
                     {"status", s.status},
                     {"ms", s.ms},
                     {"detail", s.detail}});
  }
  auto& problems = out["problems"] = nlohmann::ordered_json::array();
  for (const auto& p : problems_) {
    problems.push_back({{"code", p.code},
                        {"version", p.version},
                        {"where", p.where},
                        {"message", p.message},
                        {"sqlstate", p.sqlstate},
                        {"detail", p.detail},
                        {"hint", p.hint},
                        {"fix", p.fix}});
  }
  out["notes"] = notes_;
  for (const auto& [key, text] : attached_) out[key] = parse_ordered_json(text);
  fmt::print("{}\n", readable_json(out, 2));
  return code;
}

Problem problem_of(const SqlFailure& f, const std::string& version) {
  return {.code = f.lost ? "connection" : "sql",
          .version = version,
          .message = f.message,
          .sqlstate = f.sqlstate,
          .detail = f.detail.empty() ? f.context : f.detail,
          .hint = f.hint};
}

}  // namespace howdah::migrate
