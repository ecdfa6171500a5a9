// rest-xml (Route 53): the input is spread over path, query string, headers and an XML body.
#include <cstring>
#include <pugixml.hpp>

#include "wire/codec_parts.h"
#include "wire/route.h"
#include "wire/text.h"

namespace howdah::wire {
namespace {

/// Without a namespace prefix: "r53:Name" -> "Name".
std::string_view local_name(const char* name) {
  const char* colon = std::strchr(name, ':');
  return colon ? colon + 1 : name;
}

/// All text of an element: it may be split by CDATA and comments.
std::string text_in(pugi::xml_node node) {
  std::string out;
  for (pugi::xml_node child : node)
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) out += child.value();
  return out;
}

class XmlDecoder {
 public:
  explicit XmlDecoder(Issues& issues) : issues_(issues) {}

  void structure(const Shape& shape, void* value, pugi::xml_node node, int depth, const std::string& path) {
    if (depth > kMaxDepth) return issues_.add({Issue::Kind::Malformed, path, "nested too deeply"});
    for (pugi::xml_attribute attribute : node.attributes()) {
      const Member* m = find(shape, local_name(attribute.name()), true);
      if (m) text(*m->shape, emplace(*m->shape, slot_of(value, *m)), attribute.value(), join_path(path, m->name));
    }
    for (pugi::xml_node child : node.children()) {
      if (child.type() != pugi::node_element) continue;
      const Member* m = find(shape, local_name(child.name()), false);
      if (!m) continue;
      void* v = emplace(*m->shape, slot_of(value, *m));
      const std::string here = join_path(path, m->name);
      if (m->flags & kFlat && m->shape->kind == Kind::List) {
        if (!budget_.take(*m->shape->elem, here, issues_)) return;
        element(*m->shape->elem, append(*m->shape, v), child, depth + 1, here);
      } else if (m->flags & kFlat && m->shape->kind == Kind::Map) {
        entry(*m->shape, v, child, depth + 1, here);
      } else {
        element(*m->shape, v, child, depth + 1, here);
      }
    }
  }

  void element(const Shape& shape, void* value, pugi::xml_node node, int depth, const std::string& path) {
    if (depth > kMaxDepth) return issues_.add({Issue::Kind::Malformed, path, "nested too deeply"});
    switch (shape.kind) {
      case Kind::Structure:
        return structure(shape, value, node, depth, path);
      case Kind::List:
        return list(shape, value, node, depth, path);
      case Kind::Map:
        for (pugi::xml_node child : node.children())
          if (child.type() == pugi::node_element) entry(shape, value, child, depth + 1, path);
        return;
      default:
        return text(shape, value, text_in(node), path);
    }
  }

  void text(const Shape& shape, void* value, const std::string& text, const std::string& path) {
    if (!set_from_text(shape, value, text)) issues_.add({Issue::Kind::WrongType, path, text});
  }

 private:
  static const Member* find(const Shape& shape, std::string_view name, bool attribute) {
    for (const Member& m : shape.members) {
      const std::string_view wire = local_name(m.wire);
      const std::string_view flat =
          m.flags & kFlat && m.shape->kind == Kind::List && std::strcmp(m.shape->elem_wire, "member") != 0
              ? std::string_view(m.shape->elem_wire)
              : wire;
      if ((name == wire || name == flat) && bool(m.flags & kXmlAttribute) == attribute && !outside_body(m)) return &m;
    }
    return nullptr;
  }

  void list(const Shape& shape, void* value, pugi::xml_node node, int depth, const std::string& path) {
    size_t number = 0;
    for (pugi::xml_node child : node.children()) {
      if (child.type() != pugi::node_element) continue;
      const std::string_view name = local_name(child.name());
      if (name != shape.elem_wire && name != "member") continue;
      if (!budget_.take(*shape.elem, path, issues_)) return;
      element(*shape.elem, append(shape, value), child, depth + 1, join_path(path, std::to_string(++number)));
    }
  }

  void entry(const Shape& shape, void* value, pugi::xml_node node, int depth, const std::string& path) {
    const pugi::xml_node key = node.child(shape.key_wire), content = node.child(shape.elem_wire);
    if (!key || !content) return issues_.add({Issue::Kind::WrongType, path, "an entry needs a key and a value"});
    const std::string name = text_in(key);
    if (!is_utf8(name)) return issues_.add({Issue::Kind::WrongType, path, name});
    if (!budget_.take(*shape.elem, path, issues_)) return;
    element(*shape.elem, insert(shape, value, name), content, depth + 1, join_path(path, name));
  }

  Issues& issues_;
  ElementBudget budget_;
};

void decode_labels(const Operation& op, void* value, const HttpRequest& request, Issues& issues) {
  std::vector<std::string> labels;
  if (!match_uri(op, request.raw_path, labels)) return;
  size_t next = 0;
  for (std::string_view uri = op.uri; next < labels.size();) {  // the labels of the pattern, in the same order
    const size_t open = uri.find('{'), close = uri.find('}');
    std::string_view name = uri.substr(open + 1, close - open - 1);
    if (name.ends_with('+')) name.remove_suffix(1);
    uri = uri.substr(close + 1);
    for (const Member& m : op.in->members)
      if (m.flags & kUriLabel && name == m.wire)
        XmlDecoder(issues).text(*m.shape, emplace(*m.shape, slot_of(value, m)), labels[next], m.name);
    next++;
  }
}

/// Query string parameters; a list takes every occurrence of its name.
void decode_query_string(const Shape& shape, void* value, std::string_view query, Issues& issues) {
  XmlDecoder decoder(issues);
  size_t count = 0;
  while (!query.empty() && ++count <= kMaxParameters) {
    const size_t amp = query.find('&');
    const std::string_view pair = query.substr(0, amp);
    query = amp == query.npos ? std::string_view{} : query.substr(amp + 1);
    const size_t eq = pair.find('=');
    const std::string name = percent_decode(pair.substr(0, eq), true);
    const std::string text = eq == pair.npos ? "" : percent_decode(pair.substr(eq + 1), true);
    for (const Member& m : shape.members) {
      if (!(m.flags & kQueryParam) || name != m.wire) continue;
      void* v = emplace(*m.shape, slot_of(value, m));
      if (m.shape->kind == Kind::List)
        decoder.text(*m.shape->elem, append(*m.shape, v), text, m.name);
      else
        decoder.text(*m.shape, v, text, m.name);
    }
  }
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(uint8_t(x)) == std::tolower(uint8_t(y));
         });
}

void decode_headers(const Shape& shape, void* value, const Headers& headers, Issues& issues) {
  XmlDecoder decoder(issues);
  for (const auto& [name, text] : headers) {
    for (const Member& m : shape.members) {
      const size_t prefix = std::strlen(m.wire);
      if (m.flags & kHeader && equals_ignoring_case(name, m.wire))
        decoder.text(*m.shape, emplace(*m.shape, slot_of(value, m)), text, m.name);
      if (m.flags & kHeaders && name.size() >= prefix && equals_ignoring_case(name.substr(0, prefix), m.wire)) {
        void* map = emplace(*m.shape, slot_of(value, m));
        decoder.text(*m.shape->elem, insert(*m.shape, map, name.substr(prefix)), text, m.name);
      }
    }
  }
}

const Member* payload_of(const Shape& shape) {
  for (const Member& m : shape.members)
    if (m.flags & kPayload) return &m;
  return nullptr;
}

void decode_body(const Shape& shape, void* value, const std::string& body, Issues& issues) {
  const Member* payload = payload_of(shape);
  if (payload && payload->shape->kind == Kind::Blob) {
    as<Blob>(emplace(*payload->shape, slot_of(value, *payload))).bytes = body;
    return;
  }
  if (payload && payload->shape->kind == Kind::String)
    return XmlDecoder(issues).text(*payload->shape, emplace(*payload->shape, slot_of(value, *payload)), body,
                                   payload->name);
  if (body.empty()) return;
  pugi::xml_document document;
  constexpr unsigned kOptions = pugi::parse_default | pugi::parse_ws_pcdata_single;
  const auto parsed = is_utf8(body) ? document.load_buffer(body.data(), body.size(), kOptions, pugi::encoding_utf8)
                                    : pugi::xml_parse_result();
  if (!parsed) return issues.add({Issue::Kind::Malformed, "", "the body is not XML"});
  if (payload)
    return XmlDecoder(issues).element(*payload->shape, emplace(*payload->shape, slot_of(value, *payload)),
                                      document.document_element(), 1, payload->name);
  XmlDecoder(issues).structure(shape, value, document.document_element(), 0, "");
}

}  // namespace

void decode_rest_xml(const Operation& op, void* value, const HttpRequest& request, Issues& issues) {
  decode_labels(op, value, request, issues);
  decode_query_string(*op.in, value, request.raw_query, issues);
  decode_headers(*op.in, value, request.headers, issues);
  decode_body(*op.in, value, request.body, issues);
}

void encode_rest_xml(const Service& service, const Operation& op, const void* value, HttpResponse& response) {
  response.status = op.status;
  if (!op.out || !value) return;
  bool has_body = false;
  for (const Member& m : op.out->members) {
    const void* v = value_in(*m.shape, slot_of(value, m));
    if (!outside_body(m)) has_body = true;
    if (v && m.flags & kHeader) response.headers.emplace_back(m.wire, text_of(*m.shape, v));
    if (v && m.flags & kStatusCode) response.status = as<int32_t>(v);
  }
  if (!has_body && !op.out->members.empty()) return;
  const Member* payload = payload_of(*op.out);
  const void* content = payload ? value_in(*payload->shape, slot_of(value, *payload)) : value;
  if (!content) return;
  const Shape& shape = payload ? *payload->shape : *op.out;
  if (shape.kind != Kind::Structure) {
    response.body = shape.kind == Kind::Blob ? as<Blob>(content).bytes : text_of(shape, content);
    return;
  }
  const std::string root = payload ? payload->wire : std::string(op.name) + "Response";
  response.headers.emplace_back("Content-Type", "text/xml");
  response.body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<" + root + " xmlns=\"" + service.xmlns + "\">";
  encode_xml_members(shape, content, response.body);
  response.body += "</" + root + ">";
}

}  // namespace howdah::wire
