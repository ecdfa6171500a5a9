// JSON 1.0 and 1.1 bodies.
#include <cmath>
#include <limits>

#include "util/json.h"
#include "wire/codec_parts.h"
#include "wire/text.h"
#include "wire/timestamp.h"

namespace howdah::wire {
namespace {

using Json = nlohmann::json;

/// Deepest nesting of brackets outside strings: checked before parsing, whose memory grows with it.
int depth_of(std::string_view text) {
  int depth = 0, deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); i++) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        i++;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if (c == '}' || c == ']') {
      depth--;
    }
  }
  return deepest;
}

class JsonDecoder {
 public:
  explicit JsonDecoder(Issues& issues) : issues_(issues) {}

  void node(const Shape& shape, void* value, const Json& json, const std::string& path) {
    switch (shape.kind) {
      case Kind::Structure:
        return structure(shape, value, json, path);
      case Kind::List:
        return list(shape, value, json, path);
      case Kind::Map:
        return map(shape, value, json, path);
      default:
        if (!scalar(shape, value, json)) wrong(path, expected(shape.kind));
    }
  }

 private:
  void structure(const Shape& shape, void* value, const Json& json, const std::string& path) {
    if (!json.is_object()) return wrong(path, "an object");
    for (const Member& m : shape.members) {
      const auto at = json.find(m.wire);
      if (at == json.end() || at->is_null()) continue;
      node(*m.shape, emplace(*m.shape, slot_of(value, m)), *at, join_path(path, m.name));
    }
  }

  void list(const Shape& shape, void* value, const Json& json, const std::string& path) {
    if (!json.is_array()) return wrong(path, "a list");
    size_t number = 0;
    for (const Json& element : json) {
      if (!budget_.take(*shape.elem, path, issues_)) return;
      const std::string here = join_path(path, std::to_string(++number));
      if (element.is_null())
        wrong(here, expected(shape.elem->kind));
      else
        node(*shape.elem, append(shape, value), element, here);
    }
  }

  void map(const Shape& shape, void* value, const Json& json, const std::string& path) {
    if (!json.is_object()) return wrong(path, "an object");
    for (const auto& [key, element] : json.items()) {
      if (element.is_null()) continue;
      if (!budget_.take(*shape.elem, path, issues_)) return;
      node(*shape.elem, insert(shape, value, key), element, join_path(path, key));
    }
  }

  static bool scalar(const Shape& shape, void* value, const Json& json) {
    switch (shape.kind) {
      case Kind::String:
        if (json.is_string()) as<std::string>(value) = json.get_ref<const std::string&>();
        return json.is_string();
      case Kind::Bool:
        if (json.is_boolean()) as<bool>(value) = json.get<bool>();
        return json.is_boolean();
      case Kind::Int:
        return integer<int32_t>(value, json);
      case Kind::Long:
        return integer<int64_t>(value, json);
      case Kind::Double:
        if (json.is_number()) as<double>(value) = json.get<double>();
        return json.is_number() || (json.is_string() && special_double(value, json.get_ref<const std::string&>()));
      case Kind::Timestamp: {
        const auto t = json.is_number()   ? timestamp_of_seconds(json.get<double>())
                       : json.is_string() ? parse_timestamp(json.get_ref<const std::string&>())
                                          : std::nullopt;
        if (t) as<Timestamp>(value) = *t;
        return t.has_value();
      }
      default:
        return json.is_string() && set_from_text(shape, value, json.get_ref<const std::string&>());
    }
  }

  static bool special_double(void* value, const std::string& text) {
    if (text == "NaN")
      as<double>(value) = std::numeric_limits<double>::quiet_NaN();
    else if (text == "Infinity")
      as<double>(value) = std::numeric_limits<double>::infinity();
    else if (text == "-Infinity")
      as<double>(value) = -std::numeric_limits<double>::infinity();
    else
      return false;
    return true;
  }

  template <class T>
  static bool integer(void* value, const Json& json) {
    int64_t n = 0;
    if (json.is_number_unsigned()) {
      const uint64_t u = json.get<uint64_t>();
      if (u > uint64_t(std::numeric_limits<int64_t>::max())) return false;
      n = int64_t(u);
    } else if (json.is_number_integer()) {
      n = json.get<int64_t>();
    } else if (json.is_number_float()) {
      const double d = json.get<double>();
      if (std::trunc(d) != d || std::abs(d) > 9e15) return false;
      n = int64_t(d);
    } else {
      return false;
    }
    if (n < std::numeric_limits<T>::min() || n > std::numeric_limits<T>::max()) return false;
    as<T>(value) = T(n);
    return true;
  }

  static const char* expected(Kind kind) {
    switch (kind) {
      case Kind::String:
        return "a string";
      case Kind::Int:
      case Kind::Long:
        return "an integer";
      case Kind::Double:
        return "a number";
      case Kind::Bool:
        return "true or false";
      case Kind::Timestamp:
        return "a time";
      case Kind::Blob:
        return "base64";
      case Kind::List:
        return "a list";
      default:
        return "an object";
    }
  }

  void wrong(const std::string& path, const char* what) { issues_.add({Issue::Kind::WrongType, path, what}); }

  Issues& issues_;
  ElementBudget budget_;
};

template <class T>
void separated(std::string& out, const T& items, auto&& each) {
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    each(item);
  }
}

void encode_structure(const Shape& shape, const void* value, std::string& out) {
  out += '{';
  bool first = true;
  for (const Member& m : shape.members) {
    const void* v = value_in(*m.shape, slot_of(value, m));
    if (!v) continue;
    if (!first) out += ',';
    first = false;
    append_json_string(out, m.wire);
    out += ':';
    encode_json(*m.shape, v, out);
  }
  out += '}';
}

}  // namespace

void decode_json(const Shape& shape, void* value, std::string_view body, Issues& issues) {
  if (body.empty()) return;
  if (depth_of(body) > kMaxDepth) return issues.add({Issue::Kind::Malformed, "", "nested too deeply"});
  const Json json = try_parse_json(body);
  if (json.is_discarded()) return issues.add({Issue::Kind::Malformed, "", "the body is not JSON"});
  JsonDecoder(issues).node(shape, value, json, "");
}

void encode_json(const Shape& shape, const void* value, std::string& out) {
  switch (shape.kind) {
    case Kind::String:
      return append_json_string(out, as<std::string>(value));
    case Kind::Blob:
      return append_json_string(out, base64_encode(as<Blob>(value).bytes));
    case Kind::Timestamp:
      out += format_epoch_seconds(as<Timestamp>(value));
      return;
    case Kind::Double: {
      const std::string text = text_of(shape, value);
      if (std::isfinite(as<double>(value)))
        out += text;
      else
        append_json_string(out, text);
      return;
    }
    case Kind::Structure:
      return encode_structure(shape, value, out);
    case Kind::List:
      out += '[';
      separated(out, as<SeqBase>(value).items, [&](const BoxBase& b) { encode_json(*shape.elem, b.raw(), out); });
      out += ']';
      return;
    case Kind::Map:
      out += '{';
      separated(out, as<DictBase>(value).items, [&](const auto& entry) {
        append_json_string(out, entry.first);
        out += ':';
        encode_json(*shape.elem, entry.second.raw(), out);
      });
      out += '}';
      return;
    default:
      out += text_of(shape, value);
  }
}

}  // namespace howdah::wire
