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
  /// Labels that were only added can be added; else the type is replaced.
  void choose_enums();
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
  bool policy_stays(const std::string& key, const SchemaModel::Part& policy) const;
  void drop_code();
  void drop_parts();
  void drop_tables();
  /// The sequence of an identity and that of a serial have the same name: one must go before the other comes.
  void drop_identities();
  void make_types();
  void make_enums();
  void make_domains();
  void change_domain(const std::string& name, const SchemaModel::Domain& was, const SchemaModel::Domain& now);
  void make_composites();
  static std::string old_name(const std::string& type);
  static std::string old_full_name(const std::string& type);
  /// Those that return rows of a table must go before it, all others after what they are used in.
  void drop_functions(bool of_tables);
  void functions(bool late);
  void make_tables();
  void change_tables();
  void change_column(const std::string& table, const SchemaModel::Column& was, const SchemaModel::Column& c);
  /// Enums have casts from and to text only.
  std::string through_text(const SchemaModel::Column& was) const;
  bool primary(const std::string& table, const std::string& column) const;
  void replace_enums();
  void sequence_owners();
  /// After the owners: a table takes its sequences along, from version 15 on.
  void persistence();
  void make_constraints();
  void make_indexes(const std::function<bool(const std::string&)>& wanted);
  void make_views();
  void make_triggers();
  void make_policies();
  void make_comments();
  static bool has_object(const SchemaModel& m, const SchemaModel::Comment& c);
  bool made_again(const SchemaModel::Comment& c) const;
  void drop_types();

  const SchemaModel &a_, &b_;
  std::vector<std::string> out_, unused_;
  std::set<std::string> dropped_views_, replaced_, gone_, touched_;  ///< touched_: tables and views that change
  bool bodies_ = false;
};

/// What is put before a statement after which rows or values are gone.
constexpr const char* kLosesData = "-- loses data:\n";

/// As an SQL literal.
std::string quoted(const std::string& text);

}  // namespace howdah::migrate
