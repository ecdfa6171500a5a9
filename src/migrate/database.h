#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "util/result.h"

struct pg_conn;

namespace howdah::migrate {

/// Where to connect: a URL of any client, reduced to what libpq understands.
struct Target {
  std::map<std::string, std::string> options;  ///< libpq keywords: host, port, user, password, dbname, ...
  std::string schema;                          ///< Prisma's ?schema=, "" = the role's own search_path
  std::string database() const;
  std::string shown() const;  ///< "user@host:port/database", without the password
  Target with_database(const std::string& name) const;
};

/// Takes postgres://, postgresql:// (also SQLAlchemy's postgresql+driver://) and libpq's key=value strings. Parameters
/// that only Prisma knows are dropped; other unknown ones are libpq's to refuse.
Result<Target> parse_url(const std::string& url);

/// What a statement failed with.
struct SqlFailure {
  std::string message, sqlstate, detail, hint, context;
  int position = 0;   ///< character of the sent text, from 1; 0 = the server did not say
  int done = 0;       ///< statements of the sent text that had completed before
  bool lost = false;  ///< the connection broke: nobody knows whether the text was executed
};

struct Answer {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  ///< of the last statement that returned any; NULL = ""
  std::vector<std::vector<bool>> nulls;
  std::vector<unsigned> types;  ///< OIDs
  std::string tag;              ///< of the last statement, "INSERT 0 1"
  const std::string& at(size_t row, size_t column) const { return rows.at(row).at(column); }
};
using SqlAnswer = tl::expected<Answer, SqlFailure>;

/// The way out where a pooler stands between us and the server.
inline constexpr const char* kNoPooler =
    "the URL leads to a pooler: name the server itself, whose settings then hold for the whole run";

/// A connection used by one thread at a time.
class Database {
 public:
  /// `settings` are session defaults, which RESET ALL goes back to.
  using Settings = std::map<std::string, std::string>;
  static tl::expected<Database, SqlFailure> connect(const Target& target, const Settings& settings);

  /// One simple-query message: several statements without BEGIN are one implicit transaction. `while_waiting` is called
  /// each 250 ms until the answer is there, `meanwhile` once, after the message is sent. Cancels the query when
  /// interrupted() says so.
  SqlAnswer exec(const std::string& sql, const std::function<void()>& while_waiting = {},
                 const std::function<void()>& meanwhile = {});
  /// exec() in two halves. In between, answered() takes what has come without waiting; true: receive() will not wait.
  tl::expected<void, SqlFailure> send(const std::string& sql);
  bool answered();
  SqlAnswer receive() { return collect({}); }
  /// One statement with $1, $2... as text.
  SqlAnswer exec(const std::string& sql, const std::vector<std::optional<std::string>>& params,
                 const std::function<void()>& while_waiting);
  /// COPY ... FROM STDIN with its rows.
  SqlAnswer copy_in(const std::string& sql, std::string_view rows);
  /// COPY ... TO STDOUT here becomes COPY ... FROM STDIN of `other`, row by row: memory does not grow with the table. A
  /// failure of either side.
  SqlAnswer copy_to(Database& other, const std::string& out_sql, const std::string& in_sql);

  std::string literal(std::string_view text) const;
  std::string name(std::string_view identifier) const;
  int version() const;
  int pid() const;
  bool alive() const;
  /// Cleaning up must go on to its end after an interrupt.
  void ignore_interrupts(bool ignore = true) { cancellable_ = !ignore; }
  void on_notice(std::function<void(const std::string&)> handler);

 private:
  friend class Connecting;
  explicit Database(pg_conn* conn);
  static tl::expected<Database, SqlFailure> made(Database db);
  SqlAnswer collect(const std::function<void()>& while_waiting);
  std::optional<SqlFailure> start_copy(const std::string& sql, bool in);
  std::unique_ptr<pg_conn, void (*)(pg_conn*)> conn_;
  bool cancellable_ = true;
  std::unique_ptr<std::function<void(const std::string&)>> notice_;
};

/// A connection that is being made while its owner does something else.
class Connecting {
 public:
  /// Of a server nearby, its process begins for us before this returns.
  Connecting(Target target, Database::Settings settings);
  bool go_on();  ///< as far as it gets without waiting; true: finish() will not wait
  tl::expected<Database, SqlFailure> finish();

 private:
  bool poll(int milliseconds);  ///< false: no progress for that long
  Target target_;
  Database::Settings settings_;
  Database begun_;
  int wants_;  ///< libpq's PostgresPollingStatusType
};

/// SIGINT and SIGTERM make running statements be cancelled, and interrupted() true.
void catch_interrupts();
bool interrupted();

}  // namespace howdah::migrate
