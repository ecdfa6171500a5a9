#include "domain/snapshot.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <stdexcept>

#include "domain/json.h"

namespace howdah {
namespace {

constexpr std::string_view kStates[] = {"creating", "available", "failed"};

template <class V, class T>
void list(V& v, T& s) {
  v("scope", s.scope);
  v("identifier", s.identifier);
  v("id", s.id);
  v("base_id", s.base_id);
  v("automated", s.automated);
  v("reason", s.reason);
  v("materialised", s.materialised);
  v("full", s.full);
  v("crash_consistent", s.crash_consistent);
  v("timeline", s.timeline);
  v("lsn", s.lsn);
  v("requested", s.requested);
  v("created", s.created);
  v("original_created", s.original_created);
  v("database_time", s.database_time);
  v("paused", s.paused);
  v("copied_from", s.copied_from);
  v("copied_region", s.copied_region);
  v("tags", s.tags);
  v("shared_with", s.shared_with);
}

}  // namespace

std::string_view status_word(Snapshot::State state) { return kStates[static_cast<size_t>(state)]; }

std::string Snapshot::encode() const {
  return json::write([&](auto& v) {
    list(v, *this);
    v("state", std::string(status_word(state)));
    v("source", source.encode());
  });
}

Snapshot Snapshot::decode(std::string_view text) {
  Snapshot s;
  std::string word = "creating", source;
  json::read(text, [&](auto& v) {
    list(v, s);
    v("state", word);
    v("source", source);
  });
  s.source = Instance::decode(source);
  for (size_t i = 0; i < std::size(kStates); i++) {
    if (kStates[i] != word) continue;
    s.state = static_cast<State>(i);
    return s;
  }
  throw std::runtime_error(fmt::format("unknown state of a snapshot '{}'", word));
}

std::string automated_snapshot_name(std::string_view instance, Time now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  return fmt::format("rds:{}-{:%Y-%m-%d-%H-%M}", instance, fmt::gmtime(seconds));
}

}  // namespace howdah
