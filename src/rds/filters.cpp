#include "rds/filters.h"

#include <fmt/format.h>

#include <algorithm>

#include "util/fault.h"

namespace howdah::rds {

Filters::Filters(const wire::Seq<aws::rds::Filter>& sent, std::initializer_list<std::string_view> known) {
  for (const auto& f : sent) {
    const std::string name = f.name.value_or("");
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw Fault("InvalidParameterValue", fmt::format("Unrecognized filter name: {}", name));
    }
    auto& values = values_[name];
    for (const auto& v : f.values) values.insert(v);
  }
}

bool Filters::admit(std::string_view filter, std::string_view value) const {
  const auto it = values_.find(filter);
  return it == values_.end() || it->second.contains(value);
}

}  // namespace howdah::rds
