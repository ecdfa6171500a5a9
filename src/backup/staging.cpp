#include "backup/staging.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "backup/wal_tail.h"
#include "os/background.h"
#include "os/copy.h"
#include "os/files.h"
#include "util/fault_point.h"

namespace howdah::backup {
namespace {

std::string bases_of(const std::string& state) { return state + "/bases"; }

Error errno_at(const char* what, const std::string& path) {
  int e = errno;
  return Error{fmt::format("cannot {} {}: {}", what, path, strerror(e)), e == ENOSPC || e == EDQUOT};
}

/// An identifier becomes a directory's name: nothing that could leave bases/ or look like one of our own suffixes.
bool is_safe(const std::string& id) {
  return !id.empty() && id.size() <= 200 && id[0] != '.' && id.find('/') == std::string::npos &&
         id.find('\0') == std::string::npos && !id.ends_with(".tmp") && !id.ends_with(".gone") &&
         !id.ends_with(".lock") && !id.ends_with(".damaged");
}

bool clone(const os::Fd& from, const os::Fd& to) { return ioctl(to.get(), FICLONE, from.get()) == 0; }

/// Bytes, unless kShared: a clone of a segment that the server writes or recycles would cost it a copy on every write.
Result<void> copy_bytes(const std::string& from, const std::string& to, Blocks blocks) {
  os::Fd in = open_segment(from);
  if (!in) return tl::unexpected(errno_at("open", from));
  os::Fd out(open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!out) return tl::unexpected(errno_at("create", to));
  if (blocks == Blocks::kShared && clone(in, out)) return {};
  if (auto room = os::room_for(kSegmentSize, to); !room) return room;
  constexpr size_t kChunk = 1 << 20;
  std::unique_ptr<char[]> buffer(new char[kChunk]);
  for (;;) {
    ssize_t n = read(in.get(), buffer.get(), kChunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return tl::unexpected(errno_at("read", from));
    if (n == 0) break;
    if (write(out.get(), buffer.get(), static_cast<size_t>(n)) != n) return tl::unexpected(errno_at("write", to));
    os::breathe(static_cast<uint64_t>(n));
  }
  if (blocks != Blocks::kPassing) os::start_writing(out.get());
  return {};
}

Result<void> place_one(const std::string& path, const std::string& directory, Blocks blocks) {
  const std::string name = wal_name(path);
  const bool partial = path.ends_with(".partial");
  const std::string to = directory + "/" + name;
  if (auto done = copy_bytes(path, to, partial && blocks == Blocks::kShared ? Blocks::kCopied : blocks); !done)
    return done;
  return segment_start(name) ? fill_segment(to) : Result<void>();
}

}  // namespace

std::string base_dir(const std::string& state, const std::string& id) { return bases_of(state) + "/" + id; }

Result<Base> read_base(const std::string& state, const std::string& id) {
  if (!is_safe(id)) return fail(fmt::format("\"{}\" is no base's identifier", id));
  const std::string path = base_dir(state, id) + "/manifest.json";
  auto text = os::read_file(path);
  if (!text) return tl::unexpected(text.error());
  auto base = parse_base(*text);
  if (!base) return fail(fmt::format("{} cannot be used: {}", path, base.error().message));
  if (base->id != id) return fail(fmt::format("{} belongs to the base {}, not {}", path, base->id, id));
  return base;
}

std::optional<Base> made_base(const std::string& state, const std::string& id) {
  auto base = read_base(state, id);
  if (!base) return {};
  (void)os::remove_tree(base_dir(state, id) + ".lock");  // see Staging::publish
  return std::move(*base);
}

Result<void> hide_base(const std::string& state, const std::string& id, const char* suffix) {
  if (!is_safe(id)) return fail(fmt::format("\"{}\" is no base's identifier", id));
  const std::string dir = base_dir(state, id), hidden = dir + suffix;
  if (!os::exists(dir)) return {};
  if (auto done = os::remove_tree(hidden); !done) return done;
  return os::publish(dir, hidden);
}

Result<void> remove_base(const std::string& state, const std::string& id) {
  if (!os::exists(bases_of(state))) return {};
  if (auto done = hide_base(state, id); !done) return done;
  const std::string dir = base_dir(state, id);
  fault::point("backup.remove:renamed");
  if (auto done = os::remove_tree(dir + ".gone"); !done) return done;
  if (auto done = os::remove_tree(dir + ".damaged"); !done) return done;
  auto lock = os::LockFile::acquire(dir + ".lock", "the making of base " + id);
  if (!lock) return tl::unexpected(lock.error());  // somebody makes it right now
  if (auto done = os::remove_tree(dir + ".tmp"); !done) return done;
  return os::remove_tree(dir + ".lock");
}

Staging::Staging(std::string state, std::string id, os::LockFile lock)
    : state_(std::move(state)),
      id_(std::move(id)),
      root_(base_dir(state_, id_) + ".tmp"),
      lock_(std::move(lock)),
      unfinished_(std::make_unique<Remover>()) {}

Staging::Remover::~Remover() {
  if (!path.empty()) (void)os::remove_tree(path);
}

Result<Staging> Staging::open(const std::string& state, const std::string& id,
                              const std::function<Result<void>()>& before_clearing) {
  if (!is_safe(id)) return fail(fmt::format("\"{}\" is no base's identifier", id));
  // Searchable by all: the private server that rolls a base forward runs as its instance's user below the .tmp.
  if (auto made = os::ensure_dir(bases_of(state), 0711); !made) return tl::unexpected(made.error());
  auto lock = os::LockFile::acquire(base_dir(state, id) + ".lock", "the making of base " + id);
  if (!lock) return tl::unexpected(lock.error());
  Staging s(state, id, std::move(*lock));
  if (made_base(state, id)) return s;
  if (before_clearing) {
    if (auto done = before_clearing(); !done) return tl::unexpected(done.error());
  }
  if (auto gone = os::remove_tree(s.root_); !gone) return tl::unexpected(gone.error());
  s.unfinished_->path = s.root_;
  for (const auto& dir : {s.root_, s.wal()}) {
    if (auto made = os::ensure_dir(dir, 0700); !made) return tl::unexpected(made.error());
  }
  return s;
}

std::optional<Base> Staging::finished() const {
  if (!os::exists(base_dir(state_, id_))) return {};
  auto base = read_base(state_, id_);
  return base ? std::optional(*base) : std::nullopt;
}

Result<Base> Staging::publish(Base base, CopiedData copied) {
  base.id = id_;
  base.bytes = copied.bytes;
  auto manifest = render_backup_manifest(std::move(copied.files), base.end.timeline, base.start.lsn, base.end.lsn);
  if (auto done = os::write_file_atomic(data() + "/backup_manifest", manifest, 0600); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = os::write_file_atomic(root_ + "/manifest.json", render_base(base), 0600); !done) {
    return tl::unexpected(done.error());
  }
  if (auto synced = os::sync_fs(root_); !synced) return tl::unexpected(synced.error());
  fault::point("backup.base:synced");
  const std::string dir = base_dir(state_, id_);
  if (os::exists(dir)) return fail(dir + " exists and is no complete base: remove it first");
  if (auto done = os::publish(root_, dir); !done) return tl::unexpected(done.error());
  unfinished_->path.clear();
  fault::point("backup.base:published");
  (void)os::remove_tree(dir + ".lock");  // whoever waits for it finds the base
  return base;
}

Result<void> place_wal(const std::vector<std::string>& files, const std::string& directory, Blocks blocks) {
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::optional<Error> error;  // guarded by mutex
  auto worker = [&] {
    for (size_t i; (i = next++) < files.size();) {
      const bool written_to = i + 2 >= files.size();
      auto done = place_one(files[i], directory, blocks == Blocks::kShared && written_to ? Blocks::kCopied : blocks);
      if (done) continue;
      const std::lock_guard lock(mutex);
      if (!error) error = done.error();
      next = files.size();
    }
  };
  {
    std::optional<std::jthread> helper;
    if (files.size() > 1 && os::threads(2) > 1) helper.emplace(worker);
    worker();
  }
  if (error) return tl::unexpected(*error);
  return {};
}

bool can_share(const std::string& file, const std::string& directory) {
  const std::string trial = directory + "/trial";
  const os::Fd from = open_segment(file);
  const os::Fd to(open(trial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  const bool can = from && to && clone(from, to);
  (void)unlink(trial.c_str());
  return can;
}

bool shares_blocks(const std::string& state, const Base& base) {
  return can_share(base_dir(state, base.id) + "/manifest.json", state);
}

}  // namespace howdah::backup
