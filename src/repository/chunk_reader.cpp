#include "repository/chunk_reader.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <tuple>

#include <fmt/format.h>

namespace howdah::repository {
namespace {

constexpr uint64_t kPiece = 8 << 20;   // read at once
constexpr uint64_t kSkip = 256 << 10;  // a gap that is cheaper to read than to go around

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
    unsigned number;
    Decompressor decompress;
    std::optional<PackReader> pack;  // the one that was read last
    uint32_t pack_number = 0;
    std::string bytes, scratch, plain = std::string(kChunk, '\0');
  };

  static uint64_t end_of(const Wanted& w) { return uint64_t{w.ref.offset} + w.ref.sealed; }
  bool joins(size_t begin, size_t at) const {
    const Wanted &first = wanted_[begin], &last = wanted_[at - 1], &w = wanted_[at];
    return w.ref.pack == first.ref.pack && end_of(w) - first.ref.offset <= kPiece &&
           w.ref.offset <= end_of(last) + kSkip;
  }

  void work(unsigned worker) {
    try {
      Worker w{worker};
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

  Result<void> open_pack(Worker& w, uint32_t number) {
    if (w.pack && w.pack_number == number) return {};
    const std::string& name = r_.packs[number];
    std::string head(kPackHead, '\0');
    w.pack.reset();
    if (auto done = r_.storage.read(name, 0, head.data(), head.size()); !done) return done;
    auto opened = PackReader::open(r_.data_key, name, head);
    if (!opened) return tl::unexpected(opened.error());
    w.pack = std::move(*opened);
    w.pack_number = number;
    return {};
  }

  Result<void> read(Worker& w, Piece piece) {
    const Wanted &first = wanted_[piece.begin], &last = wanted_[piece.end - 1];
    const std::string& name = r_.packs[first.ref.pack];
    if (auto done = open_pack(w, first.ref.pack); !done) return lost(w, piece, done.error());
    const size_t size = end_of(last) - first.ref.offset;
    if (w.bytes.size() < size) w.bytes.resize(size);
    if (auto done = r_.storage.read(name, first.ref.offset, w.bytes.data(), size); !done) {
      if (piece.end - piece.begin > 1 && !done.error().retry) return one_by_one(w, piece);
      return lost(w, piece, done.error());
    }
    for (size_t i = piece.begin; i < piece.end;) {
      size_t end = i + 1;
      while (end < piece.end && place(wanted_[end]) == place(wanted_[i])) end++;
      const Ref& ref = wanted_[i].ref;
      const std::string_view sealed(w.bytes.data() + (ref.offset - first.ref.offset), ref.sealed);
      const size_t n = w.pack->chunk(ref, sealed, w.plain.data(), w.decompress, w.scratch);
      const std::string why = n > 0 ? "" : fmt::format("the chunk at byte {} is damaged", ref.offset);
      if (auto done = on_chunk_(w.number, &wanted_[i], &wanted_[i] + (end - i), {w.plain.data(), n}, why); !done) {
        return done;
      }
      i = end;
    }
    return {};
  }

  /// Of a truncated pack the beginning is still good.
  Result<void> one_by_one(Worker& w, Piece piece) {
    for (size_t i = piece.begin; i < piece.end;) {
      size_t end = i + 1;
      while (end < piece.end && place(wanted_[end]) == place(wanted_[i])) end++;
      std::string byte(1, '\0');
      const Ref& ref = wanted_[i].ref;
      const auto there = r_.storage.read(r_.packs[ref.pack], end_of(wanted_[i]) - 1, byte.data(), 1);
      const auto done = there ? read(w, {i, end}) : lost(w, {i, end}, there.error());
      if (!done) return done;
      i = end;
    }
    return {};
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
