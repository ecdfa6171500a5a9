#include "migrate/load.h"

#include <fmt/format.h>

#include "migrate/script.h"

namespace howdah::migrate {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kConnections = 2;

}  // namespace

tl::expected<std::unique_ptr<Load>, Problem> Load::begin(const Target& copy, const std::string& file) {
  const auto list = read_statement_file(file);
  if (!list) return tl::unexpected(list.error());
  std::vector<std::string> statements;
  for (const auto& s : list->statements) statements.push_back(list->text.substr(s.begin, s.end - s.begin));
  std::unique_ptr<Load> load(new Load(std::move(statements)));
  for (int i = 0; i < kConnections; i++) {
    auto db = Database::connect(copy, {{"application_name", "howdah-rehearse"}});
    if (!db) return tl::unexpected(problem_of(db.error()));
    for (const auto& sql : load->statements_) {
      const auto done = i == 0 ? db->exec(sql) : Answer{};
      if (done) continue;
      Problem p = problem_of(done.error());
      p.hint = "before any migration ran: correct the file, " + file;
      return tl::unexpected(p);
    }
    load->threads_.emplace_back([&l = *load, db = std::move(*db)]() mutable { l.run(std::move(db)); });
  }
  return load;
}

void Load::run(Database db) {
  while (!stop_ && db.alive()) {
    for (const auto& sql : statements_) {
      if (stop_) break;
      const auto start = Clock::now();
      const auto answer = db.exec(sql);
      note(sql, std::chrono::duration<double, std::milli>(Clock::now() - start).count(), answer);
      if (answer) continue;
      (void)db.exec("rollback");
      break;
    }
  }
}

void Load::note(const std::string& sql, double ms, const SqlAnswer& answer) {
  const std::lock_guard lock(mutex_);
  if (version_.empty()) return;
  figures_.statements++;
  if (ms > figures_.slowest_ms) {
    figures_.slowest_ms = ms;
    figures_.slowest = sql;
    figures_.slowest_version = version_;
  }
  if (answer || interrupted()) return;
  if (figures_.failed++ > 0) return;
  figures_.failure = answer.error().message;
  figures_.failed_sql = sql;
  figures_.failed_version = version_;
}

void Load::during(const std::string& version) {
  const std::lock_guard lock(mutex_);
  version_ = version;
}

Load::Figures Load::end() {
  stop_ = true;
  for (auto& t : threads_) t.join();
  threads_.clear();
  return figures_;
}

Load::~Load() { (void)end(); }

}  // namespace howdah::migrate
