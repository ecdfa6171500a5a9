// Smithy's rpc-v2-cbor bodies (RFC 8949). The reader walks the input once, straight into the structs: no tree, no
// recursion deeper than kMaxDepth, and a length is never trusted before that many bytes are seen.
#include <bit>
#include <cmath>
#include <limits>

#include "wire/codec_parts.h"
#include "wire/text.h"
#include "wire/timestamp.h"

namespace howdah::wire {
namespace {

enum Major : uint8_t { kUnsigned, kNegative, kBytes, kText, kArray, kMap, kTag, kSimple };
constexpr uint8_t kIndefinite = 31;
constexpr uint8_t kBreak = 0xFF;
constexpr uint64_t kEpochTag = 1;

struct Head {
  uint8_t major = kSimple;
  uint8_t info = 0;
  uint64_t argument = 0;
  bool indefinite() const { return info == kIndefinite; }
  bool is_null() const { return major == kSimple && (info == 22 || info == 23); }
};

double half_to_double(uint64_t bits) {
  const int exponent = int(bits >> 10 & 31), mantissa = int(bits & 1023);
  double v = 0;
  if (exponent == 0)
    v = std::ldexp(mantissa, -24);
  else if (exponent < 31)
    v = std::ldexp(mantissa + 1024, exponent - 25);
  else
    v = mantissa ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  return bits & 0x8000 ? -v : v;
}

/// Reads items from left to right. After the first malformed byte `ok` is false and everything reads as null.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  void fail() {
    ok_ = false;
    rest_ = {};
  }

  Head head() {
    const uint8_t first = byte();
    Head h{uint8_t(first >> 5), uint8_t(first & 31), 0};
    if (h.info < 24)
      h.argument = h.info;
    else if (h.info < 28)
      h.argument = big_endian(1u << (h.info - 24));
    else if (h.info != kIndefinite || h.major < kBytes || h.major == kTag)
      fail();
    return ok_ ? h : Head{};
  }
  bool take_break() {
    if (rest_.empty()) return fail(), true;
    if (uint8_t(rest_[0]) != kBreak) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// The content of a byte or text string whose head was read.
  std::string string(const Head& h) {
    if (!h.indefinite()) return std::string(take(h.argument));
    std::string out;
    while (ok_ && !take_break()) {
      const Head chunk = head();
      if (chunk.major != h.major || chunk.indefinite()) return fail(), out;
      out += take(chunk.argument);
    }
    return out;
  }
  /// Calls `each()` for every element of an array or map whose head was read.
  void elements(const Head& h, auto&& each) {
    for (uint64_t i = 0; ok_; i++) {
      if (h.indefinite() ? take_break() : i == h.argument) return;
      each();
    }
  }
  void skip(const Head& h, int depth) {
    if (depth > kMaxDepth) return fail();
    switch (h.major) {
      case kBytes:
      case kText:
        string(h);
        return;
      case kArray:
        elements(h, [&] { skip(head(), depth + 1); });
        return;
      case kMap:
        elements(h, [&] {
          skip(head(), depth + 1);
          skip(head(), depth + 1);
        });
        return;
      case kTag:
        skip(head(), depth + 1);
        return;
      default:
        if (h.indefinite()) fail();  // a break outside of anything indefinite
    }
  }

 private:
  uint8_t byte() {
    if (rest_.empty()) return fail(), 0;
    const uint8_t b = uint8_t(rest_[0]);
    rest_.remove_prefix(1);
    return b;
  }
  uint64_t big_endian(unsigned n) {
    uint64_t v = 0;
    while (n--) v = v << 8 | byte();
    return v;
  }
  std::string_view take(uint64_t n) {
    if (n > rest_.size()) return fail(), std::string_view{};
    const std::string_view out = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return out;
  }

  std::string_view rest_;
  bool ok_ = true;
};

class CborDecoder {
 public:
  CborDecoder(Reader& in, Issues& issues) : in_(in), issues_(issues) {}

  /// `h` is the head of the value.
  void node(const Shape& shape, void* value, Head h, int depth, const std::string& path) {
    if (depth > kMaxDepth) return in_.fail();
    const bool timestamp = shape.kind == Kind::Timestamp && h.major == kTag && h.argument == kEpochTag;
    for (int tags = 0; h.major == kTag; tags++) {
      if (tags > kMaxDepth) return in_.fail();
      h = in_.head();
    }
    bool fits = false;
    switch (shape.kind) {
      case Kind::Structure:
        fits = h.major == kMap && (structure(shape, value, h, depth, path), true);
        break;
      case Kind::List:
        fits = h.major == kArray && (list(shape, value, h, depth, path), true);
        break;
      case Kind::Map:
        fits = h.major == kMap && (map(shape, value, h, depth, path), true);
        break;
      case Kind::Timestamp:
        fits = this->timestamp(value, h, timestamp);
        break;
      default:
        fits = scalar(shape, value, h);
    }
    if (fits) return;
    if (!consumed_) in_.skip(h, depth);
    consumed_ = false;
    issues_.add({Issue::Kind::WrongType, path, "a value of the member's type"});
  }

 private:
  void structure(const Shape& shape, void* value, const Head& h, int depth, const std::string& path) {
    in_.elements(h, [&] {
      const Head key = in_.head();
      if (key.major != kText) return in_.fail();
      const std::string name = in_.string(key);
      const Head content = in_.head();
      const Member* m = find(shape, name);
      if (!m || content.is_null()) return in_.skip(content, depth + 1);
      node(*m->shape, emplace(*m->shape, slot_of(value, *m)), content, depth + 1, join_path(path, m->name));
    });
  }

  static const Member* find(const Shape& shape, std::string_view name) {
    for (const Member& m : shape.members)
      if (name == m.wire) return &m;
    return nullptr;
  }

  void list(const Shape& shape, void* value, const Head& h, int depth, const std::string& path) {
    size_t number = 0;
    in_.elements(h, [&] {
      const Head content = in_.head();
      const std::string here = join_path(path, std::to_string(++number));
      if (!in_.ok() || !budget_.take(*shape.elem, here, issues_)) return in_.skip(content, depth + 1);
      node(*shape.elem, append(shape, value), content, depth + 1, here);
    });
  }

  void map(const Shape& shape, void* value, const Head& h, int depth, const std::string& path) {
    in_.elements(h, [&] {
      const Head key_head = in_.head();
      if (key_head.major != kText) return in_.fail();
      const std::string key = in_.string(key_head);
      const Head content = in_.head();
      if (!is_utf8(key)) return in_.fail();
      if (!in_.ok() || content.is_null() || !budget_.take(*shape.elem, path, issues_))
        return in_.skip(content, depth + 1);
      node(*shape.elem, insert(shape, value, key), content, depth + 1, join_path(path, key));
    });
  }

  static std::optional<double> number(const Head& h) {
    if (h.major == kUnsigned) return double(h.argument);
    if (h.major == kNegative) return -1.0 - double(h.argument);
    if (h.major != kSimple) return std::nullopt;
    if (h.info == 25) return half_to_double(h.argument);
    if (h.info == 26) return std::bit_cast<float>(uint32_t(h.argument));
    if (h.info == 27) return std::bit_cast<double>(h.argument);
    return std::nullopt;
  }

  static std::optional<int64_t> integer(const Head& h) {
    if (h.major == kUnsigned && h.argument <= uint64_t(std::numeric_limits<int64_t>::max())) return int64_t(h.argument);
    if (h.major == kNegative && h.argument <= uint64_t(std::numeric_limits<int64_t>::max()))
      return -1 - int64_t(h.argument);
    return std::nullopt;
  }

  static bool timestamp(void* value, const Head& h, bool tagged) {
    const auto seconds = tagged ? number(h) : std::nullopt;
    const auto t = seconds ? timestamp_of_seconds(*seconds) : std::nullopt;
    if (t) as<Timestamp>(value) = *t;
    return t.has_value();
  }

  bool scalar(const Shape& shape, void* value, const Head& h) {
    switch (shape.kind) {
      case Kind::String:
        if (h.major != kText) return false;
        as<std::string>(value) = in_.string(h);
        return consumed_ = !is_utf8(as<std::string>(value)), !consumed_;
      case Kind::Blob:
        if (h.major != kBytes) return false;
        as<Blob>(value).bytes = in_.string(h);
        return true;
      case Kind::Bool:
        as<bool>(value) = h.info == 21;
        return h.major == kSimple && (h.info == 20 || h.info == 21);
      case Kind::Double: {
        const auto n = number(h);
        if (n) as<double>(value) = *n;
        return n.has_value();
      }
      default:
        return whole(shape, value, integer(h));
    }
  }

  static bool whole(const Shape& shape, void* value, std::optional<int64_t> n) {
    if (!n) return false;
    if (shape.kind == Kind::Long) return as<int64_t>(value) = *n, true;
    if (*n < std::numeric_limits<int32_t>::min() || *n > std::numeric_limits<int32_t>::max()) return false;
    return as<int32_t>(value) = int32_t(*n), true;
  }

  Reader& in_;
  Issues& issues_;
  ElementBudget budget_;
  bool consumed_ = false;  ///< the value that did not fit has been read past already
};

void put_head(std::string& out, Major major, uint64_t n) {
  const uint8_t top = uint8_t(major << 5);
  int bytes = 0;
  if (n < 24)
    out += char(top | uint8_t(n));
  else if (n <= 0xFF)
    out += char(top | 24), bytes = 1;
  else if (n <= 0xFFFF)
    out += char(top | 25), bytes = 2;
  else if (n <= 0xFFFFFFFF)
    out += char(top | 26), bytes = 4;
  else
    out += char(top | 27), bytes = 8;
  for (int i = bytes - 1; i >= 0; i--) out += char(n >> (8 * i));
}

void put_text(std::string& out, std::string_view text) {
  const std::string clean = is_utf8(text) ? std::string() : to_utf8(text);
  if (!clean.empty()) text = clean;
  put_head(out, kText, text.size());
  out += text;
}

void put_integer(std::string& out, int64_t n) {
  if (n < 0)
    put_head(out, kNegative, uint64_t(-1 - n));
  else
    put_head(out, kUnsigned, uint64_t(n));
}

void put_double(std::string& out, double v) {
  const uint64_t bits = std::bit_cast<uint64_t>(v);
  out += char(0xFB);
  for (int i = 7; i >= 0; i--) out += char(bits >> (8 * i));
}

}  // namespace

void decode_cbor(const Shape& shape, void* value, std::string_view body, Issues& issues) {
  if (body.empty()) return;
  Reader in(body);
  CborDecoder(in, issues).node(shape, value, in.head(), 0, "");
  if (!in.ok() || !in.at_end()) issues.add({Issue::Kind::Malformed, "", "the body is not CBOR"});
}

void encode_cbor(const Shape& shape, const void* value, std::string& out) {
  switch (shape.kind) {
    case Kind::String:
      return put_text(out, as<std::string>(value));
    case Kind::Int:
      return put_integer(out, as<int32_t>(value));
    case Kind::Long:
      return put_integer(out, as<int64_t>(value));
    case Kind::Double:
      return put_double(out, as<double>(value));
    case Kind::Bool:
      out += char(as<bool>(value) ? 0xF5 : 0xF4);
      return;
    case Kind::Timestamp:
      put_head(out, kTag, kEpochTag);
      return put_double(out, double(as<Timestamp>(value).ms) / 1000.0);
    case Kind::Blob:
      put_head(out, kBytes, as<Blob>(value).bytes.size());
      out += as<Blob>(value).bytes;
      return;
    case Kind::List:
      put_head(out, kArray, as<SeqBase>(value).size());
      for (const BoxBase& box : as<SeqBase>(value).items) encode_cbor(*shape.elem, box.raw(), out);
      return;
    case Kind::Map:
      put_head(out, kMap, as<DictBase>(value).size());
      for (const auto& [key, box] : as<DictBase>(value).items) {
        put_text(out, key);
        encode_cbor(*shape.elem, box.raw(), out);
      }
      return;
    case Kind::Structure:
      out += char(kMap << 5 | kIndefinite);
      for (const Member& m : shape.members) {
        const void* v = value_in(*m.shape, slot_of(value, m));
        if (!v) continue;
        put_text(out, m.wire);
        encode_cbor(*m.shape, v, out);
      }
      out += char(kBreak);
      return;
  }
}

void encode_cbor_error(std::string_view type, std::string_view message, std::string& out) {
  put_head(out, kMap, 2);
  put_text(out, "__type");
  put_text(out, type);
  put_text(out, "message");
  put_text(out, message);
}

}  // namespace howdah::wire
