#pragma once
#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/layout.h"
#include "util/result.h"

struct pg_conn;
struct pg_result;

namespace howdah::pg {

/// A query's rows. Move-only; owns the libpq result.
class Rows {
 public:
  explicit Rows(pg_result* result);
  int size() const;
  bool empty() const { return size() == 0; }
  std::string_view get(int row, int column) const;  ///< text form; "" for null
  bool is_null(int row, int column) const;
  std::string command_tag() const;

 private:
  std::unique_ptr<pg_result, void (*)(pg_result*)> result_;
};

/// What a statement failed with.
struct SqlError : Error {
  std::string sqlstate;  ///< "42710"; "" when the connection broke
};
template <class T>
using SqlResult = tl::expected<T, SqlError>;

/// One connection, used by one thread at a time. search_path is pinned to pg_catalog, pg_temp: nothing that a database
/// user created can stand in for a function or operator that we name.
class Client {
 public:
  /// Over the instance's unix socket as rdsadmin (peer authentication). Errors have retry = true when the server does
  /// not accept connections (yet).
  static Result<Client> connect(const Layout& layout, int port, const std::string& database = "postgres",
                                std::chrono::milliseconds statement_timeout = std::chrono::seconds(30));

  /// Over TCP with a password: what a customer would do. Used by tests and by checks of a new instance.
  static Result<Client> connect_tcp(const std::string& address, int port, const std::string& user,
                                    const std::string& password, const std::string& database,
                                    const std::string& sslmode = "require");

  SqlResult<Rows> query(const std::string& sql);
  /// $1, $2... as text.
  SqlResult<Rows> query(const std::string& sql, const std::vector<std::string>& params);

  std::string quote_identifier(std::string_view name) const;
  std::string quote_literal(std::string_view text) const;
  int server_version() const;  ///< 150018
  bool alive() const;

 private:
  explicit Client(pg_conn* conn);
  static Result<Client> open(const std::vector<std::pair<const char*, std::string>>& options);
  std::unique_ptr<pg_conn, void (*)(pg_conn*)> conn_;
};

}  // namespace howdah::pg
