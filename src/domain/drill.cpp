#include "domain/drill.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "domain/json.h"

namespace howdah {
namespace {

constexpr std::string_view kStates[] = {"running", "passed", "failed"};

template <class V, class T>
void list(V& v, T& d) {
  v("scope", d.scope);
  v("resource_id", d.resource_id);
  v("identifier", d.identifier);
  v("id", d.id);
  v("started", d.started);
  v("ended", d.ended);
  v("instant", d.instant);
  v("timeline", d.timeline);
  v("lsn", d.lsn);
  v("base", d.base);
  v("bytes", d.bytes);
  v("rows", d.rows);
  v("databases", d.databases);
  v("tables", d.tables);
  v("indexes", d.indexes);
  v("fingerprint", d.fingerprint);
  v("problems", d.problems);
  v("notes", d.notes);
}

}  // namespace

std::string_view status_word(Drill::State state) { return kStates[static_cast<size_t>(state)]; }

std::string Drill::sentence() const {
  const double seconds = static_cast<double>((ended - started).count()) / 1000;
  const std::string when = instant == Time{} ? "its newest restore point"
                                             : fmt::format("the state of {:%Y-%m-%d %H:%M:%S} UTC",
                                                           fmt::gmtime(std::chrono::system_clock::to_time_t(instant)));
  if (state == State::running) return fmt::format("Restore drill: restoring {} aside.", when);
  std::string out =
      state == State::passed
          ? fmt::format(
                "Restore drill passed in {:.1f} s: {} was restored aside; {} rows of {} tables in {} databases were "
                "read, {} indexes and {} MB of pages are sound.",
                seconds, when, rows, tables, databases, indexes, bytes >> 20)
          : fmt::format("Restore drill FAILED after {:.1f} s of restoring {}: {}", seconds, when,
                        fmt::join(problems, "; "));
  for (const auto& note : notes) out += " Note: " + note + ".";
  return out;
}

std::string Drill::encode() const {
  return json::write([&](auto& v) {
    list(v, *this);
    v("state", std::string(status_word(state)));
  });
}

Drill Drill::decode(std::string_view text) {
  Drill d;
  std::string word = "running";
  json::read(text, [&](auto& v) {
    list(v, d);
    v("state", word);
  });
  for (size_t i = 0; i < std::size(kStates); i++) {
    if (kStates[i] == word) d.state = static_cast<State>(i);
  }
  return d;
}

}  // namespace howdah
