// Values as XML elements, for the answers of query, ec2 and rest-xml.
#include "wire/codec_parts.h"
#include "wire/text.h"

namespace howdah::wire {
namespace {

void element(const Shape& shape, const void* value, std::string_view tag, std::string& out);

void open(std::string& out, std::string_view tag) { out.append("<").append(tag).append(">"); }
void close(std::string& out, std::string_view tag) { out.append("</").append(tag).append(">"); }

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

void attributes(const Shape& structure, const void* value, std::string& out) {
  for (const Member& m : structure.members) {
    if (!(m.flags & kXmlAttribute)) continue;
    const void* v = value_in(*m.shape, slot_of(value, m));
    if (!v) continue;
    out.append(" ").append(m.wire).append("=\"");
    append_xml_text(out, text_of(*m.shape, v));
    out += '"';
  }
}

void element(const Shape& shape, const void* value, std::string_view tag, std::string& out) {
  out.append("<").append(tag);
  if (shape.kind == Kind::Structure) attributes(shape, value, out);
  out += '>';
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
