#pragma once
#include <fmt/format.h>

#include <functional>

#include "migrate/schema_model.h"

namespace howdah::migrate {

/// Writes the SQL between two schemas, in one pass over the kinds of objects: what depends on others goes first and
/// comes last. The steps share what they have decided to drop or replace. Used once.
class Differ {
 public:
  Differ(const SchemaModel& from, const SchemaModel& to) : a_(from), b_(to) {}
  std::vector<std::string> run();

 private:
  void say(const std::string& sql) { out_.push_back(sql + ";"); }
  bool stays(const std::string& table) const { return a_.tables.contains(table) && b_.tables.contains(table); }
  /// A partition that became another one, a table that became partitioned: made anew.
  bool remade(const std::string& table) const;
  /// A label cannot be used in the transaction that added it.
  bool uses_new_label(const std::string& type, const std::vector<std::string>& old) const;
  /// Labels that were only added can be added; else the type is replaced. So are domains of another type.
  void choose_types();
  bool of_replaced_type(const SchemaModel::Column& c) const;
  bool mentions_replaced(const std::string& definition) const;
  /// Views that must go: other ones in b, and those over what changes under them, and those over such views.
  void choose_views();
  /// `first` before those that it needs, or after them.
  void in_order(const std::map<std::string, SchemaModel::View>& views, const std::set<std::string>& chosen,
                const std::function<void(const std::string&)>& visit, bool users_first);
  /// A column is dropped and made again, with what is built on it.
  bool regenerated(const std::string& table, const SchemaModel::Column& was) const;
  bool on_regenerated(const SchemaModel::Part& part) const;
  /// A constraint that is the same in both, and not dropped with what it is on.
  bool kept(const SchemaModel::Part& was, const SchemaModel::Part& now) const;
  bool kept_index(const std::string& key) const;
  bool only_validated(const SchemaModel::Part& was, const SchemaModel::Part& now) const;
  bool policy_stays(const std::string& key, const SchemaModel::Part& policy) const;
  bool rule_stays(const std::string& key, const SchemaModel::Part& rule) const;
  bool statistics_stay(const SchemaModel::Part& was, const SchemaModel::Part& now) const;
  /// Columns and checks of a parent change those of its children as well: children that are not as they were are taken
  /// off, change alone, and come back when both are as they will be.
  void unlink_children();
  void link_children();
  bool changes_shape(const std::string& table) const;
  void drop_code();
  void drop_parts();
  void drop_borrowed_sequences();
  void drop_tables();
  /// The sequence of an identity and that of a serial have the same name: one must go before the other comes.
  void drop_identities();
  void make_types();
  void make_enums();
  void make_domains();
  void change_domain(const std::string& name, const SchemaModel::Domain& was, const SchemaModel::Domain& now);
  void make_composites();
  void make_ranges(bool with_function);  ///< with a subtype_diff of one's own
  static std::string old_name(const std::string& type);
  static std::string old_full_name(const std::string& type);
  /// Those that return rows of a table must go before it, all others after what they are used in.
  void drop_functions(bool of_tables);
  void functions(bool late);
  void make_tables();
  void change_tables();
  void change_column(const std::string& table, const SchemaModel::Column& was, const SchemaModel::Column& c);
  void change_options(const std::string& table, const std::map<std::string, std::string>& was,
                      const std::map<std::string, std::string>& now);
  static std::string options_sql(const std::map<std::string, std::string>& options);
  /// Whether change_column() sets or drops the default, which goes for all partitions.
  bool redefaulted(const std::string& table, const SchemaModel::Column& was, const SchemaModel::Column& c) const;
  bool partitions_have_default(const std::string& table, const std::string& column) const;
  /// Defaults and NOT NULL that a partition has for itself.
  void change_partitions();
  struct Settled {
    bool expression = false, not_null = false;  ///< were said anew, here or for a parent
  };
  Settled change_partition_column(const std::string& table, const std::string& column);
  void change_sequence(const std::string& name, const std::string& was, const std::string& now);
  /// Enums have casts from and to text only, domains those of what they are made of.
  std::string through_text(const SchemaModel::Column& was) const;
  bool primary(const std::string& table, const std::string& column) const;
  void replace_types();
  void sequence_owners();
  /// After the owners: a table takes its sequences along, from version 15 on.
  void persistence();
  void make_constraints();
  void make_indexes(const std::function<bool(const std::string&)>& wanted);
  void make_views();
  void replica_identities();
  void make_statistics();
  void make_rules();
  void make_triggers();
  void make_policies();
  void make_comments();
  static bool has_object(const SchemaModel& m, const SchemaModel::Comment& c);
  bool made_again(const SchemaModel::Comment& c) const;
  void drop_types();

  const SchemaModel &a_, &b_;
  std::vector<std::string> out_, unused_;                            ///< unused_: functions that b does not have
  std::set<std::string> unlinked_;                                   ///< children without their parents for a while
  std::set<std::string> dropped_views_, replaced_, gone_, touched_;  ///< touched_: tables and views that change
  std::map<std::string, Settled> settled_;                           ///< by "table column"
  bool bodies_ = false;
};

/// What is put before a statement after which rows or values are gone.
constexpr const char* kLosesData = "-- loses data:\n";

/// What comes after the schema in a quoted name.
std::string last_part(const std::string& name);

/// As an SQL literal.
std::string quoted(const std::string& text);

}  // namespace howdah::migrate
