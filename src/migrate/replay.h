#pragma once
#include "migrate/commands.h"

namespace howdah::migrate {

/// What the application has been sending, by pg_stat_statements: texts with $1 in the places of values.
struct AppStatement {
  std::string sql;
  int64_t calls = 0;
  double ms = 0;  ///< of all calls
};
struct AppStatements {
  std::vector<AppStatement> list;  ///< those that took most time first
  std::string search_path;         ///< of the role that asked
  std::string why_none;            ///< "" when the server said
};

/// Of the database that `target` names; reads only.
AppStatements top_statements(const Target& target, size_t count);

/// Finds out on a copy which of them can no longer be planned after a migration.
class Replay {
 public:
  /// A connection to the copy, which must outlive this. Those that cannot be planned now either (an operator's own
  /// session, tables that are gone) are left out.
  Replay(Database& copy, const AppStatements& statements);
  struct Broken {
    AppStatement statement;
    std::string version;  ///< after which migration
    SqlFailure failure;
  };
  void after(const std::string& version);
  const std::vector<Broken>& broken() const { return broken_; }
  size_t tried() const { return tried_; }

 private:
  tl::expected<void, SqlFailure> plan(const std::string& sql);
  Database& copy_;
  std::string search_path_;
  std::vector<AppStatement> good_;
  std::vector<Broken> broken_;
  size_t tried_ = 0;
};

}  // namespace howdah::migrate
