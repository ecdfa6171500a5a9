#include "cli/result_table.h"

#include <fmt/format.h>

namespace howdah::cli {
namespace {

/// Columns on a terminal: characters, not bytes.
size_t width(const std::string& text) {
  size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

std::string padded(const std::string& text, size_t to, bool right) {
  const std::string space(to - width(text), ' ');
  return right ? space + text : text + space;
}

std::string text_of(const nlohmann::json& value) { return value.is_null() ? "" : value.get<std::string>(); }

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

/// An empty text is quoted, so that it differs from null.
std::string csv_value(const nlohmann::json& value) {
  const std::string text = text_of(value);
  return text.empty() && !value.is_null() ? "\"\"" : csv_field(text);
}

}  // namespace

std::string as_table(const nlohmann::json& result) {
  const auto& columns = result.at("columns");
  const auto& rows = result.at("rows");
  if (columns.empty()) return result.value("tag", "") + "\n";
  std::vector<size_t> widths;
  for (const auto& column : columns) widths.push_back(width(column.at("name")));
  for (const auto& row : rows) {
    for (size_t c = 0; c < widths.size(); c++) widths[c] = std::max(widths[c], width(text_of(row.at(c))));
  }
  std::string head, line, out;
  for (size_t c = 0; c < widths.size(); c++) {
    const std::string name = columns.at(c).at("name");
    const size_t before = (widths[c] - width(name)) / 2;
    head += (c == 0 ? " " : " | ") + std::string(before, ' ') + padded(name, widths[c] - before, false);
    line += (c == 0 ? "" : "+") + std::string(widths[c] + 2, '-');
  }
  out = head + "\n" + line + "\n";
  for (const auto& row : rows) {
    std::string text;
    for (size_t c = 0; c < widths.size(); c++) {
      text += (c == 0 ? " " : " | ") + padded(text_of(row.at(c)), widths[c], columns.at(c).value("number", false));
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  }
  return out + fmt::format("({} row{})\n", rows.size(), rows.size() == 1 ? "" : "s");
}

std::string as_csv(const nlohmann::json& result) {
  std::string out;
  const auto add = [&](const nlohmann::json& values, auto text) {
    for (size_t c = 0; c < values.size(); c++) out += (c == 0 ? "" : ",") + text(values.at(c));
    out += "\n";
  };
  add(result.at("columns"), [](const nlohmann::json& column) { return csv_field(column.at("name")); });
  for (const auto& row : result.at("rows")) add(row, csv_value);
  return out;
}

std::string as_json_rows(const nlohmann::json& result) {
  std::string out = "[";
  const auto& columns = result.at("columns");
  for (const auto& row : result.at("rows")) {
    nlohmann::ordered_json object;
    for (size_t c = 0; c < columns.size(); c++) object[columns.at(c).at("name").get<std::string>()] = row.at(c);
    out += (out.size() > 1 ? ",\n " : "") + json_text(object);
  }
  return out + "]\n";
}

}  // namespace howdah::cli
