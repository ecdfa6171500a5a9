#include "migrate/source.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <charconv>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <sstream>
#include <unordered_map>

#include "migrate/tunnel.h"
#include "os/files.h"
#include "util/id.h"
#include "util/json.h"
#include "util/text.h"

namespace howdah::migrate {
namespace fs = std::filesystem;
namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.back()))) s.remove_suffix(1);
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.front()))) s.remove_prefix(1);
  return s;
}

struct Marker {
  enum Kind { kNone, kUp, kDown, kNoTransaction } kind = kNone;
  std::string options;
};

/// Our own markers and those of dbmate, goose, sql-migrate and node-pg-migrate.
Marker marker_of(std::string_view line) {
  if (!line.starts_with("--")) return {};
  const std::string text = lower_case(trim(line.substr(2)));
  static const std::pair<const char*, Marker::Kind> kMarkers[] = {{"migrate:up", Marker::kUp},
                                                                  {"migrate:down", Marker::kDown},
                                                                  {"howdah:up", Marker::kUp},
                                                                  {"howdah:down", Marker::kDown},
                                                                  {"+goose up", Marker::kUp},
                                                                  {"+goose down", Marker::kDown},
                                                                  {"+migrate up", Marker::kUp},
                                                                  {"+migrate down", Marker::kDown},
                                                                  {"howdah:no-transaction", Marker::kNoTransaction},
                                                                  {"no-transaction", Marker::kNoTransaction},
                                                                  {"+goose no transaction", Marker::kNoTransaction}};
  if (text == "up migration") return {Marker::kUp, ""};  // words that a comment may begin with
  if (text == "down migration") return {Marker::kDown, ""};
  for (const auto& [word, kind] : kMarkers) {
    const std::string_view w = word;
    if (text.starts_with(w) && (text.size() == w.size() || text[w.size()] == ' '))
      return {kind, std::string(trim(std::string_view(text).substr(w.size())))};
  }
  return {};
}

const char* end_of(const std::string& s) { return s.data() + s.size(); }

/// `phase`: where the section may have one.
Result<void> read_options(Section& section, Phase* phase, const std::string& options, int line) {
  if (options.empty()) return {};
  std::istringstream in(options);
  for (std::string word; in >> word;) {
    const size_t colon = word.find(':');
    const std::string key = word.substr(0, colon), value = colon == std::string::npos ? "" : word.substr(colon + 1);
    if (word == "notransaction")
      section.transactional = false;
    else if (key == "transaction" && (value == "true" || value == "false"))
      section.transactional = value == "true";
    else if (key == "lock_timeout" && !value.empty())
      section.lock_timeout = value;
    else if (key == "statement_timeout" && !value.empty())
      section.statement_timeout = value;
    else if (key == "retry" && std::from_chars(value.data(), end_of(value), section.tries).ptr == end_of(value) &&
             section.tries >= 1 && section.tries <= 1000)
      continue;
    else if (key == "phase" && phase != nullptr && (value == "expand" || value == "contract"))
      *phase = value == "expand" ? Phase::kExpand : Phase::kContract;
    else
      return fail(
          fmt::format("{}:{}: unknown option \"{}\"; there are transaction:false, lock_timeout:5s, "
                      "statement_timeout:10min, retry:5, and for up phase:expand and phase:contract",
                      section.file, line, word));
  }
  return {};
}

/// Cuts a file into its sections. Text before the first marker may only be comments.
Result<void> cut_sections(Migration& m, const std::string& text) {
  Section* now = &m.up;
  now->sql.reserve(text.size());
  bool marked = false, code_before = false, no_transaction = false;
  int line = 0;
  for (size_t at = 0; at < text.size();) {
    line++;
    const size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string_view content = trim(std::string_view(text).substr(at, end - at));
    const Marker marker = marker_of(content);
    if (marker.kind == Marker::kNoTransaction) {
      if (!marked) no_transaction = true;
      now->transactional = false;
    }
    if (marker.kind == Marker::kUp || marker.kind == Marker::kDown) {
      if (!marked && code_before) {
        return fail(fmt::format("{}:{}: there is SQL before the first marker; move it below", m.file, line));
      }
      now = marker.kind == Marker::kUp ? &m.up : &m.down;
      if (marked && now->present) return fail(fmt::format("{}:{}: a second section of this kind", m.file, line));
      marked = true;
      now->present = true;
      now->line = line + 1;
      now->transactional = !no_transaction;
      now->sql.clear();
      now->sql.reserve(text.size() - end);
      if (auto ok = read_options(*now, now == &m.up ? &m.phase : nullptr, marker.options, line); !ok) return ok;
    } else {
      now->sql.append(text, at, end - at);
      code_before = code_before || (!content.empty() && !content.starts_with("--"));
    }
    at = end;
  }
  if (!marked) m.up.present = true;
  if (!m.up.present) return fail(fmt::format("{}: it has a down section but no up section", m.file));
  return {};
}

std::vector<Replaced> replaced_by(const std::string& text) {
  std::vector<Replaced> out;
  if (text.find("migrate:replaces") == std::string::npos) return out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line) && (line.starts_with("--") || trim(line).empty());) {
    std::istringstream words(line);
    std::string dashes, marker;
    Replaced r;
    if (words >> dashes >> marker >> r.name >> r.checksum && marker == "migrate:replaces") out.push_back(std::move(r));
  }
  return out;
}

void leave_out_replaced(Source& source) {
  std::set<std::string> replaced;
  for (const auto& m : source.migrations) {
    for (const auto& r : m.replaces) replaced.insert(r.name);
  }
  std::erase_if(source.migrations, [&](const Migration& m) { return replaced.contains(m.name); });
}

/// "20240101_add.up.sql" -> {"20240101", "20240101_add", up}; nothing for names that do not start with a number.
struct FileName {
  std::string version, name;
  bool up = false, down = false;
};
std::optional<FileName> parse_name(std::string file) {
  FileName out;
  if (!file.ends_with(".sql")) return {};
  file.resize(file.size() - 4);
  out.up = file.ends_with(".up");
  out.down = file.ends_with(".down");
  if (out.up) file.resize(file.size() - 3);
  if (out.down) file.resize(file.size() - 5);
  size_t digits = 0;
  while (digits < file.size() && std::isdigit(static_cast<unsigned char>(file[digits]))) digits++;
  if (digits == 0 || (digits < file.size() && file[digits] != '_' && file[digits] != '-')) return {};
  out.version = file.substr(0, digits);
  out.name = file;
  return out;
}

std::string without_bom(std::string text) { return text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text; }

/// The migration of each name, which the two files of a pair share; both live in source.migrations, which has the room
/// for all.
using ByName = std::unordered_map<std::string_view, Migration*>;

Result<void> add_file(Source& source, ByName& known, const os::Fd& directory, const std::string& name) {
  const std::string path = source.directory + "/" + name;
  auto parsed = parse_name(name);
  if (!parsed) {
    return fail(fmt::format("{}: a migration's name is <number>_<words>.sql; rename it or move it elsewhere", path));
  }
  auto text = os::read_file(directory, name, 256 << 20);
  if (!text) return fail(fmt::format("{}: {}", source.directory, text.error().message));
  std::string content = without_bom(std::move(*text));
  const auto found = known.find(parsed->name);
  Migration* same = found == known.end() ? nullptr : found->second;
  if (same == nullptr) {
    same = &source.migrations.emplace_back();
    same->version = std::move(parsed->version);
    same->name = std::move(parsed->name);
    same->file = same->up.file = same->down.file = path;
    known.emplace(same->name, same);
  }
  if (!parsed->down) same->replaces = replaced_by(content);
  if (!parsed->up && !parsed->down) return cut_sections(*same, content);
  Section& section = parsed->up ? same->up : same->down;
  section = Section{.present = true, .file = path, .sql = content};
  if (parsed->up) same->file = path;
  std::istringstream lines(content);
  for (std::string line; std::getline(lines, line) && (line.starts_with("--") || trim(line).empty());) {
    if (marker_of(trim(line)).kind == Marker::kNoTransaction) section.transactional = false;
  }
  return {};
}

Result<void> add_prisma(Source& source, const fs::path& directory) {
  const std::string name = directory.filename().string(), file = (directory / "migration.sql").string();
  auto text = os::read_file(file, 256 << 20);
  if (!text) return tl::unexpected(text.error());
  Migration m{.version = name, .name = name, .file = file, .checksum = sha256_hex(*text)};
  m.up = Section{.present = true, .file = file, .sql = without_bom(*text)};
  m.replaces = replaced_by(m.up.sql);
  const std::string down = (directory / "down.sql").string();
  if (os::exists(down)) {
    auto sql = os::read_file(down, 256 << 20);
    if (!sql) return tl::unexpected(sql.error());
    m.down = Section{.present = true, .file = down, .sql = without_bom(*sql)};
  }
  source.migrations.push_back(std::move(m));
  return {};
}

/// By its name; `path` may have directories before it.
bool is_javascript(std::string_view path) {
  static constexpr std::string_view kExtensions[] = {".ts", ".js", ".mts", ".mjs", ".cts", ".cjs"};
  const size_t dot = path.substr(path.rfind('/') + 1).rfind('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  const std::string_view name = path.substr(path.rfind('/') + 1), stem = name.substr(0, dot);
  return std::find(std::begin(kExtensions), std::end(kExtensions), name.substr(dot)) != std::end(kExtensions) &&
         !stem.ends_with(".d");
}

void add_kysely(Source& source, const fs::path& path) {
  const std::string name = path.stem().string();
  Migration m{.version = name, .name = name, .file = path.string()};
  m.up = m.down = Section{.present = true, .file = path.string()};
  source.migrations.push_back(std::move(m));
}

constexpr size_t kFew = 16;  ///< files, read and hashed in less than 0.1 ms

/// Only node knows what a provider provides.
Result<void> add_provided(Source& source) {
  const auto node = Tunnel::start(source.provider);
  if (!node) return fail(fmt::format("{}: {}", source.provider, node.error().message));
  for (const auto& entry : (*node)->list()) {
    add_kysely(source, entry.name);
    source.migrations.back().file = source.provider;
  }
  std::sort(source.migrations.begin(), source.migrations.end(),
            [](const Migration& a, const Migration& b) { return a.name < b.name; });
  return {};
}

/// A manifest names the files in their order, as strings or as {"up": ..., "down": ...}: a list, or the member
/// "migrations". Other files do not count.
Result<Listing> listed_in_manifest(Listing listing) {
  const std::string path = listing.directory + "/manifest.json";
  const auto text = os::read_file(path, 16 << 20);
  if (!text) return tl::unexpected(text.error());
  auto json = try_parse_json(*text);
  if (json.is_object() && json.contains("migrations")) json = nlohmann::json(json["migrations"]);
  std::string last;
  const auto add = [&](const nlohmann::json& entry) -> Result<void> {
    if (!entry.is_string()) return fail(path + ": an entry is a file's name, or {\"up\": NAME, \"down\": NAME}");
    const std::string name = entry.get<std::string>();
    const auto parsed = parse_name(name);
    if (!parsed) return fail(fmt::format("{}: {} is not <number>_<words>.sql", path, name));
    if (!os::exists(listing.directory + "/" + name)) return fail(fmt::format("{}: there is no {}", path, name));
    if (!last.empty() && version_less(parsed->version, last))
      return fail(
          fmt::format("{}: {} stands behind {}, and migrations run in the order of their numbers", path, name, last));
    last = parsed->version;
    listing.names.push_back(name);
    return {};
  };
  if (!json.is_array()) return fail(path + " is not a list of files");
  for (const auto& entry : json) {
    auto ok = add(entry.is_object() && entry.contains("up") ? entry["up"] : entry);
    if (ok && entry.is_object() && entry.contains("down")) ok = add(entry["down"]);
    if (!ok) return tl::unexpected(ok.error());
  }
  return listing;
}

/// Visits files and directories by name, links as what they lead to. The entry itself knows what it is: no other look
/// at the disk.
void each_entry(const std::string& directory, const std::function<void(std::string, bool is_directory)>& visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), closedir);
  while (const dirent* e = entries ? readdir(entries.get()) : nullptr) {
    std::string name = e->d_name;
    if (name == "." || name == "..") continue;
    bool is_directory = e->d_type == DT_DIR;
    if (e->d_type != DT_DIR && e->d_type != DT_REG) {
      struct stat st {};
      if (stat(fmt::format("{}/{}", directory, name).c_str(), &st) != 0) continue;
      is_directory = S_ISDIR(st.st_mode);
      if (!is_directory && !S_ISREG(st.st_mode)) continue;
    }
    visit(std::move(name), is_directory);
  }
}

Result<void> settle_native(Source& source) {
  auto& all = source.migrations;
  const auto earlier = [](const Migration& a, const Migration& b) { return version_less(a.version, b.version); };
  if (!std::is_sorted(all.begin(), all.end(), earlier)) std::sort(all.begin(), all.end(), earlier);
  for (size_t i = 0; i < all.size(); i++) {
    if (!all[i].up.present) return fail(fmt::format("{}: there is no .up.sql beside it", all[i].down.file));
    if (i > 0 && !version_less(all[i - 1].version, all[i].version)) {
      return fail(fmt::format("{} and {} have the same version; rename one of them", all[i - 1].file, all[i].file));
    }
    all[i].checksum = text_checksum(all[i].up.sql);
  }
  return {};
}

}  // namespace

std::string Section::where(int sql_line, int column) const {
  return fmt::format("{}:{}:{}", file, line + sql_line - 1, column);
}
std::string Section::where(size_t byte) const {
  const auto [l, c] = line_and_column(sql, byte);
  return where(l, c);
}

const Migration* Source::find(const std::string& wanted) const {
  const Migration* found = nullptr;
  for (const auto& m : migrations) {
    if (m.version == wanted || m.name == wanted || m.name + ".sql" == wanted) return &m;
    if (m.name.size() > wanted.size() && m.name.ends_with("_" + wanted)) found = found == nullptr ? &m : nullptr;
  }
  return found;
}

bool version_less(const std::string& a, const std::string& b) {
  const auto digits = [](std::string_view s) { return s.substr(std::min(s.find_first_not_of('0'), s.size())); };
  const std::string_view x = digits(a), y = digits(b);
  return x.size() != y.size() ? x.size() < y.size() : x < y;
}

std::string sha256_hex(std::string_view bytes) { return id::stable_hex(bytes, 64); }

std::string text_checksum(std::string_view sql) {
  if (sql.find('\r') == std::string_view::npos) return "v1:" + sha256_hex(sql);
  std::string text;
  text.reserve(sql.size());
  for (const char c : sql) {
    if (c != '\r') text += c;
  }
  return "v1:" + sha256_hex(text);
}

Result<Listing> list_source(const std::string& directory) {
  std::error_code ec;
  if (is_javascript(directory) && fs::is_regular_file(directory, ec)) {
    const std::string parent = fs::path(directory).parent_path().string();
    return Listing{.dialect = Dialect::kKysely, .directory = parent.empty() ? "." : parent, .provider = directory};
  }
  if (!fs::is_directory(directory, ec)) {
    return fail(
        fmt::format("{} is not a directory; name the migrations with --dir, or start with: howdah migrate new "
                    "<name>",
                    directory));
  }
  Listing out{.directory = directory};
  std::vector<std::string> directories, scripts, files;
  bool listed = false;
  each_entry(directory, [&](std::string name, bool is_directory) {
    if (is_directory) {
      if (os::exists(fmt::format("{}/{}/migration.sql", directory, name))) directories.push_back(std::move(name));
    } else if (name.ends_with(".sql")) {
      files.push_back(std::move(name));
    } else if (is_javascript(name) && fs::path(name).stem() == "migration-provider") {
      out.provider = fmt::format("{}/{}", directory, name);
    } else if (is_javascript(name)) {
      scripts.push_back(std::move(name));
    } else if (name == "manifest.json") {
      listed = true;
    }
  });
  if (!scripts.empty() || !out.provider.empty()) out.dialect = Dialect::kKysely;
  if ((!directories.empty() && scripts.empty()) || os::exists(directory + "/migration_lock.toml"))
    out.dialect = Dialect::kPrisma;
  if (out.dialect == Dialect::kNative && listed) return listed_in_manifest(std::move(out));
  out.names = std::move(out.dialect == Dialect::kKysely   ? scripts
                        : out.dialect == Dialect::kPrisma ? directories
                                                          : files);
  std::sort(out.names.begin(), out.names.end());
  return out;
}

Result<Source> load_source(const Listing& listing, const std::function<void()>& between) {
  Source source{.dialect = listing.dialect, .directory = listing.directory, .provider = listing.provider};
  if (!source.provider.empty()) {
    if (auto ok = add_provided(source); !ok) return tl::unexpected(ok.error());
    return source;
  }
  ByName known;
  const auto directory = os::open_dir(listing.directory);
  if (!directory) return tl::unexpected(directory.error());
  source.migrations.reserve(listing.names.size());
  known.reserve(listing.names.size());
  for (size_t i = 0; i < listing.names.size(); i++) {
    const auto& name = listing.names[i];
    if (between && i % kFew == 0) between();
    Result<void> ok;
    if (source.dialect == Dialect::kKysely)
      add_kysely(source, listing.directory + "/" + name);
    else
      ok = source.dialect == Dialect::kPrisma ? add_prisma(source, listing.directory + "/" + name)
                                              : add_file(source, known, *directory, name);
    if (!ok) return tl::unexpected(ok.error());
  }
  leave_out_replaced(source);
  if (source.dialect == Dialect::kNative) {
    if (auto ok = settle_native(source); !ok) return tl::unexpected(ok.error());
  }
  return source;
}

Result<Source> read_source(const std::string& directory) {
  const auto listing = list_source(directory);
  return listing ? load_source(*listing) : tl::unexpected(listing.error());
}

}  // namespace howdah::migrate
