// Descriptor tables: what the codecs, validation, dispatch and redaction know of an operation. The tables are generated
// by tools/gen.py from model/<service>.json, constant, and alive for the whole run; every pointer here points into
// them.
#pragma once
#include <limits>

#include "wire/value.h"

namespace howdah::wire {

enum class Kind : uint8_t { String, Int, Long, Double, Bool, Timestamp, Blob, List, Map, Structure };

enum class Protocol : uint8_t { Query, Ec2, Json, Cbor, RestXml };

enum Flag : uint16_t {
  kRequired = 1,
  kFlat = 2,         ///< list or map without a wrapping element
  kSensitive = 4,    ///< never to be logged or shown
  kUriLabel = 8,     ///< rest: part of the path
  kQueryParam = 16,  ///< rest: part of the query string
  kHeader = 32,      ///< rest: a header
  kHeaders = 64,     ///< rest: a map of headers with this prefix
  kStatusCode = 128,
  kPayload = 256,  ///< rest: this member alone is the body
  kIdempotencyToken = 512,
  kXmlAttribute = 1024,
};

/// A constant array of the tables.
template <class T>
struct Table {
  const T* data = nullptr;
  uint16_t count = 0;
  constexpr Table() = default;
  template <size_t N>
  constexpr Table(const T (&array)[N]) : data(array), count(N) {}
  constexpr const T* begin() const { return data; }
  constexpr const T* end() const { return data + count; }
  constexpr size_t size() const { return count; }
  constexpr bool empty() const { return count == 0; }
  constexpr const T& operator[](size_t i) const { return data[i]; }
};

struct Shape;

struct Member {
  const char* name;   ///< the model's name: what messages to the caller say
  const char* wire;   ///< XML element, JSON key, header or query string parameter
  const char* query;  ///< form parameter of query and ec2 requests
  const Shape* shape;
  uint32_t offset;  ///< of the member in its struct
  uint16_t flags;
};

struct Shape {
  static constexpr int64_t kNoMin = std::numeric_limits<int64_t>::min();
  static constexpr int64_t kNoMax = std::numeric_limits<int64_t>::max();

  Kind kind;
  uint16_t flags = 0;
  const char* name = "";
  const BoxOps* box = nullptr;  ///< makes a value of this shape
  Table<Member> members = {};   ///< Structure
  const Shape* elem = nullptr;  ///< List: element, Map: value
  const char* elem_wire = "";   ///< element name of a list's item (default "member") or a map's value ("value")
  const char* key_wire = "";    ///< element name of a map's key ("key")
  int64_t min = kNoMin;         ///< of the value, or of the length of a string, blob, list or map
  int64_t max = kNoMax;
  Table<std::string_view> enums = {};
  const char* pattern = nullptr;
};

/// A modelled error. In JSON and CBOR the caller sees the shape's name, in XML the code; mostly they are the same.
struct ErrorCode {
  const char* code;
  const char* shape;
  int status;
  bool sender;  ///< the caller's fault, as opposed to ours
};

struct Pagination {
  Table<const char*> input_tokens;
  Table<const char*> output_tokens;
  const char* limit_key;  ///< "" when there is none
  Table<const char*> result_keys;
};

struct Operation {
  const char* name;
  const char* method;
  const char* uri;
  int status;              ///< HTTP status of success
  const Shape* in;         ///< null: no input
  const Shape* out;        ///< null: no output
  const char* wrapper;     ///< query: element around the result, "" = none
  const char* root;        ///< rest-xml: root element of the request
  const char* root_xmlns;  ///< rest-xml: its namespace
  Table<ErrorCode> errors;
  const Pagination* page;  ///< null: the operation does not paginate
  bool unsigned_allowed;   ///< AWS answers it without a signature

  /// The modelled error with this wire code or shape name; null when there is none.
  const ErrorCode* error(std::string_view code) const;
};

struct Service {
  const char* name;
  const char* version;
  const char* xmlns;
  const char* target_prefix;  ///< X-Amz-Target and CBOR path, "" = none
  const char* json_version;
  const char* signing_name;
  Table<Protocol> protocols;
  bool query_compatible;        ///< JSON and CBOR errors also carry x-amzn-query-error
  Table<Operation> operations;  ///< sorted by name
  Table<ErrorCode> errors;      ///< every modelled error of the service

  const Operation* find(std::string_view operation) const;
  const ErrorCode* error(std::string_view code) const;
  bool speaks(Protocol p) const;
};

}  // namespace howdah::wire
