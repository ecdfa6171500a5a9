// Reaching into generated structs through their tables. A "slot" is the storage of a member (an optional, Ref, Seq or
// Dict); a "value" is what is in it (the string, the struct, or for lists and maps the Seq or Dict itself).
#pragma once
#include "wire/shape.h"

namespace howdah::wire {

inline void* slot_of(void* structure, const Member& m) { return static_cast<char*>(structure) + m.offset; }
inline const void* slot_of(const void* structure, const Member& m) {
  return static_cast<const char*>(structure) + m.offset;
}

/// Makes the slot hold a default value and returns it. A list or map that is already there keeps its elements.
void* emplace(const Shape& shape, void* slot);
/// Empties the slot.
void clear(const Shape& shape, void* slot);
/// The value in the slot; null when absent.
const void* value_in(const Shape& shape, const void* slot);

/// Adds a default element to a list value and returns it.
void* append(const Shape& list, void* value);
/// The element of a map value with that key, made when absent.
void* insert(const Shape& map, void* value, std::string_view key);

template <class T>
T& as(void* value) {
  return *static_cast<T*>(value);
}
template <class T>
const T& as(const void* value) {
  return *static_cast<const T*>(value);
}

/// Sets a scalar value (not list, map or structure) from the text of a form parameter, header or XML element. False
/// when the text is not a value of that kind; the value is then unspecified.
bool set_from_text(const Shape& shape, void* value, std::string_view text);
/// The text of a scalar value as XML has it, not escaped.
std::string text_of(const Shape& shape, const void* value);

}  // namespace howdah::wire
