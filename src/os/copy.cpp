#include "os/copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "os/background.h"
#include "os/fd.h"

namespace howdah::os {
namespace {

Error errno_at(const char* what, const std::string& path) {
  int e = errno;
  return Error{fmt::format("cannot {} {}: {}", what, path, strerror(e)), e == ENOSPC || e == EDQUOT};
}

constexpr off_t kPiece = 8 << 20;  // what is on its way to the disk while the next one is read

/// One directory whose files are copied by one thread. Directories exist before any thread starts.
struct Dir {
  std::string from, to, below;
  std::vector<std::string> files;
};

/// What the threads share.
struct Shared {
  std::atomic<size_t> next{0};
  std::atomic<bool> try_reflink{true};
  std::atomic<bool> reflinked{false};
  std::atomic<uint64_t> bytes{0};
  std::mutex mutex;  // guards error and copied
  std::optional<Error> error;
  std::vector<std::string> copied;
  std::atomic<bool> stop{false};

  void fail_with(Error e) {
    std::lock_guard lock(mutex);
    if (!error) error = std::move(e);
    stop = true;
  }
};

/// At most a piece. Its length; 0 = the file has shrunk.
Result<size_t> copy_bytes(int in, int out, off_t size, const std::string& path) {
  std::vector<char> buffer(static_cast<size_t>(std::min<off_t>(size, 1 << 18)));
  size_t total = 0;
  while (total < static_cast<size_t>(std::min(size, kPiece))) {
    const size_t left = static_cast<size_t>(std::min(size, kPiece)) - total;
    const ssize_t got = read(in, buffer.data(), std::min(left, buffer.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::unexpected(errno_at("read", path));
    if (got == 0) break;
    for (ssize_t done = 0; done < got;) {
      ssize_t w = write(out, buffer.data() + done, static_cast<size_t>(got - done));
      if (w < 0 && errno != EINTR) return tl::unexpected(errno_at("write", path));
      if (w > 0) done += w;
    }
    total += static_cast<size_t>(got);
  }
  return total;
}

/// `bytes`: never by the kernel's own copy, which may make a clone.
Result<void> copy_content(int in, int out, off_t size, const std::string& path, const CopyOptions& options,
                          bool bytes) {
  while (size > 0) {
    if (options.leave_room) {
      auto room = room_for(static_cast<uint64_t>(std::min(size, kPiece)), path);
      if (!room) return room;
    }
    ssize_t n = bytes ? -1 : copy_file_range(in, nullptr, out, nullptr, static_cast<size_t>(std::min(size, kPiece)), 0);
    if (n < 0 && !bytes) {
      if (errno == EINTR) continue;
      bytes = errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS;
      if (!bytes) return tl::unexpected(errno_at("copy", path));
    }
    if (bytes) {
      const auto copied = copy_bytes(in, out, size, path);
      if (!copied) return tl::unexpected(copied.error());
      n = static_cast<ssize_t>(*copied);
    }
    if (n == 0) return fail(fmt::format("{} shrank while it was copied", path));
    size -= n;
    if (n == kPiece && !options.lazily) start_writing(out);
    breathe(static_cast<uint64_t>(n));
  }
  return {};
}

/// A clone costs some 30 us for each extent, now and again with every clone of it, a copy a second for 1.3 GB, once: it
/// is in few extents again. Files become patchworks as clones of clones are written to.
bool worth_cloning(int fd, off_t size) {
  constexpr uint64_t kFew = 32, kExtentNs = 30'000, kBytesPerUs = 1'300;
  fiemap count{};  // no room for extents: only counts them
  count.fm_length = FIEMAP_MAX_OFFSET;
  if (size < (1 << 20) || ioctl(fd, FS_IOC_FIEMAP, &count) != 0) return true;
  return count.fm_mapped_extents <= kFew ||
         count.fm_mapped_extents * kExtentNs <= static_cast<uint64_t>(size) * 1000 / kBytesPerUs;
}

mode_t mode_of(const struct stat& st, const CopyOptions& options) {
  if (!options.program) return 0600;
  return (st.st_mode & 0100) != 0 ? 0755 : 0644;
}

Result<void> copy_file(int from_dir, int to_dir, const std::string& name, const Dir& dir, const CopyOptions& options,
                       Shared& shared) {
  auto shown = [&] { return dir.to + "/" + name; };
  Fd in(openat(from_dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!in) return tl::unexpected(errno_at("open", dir.from + "/" + name));
  struct stat st {};
  if (fstat(in.get(), &st) != 0) return tl::unexpected(errno_at("stat", dir.from + "/" + name));
  Fd out(openat(to_dir, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!out) return tl::unexpected(errno_at("create", shown()));
  if (geteuid() == 0 && fchown(out.get(), options.owner.uid, options.owner.gid) != 0) {
    return tl::unexpected(errno_at("change the owner of", shown()));
  }
  mode_t mode = mode_of(st, options);
  if (mode != 0600 && fchmod(out.get(), mode) != 0) return tl::unexpected(errno_at("change the mode of", shown()));
  if (st.st_size == 0) return {};
  shared.bytes += static_cast<uint64_t>(st.st_size);
  const bool patchwork = shared.try_reflink && !worth_cloning(in.get(), st.st_size);
  if (shared.try_reflink && !patchwork) {
    if (ioctl(out.get(), FICLONE, in.get()) == 0) {
      shared.reflinked = true;
      return {};
    }
    if (errno == ENOSPC || errno == EDQUOT) return tl::unexpected(errno_at("clone", shown()));
    shared.try_reflink = false;  // asked once per tree, not once per file
  }
  {
    const std::lock_guard lock(shared.mutex);
    shared.copied.push_back(dir.below.empty() ? name : dir.below + "/" + name);
  }
  return copy_content(in.get(), out.get(), st.st_size, shown(), options, patchwork);
}

Result<void> copy_files(const Dir& dir, const CopyOptions& options, Shared& shared) {
  Fd from(open(dir.from.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Fd to(open(dir.to.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!from || !to) return tl::unexpected(errno_at("open", from ? dir.to : dir.from));
  for (const auto& name : dir.files) {
    if (shared.stop) return {};
    if (auto done = copy_file(from.get(), to.get(), name, dir, options, shared); !done) return done;
  }
  return {};
}

Result<void> copy_link(const std::string& from, const std::string& to, Owner owner) {
  std::string target(4096, '\0');
  ssize_t n = readlink(from.c_str(), target.data(), target.size());
  if (n < 0) return tl::unexpected(errno_at("read the link", from));
  target.resize(static_cast<size_t>(n));
  if (symlink(target.c_str(), to.c_str()) != 0) return tl::unexpected(errno_at("create the link", to));
  if (geteuid() == 0 && lchown(to.c_str(), owner.uid, owner.gid) != 0) {
    return tl::unexpected(errno_at("change the owner of", to));
  }
  return {};
}

/// What the walk over the source collects before any thread starts.
struct Plan {
  const CopyOptions& options;
  std::vector<Dir> work;
  CopyStats stats;
};

/// Creates the directories and lists the files. Long lists are cut so that the threads share one big directory.
Result<void> walk(const std::string& from, const std::string& to, const std::string& below, Plan& plan) {
  constexpr size_t kSlice = 64;
  Owner owner = plan.options.owner;
  if (mkdir(to.c_str(), 0700) != 0) return tl::unexpected(errno_at("create", to));
  if (geteuid() == 0 && chown(to.c_str(), owner.uid, owner.gid) != 0) {
    return tl::unexpected(errno_at("change the owner of", to));
  }
  if (plan.options.program && chmod(to.c_str(), 0755) != 0) return tl::unexpected(errno_at("change the mode of", to));
  plan.stats.dirs++;
  std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(from.c_str()), closedir);
  if (!dir) return tl::unexpected(errno_at("open", from));
  Dir current{from, to, below, {}};
  while (dirent* e = readdir(dir.get())) {
    std::string name = e->d_name;
    if (name == "." || name == "..") continue;
    std::string path = below.empty() ? name : below + "/" + name;
    if (plan.options.skip && plan.options.skip(path)) continue;
    if (e->d_type == DT_DIR) {
      if (auto done = walk(from + "/" + name, to + "/" + name, path, plan); !done) return done;
    } else if (e->d_type == DT_LNK) {
      if (auto done = copy_link(from + "/" + name, to + "/" + name, owner); !done) return done;
    } else if (e->d_type == DT_REG) {
      plan.stats.files++;
      current.files.push_back(std::move(name));
      if (current.files.size() < kSlice) continue;
      plan.work.push_back(std::move(current));
      current = Dir{from, to, below, {}};
    } else {
      return fail(fmt::format("{}/{} is neither file, directory nor link: not copied", from, name));
    }
  }
  if (!current.files.empty()) plan.work.push_back(std::move(current));
  return {};
}

}  // namespace

uint64_t left_to_databases(uint64_t size) {
  return std::max<uint64_t>(std::min(size, kMostOfDisk) / 100 * 7, 64 << 20);
}

Result<void> room_for(uint64_t bytes, const std::string& path) {
  struct statvfs fs {};
  if (statvfs(path.c_str(), &fs) != 0) return tl::unexpected(errno_at("look at the file system of", path));
  const uint64_t size = fs.f_blocks * fs.f_frsize, free = fs.f_bavail * fs.f_frsize;
  const uint64_t kept = left_to_databases(size);
  if (free >= bytes + kept) return {};
  return fail_for_now(
      fmt::format("not enough space for {}: {} MB more are needed and {} MB are free, of which the last {} MB are left "
                  "to the databases",
                  path, (bytes >> 20) + 1, free >> 20, kept >> 20));
}

void start_writing(int fd) { (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); }

Result<CopyStats> copy_tree(const std::string& from, const std::string& to, const CopyOptions& options) {
  Plan plan{options, {}, {}};
  if (auto done = walk(from, to, "", plan); !done) return tl::unexpected(done.error());
  Shared shared;
  auto worker = [&] {
    for (size_t i; !shared.stop && (i = shared.next++) < plan.work.size();) {
      if (auto done = copy_files(plan.work[i], options, shared); !done) shared.fail_with(done.error());
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (unsigned i = 1; i < threads(options.threads); i++) helpers.emplace_back(worker);
    worker();
  }
  if (shared.error) return tl::unexpected(*shared.error);
  plan.stats.bytes = shared.bytes;
  plan.stats.reflinked = shared.reflinked;
  if (shared.reflinked) plan.stats.copied = std::move(shared.copied);
  return plan.stats;
}

}  // namespace howdah::os
