#include "domain/interim_base.h"

#include "domain/json.h"

namespace howdah {
namespace {

template <class V, class T>
void list(V& v, T& b) {
  v("base_id", b.base_id);
  v("resource_id", b.resource_id);
  v("timeline", b.timeline);
  v("lsn", b.lsn);
  v("begun", b.begun);
}

}  // namespace

std::string InterimBase::encode() const {
  return json::write([&](auto& v) { list(v, *this); });
}

InterimBase InterimBase::decode(std::string_view text) {
  InterimBase b;
  json::read(text, [&](auto& v) { list(v, b); });
  return b;
}

}  // namespace howdah
