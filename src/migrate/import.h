#pragma once
#include "migrate/session.h"

namespace howdah::migrate {

/// The history table of another tool. Several tools call it schema_migrations: the columns tell them apart.
struct ForeignHistory {
  std::string tool, table;
  struct Applied {
    std::string name;         ///< version or name, as the tool writes it
    bool and_before = false;  ///< everything before is applied as well
  };
  std::vector<Applied> applied;
  std::vector<std::string> repeatable;  ///< what the tool runs whenever it changes
  std::string unfinished;               ///< what did not finish there, "" = all of it did
};
tl::expected<std::vector<ForeignHistory>, SqlFailure> foreign_histories(Database& db);

/// The migrations of `source` that such a history calls applied. `missing` are those without a file.
struct Match {
  std::vector<const Migration*> applied;
  std::vector<std::string> missing;
  bool guessed = false;  ///< by the order of the files
};
Match match(const Source& source, const ForeignHistory& history);

/// Marks as applied what the other tool has applied, in one transaction. `tool` "" = the one that is there;
/// `skip_missing`: also when some of it has no file here.
int import_history(Session& s, const std::string& tool, bool skip_missing);

}  // namespace howdah::migrate
