#pragma once
#include <optional>

#include "migrate/commands.h"

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
};

struct Budget {
  std::optional<double> lock_ms;
  std::optional<int64_t> rewrite_bytes;
};
Result<double> parse_duration(const std::string& text);  ///< "500ms", "1s", "2min" -> ms
Result<int64_t> parse_bytes(const std::string& text);    ///< "100MB", "1GB", with 1024

/// What applications notice of a mode: "reads and writes", "writes", or "" for nothing.
std::string blocks(const std::string& mode);

/// Runs what is pending on a copy of the database, as `up` would, and measures. The database itself is only read; the
/// copy goes away. `with_down`: then down and up again, comparing the schema. kOverBudget when a limit was exceeded.
int rehearse(const Options& options, const Budget& budget, bool with_down, Report& report);

/// The same on the database itself, which the caller has copied.
int rehearse_in_place(const Options& options, const Budget& budget, bool with_down, Report& report);

std::string rehearsal_text(const Rehearsal& r);
std::string rehearsal_json(const Rehearsal& r);

}  // namespace howdah::migrate
