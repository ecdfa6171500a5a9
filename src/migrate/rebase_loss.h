#pragma once
#include "migrate/session.h"

namespace howdah::migrate {

/// What going down from `executed` to its first `kept` migrations would take from the database, with its rows.
struct Losses {
  std::vector<std::string> what;  ///< "table posts with 12 rows"; empty tables are left out
  /// Nothing else is lost: the SQL that goes down only changes the schema. Of a program nobody knows.
  bool all = true;
  std::vector<std::string> empty;  ///< SQL that locks a table and fails when there are rows by now
};
tl::expected<Losses, Problem> losses(Session& s, const std::vector<const Migration*>& executed, size_t kept);

}  // namespace howdah::migrate
