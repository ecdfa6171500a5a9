#pragma once
#include <optional>

#include "migrate/load.h"
#include "migrate/replay.h"

namespace howdah::migrate {

/// What one statement did to relations that were there before the migration.
struct Effect {
  std::string version, where, sql;
  double ms = 0;
  int64_t wal_bytes = 0, scanned_rows = 0;
  std::map<std::string, std::string> locks;  ///< table -> strongest mode, "AccessExclusive"
  std::map<std::string, int64_t> rewritten;  ///< table or index -> bytes afterwards
  std::map<std::string, int64_t> built;      ///< new index of such a table -> bytes
};

/// The longest that a table was locked by one migration: from taking the lock to the commit.
struct Hold {
  std::string version, mode;
  double ms = 0;
};

struct Rehearsal {
  std::vector<Effect> effects;
  std::map<std::string, Hold> worst;  ///< by table; only modes that stop readers or writers
  std::vector<Replay::Broken> broken;
  size_t statements_tried = 0;  ///< of the application
  std::optional<Load::Figures> load;
  int64_t replica_rate = 0;  ///< bytes of WAL that a replica is taken to apply each second

  int64_t wal_bytes() const;
  /// The most that one migration needs on disk beside what is there: what it rewrites is there twice until it commits.
  std::pair<int64_t, std::string> disk() const;  ///< and its version
  /// How far behind a replica gets that applies WAL at that rate while these statements run.
  double replica_lag_ms() const;
};

struct Budget {
  std::optional<double> lock_ms, lag_ms;
  std::optional<int64_t> rewrite_bytes;
};

/// What is wanted of a rehearsal.
struct Rehearsing {
  Budget budget;
  bool with_down = false;    ///< then down and up again, comparing the schema
  AppStatements statements;  ///< they must still be planned afterwards
  std::string load;          ///< a file of statements that run meanwhile, "" = none
  int64_t replica_rate = 50 << 20;
};
Result<double> parse_duration(const std::string& text);  ///< "500ms", "1s", "2min" -> ms
Result<int64_t> parse_bytes(const std::string& text);    ///< "100MB", "1GB", with 1024

/// What applications notice of a mode: "reads and writes", "writes", or "" for nothing.
std::string blocks(const std::string& mode);

/// Runs what is pending on a copy of the database, as `up` would, and measures. The database itself is only read; the
/// copy goes away. kOverBudget when a limit was exceeded or the application would fail.
int rehearse(const Options& options, const Rehearsing& wanted, Report& report);

/// The same on the database itself, which the caller has copied.
int rehearse_in_place(const Options& options, const Rehearsing& wanted, Report& report);

std::string rehearsal_text(const Rehearsal& r);
std::string rehearsal_json(const Rehearsal& r);

}  // namespace howdah::migrate
