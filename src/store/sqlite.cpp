// Tables: record(kind, key, value) is the whole state; journal is append-only, read by time, pruned by age.
#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "store/backend.h"
#include "util/fault.h"

namespace howdah::store {
namespace {

constexpr const char* kMemory = ":memory:";
constexpr int kSchemaVersion = 1;
constexpr int kApplicationId = 0x484f5744;  // "HOWD": tells our file from somebody else's database

constexpr const char* kSchema = R"sql(
  CREATE TABLE record(kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(kind, key)) WITHOUT ROWID;
  CREATE TABLE journal(sequence INTEGER PRIMARY KEY AUTOINCREMENT, log TEXT NOT NULL, scope TEXT NOT NULL,
                       subject TEXT NOT NULL, time INTEGER NOT NULL, body TEXT NOT NULL);
  CREATE INDEX journal_by_time ON journal(log, scope, time);
  CREATE INDEX journal_by_age ON journal(log, time);
)sql";

int64_t millis(Time t) { return t.time_since_epoch().count(); }

int pragma(SQLite::Database& db, const char* name) { return db.execAndGet(fmt::format("PRAGMA {}", name)).getInt(); }

/// Moves what SQLite's log holds into the database file, with a connection and a thread of its own: the syncs that it
/// takes would else be waited for by whoever's commit fills the log.
class Checkpointer {
 public:
  explicit Checkpointer(const std::string& path) : db_(path, SQLite::OPEN_READWRITE, 5000) {
    pragma(db_, "schema_version");  // a connection that has read nothing does not know that there is a log
    thread_ = std::thread([this] { run(); });
  }
  ~Checkpointer() {
    {
      std::lock_guard lock(mu_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  /// After each commit of `writer`, until one of the two is closed.
  void watch(SQLite::Database& writer) {
    const auto committed = [](void* self, sqlite3* db, const char* name, int pages) {
      if (pages >= kPages) static_cast<Checkpointer*>(self)->request();
      if (pages >= kTooMany) sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
      return SQLITE_OK;
    };
    sqlite3_wal_hook(writer.getHandle(), committed, this);
  }

 private:
  /// The log begins again when a commit finds all of it moved. Commits that leave no moment for that do it themselves.
  static constexpr int kPages = 1000, kTooMany = 4 * kPages;

  void request() {
    {
      std::lock_guard lock(mu_);
      wanted_ = true;
    }
    wake_.notify_one();
  }

  void run() {
    std::unique_lock lock(mu_);
    for (;;) {
      wake_.wait(lock, [this] { return wanted_ || stop_; });
      if (stop_) return;
      wanted_ = false;
      lock.unlock();
      // What fails now (a full disk) is asked for again by the next commit.
      sqlite3_wal_checkpoint_v2(db_.getHandle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
      lock.lock();
    }
  }

  SQLite::Database db_;
  std::mutex mu_;  // guards wanted_, stop_
  std::condition_variable wake_;
  bool wanted_ = false, stop_ = false;
  std::thread thread_;
};

class SqliteBackend : public Backend {
 public:
  explicit SqliteBackend(const std::string& path)
      : db_(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_FULLMUTEX, 5000) {
    prepare_schema();
    if (path != kMemory) checkpointer_.emplace(path).watch(db_);
    put_.emplace(db_,
                 "INSERT INTO record(kind,key,value) VALUES(?,?,?) "
                 "ON CONFLICT(kind,key) DO UPDATE SET value=excluded.value");
    erase_.emplace(db_, "DELETE FROM record WHERE kind=? AND key=?");
    append_.emplace(db_, "INSERT INTO journal(log,scope,subject,time,body) VALUES(?,?,?,?,?)");
  }

  void load(const std::function<void(std::string_view, std::string_view, std::string_view)>& row) override {
    std::lock_guard lock(mu_);
    SQLite::Statement q(db_, "SELECT kind,key,value FROM record ORDER BY kind,key");
    while (q.executeStep()) row(text(q, 0), text(q, 1), text(q, 2));
  }

  void commit(const Batch& batch) override {
    std::lock_guard lock(mu_);
    try {
      if (batch.soon != soon_) {
        db_.exec(batch.soon ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL");
        soon_ = batch.soon;
      }
      SQLite::Transaction tx(db_);
      for (const auto& c : batch.changes) {
        if (c.erase) {
          run(*erase_, c.kind, c.key);
        } else {
          run(*put_, c.kind, c.key, c.value);
        }
      }
      for (const auto& e : batch.entries) run(*append_, e.log, e.scope, e.subject, millis(e.time), e.body);
      tx.commit();
    } catch (const SQLite::Exception& e) {
      throw Fault("ServiceUnavailable",
                  fmt::format("Nothing was changed: the state file could not be written ({}). Free space or repair the "
                              "disk that holds the state directory, then try again.",
                              e.what()));
    }
  }

  std::vector<Entry> read(const JournalQuery& q) override {
    std::lock_guard lock(mu_);
    SQLite::Statement s(db_, std::string("SELECT sequence,subject,time,body FROM journal WHERE log=? AND scope=? AND "
                                         "time>=? AND time<? AND sequence>?") +
                                 (q.subject.empty() ? "" : " AND subject=?") + " ORDER BY sequence LIMIT ?");
    int at = 1;
    s.bind(at++, q.log);
    s.bind(at++, q.scope);
    s.bind(at++, millis(q.from));
    s.bind(at++, millis(q.to));
    s.bind(at++, q.after);
    if (!q.subject.empty()) s.bind(at++, q.subject);
    s.bind(at, static_cast<int64_t>(q.limit));
    std::vector<Entry> out;
    while (s.executeStep()) {
      out.push_back({s.getColumn(0).getInt64(), q.log, q.scope, s.getColumn(1).getString(),
                     Time(Millis(s.getColumn(2).getInt64())), s.getColumn(3).getString()});
    }
    return out;
  }

  void prune(std::string_view log, Time before) override {
    std::lock_guard lock(mu_);
    SQLite::Statement s(db_, "DELETE FROM journal WHERE log=? AND time<?");
    run(s, std::string(log), millis(before));
  }

 private:
  static std::string_view text(SQLite::Statement& q, int i) {
    const auto column = q.getColumn(i);
    return {column.getText(), static_cast<size_t>(column.getBytes())};
  }

  template <class... Args>
  static void run(SQLite::Statement& s, const Args&... args) {
    int at = 0;
    (s.bind(++at, args), ...);
    s.exec();
    s.reset();
  }

  void prepare_schema() {
    const int application = pragma(db_, "application_id");
    const int version = pragma(db_, "user_version");
    if (application == 0 && version == 0 && pragma(db_, "schema_version") == 0) {
      db_.exec("PRAGMA journal_mode=WAL");
      SQLite::Transaction tx(db_);
      db_.exec(kSchema);
      db_.exec(fmt::format("PRAGMA application_id={}; PRAGMA user_version={}", kApplicationId, kSchemaVersion));
      tx.commit();
    } else if (application != kApplicationId) {
      throw std::runtime_error("it is an SQLite database of another program");
    } else if (version > kSchemaVersion) {
      throw std::runtime_error(
          fmt::format("it was written by a newer Howdah (schema {}, this one knows {})", version, kSchemaVersion));
    } else if (const std::string found = db_.execAndGet("PRAGMA quick_check(1)").getString(); found != "ok") {
      throw std::runtime_error("it is damaged: " + found);
    }
    db_.exec("PRAGMA synchronous=FULL");
  }

  std::mutex mu_;  // guards everything below
  SQLite::Database db_;
  std::optional<SQLite::Statement> put_, erase_, append_;
  bool soon_ = false;                         // what the last batch was
  std::optional<Checkpointer> checkpointer_;  // closed first
};

}  // namespace

std::unique_ptr<Backend> open_sqlite(const std::string& path) {
  const mode_t old = umask(077);
  try {
    auto backend = std::make_unique<SqliteBackend>(path);
    umask(old);
    return backend;
  } catch (const std::exception& e) {
    umask(old);
    throw std::runtime_error(
        fmt::format("The state file {} can't be used: {}. It was left as it is; restore it from a "
                    "backup, or start with another --state-dir.",
                    path, e.what()));
  }
}

std::unique_ptr<Backend> open_memory() { return std::make_unique<SqliteBackend>(kMemory); }

}  // namespace howdah::store
