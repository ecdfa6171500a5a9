#include "migrate/first_look.h"

#include <fmt/format.h>

namespace howdah::migrate {
namespace {

constexpr size_t kHasHistory = 1, kSynchronousCommit = 2, kMarked = 3, kServerPid = 4;

constexpr const char* kWait = "synchronous_commit";

const char* history_table(Dialect dialect) {
  return dialect == Dialect::kPrisma   ? "_prisma_migrations"
         : dialect == Dialect::kKysely ? "kysely_migration"
                                       : "schema_history";
}

std::unique_ptr<History> history_of(Dialect dialect, const std::string& schema) {
  return dialect == Dialect::kPrisma   ? prisma_history(schema)
         : dialect == Dialect::kKysely ? kysely_history(schema)
                                       : native_history(schema);
}

}  // namespace

/// Where the history is, whether it is there, whether commits would wait for the disk, whether the server got our
/// settings, and which of its processes answers. A new server process looks up every name for the first time: few of
/// them.
std::string FirstLook::sql(Dialect dialect) {
  return fmt::format(
      "select quote_ident(current_schema()), to_regclass(quote_ident(current_schema()) || '.{}') is not null, "
      "current_setting('synchronous_commit'), current_setting('{}', true), pg_backend_pid()",
      history_table(dialect), kMark);
}

bool FirstLook::has_history(const Answer& answer) { return answer.at(0, kHasHistory) == "t"; }

FirstLook::FirstLook(Connecting connecting, const Target& target, Database::Settings settings, Dialect dialect,
                     Need need)
    : connecting_(std::move(connecting)),
      target_(target),
      settings_(std::move(settings)),
      dialect_(dialect),
      need_(need) {}

const std::string& FirstLook::server_pid() const { return look_.at(0, kServerPid); }

bool FirstLook::answered() { return step_ == Step::kConnect ? connecting_.go_on() : db_->answered(); }

void FirstLook::go_on() {
  while (step_ != Step::kDone && answered()) take_answer();
}

std::optional<FirstLook::Refused> FirstLook::finish() {
  while (step_ != Step::kDone) take_answer();
  return refused_;
}

void FirstLook::refuse(SqlFailure why, bool no_connection) {
  refused_ = Refused{std::move(why), no_connection};
  step_ = Step::kDone;
}

void FirstLook::ask(const std::string& sql) {
  if (auto sent = db_->send(sql); !sent) refuse(sent.error(), false);
}

void FirstLook::take_answer() {
  if (step_ == Step::kConnect) return take_connection();
  if (step_ == Step::kLook) return take_look();
  auto answer = db_->receive();
  if (!answer) return refuse(answer.error(), false);
  (need_ == Need::kPending && !history_->summary_sql().empty() ? summary_ : rows_) = std::move(*answer);
  step_ = Step::kDone;
}

void FirstLook::take_connection() {
  auto db = connecting_.finish();
  if (!db) return refuse(db.error(), true);
  db_.emplace(std::move(*db));
  step_ = Step::kLook;
  ask(sql(dialect_));
}

void FirstLook::take_look() {
  auto look = db_->receive();
  if (!look) return refuse(look.error(), false);
  look_ = std::move(*look);
  if (look_.at(0, kMarked) != "on") {
    return refuse({.message = "lock_timeout and the other settings of a run do not arrive at the server",
                   .hint = kNoPooler,
                   .lost = true},
                  true);
  }
  const bool asked_to_wait = settings_.contains(kWait);
  if (look_.at(0, kSynchronousCommit) == "off" && !asked_to_wait) {  // here COMMIT must mean that it is on the disk
    settings_[kWait] = "on";
    auto db = Database::connect(target_, settings_);
    if (!db) return refuse(db.error(), true);
    db_.emplace(std::move(*db));
    return ask(sql(dialect_));
  }
  history_ = history_of(dialect_, schema());
  step_ = Step::kDone;
  if (!has_history(look_)) return;
  step_ = Step::kHistory;
  const std::string brief = need_ == Need::kPending ? history_->summary_sql() : "";
  ask(brief.empty() ? history_->read_sql() : brief);
}

}  // namespace howdah::migrate
