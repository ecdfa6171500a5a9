#include "ec2/filter.h"

#include <fmt/format.h>

#include <algorithm>

namespace howdah::ec2 {
namespace {

constexpr std::string_view kTag = "tag:";

bool is_tag_filter(std::string_view name) { return name.starts_with(kTag) || name == "tag-key" || name == "tag-value"; }

std::vector<std::string> tag_values(std::string_view name, const Tags& tags) {
  if (name.starts_with(kTag)) {
    const auto it = tags.find(std::string(name.substr(kTag.size())));
    return it == tags.end() ? std::vector<std::string>{} : std::vector<std::string>{it->second};
  }
  std::vector<std::string> out;
  for (const auto& [key, value] : tags) out.push_back(name == "tag-key" ? key : value);
  return out;
}

}  // namespace

bool wildcard_match(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0;
  size_t star = pattern.npos, resume = 0;  // where to go on after the last `*` when what follows doesn't match
  while (t < text.size()) {
    const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    const size_t at = escaped ? p + 1 : p;
    if (!escaped && p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      resume = t;
    } else if (at < pattern.size() && (pattern[at] == text[t] || (!escaped && pattern[at] == '?'))) {
      p = at + 1;
      ++t;
    } else if (star != pattern.npos) {
      p = star;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

FilterList::FilterList(const wire::Seq<aws::ec2::Filter>& filters, const std::function<bool(std::string_view)>& known) {
  for (const auto& f : filters) {
    const auto name = f.name.value_or("");
    if (!known(name) && !is_tag_filter(name)) {
      throw Fault("InvalidParameterValue", fmt::format("The filter '{}' is invalid", name));
    }
    if (f.values.empty()) {
      throw Fault("InvalidParameterValue", fmt::format("The filter '{}' is invalid: it has no values", name));
    }
    filters_.push_back({name, f.values.to_vector()});
  }
}

bool FilterList::accepts(const Tags& tags,
                         const std::function<std::vector<std::string>(std::string_view)>& values) const {
  return std::ranges::all_of(filters_, [&](const One& filter) {
    const auto have = is_tag_filter(filter.name) ? tag_values(filter.name, tags) : values(filter.name);
    return std::ranges::any_of(filter.patterns, [&](const auto& pattern) {
      return std::ranges::any_of(have, [&](const auto& value) { return wildcard_match(pattern, value); });
    });
  });
}

}  // namespace howdah::ec2
