#pragma once
#include <memory>

#include "migrate/database.h"
#include "migrate/source.h"

namespace howdah::migrate {

enum class State { kApplied, kRunning, kFailed, kRolledBack };

/// One migration as the database remembers it.
struct Row {
  std::string version, name;
  State state = State::kApplied;
  std::string checksum;  ///< "" = nothing to compare with
  bool has_down = false;
  std::string down_sql;  ///< as it was when it was applied
  int statements = 0, done = 0;
  std::string done_checksum;  ///< of the statements that were done
  std::string error, at;
};

/// The history table of one dialect. All functions that return SQL give text to be executed inside the transaction of
/// the change itself: that is what keeps schema and history together. Tables are named with their schema, so a
/// migration that changes search_path does not matter.
class History {
 public:
  explicit History(std::string schema) : schema_(std::move(schema)) {}
  virtual ~History() = default;
  virtual const char* dialect() const = 0;
  virtual std::string table() const = 0;  ///< quoted, with schema
  virtual const char* key() const = 0;    ///< the column that holds Row::version
  virtual const char* name_column() const { return key(); }
  virtual std::string create_sql() const = 0;
  /// In the order in which they were applied; rows that do not count any more (rolled back) come too.
  virtual std::string read_sql() const = 0;
  virtual std::vector<Row> rows(const Answer& answer) const = 0;
  /// Asks for everything that read_sql() does when nothing is to be done, as one row of a few long texts; "" = there is
  /// no shorter way than that.
  virtual std::string summary_sql() const { return ""; }
  /// Does the summary say that exactly these migrations are applied, with these texts, in this order? When it does not,
  /// read_sql() tells more.
  virtual bool agrees(const Answer& /*summary*/, const std::vector<Migration>& /*migrations*/) const { return false; }

  virtual std::string applied_sql(Database& db, const Migration& m, int statements) const = 0;
  /// applied_sql() as a prepared statement, which the server plans once for many migrations; "" = this dialect has
  /// none.
  virtual std::string prepare_sql(const std::string& /*name*/) const { return ""; }
  virtual std::string prepared_applied_sql(Database&, const Migration&, int /*statements*/,
                                           const std::string& /*name*/) const {
    return "";
  }
  virtual std::string reverted_sql(Database& db, const Row& row) const = 0;

  /// Migrations outside a transaction: a row first, then progress, then the end.
  virtual std::string start_sql(Database& db, const Migration& m, int statements) const = 0;
  virtual std::string progress_sql(Database& db, const Migration& m, int done, const std::string& checksum) const = 0;
  virtual std::string failed_sql(Database& db, const Migration& m, const std::string& error) const = 0;
  virtual std::string finished_sql(Database& db, const Migration& m) const = 0;

  /// Marks without running: after a person or resolve has looked.
  virtual std::string mark_applied_sql(Database& db, const Migration& m) const = 0;
  virtual std::string mark_rolled_back_sql(Database& db, const std::string& version) const = 0;
  virtual std::string accept_sql(Database& db, const Migration& m) const = 0;

  /// Removes all rows of a migration; the log keeps them and `why`. The log is made where a dialect has none.
  std::string forget_sql(Database& db, const std::string& version, const std::string& why) const;
  /// Puts the rows back that forget_sql() removed last; fails on the server when they are there.
  std::string restore_sql(Database& db, const std::string& version) const;
  /// The version of the rows that forget_sql() removed last under this version or name; no row when there are none.
  SqlAnswer forgotten(Database& db, const std::string& version_or_name) const;
  /// What was changed by hand: at, who, version, action, whether the row was kept. Newest first.
  SqlAnswer read_log(Database& db) const;
  /// The table of what was changed by hand; quoted, with schema.
  virtual std::string log() const { return schema_ + ".schema_history_log"; }

  /// One row of a baseline in the place of those of what it replaces, with the times of the last of them. "" where
  /// there are no baselines.
  virtual std::string squash_sql(Database&, const Migration&) const { return ""; }

  /// Makes the recorded order that of the versions; "" where the order is not recorded apart.
  virtual std::string reorder_sql() const { return ""; }

  /// Advisory lock keys to hold while working: ours, and the one that the dialect's own tool takes.
  virtual std::vector<int64_t> lock_keys() const = 0;

 protected:
  virtual std::string create_log_sql() const;
  std::string schema_;  ///< quoted
};

/// The names that a baseline replaces as an SQL list: 'a', 'b'.
std::string replaced_list(Database& db, const Migration& baseline);

std::unique_ptr<History> native_history(const std::string& quoted_schema);
std::unique_ptr<History> prisma_history(const std::string& quoted_schema);
std::unique_ptr<History> kysely_history(const std::string& quoted_schema);

constexpr int64_t kOurLockKey = 0x686f77646168;  // "howdah"

}  // namespace howdah::migrate
