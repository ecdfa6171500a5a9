#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/conf.h"
#include "pg/engine.h"
#include "pg/formula.h"
#include "util/result.h"

namespace howdah::pg {

/// Whether `settings` holds the boolean `name` as 1, on or true.
bool is_on(const Settings& settings, const std::string& name);

/// One row of DescribeDBParameters for a default group.
struct Parameter {
  std::string name;
  std::optional<std::string> value;  ///< RDS's default, maybe a formula; nothing = the engine's own default
  std::string description;
  std::string source;      ///< "system" with a value of RDS, else "engine-default"
  std::string apply_type;  ///< "static" (needs a restart) or "dynamic"
  std::string data_type;   ///< integer, float, boolean, string, list
  std::string allowed;     ///< "6-262143", "0,1", "off,on,..."; "" = anything
  bool modifiable = true;
  std::string refusal = {};  ///< why `allowed` is narrower than on AWS; "" = it is not

  bool is_static() const { return apply_type == "static"; }
};

/// All parameters of one engine build: names, types and ranges from its own pg_settings (Template::settings), defaults
/// of RDS laid over them, and RDS's own rds.* parameters. rds.extensions is what a master may create. Constant after
/// load; about 350 rows.
class ParameterTable {
 public:
  static Result<ParameterTable> load(const Engine& engine, const std::string& settings_file);

  const std::vector<Parameter>& all() const { return rows_; }  ///< by name
  const Parameter* find(std::string_view name) const;

  /// Whether a user may set `name` to `value`; the error's message is what AWS answers (InvalidParameterValue).
  Result<void> check(const std::string& name, const std::string& value) const;

  /// Plain settings for instance_settings(): RDS's defaults, `user` over them, formulas evaluated, and the rds.*
  /// parameters turned into what PostgreSQL understands (rds.logical_replication -> wal_level). A user value that
  /// check() refuses is an error: the group is from another family or version.
  Result<Settings> resolve(const Settings& user, const FormulaInput& input) const;

 private:
  int major_ = 0;
  std::vector<Parameter> rows_;
};

}  // namespace howdah::pg
