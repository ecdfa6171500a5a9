#pragma once
#include "migrate/lint.h"
#include "migrate/session.h"

namespace howdah::migrate {

struct LintOptions {
  std::string against;         ///< a git revision: only files that are not the same there
  bool with_database = false;  ///< only what is pending there; its tables tell what is empty or large
  bool check_down = false;     ///< needs the database: runs up, down, up on a scratch database
  bool strict = false;         ///< warnings count as errors
  double many_rows = 100000;
  LintFormat format = LintFormat::kText;
};

/// Prints the findings on stdout and returns the exit code: kLint when there are errors. What prevents looking (no such
/// directory, revision or database) goes into the report.
int lint_command(const Options& options, const LintOptions& lint_options, Report& report);

/// Files below `directory` that differ from `revision` or are new, and all files that it has; paths begin with
/// `directory`. Runs git.
struct GitFiles {
  std::set<std::string> changed, there;
};
Result<GitFiles> git_files(const std::string& directory, const std::string& revision);

}  // namespace howdah::migrate
