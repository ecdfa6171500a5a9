#pragma once
#include <memory>

#include "migrate/database.h"

namespace howdah::migrate {

/// A copy of a whole database beside it, dropped when this goes. By CREATE DATABASE ... TEMPLATE, which takes a second
/// or so a GB, when nobody is connected; else dumped and restored, which needs the server's clients.
class Copy {
 public:
  static Result<std::unique_ptr<Copy>> of(const Target& target);
  ~Copy();
  Copy(const Copy&) = delete;
  const std::string& name() const { return name_; }
  bool dumped() const { return dumped_; }

 private:
  Copy(Database beside, std::string name) : beside_(std::move(beside)), name_(std::move(name)) {}
  Result<void> dump_and_restore(const Target& target);
  Database beside_;  ///< of the maintenance database
  std::string name_;
  bool dumped_ = false;
};

}  // namespace howdah::migrate
