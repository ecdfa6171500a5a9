#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

/// The way to nlohmann. Its parser and its writer are compiled in json.cpp, once: each user of its own parse() and
/// dump() compiles them again, for two seconds.
namespace howdah {

nlohmann::json parse_json(std::string_view text);                  ///< throws nlohmann::json::exception
nlohmann::json try_parse_json(std::string_view text);              ///< is_discarded() when it is no JSON
nlohmann::ordered_json parse_ordered_json(std::string_view text);  ///< likewise
nlohmann::ordered_json try_parse_ordered_json(std::string_view text);

/// On one line, or indented. Throws when a text in it is not UTF-8.
std::string json_text(const nlohmann::json& value, int indent = -1);
std::string json_text(const nlohmann::ordered_json& value, int indent = -1);
/// The same for people: what is not UTF-8 becomes U+FFFD.
std::string readable_json(const nlohmann::json& value, int indent = -1);
std::string readable_json(const nlohmann::ordered_json& value, int indent = -1);

}  // namespace howdah
