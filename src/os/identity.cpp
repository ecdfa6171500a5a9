#include "os/identity.h"

#include <pwd.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

namespace howdah::os {
namespace {

struct User {
  std::string name;
  Owner owner;
};

template <class Lookup>
Result<User> look_up(const std::string& what, Lookup lookup) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16384);
  int rc = lookup(&entry, buffer.data(), buffer.size(), &found);
  if (rc != 0 || found == nullptr) return fail(fmt::format("there is no passwd entry for {}: create that user", what));
  return User{entry.pw_name, Owner{entry.pw_uid, entry.pw_gid}};
}

}  // namespace

Owner Identity::instance(unsigned slot) const {
  if (!root) return daemon;
  return Owner{instance_base + slot, static_cast<gid_t>(instance_base + slot)};
}

Result<Identity> choose_identity(const std::string& configured_user, uid_t instance_base) {
  Identity id;
  id.daemon = Owner{geteuid(), getegid()};
  id.root = id.daemon.uid == 0;
  id.instance_base = instance_base;
  auto self = look_up(fmt::format("our own uid {}", id.daemon.uid),
                      [&](auto... args) { return getpwuid_r(id.daemon.uid, args...); });
  if (!self) return tl::unexpected(self.error());
  id.daemon_user = self->name;
  if (!id.root) {
    id.service = id.daemon;
    return id;
  }
  std::string name = configured_user.empty() ? "postgres" : configured_user;
  auto user = look_up(fmt::format("the service user {}", name),
                      [&](auto... args) { return getpwnam_r(name.c_str(), args...); });
  if (!user) return tl::unexpected(user.error());
  if (user->owner.uid == 0) return fail("the service user must not be root: PostgreSQL refuses to run as root");
  id.service = user->owner;
  return id;
}

}  // namespace howdah::os
