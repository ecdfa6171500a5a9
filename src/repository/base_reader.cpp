#include "repository/base_reader.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace howdah::repository {

Result<PackReader*> PackCursor::at(uint32_t pack) {
  if (open_ && number_ == pack) return &*open_;
  open_.reset();
  std::string head(kPackHead, '\0');
  if (auto done = storage_.read(packs_[pack], 0, head.data(), head.size()); !done) return tl::unexpected(done.error());
  auto opened = PackReader::open(data_key_, packs_[pack], head);
  if (!opened) return tl::unexpected(opened.error());
  open_ = std::move(*opened);
  number_ = pack;
  return &*open_;
}

Result<std::vector<std::string_view>> BaseReader::read(const std::vector<Ref>& refs) {
  std::vector<std::string_view> out(refs.size());
  if (plain_.size() < refs.size() * kChunk) plain_.resize(refs.size() * kChunk);
  std::vector<size_t> order(refs.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::tuple(refs[a].pack, refs[a].offset) < std::tuple(refs[b].pack, refs[b].offset);
  });
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    for (end = begin + 1; end < order.size(); end++) {
      const Ref &before = refs[order[end - 1]], &next = refs[order[end]];
      if (next.pack != before.pack || next.offset > before.offset + before.sealed + kSkip) break;
    }
    if (auto done = read_run(refs, &order[begin], &order[begin] + (end - begin), out); !done) {
      return tl::unexpected(done.error());
    }
  }
  return out;
}

/// Chunks that follow each other in one pack.
Result<void> BaseReader::read_run(const std::vector<Ref>& refs, const size_t* first, const size_t* last,
                                  std::vector<std::string_view>& out) {
  const Ref &begin = refs[*first], &end = refs[*(last - 1)];
  const size_t size = end.offset + end.sealed - begin.offset;
  if (bytes_.size() < size) bytes_.resize(size);
  const auto pack = cursor_.at(begin.pack);
  auto done = pack ? storage_.read(packs_[begin.pack], begin.offset, bytes_.data(), size)
                   : Result<void>(tl::unexpected(pack.error()));
  if (!done && done.error().retry) return done;
  if (!done && pack && last - first > 1) {  // of a pack that was cut, the beginning is good
    for (; first != last; ++first) {
      if (auto one = read_run(refs, first, first + 1, out); !one) return one;
    }
  }
  if (!done) return {};
  for (; first != last; ++first) {
    const Ref& ref = refs[*first];
    char* plain = plain_.data() + *first * kChunk;
    const std::string_view sealed(bytes_.data() + (ref.offset - begin.offset), ref.sealed);
    out[*first] = {plain, (*pack)->chunk(ref, nullptr, sealed, plain, decompress_, scratch_)};
  }
  return {};
}

}  // namespace howdah::repository
