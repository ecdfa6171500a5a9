#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "util/clock.h"

namespace howdah::store {

/// One appended line of a journal: events, audit. Ordered by `sequence` within everything that was appended.
struct Entry {
  int64_t sequence = 0;
  std::string log;      ///< which journal, e.g. "event"
  std::string scope;    ///< account/region
  std::string subject;  ///< what it is about, e.g. "db-instance/mydb"
  Time time{};
  std::string body;
};

struct JournalQuery {
  std::string log, scope;
  std::string subject;  ///< empty = all
  Time from{}, to{};    ///< from <= time < to
  int64_t after = 0;    ///< sequence of the last entry of the page before
  size_t limit = 100;
};

/// All changes of one transaction, in order.
struct Batch {
  struct Change {
    std::string kind, key;
    std::string value;  ///< ignored when `erase`
    bool erase = false;
  };
  std::vector<Change> changes;
  std::vector<Entry> entries;
  bool soon = false;  ///< durable no later than the next batch that is not; a power cut may take it before
};

/// Where state is durable: SQLite on one machine, a replicated key-value store beyond it. Calls come from one writer at
/// a time, journal reads from many threads.
class Backend {
 public:
  virtual ~Backend() = default;
  /// Hands every record of every kind to `row` (kind, key, value); called once, at start.
  virtual void load(const std::function<void(std::string_view, std::string_view, std::string_view)>& row) = 0;
  /// Makes the batch durable, all or nothing; when it returns the batch survives power loss (unless it said `soon`).
  /// Throws Fault ServiceUnavailable when it can't (disk full, I/O error): nothing of the batch is kept then.
  virtual void commit(const Batch& batch) = 0;
  virtual std::vector<Entry> read(const JournalQuery& query) = 0;
  virtual void prune(std::string_view log, Time before) = 0;
};

/// SQLite in WAL mode with synchronous=FULL. Throws std::runtime_error naming the file when it is damaged, is not ours,
/// or was written by a newer Howdah; a damaged file is never modified.
std::unique_ptr<Backend> open_sqlite(const std::string& path);
std::unique_ptr<Backend> open_memory();  ///< for tests

}  // namespace howdah::store
