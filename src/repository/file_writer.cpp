#include "repository/file_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "os/copy.h"

namespace howdah::repository {
namespace {

constexpr size_t kBlock = 4096;  // what lies and is as long as multiples of it can go past the page cache
constexpr int kFlags = O_WRONLY | O_NOFOLLOW | O_CLOEXEC;

tl::unexpected<Error> failed(const char* what, const std::string& path) {
  return tl::unexpected(Error{fmt::format("cannot {} {}: {}", what, path, strerror(errno)), errno == ENOSPC});
}

/// With errno when it is false.
bool write_all(const os::Fd& fd, std::string_view bytes, uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = ENOSPC;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
    at += static_cast<uint64_t>(n);
  }
  return true;
}

}  // namespace

FileWriter::Run::Run() : bytes(static_cast<char*>(aligned_alloc(kBlock, kRun)), free) {
  if (!bytes) throw std::bad_alloc();
}

FileWriter::FileWriter(const Manifest& m, std::string root, unsigned workers)
    : m_(m), root_(std::move(root)), runs_(workers) {}

Result<void> FileWriter::write(unsigned worker, uint32_t file, uint64_t at, std::string_view bytes) {
  Run& run = runs_[worker];
  if (run.file != file || run.at + run.size != at || run.size + bytes.size() > kRun) {
    if (auto done = flush(run); !done) return done;
    if (auto done = open_file(run, file); !done) return done;
    run.at = at;
  }
  std::memcpy(run.bytes.get() + run.size, bytes.data(), bytes.size());
  run.size += bytes.size();
  return {};
}

Result<void> FileWriter::finish() {
  for (auto& run : runs_) {
    if (auto done = flush(run); !done) return done;
  }
  return {};
}

Result<void> FileWriter::open_file(Run& run, uint32_t file) const {
  if (run.file == file) return {};
  run.file = UINT32_MAX;
  const std::string path = path_of(file);
  run.cached = os::Fd(open(path.c_str(), kFlags));
  if (!run.cached) return failed("open", path);
  run.direct = os::Fd(m_.files[file].size < kRun ? -1 : open(path.c_str(), kFlags | O_DIRECT));
  run.file = file;
  return {};
}

Result<void> FileWriter::flush(Run& run) const {
  const std::string_view bytes(run.bytes.get(), std::exchange(run.size, 0));
  if (bytes.empty()) return {};
  if (run.direct && bytes.size() % kBlock == 0) {
    if (write_all(run.direct, bytes, run.at)) return {};
    if (errno != EINVAL) return failed("write", path_of(run.file));
    run.direct.reset();  // a disk with larger blocks, or a file system that can't after all
  }
  if (!write_all(run.cached, bytes, run.at)) return failed("write", path_of(run.file));
  if (bytes.size() == kRun) os::start_writing(run.cached.get());
  return {};
}

}  // namespace howdah::repository
