#include "pg/engine.h"

#include <sys/stat.h>
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <future>

#include <fmt/format.h>

#include "os/files.h"
#include "os/spawn.h"
#include "util/id.h"
#include "util/json.h"
#include "util/log.h"

namespace howdah::pg {
namespace {

namespace fs = std::filesystem;

/// Where a build may be, before we know that it runs.
struct Candidate {
  std::string bindir, sharedir, libdir, version;
  bool prepared = false;
  std::string build = {};  ///< of the installation that a prepared tree was copied from
};

/// The share directory of a relocatable tree: the tail that its bindir has below the installation's prefix decides.
std::string find_sharedir(const fs::path& bindir) {
  fs::path up = bindir.parent_path();
  std::string leaf = up.filename().string();  // Debian: "15"
  for (const fs::path& p : {up / "share", up / "share/postgresql",
                            up.parent_path().parent_path().parent_path() / "share/postgresql" / leaf}) {
    if (os::exists(p.string() + "/postgres.bki")) return p.string();
  }
  return "";
}

std::string find_libdir(const fs::path& bindir) {
  fs::path up = bindir.parent_path();
  for (const fs::path& p : {up / "lib/postgresql", up / "lib"}) {
    if (os::exists(p.string() + "/plpgsql.so")) return p.string();
  }
  return "";
}

Result<std::string> ask_version(const std::string& bindir) {
  auto out = os::run({.program = bindir + "/postgres", .args = {"--version"}}, std::chrono::seconds(10));
  if (!out) return tl::unexpected(out.error());
  std::string_view text = out->text;
  constexpr std::string_view kStart = "postgres (PostgreSQL) ";
  if (!out->ok() || text.substr(0, kStart.size()) != kStart) {
    return fail(fmt::format("{}/postgres --version says: {}", bindir, text.substr(0, 200)));
  }
  text.remove_prefix(kStart.size());
  return std::string(text.substr(0, text.find_first_not_of("0123456789.")));
}

Result<Engine> probe(const Candidate& c) {
  if (c.bindir[0] != '/') return fail(fmt::format("bindir {} is not an absolute path", c.bindir));
  Engine e;
  e.bindir = c.bindir;
  struct stat st {};
  if (stat((c.bindir + "/postgres").c_str(), &st) != 0) return fail(c.bindir + " holds no postgres");
  auto version = c.version.empty() ? ask_version(c.bindir) : Result<std::string>(c.version);
  if (!version) return tl::unexpected(version.error());
  e.version = *version;
  e.major = parse_version(e.version).first;
  if (e.major < 10) return fail(fmt::format("{} is PostgreSQL {}: not supported", c.bindir, e.version));
  e.family = fmt::format("postgres{}", e.major);
  e.sharedir = c.sharedir.empty() ? find_sharedir(c.bindir) : c.sharedir;
  e.libdir = c.libdir.empty() ? find_libdir(c.bindir) : c.libdir;
  if (e.sharedir.empty()) return fail(fmt::format("no share directory found for {}", c.bindir));
  if (e.libdir.empty()) return fail(fmt::format("no module directory found for {}", c.bindir));
  e.build = c.build;
  if (e.build.empty()) e.build = id::stable_hex(fmt::format("{} {} {}", e.version, st.st_size, st.st_mtim.tv_sec), 8);
  e.prepared = c.prepared;
  return e;
}

Result<Candidate> read_description(const std::string& path) {
  auto text = os::read_file(path, 1 << 16);
  if (!text) return tl::unexpected(text.error());
  auto json = try_parse_json(*text);
  if (!json.is_object()) return fail(path + " is not a JSON object");
  auto member = [&](const char* key) {
    auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  Candidate c{member("bindir"), member("sharedir"), member("libdir"), "", false, member("build")};
  if (c.bindir.empty()) return fail(path + ": \"bindir\" is missing");
  return c;
}

std::vector<Candidate> candidates(const std::string& state, const std::string& engines_d) {
  std::vector<Candidate> out;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(state + "/engines", none)) {
    if (entry.path().extension() == ".tmp" || !os::exists(entry.path().string() + "/engine.json")) continue;
    auto c = read_description(entry.path().string() + "/engine.json");
    if (!c) {
      log::warn("engine left out", {{"reason", c.error().message}});
      continue;
    }
    std::string name = entry.path().filename().string(), tree = entry.path().string() + "/";
    c->version = name.substr(0, name.find('-'));
    c->prepared = true;  // its paths are relative, so that the state directory may move
    for (std::string* dir : {&c->bindir, &c->sharedir, &c->libdir}) *dir = tree + *dir;
    out.push_back(std::move(*c));
  }
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", none)) {
    std::string bindir = entry.path().string() + "/bin";
    if (os::exists(bindir + "/postgres")) out.push_back({bindir, "", "", "", false});
  }
  if (engines_d.empty()) return out;
  for (const auto& entry : fs::directory_iterator(engines_d, none)) {
    if (entry.path().extension() != ".json") continue;
    auto c = read_description(entry.path().string());
    if (c)
      out.push_back(std::move(*c));
    else
      log::warn("engine left out", {{"reason", c.error().message}});
  }
  return out;
}

bool older(const Engine& a, const Engine& b) { return parse_version(a.version) < parse_version(b.version); }

}  // namespace

std::pair<int, int> parse_version(std::string_view version) {
  int major = 0, minor = -1;
  const char* end = version.data() + version.size();
  auto first = std::from_chars(version.data(), end, major);
  if (first.ec != std::errc() || major < 1) return {0, -1};
  if (first.ptr == end) return {major, -1};
  if (*first.ptr != '.') return {0, -1};
  auto second = std::from_chars(first.ptr + 1, end, minor);
  if (second.ec != std::errc() || second.ptr != end || minor < 0) return {0, -1};
  return {major, minor};
}

MajorDates dates_of(int major) {
  switch (major) {
    case 12:
      return {"2019-10-03", "2024-11-21"};
    case 13:
      return {"2020-09-24", "2025-11-13"};
    case 14:
      return {"2021-09-30", "2026-11-12"};
    case 15:
      return {"2022-10-13", "2027-11-11"};
    case 16:
      return {"2023-09-14", "2028-11-09"};
    case 17:
      return {"2024-09-26", "2029-11-08"};
    case 18:
      return {"2025-09-25", "2030-11-14"};
    default:
      return {};
  }
}

std::map<std::string, std::string> available_extensions(const Engine& engine) {
  std::map<std::string, std::string> out;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(engine.sharedir + "/extension", none)) {
    std::string name = entry.path().stem().string();
    if (entry.path().extension() != ".control" || name.find("--") != std::string::npos) continue;
    auto text = os::read_file(entry.path().string(), 1 << 16);
    if (!text) continue;
    constexpr std::string_view kKey = "default_version";
    auto at = text->find(kKey);
    auto open = at == std::string::npos ? at : text->find('\'', at);
    auto close = open == std::string::npos ? open : text->find('\'', open + 1);
    out[name] = close == std::string::npos ? "" : text->substr(open + 1, close - open - 1);
  }
  return out;
}

std::set<std::string> creatable_extensions(const Engine& engine) {
  std::set<std::string> out;
  for (const auto& [name, version] : available_extensions(engine)) {
    const auto text = os::read_file(fmt::format("{}/extension/{}.control", engine.sharedir, name), 1 << 16);
    if (text && ("\n" + *text).find("\ntrusted = true") != std::string::npos) out.insert(name);
  }
  return out;
}

Catalog Catalog::discover(const std::string& state, const std::string& engines_d) {
  std::vector<std::future<Result<Engine>>> probes;
  for (const auto& c : candidates(state, engines_d)) probes.push_back(std::async(std::launch::async, probe, c));
  Catalog catalog;
  for (auto& p : probes) {
    auto engine = p.get();
    if (!engine) {
      log::warn("engine left out", {{"reason", engine.error().message}});
      continue;
    }
    if (catalog.exact(engine->version) == nullptr) catalog.engines_.push_back(std::move(*engine));
  }
  std::sort(catalog.engines_.begin(), catalog.engines_.end(), older);
  return catalog;
}

const Engine* Catalog::exact(std::string_view version) const {
  for (const auto& e : engines_) {
    if (e.version == version) return &e;
  }
  return nullptr;
}

const Engine* Catalog::newest(int major) const {
  const Engine* best = nullptr;
  for (const auto& e : engines_) {
    if (e.major == major && (best == nullptr || older(*best, e))) best = &e;
  }
  return best;
}

const Engine* Catalog::find(std::string_view version, bool nearest) const {
  auto [major, minor] = parse_version(version);
  if (major == 0) return nullptr;
  if (minor < 0) return newest(major);
  if (const Engine* e = exact(version); e != nullptr || !nearest) return e;
  const Engine* above = nullptr;
  for (const auto& e : engines_) {
    bool higher = e.major == major && parse_version(e.version).second > minor;
    if (higher && (above == nullptr || older(e, *above))) above = &e;
  }
  return above != nullptr ? above : newest(major);
}

}  // namespace howdah::pg
