#pragma once
#include "migrate/lint.h"

/// Inside lint: one file being looked at, and what is known of the schema before it.
namespace howdah::migrate {

struct Piece {
  const Statement* statement = nullptr;
  Ddl ddl;
};

/// The schema as the statements so far have made it.
class Tables {
 public:
  void apply(const Ddl& ddl, bool in_run);
  void begin_run() { fresh_.clear(); }
  bool fresh(const Name& table) const { return fresh_.contains(table.key()); }  ///< made in this run: nobody uses it
  std::string type_of(const Name& table, const std::string& column) const;      ///< "" = not known
  const std::set<std::string>& checked() const { return checked_; }  ///< "table.column" proved NOT NULL by a CHECK

 private:
  void change(const Name& table, const Change& x);
  std::set<std::string> fresh_, checked_;
  std::map<std::string, std::map<std::string, std::string>> columns_;
  std::map<std::string, std::string> not_null_checks_;  ///< "table.constraint" -> "table.column"
};

/// Habits of a project: rules about them speak only where they are usual.
struct Habits {
  bool qualifies = false, grants = false, row_security = false;
};

class File {
 public:
  File(const Migration& m, const Source& source, const LintFacts& facts, const Habits& habits, Tables& tables)
      : migration(m), source(source), facts(facts), habits(habits), tables(tables) {}

  const Migration& migration;
  const Source& source;
  const LintFacts& facts;
  const Habits& habits;
  Tables& tables;
  std::vector<Statement> statements;
  std::vector<Piece> pieces;  ///< without an outermost BEGIN/COMMIT
  bool wrapped = false;       ///< it had one
  bool transactional = true;
  std::vector<Finding> findings;

  /// Someone may be using it: not made in this run, not empty.
  bool busy(const Name& table) const { return !tables.fresh(table) && !facts.empty.contains(table.key()); }
  std::string text(const Piece& p) const;
  /// `at`: byte of the statement.
  void add(const char* rule, const Piece& p, size_t at, std::string object, std::string message, std::string fix);
  void add_at(const char* rule, const Section& section, size_t byte, std::string object, std::string message,
              std::string fix);
};

void lint_transactions(File& f);        ///< rules about the whole file
void lint_data(File& f, size_t index);  ///< rules about rows and enum values
void lint_indexes(File& f, const Piece& p);
void lint_table(File& f, const Piece& p);  ///< ALTER TABLE
void lint_removals(File& f, const Piece& p);
void lint_types(File& f, const Piece& p);
void lint_hygiene(File& f, const Piece& p);
void lint_grants(File& f);
Habits habits_of(const std::vector<Ddl>& all);

}  // namespace howdah::migrate
