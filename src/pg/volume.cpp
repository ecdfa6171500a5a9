#include "pg/volume.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "os/boot.h"
#include "os/copy.h"
#include "os/files.h"
#include "pg/control_file.h"
#include "util/fault_point.h"

namespace howdah::pg {
namespace {

constexpr size_t kSegmentSizeInWal = 32;  // XLogLongPageHeaderData.xlp_seg_size

/// Allocates the rest of a segment that the template cut short. PostgreSQL overwrites segments in place and must never
/// meet a full disk there, so a hole is not an option.
Result<void> allocate_segment(const std::string& path) {
  os::Fd fd(open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  uint32_t size = 0;
  if (!fd || pread(fd.get(), &size, sizeof size, kSegmentSizeInWal) != sizeof size) {
    return fail(fmt::format("cannot read the header of WAL segment {}", path));
  }
  if (size < (1U << 20) || size > (1U << 30) || (size & (size - 1)) != 0) {
    return fail(fmt::format("WAL segment {} claims a size of {} bytes", path, size));
  }
  if (fallocate(fd.get(), 0, 0, size) == 0) return {};
  if (errno != EOPNOTSUPP) {
    return tl::unexpected(Error{fmt::format("cannot allocate {}: {}", path, strerror(errno)), errno == ENOSPC});
  }
  off_t at = lseek(fd.get(), 0, SEEK_END);
  for (std::vector<char> zero(1 << 16); at < static_cast<off_t>(size);) {
    size_t part = std::min(zero.size(), static_cast<size_t>(size - at));
    ssize_t n = pwrite(fd.get(), zero.data(), part, at);
    if (n < 0) return tl::unexpected(Error{fmt::format("cannot fill {}: {}", path, strerror(errno)), errno == ENOSPC});
    at += n;
  }
  return {};
}

Result<void> allocate_wal(const std::string& data) {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(data + "/pg_wal", none)) {
    if (!entry.is_regular_file()) continue;
    if (auto done = allocate_segment(entry.path().string()); !done) return done;
  }
  return {};
}

/// Names the boot during which the volume was made, and is there until the volume is synced. A file system that forgets
/// this file in a power cut forgets the later rename of the volume, too.
std::string unsynced(const Layout& layout) { return layout.root + "/unsynced"; }

/// True for a volume that was never synced, from before the machine's last start.
Result<bool> doubtful(const Layout& layout) {
  if (!is_unsynced(layout)) return false;
  const auto then = os::read_file(unsynced(layout));
  const auto now = os::boot_id();
  if (!now) return tl::unexpected(now.error());
  return !then || *then != *now;
}

bool belongs_to(const std::string& path, os::Owner owner) {
  struct stat st {};
  return lstat(path.c_str(), &st) == 0 && st.st_uid == owner.uid && st.st_gid == owner.gid;
}

/// What happens between an absent and a complete `tmp`.
Result<Volume> obtain(const std::string& from, const std::string& tmp, os::Owner owner, VolumeStock* stock) {
  if (!stock || !stock->take(from, tmp)) return fill_volume(from, tmp, owner);
  if (!belongs_to(tmp, owner)) {
    if (auto given = os::repair_tree(tmp, owner); !given) return tl::unexpected(given.error());
  }
  const auto id = system_identifier_of(tmp);
  if (!id) return tl::unexpected(id.error());
  return Volume{.system_identifier = *id, .created = true, .synced = true};
}

}  // namespace

bool is_unsynced(const Layout& layout) { return os::exists(unsynced(layout)); }

Result<void> mark_unsynced(const Layout& layout) {
  const auto boot = os::boot_id();
  if (!boot) return tl::unexpected(boot.error());
  return os::write_file_atomic(unsynced(layout), *boot, 0600, {}, os::Durable::later);
}

Result<void> remove_doubtful(const Layout& layout) {
  const auto doubt = doubtful(layout);
  if (!doubt) return tl::unexpected(doubt.error());
  if (*doubt) {
    if (auto gone = os::remove_tree(layout.data); !gone) return gone;
  }
  return os::exists(layout.data) ? Result<void>() : os::remove_tree(unsynced(layout));
}

Result<Volume> fill_volume(const std::string& from, const std::string& to, os::Owner owner) {
  const auto copied = os::copy_tree(from, to, {.owner = owner});
  if (!copied) return tl::unexpected(copied.error());
  fault::point("pg.volume:copied");
  if (auto done = allocate_wal(to); !done) return tl::unexpected(done.error());
  const auto id = renew_identity(to);
  if (!id) return tl::unexpected(id.error());
  return Volume{.system_identifier = *id, .created = true, .reflinked = copied->reflinked};
}

Result<void> check_space(const std::string& directory) {
  struct statvfs fs {};
  if (statvfs(directory.c_str(), &fs) != 0) {
    return fail(fmt::format("cannot look at {}: {}", directory, strerror(errno)));
  }
  const uint64_t mib = (uint64_t{fs.f_bavail} * fs.f_frsize) >> 20;
  if (mib >= kSpaceForInstance) return {};
  return fail_for_now(
      fmt::format("the disk of {} has {} MiB free, a new instance needs {} MiB", directory, mib, kSpaceForInstance));
}

Result<Volume> create_volume(const Template& from, bool with_spare, const Layout& layout, os::Owner owner,
                             VolumeStock* stock) {
  if (auto fine = remove_doubtful(layout); !fine) return tl::unexpected(fine.error());
  if (os::exists(layout.data)) {
    auto id = system_identifier_of(layout.data);
    if (!id) return tl::unexpected(id.error());
    return Volume{.system_identifier = *id};
  }
  std::string tmp = layout.data + ".tmp";
  if (auto gone = os::remove_tree(tmp); !gone) return tl::unexpected(gone.error());
  if (auto space = check_space(layout.root); !space) return tl::unexpected(space.error());
  auto volume = obtain(with_spare ? from.spare : from.plain, tmp, owner, stock);
  if (!volume) {
    (void)os::remove_tree(tmp);  // on a full disk its space is what the state file needs to record the failure
    return volume;
  }
  if (!volume->synced) {
    if (auto named = mark_unsynced(layout); !named) return tl::unexpected(named.error());
  }
  fault::point("pg.volume:made");
  if (auto published = os::move(tmp, layout.data); !published) return tl::unexpected(published.error());
  return volume;
}

Result<void> settle_volume(const Layout& layout) {
  if (!is_unsynced(layout)) return os::sync_dir(layout.root);  // the rename that published it
  if (auto synced = os::sync_fs(layout.root); !synced) return synced;
  fault::point("pg.volume:synced");
  if (auto gone = os::remove_tree(unsynced(layout)); !gone) return gone;
  return os::sync_dir(layout.root);  // a mark that came back after a power cut would cost the volume
}

Result<void> remove_volume(const Layout& layout) {
  std::string gone = layout.data + ".gone";
  if (os::exists(layout.data)) {
    if (auto done = os::remove_tree(gone); !done) return done;
    if (auto done = os::publish(layout.data, gone); !done) return done;
  }
  if (auto done = os::remove_tree(layout.run); !done) return done;
  return os::remove_tree(layout.root);
}

}  // namespace howdah::pg
