// A manifest is a text of JSON objects, one a line: the head, then directories and files in order, then the end with
// the number of lines before it. A file's chunks are base64 of 44-byte records: id, pack, offset, sealed size.
#include <openssl/evp.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "repository/bytes.h"
#include "repository/format.h"

namespace howdah::repository {
namespace {

using nlohmann::json;

constexpr size_t kRecord = sizeof(ChunkId) + 12;

std::string chunk_list(const Ref* refs, size_t count) {
  std::string raw(count * kRecord, '\0');
  for (size_t i = 0; i < count; i++) {
    char* at = raw.data() + i * kRecord;
    std::memcpy(at, refs[i].id.data(), sizeof(ChunkId));
    put32(at + sizeof(ChunkId), refs[i].pack);
    put32(at + sizeof(ChunkId) + 4, refs[i].offset);
    put32(at + sizeof(ChunkId) + 8, refs[i].sealed);
  }
  std::string text((raw.size() + 2) / 3 * 4 + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<uint8_t*>(text.data()), reinterpret_cast<const uint8_t*>(raw.data()),
                                static_cast<int>(raw.size()));
  text.resize(static_cast<size_t>(n));
  return text;
}

void read_chunks(const std::string& text, File& file, Manifest& m) {
  file.first = m.refs.size();
  file.count = (file.size + kChunk - 1) / kChunk;
  if (text.size() != (file.count * kRecord + 2) / 3 * 4) throw std::runtime_error(file.path + ": not as many chunks");
  std::string raw(text.size(), '\0');
  if (EVP_DecodeBlock(reinterpret_cast<uint8_t*>(raw.data()), reinterpret_cast<const uint8_t*>(text.data()),
                      static_cast<int>(text.size())) < 0) {
    throw std::runtime_error(file.path + ": no list of chunks");
  }
  for (size_t i = 0; i < file.count; i++) {
    const char* at = raw.data() + i * kRecord;
    Ref r;
    std::memcpy(r.id.data(), at, sizeof(ChunkId));
    r.pack = get32(at + sizeof(ChunkId));
    r.offset = get32(at + sizeof(ChunkId) + 4);
    r.sealed = get32(at + sizeof(ChunkId) + 8);
    if (r.pack >= m.packs.size()) throw std::runtime_error(file.path + ": a chunk in an unknown pack");
    m.refs.push_back(r);
  }
}

/// Paths become those of files that a restore writes: below its directory, always.
std::string safe_path(std::string path) {
  if (path.empty() || path[0] == '/' || ("/" + path + "/").find("/../") != std::string::npos) {
    throw std::runtime_error("a path leaves the tree: " + path);
  }
  return path;
}

void read_head(const json& j, Manifest& m) {
  if (const int format = j.at("format").get<int>(); format > kFormat) {
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
}

void read_line(const json& j, Manifest& m) {
  if (j.contains("dir")) {
    m.dirs.push_back({safe_path(j.at("dir").get<std::string>()), j.at("mode").get<uint32_t>()});
    return;
  }
  File f{safe_path(j.at("file").get<std::string>()), j.at("mode").get<uint32_t>(), j.at("modified").get<int64_t>(),
         j.at("size").get<uint64_t>()};
  read_chunks(j.at("chunks").get_ref<const std::string&>(), f, m);
  m.files.push_back(std::move(f));
}

}  // namespace

std::string render_manifest(const Manifest& m) {
  json packs = json::array();
  for (const auto& p : m.packs) packs.push_back({p.name, p.size});
  std::string text = json{{"format", kFormat},
                          {"resource", m.resource},
                          {"id", m.id},
                          {"created", m.created.time_since_epoch().count()},
                          {"about", m.about},
                          {"wal_from", m.wal_from},
                          {"bytes", m.bytes},
                          {"added", m.added},
                          {"packs", std::move(packs)}}
                         .dump() +
                     "\n";
  for (const auto& d : m.dirs) text += json{{"dir", d.path}, {"mode", d.mode}}.dump() + "\n";
  for (const auto& f : m.files) {
    text += json{{"file", f.path},
                 {"mode", f.mode},
                 {"modified", f.modified},
                 {"size", f.size},
                 {"chunks", chunk_list(m.refs.data() + f.first, f.count)}}
                .dump() +
            "\n";
  }
  return text + json{{"end", 1 + m.dirs.size() + m.files.size()}}.dump() + "\n";
}

Result<Manifest> parse_manifest(std::string_view text, bool head_only) {
  Manifest m;
  try {
    size_t lines = 0;
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size() - 1);
      const json j = json::parse(text.substr(0, end));
      text.remove_prefix(end + 1);
      if (j.contains("end")) {
        if (j.at("end").get<size_t>() != lines || !text.empty()) throw std::runtime_error("lines are missing");
        return m;
      }
      lines++ == 0 ? read_head(j, m) : read_line(j, m);
      if (head_only) return m;
    }
    return fail("it was cut");
  } catch (const std::exception& e) {
    return fail(e.what());
  }
}

}  // namespace howdah::repository
