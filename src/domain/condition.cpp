#include "domain/condition.h"

#include "domain/json.h"

namespace howdah {
namespace {

template <class V, class T>
void list(V& v, T& c) {
  v("resource_id", c.resource_id);
  v("wal_losses", c.wal_losses);
  v("lost_until", c.lost_until);
  v("wal_synchronous", c.wal_synchronous);
  v("storage_level", c.storage_level);
  v("hurry", c.hurry);
}

}  // namespace

std::string Condition::encode() const {
  return json::write([&](auto& v) { list(v, *this); });
}

Condition Condition::decode(std::string_view text) {
  Condition c;
  json::read(text, [&](auto& v) { list(v, c); });
  return c;
}

}  // namespace howdah
