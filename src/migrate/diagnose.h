#pragma once
#include "migrate/fingerprint.h"
#include "migrate/session.h"

namespace howdah::migrate {

/// The schema after each prefix of a migration's statements, as far as they run on an empty copy.
struct Prefixes {
  std::vector<Objects> after;     ///< [0] = before the first statement
  std::optional<Problem> failed;  ///< why the statement after the last prefix does not run
};

/// What a half-applied migration has done, found out on a scratch database: the project's own is only read.
struct Diagnosis {
  Script script;
  Prefixes prefixes;
  std::vector<size_t> fits;  ///< numbers of applied statements that the live schema is consistent with, at least one
};
/// The error's code is "no-match" when the live schema is like after none of the statements.
tl::expected<Diagnosis, Problem> diagnose(Session& s, const Migration& m);

std::string text_of(const Script& script, size_t statement);

/// The schema that these migrations make, in this order, on an empty database.
tl::expected<Objects, Problem> schema_after(Session& s, const std::vector<const Migration*>& list);

}  // namespace howdah::migrate
