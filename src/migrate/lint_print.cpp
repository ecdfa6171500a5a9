#include <fmt/format.h>

#include "migrate/lint.h"
#include "util/json.h"

namespace howdah::migrate {
namespace {

using Json = nlohmann::ordered_json;

const char* word(Severity s) { return s == Severity::kError ? "error" : "warning"; }
std::string place(const Finding& f) { return fmt::format("{}:{}:{}", f.file, f.line, f.column); }
std::string dump(const Json& j) { return readable_json(j, 2) + "\n"; }

std::string text(const LintResult& r) {
  std::string out;
  for (const auto& f : r.findings) {
    out += fmt::format("{}: {}: {} [{}]\n", place(f), word(f.severity), f.message, f.rule);
    if (!f.fix.empty()) out += fmt::format("  fix: {}\n", f.fix);
  }
  for (const auto& f : r.allowed) out += fmt::format("{}: allowed: {} [{}]\n", place(f), f.reason, f.rule);
  return out + fmt::format("{} files: {} errors, {} warnings, {} allowed\n", r.files, r.count(Severity::kError),
                           r.count(Severity::kWarning), r.allowed.size());
}

std::string gcc(const LintResult& r) {
  std::string out;
  for (const auto& f : r.findings)
    out += fmt::format("{}: {}: {} [{}]\n", place(f), word(f.severity), f.message, f.rule);
  return out;
}

Json object(const Finding& f) {
  Json out = {{"rule", f.rule}, {"severity", word(f.severity)}, {"version", f.version}, {"file", f.file},
              {"line", f.line}, {"column", f.column},           {"object", f.object},   {"message", f.message},
              {"fix", f.fix}};
  if (!f.reason.empty()) out["reason"] = f.reason;
  return out;
}

std::string json(const LintResult& r) {
  Json out = {{"command", "lint"},
              {"files", r.files},
              {"errors", r.count(Severity::kError)},
              {"warnings", r.count(Severity::kWarning)},
              {"findings", Json::array()},
              {"allowed", Json::array()}};
  for (const auto& f : r.findings) out["findings"].push_back(object(f));
  for (const auto& f : r.allowed) out["allowed"].push_back(object(f));
  return dump(out);
}

/// Workflow commands of GitHub's runners: what would end a property or the line is escaped.
std::string escaped(const std::string& s, bool property) {
  std::string out;
  for (const char c : s) {
    if (c == '%')
      out += "%25";
    else if (c == '\n')
      out += "%0A";
    else if (c == '\r')
      out += "%0D";
    else if (property && c == ':')
      out += "%3A";
    else if (property && c == ',')
      out += "%2C";
    else
      out += c;
  }
  return out;
}

std::string github(const LintResult& r) {
  std::string out;
  for (const auto& f : r.findings) {
    out += fmt::format("::{} file={},line={},col={},title={}::{}\n", word(f.severity), escaped(f.file, true), f.line,
                       f.column, escaped(f.rule, true),
                       escaped(f.fix.empty() ? f.message : f.message + "\nfix: " + f.fix, false));
  }
  return out;
}

/// GitLab's code quality report. The fingerprint leaves out the line: a comment above must not make it a new finding.
std::string gitlab(const LintResult& r) {
  Json out = Json::array();
  std::map<std::string, int> seen;
  for (const auto& f : r.findings) {
    const std::string same = f.rule + '\n' + f.file + '\n' + f.object + '\n' + f.message;
    out.push_back({{"description", f.message},
                   {"check_name", f.rule},
                   {"fingerprint", sha256_hex(fmt::format("{}\n{}", same, seen[same]++))},
                   {"severity", f.severity == Severity::kError ? "critical" : "minor"},
                   {"location", {{"path", f.file}, {"lines", {{"begin", f.line}}}}}});
  }
  return dump(out);
}

}  // namespace

std::string print_lint(const LintResult& result, LintFormat format) {
  switch (format) {
    case LintFormat::kJson:
      return json(result);
    case LintFormat::kGithub:
      return github(result);
    case LintFormat::kGitlab:
      return gitlab(result);
    case LintFormat::kGcc:
      return gcc(result);
    case LintFormat::kText:
      break;
  }
  return text(result);
}

}  // namespace howdah::migrate
