#include "pg/layout.h"

#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "os/files.h"
#include "util/id.h"

namespace howdah::pg {
namespace {

constexpr size_t kSocketNameMax = 107;  // sizeof sockaddr_un::sun_path - 1
constexpr size_t kSocketFile = sizeof "/.s.PGSQL.65535.lock" - 1;

bool fits(const std::string& dir) { return dir.size() + kSocketFile <= kSocketNameMax; }

}  // namespace

Layout layout_of(const std::string& state, const std::string& resource_id) {
  Layout l;
  l.root = state + "/instances/" + resource_id;
  l.data = l.root + "/data";
  l.conf = l.root + "/conf";
  l.run = l.root + "/run";
  l.log = l.root + "/log";
  if (!fits(l.run)) l.run = state + "/s/" + id::stable_hex(resource_id, 10);
  return l;
}

Result<void> make_layout(const std::string& state, const Layout& layout, os::Owner owner) {
  if (!fits(layout.run)) {
    return fail(
        fmt::format("the socket directory {} is longer than the {} bytes a socket address allows: use a "
                    "shorter state directory",
                    layout.run, kSocketNameMax - kSocketFile));
  }
  os::Owner ours{geteuid(), getegid()};
  os::Owner shared{ours.uid, owner.gid};
  struct Dir {
    std::string path;
    mode_t mode;
    os::Owner owner;
  };
  std::vector<Dir> dirs = {{state + "/instances", 0711, ours},
                           {layout.root, 0711, ours},
                           {layout.conf, 0750, shared},
                           {layout.log, 0750, shared},
                           {layout.error_log_dir(), 0700, owner}};
  if (layout.run != layout.root + "/run") dirs.push_back({state + "/s", 0711, ours});
  dirs.push_back({layout.run, 0700, owner});
  for (const auto& d : dirs) {
    if (auto made = os::ensure_dir(d.path, d.mode, d.owner); !made) return made;
  }
  return {};
}

Result<void> write_conf(const std::string& path, const std::string& content, os::Owner owner, os::Durable durable) {
  if (geteuid() != 0) return os::write_file_atomic(path, content, 0600, {}, durable);
  return os::write_file_atomic(path, content, 0640, os::Owner{0, owner.gid}, durable);
}

}  // namespace howdah::pg
