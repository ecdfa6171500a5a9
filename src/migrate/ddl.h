#pragma once
#include <string>
#include <vector>

#include "migrate/lex.h"

/// What a statement does to the schema, as far as lint and rehearse must know it: PostgreSQL 12 to 18, by a parser that
/// skips what it does not know instead of failing on it.
namespace howdah::migrate {

struct Name {
  std::string schema, name;  ///< as the server stores them
  size_t at = 0;
  std::string text() const { return schema.empty() ? name : schema + "." + name; }
  /// public.users and users are the same table: projects write either.
  std::string key() const { return schema == "public" ? name : text(); }
};

struct Constraint {
  enum Kind { kCheck, kUnique, kPrimary, kForeign, kExclude, kNotNull } kind = kCheck;
  std::string name;
  bool not_valid = false, using_index = false;
  std::vector<std::string> columns;
  std::string not_null_column;  ///< of CHECK (column IS NOT NULL)
  Name references;
  size_t at = 0;
};

struct Column {
  std::string name;
  std::string type;  ///< normal spelling: "varchar(20)", "timestamptz", "int"; "" = none was given
  bool not_null = false, has_default = false, null_default = false, volatile_default = false, identity = false,
       stored = false;
  std::vector<Constraint> constraints;  ///< those written at the column
  size_t at = 0;
};

/// One action of ALTER TABLE.
struct Change {
  enum Kind {
    kOther,
    kAddColumn,
    kDropColumn,
    kAddConstraint,
    kDropConstraint,
    kValidate,
    kType,
    kSetNotNull,
    kDropNotNull,
    kSetDefault,
    kDropDefault,
    kRenameColumn,
    kRenameTable,
    kSetSchema,
    kRowSecurity,
    kOwner,
    kAttach,
    kDetach,
    kWeak  ///< takes less than ACCESS EXCLUSIVE: SET STATISTICS, CLUSTER ON, autovacuum options
  } kind = kOther;
  std::string name, to;  ///< column or constraint; what it is renamed to
  Column column;         ///< of kAddColumn; of kType its type
  Constraint constraint;
  bool cascade = false, with_using = false;
  size_t at = 0;
};

struct Ddl {
  enum Kind {
    kOther,
    kCreateTable,
    kAlterTable,
    kDropTable,
    kCreateIndex,
    kDropIndex,
    kReindex,
    kDropSchema,
    kDropOther,
    kTruncate,
    kInsert,
    kUpdate,
    kDelete,
    kRenameSchema,
    kRenameValue,
    kAddValue,
    kCreateFunction,
    kCreateOther,  ///< views, types, sequences...: `targets` has the name
    kSetSearchPath,
    kGrantTable,
    kLockTable,
    kCluster,
    kRefresh
  } kind = kOther;
  std::vector<Name> targets;  ///< tables of most statements; first the table of CREATE INDEX
  bool concurrently = false, cascade = false, temporary = false, has_where = false, as_query = false,
       security_definer = false, sets_search_path = false, ordered_value = false, all = false;
  std::string value;  ///< enum value
  std::string made;   ///< name of the index
  std::vector<Column> columns;
  std::vector<Constraint> constraints;
  std::vector<Change> changes;
  std::vector<Token> tokens;
  /// A lock that stops reads, too.
  bool access_exclusive() const;
  const Name& target() const;
};

Ddl parse_ddl(std::string_view statement);

/// "character varying ( 20 )" -> "varchar(20)".
std::string normal_type(const std::vector<Token>& tokens, size_t begin, size_t end);

/// Changing a column from one type to the other only changes the catalog: no rewrite, no scan. "" as `from` is unknown.
bool type_change_is_free(const std::string& from, const std::string& to);

}  // namespace howdah::migrate
