#include "repository/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>

namespace howdah::repository {
namespace {

tl::unexpected<Error> failed(const char* what, const std::string& path) {
  return fail(fmt::format("cannot {} {}: {}", what, path, strerror(errno)));
}

Result<void> walk(const std::string& root, const std::string& below, Manifest& m) {
  const std::string path = below.empty() ? root : root + "/" + below;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(path.c_str()), closedir);
  if (!dir) return failed("list", path);
  std::vector<std::string> names;
  while (const dirent* e = readdir(dir.get())) {
    if (std::string_view(e->d_name) != "." && std::string_view(e->d_name) != "..") names.emplace_back(e->d_name);
  }
  std::sort(names.begin(), names.end());
  for (const auto& name : names) {
    const std::string relative = below.empty() ? name : below + "/" + name;
    struct stat st {};
    if (fstatat(dirfd(dir.get()), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return failed("stat", relative);
    if (S_ISDIR(st.st_mode)) {
      m.dirs.push_back({relative, st.st_mode & 07777});
      if (auto done = walk(root, relative, m); !done) return done;
    } else if (S_ISREG(st.st_mode)) {
      const int64_t modified = st.st_mtim.tv_sec * 1'000'000'000LL + st.st_mtim.tv_nsec;
      m.files.push_back({relative, st.st_mode & 07777, modified, static_cast<uint64_t>(st.st_size)});
      m.bytes += static_cast<uint64_t>(st.st_size);
    } else {
      return fail(fmt::format("{}/{} is neither a file nor a directory: it can't be stored", root, relative));
    }
  }
  return {};
}

}  // namespace

Result<void> list_tree(const std::string& root, Manifest& m) { return walk(root, "", m); }

}  // namespace howdah::repository
