#include "repository/known.h"

#include <algorithm>
#include <map>
#include <optional>

#include "repository/repository.h"
#include "util/log.h"

namespace howdah::repository {
namespace {

constexpr uint64_t kWorthKeeping = 4;  // a pack of which less than 1/4 is still needed is not used again

}  // namespace

uint32_t Known::add_pack(Pack p) {
  packs.push_back(std::move(p));
  return static_cast<uint32_t>(packs.size() - 1);
}

uint32_t Known::add(const Ref& ref) {
  const auto [it, fresh] = chunks.emplace(ref.id, static_cast<uint32_t>(refs.size()));
  if (fresh) refs.push_back(ref);
  return it->second;
}

class Learning {
 public:
  Learning(const Repository& r, const std::string& resource, const std::string& id)
      : r_(r), resource_(resource), id_(id) {}

  Result<Known> run() {
    const auto objects = r_.storage_->list(pack_prefix(resource_));
    if (!objects) return tl::unexpected(objects.error());
    std::map<std::string, uint64_t> there;
    for (const auto& o : *objects) there[o.name] = o.size;
    if (auto done = learn_newest(there); !done) return tl::unexpected(done.error());
    for (const auto& o : *objects) {
      if (!o.name.starts_with(pack_prefix(resource_) + id_ + "/")) continue;
      if (auto done = learn_pack(o); !done) return tl::unexpected(done.error());
    }
    return std::move(known_);
  }

 private:
  Result<std::optional<Manifest>> newest() {
    const auto names = r_.backups(resource_);
    if (!names) return tl::unexpected(names.error());
    std::optional<Manifest> newest;
    for (const auto& id : *names) {
      auto one = r_.manifest(resource_, id, true);
      if (!one) {
        log::warn("a manifest can't be read; its chunks are stored again", {{"error", one.error().message}});
        if (one.error().retry) return tl::unexpected(one.error());
        continue;
      }
      if (!newest || newest->created < one->created) newest = std::move(*one);
    }
    if (!newest) return newest;
    auto whole = r_.manifest(resource_, newest->id);
    if (!whole) return tl::unexpected(whole.error());
    return std::move(*whole);
  }

  Result<void> learn_newest(const std::map<std::string, uint64_t>& there) {
    const auto newest = this->newest();
    if (!newest) return tl::unexpected(newest.error());
    if (!*newest) return {};
    const Manifest& m = **newest;
    std::vector<uint64_t> used(m.packs.size());
    for (const auto* refs : {&m.refs, &m.bases}) {
      for (const auto& r : *refs) used[r.pack] += r.sealed;
    }
    std::vector<std::optional<uint32_t>> number(m.packs.size());
    for (size_t i = 0; i < used.size(); i++) {
      const Pack& p = m.packs[i];
      const auto it = there.find(p.name);
      if (it == there.end() || it->second != p.size) {
        log::warn("a pack is missing or damaged; what it held is stored again", {{"pack", p.name}});
      } else if (used[i] * kWorthKeeping >= p.size) {
        number[i] = known_.add_pack(p);
      }
    }
    learn_chunks(m, number);
    return {};
  }

  /// `number` is that of each of the manifest's packs in known_, of those that may be used.
  void learn_chunks(const Manifest& m, const std::vector<std::optional<uint32_t>>& number) {
    std::vector<uint32_t> bases;  // first, so that of an id the chunk that stands in full counts
    for (Ref r : m.bases) {
      const auto pack = number[r.pack];
      r.pack = pack.value_or(0);
      bases.push_back(pack ? known_.add(r) : kInFull);
    }
    for (const auto& file : m.files) {
      auto& like = known_.like[file.path];
      for (size_t i = file.first; i < file.first + file.count; i++) {
        Ref r = m.refs[i];
        const auto pack = number[r.pack];
        const bool whole = r.base == kInFull;
        if (!whole) r.base = bases[r.base];
        if (!pack || (!whole && r.base == kInFull)) {
          like.push_back(kInFull);
          continue;
        }
        r.pack = *pack;
        const uint32_t at = known_.add(r);
        like.push_back(known_.refs[at].base == kInFull ? at : known_.refs[at].base);
      }
    }
  }

  Result<void> learn_pack(const Object& o) {
    std::string bytes(std::min<uint64_t>(o.size, kPackTrailer), '\0');
    if (auto done = r_.storage_->read(o.name, o.size - bytes.size(), bytes.data(), bytes.size()); !done) return done;
    const size_t size = index_size(bytes);
    if (size == 0 || size > o.size) return {};  // not ours to use
    bytes.resize(size);
    if (auto done = r_.storage_->read(o.name, o.size - size, bytes.data(), size); !done) return done;
    std::string head(kPackHead, '\0');
    if (auto done = r_.storage_->read(o.name, 0, head.data(), head.size()); !done) return done;
    auto reader = PackReader::open(r_.data_key_, o.name, head);
    if (!reader) return {};
    const auto index = reader->index(o.name, bytes);
    if (!index) return {};
    const uint32_t number = known_.add_pack({o.name, o.size});
    for (auto ref : *index) {
      ref.pack = number;
      known_.add(ref);
    }
    return {};
  }

  const Repository& r_;
  const std::string &resource_, &id_;
  Known known_;
};

Result<Known> learn(const Repository& r, const std::string& resource, const std::string& id) {
  return Learning(r, resource, id).run();
}

}  // namespace howdah::repository
