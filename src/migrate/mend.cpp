#include <fmt/format.h>

#include <ctime>
#include <filesystem>

#include "migrate/commands.h"
#include "os/files.h"

namespace howdah::migrate {
namespace {

int refuse(Session& s, const std::string& code, const std::string& version, std::string message) {
  s.report().problem({.code = code, .version = version, .message = std::move(message), .fix = "howdah migrate status"});
  return kInconsistent;
}

}  // namespace

int resolve(Session& s, const std::string& version, Mark mark) {
  if (int code = s.lock(); code != kOk) return code;
  const Migration* m = s.source().find(version);
  const Row* row = s.row(version);
  const bool open = row != nullptr && (row->state == State::kFailed || row->state == State::kRunning);
  if (row != nullptr && row->state == State::kApplied) {
    return refuse(s, "already-applied", row->version, row->name + " is applied, not unfinished; nothing was changed");
  }
  if (mark == Mark::kRolledBack) {
    if (!open) return refuse(s, "not-failed", version, version + " has no unfinished attempt; nothing was changed");
    return s.change(s.history().mark_rolled_back_sql(s.db(), row->version),
                    {row->version, row->name, "up", "rolled back"});
  }
  if (m == nullptr) return refuse(s, "not-found", version, "there is no file of " + version);
  return s.change(s.history().mark_applied_sql(s.db(), *m), {m->version, m->name, "up", "marked"});
}

int repair(Session& s, const std::string& version, Repair what) {
  if (int code = s.lock(); code != kOk) return code;
  const Migration* m = s.source().find(version);
  const Row* row = s.row(version);
  if (row == nullptr) return refuse(s, "not-found", version, "the history has no " + version);
  if (what == Repair::kForget) {
    return s.change(s.history().forget_sql(s.db(), row->version, ""), {row->version, row->name, "up", "forgotten"});
  }
  if (m == nullptr) return refuse(s, "not-found", version, "there is no file of " + version);
  if (s.source().dialect == Dialect::kKysely) {
    return refuse(s, "no-checksum", version, "Kysely's history has no checksums: there is nothing to accept");
  }
  if (row->state != State::kApplied)
    return refuse(s, "failed-migration", version, row->name + " is not finished: resolve it");
  return s.change(s.history().accept_sql(s.db(), *m), {m->version, m->name, "up", "accepted"});
}

int create(const Options& options, const std::string& name, Report& report) {
  std::string words;
  for (const char c : name) words += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  if (words.empty()) {
    report.problem({.code = "usage", .message = "a migration needs a name", .fix = "howdah migrate new add_users"});
    return kUsage;
  }
  char stamp[16];
  const std::time_t now = std::time(nullptr);
  std::tm utc = {};
  gmtime_r(&now, &utc);
  std::strftime(stamp, sizeof stamp, "%Y%m%d%H%M%S", &utc);
  std::error_code ec;
  std::filesystem::create_directories(options.directory, ec);
  const auto source = read_source(options.directory);
  if (!source) {
    report.problem({.code = "files", .message = source.error().message});
    return kUsage;
  }
  std::string path = fmt::format("{}/{}_{}", options.directory, stamp, words),
              text = "-- migrate:up\n\n\n-- migrate:down\n\n";
  if (source->dialect == Dialect::kPrisma) {
    std::filesystem::create_directories(path, ec);
    path += "/migration.sql";
    text.clear();
  } else {
    path += ".sql";
  }
  if (os::exists(path)) ec = std::make_error_code(std::errc::file_exists);
  auto written = ec ? fail(ec.message()) : os::write_file_atomic(path, text, 0644);
  if (!written) {
    report.problem({.code = "files", .message = path + ": " + written.error().message});
    return kUsage;
  }
  report.step({stamp, path, "up", "created"});
  return kOk;
}

}  // namespace howdah::migrate
