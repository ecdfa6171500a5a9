// Checking everything that backups need: each chunk is read, decrypted, decompressed and hashed once, however many
// backups share it. Then the damage is looked for in every manifest, so that it can be said what is lost and what
// isn't.
#include <algorithm>
#include <mutex>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "repository/chunk_reader.h"
#include "repository/repository.h"

namespace howdah::repository {
namespace {

constexpr size_t kNamed = 20;
constexpr size_t kSegmentName = 24;  // 8 digits each: timeline, and two of its number, the second below 256

uint64_t segment_number(const std::string& name) {
  return std::stoull(name.substr(8, 8), nullptr, 16) << 8 | std::stoull(name.substr(16), nullptr, 16);
}

std::string segment_name(const std::string& timeline, uint64_t number) {
  return fmt::format("{}{:08X}{:08X}", timeline, number >> 8, number & 255);
}

}  // namespace

class Verifying {
 public:
  Verifying(const Repository& r, const std::string& resource, Verified& out) : r_(r), resource_(resource), out_(out) {}

  Result<void> run() {
    if (auto done = collect(); !done) return done;
    if (auto done = read_all(); !done) return done;
    forgive_differences();
    if (!bad_.empty()) {
      if (auto done = name_affected(); !done) return done;
    }
    return check_wal();
  }

 private:
  using Place = uint64_t;  // pack number and offset

  uint32_t number_of(const Pack& p) {
    const auto [it, fresh] = numbers_.emplace(p.name, static_cast<uint32_t>(packs_.size()));
    if (fresh) packs_.push_back(p.name);
    return it->second;
  }
  uint32_t number_of_base(const Ref& r) {
    const auto [it, fresh] = base_numbers_.emplace(place(r.pack, r.offset), static_cast<uint32_t>(bases_.size()));
    if (fresh) bases_.push_back(r);
    return it->second;
  }
  void want(const Ref& r) {
    if (seen_.insert(place(r.pack, r.offset)).second) wanted_.push_back({r});
  }
  static Place place(uint32_t pack, uint32_t offset) { return uint64_t{pack} << 32 | offset; }

  Result<void> collect() {
    const auto ids = r_.backups(resource_);
    if (!ids) return tl::unexpected(ids.error());
    for (const auto& id : *ids) {
      const auto m = r_.manifest(resource_, id);
      if (!m && m.error().retry) return tl::unexpected(m.error());
      out_.backups++;
      if (!m) {
        out_.damages.push_back({manifest_prefix(resource_) + id, m.error().message, {resource_ + "/" + id}});
        out_.unusable.push_back(resource_ + "/" + id);
        continue;
      }
      good_.push_back(id);
      if (m->wal_from.size() == kSegmentName) {
        const uint64_t from = segment_number(m->wal_from);
        wal_from_ = std::min(from, wal_from_.value_or(from));
      }
      std::vector<uint32_t> bases;
      for (Ref r : m->bases) {
        r.pack = number_of(m->packs[r.pack]);
        bases.push_back(number_of_base(r));
        want(r);
      }
      for (Ref r : m->refs) {
        r.pack = number_of(m->packs[r.pack]);
        if (r.base != kInFull) r.base = bases[r.base];
        want(r);
      }
    }
    return {};
  }

  Result<void> read_all() {
    std::vector<Hasher> hashers;
    for (unsigned i = 0; i < r_.threads_; i++) hashers.emplace_back(r_.data_key_, resource_);
    std::mutex mutex;  // guards out_ and bad_
    return read_chunks({*r_.storage_, r_.data_key_, resource_, packs_, bases_, r_.threads_}, wanted_,
                       [&](unsigned worker, const Wanted* first, const Wanted*, std::string_view plain,
                           const std::string& why) -> Result<void> {
                         const Ref& ref = first->ref;
                         const bool good =
                             !plain.empty() && (ref.base != kInFull || hashers[worker].matches(plain, ref.id));
                         const std::lock_guard lock(mutex);
                         out_.chunks++;
                         out_.bytes += plain.size();
                         if (!good) bad_[place(ref.pack, ref.offset)] = why.empty() ? "wrong hash" : why;
                         return {};
                       });
  }

  /// A difference to a damaged chunk is lost with it, but it is not what is damaged.
  void forgive_differences() {
    for (const auto& w : wanted_) {
      if (w.ref.base == kInFull) continue;
      const Ref& base = bases_[w.ref.base];
      if (bad_.contains(place(base.pack, base.offset))) bad_.erase(place(w.ref.pack, w.ref.offset));
    }
  }

  /// The pack whose damage the chunk suffers from, if any.
  const Pack* damaged(const Manifest& m, const Ref& r) {
    for (const Ref& one : {r, r.base == kInFull ? r : m.bases[r.base]}) {
      const Pack& pack = m.packs[one.pack];
      if (bad_.contains(place(number_of(pack), one.offset))) return &pack;
    }
    return nullptr;
  }

  Result<void> name_affected() {
    std::map<std::string, Damage> by_pack;
    for (const auto& [at, why] : bad_) {
      Damage& d = by_pack[packs_[at >> 32]];
      d.object = packs_[at >> 32];
      if (d.what.empty() || why < d.what) d.what = why;
    }
    for (const auto& id : good_) {
      const auto m = r_.manifest(resource_, id);
      if (!m) return tl::unexpected(m.error());
      bool usable = true;
      for (const auto& file : m->files) {
        for (size_t c = file.first; c < file.first + file.count; c++) {
          const Pack* pack = damaged(*m, m->refs[c]);
          if (pack == nullptr) continue;
          usable = false;
          auto& affects = by_pack[pack->name].affects;
          const std::string what = fmt::format("{}/{}: {}", resource_, id, file.path);
          if (affects.size() < kNamed && (affects.empty() || affects.back() != what)) affects.push_back(what);
        }
      }
      if (!usable) out_.unusable.push_back(resource_ + "/" + id);
    }
    for (auto& [name, damage] : by_pack) out_.damages.push_back(std::move(damage));
    return {};
  }

  Result<void> check_wal() {
    const auto names = r_.list_wal(resource_);
    if (!names) return tl::unexpected(names.error());
    std::string before;
    for (const auto& name : *names) {
      out_.segments++;
      if (name.size() == kSegmentName) {
        if (!before.empty()) look_between(before, name);
        before = name;
      }
      const auto text = r_.get_wal(resource_, name);
      if (text) continue;
      if (text.error().retry) return tl::unexpected(text.error());
      out_.damages.push_back({wal_prefix(resource_) + name,
                              text.error().message,
                              {fmt::format("{}: every point in time after the start of {}", resource_, name)}});
    }
    return {};
  }

  /// Segments follow each other without a gap, on a timeline and where the next one branches off, from where the oldest
  /// backup begins.
  void look_between(const std::string& before, const std::string& name) {
    const uint64_t first = std::max(segment_number(before) + 1, wal_from_.value_or(0)), next = segment_number(name);
    if (first >= next) return;
    const std::string timeline = before.substr(0, 8), missing = segment_name(timeline, first);
    const std::string last = segment_name(timeline, next - 1);
    out_.damages.push_back({wal_prefix(resource_) + missing,
                            missing == last ? "it is missing" : "it is missing, and all up to " + last,
                            {fmt::format("{}: restores over it, until there is a later backup", resource_)}});
  }

  const Repository& r_;
  const std::string& resource_;
  Verified& out_;
  std::optional<uint64_t> wal_from_;  // of the oldest backup
  std::vector<std::string> packs_, good_;
  std::map<std::string, uint32_t> numbers_;
  std::vector<Ref> bases_;
  std::map<Place, uint32_t> base_numbers_;
  std::set<Place> seen_;
  std::vector<Wanted> wanted_;
  std::map<Place, std::string> bad_;
};

Result<Verified> Repository::verify(const std::string& resource) const {
  std::vector<std::string> names{resource};
  if (resource.empty()) {
    auto all = resources();
    if (!all) return tl::unexpected(all.error());
    names = std::move(*all);
  }
  Verified out;
  for (const auto& name : names) {
    if (auto done = Verifying(*this, name, out).run(); !done) return tl::unexpected(done.error());
  }
  return out;
}

}  // namespace howdah::repository
