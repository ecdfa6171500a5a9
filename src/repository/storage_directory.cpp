#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "os/fd.h"
#include "os/files.h"
#include "repository/storage.h"
#include "util/fault_point.h"
#include "util/id.h"

namespace howdah::repository {
namespace {

constexpr time_t kAbandoned = 24 * 3600;  // a half-made file of that age has no writer any more

tl::unexpected<Error> failed(const char* what, const std::string& path) {
  const int e = errno;
  return tl::unexpected(Error{fmt::format("cannot {} {}: {}", what, path, strerror(e)),
                              e == ENOSPC || e == EDQUOT || e == EMFILE || e == EIO});
}

Result<void> write_whole(const std::string& path, std::string_view content) {
  const os::Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return failed("create", path);
  while (!content.empty()) {
    const ssize_t n = write(fd.get(), content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("write", path);
    content.remove_prefix(static_cast<size_t>(n));
  }
  if (fsync(fd.get()) != 0) return failed("sync", path);
  return {};
}

class Directory : public Storage {
 public:
  explicit Directory(std::string root) : root_(std::move(root)) {}

  Result<bool> put(const std::string& name, std::string_view content) override {
    const std::string path = path_of(name), parent = path.substr(0, path.rfind('/'));
    if (os::exists(path)) return false;
    const std::string half = parent + "/.tmp-" + id::uuid();
    Result<void> written;
    do {  // again when somebody removed the empty directory meanwhile
      if (auto made = make_parents(name); !made) return tl::unexpected(made.error());
      written = write_whole(half, content);
    } while (!written && !os::exists(parent));
    fault::point("repository.put:written");
    const bool done = written && link(half.c_str(), path.c_str()) == 0;  // never replaces, on any filesystem
    if (written && !done && errno != EEXIST) written = failed("name", path);
    unlink(half.c_str());
    if (!written) return tl::unexpected(written.error());
    if (auto synced = os::sync_dir(parent); !synced) return tl::unexpected(synced.error());
    fault::point("repository.put:named");
    return done;
  }

  Result<std::optional<std::string>> find(const std::string& name) override {
    struct stat st {};
    if (stat(path_of(name).c_str(), &st) != 0) {
      return errno == ENOENT ? Result<std::optional<std::string>>(std::nullopt) : failed("read", path_of(name));
    }
    std::string out(static_cast<size_t>(st.st_size), '\0');
    if (auto done = read(name, 0, out.data(), out.size()); !done) return tl::unexpected(done.error());
    return out;
  }

  Result<void> read(const std::string& name, uint64_t offset, char* out, size_t size) override {
    const std::string path = path_of(name);
    const os::Fd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return failed("open", path);
    while (size > 0) {
      const ssize_t n = pread(fd.get(), out, size, static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed("read", path);
      if (n == 0) return fail(fmt::format("{} ends at byte {}, before what was stored in it", path, offset));
      out += n;
      offset += static_cast<uint64_t>(n);
      size -= static_cast<size_t>(n);
    }
    return {};
  }

  Result<std::vector<Object>> list(const std::string& prefix) override {
    std::vector<Object> out;
    if (auto done = walk(prefix, out); !done) return tl::unexpected(done.error());
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return out;
  }

  Result<void> remove(const std::string& name) override {
    if (unlink(path_of(name).c_str()) != 0 && errno != ENOENT) return failed("remove", path_of(name));
    for (std::string up = name; up.find('/') != up.npos;) {  // directories that hold nothing any more
      up.resize(up.rfind('/'));
      if (rmdir(path_of(up).c_str()) != 0) break;
    }
    return {};
  }

  bool near() const override { return true; }
  std::string locks() const override { return root_ + "/.locks"; }
  std::string about() const override { return root_; }

 private:
  std::string path_of(const std::string& name) const { return root_ + "/" + name; }

  Result<void> make_parents(const std::string& name) {
    for (size_t at = name.find('/'); at != name.npos; at = name.find('/', at + 1)) {
      const std::string path = path_of(name.substr(0, at));
      if (mkdir(path.c_str(), 0700) != 0) {
        if (errno == EEXIST) continue;
        return failed("make", path);
      }
      if (auto synced = os::sync_dir(path.substr(0, path.rfind('/'))); !synced) return synced;
    }
    return {};
  }

  Result<void> walk(const std::string& prefix, std::vector<Object>& out) {
    const std::string path = path_of(prefix);
    std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(path.c_str()), closedir);
    if (!dir) return errno == ENOENT ? Result<void>{} : failed("list", path);
    errno = 0;
    while (const dirent* e = readdir(dir.get())) {
      const std::string entry = e->d_name;
      struct stat st {};
      if (fstatat(dirfd(dir.get()), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;  // gone meanwhile
      if (entry.starts_with(".tmp-") && st.st_mtime + kAbandoned < time(nullptr)) unlink((path + entry).c_str());
      if (entry[0] == '.') continue;
      if (S_ISDIR(st.st_mode)) {
        if (auto done = walk(prefix + entry + "/", out); !done) return done;
      } else {
        out.push_back({prefix + entry, static_cast<uint64_t>(st.st_size)});
      }
      errno = 0;
    }
    return errno == 0 ? Result<void>{} : failed("list", path);
  }

  const std::string root_;
};

}  // namespace

Result<std::string> Storage::get(const std::string& name) {
  auto found = find(name);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return fail(fmt::format("there is no {} in {}", name, about()));
  return std::move(**found);
}

Result<std::unique_ptr<Storage>> open_directory(const std::string& root) {
  if (auto made = os::ensure_dir(root, 0700); !made) return tl::unexpected(made.error());
  return std::make_unique<Directory>(root);
}

}  // namespace howdah::repository
