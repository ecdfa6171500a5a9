#pragma once
#include <functional>

#include "migrate/rehearse.h"

namespace howdah::migrate {

/// Measures statements on a connection of its own database. Inside a transaction what it holds is asked for after each
/// statement; outside, a second connection looks while it runs.
class Probe {
 public:
  Probe(Database& db, Database& watcher) : db_(db), watcher_(watcher) {}

  /// Relations that are there now are those that matter.
  tl::expected<void, SqlFailure> begin();
  /// Runs `work` and says what it did. In a transaction, locks count until end().
  tl::expected<Effect, SqlFailure> measure(bool in_transaction,
                                           const std::function<SqlAnswer(const std::function<void()>&)>& work);
  /// After the commit, which took `ms`: how long each table was locked.
  std::map<std::string, Hold> end(double commit_ms);

 private:
  struct Relation {
    std::string name, table;  ///< of an index: the OID of its table
    std::string node;
    int64_t bytes = 0;
    bool index = false;
  };
  using Relations = std::map<std::string, Relation>;  ///< by OID
  tl::expected<Relations, SqlFailure> relations();
  void look(Database& through, const std::string& pid, Effect& effect);

  Database &db_, &watcher_;
  Relations before_, last_;
  std::map<std::string, std::pair<std::string, double>> held_;  ///< table -> mode, clock when taken
  double clock_ = 0;  ///< ms of statements so far; what measuring costs does not count
  std::map<std::string, Hold> alone_;
};

int strength(const std::string& mode);

}  // namespace howdah::migrate
