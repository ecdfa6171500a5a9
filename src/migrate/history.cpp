#include "migrate/history.h"

#include <fmt/format.h>

namespace howdah::migrate {
namespace {

constexpr const char* kForgotten = "forgotten";  // how the action of such a line begins

}  // namespace

std::string History::create_log_sql() const {
  return fmt::format(
      "create table if not exists {} (id bigint generated always as identity primary key,"
      " at timestamptz not null default clock_timestamp(), who text not null default session_user,"
      " version text not null, action text not null, row_before text)",
      log());
}

std::string History::forget_sql(Database& db, const std::string& version, const std::string& why) const {
  const std::string action = why.empty() ? kForgotten : fmt::format("{}: {}", kForgotten, why);
  // now() is the same for all rows of one transaction: that is what restore_sql() finds them by.
  return create_log_sql() + fmt::format(
                                ";insert into {0} (at, version, action, row_before) select now(), {1}, {2}, h::text "
                                "from {3} h where {4} = "
                                "{1}; delete from {3} where {4} = {1}",
                                log(), db.literal(version), db.literal(action), table(), key());
}

std::string History::restore_sql(Database& db, const std::string& version) const {
  const std::string lines = fmt::format("version = {} and action like '{}%'", db.literal(version), kForgotten);
  return fmt::format(
      "insert into {0} select (row_before::{0}).* from {1} where {2} and at = (select max(at) from {1} where {2}); "
      "insert into {1} (version, action) values ({3}, 'restored')",
      table(), log(), lines, db.literal(version));
}

SqlAnswer History::read_log(Database& db) const {
  auto there = db.exec(fmt::format("select to_regclass({}) is not null", db.literal(log())));
  if (!there || there->at(0, 0) != "t") return there ? Answer{} : there;
  return db.exec(fmt::format(
      "select date_trunc('second', at), who, version, action, row_before is not null from {} order by id desc", log()));
}

}  // namespace howdah::migrate
