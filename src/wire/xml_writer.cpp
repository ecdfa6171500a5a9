// Values as XML elements, for the answers of query, ec2 and rest-xml.
#include <algorithm>

#include "wire/codec_parts.h"
#include "wire/text.h"

namespace howdah::wire {
namespace {

void element(const Shape& shape, const void* value, std::string_view tag, std::string& out);

/// <tag> or </tag> at one go: half of an answer are tags.
template <bool closing>
void append_tag(std::string& out, std::string_view tag) {
  const size_t at = out.size();
  out.resize(at + tag.size() + (closing ? 3 : 2));
  char* to = out.data() + at;
  *to++ = '<';
  if constexpr (closing) *to++ = '/';
  *std::copy(tag.begin(), tag.end(), to) = '>';
}
void open(std::string& out, std::string_view tag) { append_tag<false>(out, tag); }
void close(std::string& out, std::string_view tag) { append_tag<true>(out, tag); }

void list(const Shape& shape, const void* value, std::string_view tag, std::string& out) {
  for (const BoxBase& box : as<SeqBase>(value).items) element(*shape.elem, box.raw(), tag, out);
}

void map(const Shape& shape, const void* value, std::string_view tag, std::string& out) {
  for (const auto& [key, box] : as<DictBase>(value).items) {
    open(out, tag);
    open(out, shape.key_wire);
    append_xml_text(out, key);
    close(out, shape.key_wire);
    element(*shape.elem, box.raw(), shape.elem_wire, out);
    close(out, tag);
  }
}

bool has_attributes(const Shape& structure) {
  return std::ranges::any_of(structure.members, [](const Member& m) { return m.flags & kXmlAttribute; });
}

void open_with_attributes(const Shape& structure, const void* value, std::string_view tag, std::string& out) {
  out.append("<").append(tag);
  for (const Member& m : structure.members) {
    if (!(m.flags & kXmlAttribute)) continue;
    const void* v = value_in(*m.shape, slot_of(value, m));
    if (!v) continue;
    out.append(" ").append(m.wire).append("=\"");
    append_xml_text(out, text_of(*m.shape, v));
    out += '"';
  }
  out += '>';
}

void element(const Shape& shape, const void* value, std::string_view tag, std::string& out) {
  if (shape.kind == Kind::Structure && has_attributes(shape)) {
    open_with_attributes(shape, value, tag, out);
  } else {
    open(out, tag);
  }
  switch (shape.kind) {
    case Kind::String:
      append_xml_text(out, as<std::string>(value));
      break;
    case Kind::Structure:
      encode_xml_members(shape, value, out);
      break;
    case Kind::List:
      list(shape, value, shape.elem_wire, out);
      break;
    case Kind::Map:
      map(shape, value, "entry", out);
      break;
    case Kind::Bool:
      out += as<bool>(value) ? "true" : "false";
      break;
    default:
      out += text_of(shape, value);
  }
  close(out, tag);
}

}  // namespace

void encode_xml_members(const Shape& structure, const void* value, std::string& out) {
  for (const Member& m : structure.members) {
    if (outside_body(m) || m.flags & kXmlAttribute) continue;
    const void* v = value_in(*m.shape, slot_of(value, m));
    if (!v) continue;
    if (m.flags & kFlat && m.shape->kind == Kind::List)
      list(*m.shape, v, m.wire, out);
    else if (m.flags & kFlat && m.shape->kind == Kind::Map)
      map(*m.shape, v, m.wire, out);
    else
      element(*m.shape, v, m.wire, out);
  }
}

}  // namespace howdah::wire
