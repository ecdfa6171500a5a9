// The codecs, one a protocol, behind codec.h. Decoders fill `value` (of `shape`) and add what is wrong to `issues`;
// they are bounded in depth and allocate no more than the input's size justifies, whatever the input.
#pragma once
#include "wire/access.h"
#include "wire/http.h"
#include "wire/issue.h"
#include "wire/shape.h"

namespace howdah::wire {

constexpr int kMaxDepth = 64;              ///< nesting of a request
constexpr size_t kMaxParameters = 50'000;  ///< of a form

/// The parameters of a query or ec2 request: the query string's and the body's.
void decode_form(const Shape& shape, void* value, const HttpRequest& request, bool ec2, Issues& issues);
void decode_json(const Shape& shape, void* value, std::string_view body, Issues& issues);
void decode_cbor(const Shape& shape, void* value, std::string_view body, Issues& issues);
void decode_rest_xml(const Operation& operation, void* value, const HttpRequest& request, Issues& issues);

/// The members of a structure as XML elements. `body_only`: leaves out what rest protocols put into headers.
void encode_xml_members(const Shape& structure, const void* value, std::string& out);
void encode_json(const Shape& shape, const void* value, std::string& out);
void encode_cbor(const Shape& shape, const void* value, std::string& out);
void encode_rest_xml(const Service& service, const Operation& operation, const void* value, HttpResponse& response);

void encode_cbor_error(std::string_view type, std::string_view message, std::string& out);

/// Adds an issue for everything in `value` that the model forbids.
void validate(const Shape& structure, const void* value, Issues& issues);

/// True when `member` travels outside the body in rest protocols.
inline bool outside_body(const Member& m) {
  return m.flags & (kUriLabel | kQueryParam | kHeader | kHeaders | kStatusCode);
}

/// "Tags" and "1" -> "Tags.1". Bounded: a map's key may be a megabyte long and have a million values below it.
inline std::string join_path(std::string_view path, std::string_view name) {
  constexpr size_t kMaxName = 128, kMaxPath = 512;
  if (path.size() > kMaxPath) return std::string(path);
  name = name.substr(0, kMaxName);
  return path.empty() ? std::string(name) : std::string(path).append(".").append(name);
}

/// How many elements of lists and maps a request may have. Two bytes of JSON can ask for a kilobyte of struct; AWS's
/// largest requests (PutMetricData) stay below. One per request.
class ElementBudget {
 public:
  /// False, with one issue, when there is no room for one more element of that shape.
  bool take(const Shape& element, const std::string& path, Issues& issues) {
    const size_t cost = element.kind == Kind::Structure ? kStructureCost : 1;
    if (left_ >= cost) {
      left_ -= cost;
      return true;
    }
    if (!reported_) issues.add({Issue::Kind::Malformed, path, "too many list elements"});
    reported_ = true;
    return false;
  }

 private:
  static constexpr size_t kStructureCost = 5;
  size_t left_ = 500'000;
  bool reported_ = false;
};

}  // namespace howdah::wire
