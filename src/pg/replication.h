#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pg/layout.h"
#include "util/result.h"

struct pg_conn;

namespace howdah::pg {

/// A connection that receives WAL as a standby does, over the instance's unix socket as rdsadmin. One thread. Positions
/// travel as PostgreSQL writes them ("0/16B3748") or as numbers of the same meaning.
class Replication {
 public:
  /// `name`: the application_name that synchronous_standby_names may list. Errors have retry = true when the server
  /// does not accept connections (yet).
  static Result<Replication> connect(const Layout& layout, int port, const std::string& name);

  struct System {
    uint64_t identifier = 0;
    uint32_t timeline = 0;
  };
  Result<System> identify();
  Result<std::string> timeline_history(uint32_t timeline);  ///< the file's text

  /// Begins to stream from `lsn`, where a segment of that timeline begins.
  Result<void> start(const std::string& slot, uint64_t lsn, uint32_t timeline);

  struct Message {
    enum class Kind { none, wal, keepalive, end_of_timeline } kind = Kind::none;
    uint64_t lsn = 0;            ///< wal: where `bytes` begin
    std::string_view bytes;      ///< valid until the next call
    bool wants_answer = false;   ///< keepalive
    uint32_t next_timeline = 0;  ///< end_of_timeline: go on there; identify() etc. may be called again
  };
  /// What has arrived; `none` when nothing has. An error ends the connection; `removed` tells one apart.
  Result<Message> receive();
  /// After an error of receive(): the server no longer has the WAL that was asked for.
  bool removed() const { return removed_; }

  /// Tells how far WAL was received and how far it is on disk (0 = not said). Nothing is ever applied; what is on disk
  /// is reported as applied, too, so that nobody waits for that.
  Result<void> report(uint64_t received, uint64_t durable);

  int socket() const;

 private:
  explicit Replication(pg_conn* conn);
  Result<Message> end_of_copy();
  Error error(const char* what) const;
  struct Free {
    void operator()(char* bytes) const;
  };
  std::unique_ptr<pg_conn, void (*)(pg_conn*)> conn_;
  std::unique_ptr<char, Free> held_;
  bool removed_ = false;
};

}  // namespace howdah::pg
