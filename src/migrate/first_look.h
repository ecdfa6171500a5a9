#pragma once
#include "migrate/history.h"

namespace howdah::migrate {

/// What a run asks the server before it does anything. It goes on while the owner reads files, in one thread: a second
/// one would wait for a processor, and for the first one's memory.
class FirstLook {
 public:
  enum class Need { kRows, kPending };  ///< the whole history, or only enough to see that nothing is pending

  struct Refused {
    SqlFailure why;
    bool no_connection;
  };

  FirstLook(Connecting connecting, const Target& target, Database::Settings settings, Dialect dialect, Need need);
  void go_on();  ///< as far as it gets without waiting
  /// Waits for what is missing; refused when there is no connection, or none that is of use.
  std::optional<Refused> finish();

  /// For an owner that finish() gave no refusal:
  Database& db() { return *db_; }
  const std::string& schema() const { return look_.at(0, 0); }  ///< quoted; "" = no schema of the search_path exists
  const std::string& server_pid() const;                        ///< behind a pooler another than db().pid()
  std::unique_ptr<History>& history() { return history_; }
  const std::optional<Answer>& rows() const { return rows_; }        ///< of the history; none when there is no table,
  const std::optional<Answer>& summary() const { return summary_; }  ///< or when this was enough to ask for

  /// Set at connect like lock_timeout: where this one is missing, a pooler has dropped them all.
  static constexpr const char* kMark = "howdah.session";
  static std::string sql(Dialect dialect);        ///< the first question
  static bool has_history(const Answer& answer);  ///< to it

 private:
  bool answered();
  void take_answer();
  void take_connection();
  void take_look();
  void refuse(SqlFailure why, bool no_connection);
  void ask(const std::string& sql);

  Connecting connecting_;
  const Target& target_;
  Database::Settings settings_;
  const Dialect dialect_;
  const Need need_;
  enum class Step { kConnect, kLook, kHistory, kDone } step_ = Step::kConnect;
  std::optional<Database> db_;
  Answer look_;
  std::unique_ptr<History> history_;
  std::optional<Answer> rows_, summary_;
  std::optional<Refused> refused_;
};

}  // namespace howdah::migrate
