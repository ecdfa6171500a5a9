#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "migrate/commands.h"

namespace howdah::migrate {

/// An application on the copy: statements of a file, one after the other and again, on connections of their own.
class Load {
 public:
  /// Runs the file once, as a whole: what fails then is a mistake in it.
  static tl::expected<std::unique_ptr<Load>, Problem> begin(const Target& copy, const std::string& file);
  ~Load();
  Load(const Load&) = delete;

  void during(const std::string& version);  ///< what comes now belongs to this migration
  struct Figures {
    int64_t statements = 0, failed = 0;
    double slowest_ms = 0;
    std::string slowest, slowest_version, failure, failed_sql, failed_version;  ///< failure: the first
  };
  Figures end();  ///< stops it

 private:
  Load(std::vector<std::string> statements) : statements_(std::move(statements)) {}
  void run(Database db);
  void note(const std::string& sql, double ms, const SqlAnswer& answer);
  const std::vector<std::string> statements_;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  Figures figures_;      ///< guarded by mutex_
  std::string version_;  ///< the same
  std::vector<std::thread> threads_;
};

}  // namespace howdah::migrate
