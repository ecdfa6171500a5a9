#include "migrate/history.h"

#include <fmt/format.h>

namespace howdah::migrate {
namespace {

constexpr const char* kForgotten = "forgotten";  // how the action of such a line begins

/// A row when the table is there.
SqlAnswer has_log(Database& db, const std::string& log) {
  return db.exec(fmt::format("select where to_regclass({}) is not null", db.literal(log)));
}

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

SqlAnswer History::forgotten(Database& db, const std::string& wanted) const {
  auto there = has_log(db, log());
  if (!there || there->rows.empty()) return there;
  return db.exec(
      fmt::format("select version from {0} where action like '{1}%' and row_before is not null and {2} in (version, "
                  "(row_before::{3}).{4}) order by at desc limit 1",
                  log(), kForgotten, db.literal(wanted), table(), name_column()));
}

SqlAnswer History::read_log(Database& db) const {
  auto there = has_log(db, log());
  if (!there || there->rows.empty()) return there;
  return db.exec(fmt::format(
      "select date_trunc('second', at), who, version, action, row_before is not null from {} order by id desc", log()));
}

}  // namespace howdah::migrate
