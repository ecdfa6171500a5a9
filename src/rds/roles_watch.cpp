#include "rds/roles_watch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "domain/event.h"
#include "domain/parameter_group.h"
#include "pg/bootstrap.h"
#include "pg/layout.h"
#include "pg/roles.h"
#include "rds/adaptive_autovacuum.h"
#include "util/log.h"

namespace howdah::rds {
namespace {

constexpr Millis kOften{500}, kSeldom{5'000}, kPatience{5'000};
constexpr std::chrono::seconds kMinute{60};

}  // namespace

Millis RolesWatch::look() {
  Millis next = kSeldom;
  std::map<std::string, Seen> kept;
  for (const auto& i : rds_.store.all<Instance>()) {
    if (i->rest != Rest::available) continue;
    Seen& seen = kept[i->resource_id] = std::move(seen_[i->resource_id]);
    try {
      look_at(i, seen);
    } catch (const std::exception& e) {  // the others are looked at all the same
      log::error("a server's catalogs were not looked after; they will be",
                 {{"instance", i->resource_id}, {"error", e.what()}});
    }
    if (seen.session) next = kOften;
  }
  seen_ = std::move(kept);
  return next;
}

void RolesWatch::look_at(const std::shared_ptr<const Instance>& i, Seen& seen) {
  std::shared_ptr<const void> group = rds_.store.get<ParameterGroup>(i->scope.key(i->started_group));
  if (seen.instance != i || seen.group != group) seen.due = 2;
  seen.instance = i;
  seen.group = std::move(group);
  if (seen.session && !pg::follow_replication(*seen.session)) {
    seen.session.reset();  // the server has ended
    seen.due = 2;
  }
  if (seen.due == 0 && Steady::now() - seen.checked < kMinute) return;
  check(*i, seen);
}

void RolesWatch::check(const Instance& i, Seen& seen) {
  auto client = pg::Client::connect(layout_of(rds_, i), i.port, pg::kAdminDatabase, kPatience);
  if (!client) return;  // it is being stopped or started, or somebody else sees to it
  seen.checked = Steady::now();
  if (seen.due > 0) seen.due--;
  const auto missing = pg::missing_roles(*client);
  Result<void> done = missing ? Result<void>() : tl::unexpected(missing.error());
  if (done && !missing->empty()) {
    done = pg::restore_roles(*client, i.master_username);
    if (done) announce(i, fmt::format("{}", fmt::join(*missing, ", ")));
  }
  if (done) done = pg::follow_read_all(*client);
  const auto logical = pg::follow_replication(*client);
  if (done && !logical) done = tl::unexpected(logical.error());
  if (done) done = look_at_transaction_ids(rds_, i, *client);
  if (!done) {
    log::warn("a server's catalogs could not be looked after",
              {{"instance", i.resource_id}, {"error", done.error().message}});
  }
  seen.session.reset();
  if (logical && *logical) seen.session = std::move(*client);
}

void RolesWatch::announce(const Instance& i, const std::string& missing) {
  log::warn("reserved roles were changed; they are as they were", {{"instance", i.resource_id}, {"missing", missing}});
  rds_.store.write([&](store::Tx& tx) {
    const auto now = tx.find<Instance>(Instance::by_id(i.resource_id));
    if (now)
      append_event(rds_, tx, *now, 106, fmt::format("Reserved roles were changed and are as before: {}.", missing));
  });
}

}  // namespace howdah::rds
