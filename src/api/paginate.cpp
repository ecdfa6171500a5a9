#include "api/paginate.h"

#include <fmt/format.h>

#include "util/fault.h"
#include "wire/text.h"

namespace howdah::api {
namespace {

std::string key_of(const std::optional<std::string>& marker, const char* what) {
  if (!marker || marker->empty()) return {};
  auto key = wire::base64_decode(*marker);
  if (!key || key->empty() || !wire::is_utf8(*key)) {
    throw Fault("InvalidParameterValue", fmt::format("Invalid {}: {}", what, *marker));
  }
  return std::move(*key);
}

}  // namespace

PageRequest rds_page(const std::optional<std::string>& marker, const std::optional<int32_t>& max_records) {
  const int32_t limit = max_records.value_or(100);
  if (limit < 20 || limit > 100) {
    throw Fault("InvalidParameterValue",
                fmt::format("Invalid value {} for MaxRecords. Must be between 20 and 100", limit));
  }
  return {key_of(marker, "marker"), static_cast<size_t>(limit)};
}

PageRequest ec2_page(const std::optional<std::string>& token, const std::optional<int32_t>& max_results) {
  const int32_t limit = max_results.value_or(1000);
  if (limit < 5 || limit > 1000) {
    throw Fault(
        "InvalidParameterValue",
        fmt::format("Value ( {} ) for parameter maxResults is invalid. Expecting a value between 5 and 1000.", limit));
  }
  return {key_of(token, "nextToken"), static_cast<size_t>(limit)};
}

std::string make_marker(std::string_view last_key) { return wire::base64_encode(last_key); }

}  // namespace howdah::api
