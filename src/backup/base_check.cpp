#include "backup/base_check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "backup/base.h"
#include "backup/checksum.h"
#include "backup/manifest.h"
#include "os/background.h"
#include "os/fd.h"
#include "os/files.h"

namespace howdah::backup {
namespace {

constexpr size_t kChunk = 1 << 20;

using Verdict = Result<std::optional<std::string>>;

/// What `path` holds instead of what `entry` says. A file that can't be read is damage, a lack of means is an error.
Verdict compare(const std::string& path, const FileEntry& entry, char* buffer) {
  const auto unreadable = [&](int e) -> Verdict {
    const std::string why = fmt::format("{} cannot be read: {}", entry.path, strerror(e));
    if (e == EMFILE || e == ENFILE || e == ENOMEM) return fail_for_now(why);
    return std::optional(why);
  };
  const os::Fd in(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!in) return unreadable(errno);
  Crc32c crc;
  uint64_t size = 0;
  for (;;) {
    const ssize_t n = read(in.get(), buffer, kChunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unreadable(errno);
    if (n == 0) break;
    crc.add(buffer, static_cast<size_t>(n));
    size += static_cast<uint64_t>(n);
    os::breathe(static_cast<uint64_t>(n));
  }
  if (size != entry.size) {
    return std::optional(fmt::format("{} has {} bytes and was written with {}", entry.path, size, entry.size));
  }
  if (crc.hex() == entry.crc) return std::optional<std::string>();
  return std::optional(fmt::format("{} has the checksum {} and was written with {}", entry.path, crc.hex(), entry.crc));
}

using Names = std::set<std::string, std::less<>>;

/// Only the size.
Verdict compare_size(const std::string& path, const FileEntry& entry) {
  struct stat st {};
  if (lstat(path.c_str(), &st) != 0)
    return std::optional(fmt::format("{} cannot be read: {}", entry.path, strerror(errno)));
  const auto size = static_cast<uint64_t>(st.st_size);
  if (size == entry.size) return std::optional<std::string>();
  return std::optional(fmt::format("{} has {} bytes and was written with {}", entry.path, size, entry.size));
}

/// `read`: those whose content is compared; null = all.
Verdict compare_all(const std::string& data, const std::vector<FileEntry>& files, const Names* read) {
  std::atomic<size_t> next{0};
  std::mutex mutex;
  Verdict verdict;  // guarded by mutex
  auto worker = [&] {
    const std::unique_ptr<char[]> buffer(new char[kChunk]);
    for (size_t i; (i = next++) < files.size();) {
      const std::string path = data + "/" + files[i].path;
      auto one =
          !read || read->contains(files[i].path) ? compare(path, files[i], buffer.get()) : compare_size(path, files[i]);
      if (one && !*one) continue;
      const std::lock_guard lock(mutex);
      if (verdict && !*verdict) verdict = std::move(one);
      next = files.size();
    }
  };
  {
    std::optional<std::jthread> helper;
    if (os::threads(2) > 1) helper.emplace(worker);
    worker();
  }
  return verdict;
}

/// Of the files in `data`, by the base's own manifest.
Verdict damage_in(const std::string& data, const std::string& state, const std::string& base_id,
                  const Names* read = nullptr) {
  const auto about = [&](const std::string& what) {
    return std::optional(fmt::format("the base {} is damaged: {}", base_id, what));
  };
  const auto text = os::read_file(base_dir(state, base_id) + "/data/backup_manifest");
  if (!text) return about(text.error().message);
  const auto files = parse_backup_manifest(*text);
  if (!files) return about("backup_manifest: " + files.error().message);
  auto damage = compare_all(data, *files, read);
  if (damage && *damage) return about(**damage);
  return damage;
}

}  // namespace

Verdict damage_of(const std::string& state, const std::string& base_id) {
  return damage_in(base_dir(state, base_id) + "/data", state, base_id);
}

Verdict damage_beside_clones(const std::string& state, const std::string& base_id,
                             const std::vector<std::string>& copied) {
  const Names read(copied.begin(), copied.end());
  return damage_in(base_dir(state, base_id) + "/data", state, base_id, &read);
}

Verdict damage_seen_in(const std::string& copy, const std::string& state, const std::string& base_id) {
  const auto seen = damage_in(copy, state, base_id);
  if (!seen || !*seen) return seen;
  auto damage = damage_of(state, base_id);
  if (!damage || *damage) return damage;
  return fail_for_now(
      fmt::format("{} differs from the sound base {} that it was copied from: {}", copy, base_id, **seen));
}

Result<void> set_base_aside(const std::string& state, const std::string& base_id) {
  return hide_base(state, base_id, ".damaged");
}

}  // namespace howdah::backup
