#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/scope.h"
#include "domain/tag.h"
#include "store/store.h"
#include "util/clock.h"

namespace howdah {

/// A custom DB parameter group: what was changed against the family's defaults. The groups `default.<family>` have no
/// record; they exist for as long as a server of the family is installed, and hold no changes.
///
/// A change that waits for a reboot is in force for an instance that started after it was made, and not for the others,
/// so a group remembers when each change was made, and what was in force before, for as long as some instance needs it.
struct ParameterGroup {
  static constexpr std::string_view kKind = "parameter-group";

  struct Change {
    Time at{};
    bool immediate = false;            ///< in force at once; otherwise for servers that start after `at`
    std::optional<std::string> value;  ///< nothing: back to the family's default
  };
  using Values = std::map<std::string, std::string>;

  Scope scope;
  std::string name;    ///< lower case
  std::string family;  ///< postgres15
  std::string description;
  std::map<std::string, std::vector<Change>> changes;  ///< by parameter, oldest first, never an empty list
  Tags tags;

  std::string key() const { return scope.key(name); }
  std::string arn() const { return scope.arn("rds", "pg:" + name); }
  /// Deleted, but servers still run with it: kept under a name that nobody can ask for until they are rebooted.
  bool retired() const { return name.starts_with(kRetired); }
  static constexpr char kRetired = '~';
  std::string encode() const;
  static ParameterGroup decode(std::string_view text);

  /// What DescribeDBParameters shows: every changed parameter's newest value, as it was sent.
  Values values() const;
  /// What is in force for a server that was last started at `started`.
  Values values_for(Time started) const;
  /// Whether such a server lacks a change until it is rebooted (ParameterApplyStatus pending-reboot).
  bool waits_for_reboot(Time started) const;

  /// Records a change and forgets what no server can still be on: everything before an immediate change, and before the
  /// last one that the longest-running server (`oldest_start`) has seen.
  void change(const std::string& parameter, Change change, Time oldest_start);
};

/// `default.postgres15` for `postgres15`.
std::string default_parameter_group(std::string_view family);
/// The family when `name` is a default group's name, else nothing.
std::optional<std::string> default_group_family(std::string_view name);

/// The groups that their owner sees, by name.
std::vector<std::shared_ptr<const ParameterGroup>> visible_groups(const store::Store& store, const Scope& scope);
std::vector<std::shared_ptr<const ParameterGroup>> visible_groups(const store::Tx& tx, const Scope& scope);

/// Deletes a group that no instance has. Servers that still run with it (Instance::started_group) go on with a retired
/// copy. Cost O(instances of the scope).
void delete_group(store::Tx& tx, const ParameterGroup& group, Time now);

/// Resource ids of the instances that have this parameter group. Cost O(instances of the scope).
std::vector<std::string> instances_using(const store::Store& store, const Scope& scope, std::string_view group);
std::vector<std::string> instances_using(const store::Tx& tx, const Scope& scope, std::string_view group);

}  // namespace howdah
