// Storing a tree. Workers cut files into chunks, hash them, and seal what is new into a pack of their own; one thread
// writes full packs. What is like a chunk at its place in the newest backup is stored as the difference to it, where
// that is quickly read. The manifest comes last. A put that was killed leaves packs under its own backup's name, whose
// chunks the next try finds again.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "os/fd.h"
#include "repository/base_reader.h"
#include "repository/difference.h"
#include "repository/keys.h"
#include "repository/known.h"
#include "repository/repository.h"
#include "repository/tree.h"
#include "util/fault_point.h"
#include "util/id.h"

namespace howdah::repository {
namespace {

constexpr size_t kUnit = 64;        // chunks of one file that a worker takes at a time
constexpr size_t kReadAhead = 8;    // chunks read by one call
constexpr size_t kCloseEnough = 4;  // a difference of at most 1/4 of a chunk is worth a try
constexpr uint32_t kNone = UINT32_MAX;
constexpr size_t kWaiting = 2;  // full packs that may wait for the writer

tl::unexpected<Error> failed(const char* what, const std::string& path) {
  return fail(fmt::format("cannot {} {}: {}", what, path, strerror(errno)));
}

}  // namespace

class Putting {
 public:
  Putting(const Repository& repository, const PutSpec& spec) : r_(repository), spec_(spec) {}

  Result<PutStats> run() {
    m_.resource = spec_.resource;
    m_.id = spec_.id;
    m_.created = spec_.now;
    m_.about = spec_.about;
    m_.wal_from = spec_.wal_from;
    if (auto done = list_tree(spec_.directory, m_); !done) return tl::unexpected(done.error());
    auto known = learn(r_, spec_.resource, spec_.id);
    if (!known) return tl::unexpected(known.error());
    known_ = std::move(*known);
    for (const auto& p : known_.packs) pack_names_.push_back(p.name);
    if (r_.storage_->near()) like_ = std::move(known_.like);
    plan();
    if (auto done = work(); !done) return tl::unexpected(done.error());
    return publish();
  }

 private:
  struct Unit {
    size_t file, first, count;  // in chunks of the file
  };
  struct FullPack {
    uint32_t number;
    PackWriter pack;
  };

  void plan() {
    size_t chunks = 0;
    for (size_t f = 0; f < m_.files.size(); f++) {
      File& file = m_.files[f];
      file.first = chunks;
      file.count = (file.size + kChunk - 1) / kChunk;
      chunks += file.count;
      for (size_t at = 0; at < file.count; at += kUnit) units_.push_back({f, at, std::min(kUnit, file.count - at)});
    }
    chunk_of_.resize(chunks);
    stats_.bytes = m_.bytes;
    stats_.chunks = chunks;
  }

  Result<void> work() {
    {
      std::jthread writer([this] { write_packs(); });
      {
        std::vector<std::jthread> workers;
        for (unsigned i = 0; i < r_.threads_; i++)
          workers.emplace_back([this] { guarded([this] { return take_units(); }); });
      }
      const std::lock_guard lock(mutex_);
      finished_ = true;
      changed_.notify_all();
    }
    if (error_) return tl::unexpected(*error_);
    return {};
  }

  template <class F>
  void guarded(F&& f) {
    try {
      if (auto done = f(); !done) give_up(done.error());
    } catch (const std::exception& e) {
      give_up({e.what(), false});
    }
  }

  void give_up(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
    changed_.notify_all();
  }

  /// What a worker works with.
  struct Worker {
    explicit Worker(const Putting& p)
        : hash(p.r_.data_key_, p.spec_.resource), bases(*p.r_.storage_, p.r_.data_key_, p.pack_names_) {}
    Hasher hash;
    BaseReader bases;
    Compressor compress;
    std::optional<FullPack> pack;
    std::string difference = std::string(kChunk, '\0');
  };
  /// A chunk that is not stored yet: `number` in known_.refs is its.
  struct Fresh {
    uint32_t number;
    ChunkId id;
    std::string_view plain;
    uint32_t like;  // what it may be stored as the difference to, in known_.refs
  };

  Result<void> take_units() {
    Worker w(*this);
    std::vector<char> buffer(kReadAhead * kChunk);
    os::Fd fd;
    size_t open_file = SIZE_MAX;
    for (size_t u = next_++; u < units_.size(); u = next_++) {
      const Unit unit = units_[u];
      const File& file = m_.files[unit.file];
      const std::string path = spec_.directory + "/" + file.path;
      if (unit.file != open_file) {
        fd = os::Fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
        if (!fd) return failed("open", path);
        open_file = unit.file;
      }
      for (size_t at = 0; at < unit.count; at += kReadAhead) {
        const size_t first = unit.first + at, count = std::min(kReadAhead, unit.count - at);
        const size_t size = std::min<uint64_t>(count * kChunk, file.size - first * kChunk);
        if (auto done = read_exactly(fd, path, buffer.data(), size, first * kChunk); !done) return done;
        if (auto done = store(w, file, first, {buffer.data(), size}); !done) return done;
        const std::lock_guard lock(mutex_);
        if (error_) return {};
      }
    }
    if (w.pack) (void)hand_over(w.pack);
    return {};
  }

  static Result<void> read_exactly(const os::Fd& fd, const std::string& path, char* out, size_t size, uint64_t at) {
    while (size > 0) {
      const ssize_t n = pread(fd.get(), out, size, static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed("read", path);
      if (n == 0) return fail(path + " became shorter while it was stored");
      out += n;
      at += static_cast<uint64_t>(n);
      size -= static_cast<size_t>(n);
    }
    return {};
  }

  /// Stores what is new of chunks that follow each other in a file, from its chunk `first` on.
  Result<void> store(Worker& w, const File& file, size_t first, std::string_view bytes) {
    const auto like = like_.find(file.path);
    std::vector<Fresh> fresh;
    std::vector<Ref> bases;  // of those that have one
    for (size_t c = first; !bytes.empty(); c++) {
      const std::string_view plain = bytes.substr(0, kChunk);
      bytes.remove_prefix(plain.size());
      const bool has_like = like != like_.end() && c < like->second.size();
      claim({0, w.hash(plain), plain, has_like ? like->second[c] : kInFull}, chunk_of_[file.first + c], fresh, bases);
    }
    const auto plains = w.bases.read(bases);
    if (!plains) return tl::unexpected(plains.error());
    size_t used = 0;
    for (const auto& f : fresh) {
      const size_t n = used;
      const bool try_difference = f.like != kInFull && !(*plains)[used++].empty();
      open_pack(w);
      Ref ref = try_difference ? seal(w, f, bases[n], (*plains)[n]) : w.pack->pack.add(f.id, f.plain, w.compress);
      ref.pack = w.pack->number;
      {
        const std::lock_guard lock(mutex_);
        known_.refs[f.number] = ref;
      }
      if (w.pack->pack.full() && !hand_over(w.pack)) return {};
    }
    return {};
  }

  /// Finds the chunk's number. One that another worker is sealing right now counts as stored: all or nothing.
  void claim(Fresh chunk, uint32_t& number, std::vector<Fresh>& fresh, std::vector<Ref>& bases) {
    const std::lock_guard lock(mutex_);
    const auto [it, is_new] = known_.chunks.emplace(chunk.id, static_cast<uint32_t>(known_.refs.size()));
    number = chunk.number = it->second;
    if (!is_new) {
      stats_.reused++;
      return;
    }
    known_.refs.emplace_back();
    if (chunk.like != kInFull) bases.push_back(known_.refs[chunk.like]);
    fresh.push_back(chunk);
  }

  void open_pack(Worker& w) {
    if (w.pack) return;
    const std::lock_guard lock(mutex_);
    const std::string name = pack_prefix(spec_.resource) + spec_.id + "/" + id::uuid();
    std::string buffer;
    if (!spare_.empty()) {
      buffer = std::move(spare_.back());
      spare_.pop_back();
    }
    w.pack.emplace(FullPack{known_.add_pack({name, 0}), PackWriter(r_.data_key_, name, std::move(buffer))});
  }

  /// As the difference to `base`, if that is small.
  static Ref seal(Worker& w, const Fresh& f, const Ref& base, std::string_view base_plain) {
    if (difference(f.plain, base_plain, w.difference.data()) <= f.plain.size() / kCloseEnough) {
      auto ref = w.pack->pack.add_difference(f.id, {w.difference.data(), f.plain.size()}, base, w.compress);
      if (ref) {
        ref->base = f.like;
        return *ref;
      }
    }
    return w.pack->pack.add(f.id, f.plain, w.compress);
  }

  /// Waits while the writer has enough to do. False: something failed.
  bool hand_over(std::optional<FullPack>& pack) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return full_.size() < kWaiting || error_; });
    if (error_) return false;
    full_.push_back(std::move(*pack));
    pack.reset();
    changed_.notify_all();
    return true;
  }

  void write_packs() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !full_.empty() || finished_ || error_; });
      if (error_ || full_.empty()) return;
      FullPack one = std::move(full_.front());
      full_.erase(full_.begin());
      changed_.notify_all();
      lock.unlock();
      guarded([&]() -> Result<void> { return write_pack(one); });
    }
  }

  Result<void> write_pack(FullPack& one) {
    std::string bytes = one.pack.finish();
    fault::point("repository.pack:sealed");
    const auto done = r_.storage_->put(one.pack.name(), bytes);
    if (!done) return tl::unexpected(done.error());
    if (!*done) return fail(one.pack.name() + " exists already");
    fault::point("repository.pack:stored");
    const std::lock_guard lock(mutex_);
    known_.packs[one.number].size = bytes.size();
    stats_.added += bytes.size();
    spare_.push_back(std::move(bytes));
    return {};
  }

  /// Only the packs that it needs are named. They are looked at once more: another machine's gc may have taken one.
  Result<PutStats> publish() {
    std::vector<uint32_t> packs(known_.packs.size(), kNone), bases(known_.refs.size(), kNone);
    const auto numbered = [&](Ref r) {
      if (packs[r.pack] == kNone) {
        packs[r.pack] = static_cast<uint32_t>(m_.packs.size());
        m_.packs.push_back(known_.packs[r.pack]);
      }
      r.pack = packs[r.pack];
      return r;
    };
    m_.refs.reserve(chunk_of_.size());
    for (const uint32_t c : chunk_of_) {
      Ref r = numbered(known_.refs[c]);
      if (r.base != kInFull) {
        uint32_t& base = bases[r.base];
        if (base == kNone) {
          base = static_cast<uint32_t>(m_.bases.size());
          m_.bases.push_back(numbered(known_.refs[r.base]));
        }
        r.base = base;
      }
      m_.refs.push_back(r);
    }
    for (const auto& p : m_.packs) {
      if (p.name.starts_with(pack_prefix(spec_.resource) + spec_.id + "/")) m_.added += p.size;
    }
    const auto objects = r_.storage_->list(pack_prefix(spec_.resource));
    if (!objects) return tl::unexpected(objects.error());
    std::map<std::string, uint64_t> there;
    for (const auto& o : *objects) there[o.name] = o.size;
    for (const auto& p : m_.packs) {
      if (!there.contains(p.name)) return fail_for_now(p.name + " was removed meanwhile: store the backup again");
    }
    if (auto done = keep_reader(*r_.storage_); !done) return tl::unexpected(done.error());
    const std::string name = manifest_prefix(spec_.resource) + spec_.id;
    fault::point("repository.manifest:before");
    const auto done = r_.storage_->put(name, seal_text(r_.data_key_, name, render_manifest(m_)));
    if (!done) return tl::unexpected(done.error());
    fault::point("repository.manifest:stored");
    return stats_;
  }

  const Repository& r_;
  const PutSpec& spec_;
  Manifest m_;
  std::vector<Unit> units_;
  std::vector<uint32_t> chunk_of_;  // of every file, one behind the other: number in known_.refs
  std::unordered_map<std::string, std::vector<uint32_t>> like_;  // Known::like; empty when differences don't pay
  std::vector<std::string> pack_names_;                          // of the packs that were there before
  std::atomic<size_t> next_{0};

  std::mutex mutex_;  // guards everything below while the workers run
  std::condition_variable changed_;
  Known known_;
  std::vector<FullPack> full_;
  std::vector<std::string> spare_;  // buffers of packs that were written
  std::optional<Error> error_;
  bool finished_ = false;
  PutStats stats_;
};

Result<PutStats> Repository::put(const PutSpec& spec) const {
  for (const auto& name : {spec.resource, spec.id}) {
    if (!is_plain_name(name)) return fail(fmt::format("'{}' can't be a name in a repository", name));
  }
  const auto held = lock(spec.resource);
  if (!held) return tl::unexpected(held.error());
  const auto there = has(spec.resource, spec.id);
  if (!there) return tl::unexpected(there.error());
  if (*there) return PutStats{.existed = true};
  return Putting(*this, spec).run();
}

}  // namespace howdah::repository
