// Text forms that several codecs share. Everything here is a pure function.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace howdah::wire {

/// Length of the well-formed UTF-8 sequence that starts at text[at]; 0 when there is none.
size_t utf8_length(std::string_view text, size_t at);
bool is_utf8(std::string_view text);
/// Number of code points of well-formed UTF-8.
size_t count_code_points(std::string_view text);

/// %XX -> byte; '+' -> space only when `form`. A malformed escape stays as it is.
std::string percent_decode(std::string_view text, bool form);
/// All but A-Z a-z 0-9 - _ . ~ (and '/' when `keep_slash`) -> %XX.
std::string percent_encode(std::string_view text, bool keep_slash = false);

std::string hex_encode(std::string_view bytes);
std::string base64_encode(std::string_view bytes);
/// Nothing when the text is not base64. White space and missing padding are tolerated, as AWS's parsers do.
std::optional<std::string> base64_decode(std::string_view text);

std::optional<int64_t> parse_integer(std::string_view text);
std::optional<double> parse_double(std::string_view text);
std::optional<bool> parse_bool(std::string_view text);  ///< true false 1 0, in any case
/// The shortest text that reads back as the same number, with ".0" when integral: 0.1, 20.0, 1e+300, NaN, Infinity.
std::string format_double(double value);

/// Appends with XML's or JSON's escapes. What the format cannot carry (malformed UTF-8, control characters in XML)
/// becomes U+FFFD: an answer must stay readable even when a log line is not.
void append_xml_text(std::string& out, std::string_view text);
void append_json_string(std::string& out, std::string_view text);
/// `text` itself, with malformed UTF-8 replaced by U+FFFD.
std::string to_utf8(std::string_view text);

}  // namespace howdah::wire
