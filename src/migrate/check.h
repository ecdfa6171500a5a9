#pragma once
#include "migrate/history.h"
#include "migrate/report.h"

namespace howdah::migrate {

/// Files beside history.
struct Verdict {
  std::vector<const Migration*> pending;  ///< in file order
  std::vector<Row> applied;               ///< in file order, missing files where their version puts them
  std::vector<Problem> problems;          ///< any of them stops up, down and to
  /// Baselines whose place in the history is still held by everything that they replace; `applied` has them already.
  std::vector<const Migration*> squashed;
};

/// Pure: compares, decides nothing. `out_of_order`: allow a pending migration before an applied one.
Verdict compare(const Source& source, const std::vector<Row>& rows, bool out_of_order);

/// The order of versions in a directory of this kind.
bool comes_before(Dialect dialect, const std::string& a, const std::string& b);

/// What must be known of a section before it may run: its statements, with an outermost BEGIN/COMMIT pair blanked out
/// (positions stay), and why it cannot run as asked, if so.
struct Script {
  std::string sql;
  std::vector<Statement> statements;
  bool transactional = true;
};
tl::expected<Script, Problem> prepare(const Section& section, const std::string& version, Dialect dialect);

}  // namespace howdah::migrate
