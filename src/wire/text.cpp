#include "wire/text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace howdah::wire {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr char kUpperHex[] = "0123456789ABCDEF";
constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Bytes that stand for themselves in the text of an XML element.
constexpr std::array<bool, 256> plain_in_xml() {
  std::array<bool, 256> table{};
  for (int c = 0x20; c < 0x80; c++) table[size_t(c)] = c != '<' && c != '>' && c != '&' && c != '"';
  table['\t'] = table['\n'] = true;
  return table;
}

bool is_continuation(std::string_view s, size_t i) { return i < s.size() && (uint8_t(s[i]) & 0xC0) == 0x80; }

bool equals_ignoring_case(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (size_t i = 0; i < a.size(); i++)
    if ((a[i] | 0x20) != lower[i]) return false;
  return true;
}

std::string_view without_plus(std::string_view text) {
  return text.size() > 1 && text[0] == '+' && text[1] != '-' ? text.substr(1) : text;
}

constexpr std::array<int8_t, 256> base64_values() {
  std::array<int8_t, 256> table{};
  for (auto& v : table) v = -1;
  for (int i = 0; i < 64; i++) table[uint8_t(kBase64[i])] = int8_t(i);
  return table;
}

}  // namespace

size_t utf8_length(std::string_view s, size_t i) {
  const uint8_t c = uint8_t(s[i]);
  if (c < 0x80) return 1;
  if (c < 0xC2) return 0;
  if (c < 0xE0) return is_continuation(s, i + 1) ? 2 : 0;
  if (c < 0xF0) {
    if (!is_continuation(s, i + 1) || !is_continuation(s, i + 2)) return 0;
    const uint8_t next = uint8_t(s[i + 1]);
    if ((c == 0xE0 && next < 0xA0) || (c == 0xED && next > 0x9F)) return 0;  // overlong, surrogate
    return 3;
  }
  if (c > 0xF4 || !is_continuation(s, i + 1) || !is_continuation(s, i + 2) || !is_continuation(s, i + 3)) return 0;
  const uint8_t next = uint8_t(s[i + 1]);
  return (c == 0xF0 && next < 0x90) || (c == 0xF4 && next > 0x8F) ? 0 : 4;
}

bool is_utf8(std::string_view s) {
  for (size_t i = 0; i < s.size();) {
    const size_t n = utf8_length(s, i);
    if (n == 0) return false;
    i += n;
  }
  return true;
}

size_t count_code_points(std::string_view s) {
  size_t n = 0;
  for (char c : s) n += (uint8_t(c) & 0xC0) != 0x80;
  return n;
}

std::string percent_decode(std::string_view s, bool form) {
  std::string out;
  out.reserve(s.size());
  for (size_t i = 0; i < s.size(); i++) {
    if (s[i] == '+' && form) {
      out += ' ';
    } else if (s[i] == '%' && i + 2 < s.size() && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
      out += char(hex_digit(s[i + 1]) << 4 | hex_digit(s[i + 2]));
      i += 2;
    } else {
      out += s[i];
    }
  }
  return out;
}

std::string percent_encode(std::string_view s, bool keep_slash) {
  std::string out;
  out.reserve(s.size() + 8);
  for (char c : s) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~' || (keep_slash && c == '/');
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kUpperHex[uint8_t(c) >> 4];
      out += kUpperHex[uint8_t(c) & 15];
    }
  }
  return out;
}

std::string hex_encode(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char c : bytes) {
    out += digits[uint8_t(c) >> 4];
    out += digits[uint8_t(c) & 15];
  }
  return out;
}

std::string base64_encode(std::string_view s) {
  std::string out;
  out.reserve((s.size() + 2) / 3 * 4);
  for (size_t i = 0; i < s.size(); i += 3) {
    const size_t left = s.size() - i;
    const uint32_t n = uint32_t(uint8_t(s[i])) << 16 | (left > 1 ? uint32_t(uint8_t(s[i + 1])) << 8 : 0) |
                       (left > 2 ? uint32_t(uint8_t(s[i + 2])) : 0);
    out += kBase64[n >> 18];
    out += kBase64[n >> 12 & 63];
    out += left > 1 ? kBase64[n >> 6 & 63] : '=';
    out += left > 2 ? kBase64[n & 63] : '=';
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view s) {
  static constexpr auto kValues = base64_values();
  std::string out;
  out.reserve(s.size() / 4 * 3);
  uint32_t bits = 0;
  int digits = 0, padding = 0;
  for (char c : s) {
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
    if (c == '=') {
      padding++;
      continue;
    }
    const int v = kValues[uint8_t(c)];
    if (v < 0 || padding > 0) return std::nullopt;
    bits = bits << 6 | uint32_t(v);
    if (++digits % 4 != 0) continue;
    out += char(bits >> 16);
    out += char(bits >> 8);
    out += char(bits);
  }
  const int rest = digits % 4;
  if (rest == 1 || padding > 2) return std::nullopt;
  if (rest == 2) out += char(bits >> 4);
  if (rest == 3) {
    out += char(bits >> 10);
    out += char(bits >> 2);
  }
  return out;
}

std::optional<int64_t> parse_integer(std::string_view text) {
  text = without_plus(text);
  int64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return v;
}

std::optional<double> parse_double(std::string_view text) {
  text = without_plus(text);
  double v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return v;
}

std::optional<bool> parse_bool(std::string_view text) {
  if (equals_ignoring_case(text, "true") || text == "1") return true;
  if (equals_ignoring_case(text, "false") || text == "0") return false;
  return std::nullopt;
}

std::string format_double(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "Infinity" : "-Infinity";
  char buffer[40];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, v);
  std::string out(buffer, end);
  if (out.find_first_of(".e") == out.npos) out += ".0";
  return out;
}

void append_xml_text(std::string& out, std::string_view s) {
  size_t plain = 0;  // everything before it has been written
  auto replace = [&](size_t at, size_t length, std::string_view by) {
    out.append(s, plain, at - plain).append(by);
    plain = at + length;
  };
  static constexpr auto kPlain = plain_in_xml();
  for (size_t i = 0; i < s.size();) {
    const uint8_t c = uint8_t(s[i]);
    if (kPlain[c]) {
      i++;
      continue;
    }
    const size_t n = utf8_length(s, i);
    if (c == '<')
      replace(i, 1, "&lt;");
    else if (c == '>')
      replace(i, 1, "&gt;");
    else if (c == '&')
      replace(i, 1, "&amp;");
    else if (c == '"')
      replace(i, 1, "&quot;");
    else if (c == '\r')
      replace(i, 1, "&#xD;");
    else if (n == 0 || c < 0x20)
      replace(i, 1, kReplacement);
    else if (n == 3 && c == 0xEF && uint8_t(s[i + 1]) == 0xBF && uint8_t(s[i + 2]) >= 0xBE)
      replace(i, 3, kReplacement);
    i += n == 0 ? 1 : n;
  }
  out.append(s, plain);
}

void append_json_string(std::string& out, std::string_view s) {
  out += '"';
  size_t plain = 0;
  auto replace = [&](size_t at, std::string_view by) {
    out.append(s, plain, at - plain).append(by);
    plain = at + 1;
  };
  for (size_t i = 0; i < s.size();) {
    const uint8_t c = uint8_t(s[i]);
    const size_t n = utf8_length(s, i);
    if (c == '"')
      replace(i, "\\\"");
    else if (c == '\\')
      replace(i, "\\\\");
    else if (c == '\n')
      replace(i, "\\n");
    else if (c == '\r')
      replace(i, "\\r");
    else if (c == '\t')
      replace(i, "\\t");
    else if (c < 0x20 || c == 0x7F)
      replace(i, std::string{'\\', 'u', '0', '0', kUpperHex[c >> 4], kUpperHex[c & 15]});
    else if (n == 0)
      replace(i, kReplacement);
    i += n == 0 ? 1 : n;
  }
  out.append(s, plain);
  out += '"';
}

std::string to_utf8(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (size_t i = 0; i < s.size();) {
    const size_t n = utf8_length(s, i);
    out.append(n == 0 ? kReplacement : s.substr(i, n));
    i += n == 0 ? 1 : n;
  }
  return out;
}

}  // namespace howdah::wire
