#include "os/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <mutex>
#include <vector>

#include <fmt/format.h>

namespace howdah::os {
namespace {

tl::unexpected<Error> failed(const char* what, const std::string& path) {
  int e = errno;
  bool retry = e == ENOSPC || e == EDQUOT || e == EMFILE || e == ENFILE || e == EINTR;
  return tl::unexpected(Error{fmt::format("cannot {} {}: {}", what, path, strerror(e)), retry});
}

std::string parent_of(const std::string& path) {
  auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> write_all(const Fd& fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    ssize_t n = write(fd.get(), content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("write", path);
    content.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

/// One level of a recursive walk relative to directory descriptors, so that nobody can swap a parent for a link.
Result<size_t> repair_below(int parent, const char* name, const std::string& shown, Owner owner);

Result<size_t> repair_entry(int parent, const char* name, const std::string& shown, Owner owner) {
  struct stat st {};
  if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? Result<size_t>(0) : failed("stat", shown);
  size_t changed = 0;
  if (st.st_uid != owner.uid || st.st_gid != owner.gid) {
    if (fchownat(parent, name, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) != 0)
      return failed("change the owner of", shown);
    changed = 1;
  }
  if (S_ISLNK(st.st_mode)) return changed;
  mode_t wanted = S_ISDIR(st.st_mode) ? 0700 : 0600;
  if ((st.st_mode & 07777) != wanted) {
    Fd fd(openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd || fchmod(fd.get(), wanted) != 0) return failed("change the mode of", shown);
    changed = 1;
  }
  if (!S_ISDIR(st.st_mode)) return changed;
  auto below = repair_below(parent, name, shown, owner);
  if (!below) return below;
  return changed + *below;
}

Result<size_t> repair_below(int parent, const char* name, const std::string& shown, Owner owner) {
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return failed("open", shown);
  std::unique_ptr<DIR, int (*)(DIR*)> dir(fdopendir(fd), closedir);
  size_t changed = 0;
  while (dirent* e = readdir(dir.get())) {
    std::string_view entry = e->d_name;
    if (entry == "." || entry == "..") continue;
    auto one = repair_entry(fd, e->d_name, shown + "/" + e->d_name, owner);
    if (!one) return one;
    changed += *one;
  }
  return changed;
}

}  // namespace

bool exists(const std::string& path) {
  struct stat st {};
  return lstat(path.c_str(), &st) == 0;
}

namespace {

Result<std::string> read_at(int directory, const std::string& path, size_t limit) {
  Fd fd(openat(directory, path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return failed("open", path);
  struct stat st {};
  if (fstat(fd.get(), &st) != 0) return failed("stat", path);
  if (!S_ISREG(st.st_mode)) return fail(fmt::format("{} is not a regular file", path));
  std::string out;
  out.resize(static_cast<size_t>(st.st_size) + 1);
  size_t used = 0;
  for (;;) {
    if (used == out.size()) out.resize(out.size() * 2);
    ssize_t n = read(fd.get(), out.data() + used, out.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("read", path);
    if (n == 0) break;
    used += static_cast<size_t>(n);
    if (used > limit) return fail(fmt::format("{} is larger than {} bytes", path, limit));
    if (used == static_cast<size_t>(st.st_size)) break;  // all that it was when it was opened
  }
  out.resize(used);
  return out;
}

}  // namespace

Result<std::string> read_file(const std::string& path, size_t limit) { return read_at(AT_FDCWD, path, limit); }

Result<std::string> read_file(const Fd& directory, const std::string& name, size_t limit) {
  return read_at(directory.get(), name, limit);
}

Result<Fd> open_dir(const std::string& path) {
  Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return failed("open", path);
  return fd;
}

std::string read_tail(const std::string& path, off_t offset, size_t limit) {
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat st {};
  if (!fd || fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= offset) return "";
  if (st.st_size - offset > static_cast<off_t>(limit)) offset = st.st_size - static_cast<off_t>(limit);
  std::string out(static_cast<size_t>(st.st_size - offset), '\0');
  ssize_t n = pread(fd.get(), out.data(), out.size(), offset);
  out.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return out;
}

Result<void> write_file_atomic(const std::string& path, std::string_view content, mode_t mode,
                               std::optional<Owner> owner, Durable durable) {
  // Two threads that write the same file (a step and the supervisor) would take each other's temporary file away.
  static std::array<std::mutex, 16> writers;
  const std::lock_guard alone(writers[std::hash<std::string>()(path) % writers.size()]);
  std::string tmp = path + ".tmp";
  if (unlink(tmp.c_str()) != 0 && errno != ENOENT) return failed("remove", tmp);
  Fd fd(open(tmp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return failed("create", tmp);
  if (auto done = write_all(fd, content, tmp); !done) return done;
  if (owner && geteuid() == 0 && fchown(fd.get(), owner->uid, owner->gid) != 0)
    return failed("change the owner of", tmp);
  if (fchmod(fd.get(), mode) != 0) return failed("change the mode of", tmp);
  if (durable == Durable::now && fsync(fd.get()) != 0) return failed("sync", tmp);
  if (rename(tmp.c_str(), path.c_str()) != 0) return failed("rename to", path);
  return durable == Durable::now ? sync_dir(parent_of(path)) : Result<void>();
}

Result<void> ensure_dir(const std::string& path, mode_t mode, std::optional<Owner> owner) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed("create", path);
  Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return failed("open", path);
  struct stat st {};
  if (fstat(fd.get(), &st) != 0) return failed("stat", path);
  bool chown = owner && geteuid() == 0 && (st.st_uid != owner->uid || st.st_gid != owner->gid);
  if (chown && fchown(fd.get(), owner->uid, owner->gid) != 0) return failed("change the owner of", path);
  if ((st.st_mode & 07777) != mode && fchmod(fd.get(), mode) != 0) return failed("change the mode of", path);
  return {};
}

Result<void> link_file(const std::string& from, const std::string& to) {
  if (link(from.c_str(), to.c_str()) == 0) return {};
  return fail(fmt::format("cannot link {} to {}: {}", from, to, strerror(errno)));
}

Result<void> move(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return failed("rename to", to);
  return {};
}

Result<void> publish(const std::string& from, const std::string& to) {
  if (auto moved = move(from, to); !moved) return moved;
  if (auto done = sync_dir(parent_of(to)); !done) return done;
  if (parent_of(from) == parent_of(to)) return {};
  return sync_dir(parent_of(from));
}

Result<void> sync_fs(const std::string& path) {
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return failed("open", path);
  if (syncfs(fd.get()) != 0) return failed("sync the filesystem of", path);
  return {};
}

Result<void> sync_dir(const std::string& path) {
  Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return failed("open", path);
  if (fsync(fd.get()) != 0) return failed("sync", path);
  return {};
}

Result<void> remove_tree(const std::string& path) {
  auto remove_one = [](const char* p, const struct stat*, int, FTW*) -> int {
    return ::remove(p) == 0 || errno == ENOENT ? 0 : -1;
  };
  if (nftw(path.c_str(), remove_one, 32, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) return failed("remove", path);
  return {};
}

Result<Space> disk_space(const std::string& path) {
  struct statvfs st {};
  if (statvfs(path.c_str(), &st) != 0) return failed("measure the filesystem of", path);
  return Space{static_cast<uint64_t>(st.f_blocks) * st.f_frsize, static_cast<uint64_t>(st.f_bavail) * st.f_frsize};
}

Result<size_t> repair_tree(const std::string& path, Owner owner) {
  return repair_entry(AT_FDCWD, path.c_str(), path, owner);
}

}  // namespace howdah::os
