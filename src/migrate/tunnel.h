#pragma once
#include <sys/types.h>

#include <memory>

#include "migrate/database.h"
#include "os/fd.h"

namespace howdah::migrate {

/// The user's node with Kysely migrations loaded. Statements come out, their results go in, one JSON object a line:
///   node -> us  {list: [{name, file, down}]} once; then for each call {sql, params}... and {done} or {failed}
///   us -> node  {op, name}; {columns, types, rows, affected} or {error}
/// The statements run on the connection that the caller gives, in the caller's transaction.
class Tunnel {
 public:
  struct Entry {
    std::string name, file;
    bool down = false;
  };
  /// `node` is $NODE or node on the PATH. `source`: a directory of migrations, or the file of their provider.
  static Result<std::unique_ptr<Tunnel>> start(const std::string& source);
  ~Tunnel();
  Tunnel(const Tunnel&) = delete;

  const std::vector<Entry>& list() const { return list_; }
  /// Runs up() or down() of a migration. The failure is that of the statement when one failed, else of the JavaScript.
  tl::expected<int, SqlFailure> call(Database& db, const std::string& op, const std::string& name,
                                     const std::function<void()>& while_waiting = {});

 private:
  Tunnel() = default;
  Result<std::string> read_line();
  bool write_line(const std::string& line);

  pid_t pid_ = 0;
  os::Fd in_, out_;
  std::string buffer_;
  std::vector<Entry> list_;
};

}  // namespace howdah::migrate
