#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "repository/crypto.h"
#include "util/clock.h"
#include "util/result.h"

/// What stands in a repository's objects (docs/repository.md): packs of sealed chunks, and sealed texts.
namespace howdah::repository {

inline constexpr int kFormat = 2;            ///< 1 knew no differences
inline constexpr size_t kChunk = 128 << 10;  ///< files are cut at its multiples

// Names

std::string instance_prefix(const std::string& resource);  ///< "instances/<resource>/"
std::string manifest_prefix(const std::string& resource);
std::string pack_prefix(const std::string& resource);
std::string wal_prefix(const std::string& resource);
std::string doomed_prefix(const std::string& resource);
/// Usable in a name: letters, digits, '-', '_', '.', not beginning with '.'.
bool is_plain_name(std::string_view text);

// Sealed texts: manifests and WAL segments

/// zstd and AES-256-GCM under a key of its own; can be opened under this name only.
std::string seal_text(const Key& data_key, const std::string& name, std::string_view text);
Result<std::string> open_text(const Key& data_key, const std::string& name, std::string_view object);

/// zstd-1 with a content checksum, each with a context of its own. Not thread-safe.
class Compressor {
 public:
  Compressor();
  ~Compressor();
  Compressor(const Compressor&) = delete;
  static size_t bound(size_t size);
  size_t operator()(std::string_view in, char* out, size_t capacity);

 private:
  void* context_;
};
class Decompressor {
 public:
  Decompressor();
  ~Decompressor();
  Decompressor(const Decompressor&) = delete;
  /// Bytes written; 0 when it is damaged or does not fit.
  size_t operator()(std::string_view in, char* out, size_t capacity);

 private:
  void* context_;
};

// Packs

inline constexpr uint32_t kInFull = UINT32_MAX;

/// Where a chunk lies, in full or as its difference to another chunk, its base, which lies somewhere in full.
struct Ref {
  ChunkId id{};
  uint32_t pack = 0;  ///< number in the manifest's list
  uint32_t offset = 0;
  uint32_t sealed = 0;      ///< bytes with the tag
  uint32_t base = kInFull;  ///< number in the manifest's list of bases
};

/// A pack that is being filled: head, sealed chunks, index. Not thread-safe.
class PackWriter {
 public:
  static constexpr size_t kSize = 32 << 20;

  PackWriter(const Key& data_key, std::string name, std::string buffer = {});
  bool full() const;
  /// Appends the chunk; `pack` of the answer is not set.
  Ref add(const ChunkId& id, std::string_view plain, Compressor& compress);
  /// As above, by the difference to `base`; `base` of the answer isn't set either. Nothing when that would take more
  /// than half of what the base takes.
  std::optional<Ref> add_difference(const ChunkId& id, std::string_view difference, const Ref& base,
                                    Compressor& compress);
  /// Everything that becomes the object. Its index names the chunks that stand in full.
  std::string finish();
  const std::string& name() const { return name_; }

 private:
  void make_room();

  std::string name_, bytes_;
  size_t used_;
  Cipher cipher_;
  std::vector<Ref> entries_;  // that stand in full
};

inline constexpr size_t kPackHead = 16 + kSalt;

/// Opens a pack's chunks given its first kPackHead bytes. Not thread-safe.
class PackReader {
 public:
  static Result<PackReader> open(const Key& data_key, const std::string& name, std::string_view head);
  /// Decrypts and decompresses one chunk, or its difference to the chunk `base`, into `out`, at least kChunk bytes; its
  /// length, or 0 when it is damaged.
  size_t chunk(const Ref& ref, const ChunkId* base, std::string_view sealed, char* out, Decompressor& decompress,
               std::string& scratch);
  /// The chunks of a pack, from its last bytes: `tail` must reach back far enough, see index_size().
  Result<std::vector<Ref>> index(const std::string& name, std::string_view tail);

 private:
  explicit PackReader(const Key& key) : cipher_(key) {}
  Cipher cipher_;
};
inline constexpr size_t kPackTrailer = 16;
/// Bytes that index and trailer take, from the trailer; 0 when it is none.
size_t index_size(std::string_view trailer);

// Manifests

struct Pack {
  std::string name;
  uint64_t size = 0;
};
struct Dir {
  std::string path;
  uint32_t mode = 0;
};
struct File {
  std::string path;
  uint32_t mode = 0;
  int64_t modified = 0;  ///< nanoseconds since 1970
  uint64_t size = 0;
  size_t first = 0, count = 0;  ///< in Manifest::refs
};

/// One stored tree. Needs nothing but the packs it names.
struct Manifest {
  std::string resource, id;
  Time created{};
  std::map<std::string, std::string> about;  ///< what its maker says of it
  std::string wal_from;                      ///< the first WAL segment that restores from it may ask for, or empty
  uint64_t bytes = 0,
           added = 0;  ///< of its files; in packs that were written for it
  std::vector<Pack> packs;
  std::vector<Ref> bases;  ///< all in full
  std::vector<Dir> dirs;
  std::vector<File> files;
  std::vector<Ref> refs;
};

std::string render_manifest(const Manifest& m);
/// `head_only`: without directories and files.
Result<Manifest> parse_manifest(std::string_view text, bool head_only = false);

}  // namespace howdah::repository
