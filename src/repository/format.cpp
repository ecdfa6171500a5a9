#include "repository/format.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>

#include "repository/bytes.h"

namespace howdah::repository {
namespace {

constexpr std::string_view kTextMagic = "HOWDAH-SEALED-1\n", kPackMagic = "HOWDAH-PACK-1\n\n\n";
constexpr std::string_view kEndMagic = "HOWDAHPACKND";  // behind the index's length
constexpr uint64_t kIndexNumber = 1ULL << 63;
constexpr size_t kIndexEntry = sizeof(ChunkId) + 8;
constexpr size_t kLargestText = 4ULL << 30;

static_assert(kTextMagic.size() == 16 && kPackMagic.size() == 16 && kEndMagic.size() + 4 == kPackTrailer);

std::string_view view(const ChunkId& id) { return {reinterpret_cast<const char*>(id.data()), id.size()}; }
/// What is authenticated with a chunk's bytes: a difference can be taken for nothing else.
std::string about(const ChunkId& id, const ChunkId* base) {
  return std::string(view(id)) + std::string(base != nullptr ? view(*base) : "");
}

}  // namespace

std::string instance_prefix(const std::string& resource) { return "instances/" + resource + "/"; }
std::string manifest_prefix(const std::string& resource) { return instance_prefix(resource) + "manifests/"; }
std::string pack_prefix(const std::string& resource) { return instance_prefix(resource) + "packs/"; }
std::string wal_prefix(const std::string& resource) { return instance_prefix(resource) + "wal/"; }
std::string doomed_prefix(const std::string& resource) { return instance_prefix(resource) + "doomed/"; }

bool is_plain_name(std::string_view text) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  return !text.empty() && text.size() <= 200 && text[0] != '.' && text.find_first_not_of(kAllowed) == text.npos;
}

Compressor::Compressor() : context_(ZSTD_createCCtx()) {
  auto* c = static_cast<ZSTD_CCtx*>(context_);
  if (c == nullptr) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, 1);
  ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
}
Compressor::~Compressor() { ZSTD_freeCCtx(static_cast<ZSTD_CCtx*>(context_)); }
size_t Compressor::bound(size_t size) { return ZSTD_compressBound(size); }
size_t Compressor::operator()(std::string_view in, char* out, size_t capacity) {
  const size_t n = ZSTD_compress2(static_cast<ZSTD_CCtx*>(context_), out, capacity, in.data(), in.size());
  if (ZSTD_isError(n)) throw std::runtime_error(std::string("zstd cannot compress: ") + ZSTD_getErrorName(n));
  return n;
}

Decompressor::Decompressor() : context_(ZSTD_createDCtx()) {
  if (context_ == nullptr) throw std::bad_alloc();
}
Decompressor::~Decompressor() { ZSTD_freeDCtx(static_cast<ZSTD_DCtx*>(context_)); }
size_t Decompressor::operator()(std::string_view in, char* out, size_t capacity) {
  const size_t n = ZSTD_decompressDCtx(static_cast<ZSTD_DCtx*>(context_), out, capacity, in.data(), in.size());
  return ZSTD_isError(n) ? 0 : n;
}

std::string seal_text(const Key& data_key, const std::string& name, std::string_view text) {
  constexpr size_t kHead = kTextMagic.size() + kSalt;
  const std::string salt = random_salt();
  Compressor compress;
  std::string out(kHead + Compressor::bound(text.size()) + kTag, '\0');
  kTextMagic.copy(out.data(), kTextMagic.size());
  salt.copy(out.data() + kTextMagic.size(), kSalt);
  const size_t n = compress(text, out.data() + kHead, out.size() - kHead);
  Cipher(derive(data_key, salt, "object:" + name)).seal(0, name, out.data() + kHead, n);
  out.resize(kHead + n + kTag);
  return out;
}

Result<std::string> open_text(const Key& data_key, const std::string& name, std::string_view object) {
  constexpr size_t kHead = kTextMagic.size() + kSalt;
  if (object.size() < kHead + kTag || !object.starts_with(kTextMagic)) {
    return fail(name + " is damaged: it does not begin as an object of this repository");
  }
  const auto salt = object.substr(kTextMagic.size(), kSalt), sealed = object.substr(kHead);
  std::string frame(sealed.size() - kTag, '\0');
  if (!Cipher(derive(data_key, salt, "object:" + name)).open(0, name, sealed, frame.data())) {
    return fail(name + " is damaged, or is not the object that was stored under this name");
  }
  const auto size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kLargestText) {
    return fail(name + " is damaged: it is no zstd frame");
  }
  std::string out(size, '\0');
  Decompressor decompress;
  if (decompress(frame, out.data(), out.size()) != size) return fail(name + " is damaged: it can't be decompressed");
  return out;
}

PackWriter::PackWriter(const Key& data_key, std::string name, std::string buffer)
    : name_(std::move(name)), bytes_(std::move(buffer)), used_(kPackHead), cipher_(Key{}) {
  make_room();
  const std::string salt = random_salt();
  kPackMagic.copy(bytes_.data(), kPackMagic.size());
  salt.copy(bytes_.data() + kPackMagic.size(), kSalt);
  cipher_ = Cipher(derive(data_key, salt, "pack:" + name_));
}

/// For one chunk. By and by: most packs of small backups stay small.
void PackWriter::make_room() {
  const size_t needed = used_ + Compressor::bound(kChunk) + kTag;
  if (bytes_.size() < needed) bytes_.resize(std::max(needed, bytes_.size() * 2));
}

bool PackWriter::full() const { return used_ >= kSize; }

Ref PackWriter::add(const ChunkId& id, std::string_view plain, Compressor& compress) {
  make_room();
  const size_t n = compress(plain, bytes_.data() + used_, bytes_.size() - used_ - kTag);
  cipher_.seal(used_, view(id), bytes_.data() + used_, n);
  const Ref ref{id, 0, static_cast<uint32_t>(used_), static_cast<uint32_t>(n + kTag)};
  used_ += n + kTag;
  entries_.push_back(ref);
  return ref;
}

std::optional<Ref> PackWriter::add_difference(const ChunkId& id, std::string_view difference, const Ref& base,
                                              Compressor& compress) {
  make_room();
  const size_t n = compress(difference, bytes_.data() + used_, bytes_.size() - used_ - kTag);
  if (n > base.sealed / 2) return {};
  cipher_.seal(used_, about(id, &base.id), bytes_.data() + used_, n);
  const Ref ref{id, 0, static_cast<uint32_t>(used_), static_cast<uint32_t>(n + kTag)};
  used_ += n + kTag;
  return ref;
}

std::string PackWriter::finish() {
  std::string index;
  for (const Ref& r : entries_) {
    index += view(r.id);
    append32(index, r.offset);
    append32(index, r.sealed);
  }
  const size_t size = index.size() + kTag;
  index.resize(size);
  cipher_.seal(kIndexNumber, name_, index.data(), size - kTag);
  bytes_.resize(used_);
  bytes_ += index;
  append32(bytes_, static_cast<uint32_t>(size));
  bytes_ += kEndMagic;
  return std::move(bytes_);
}

Result<PackReader> PackReader::open(const Key& data_key, const std::string& name, std::string_view head) {
  if (head.size() < kPackHead || !head.starts_with(kPackMagic)) {
    return fail(name + " is damaged: it does not begin as a pack");
  }
  return PackReader(derive(data_key, head.substr(kPackMagic.size(), kSalt), "pack:" + name));
}

size_t PackReader::chunk(const Ref& ref, const ChunkId* base, std::string_view sealed, char* out,
                         Decompressor& decompress, std::string& scratch) {
  if (sealed.size() < kTag) return 0;
  if (scratch.size() < sealed.size()) scratch.resize(sealed.size());
  if (!cipher_.open(ref.offset, about(ref.id, base), sealed, scratch.data())) return 0;
  return decompress({scratch.data(), sealed.size() - kTag}, out, kChunk);
}

size_t index_size(std::string_view trailer) {
  if (trailer.size() != kPackTrailer || trailer.substr(4) != kEndMagic) return 0;
  return get32(trailer.data()) + kPackTrailer;
}

Result<std::vector<Ref>> PackReader::index(const std::string& name, std::string_view tail) {
  const size_t size = tail.size() < kPackTrailer ? 0 : index_size(tail.substr(tail.size() - kPackTrailer));
  if (size < kPackTrailer + kTag || size > tail.size()) return fail(name + " is damaged: it does not end as a pack");
  const auto sealed = tail.substr(tail.size() - size, size - kPackTrailer);
  std::string plain(sealed.size() - kTag, '\0');
  if (!cipher_.open(kIndexNumber, name, sealed, plain.data()) || plain.size() % kIndexEntry != 0) {
    return fail(name + " is damaged: its index can't be read");
  }
  std::vector<Ref> out(plain.size() / kIndexEntry);
  for (size_t i = 0; i < out.size(); i++) {
    const char* at = plain.data() + i * kIndexEntry;
    std::memcpy(out[i].id.data(), at, sizeof(ChunkId));
    out[i].offset = get32(at + sizeof(ChunkId));
    out[i].sealed = get32(at + sizeof(ChunkId) + 4);
  }
  return out;
}

}  // namespace howdah::repository
