#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/identity.h"
#include "pg/engine.h"
#include "pg/layout.h"
#include "util/result.h"

struct pg_conn;
struct pg_result;

namespace howdah::rds {

/// Starts the cluster in layout.data, whose recovery is over, so that nobody but this process's user gets in, over the
/// unix socket: as rdsadmin and, when given, as `user`. No TCP, no preloaded module, no replication, nothing that runs
/// by itself. Everything that matters stands on the command line, above what a superuser may have left in the cluster's
/// postgresql.auto.conf. Ended by pg::stop_server(layout, ...). `daemon_user`: of os::Identity.
Result<void> run_privately(const pg::Engine& engine, const pg::Layout& layout, os::Owner owner,
                           const std::string& daemon_user, const std::string& user = "");

using Answer = std::unique_ptr<pg_result, void (*)(pg_result*)>;

/// One libpq connection over a socket directory. Plain: the search path and settings are the user's own.
class Session {
 public:
  /// `options`: what libpq's parameter of that name holds.
  static Result<Session> open(const std::string& socket_directory, int port, const std::string& user,
                              const std::string& database, const std::string& options = "");

  /// Runs one or several statements; an error is the server's own sentence with its detail and hint.
  Result<Answer> run(const std::string& sql);
  /// Exactly one statement with $1, $2..., by the extended protocol.
  Result<Answer> run(const std::string& sql, const std::vector<std::string>& params);
  /// The first value of the first row; "" when there is none.
  Result<std::string> value(const std::string& sql, const std::vector<std::string>& params = {});
  /// Rows of text.
  Result<std::vector<std::vector<std::string>>> rows(const std::string& sql,
                                                     const std::vector<std::string>& params = {});
  std::string name(const std::string& identifier) const;  ///< quoted
  std::string text(const std::string& literal) const;     ///< quoted
  pg_conn* raw() const { return conn_.get(); }

 private:
  explicit Session(pg_conn* conn);
  Result<Answer> checked(pg_result* result);
  std::unique_ptr<pg_conn, void (*)(pg_conn*)> conn_;
};

/// While it lives, it cancels what the sessions run as soon as `unwanted`, asked twice a second in a thread of its own,
/// is true. The sessions must outlive it.
class CancelWhen {
 public:
  CancelWhen(std::function<bool()> unwanted, const std::vector<const Session*>& sessions);
  ~CancelWhen();
  CancelWhen(const CancelWhen&) = delete;

 private:
  struct Watch;
  std::unique_ptr<Watch> watch_;
};

}  // namespace howdah::rds
