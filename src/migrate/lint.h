#pragma once
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "migrate/ddl.h"
#include "migrate/source.h"

/// What is dangerous in migrations that would run: locks that stop a busy table, rewrites, data that is lost, things
/// that only fail in production. Reads SQL only; a database, when there is one, says which tables are empty or large.
namespace howdah::migrate {

enum class Severity { kWarning, kError };

struct Rule {
  const char* name;
  Severity severity;
  const char* about;
};
const std::vector<Rule>& lint_rules();

struct Finding {
  std::string rule;
  Severity severity = Severity::kWarning;
  std::string version, file;
  int line = 1, column = 1;
  std::string object;  ///< "users.name": what `-- migrate:allow` can name
  std::string message, fix;
  std::string reason;  ///< of the -- migrate:allow that covers it
};

/// What is known beside the files.
struct LintFacts {
  std::set<std::string> chosen;  ///< versions to look at; the others only tell which tables there are
  std::set<std::string> empty;   ///< tables of the target without a row
  std::set<std::string> known;   ///< versions that are applied, or on the branch compared with
  std::string known_where;       ///< "the database", "main"
  double many_rows = 100000;     ///< what large-data-change calls many
  std::function<std::optional<double>(const std::string& sql)> estimate;  ///< rows that an UPDATE or DELETE touches
  std::function<std::optional<std::string>(const Migration& m)> down_differs;  ///< why down is not up's inverse
};

struct LintResult {
  size_t files = 0;
  std::vector<Finding> findings;  ///< in the order of the files
  std::vector<Finding> allowed;
  size_t count(Severity s) const;
};
LintResult lint(const Source& source, const LintFacts& facts);

enum class LintFormat { kText, kJson, kGithub, kGitlab, kGcc };
std::string print_lint(const LintResult& result, LintFormat format);

}  // namespace howdah::migrate
