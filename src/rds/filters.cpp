#include "rds/filters.h"

#include <fmt/format.h>

#include <algorithm>

#include "util/fault.h"
#include "util/text.h"

namespace howdah::rds {
namespace {

constexpr std::string_view kNames[] = {"db-cluster-id", "db-instance-id", "db-snapshot-id"};

}  // namespace

Filters::Filters(const wire::Seq<aws::rds::Filter>& sent, std::initializer_list<std::string_view> known) {
  for (const auto& f : sent) {
    const std::string name = f.name.value_or("");
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw Fault("InvalidParameterValue", fmt::format("Unrecognized filter name: {}", name));
    }
    const bool names = std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
    auto& values = values_[name];
    for (const auto& v : f.values) values.insert(names ? lower_case(v) : v);
  }
}

bool Filters::admit(std::string_view filter, std::string_view value) const {
  const Values* wanted = values(filter);
  return !wanted || wanted->contains(value);
}

const Filters::Values* Filters::values(std::string_view filter) const {
  const auto it = values_.find(filter);
  return it == values_.end() ? nullptr : &it->second;
}

}  // namespace howdah::rds
