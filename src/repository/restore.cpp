// Bringing a tree back. Chunks are read in the order of the packs and written to wherever they belong.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "os/fd.h"
#include "os/files.h"
#include "repository/chunk_reader.h"
#include "repository/file_writer.h"
#include "repository/repository.h"

namespace howdah::repository {
namespace {

tl::unexpected<Error> failed(const char* what, const std::string& path) {
  return tl::unexpected(Error{fmt::format("cannot {} {}: {}", what, path, strerror(errno)), errno == ENOSPC});
}

Result<void> make_files(const Manifest& m, const std::string& root) {
  if (mkdir(root.c_str(), 0700) != 0) return failed("make", root);
  for (const auto& d : m.dirs) {
    if (mkdir((root + "/" + d.path).c_str(), 0700) != 0) return failed("make", root + "/" + d.path);
  }
  for (const auto& f : m.files) {
    const std::string path = root + "/" + f.path;
    const os::Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd || ftruncate(fd.get(), static_cast<off_t>(f.size)) != 0) return failed("make", path);
  }
  return {};
}

/// Modes and times, children before their parents.
Result<void> finish_files(const Manifest& m, const std::string& root) {
  for (const auto& f : m.files) {
    const std::string path = root + "/" + f.path;
    timespec times[2];
    times[0] = times[1] = {f.modified / 1'000'000'000, f.modified % 1'000'000'000};
    if (chmod(path.c_str(), f.mode) != 0 || utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
      return failed("set mode and time of", path);
    }
  }
  for (auto d = m.dirs.rbegin(); d != m.dirs.rend(); ++d) {
    if (chmod((root + "/" + d->path).c_str(), d->mode) != 0) return failed("set the mode of", root + "/" + d->path);
  }
  return os::sync_fs(root);
}

Result<void> write_chunk(FileWriter& writer, unsigned worker, const Manifest& m, const Wanted& w,
                         std::string_view plain) {
  const File& file = m.files[w.file];
  const uint64_t at = uint64_t{w.chunk} * kChunk;
  if (plain.size() != std::min<uint64_t>(kChunk, file.size - at)) {
    return fail(fmt::format("{}: chunk {} has another size than it had", file.path, w.chunk));
  }
  return writer.write(worker, w.file, at, plain);
}

Result<void> fill_files(const ChunkReading& reading, const Manifest& m, const std::string& root) {
  std::vector<Wanted> wanted;
  wanted.reserve(m.refs.size());
  for (uint32_t f = 0; f < m.files.size(); f++) {
    for (uint32_t c = 0; c < m.files[f].count; c++) wanted.push_back({m.refs[m.files[f].first + c], f, c});
  }
  FileWriter writer(m, root, reading.threads);
  auto done = read_chunks(reading, wanted,
                          [&](unsigned worker, const Wanted* first, const Wanted* last, std::string_view plain,
                              const std::string& why) -> Result<void> {
                            if (plain.empty()) {
                              return fail(fmt::format("{}, which {} needs: {}", reading.packs[first->ref.pack],
                                                      m.files[first->file].path, why));
                            }
                            for (; first != last; ++first) {
                              if (auto done = write_chunk(writer, worker, m, *first, plain); !done) return done;
                            }
                            return {};
                          });
  return done ? writer.finish() : done;
}

}  // namespace

Result<void> Repository::restore(const std::string& resource, const std::string& id, const std::string& to) const {
  if (os::exists(to)) return fail(to + " exists: give a path that doesn't");
  const auto m = manifest(resource, id);
  if (!m) return tl::unexpected(m.error());
  const std::string half = to + ".tmp";
  if (auto gone = os::remove_tree(half); !gone) return gone;
  std::vector<std::string> packs;
  for (const auto& p : m->packs) packs.push_back(p.name);
  auto done = make_files(*m, half);
  if (done) done = fill_files({*storage_, data_key_, resource, packs, m->bases, threads_}, *m, half);
  if (done) done = finish_files(*m, half);
  if (done) done = os::publish(half, to);
  if (!done) (void)os::remove_tree(half);
  return done;
}

}  // namespace howdah::repository
