#pragma once
#include "migrate/report.h"
#include "migrate/split.h"

namespace howdah::migrate {

/// A file of statements that are run one by one.
struct StatementFile {
  std::string text;
  std::vector<Statement> statements;  ///< at least one
};
/// Or why there is none: it cannot be read, is larger than 16 MB, does not split or is empty.
tl::expected<StatementFile, Problem> read_statement_file(const std::string& file);

/// Runs an SQL file as `psql --single-transaction -v ON_ERROR_STOP=1 -f` would, without psql: all of it or nothing, and
/// what pg_dump writes (COPY rows, \restrict) is understood. Returns the exit code; failures are in the report.
int run_script(Database& db, const std::string& file, bool in_transaction, Report& report);
/// The same of a text; `name` is what messages call it.
int run_script_text(Database& db, const std::string& text, const std::string& name, bool in_transaction,
                    Report& report);

}  // namespace howdah::migrate
