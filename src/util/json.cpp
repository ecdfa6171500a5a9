#include "util/json.h"

namespace howdah {

using nlohmann::json;
using nlohmann::ordered_json;

json parse_json(std::string_view text) { return json::parse(text); }
json try_parse_json(std::string_view text) { return json::parse(text, nullptr, false); }
ordered_json parse_ordered_json(std::string_view text) { return ordered_json::parse(text); }
ordered_json try_parse_ordered_json(std::string_view text) { return ordered_json::parse(text, nullptr, false); }

std::string json_text(const json& value, int indent) { return value.dump(indent); }
std::string json_text(const ordered_json& value, int indent) { return value.dump(indent); }
std::string readable_json(const json& value, int indent) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}
std::string readable_json(const ordered_json& value, int indent) {
  return value.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace howdah
