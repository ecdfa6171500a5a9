#include "repository/chunk_reader.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <tuple>

#include <fmt/format.h>

#include "repository/base_reader.h"
#include "repository/difference.h"

namespace howdah::repository {
namespace {

constexpr uint64_t kPiece = 8 << 20;  // read at once
constexpr size_t kDifferences = 64;   // put together at once: their bases take kChunk each

auto place(const Wanted& w) { return std::tuple(w.ref.pack, w.ref.offset); }

class Reading {
 public:
  Reading(const ChunkReading& r, const std::vector<Wanted>& wanted, const OnChunk& on_chunk)
      : r_(r), wanted_(wanted), on_chunk_(on_chunk) {
    for (size_t begin = 0; begin < wanted.size();) {
      size_t end = begin + 1;
      while (end < wanted.size() && joins(begin, end)) end++;
      pieces_.push_back({begin, end});
      begin = end;
    }
  }

  Result<void> run() {
    {
      std::vector<std::jthread> workers;
      for (unsigned i = 0; i < r_.threads; i++) workers.emplace_back([this, i] { work(i); });
    }
    if (error_) return tl::unexpected(*error_);
    return {};
  }

 private:
  struct Piece {
    size_t begin, end;
  };
  struct Worker {
    Worker(const ChunkReading& r, unsigned worker)
        : number(worker),
          packs(r.storage, r.data_key, r.packs),
          bases(r.storage, r.data_key, r.packs),
          hash(r.data_key, r.resource) {}
    unsigned number;
    PackCursor packs;
    BaseReader bases;
    Hasher hash;
    Decompressor decompress;
    std::string bytes, scratch, plain = std::string(kChunk, '\0');
  };

  static uint64_t end_of(const Wanted& w) { return uint64_t{w.ref.offset} + w.ref.sealed; }
  bool joins(size_t begin, size_t at) const {
    const Wanted &first = wanted_[begin], &last = wanted_[at - 1], &w = wanted_[at];
    return w.ref.pack == first.ref.pack && end_of(w) - first.ref.offset <= kPiece &&
           w.ref.offset <= end_of(last) + kSkip && (w.ref.base == kInFull || at - begin < kDifferences);
  }

  void work(unsigned worker) {
    try {
      Worker w(r_, worker);
      for (size_t i = next_++; i < pieces_.size() && !stop_; i = next_++) {
        if (auto done = read(w, pieces_[i]); !done) return give_up(done.error());
      }
    } catch (const std::exception& e) {
      give_up({e.what(), false});
    }
  }

  void give_up(const Error& e) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = e;
    stop_ = true;
  }

  Result<void> read(Worker& w, Piece piece) {
    const Wanted &first = wanted_[piece.begin], &last = wanted_[piece.end - 1];
    const auto pack = w.packs.at(first.ref.pack);
    if (!pack) return lost(w, piece, pack.error());
    const size_t size = end_of(last) - first.ref.offset;
    if (w.bytes.size() < size) w.bytes.resize(size);
    if (auto done = r_.storage.read(r_.packs[first.ref.pack], first.ref.offset, w.bytes.data(), size); !done) {
      if (piece.end - piece.begin > 1 && !done.error().retry) return one_by_one(w, piece);
      return lost(w, piece, done.error());
    }
    std::vector<Ref> needed;
    each(piece, [&](size_t i, size_t) {
      if (const Ref& ref = wanted_[i].ref; ref.base != kInFull) needed.push_back(r_.bases[ref.base]);
      return Result<void>{};
    });
    const auto bases = w.bases.read(needed);
    if (!bases) return tl::unexpected(bases.error());
    size_t used = 0;
    return each(piece, [&](size_t i, size_t end) {
      const Ref& ref = wanted_[i].ref;
      const std::string_view sealed(w.bytes.data() + (ref.offset - first.ref.offset), ref.sealed);
      const bool whole = ref.base == kInFull;
      std::string why;
      const size_t n = open_chunk(w, **pack, ref, sealed, whole ? std::string_view{} : (*bases)[used++], why);
      return on_chunk_(w.number, &wanted_[i], &wanted_[i] + (end - i), {w.plain.data(), n}, why);
    });
  }

  /// Leaves the chunk in w.plain; its length, or 0 when it is damaged, for the reason in `why`.
  size_t open_chunk(Worker& w, PackReader& pack, const Ref& ref, std::string_view sealed, std::string_view base,
                    std::string& why) {
    const Ref* base_ref = ref.base == kInFull ? nullptr : &r_.bases[ref.base];
    const size_t n =
        pack.chunk(ref, base_ref == nullptr ? nullptr : &base_ref->id, sealed, w.plain.data(), w.decompress, w.scratch);
    if (n == 0) {
      why = fmt::format("the chunk at byte {} is damaged", ref.offset);
      return 0;
    }
    if (base_ref == nullptr) return n;
    if (base.empty()) {
      why = fmt::format("the chunk at byte {} is the difference to one that is damaged, at byte {} of {}", ref.offset,
                        base_ref->offset, r_.packs[base_ref->pack]);
      return 0;
    }
    difference({w.plain.data(), n}, base, w.plain.data());
    if (w.hash.matches({w.plain.data(), n}, ref.id)) return n;
    why = fmt::format("the chunk at byte {} has another hash than it had", ref.offset);
    return 0;
  }

  /// f(begin, end) for each chunk's wanted, which lie beside each other.
  template <class F>
  Result<void> each(Piece piece, F&& f) {
    for (size_t i = piece.begin, end = i; i < piece.end; i = end) {
      while (end < piece.end && place(wanted_[end]) == place(wanted_[i])) end++;
      if (auto done = f(i, end); !done) return done;
    }
    return {};
  }

  /// Of a truncated pack the beginning is still good.
  Result<void> one_by_one(Worker& w, Piece piece) {
    return each(piece, [&](size_t i, size_t end) {
      std::string byte(1, '\0');
      const auto there = r_.storage.read(r_.packs[wanted_[i].ref.pack], end_of(wanted_[i]) - 1, byte.data(), 1);
      return there ? read(w, {i, end}) : lost(w, {i, end}, there.error());
    });
  }

  Result<void> lost(Worker& w, Piece piece, const Error& why) {
    if (why.retry) return tl::unexpected(why);  // not damage: the storage can't be reached
    for (size_t i = piece.begin; i < piece.end; i++) {
      if (auto done = on_chunk_(w.number, &wanted_[i], &wanted_[i] + 1, {}, why.message); !done) return done;
    }
    return {};
  }

  const ChunkReading& r_;
  const std::vector<Wanted>& wanted_;
  const OnChunk& on_chunk_;
  std::vector<Piece> pieces_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;  // guards error_
  std::optional<Error> error_;
};

}  // namespace

Result<void> read_chunks(const ChunkReading& reading, std::vector<Wanted>& wanted, const OnChunk& on_chunk) {
  std::sort(wanted.begin(), wanted.end(), [](const auto& a, const auto& b) { return place(a) < place(b); });
  return Reading(reading, wanted, on_chunk).run();
}

}  // namespace howdah::repository
