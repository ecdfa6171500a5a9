#include "rds/adaptive_autovacuum.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "domain/condition.h"
#include "domain/event.h"

namespace howdah::rds {
namespace {

constexpr int64_t kBehind = 500'000'000, kFarBehind = 1'000'000'000;

/// Settings of a level; a cost delay is in milliseconds, naptime in seconds.
struct Pace {
  int delay, naptime, limit;
};
constexpr Pace kPaces[] = {{2, 15, 2000}, {0, 5, 10000}};

double number_of(const pg::Settings& settings, const char* name) {
  const auto found = settings.find(name);
  double value = -1;  // as PostgreSQL's own -1: what another setting says
  if (found != settings.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  return value;
}

void at_most(pg::Settings& settings, const char* name, int most) {
  const double now = number_of(settings, name);
  if (now < 0 || now > most) settings[name] = std::to_string(most);
}

}  // namespace

int hurry_level(int64_t age, int64_t freeze_max_age) {
  if (age < std::max(freeze_max_age, kBehind)) return 0;
  return age < kFarBehind ? 1 : 2;
}

void hurry_autovacuum(pg::Settings& settings, int level) {
  if (level < 1) return;
  const Pace& pace = kPaces[std::min(level, 2) - 1];
  at_most(settings, "autovacuum_vacuum_cost_delay", pace.delay);
  at_most(settings, "autovacuum_naptime", pace.naptime);
  auto& limit = settings["autovacuum_vacuum_cost_limit"];
  if (number_of(settings, "autovacuum_vacuum_cost_limit") < pace.limit) limit = std::to_string(pace.limit);
}

Result<void> look_at_transaction_ids(Rds& rds, const Instance& i, pg::Client& client) {
  const auto row =
      client.query("SELECT max(age(datfrozenxid)), current_setting('autovacuum_freeze_max_age') FROM pg_database");
  if (!row) return tl::unexpected(Error{row.error().message, row.error().retry});
  const int64_t age = std::stoll(std::string(row->get(0, 0)));
  const int level = hurry_level(age, std::stoll(std::string(row->get(0, 1))));
  if (Condition::of(rds.store, i.resource_id).hurry == level) return {};
  rds.store.write([&](store::Tx& tx) {
    const auto now = tx.find<Instance>(Instance::by_id(i.resource_id));
    Condition condition = Condition::of(tx, i.resource_id);
    if (!now || now->rest != Rest::available || condition.hurry == level) return;
    condition.hurry = level;
    append_event(rds, tx, *now, 107,
                 level == 0
                     ? fmt::format("The oldest transaction id is {} transactions old: autovacuum has its own "
                                   "settings again.",
                                   age)
                     : fmt::format("The oldest transaction id is {} transactions old: autovacuum hurries, unless "
                                   "rds.adaptive_autovacuum is off.",
                                   age));
    tx.put(std::move(condition));
    tx.put(Instance(*now));  // its settings are written again and the server reloads them
  });
  return {};
}

}  // namespace howdah::rds
