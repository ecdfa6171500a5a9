#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "domain/instance.h"
#include "pg/client.h"
#include "rds/rds.h"

namespace howdah::rds {

/// What users can change inside a server and RDS has otherwise, looked at from outside:
///
/// - Reserved roles and what they are members of, once a minute: a master may drop or rename them. They are made again,
///   and an event says what was missing.
/// - rds.superuser_read_all, when the group or the instance has changed.
/// - The attribute REPLICATION, twice a second where wal_level is logical: every member of rds_replication has it, for
///   PostgreSQL asks for nothing else of who makes or reads a logical slot. Where it is not logical, nobody has it.
///
/// Costs a connection a minute and instance; an instance with logical decoding keeps one session of rdsadmin, in
/// rdsadmin's own database. One thread.
class RolesWatch {
 public:
  explicit RolesWatch(Rds& rds) : rds_(rds) {}
  Millis look();  ///< when to look again

 private:
  using Steady = std::chrono::steady_clock;
  struct Seen {
    std::shared_ptr<const Instance> instance;  // what the last look knew
    std::shared_ptr<const void> group;
    int due = 0;  // looks that follow a change: its reload may take a moment
    Steady::time_point checked{};
    std::optional<pg::Client> session;  // only while wal_level is logical
  };
  void look_at(const std::shared_ptr<const Instance>& instance, Seen& seen);
  void check(const Instance& instance, Seen& seen);
  void announce(const Instance& instance, const std::string& missing);
  Rds& rds_;
  std::map<std::string, Seen> seen_;  // by resource id
};

}  // namespace howdah::rds
