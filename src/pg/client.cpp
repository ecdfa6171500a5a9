#include "pg/client.h"

#include <libpq-fe.h>

#include <fmt/format.h>

#include "os/files.h"
#include "pg/bootstrap.h"
#include "pg/engine.h"

namespace howdah::pg {
namespace {

std::string trimmed(const char* message) {
  std::string out = message == nullptr ? "" : message;
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  return out;
}

SqlResult<Rows> checked(PGconn* conn, PGresult* raw) {
  auto status = PQresultStatus(raw);
  if (raw != nullptr && (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY)) {
    return Rows(raw);
  }
  SqlError e;
  const char* state = raw == nullptr ? nullptr : PQresultErrorField(raw, PG_DIAG_SQLSTATE);
  e.sqlstate = state == nullptr ? "" : state;
  e.message = trimmed(raw == nullptr ? PQerrorMessage(conn) : PQresultErrorMessage(raw));
  e.retry = e.sqlstate.empty() || e.sqlstate.starts_with("57P") || e.sqlstate.starts_with("40");
  PQclear(raw);
  return tl::unexpected(e);
}

}  // namespace

Rows::Rows(pg_result* result) : result_(result, PQclear) {}
int Rows::size() const { return PQntuples(result_.get()); }
std::string_view Rows::get(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column), static_cast<size_t>(PQgetlength(result_.get(), row, column))};
}
bool Rows::is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }
std::string Rows::command_tag() const { return PQcmdStatus(result_.get()); }

Client::Client(pg_conn* conn) : conn_(conn, PQfinish) {}

Result<Client> Client::open(const std::vector<std::pair<const char*, std::string>>& options) {
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : options) {
    keys.push_back(key);
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  Client client(PQconnectdbParams(keys.data(), values.data(), 0));
  PGconn* conn = client.conn_.get();
  if (conn == nullptr) return fail_for_now("out of memory for a connection");
  if (PQstatus(conn) == CONNECTION_OK) {
    PQsetNoticeProcessor(
        conn, [](void*, const char*) {}, nullptr);
    return client;
  }
  std::string message = trimmed(PQerrorMessage(conn));
  bool retry = message.find("starting up") != std::string::npos || message.find("No such file") != std::string::npos ||
               message.find("Connection refused") != std::string::npos ||
               message.find("too many clients") != std::string::npos ||
               message.find("shutting down") != std::string::npos ||
               message.find("in recovery mode") != std::string::npos;
  return tl::unexpected(Error{message, retry});
}

namespace {

/// Limits of sessions that a parameter group may set and that only some versions know.
std::string without_limits(const Layout& layout) {
  const auto version = os::read_file(layout.data + "/PG_VERSION", 16);
  const int major = version ? parse_version(trimmed(version->c_str())).first : 0;
  return fmt::format("{}{}", major >= 14 ? " -c idle_session_timeout=0" : "",
                     major >= 17 ? " -c transaction_timeout=0" : "");
}

}  // namespace

Result<Client> Client::connect(const Layout& layout, int port, const std::string& database,
                               std::chrono::milliseconds statement_timeout) {
  return open(
      {{"host", layout.run},
       {"port", std::to_string(port)},
       {"user", kAdminRole},
       {"dbname", database},
       {"connect_timeout", "10"},
       {"application_name", "howdah"},
       {"client_encoding", "UTF8"},
       {"gssencmode", "disable"},
       {"passfile", "/nonexistent"},
       {"options", fmt::format("-c search_path=pg_catalog,pg_temp -c statement_timeout={} -c lock_timeout=10000 "
                               "-c log_statement=none -c log_min_duration_statement=-1 "
                               "-c session_preload_libraries= -c local_preload_libraries= -c role=none "
                               "-c default_transaction_read_only=off -c idle_in_transaction_session_timeout=0 "
                               "-c row_security=on{}",
                               statement_timeout.count(), without_limits(layout))}});
}

Result<Client> Client::connect_tcp(const std::string& address, int port, const std::string& user,
                                   const std::string& password, const std::string& database,
                                   const std::string& sslmode) {
  return open({{"host", address},
               {"port", std::to_string(port)},
               {"user", user},
               {"password", password},
               {"dbname", database},
               {"connect_timeout", "10"},
               {"sslmode", sslmode},
               {"gssencmode", "disable"},
               {"passfile", "/nonexistent"},
               {"application_name", "howdah"}});
}

SqlResult<Rows> Client::query(const std::string& sql) { return checked(conn_.get(), PQexec(conn_.get(), sql.c_str())); }

SqlResult<Rows> Client::query(const std::string& sql, const std::vector<std::string>& params) {
  std::vector<const char*> values;
  for (const auto& p : params) values.push_back(p.c_str());
  return checked(conn_.get(), PQexecParams(conn_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                                           values.data(), nullptr, nullptr, 0));
}

std::string Client::quote_identifier(std::string_view name) const {
  char* quoted = PQescapeIdentifier(conn_.get(), name.data(), name.size());
  std::string out = quoted == nullptr ? "\"\"" : quoted;
  PQfreemem(quoted);
  return out;
}

std::string Client::quote_literal(std::string_view text) const {
  char* quoted = PQescapeLiteral(conn_.get(), text.data(), text.size());
  std::string out = quoted == nullptr ? "''" : quoted;
  PQfreemem(quoted);
  return out;
}

int Client::server_version() const { return PQserverVersion(conn_.get()); }
bool Client::alive() const { return PQstatus(conn_.get()) == CONNECTION_OK; }

}  // namespace howdah::pg
