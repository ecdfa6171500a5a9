#pragma once
#include <memory>
#include <string>

#include "domain/config.h"
#include "util/result.h"

namespace howdah::cli {

/// A clone of an instance's newest state that is removed with this object. Roles have the passwords they have on the
/// source. So that `user` has this `password` there too, the master gets it when that is who is meant, else a random
/// one.
class TemporaryClone {
 public:
  /// Blocks until it accepts connections.
  static Result<std::unique_ptr<TemporaryClone>> of(const Config& config, const std::string& instance,
                                                    const std::string& user, const std::string& password);
  ~TemporaryClone();
  TemporaryClone(const TemporaryClone&) = delete;

  const std::string& name() const { return name_; }
  /// The URL (or libpq's key=value text) with the clone's host and port in the place of its own.
  std::string redirect(const std::string& url) const;

 private:
  TemporaryClone(Config config, std::string name) : config_(std::move(config)), name_(std::move(name)) {}
  Config config_;
  std::string name_, host_;
  int port_ = 0;
};

}  // namespace howdah::cli
