#include "domain/timekeeping.h"

#include "domain/json.h"

namespace howdah {
namespace {

template <class V, class T>
void list(V& v, T& t) {
  v("seen", t.seen);
  v("doubted_until", t.doubted_until);
  v("boot", t.boot);
  v("set_to", t.set_to);
}

}  // namespace

std::string Timekeeping::encode() const {
  return json::write([&](auto& v) { list(v, *this); });
}

Timekeeping Timekeeping::decode(std::string_view text) {
  Timekeeping t;
  json::read(text, [&](auto& v) { list(v, t); });
  return t;
}

}  // namespace howdah
