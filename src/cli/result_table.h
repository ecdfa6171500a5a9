#pragma once

#include <string>

#include "util/json.h"

/// A query's result (GetPastResponse.Result) as text. Pure.
namespace howdah::cli {

std::string as_table(const nlohmann::json& result);      ///< as psql's aligned format
std::string as_csv(const nlohmann::json& result);        ///< RFC 4180 with a header; null is an empty field
std::string as_json_rows(const nlohmann::json& result);  ///< [{"column": "text" or null}], one row a line

}  // namespace howdah::cli
