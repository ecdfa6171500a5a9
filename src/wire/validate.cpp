// The model's limits on a decoded input: required members, enums, ranges, lengths, patterns.
#include <fmt/format.h>

#include "wire/codec_parts.h"
#include "wire/pattern.h"
#include "wire/text.h"

namespace howdah::wire {
namespace {

/// Where the walk is. The text of a path is made only for an issue: nearly always there is none.
struct Path {
  const Path* up = nullptr;
  std::string_view name = {};
  size_t number = 0;  ///< 1-based position when `name` is empty

  std::string text() const {
    const std::string own = name.empty() ? std::to_string(number) : std::string(name.substr(0, 128));
    return !up || (up->name.empty() && up->number == 0) ? join_path("", own) : join_path(up->text(), own);
  }
};

class Validator {
 public:
  explicit Validator(Issues& issues) : issues_(issues) {}

  void structure(const Shape& shape, const void* value, const Path& path) {
    for (const Member& m : shape.members) {
      const Path here{&path, m.name};
      const void* v = value_in(*m.shape, slot_of(value, m));
      if (v)
        node(*m.shape, v, here);
      else if (m.flags & kRequired && !(m.flags & kIdempotencyToken))
        issues_.add([&] { return Issue{Issue::Kind::Missing, here.text(), ""}; });
    }
  }

 private:
  void node(const Shape& shape, const void* value, const Path& path) {
    switch (shape.kind) {
      case Kind::Structure:
        return structure(shape, value, path);
      case Kind::List:
        return list(shape, value, path);
      case Kind::Map:
        return map(shape, value, path);
      case Kind::String:
        return string(shape, as<std::string>(value), path);
      case Kind::Blob:
        return length(shape, as<Blob>(value).bytes.size(), path);
      case Kind::Int:
        return range(shape, as<int32_t>(value), path);
      case Kind::Long:
        return range(shape, as<int64_t>(value), path);
      case Kind::Double:
        return range(shape, as<double>(value), path);
      default:
        return;
    }
  }

  void list(const Shape& shape, const void* value, const Path& path) {
    const auto& seq = as<SeqBase>(value);
    length(shape, seq.size(), path);
    for (size_t i = 0; i < seq.size(); i++) node(*shape.elem, seq.items[i].raw(), {&path, {}, i + 1});
  }

  void map(const Shape& shape, const void* value, const Path& path) {
    const auto& dict = as<DictBase>(value);
    length(shape, dict.size(), path);
    for (const auto& [key, box] : dict.items) node(*shape.elem, box.raw(), {&path, key});
  }

  void string(const Shape& shape, const std::string& text, const Path& path) {
    if (shape.min != Shape::kNoMin || shape.max != Shape::kNoMax) length(shape, count_code_points(text), path);
    if (!shape.enums.empty() && std::find(shape.enums.begin(), shape.enums.end(), text) == shape.enums.end()) {
      constraint(path, [&] {
        std::string values;
        for (std::string_view e : shape.enums) values.append(values.empty() ? "" : ", ").append(e);
        return "Member must satisfy enum value set: [" + values + "]";
      });
    }
    if (shape.pattern && may_match(text) && !matches(shape.pattern, text))
      constraint(path,
                 [&] { return fmt::format("Member must satisfy regular expression pattern: {}", shape.pattern); });
  }

  void length(const Shape& shape, size_t n, const Path& path) {
    if (shape.min != Shape::kNoMin && shape.min > 0 && n < size_t(shape.min))
      constraint(path, [&] { return fmt::format("Member must have length greater than or equal to {}", shape.min); });
    if (shape.max != Shape::kNoMax && n > size_t(std::max<int64_t>(shape.max, 0)))
      constraint(path, [&] { return fmt::format("Member must have length less than or equal to {}", shape.max); });
  }

  template <class T>
  void range(const Shape& shape, T n, const Path& path) {
    if (shape.min != Shape::kNoMin && n < T(shape.min))
      constraint(path, [&] { return fmt::format("Member must have value greater than or equal to {}", shape.min); });
    if (shape.max != Shape::kNoMax && n > T(shape.max))
      constraint(path, [&] { return fmt::format("Member must have value less than or equal to {}", shape.max); });
  }

  template <class Detail>
  void constraint(const Path& path, Detail&& detail) {
    issues_.add([&] { return Issue{Issue::Kind::Constraint, path.text(), detail()}; });
  }

  /// Patterns are the only costly check: a request has so much text checked, and no more.
  bool may_match(const std::string& text) {
    if (text.size() > pattern_text_left_) return false;
    pattern_text_left_ -= text.size();
    return true;
  }

  Issues& issues_;
  size_t pattern_text_left_ = 64 * 1024;
};

}  // namespace

void validate(const Shape& structure, const void* value, Issues& issues) {
  Validator(issues).structure(structure, value, Path{});
}

}  // namespace howdah::wire
