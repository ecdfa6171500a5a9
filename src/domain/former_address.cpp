#include "domain/former_address.h"

#include "domain/json.h"

namespace howdah {
namespace {

template <class V, class T>
void list(V& v, T& f) {
  v("name", f.name);
  v("address", f.address);
  v("holder", f.holder);
}

}  // namespace

std::string FormerAddress::encode() const {
  return json::write([&](auto& v) { list(v, *this); });
}

FormerAddress FormerAddress::decode(std::string_view text) {
  FormerAddress f;
  json::read(text, [&](auto& v) { list(v, f); });
  return f;
}

}  // namespace howdah
