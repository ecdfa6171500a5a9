#include "domain/tag.h"

#include <fmt/format.h>

#include <algorithm>

namespace howdah {
namespace {

/// Unicode characters of UTF-8.
auto character_count(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

}  // namespace

void check_tags(const Tags& tags) {
  if (tags.size() > 50) {
    throw Fault("InvalidParameterValue",
                fmt::format("A resource can have at most 50 tags; this would make {}.", tags.size()));
  }
  for (const auto& [key, value] : tags) {
    if (key.empty() || character_count(key) > 128) {
      throw Fault("InvalidParameterValue", fmt::format("Tag key '{}' must have 1 to 128 characters.", key));
    }
    if (character_count(value) > 256) {
      throw Fault("InvalidParameterValue", fmt::format("The value of tag '{}' must have at most 256 characters.", key));
    }
    if (key.starts_with("aws:")) {
      throw Fault("InvalidParameterValue", fmt::format("Tag key '{}' is invalid: the prefix aws: is reserved.", key));
    }
  }
}

}  // namespace howdah
