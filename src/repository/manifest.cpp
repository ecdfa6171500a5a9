// A manifest is a text of JSON objects, one a line: the head, the bases, directories and files in order, then the end
// with the number of lines before it. Bases are base64 of 44-byte records: id, pack, offset, sealed size; a file's
// chunks of 48-byte records, which end with the number of the base, or kInFull. Format 1 had no bases, and 44 bytes a
// chunk.
#include <openssl/evp.h>

#include <cstring>

#include <fmt/format.h>

#include "repository/bytes.h"
#include "repository/format.h"
#include "util/json.h"

namespace howdah::repository {
namespace {

using nlohmann::json;

constexpr size_t kInFullRecord = sizeof(ChunkId) + 12, kRecord = kInFullRecord + 4;

std::string ref_list(const Ref* refs, size_t count, size_t record) {
  std::string raw(count * record, '\0');
  for (size_t i = 0; i < count; i++) {
    char* at = raw.data() + i * record;
    std::memcpy(at, refs[i].id.data(), sizeof(ChunkId));
    put32(at + sizeof(ChunkId), refs[i].pack);
    put32(at + sizeof(ChunkId) + 4, refs[i].offset);
    put32(at + sizeof(ChunkId) + 8, refs[i].sealed);
    if (record == kRecord) put32(at + kInFullRecord, refs[i].base);
  }
  std::string text((raw.size() + 2) / 3 * 4 + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<uint8_t*>(text.data()), reinterpret_cast<const uint8_t*>(raw.data()),
                                static_cast<int>(raw.size()));
  text.resize(static_cast<size_t>(n));
  return text;
}

/// Appends `count` records of `text` to `out`; `what` is for messages.
void read_refs(const std::string& text, size_t count, size_t record, const Manifest& m, const std::string& what,
               std::vector<Ref>& out) {
  if (text.size() != (count * record + 2) / 3 * 4) throw std::runtime_error(what + ": not as many chunks");
  std::string raw(text.size(), '\0');
  if (EVP_DecodeBlock(reinterpret_cast<uint8_t*>(raw.data()), reinterpret_cast<const uint8_t*>(text.data()),
                      static_cast<int>(text.size())) < 0) {
    throw std::runtime_error(what + ": no list of chunks");
  }
  for (size_t i = 0; i < count; i++) {
    const char* at = raw.data() + i * record;
    Ref r;
    std::memcpy(r.id.data(), at, sizeof(ChunkId));
    r.pack = get32(at + sizeof(ChunkId));
    r.offset = get32(at + sizeof(ChunkId) + 4);
    r.sealed = get32(at + sizeof(ChunkId) + 8);
    if (record == kRecord) r.base = get32(at + kInFullRecord);
    if (r.pack >= m.packs.size()) throw std::runtime_error(what + ": a chunk in an unknown pack");
    if (r.base != kInFull && r.base >= m.bases.size()) throw std::runtime_error(what + ": an unknown base");
    out.push_back(r);
  }
}

/// Paths become those of files that a restore writes: below its directory, always.
std::string safe_path(std::string path) {
  if (path.empty() || path[0] == '/' || ("/" + path + "/").find("/../") != std::string::npos) {
    throw std::runtime_error("a path leaves the tree: " + path);
  }
  return path;
}

/// Returns the format.
int read_head(const json& j, Manifest& m) {
  const int format = j.at("format").get<int>();
  if (format > kFormat) {
    throw std::runtime_error(
        fmt::format("it has format {}: a newer version of howdah wrote it, this one reads up to {}", format, kFormat));
  }
  m.resource = j.at("resource").get<std::string>();
  m.id = j.at("id").get<std::string>();
  m.created = Time(Millis(j.at("created").get<int64_t>()));
  m.about = j.at("about").get<std::map<std::string, std::string>>();
  m.wal_from = j.at("wal_from").get<std::string>();
  m.bytes = j.at("bytes").get<uint64_t>();
  m.added = j.at("added").get<uint64_t>();
  for (const auto& p : j.at("packs")) m.packs.push_back({p.at(0).get<std::string>(), p.at(1).get<uint64_t>()});
  return format;
}

void read_line(const json& j, int format, Manifest& m) {
  if (j.contains("bases")) {
    const auto count = j.at("count").get<size_t>();
    std::vector<Ref> bases;
    read_refs(j.at("bases").get_ref<const std::string&>(), count, kInFullRecord, m, "the bases", bases);
    m.bases = std::move(bases);
    return;
  }
  if (j.contains("dir")) {
    m.dirs.push_back({safe_path(j.at("dir").get<std::string>()), j.at("mode").get<uint32_t>()});
    return;
  }
  File f{safe_path(j.at("file").get<std::string>()), j.at("mode").get<uint32_t>(), j.at("modified").get<int64_t>(),
         j.at("size").get<uint64_t>()};
  f.first = m.refs.size();
  f.count = (f.size + kChunk - 1) / kChunk;
  read_refs(j.at("chunks").get_ref<const std::string&>(), f.count, format == 1 ? kInFullRecord : kRecord, m, f.path,
            m.refs);
  m.files.push_back(std::move(f));
}

}  // namespace

std::string render_manifest(const Manifest& m) {
  json packs = json::array();
  for (const auto& p : m.packs) packs.push_back({p.name, p.size});
  std::string text = json_text(json{{"format", kFormat},
                                    {"resource", m.resource},
                                    {"id", m.id},
                                    {"created", m.created.time_since_epoch().count()},
                                    {"about", m.about},
                                    {"wal_from", m.wal_from},
                                    {"bytes", m.bytes},
                                    {"added", m.added},
                                    {"packs", std::move(packs)}}) +
                     "\n";
  text +=
      json_text(json{{"bases", ref_list(m.bases.data(), m.bases.size(), kInFullRecord)}, {"count", m.bases.size()}}) +
      "\n";
  for (const auto& d : m.dirs) text += json_text(json{{"dir", d.path}, {"mode", d.mode}}) + "\n";
  for (const auto& f : m.files) {
    text += json_text(json{{"file", f.path},
                           {"mode", f.mode},
                           {"modified", f.modified},
                           {"size", f.size},
                           {"chunks", ref_list(m.refs.data() + f.first, f.count, kRecord)}}) +
            "\n";
  }
  return text + json_text(json{{"end", 2 + m.dirs.size() + m.files.size()}}) + "\n";
}

Result<Manifest> parse_manifest(std::string_view text, bool head_only) {
  Manifest m;
  try {
    size_t lines = 0;
    int format = 0;
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size() - 1);
      const json j = parse_json(text.substr(0, end));
      text.remove_prefix(end + 1);
      if (j.contains("end")) {
        if (j.at("end").get<size_t>() != lines || !text.empty()) throw std::runtime_error("lines are missing");
        return m;
      }
      if (lines++ > 0) {
        read_line(j, format, m);
        continue;
      }
      format = read_head(j, m);
      if (head_only) return m;
    }
    return fail("it was cut");
  } catch (const std::exception& e) {
    return fail(e.what());
  }
}

}  // namespace howdah::repository
