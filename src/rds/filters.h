#pragma once
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "aws/rds.h"

namespace howdah::rds {

/// The `Filters` of a Describe request: every filter must match, each with any of its values. Values that are names of
/// resources, or ARNs with such, are compared in lower case, as names are stored.
class Filters {
 public:
  using Values = std::set<std::string, std::less<>>;

  /// Throws InvalidParameterValue for a filter that is not in `known`, as AWS does.
  Filters(const wire::Seq<aws::rds::Filter>& sent, std::initializer_list<std::string_view> known);

  /// True when there is no such filter, or `value` is one of its values.
  bool admit(std::string_view filter, std::string_view value) const;
  const Values* values(std::string_view filter) const;  ///< null = there is no such filter
  bool empty() const { return values_.empty(); }

 private:
  std::map<std::string, Values, std::less<>> values_;
};

}  // namespace howdah::rds
