#include "rds/private_run.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "backup/control.h"
#include "os/files.h"
#include "pg/bootstrap.h"
#include "pg/conf.h"
#include "pg/server.h"

namespace howdah::rds {
namespace {

constexpr std::chrono::minutes kStart{10};
constexpr std::chrono::milliseconds kAsk{500};

std::string quoted(char* text) {
  std::string out = text == nullptr ? "" : text;
  PQfreemem(text);
  return out;
}

/// Both files name roles quoted, with quotes doubled.
std::string in_quotes(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

Result<void> write_access(const pg::Layout& layout, os::Owner owner, const std::string& daemon_user,
                          const std::string& user) {
  auto ident = pg::render_ident(daemon_user);
  if (!ident) return tl::unexpected(ident.error());
  std::string hba = fmt::format("local all {} peer map=howdah\n", pg::kAdminRole);
  if (!user.empty()) {
    *ident += fmt::format("howdah {} {}\n", in_quotes(daemon_user), in_quotes(user));
    hba += fmt::format("local all {} peer map=howdah\n", in_quotes(user));
  }
  hba += "local all all reject\n";
  const std::string conf = "# Of a private server: see its command line.\n";
  for (const auto& [path, text] :
       {std::pair{layout.config_file(), conf}, {layout.ident_file(), *ident}, {layout.hba_file(), hba}}) {
    if (auto done = pg::write_conf(path, text, owner); !done) return done;
  }
  return {};
}

std::vector<std::string> settings(const pg::Engine& engine, const pg::Layout& layout, const backup::Control& control) {
  std::vector<std::string> args;
  const auto set = [&](const std::string& name, const std::string& value) {
    args.emplace_back("-c");
    args.push_back(name + "=" + value);
  };
  set("listen_addresses", "");
  set("port", "5432");
  set("unix_socket_directories", layout.run);
  set("unix_socket_permissions", "0700");
  for (const char* off : {"logging_collector", "ssl", "archive_mode", "autovacuum", "huge_pages", "jit"})
    set(off, "off");
  set("log_destination", "stderr");
  set("log_statement", "none");
  for (const char* none : {"shared_preload_libraries", "session_preload_libraries", "local_preload_libraries",
                           "synchronous_standby_names", "primary_conninfo", "primary_slot_name"}) {
    set(none, "");
  }
  for (const char* zero : {"max_wal_senders", "max_logical_replication_workers"}) set(zero, "0");
  if (engine.major >= 17) set("event_triggers", "off");
  set("wal_level", "replica");
  set("max_connections", std::to_string(std::max(control.max_connections, 20)));
  set("max_prepared_transactions", std::to_string(std::max(control.max_prepared_transactions, 256)));
  set("max_locks_per_transaction", std::to_string(std::max(control.max_locks_per_transaction, 64)));
  set("shared_buffers", "128MB");
  return args;
}

}  // namespace

Result<void> run_privately(const pg::Engine& engine, const pg::Layout& layout, os::Owner owner,
                           const std::string& daemon_user, const std::string& user) {
  pg::Layout own = layout;
  own.conf = layout.root + "/private";
  if (auto made = os::ensure_dir(own.conf, 0750, os::Owner{geteuid(), owner.gid}); !made) return made;
  if (auto written = write_access(own, owner, daemon_user, user); !written) return written;
  const auto control = backup::read_control(layout.data);
  if (!control) return tl::unexpected(control.error());
  const auto started = pg::start_server({engine, own, owner, kStart, settings(engine, layout, *control)});
  if (!started) return tl::unexpected(Error(started.error()));
  return {};
}

Session::Session(pg_conn* conn) : conn_(conn, PQfinish) {}

Result<Session> Session::open(const std::string& socket_directory, int port, const std::string& user,
                              const std::string& database, const std::string& options) {
  const std::string port_text = std::to_string(port);
  const char* names[] = {"host",
                         "port",
                         "user",
                         "dbname",
                         "options",
                         "application_name",
                         "gssencmode",
                         "passfile",
                         "connect_timeout",
                         "client_encoding",
                         nullptr};
  const char* values[] = {socket_directory.c_str(),
                          port_text.c_str(),
                          user.c_str(),
                          database.c_str(),
                          options.c_str(),
                          "howdah",
                          "disable",
                          "/nonexistent",
                          "10",
                          "UTF8",
                          nullptr};
  Session out(PQconnectdbParams(names, values, 0));
  if (PQstatus(out.raw()) == CONNECTION_OK) return out;
  std::string why = PQerrorMessage(out.raw());
  while (!why.empty() && why.back() == '\n') why.pop_back();
  return fail(why);
}

Result<Answer> Session::checked(pg_result* result) {
  Answer out(result, PQclear);
  const auto status = PQresultStatus(result);
  if (status != PGRES_FATAL_ERROR && status != PGRES_BAD_RESPONSE && result != nullptr) return out;
  const auto field = [&](int code) {
    const char* value = PQresultErrorField(result, code);
    return std::string(value == nullptr ? "" : value);
  };
  std::string why = field(PG_DIAG_MESSAGE_PRIMARY);
  if (why.empty()) why = PQerrorMessage(raw());
  if (const auto detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty()) why += " (" + detail + ")";
  if (const auto hint = field(PG_DIAG_MESSAGE_HINT); !hint.empty()) why += " " + hint;
  return fail(why);
}

Result<Answer> Session::run(const std::string& sql) { return checked(PQexec(raw(), sql.c_str())); }

Result<Answer> Session::run(const std::string& sql, const std::vector<std::string>& params) {
  std::vector<const char*> values;
  for (const auto& p : params) values.push_back(p.c_str());
  return checked(
      PQexecParams(raw(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0));
}

Result<std::string> Session::value(const std::string& sql, const std::vector<std::string>& params) {
  const auto all = rows(sql, params);
  if (!all) return tl::unexpected(all.error());
  return all->empty() ? std::string{} : all->front().front();
}

Result<std::vector<std::vector<std::string>>> Session::rows(const std::string& sql,
                                                            const std::vector<std::string>& params) {
  const auto answer = run(sql, params);
  if (!answer) return tl::unexpected(answer.error());
  std::vector<std::vector<std::string>> out(static_cast<size_t>(PQntuples(answer->get())));
  for (int row = 0; row < PQntuples(answer->get()); row++) {
    for (int column = 0; column < PQnfields(answer->get()); column++) {
      out[static_cast<size_t>(row)].emplace_back(PQgetvalue(answer->get(), row, column));
    }
  }
  return out;
}

std::string Session::name(const std::string& identifier) const {
  return quoted(PQescapeIdentifier(raw(), identifier.data(), identifier.size()));
}

std::string Session::text(const std::string& literal) const {
  return quoted(PQescapeLiteral(raw(), literal.data(), literal.size()));
}

struct CancelWhen::Watch {
  void run() {
    std::unique_lock lock(mu);
    while (!wake.wait_for(lock, kAsk, [this] { return over; })) {
      if (!unwanted()) continue;
      for (const auto& cancel : cancels) {  // again and again: it may come between two statements
        char why[256];
        (void)PQcancel(cancel.get(), why, sizeof why);
      }
    }
  }

  std::function<bool()> unwanted;
  std::vector<std::unique_ptr<PGcancel, void (*)(PGcancel*)>> cancels;
  std::mutex mu;
  std::condition_variable wake;
  bool over = false;  // guarded by mu
  std::thread thread;
};

CancelWhen::CancelWhen(std::function<bool()> unwanted, const std::vector<const Session*>& sessions)
    : watch_(std::make_unique<Watch>()) {
  watch_->unwanted = std::move(unwanted);
  for (const Session* s : sessions) watch_->cancels.emplace_back(PQgetCancel(s->raw()), PQfreeCancel);
  watch_->thread = std::thread([this] { watch_->run(); });
}

CancelWhen::~CancelWhen() {
  {
    std::lock_guard lock(watch_->mu);
    watch_->over = true;
  }
  watch_->wake.notify_all();
  watch_->thread.join();
}

}  // namespace howdah::rds
