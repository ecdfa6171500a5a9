#pragma once
#include <string_view>

namespace howdah::wire {

/// Whether the whole of `text` matches a model's pattern. True also when the pattern or the text is outside of what can
/// be decided here (Java's classes, very long texts): the model is a net for mistakes, never a reason to refuse what
/// AWS accepts. Linear in the text, bounded in stack. `pattern` must live for ever (a table's): compiled once, by
/// address.
bool matches(const char* pattern, std::string_view text);

}  // namespace howdah::wire
