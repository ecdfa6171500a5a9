#pragma once
#include <sys/types.h>
#include <string>

#include "util/result.h"

namespace howdah::os {

/// A user and group that files belong to and processes run as.
struct Owner {
  uid_t uid = 0;
  gid_t gid = 0;
  bool operator==(const Owner&) const = default;
};

/// Who the daemon is and as whom servers run; chosen once at start, constant afterwards (copyable, thread-safe).
/// Not root: everything runs as oneself, and every instance shares that one user. Root: tools that insist on a named
/// user (initdb) run as `service`, and each instance gets a uid and gid of its own, `instance_base` + slot, which
/// needs no passwd entry.
struct Identity {
  bool root = false;
  Owner daemon;             ///< our own effective user
  std::string daemon_user;  ///< its passwd name: what peer authentication sees when we connect
  Owner service;            ///< has a passwd entry
  uid_t instance_base = 61000;

  /// The owner of instance number `slot` (the caller allocates slots and never uses one twice at the same time).
  Owner instance(unsigned slot) const;
};

/// `configured_user` is the user to run tools as when we are root ("" = "postgres"); ignored otherwise.
/// Fails when there is no such user, when it is root, or when our own uid has no passwd entry.
Result<Identity> choose_identity(const std::string& configured_user = "", uid_t instance_base = 61000);

}  // namespace howdah::os
