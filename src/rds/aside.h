#pragma once
#include <functional>
#include <memory>
#include <string>

#include "os/identity.h"
#include "pg/engine.h"
#include "pg/layout.h"
#include "rds/past.h"
#include "rds/private_run.h"
#include "rds/rds.h"

namespace howdah::rds {

/// A server that shows a state of the past, aside from all instances: it is in no list, listens on no network and can
/// be reached by this process only. It and its files go with the object; what a killed daemon left behind goes when the
/// next one starts. While it is there, the backups it was made from stay.
class Aside {
 public:
  /// Blocks until it accepts connections. A base that turns out to be damaged is set aside and the next one, or the
  /// repository's, takes over. Throws Fault: what was asked for can't be had, too many are in use, or `unwanted` (asked
  /// now and then) says that nobody waits any more.
  Aside(Rds& rds, const Scope& scope, const std::string& name, std::optional<Time> instant,
        const std::function<bool()>& unwanted);
  ~Aside();
  Aside(const Aside&) = delete;

  const Past& past() const { return past_; }
  const pg::Engine& engine() const { return *engine_; }
  const std::string& socket_directory() const { return layout_.run; }  ///< port 5432
  /// As the instance's master, who is no superuser, or as rdsadmin.
  Session open(const std::string& database, bool as_master) const;

 private:
  bool build(Rds& rds, const std::function<bool()>& unwanted);
  Result<void> recover(const std::function<bool()>& unwanted) const;

  int place_;
  Past past_;
  pg::Layout layout_;
  os::Owner owner_;
  std::unique_ptr<pg::Engine> engine_;
};

/// Whether one is there that was made from this resource's backups.
bool aside_of(const Rds& rds, const std::string& resource_id);

/// Ends and removes all that an earlier daemon left. Before the first one is made.
void remove_asides(Rds& rds);

/// The database that is meant when none is named: the one the instance was created with, else postgres.
std::string default_database(const Instance& instance);

}  // namespace howdah::rds
