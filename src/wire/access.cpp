#include "wire/access.h"

#include <limits>

#include "wire/text.h"
#include "wire/timestamp.h"

namespace howdah::wire {
namespace {

template <class T>
std::optional<T>& optional_at(void* slot) {
  return *static_cast<std::optional<T>*>(slot);
}

template <class T>
const void* content(const void* slot) {
  const auto& o = *static_cast<const std::optional<T>*>(slot);
  return o ? &*o : nullptr;
}

/// A Seq or Dict that was just made inside a box counts as sent.
void* mark_present(const Shape& shape, void* value) {
  if (shape.kind == Kind::List) as<SeqBase>(value).present = true;
  if (shape.kind == Kind::Map) as<DictBase>(value).present = true;
  return value;
}

template <class T, class U>
bool assign(void* value, const std::optional<U>& parsed) {
  if (!parsed) return false;
  as<T>(value) = T(*parsed);
  return true;
}

}  // namespace

void* emplace(const Shape& shape, void* slot) {
  switch (shape.kind) {
    case Kind::String:
      return &optional_at<std::string>(slot).emplace();
    case Kind::Int:
      return &optional_at<int32_t>(slot).emplace();
    case Kind::Long:
      return &optional_at<int64_t>(slot).emplace();
    case Kind::Double:
      return &optional_at<double>(slot).emplace();
    case Kind::Bool:
      return &optional_at<bool>(slot).emplace();
    case Kind::Timestamp:
      return &optional_at<Timestamp>(slot).emplace();
    case Kind::Blob:
      return &optional_at<Blob>(slot).emplace();
    case Kind::List:
    case Kind::Map:
      return mark_present(shape, slot);
    case Kind::Structure:
      return as<BoxBase>(slot).make(shape.box);
  }
  return nullptr;
}

void clear(const Shape& shape, void* slot) {
  switch (shape.kind) {
    case Kind::String:
      return optional_at<std::string>(slot).reset();
    case Kind::Int:
      return optional_at<int32_t>(slot).reset();
    case Kind::Long:
      return optional_at<int64_t>(slot).reset();
    case Kind::Double:
      return optional_at<double>(slot).reset();
    case Kind::Bool:
      return optional_at<bool>(slot).reset();
    case Kind::Timestamp:
      return optional_at<Timestamp>(slot).reset();
    case Kind::Blob:
      return optional_at<Blob>(slot).reset();
    case Kind::List:
      as<SeqBase>(slot) = SeqBase();
      return;
    case Kind::Map:
      as<DictBase>(slot) = DictBase();
      return;
    case Kind::Structure:
      return as<BoxBase>(slot).reset();
  }
}

const void* value_in(const Shape& shape, const void* slot) {
  switch (shape.kind) {
    case Kind::String:
      return content<std::string>(slot);
    case Kind::Int:
      return content<int32_t>(slot);
    case Kind::Long:
      return content<int64_t>(slot);
    case Kind::Double:
      return content<double>(slot);
    case Kind::Bool:
      return content<bool>(slot);
    case Kind::Timestamp:
      return content<Timestamp>(slot);
    case Kind::Blob:
      return content<Blob>(slot);
    case Kind::List:
      return as<SeqBase>(slot).present ? slot : nullptr;
    case Kind::Map:
      return as<DictBase>(slot).present ? slot : nullptr;
    case Kind::Structure:
      return as<BoxBase>(slot).raw();
  }
  return nullptr;
}

void* append(const Shape& list, void* value) {
  auto& seq = as<SeqBase>(value);
  seq.present = true;
  return mark_present(*list.elem, seq.items.emplace_back().make(list.elem->box));
}

void* insert(const Shape& map, void* value, std::string_view key) {
  auto& dict = as<DictBase>(value);
  dict.present = true;
  BoxBase& box = dict.items[std::string(key)];
  return mark_present(*map.elem, box ? box.raw() : box.make(map.elem->box));
}

bool set_from_text(const Shape& shape, void* value, std::string_view text) {
  switch (shape.kind) {
    case Kind::String:
      return as<std::string>(value) = text, is_utf8(text) && text.find('\0') == text.npos;
    case Kind::Int: {
      const auto n = parse_integer(text);
      const bool fits = n && *n >= std::numeric_limits<int32_t>::min() && *n <= std::numeric_limits<int32_t>::max();
      return fits && assign<int32_t>(value, n);
    }
    case Kind::Long:
      return assign<int64_t>(value, parse_integer(text));
    case Kind::Double:
      return assign<double>(value, parse_double(text));
    case Kind::Bool:
      return assign<bool>(value, parse_bool(text));
    case Kind::Timestamp:
      return assign<Timestamp>(value, parse_timestamp(text));
    case Kind::Blob: {
      auto bytes = base64_decode(text);
      if (!bytes) return false;
      as<Blob>(value).bytes = std::move(*bytes);
      return true;
    }
    default:
      return false;
  }
}

std::string text_of(const Shape& shape, const void* value) {
  switch (shape.kind) {
    case Kind::String:
      return as<std::string>(value);
    case Kind::Int:
      return std::to_string(as<int32_t>(value));
    case Kind::Long:
      return std::to_string(as<int64_t>(value));
    case Kind::Double:
      return format_double(as<double>(value));
    case Kind::Bool:
      return as<bool>(value) ? "true" : "false";
    case Kind::Timestamp:
      return format_iso8601(as<Timestamp>(value));
    case Kind::Blob:
      return base64_encode(as<Blob>(value).bytes);
    default:
      return {};
  }
}

}  // namespace howdah::wire
