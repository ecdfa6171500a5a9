#include "backup/manifest.h"

#include <algorithm>
#include <ctime>

#include <fmt/format.h>

#include "backup/checksum.h"
#include "util/json.h"

namespace howdah::backup {
namespace {

constexpr int kFormat = 1;
constexpr std::string_view kSumLine = "\"sha256\": \"", kManifestSum = "\"Manifest-Checksum\": \"";

nlohmann::json to_json(Position p) { return {{"timeline", p.timeline}, {"lsn", lsn_text(p.lsn)}}; }

Position position_of(const nlohmann::json& j) {
  auto lsn = parse_lsn(j.at("lsn").get<std::string>());
  if (!lsn) throw std::runtime_error("no WAL position: " + json_text(j));
  return {j.at("timeline").get<uint32_t>(), *lsn};
}

/// Valid UTF-8 as PostgreSQL's own tools would accept it in "Path".
bool is_plain(std::string_view path) {
  return std::all_of(path.begin(), path.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
}

std::string hex_of(std::string_view bytes) {
  std::string out;
  for (unsigned char c : bytes) out += fmt::format("{:02x}", c);
  return out;
}

std::string bytes_of(const std::string& hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return out;
}

std::string gmt(Time t) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S GMT", &parts);
  return text;
}

}  // namespace

std::string render_base(const Base& base) {
  nlohmann::json j = {{"format", kFormat},
                      {"id", base.id},
                      {"resource_id", base.resource_id},
                      {"start", to_json(base.start)},
                      {"end", to_json(base.end)},
                      {"ended", base.ended.time_since_epoch().count()},
                      {"system_identifier", base.system_identifier},
                      {"engine_version", base.engine_version},
                      {"bytes", base.bytes},
                      {"crash_consistent", base.crash_consistent},
                      {"stopped", base.stopped}};
  if (base.interim) j["interim"] = true;
  std::string text = "{\"base\": " + json_text(j, 1) + ",\n";
  return text + std::string(kSumLine) + sha256_hex(text) + "\"}\n";
}

Result<Base> parse_base(const std::string& text) {
  auto line = text.rfind("\n" + std::string(kSumLine));
  if (line == std::string::npos) return fail("it has no checksum: it was cut or is of another kind");
  std::string_view covered(text.data(), line + 1);
  std::string expected = std::string(kSumLine) + sha256_hex(covered) + "\"}\n";
  if (text.substr(line + 1) != expected) return fail("its checksum does not fit: it was changed");
  try {
    const auto j = parse_json(text).at("base");
    if (int format = j.at("format").get<int>(); format != kFormat) {
      return fail(fmt::format("its format is {}, this version reads {}", format, kFormat));
    }
    Base base;
    base.id = j.at("id").get<std::string>();
    base.resource_id = j.at("resource_id").get<std::string>();
    base.start = position_of(j.at("start"));
    base.end = position_of(j.at("end"));
    base.ended = Time(Millis(j.at("ended").get<int64_t>()));
    base.system_identifier = j.at("system_identifier").get<uint64_t>();
    base.engine_version = j.at("engine_version").get<std::string>();
    base.bytes = j.at("bytes").get<uint64_t>();
    base.crash_consistent = j.at("crash_consistent").get<bool>();
    base.stopped = j.at("stopped").get<bool>();
    base.interim = j.value("interim", false);
    return base;
  } catch (const std::exception& e) {
    return fail(e.what());
  }
}

std::string render_backup_manifest(std::vector<FileEntry> files, uint32_t timeline, Lsn start, Lsn end) {
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  std::string text = "{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n\"Files\": [\n";
  for (size_t i = 0; i < files.size(); i++) {
    const FileEntry& f = files[i];
    std::string name = is_plain(f.path) ? "\"Path\": " + json_text(nlohmann::json(f.path))
                                        : "\"Encoded-Path\": \"" + hex_of(f.path) + "\"";
    text += fmt::format(
        "{{ {}, \"Size\": {}, \"Last-Modified\": \"{}\", \"Checksum-Algorithm\": \"CRC32C\", \"Checksum\": \"{}\" "
        "}}{}\n",
        name, f.size, gmt(f.modified), f.crc, i + 1 < files.size() ? "," : "");
  }
  text += fmt::format("],\n\"WAL-Ranges\": [\n{{ \"Timeline\": {}, \"Start-LSN\": \"{}\", \"End-LSN\": \"{}\" }}\n],\n",
                      timeline, lsn_text(start), lsn_text(end));
  return text + std::string(kManifestSum) + sha256_hex(text) + "\"}\n";
}

Result<std::vector<FileEntry>> parse_backup_manifest(const std::string& text) {
  const auto line = text.rfind(kManifestSum);
  if (line == std::string::npos) return fail("it has no checksum: it was cut or is of another kind");
  const std::string covered = text.substr(0, line);
  if (text.substr(line) != std::string(kManifestSum) + sha256_hex(covered) + "\"}\n") {
    return fail("its checksum does not fit: it was changed");
  }
  std::vector<FileEntry> out;
  try {
    const auto j = parse_json(text);
    for (const auto& f : j.at("Files")) {
      const bool plain = f.contains("Path");
      const auto name = f.at(plain ? "Path" : "Encoded-Path").get<std::string>();
      out.push_back({.path = plain ? name : bytes_of(name),
                     .size = f.at("Size").get<uint64_t>(),
                     .crc = f.at("Checksum").get<std::string>()});
    }
  } catch (const std::exception& e) {
    return fail(e.what());
  }
  return out;
}

}  // namespace howdah::backup
