#pragma once
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "aws/ec2.h"
#include "domain/tag.h"
#include "util/fault.h"

/// Filters of Describe operations: a resource must match every filter, and one value of each. Values may hold the
/// wildcards `*` and `?`; a backslash makes the next character a plain one. Everything is case-sensitive.
namespace howdah::ec2 {

bool wildcard_match(std::string_view pattern, std::string_view text);

/// "true" or "false", as filters spell them.
inline std::string word(bool b) { return b ? "true" : "false"; }

/// One request's filters, checked. Thread-compatible; outlives neither the request nor the table.
class FilterList {
 public:
  FilterList(const wire::Seq<aws::ec2::Filter>& filters, const std::function<bool(std::string_view)>& known);

  /// `values(name)` gives what the resource has under a filter's name.
  bool accepts(const Tags& tags, const std::function<std::vector<std::string>(std::string_view)>& values) const;

 private:
  struct One {
    std::string name;
    std::vector<std::string> patterns;
  };
  std::vector<One> filters_;
};

/// The filters that resources of type T have. Every table knows `tag:KEY`, `tag-key` and `tag-value`, too.
template <class T>
class Filters {
 public:
  using Values = std::function<std::vector<std::string>(const T&)>;
  using Table = std::initializer_list<std::pair<std::string_view, Values>>;

  /// Throws InvalidParameterValue for a filter that the table doesn't have.
  Filters(const wire::Seq<aws::ec2::Filter>& filters, Table table)
      : table_(table), list_(filters, [&](std::string_view name) { return field(name) != nullptr; }) {}

  bool accept(const T& resource, const Tags& tags) const {
    return list_.accepts(tags, [&](std::string_view name) { return (*field(name))(resource); });
  }

 private:
  const Values* field(std::string_view name) const {
    for (const auto& [key, values] : table_) {
      if (key == name) return &values;
    }
    return nullptr;
  }
  std::vector<std::pair<std::string_view, Values>> table_;
  FilterList list_;
};

/// Ids that a Describe asked for: empty = all.
class Wanted {
 public:
  explicit Wanted(const wire::Seq<std::string>& ids) : ids_(ids.begin(), ids.end()) {}
  bool has(std::string_view id) const {
    if (ids_.empty()) return true;
    for (const auto& wanted : ids_) {
      if (wanted == id) return true;
    }
    return false;
  }
  const std::vector<std::string>& ids() const { return ids_; }

 private:
  std::vector<std::string> ids_;
};

}  // namespace howdah::ec2
