#pragma once
#include <map>
#include <set>

#include "migrate/database.h"

namespace howdah::migrate {

/// A schema as far as diff can write SQL for it. All names are quoted and with their schema; expressions are as the
/// server prints them with an empty search_path.
struct SchemaModel {
  struct Column {
    std::string name, type, collation, expression, identity, generated;
    bool not_null = false;
    std::string sequence, sequence_options;  ///< of an identity; options as those of a sequence
    bool plain_sequence = true;              ///< the options are those of a column that says none
    bool operator==(const Column&) const = default;
  };
  struct Table {
    std::vector<Column> columns;
    std::string partition_key, parent, bound;  ///< of partitioned tables, and of partitions
    bool unlogged = false, row_security = false, force_row_security = false;
    std::vector<std::string> inherits;           ///< parents of a table that is no partition, in their order
    std::map<std::string, std::string> options;  ///< storage parameters; those of its TOAST table as "toast.name"
    std::string replica_identity;                ///< "full", "nothing", "using index x" or "" for its primary key
    const Column* find(const std::string& column) const;
  };
  struct Part {  ///< constraint, index, trigger, policy, rule or statistics
    std::string table, name, definition;
    char kind = 0;  ///< pg_constraint.contype; of triggers and rules when they fire
    bool operator==(const Part&) const = default;
  };
  struct Sequence {
    std::string definition, owned_by;  ///< all its options, between ", "
    bool unlogged = false;
    bool operator==(const Sequence&) const = default;
  };
  struct View {
    std::string definition, options;
    bool materialized = false;
    std::set<std::string> uses;  ///< tables and views
  };
  struct Domain {
    std::string type, expression;  ///< with its collation; of the default
    bool not_null = false;
    std::map<std::string, std::string> checks;
    bool operator==(const Domain&) const = default;
  };
  struct Comment {
    std::string kind, object, part;  ///< part: column, constraint, trigger or policy of it, or ""
    std::string text;
  };
  struct Function {
    std::string definition, signature, kind;  ///< signature: names, defaults and result, which cannot be replaced
    bool needs_tables = false;
  };
  std::set<std::string> schemas, extensions;
  std::map<std::string, std::vector<std::string>> enums;
  std::map<std::string, Domain> domains;
  std::map<std::string, std::string> ranges;                   ///< what stands after AS RANGE
  std::map<std::string, std::vector<std::string>> composites;  ///< attributes with their types
  std::map<std::string, Comment> comments;                     ///< key: as COMMENT ON names the object
  std::map<std::string, Sequence> sequences;
  std::set<std::string> unused;  ///< sequences, also of identities, that never gave a number, as far as one may see
  std::map<std::string, Table> tables;
  std::map<std::string, Part> constraints, indexes, triggers, policies, rules, statistics;  ///< key: "table name"
  std::map<std::string, View> views;
  std::map<std::string, Function> functions;
};

tl::expected<SchemaModel, SqlFailure> read_model(Database& db);

/// SQL that turns one into the other, in an order in which it can run; each with its semicolon. What loses data is
/// preceded by a comment.
std::vector<std::string> schema_diff(const SchemaModel& from, const SchemaModel& to);

}  // namespace howdah::migrate
