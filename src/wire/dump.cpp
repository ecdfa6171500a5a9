#include "wire/dump.h"

#include <cmath>

#include "wire/access.h"
#include "wire/text.h"

namespace howdah::wire {
namespace {

class Dumper {
 public:
  explicit Dumper(bool reveal) : reveal_(reveal) {}

  void node(const Shape& shape, const void* value) {
    if (shape.flags & kSensitive && !reveal_) {
      out_ += "\"****\"";
      return;
    }
    switch (shape.kind) {
      case Kind::Structure:
        return structure(shape, value);
      case Kind::List:
        return list(shape, value);
      case Kind::Map:
        return map(shape, value);
      case Kind::Int:
      case Kind::Long:
      case Kind::Bool:
        out_ += text_of(shape, value);
        return;
      case Kind::Double:
        if (std::isfinite(as<double>(value)))
          out_ += text_of(shape, value);
        else
          append_json_string(out_, text_of(shape, value));
        return;
      default:
        append_json_string(out_, text_of(shape, value));
    }
  }
  std::string take() { return std::move(out_); }

 private:
  void comma(bool& first) {
    if (!first) out_ += ',';
    first = false;
  }
  void structure(const Shape& shape, const void* value) {
    out_ += '{';
    bool first = true;
    for (const Member& m : shape.members) {
      const void* v = value_in(*m.shape, slot_of(value, m));
      if (!v) continue;
      comma(first);
      append_json_string(out_, m.name);
      out_ += ':';
      node(*m.shape, v);
    }
    out_ += '}';
  }
  void list(const Shape& shape, const void* value) {
    out_ += '[';
    bool first = true;
    for (const BoxBase& box : as<SeqBase>(value).items) {
      comma(first);
      node(*shape.elem, box.raw());
    }
    out_ += ']';
  }
  void map(const Shape& shape, const void* value) {
    out_ += '{';
    bool first = true;
    for (const auto& [key, box] : as<DictBase>(value).items) {
      comma(first);
      append_json_string(out_, key);
      out_ += ':';
      node(*shape.elem, box.raw());
    }
    out_ += '}';
  }

  bool reveal_;
  std::string out_;
};

}  // namespace

std::string dump(const Shape& shape, const void* value, bool reveal) {
  Dumper d(reveal);
  d.node(shape, value);
  return d.take();
}

}  // namespace howdah::wire
