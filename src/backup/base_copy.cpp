#include "backup/base_copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "backup/checksum.h"
#include "os/background.h"
#include "os/copy.h"
#include "os/fd.h"
#include "os/files.h"

namespace howdah::backup {
namespace {

constexpr size_t kChunk = 1 << 20;
constexpr size_t kPiece = 8 << 20;                      // what is on its way to the disk while the next one is read
constexpr uint32_t kBlocksOfFile = (1U << 30) / kPage;  // a relation is cut into files of 1 GiB

Error errno_at(const char* what, const std::string& path) {
  int e = errno;
  return Error{fmt::format("cannot {} {}: {}", what, path, strerror(e)), e == ENOSPC || e == EDQUOT};
}

bool any_of(std::string_view name, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

/// Directories that the server fills anew at every start.
bool comes_out_empty(std::string_view path) {
  return any_of(path, {"pg_wal", "pg_replslot", "pg_stat_tmp", "pg_notify", "pg_serial", "pg_snapshots", "pg_subtrans",
                       "pg_dynshmem"});
}

/// Directories that initdb makes and that may hold nothing. A server does not start without them; tools that carry
/// files only (git, object stores, archives) lose them, and a server that runs does not notice.
constexpr const char* kStandardDirectories[] = {"pg_commit_ts",
                                                "pg_dynshmem",
                                                "pg_logical",
                                                "pg_logical/mappings",
                                                "pg_logical/snapshots",
                                                "pg_notify",
                                                "pg_replslot",
                                                "pg_serial",
                                                "pg_snapshots",
                                                "pg_stat",
                                                "pg_stat_tmp",
                                                "pg_subtrans",
                                                "pg_tblspc",
                                                "pg_twophase",
                                                "pg_wal",
                                                "pg_wal/archive_status"};

bool left_out(std::string_view path, std::string_view name) {
  if (name.starts_with("pgsql_tmp") || name.starts_with("pg_internal.init")) return true;
  return any_of(path, {"postmaster.pid", "postmaster.opts", "backup_label", "backup_label.old", "tablespace_map",
                       "tablespace_map.old", "backup_manifest", "postgresql.auto.conf.tmp", "current_logfiles.tmp",
                       "recovery.signal", "standby.signal", "global/pg_control"});
}

bool digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// A relation's file name in its parts: "16384_vm.2".
struct RelationFile {
  std::string_view number, fork, segment;
};

std::optional<RelationFile> parse_relation(std::string_view name) {
  RelationFile r;
  if (auto dot = name.find('.'); dot != name.npos) {
    r.segment = name.substr(dot + 1);
    if (!digits(r.segment)) return {};
    name = name.substr(0, dot);
  }
  if (auto line = name.find('_'); line != name.npos) {
    r.fork = name.substr(line + 1);
    if (!any_of(r.fork, {"fsm", "vm", "init"})) return {};
    name = name.substr(0, line);
  }
  r.number = name;
  if (!digits(name)) return {};
  return r;
}

bool is_temporary(std::string_view name) {  // t<backend>_<relation>
  auto line = name.find('_');
  return name.starts_with('t') && line != name.npos && digits(name.substr(1, line - 1)) &&
         parse_relation(name.substr(line + 1)).has_value();
}

bool holds_relations(std::string_view directory) {
  return directory == "global" || (directory.starts_with("base/") && digits(directory.substr(5)));
}

/// Opens something below `root` without following any link on the way: the files belong to the server's user, who must
/// not be able to have others read for him.
os::Fd open_below(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  return os::Fd(static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
}

struct Work {
  std::string path;
  uint64_t size = 0;
};

struct Walk {
  const std::string& from;
  os::Fd root;            // `from`
  const std::string* to;  // null: only looks
  const CopyRules& rules;
  std::vector<Work> files;
  uint64_t bytes = 0;
};

Result<void> walk(const std::string& below, Walk& w);

/// One entry of the open directory `dir`; `unlogged`: relations of it whose content does not survive a crash.
Result<void> walk_entry(int dir, const std::string& below, const std::string& name,
                        const std::set<std::string>& unlogged, Walk& w) {
  const std::string path = below.empty() ? name : below + "/" + name;
  if (left_out(path, name)) return {};
  if (w.rules.running && holds_relations(below)) {
    if (is_temporary(name)) return {};
    auto relation = parse_relation(name);
    if (relation && relation->fork != "init" && unlogged.contains(std::string(relation->number))) return {};
  }
  struct stat st {};
  if (fstatat(dir, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT && w.rules.running) return {};
    return tl::unexpected(errno_at("look at", w.from + "/" + path));
  }
  if (S_ISDIR(st.st_mode) || path == "pg_wal") return walk(path, w);
  if (S_ISSOCK(st.st_mode) && w.rules.running) return {};
  if (below == "pg_tblspc") {
    return fail(
        fmt::format("{} is a tablespace: backups of clusters with tablespaces are not supported; move its "
                    "objects with ALTER ... SET TABLESPACE and drop it",
                    path));
  }
  if (!S_ISREG(st.st_mode)) return fail(fmt::format("{}/{} is neither a file nor a directory", w.from, path));
  w.files.push_back({path, static_cast<uint64_t>(st.st_size)});
  w.bytes += static_cast<uint64_t>(st.st_size);
  return {};
}

Result<void> walk(const std::string& below, Walk& w) {
  const std::string from = below.empty() ? w.from : w.from + "/" + below;
  if (w.to != nullptr) {
    const std::string to = below.empty() ? *w.to : *w.to + "/" + below;
    if (mkdir(to.c_str(), 0700) != 0) return tl::unexpected(errno_at("create", to));
  }
  if (comes_out_empty(below)) return {};
  os::Fd fd = open_below(w.root.get(), below.empty() ? "." : below, O_RDONLY | O_DIRECTORY);
  std::unique_ptr<DIR, int (*)(DIR*)> dir(fd ? fdopendir(fd.get()) : nullptr, closedir);
  if (!dir) {
    if (errno == ENOENT && w.rules.running) return {};
    return tl::unexpected(errno_at("open", from));
  }
  fd.release();  // closedir() closes it
  std::vector<std::string> names;
  std::set<std::string> unlogged;
  while (dirent* e = readdir(dir.get())) {
    std::string name = e->d_name;
    if (name == "." || name == "..") continue;
    auto relation = parse_relation(name);
    if (relation && relation->fork == "init") unlogged.emplace(relation->number);
    names.push_back(std::move(name));
  }
  for (const auto& name : names) {
    if (auto done = walk_entry(dirfd(dir.get()), below, name, unlogged, w); !done) return done;
  }
  return {};
}

/// What the threads share. `mutex` guards `error` and `copied.files`.
struct Job {
  const Walk& walk;
  std::atomic<size_t> next{0};
  std::atomic<uint64_t> bytes{0};
  std::atomic<int> percent{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::optional<Error> error;
  CopiedData copied;

  void advance(uint64_t by) {
    const uint64_t done = bytes += by;
    const int now = static_cast<int>(std::min<uint64_t>(99, walk.bytes == 0 ? 0 : done * 100 / walk.bytes));
    int before = percent;
    while (now > before && !percent.compare_exchange_weak(before, now)) {
    }
    if (now > before && walk.rules.progress) walk.rules.progress(now);
  }
};

/// A page is good when its checksum fits, or recovery will write it anew anyway.
bool good(const char* page, uint32_t block, const CopyRules& rules) {
  if (page_is_new(page)) return true;
  if (rules.running && page_lsn(page) >= rules.start) return true;
  return stored_checksum(page) == page_checksum(page, block);
}

/// Reads a page again that does not fit: it may have been read while it was being written, by somebody who had to wait
/// for a processor in the middle of it. After two seconds it is damage.
Result<void> read_again(int fd, const std::string& path, char* page, uint64_t at, uint32_t block,
                        const CopyRules& rules) {
  for (int i = 0; rules.running && i < 35; i++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(i < 5 ? 1 : i < 15 ? 10 : 100));
    ssize_t n = pread(fd, page, kPage, static_cast<off_t>(at));
    if (n < 0) return tl::unexpected(errno_at("read", path));
    if (n < static_cast<ssize_t>(kPage)) return {};  // cut off meanwhile: the WAL says so, too
    if (good(page, block, rules)) return {};
  }
  return fail(
      fmt::format("the data is damaged: block {} of {} (byte {} of the file) has page checksum {} and should "
                  "have {}",
                  block, path, at, stored_checksum(page), page_checksum(page, block)));
}

Result<void> verify_pages(int fd, const std::string& path, char* chunk, size_t size, uint64_t at, uint32_t first,
                          const CopyRules& rules) {
  for (size_t i = 0; i + kPage <= size; i += kPage) {
    const auto block = static_cast<uint32_t>(first + (at + i) / kPage);
    if (good(chunk + i, block, rules)) continue;
    if (auto done = read_again(fd, path, chunk + i, at + i, block, rules); !done) return done;
  }
  return {};
}

Result<void> write_fully(int fd, const char* data, size_t size, const std::string& path) {
  while (size > 0) {
    ssize_t n = write(fd, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return tl::unexpected(errno_at("write", path));
    data += n;
    size -= static_cast<size_t>(n);
  }
  return {};
}

Result<void> copy_one(const Work& work, char* buffer, Job& job) {
  const Walk& w = job.walk;
  const std::string from = w.from + "/" + work.path;
  os::Fd in = open_below(w.root.get(), work.path, O_RDONLY | O_NONBLOCK);
  if (!in) return errno == ENOENT && w.rules.running ? Result<void>() : tl::unexpected(errno_at("open", from));
  struct stat st {};
  if (fstat(in.get(), &st) != 0 || !S_ISREG(st.st_mode)) return tl::unexpected(errno_at("look at", from));
  os::Fd out;
  const std::string to = w.to == nullptr ? "" : *w.to + "/" + work.path;
  if (w.to != nullptr) {
    out = os::Fd(open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!out) return tl::unexpected(errno_at("create", to));
  }
  const auto first = w.rules.verify_pages ? first_block(work.path) : std::nullopt;
  FileEntry entry{work.path, 0, Time(Millis(int64_t{st.st_mtim.tv_sec} * 1000)), ""};
  Crc32c crc;
  for (;;) {
    ssize_t n = pread(in.get(), buffer, kChunk, static_cast<off_t>(entry.size));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return tl::unexpected(errno_at("read", from));
    if (n == 0 || job.stop) break;
    const auto size = static_cast<size_t>(n);
    if (first) {
      auto fine = verify_pages(in.get(), work.path, buffer, size, entry.size, *first, w.rules);
      if (!fine) return fine;
    }
    crc.add(buffer, size);
    if (out) {
      if (auto done = write_fully(out.get(), buffer, size, to); !done) return done;
    }
    entry.size += size;
    if (out && entry.size % kPiece == 0) {
      os::start_writing(out.get());
      if (auto room = os::room_for(kPiece, to); !room) return room;
    }
    job.advance(size);
    os::breathe(size);
    if (!w.rules.running && size < kChunk) break;
    if (w.rules.running && entry.size >= static_cast<uint64_t>(st.st_size)) break;  // what grows is in the WAL
  }
  entry.crc = crc.hex();
  const std::lock_guard lock(job.mutex);
  job.copied.bytes += entry.size;
  job.copied.files.push_back(std::move(entry));
  return {};
}

Result<void> make_standard_directories(const std::string& data) {
  for (const char* name : kStandardDirectories) {
    const std::string path = data + "/" + name;
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return tl::unexpected(errno_at("create", path));
  }
  return {};
}

Result<void> walk_all(Walk& w) {
  w.root = os::Fd(open(w.from.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!w.root) return tl::unexpected(errno_at("open", w.from));
  if (auto walked = walk("", w); !walked || w.to == nullptr) return walked;
  return make_standard_directories(*w.to);
}

Result<CopiedData> run(Walk& w) {
  if (auto walked = walk_all(w); !walked) return tl::unexpected(walked.error());
  if (w.to != nullptr) {
    if (auto room = os::room_for(w.bytes, *w.to); !room) return tl::unexpected(room.error());
  }
  std::sort(w.files.begin(), w.files.end(), [](const auto& a, const auto& b) { return a.size > b.size; });
  Job job{w};
  auto worker = [&] {
    std::unique_ptr<char[]> buffer(new char[kChunk]);
    for (size_t i; !job.stop && (i = job.next++) < w.files.size();) {
      auto done = copy_one(w.files[i], buffer.get(), job);
      if (done) continue;
      const std::lock_guard lock(job.mutex);
      if (!job.error) job.error = done.error();
      job.stop = true;
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (unsigned i = 1; i < os::threads(w.rules.threads); i++) helpers.emplace_back(worker);
    worker();
  }
  if (job.error) return tl::unexpected(*job.error);
  return std::move(job.copied);
}

}  // namespace

std::optional<uint32_t> first_block(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos || !holds_relations(std::string_view(path).substr(0, slash))) return {};
  auto relation = parse_relation(std::string_view(path).substr(slash + 1));
  if (!relation) return {};
  if (relation->segment.empty()) return 0;
  return static_cast<uint32_t>(std::stoul(std::string(relation->segment)) * kBlocksOfFile);
}

Result<CopiedData> copy_data(const std::string& from, const std::string& to, const CopyRules& rules) {
  Walk w{from, {}, &to, rules, {}, 0};
  return run(w);
}

Result<uint64_t> size_of_data(const std::string& from) {
  const CopyRules rules{.running = true};
  Walk w{from, {}, nullptr, rules, {}, 0};
  if (auto walked = walk_all(w); !walked) return tl::unexpected(walked.error());
  return w.bytes;
}

Result<CopiedData> inspect_data(const std::string& data, bool verify) {
  CopyRules rules{.verify_pages = verify};
  Walk w{data, {}, nullptr, rules, {}, 0};
  return run(w);
}

Result<void> add_file(const std::string& data, const std::string& path, const std::string& content,
                      CopiedData& copied) {
  if (auto done = os::write_file_atomic(data + "/" + path, content, 0600); !done) return done;
  struct stat st {};
  if (stat((data + "/" + path).c_str(), &st) != 0) return tl::unexpected(errno_at("look at", data + "/" + path));
  Crc32c crc;
  crc.add(content.data(), content.size());
  copied.files.push_back({path, content.size(), Time(Millis(int64_t{st.st_mtim.tv_sec} * 1000)), crc.hex()});
  copied.bytes += content.size();
  return {};
}

}  // namespace howdah::backup
