#pragma once
#include "migrate/session.h"

namespace howdah::migrate {

/// The history table of another tool. Several tools call it schema_migrations: the columns tell them apart.
struct ForeignHistory {
  std::string tool, table;
  std::vector<std::string> applied;  ///< versions or names, as the tool writes them
  bool only_last = false;            ///< it knows the last one only: everything before is applied as well
  std::string unfinished;            ///< why it cannot be taken over as it stands, "" = it can
};
tl::expected<std::vector<ForeignHistory>, SqlFailure> foreign_histories(Database& db);

/// The migrations of `source` that such a history calls applied. `missing` are those without a file.
struct Match {
  std::vector<const Migration*> applied;
  std::vector<std::string> missing;
};
Match match(const Source& source, const ForeignHistory& history);

/// Marks as applied what the other tool has applied, in one transaction. `tool` "" = the one that is there;
/// `skip_missing`: also when some of it has no file here.
int import_history(Session& s, const std::string& tool, bool skip_missing);

}  // namespace howdah::migrate
