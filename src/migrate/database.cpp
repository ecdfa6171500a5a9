#include "migrate/database.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>

#include <set>

namespace howdah::migrate {
namespace {

volatile sig_atomic_t g_interrupted = 0;

std::string trimmed(const char* text) {
  std::string out = text == nullptr ? "" : text;
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  return out;
}

SqlFailure failure_of(PGconn* conn, const PGresult* r) {
  const auto field = [&](int code) { return trimmed(r == nullptr ? nullptr : PQresultErrorField(r, code)); };
  SqlFailure f;
  f.message = field(PG_DIAG_MESSAGE_PRIMARY);
  f.sqlstate = field(PG_DIAG_SQLSTATE);
  f.detail = field(PG_DIAG_MESSAGE_DETAIL);
  f.hint = field(PG_DIAG_MESSAGE_HINT);
  f.context = field(PG_DIAG_CONTEXT);
  const std::string position = field(PG_DIAG_STATEMENT_POSITION);
  if (!position.empty()) f.position = std::atoi(position.c_str());
  if (f.message.empty()) f.message = trimmed(PQerrorMessage(conn));
  f.lost = PQstatus(conn) != CONNECTION_OK;
  return f;
}

void take_rows(const PGresult* r, Answer& out) {
  out.columns.clear();
  out.rows.clear();
  out.nulls.clear();
  out.types.clear();
  for (int c = 0; c < PQnfields(r); c++) {
    out.columns.emplace_back(PQfname(r, c));
    out.types.push_back(PQftype(r, c));
  }
  const int rows = PQntuples(r), columns = PQnfields(r);
  out.rows.reserve(static_cast<size_t>(rows));
  out.nulls.reserve(static_cast<size_t>(rows));
  for (int i = 0; i < rows; i++) {
    auto& row = out.rows.emplace_back();
    auto& null = out.nulls.emplace_back();
    row.reserve(static_cast<size_t>(columns));
    null.reserve(static_cast<size_t>(columns));
    for (int c = 0; c < columns; c++) {
      row.emplace_back(PQgetvalue(r, i, c), static_cast<size_t>(PQgetlength(r, i, c)));
      null.push_back(PQgetisnull(r, i, c) != 0);
    }
  }
}

/// Rows of COPY ... TO STDOUT: nobody wants them here.
void drop_copy(PGconn* conn) {
  char* piece = nullptr;
  while (PQgetCopyData(conn, &piece, 0) > 0) PQfreemem(piece);
}

void cancel(PGconn* conn) {
  char text[256];
  PGcancel* request = PQgetCancel(conn);
  PQcancel(request, text, sizeof text);
  PQfreeCancel(request);
}

std::string driver_removed(const std::string& url) {
  const size_t colon = url.find("://"), plus = url.find('+');
  if (colon == std::string::npos || plus == std::string::npos || plus > colon) return url;
  return url.substr(0, plus) + url.substr(colon);
}

/// Parameters of other clients' URLs that libpq does not know.
const std::set<std::string> kForeign = {"schema",    "connection_limit", "pool_timeout",
                                        "pgbouncer", "socket_timeout",   "statement_cache_size",
                                        "sslaccept", "sslidentity",      "single_use_connections"};

constexpr int kSlowConnect = 3000;  ///< ms without any progress

template <class Connect>
PGconn* with_parameters(const Target& target, const Database::Settings& settings, Connect connect) {
  std::map<std::string, std::string> all = target.options;
  all.try_emplace("connect_timeout", "10");
  all.try_emplace("application_name", "howdah migrate");
  all["client_encoding"] = "UTF8";
  std::string& options = all["options"];
  for (const auto& [key, value] : settings) options += fmt::format(" -c {}={}", key, value);
  if (!target.schema.empty()) options += fmt::format(" -c search_path=\"{}\"", target.schema);
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : all) keys.push_back(key.c_str()), values.push_back(value.c_str());
  keys.push_back(nullptr);
  values.push_back(nullptr);
  return connect(keys.data(), values.data(), 0);
}

}  // namespace

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int) { g_interrupted = 1; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}
bool interrupted() { return g_interrupted != 0; }

Result<Target> parse_url(const std::string& given) {
  Target target;
  std::string url = driver_removed(given);
  const size_t question = url.find("://") == std::string::npos ? std::string::npos : url.find('?');
  if (question != std::string::npos) {
    std::string kept;
    for (size_t at = question + 1; at <= url.size();) {
      const size_t end = std::min(url.find('&', at), url.size());
      const std::string pair = url.substr(at, end - at), key = pair.substr(0, pair.find('='));
      if (key == "schema") target.schema = pair.substr(std::min(pair.size(), pair.find('=') + 1));
      if (!pair.empty() && !kForeign.contains(key)) kept += (kept.empty() ? "" : "&") + pair;
      at = end + 1;
    }
    url = url.substr(0, question) + (kept.empty() ? "" : "?" + kept);
  }
  char* error = nullptr;
  PQconninfoOption* options = PQconninfoParse(url.c_str(), &error);
  if (options == nullptr) {
    const std::string message = trimmed(error);
    PQfreemem(error);
    if (const size_t scheme = url.find("://"); scheme != std::string::npos && !url.starts_with("postgres"))
      return fail(url.substr(0, scheme) +
                  ":// is no URL of PostgreSQL (expected postgresql://user@host:5432/database)");
    return fail("this is not a connection URL: " + message + " (expected postgresql://user@host:5432/database)");
  }
  for (auto* o = options; o->keyword != nullptr; o++) {
    if (o->val != nullptr) target.options[o->keyword] = o->val;
  }
  PQconninfoFree(options);
  return target;
}

std::string Target::database() const {
  if (options.contains("dbname")) return options.at("dbname");
  if (const char* env = std::getenv("PGDATABASE")) return env;
  return options.contains("user") ? options.at("user") : "";
}
std::string Target::shown() const {
  const auto get = [&](const char* key) { return options.contains(key) ? options.at(key) : std::string(); };
  const std::string user = get("user"), host = get("host"), port = get("port");
  return (user.empty() ? "" : user + "@") + (host.empty() ? "local" : host) + (port.empty() ? "" : ":" + port) + "/" +
         database();
}
Target Target::with_database(const std::string& name) const {
  Target t = *this;
  t.options["dbname"] = name;
  return t;
}

Database::Database(pg_conn* conn) : conn_(conn, PQfinish) {}

tl::expected<Database, SqlFailure> Database::connect(const Target& target, const Settings& settings) {
  return made(Database(with_parameters(target, settings, PQconnectdbParams)));
}

Connecting::Connecting(Target target, Database::Settings settings)
    : target_(std::move(target)),
      settings_(std::move(settings)),
      begun_(with_parameters(target_, settings_, PQconnectStartParams)),
      wants_(PQstatus(begun_.conn_.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING) {
  go_on();
}

bool Connecting::poll(int milliseconds) {
  PGconn* conn = begun_.conn_.get();
  while (wants_ != PGRES_POLLING_OK && wants_ != PGRES_POLLING_FAILED) {
    pollfd p = {PQsocket(conn), static_cast<short>(wants_ == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    const int ready = ::poll(&p, 1, milliseconds);
    if (ready == 0) return false;
    if (ready > 0) wants_ = PQconnectPoll(conn);
  }
  return true;
}

bool Connecting::go_on() { return poll(0); }

tl::expected<Database, SqlFailure> Connecting::finish() {
  // connect_timeout is an address's, and the next one is tried then: only connect() does that.
  if (!poll(kSlowConnect)) return Database::connect(target_, settings_);
  return Database::made(std::move(begun_));
}

tl::expected<Database, SqlFailure> Database::made(Database db) {
  if (PQstatus(db.conn_.get()) != CONNECTION_OK) {
    SqlFailure f = failure_of(db.conn_.get(), nullptr);
    f.lost = true;
    if (f.message.find("unsupported startup parameter") != std::string::npos) f.hint = kNoPooler;
    return tl::unexpected(f);
  }
  db.on_notice([](const std::string&) {});
  return db;
}

void Database::on_notice(std::function<void(const std::string&)> handler) {
  notice_ = std::make_unique<std::function<void(const std::string&)>>(std::move(handler));
  PQsetNoticeProcessor(
      conn_.get(),
      [](void* f, const char* text) { (*static_cast<std::function<void(const std::string&)>*>(f))(trimmed(text)); },
      notice_.get());
}

SqlAnswer Database::exec(const std::string& sql, const std::function<void()>& while_waiting,
                         const std::function<void()>& meanwhile) {
  if (auto sent = send(sql); !sent) return tl::unexpected(sent.error());
  if (meanwhile) meanwhile();
  return collect(while_waiting);
}

tl::expected<void, SqlFailure> Database::send(const std::string& sql) {
  if (PQsendQuery(conn_.get(), sql.c_str()) == 0) return tl::unexpected(failure_of(conn_.get(), nullptr));
  return {};
}

bool Database::answered() { return PQconsumeInput(conn_.get()) == 0 || PQisBusy(conn_.get()) == 0; }

SqlAnswer Database::exec(const std::string& sql, const std::vector<std::optional<std::string>>& params,
                         const std::function<void()>& while_waiting) {
  std::vector<const char*> values;
  for (const auto& p : params) values.push_back(p ? p->c_str() : nullptr);
  // Without parameters as a simple query: sql`` of several statements works there, as it does with `pg`.
  const int sent = params.empty() ? PQsendQuery(conn_.get(), sql.c_str())
                                  : PQsendQueryParams(conn_.get(), sql.c_str(), static_cast<int>(values.size()),
                                                      nullptr, values.data(), nullptr, nullptr, 0);
  if (sent == 0) return tl::unexpected(failure_of(conn_.get(), nullptr));
  return collect(while_waiting);
}

std::optional<SqlFailure> Database::start_copy(const std::string& sql, bool in) {
  PGresult* r = PQexec(conn_.get(), sql.c_str());
  std::optional<SqlFailure> failed;
  if (PQresultStatus(r) != (in ? PGRES_COPY_IN : PGRES_COPY_OUT)) failed = failure_of(conn_.get(), r);
  PQclear(r);
  return failed;
}

SqlAnswer Database::copy_in(const std::string& sql, std::string_view rows) {
  if (auto failed = start_copy(sql, true)) return tl::unexpected(*failed);
  constexpr size_t kPiece = 1 << 20;
  for (size_t at = 0; at < rows.size(); at += kPiece) {
    const std::string_view piece = rows.substr(at, kPiece);
    if (PQputCopyData(conn_.get(), piece.data(), static_cast<int>(piece.size())) != 1) break;
  }
  PQputCopyEnd(conn_.get(), nullptr);
  return collect({});
}

SqlAnswer Database::copy_to(Database& other, const std::string& out_sql, const std::string& in_sql) {
  PGconn *from = conn_.get(), *to = other.conn_.get();
  if (auto failed = other.start_copy(in_sql, true)) return tl::unexpected(*failed);
  if (auto failed = start_copy(out_sql, false)) {
    PQputCopyEnd(to, "the source failed");
    (void)other.collect({});
    return tl::unexpected(*failed);
  }
  char* row = nullptr;
  int size = 0;
  bool taken = true;
  while (taken && !interrupted() && (size = PQgetCopyData(from, &row, 0)) > 0) {
    taken = PQputCopyData(to, row, size) == 1;
    PQfreemem(row);
  }
  if (size > 0) {
    cancel(from);
    drop_copy(from);
  }
  // After the last row the source's own result says whether it was all of them.
  auto ended = collect({});
  std::optional<SqlFailure> cut;
  if (!ended) cut = ended.error();
  if (ended && size > 0) cut = SqlFailure{.message = "the copy was cut short"};
  PQputCopyEnd(to, cut ? "the source failed" : nullptr);
  auto stored = other.collect({});
  if (cut && taken) return tl::unexpected(*cut);
  return stored;
}

SqlAnswer Database::collect(const std::function<void()>& while_waiting) {
  PGconn* conn = conn_.get();
  Answer out;
  std::optional<SqlFailure> failed;
  int done = 0;
  bool cancelled = false;
  for (;;) {
    while (PQisBusy(conn) != 0) {
      pollfd p = {PQsocket(conn), POLLIN, 0};
      if (poll(&p, 1, 250) == 0 && while_waiting) while_waiting();
      if (interrupted() && cancellable_ && !cancelled) {
        cancelled = true;
        cancel(conn);
      }
      if (PQconsumeInput(conn) == 0) break;
    }
    PGresult* r = PQgetResult(conn);
    if (r == nullptr) break;
    const auto status = PQresultStatus(r);
    if (status == PGRES_TUPLES_OK) take_rows(r, out);
    if (status == PGRES_COPY_IN) PQputCopyEnd(conn, "rows of COPY were not sent");
    if (status == PGRES_COPY_OUT) drop_copy(conn);
    const bool good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY ||
                      status == PGRES_COPY_OUT;
    if (status == PGRES_COPY_OUT) {  // its completion is a result of its own
    } else if (good)
      out.tag = PQcmdStatus(r), done++;
    else if (status != PGRES_COPY_IN && !failed)
      failed = failure_of(conn, r), failed->done = done;
    PQclear(r);
  }
  if (!failed && PQstatus(conn) != CONNECTION_OK) failed = failure_of(conn, nullptr);
  if (failed) return tl::unexpected(*failed);
  return out;
}

std::string Database::literal(std::string_view text) const {
  char* q = PQescapeLiteral(conn_.get(), text.data(), text.size());
  std::string out = q == nullptr ? "''" : q;
  PQfreemem(q);
  return out;
}
std::string Database::name(std::string_view identifier) const {
  char* q = PQescapeIdentifier(conn_.get(), identifier.data(), identifier.size());
  std::string out = q == nullptr ? "\"\"" : q;
  PQfreemem(q);
  return out;
}
int Database::version() const { return PQserverVersion(conn_.get()); }
int Database::pid() const { return PQbackendPID(conn_.get()); }
bool Database::alive() const { return PQconsumeInput(conn_.get()) != 0 && PQstatus(conn_.get()) == CONNECTION_OK; }

}  // namespace howdah::migrate
