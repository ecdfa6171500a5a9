#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

/// Migrations: what they are (source.h), what was applied (history.h), whether the two agree (check.h), and how one
/// runs so that schema and history cannot differ (apply.h). commands.h has one function a command. Works against any
/// PostgreSQL by URL and knows nothing of instances.
namespace howdah::migrate {

/// One SQL statement of a script, found without a grammar: dollar quotes, E'' strings, nested comments, parentheses and
/// BEGIN ATOMIC bodies are understood, so it does not depend on the server's version.
struct Statement {
  size_t begin = 0, end = 0;            ///< bytes of the script: first token to just before the semicolon
  int line = 1, column = 1;             ///< of `begin`; columns count characters
  std::vector<std::string> words;       ///< the first bare words outside parentheses, lower case
  size_t data_begin = 0, data_end = 0;  ///< rows after COPY ... FROM STDIN, without the "\." line
  bool is_copy() const { return data_begin != 0; }
};

struct SplitError {
  std::string message;
  int line = 1, column = 1;
};

/// The \restrict lines of pg_dump are ignored, other backslash commands are errors. `script_of_psql`: also take COPY
/// ... FROM STDIN with its rows.
tl::expected<std::vector<Statement>, SplitError> split(std::string_view sql, bool script_of_psql = false);

/// Makes the \restrict lines between the statements comments, of the same length.
void comment_out_restrict(std::string& sql, const std::vector<Statement>& statements);

/// "begin", "commit", "rollback" for statements that start or end a transaction; "" for all others.
std::string transaction_control(const Statement& s);

/// Whether it is one that EXPLAIN takes: a query, also in parentheses, or a change of rows.
bool has_plan(std::string_view sql, const Statement& s);

/// Why PostgreSQL refuses this statement inside a transaction block, e.g. "CREATE INDEX CONCURRENTLY"; "" when it can
/// run there.
std::string outside_transaction(const Statement& s);

/// The byte of the `character`th (from 1) character, which is how the server names a place.
size_t byte_of(std::string_view text, int character);

/// Line and column of a byte of `sql`.
std::pair<int, int> line_and_column(std::string_view sql, size_t byte);

}  // namespace howdah::migrate
