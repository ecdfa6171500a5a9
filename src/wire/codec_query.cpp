// Form parameters of the query and ec2 protocols: "Tags.Tag.2.Key=a" names a path into the input.
//
// The parameters are sorted so that all that belong to one member lie next to each other; decoding then walks ranges.
// A list's positions order its elements and may have gaps: they are never used as sizes.
#include <algorithm>

#include "wire/codec_parts.h"
#include "wire/text.h"

namespace howdah::wire {
namespace {

struct Parameter {
  std::string key;
  std::string value;
};
using Parameters = std::vector<Parameter>;
using At = Parameters::const_iterator;

/// '.' before everything else, so that "A", "A.x" and "A-b" keep the A's together.
bool key_less(const std::string& a, const std::string& b) {
  const size_t n = std::min(a.size(), b.size());
  for (size_t i = 0; i < n; i++) {
    if (a[i] == b[i]) continue;
    if (a[i] == '.') return true;
    if (b[i] == '.') return false;
    return uint8_t(a[i]) < uint8_t(b[i]);
  }
  return a.size() < b.size();
}

/// False when there are too many.
bool parse_form(std::string_view form, Parameters& out) {
  while (!form.empty()) {
    const size_t amp = form.find('&');
    const std::string_view pair = form.substr(0, amp);
    form = amp == form.npos ? std::string_view{} : form.substr(amp + 1);
    if (pair.empty()) continue;
    if (out.size() == kMaxParameters) return false;
    const size_t eq = pair.find('=');
    out.push_back({percent_decode(pair.substr(0, eq), true),
                   eq == pair.npos ? std::string() : percent_decode(pair.substr(eq + 1), true)});
  }
  return true;
}

/// All parameters with the same component at one level: `own` ends there, `begin..end` go deeper.
struct Group {
  std::string_view component;
  const std::string* own = nullptr;
  At begin, end;
  size_t depth;  ///< characters of the keys before the next component
};

/// The group that starts at `at`; its keys agree in their first `depth` characters.
Group next_group(At at, At last, size_t depth) {
  const std::string_view key = at->key;
  const size_t stop = std::min(key.find('.', depth), key.size());
  Group g{key.substr(depth, stop - depth), nullptr, at, at, stop + 1};
  const std::string_view prefix = key.substr(0, stop);
  while (g.end != last && std::string_view(g.end->key).substr(0, stop) == prefix &&
         (g.end->key.size() == stop || g.end->key[stop] == '.')) {
    if (g.end->key.size() == stop) {
      if (!g.own) g.own = &g.end->value;
      if (g.begin == g.end) ++g.begin;
    }
    ++g.end;
  }
  return g;
}

/// "12" -> 12; nothing for what is not a position.
std::optional<uint64_t> position(std::string_view component) {
  if (component.empty() || component.size() > 12) return std::nullopt;
  uint64_t n = 0;
  for (char c : component) {
    if (c < '0' || c > '9') return std::nullopt;
    n = n * 10 + uint64_t(c - '0');
  }
  return n;
}

class FormDecoder {
 public:
  FormDecoder(bool ec2, Issues& issues) : ec2_(ec2), issues_(issues) {}

  void structure(const Shape& shape, void* value, At at, At last, size_t depth, int level, const std::string& path) {
    if (!allowed(level, path)) return;
    while (at != last) {
      const Group g = next_group(at, last, depth);
      at = g.end;
      const Member* m = find(shape, g.component);
      if (m)
        member(*m, value, g, level, path);
      else if (ec2_ && !is_protocol_parameter(g.component, level))
        unknown(path, g.component);
    }
  }

 private:
  const Member* find(const Shape& shape, std::string_view name) const {
    for (const Member& m : shape.members)
      if (name == m.query) return &m;
    return nullptr;
  }

  void member(const Member& m, void* structure, const Group& g, int level, const std::string& path) {
    const std::string here = join_path(path, m.name);
    const Shape& shape = *m.shape;
    // "Tags=" is an empty list, "Tags" alone with deeper parameters never occurs.
    void* value = emplace(shape, slot_of(structure, m));
    node(shape, value, g, ec2_ || m.flags & kFlat, level + 1, here, m.flags & kSensitive);
  }

  void node(const Shape& shape, void* value, const Group& g, bool flat, int level, const std::string& path,
            bool sensitive) {
    switch (shape.kind) {
      case Kind::Structure:
        return structure(shape, value, g.begin, g.end, g.depth, level, path);
      case Kind::List:
        return list(shape, value, g, flat, level, path);
      case Kind::Map:
        return map(shape, value, g, flat, level, path);
      default:
        return scalar(shape, value, g, path, sensitive);
    }
  }

  void scalar(const Shape& shape, void* value, const Group& g, const std::string& path, bool sensitive) {
    if (g.own && set_from_text(shape, value, *g.own)) return;
    issues_.add({Issue::Kind::WrongType, path, g.own ? *g.own : std::string(), sensitive});
  }

  /// Groups below "A" or "A.member" whose component is a position, in the order of their positions.
  std::vector<std::pair<uint64_t, Group>> elements(const Shape& shape, const Group& g, bool flat) {
    std::vector<std::pair<uint64_t, Group>> out;
    for (At at = g.begin; at != g.end;) {
      const Group inner = next_group(at, g.end, g.depth);
      at = inner.end;
      if (const auto n = position(inner.component)) {
        out.emplace_back(*n, inner);
        continue;
      }
      const bool wrapper = inner.component == "member" || inner.component == shape.elem_wire ||
                           (shape.kind == Kind::Map && inner.component == "entry");
      if (flat || !wrapper) continue;
      for (At deep = inner.begin; deep != inner.end;) {
        const Group element = next_group(deep, inner.end, inner.depth);
        deep = element.end;
        if (const auto n = position(element.component)) out.emplace_back(*n, element);
      }
    }
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    return out;
  }

  void list(const Shape& shape, void* value, const Group& g, bool flat, int level, const std::string& path) {
    if (!allowed(level, path)) return;
    const auto listed = elements(shape, g, flat);
    // A scalar, or elements under another name: whoever sent it would not see that nothing came of it.
    const bool scalar = g.own && !g.own->empty();
    if (scalar || (listed.empty() && g.begin != g.end)) {
      issues_.add({Issue::Kind::WrongType, path, scalar ? *g.own : g.begin->key, bool(shape.elem->flags & kSensitive)});
      return;
    }
    size_t number = 0;
    for (const auto& [n, element] : listed) {
      if (!budget_.take(*shape.elem, path, issues_)) return;
      node(*shape.elem, append(shape, value), element, ec2_, level + 1, join_path(path, std::to_string(++number)),
           shape.elem->flags & kSensitive);
    }
  }

  void map(const Shape& shape, void* value, const Group& g, bool flat, int level, const std::string& path) {
    if (!allowed(level, path)) return;
    for (const auto& [n, entry] : elements(shape, g, flat)) {
      const std::string* key = nullptr;
      std::optional<Group> content;
      for (At at = entry.begin; at != entry.end;) {
        const Group part = next_group(at, entry.end, entry.depth);
        at = part.end;
        if (part.component == shape.key_wire || part.component == "key") key = part.own;
        if (part.component == shape.elem_wire || part.component == "value") content = part;
      }
      if (!key || !content || !is_utf8(*key)) {
        issues_.add({Issue::Kind::WrongType, join_path(path, std::to_string(n)), "an entry needs a key and a value"});
        continue;
      }
      if (!budget_.take(*shape.elem, path, issues_)) return;
      node(*shape.elem, insert(shape, value, *key), *content, ec2_, level + 1, join_path(path, *key), false);
    }
  }

  bool allowed(int level, const std::string& path) {
    if (level < kMaxDepth) return true;
    issues_.add({Issue::Kind::Malformed, path, "nested too deeply"});
    return false;
  }

  void unknown(const std::string& path, std::string_view name) {
    issues_.add({Issue::Kind::Unknown, join_path(path, name), ""});
  }

  static bool is_protocol_parameter(std::string_view name, int level) {
    if (level != 0) return false;
    constexpr std::string_view kNames[] = {"Action",    "Version",         "AWSAccessKeyId",
                                           "Signature", "SignatureMethod", "SignatureVersion",
                                           "Timestamp", "Expires",         "SecurityToken"};
    return name.starts_with("X-Amz-") || std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
  }

  bool ec2_;
  Issues& issues_;
  ElementBudget budget_;
};

}  // namespace

void decode_form(const Shape& shape, void* value, const HttpRequest& request, bool ec2, Issues& issues) {
  Parameters parameters;
  if (!parse_form(request.raw_query, parameters) || !parse_form(request.body, parameters)) {
    issues.add({Issue::Kind::Malformed, "", "more than " + std::to_string(kMaxParameters) + " parameters"});
    return;
  }
  std::stable_sort(parameters.begin(), parameters.end(),
                   [](const Parameter& a, const Parameter& b) { return key_less(a.key, b.key); });
  FormDecoder(ec2, issues).structure(shape, value, parameters.begin(), parameters.end(), 0, 0, "");
}

}  // namespace howdah::wire
