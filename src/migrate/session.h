#pragma once
#include <chrono>
#include <optional>

#include "migrate/check.h"
#include "migrate/first_look.h"
#include "migrate/tunnel.h"

namespace howdah::migrate {

struct Options {
  std::string url, directory = "db/migrations";
  std::string database;  ///< in the place of the URL's, "" = that one
  bool json = false, out_of_order = false, dry_run = false, single_transaction = false;
  std::string lock_timeout = "2s";             ///< of each statement; the whole migration is tried again
  std::string statement_timeout = "0";         ///< of each statement, where the migration's header has none
  std::chrono::milliseconds lock_wait{60000};  ///< for another run to end
  int tries = 10;                              ///< of a migration, where its header does not say
};

/// When a migration's transaction ends, and when the server has it on its disk.
enum class Commit {
  kNow,     ///< before the function returns
  kSoon,    ///< committed at once, on disk with the next kNow or settle(): the server syncs once for several
  kCaller,  ///< the caller has begun, and will commit
};

/// Migrations that one message holds, without their history's rows.
struct Group {
  struct Member {
    const Migration* migration;
    Script script;
    size_t at = 0;  ///< of the script in the text
  };
  size_t from = 0;  ///< where in the list the first one is
  std::vector<Member> members;
  std::string text;
};

/// One run of a command: the files, the worker connection, the history. Owned by the command's function.
class Session {
 public:
  Session(Options options, Report& report) : options_(std::move(options)), report_(report) {}

  /// Each says what went wrong in the report and returns the exit code; kOk = go on.
  /// Reads the files, connects, reads the history: all of it, or only enough to see that nothing is pending, where
  /// up_to_date() is true then and rows() empty.
  using Need = FirstLook::Need;
  int open(Need need = Need::kRows);
  int open_database();  ///< connects only
  int lock();           ///< takes the lease, makes the history table, reads the history again
  int refresh();        ///< reads the history again
  void unlock() { lease_.reset(); }
  void close();  ///< ends node and the connections; nothing but the report is of use afterwards

  /// Runs one migration; retries the whole of it when it could not get a lock. `next` comes after it, if anything does.
  int run_up(const Migration& m, Commit commit, const Migration* next = nullptr);
  /// So many migrations come, each in a transaction of its own: the server may plan their history rows once.
  void expect_many(size_t count);
  /// In a transaction that the caller has begun: runs several migrations from list[from] on in one message, which saves
  /// the round trips and most of the history's statements. Returns how many; 0 = that one must go alone. Their times in
  /// the history are those of the message.
  size_t run_group(const std::vector<const Migration*>& list, size_t from, int& code);
  int run_down(const Row& row, Commit commit = Commit::kNow);
  /// Waits until what was committed kSoon is on the server's disk, and says so; also after a failure or an interrupt.
  void settle();
  /// What became of the kCaller migrations, for the report: nothing is called applied before the server has committed.
  void committed();
  void undone(const char* status = "rolled back");

  const Options& options() const { return options_; }
  Report& report() { return report_; }
  Source& source() { return source_; }
  Database& db() { return *db_; }
  History& history() { return *history_; }
  const std::vector<Row>& rows() const { return rows_; }
  /// The row of a migration by its version or name; null when the history has none.
  const Row* row(const std::string& version_or_name) const;
  Verdict verdict() const { return compare(source_, rows_, options_.out_of_order); }
  bool has_history() const { return has_history_; }
  bool up_to_date() const { return up_to_date_; }
  std::string lease_holder();                       ///< of another run: "pid 7 (...)", "" = nobody
  tl::expected<bool, SqlFailure> empty_database();  ///< the schema has no tables and views but those of histories
  const Target& target() const { return target_; }
  int change(const std::string& sql, Step step);  ///< one transaction, then the step is reported
  int sql_failure(const SqlFailure& f, int code);

  /// Kysely only: the user's node, started when first needed. Null after the report says why not.
  Tunnel* tunnel();
  /// Runs a migration on a scratch database, without history.
  tl::expected<void, Problem> replay(Database& scratch, const Migration& m);

 private:
  int run_javascript(const std::string& op, const Migration& m, const std::string& history_sql, Commit commit);
  int find_target();
  int cannot_connect(const SqlFailure& f);
  int cannot_read(const Error& e);
  int read_rows();
  void remember(const std::optional<Answer>& rows);
  int execute(const Section& section, const Script& script, const std::string& version,
              const std::function<std::string()>& history_sql, Commit commit,
              const std::string& fix = "correct the file, then: howdah migrate up");
  void look_ahead();
  int run_stepwise(const Migration& m, const Script& script);
  int run_one(const Migration& m, const Script& script, size_t i, const Row* unfinished);
  std::optional<Problem> cannot_resume(const Migration& m, const Script& script, const Row& row);
  bool recovered(const Statement& s, const std::string& text);
  void done(Step step, Commit commit);
  void watch_blockers();
  /// Whether to try again, after waiting; of `tries` in all, 0 = the options'.
  bool wait_and_retry(const SqlFailure& f, int attempt, int tries);
  int look_for_pooler();

  Options options_;
  Report& report_;
  Source source_;
  Target target_;
  std::optional<Database> db_, lease_;
  std::string server_pid_;  ///< of the worker's process, as the server says
  std::unique_ptr<History> history_;
  std::vector<Row> rows_;
  std::unique_ptr<Tunnel> tunnel_;
  std::vector<Step> held_;  ///< not committed yet, or not known to be on the server's disk
  std::chrono::steady_clock::time_point settled_ = std::chrono::steady_clock::now();
  bool has_history_ = false, up_to_date_ = false;
  std::string prepared_;             ///< name of the server's prepared statement for history rows, "" = there is none
  const Migration* next_ = nullptr;  ///< made ready while the server works on the one before it
  std::optional<std::pair<const Migration*, tl::expected<Script, Problem>>> ready_;
  std::optional<Group> ahead_;  ///< the next one, as ready_
  std::string blockers_;
};

}  // namespace howdah::migrate
