#include "cli/backup.h"

#include <sys/resource.h>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <set>

#include "backup/base.h"
#include "backup/manifest.h"
#include "backup/vault.h"
#include "backup/wal_tail.h"
#include "cli/arguments.h"
#include "domain/config.h"
#include "domain/repository_config.h"
#include "os/files.h"
#include "repository/keys.h"
#include "repository/repository.h"
#include "util/fault_point.h"

namespace howdah::cli {
namespace {

using repository::Repository;

struct Given {
  ConfigSource source = ConfigSource::from_environment();
  std::string location, key_file, endpoint, fault;
  unsigned threads = 2;
  std::string resource, id, path, what;
  int grace_hours = -1;
  bool clock_doubted = false;
};

struct Commands {
  Command *list, *put, *restore, *drop, *verify, *gc, *wal, *wal_get, *sync;
  Command *key, *key_list, *key_rotate, *key_retire;
};

Commands add_commands(Command& app, Given& g) {
  Commands c{};
  const auto resource = [&](Command* a, bool required) {
    a->add_option("resource", g.resource, "DbiResourceId of the instance, db-...").required(required);
  };
  const auto backup = [&](Command* a) { a->add_option("backup", g.id, "as `list` names it").required(); };
  c.list = app.add_subcommand("list", "what is stored");
  resource(c.list, false);
  c.put = app.add_subcommand("put", "store a base, or with --resource and --id any directory");
  c.put->add_option("base", g.path, "identifier in the state directory, or path of the directory").required();
  c.put->add_option("--resource", g.resource, "store it under this resource id (default: the base's)");
  c.put->add_option("--id", g.id, "the backup's name (default: the base's)");
  c.restore = app.add_subcommand("restore", "write a backup to a directory, which must not exist");
  resource(c.restore, true);
  backup(c.restore);
  c.restore->add_option("directory", g.path).required();
  c.drop = app.add_subcommand("drop", "forget a backup; `gc` removes what only it needed");
  resource(c.drop, true);
  backup(c.drop);
  c.verify = app.add_subcommand("verify", "read, decrypt, decompress and hash everything; 1 = there is damage");
  resource(c.verify, false);
  c.gc = app.add_subcommand("gc", "remove what no backup has needed for the grace time");
  resource(c.gc, false);
  c.gc->add_option("--grace-hours", g.grace_hours, "longer than any backup takes (24)").not_negative();
  c.wal = app.add_subcommand("wal-put", "store the complete WAL segments of an instance's vault");
  resource(c.wal, true);
  c.wal_get = app.add_subcommand("wal-get", "write the stored WAL segments that are not there yet to a directory");
  resource(c.wal_get, true);
  c.wal_get->add_option("directory", g.path).required();
  c.sync = app.add_subcommand("sync",
                              "store all bases and WAL of the state directory that are not there, drop what the "
                              "daemon has forgotten; what the daemon runs");
  c.sync->add_flag("--clock-doubted", g.clock_doubted, "the clock may have leapt: it does not say what gc may remove");
  c.key = app.add_subcommand("key", "the keys that open the repository");
  c.key->require_subcommand();
  c.key_list = c.key->add_subcommand("list", "their names");
  c.key_rotate = c.key->add_subcommand("rotate", "put a new key into the key file; the old one goes on opening");
  c.key_retire = c.key->add_subcommand("retire", "let a key that was replaced open nothing any more");
  c.key_retire->add_option("name", g.id, "as `key list` names it").required();
  return c;
}

int failed(const Error& error) {
  fmt::print(stderr, "howdah backup: {}\n", error.message);
  return 1;
}

std::string size_text(uint64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

Time now() { return std::chrono::floor<Millis>(std::chrono::system_clock::now()); }

/// The resources that a command without one is about.
Result<std::vector<std::string>> chosen(const Repository& r, const Given& g) {
  if (!g.resource.empty()) return std::vector{g.resource};
  return r.resources();
}

int list(const Repository& r, const Given& g) {
  const auto resources = chosen(r, g);
  if (!resources) return failed(resources.error());
  int code = 0;
  for (const auto& resource : *resources) {
    const auto backups = r.list(resource);
    if (!backups) {
      code = failed(backups.error());
      continue;
    }
    for (const auto& b : *backups) {
      std::string about;
      for (const auto& [key, value] : b.about) about += fmt::format("  {}={}", key, value);
      fmt::print("{} {}  {:%Y-%m-%d %H:%M:%S} UTC  {}, {} of them new{}\n", b.resource, b.id,
                 std::chrono::floor<std::chrono::seconds>(b.created), size_text(b.bytes), size_text(b.added), about);
    }
    if (const auto wal = r.list_wal(resource); wal && !wal->empty()) {
      fmt::print("{} {} WAL files, {} to {}\n", resource, wal->size(), wal->front(), wal->back());
    }
  }
  return code;
}

/// What is known about a base goes with it, and the WAL that restores from it may ask for is kept as long.
Result<void> describe_base(repository::PutSpec& spec) {
  const auto text = os::read_file(spec.directory + "/manifest.json");
  if (!text) return fail(spec.directory + " is no base (" + text.error().message + "): give --resource and --id");
  const auto base = backup::parse_base(*text);
  if (!base) return fail(spec.directory + "/manifest.json: " + base.error().message);
  if (spec.resource.empty()) spec.resource = base->resource_id;
  if (spec.id.empty()) spec.id = base->id;
  spec.wal_from = backup::segment_name(base->start.timeline, base->start.lsn);
  spec.about = {{"engine", base->engine_version},
                {"end", fmt::format("{}/{}", base->end.timeline, backup::lsn_text(base->end.lsn))}};
  return {};
}

int put(const Repository& r, const Config& config, const Given& g) {
  repository::PutSpec spec{.resource = g.resource, .id = g.id, .directory = g.path, .now = now()};
  if (g.path.find('/') == g.path.npos) spec.directory = backup::base_dir(config.state_dir, g.path);
  if (const auto known = describe_base(spec); !known && (spec.resource.empty() || spec.id.empty())) {
    return failed(known.error());
  }
  const auto done = r.put(spec);
  if (!done) return failed(done.error());
  if (done->existed) {
    fmt::print("{} {} is stored already\n", spec.resource, spec.id);
  } else {
    fmt::print("{} {} stored: {} in {} chunks, {} of them known; {} written\n", spec.resource, spec.id,
               size_text(done->bytes), done->chunks, done->reused, size_text(done->added));
  }
  return 0;
}

int verify(const Repository& r, const Given& g) {
  const auto seen = r.verify(g.resource);
  if (!seen) return failed(seen.error());
  fmt::print("{} backups, {} chunks, {}, {} WAL files read\n", seen->backups, seen->chunks, size_text(seen->bytes),
             seen->segments);
  for (const auto& d : seen->damages) {
    fmt::print("DAMAGED {}: {}\n", d.object, d.what);
    for (const auto& what : d.affects) fmt::print("  affects {}\n", what);
  }
  for (const auto& id : seen->unusable) fmt::print("CANNOT BE RESTORED {}\n", id);
  if (seen->damages.empty()) {
    fmt::print("everything is as it was stored\n");
  } else {
    fmt::print("{} of {} backups can be restored\n", seen->backups - seen->unusable.size(), seen->backups);
  }
  return seen->damages.empty() ? 0 : 1;
}

int gc(const Repository& r, const RepositoryConfig& where, const Given& g) {
  const auto resources = chosen(r, g);
  if (!resources) return failed(resources.error());
  const std::chrono::hours grace(g.grace_hours >= 0 ? g.grace_hours : where.grace_hours);
  int code = 0;
  for (const auto& resource : *resources) {
    const auto done = r.gc(resource, os::read_clock(SystemClock()), grace);
    if (!done) {
      code = failed(done.error());
    } else {
      fmt::print("{}: {} objects removed, {} will be after {} hours{}\n", resource, done->removed, done->doomed,
                 grace.count(), done->kept > 0 ? fmt::format(", {} are locked by the storage", done->kept) : "");
    }
  }
  return code;
}

int put_wal(const Repository& r, const Config& config, const Given& g) {
  const auto there = r.list_wal(g.resource);
  if (!there) return failed(there.error());
  const std::set<std::string> known(there->begin(), there->end());
  size_t stored = 0;
  const backup::Vault vault(config.state_dir, g.resource);
  for (const auto& path : backup::wal_files_in(vault.root() + "/wal")) {
    const std::string name = path.substr(path.rfind('/') + 1);
    if (name.find('.') != name.npos && !name.ends_with(".history")) continue;  // being written, or not to be read
    if (known.contains(name)) continue;
    const auto done = r.put_wal(g.resource, path);
    if (!done) return failed(done.error());
    stored += *done ? 1 : 0;
  }
  fmt::print("{}: {} WAL files stored, {} were there\n", g.resource, stored, known.size());
  return 0;
}

int get_wal(const Repository& r, const Given& g) {
  const auto names = r.list_wal(g.resource);
  if (!names) return failed(names.error());
  size_t written = 0;
  for (const auto& name : *names) {
    const std::string path = g.path + "/" + name;
    if (os::exists(path)) continue;
    const auto text = r.get_wal(g.resource, name);
    if (!text) return failed(text.error());
    if (!*text) continue;
    if (auto done = os::write_file_atomic(path, **text, 0600); !done) return failed(done.error());
    written++;
  }
  fmt::print("{}: {} WAL files written, {} were there\n", g.resource, written, names->size() - written);
  return 0;
}

int key_list(repository::Storage& storage, const std::string& key_file) {
  const auto keys = repository::list_keys(storage, key_file);
  if (!keys) return failed(keys.error());
  for (const auto& k : *keys) {
    const char* state = k.retired && k.wrapped ? "retired; the storage has not let its object go yet"
                        : k.retired            ? "retired"
                        : k.in_use             ? "in use"
                                               : "opens the repository until it is retired";
    fmt::print("{}  {}{}\n", k.name, state, k.in_use ? ", in " + key_file : "");
  }
  return 0;
}

int key_rotate(repository::Storage& storage, const std::string& key_file) {
  const auto done = repository::rotate_key(storage, key_file);
  if (!done) return failed(done.error());
  fmt::print(
      "{} holds the new key {} now. Copy it to where the old one is kept, then: howdah backup key retire {}\n"
      "Until then the old key, now in {}, opens the repository as well.\n",
      key_file, done->name, done->old_name, done->old_file);
  return 0;
}

int key_retire(repository::Storage& storage, const std::string& key_file, const std::string& name) {
  const auto gone = repository::retire_key(storage, key_file, name);
  if (!gone) return failed(gone.error());
  fmt::print("{} is retired{}\n", name,
             *gone ? "" : "; the storage does not let its object go yet: retire it again when it does");
  return 0;
}

/// Whose backup that is; "" when nobody has it.
Result<std::string> resource_with(const Repository& r, const std::string& backup) {
  const auto all = r.resources();
  if (!all) return tl::unexpected(all.error());
  for (const auto& resource : *all) {
    const auto there = r.has(resource, backup);
    if (!there) return tl::unexpected(there.error());
    if (*there) return resource;
  }
  return std::string();
}

/// Backups whose snapshots were deleted: the daemon leaves a file for each, with the resource id; empty when the base
/// was set aside because it was damaged, and can't say any more whose it was.
int drop_forgotten(const Repository& r, const Config& config, const RepositoryConfig& where, bool clock_doubted) {
  const std::string directory = config.state_dir + "/repository.forgotten";
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(directory, none)) {
    auto resource = os::read_file(entry.path().string(), 4096);
    if (!resource || entry.path().extension() == ".tmp") continue;
    const std::string backup = entry.path().filename().string();
    if (resource->empty()) resource = resource_with(r, backup);
    if (!resource) return failed(resource.error());
    const auto dropped = resource->empty() ? Result<void>() : r.drop(*resource, backup);
    if (!dropped) return failed(dropped.error());
    if (auto gone = os::remove_tree(entry.path().string()); !gone) return failed(gone.error());
  }
  // Also for what earlier ones left: its grace time passes while nothing is deleted.
  int code = 0;
  const auto all = r.resources();
  if (!all) return failed(all.error());
  for (const auto& resource : *all) {
    const auto swept =
        r.gc(resource, os::read_clock(SystemClock()), std::chrono::hours(where.grace_hours), clock_doubted);
    if (!swept) code = failed(swept.error());
  }
  return code;
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> out;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(directory, none)) {
    const std::string name = entry.path().filename().string();
    if (name.find('.') == name.npos) out.push_back(name);
  }
  return out;
}

/// Bases first: WAL without any is of no use. One that can't be stored keeps no other from it.
int sync(const Repository& r, const Config& config, const RepositoryConfig& where, bool clock_doubted) {
  (void)setpriority(PRIO_PROCESS, 0, 19);
  int code = 0;
  for (const auto& id : names_in(config.state_dir + "/bases")) {
    const auto base = backup::read_base(config.state_dir, id);
    if (!base || base->interim || os::exists(config.state_dir + "/repository.forgotten/" + id)) continue;
    const auto there = r.has(base->resource_id, id);
    if (!there) return failed(there.error());
    if (!*there) code = std::max(code, put(r, config, {.path = id}));
  }
  for (const auto& resource : names_in(config.state_dir + "/vault")) {
    code = std::max(code, put_wal(r, config, {.resource = resource}));
  }
  return std::max(code, drop_forgotten(r, config, where, clock_doubted));
}

Result<std::unique_ptr<repository::Storage>> open_storage(const Config& config, const RepositoryConfig& c) {
  if (c.location.empty()) {
    return fail("no repository: set `location` in the table [repository] of the settings, or give --repository");
  }
  if (!c.location.starts_with("s3://")) return repository::open_directory(c.location);
  const auto credentials = repository::bucket_credentials(c.credentials_file);
  if (!credentials) return tl::unexpected(credentials.error());
  const std::string rest = c.location.substr(5), region = c.region.empty() ? "us-east-1" : c.region;
  const size_t slash = rest.find('/');
  std::string prefix = slash == rest.npos ? "" : rest.substr(slash + 1);
  while (prefix.ends_with('/')) prefix.pop_back();
  if (!prefix.empty()) prefix += '/';
  if (auto made = os::ensure_dir(config.state_dir, 0711); !made) return tl::unexpected(made.error());
  return repository::open_bucket(
      {.bucket = rest.substr(0, slash),
       .prefix = std::move(prefix),
       .endpoint = c.endpoint.empty() ? fmt::format("https://s3.{}.amazonaws.com", region) : c.endpoint,
       .region = region,
       .credentials = *credentials,
       .locks = config.state_dir + "/repository.locks",
       .near = c.near});
}

int run_command(const Commands& c, const Config& config, const RepositoryConfig& where, const Given& g) {
  auto storage = open_storage(config, where);
  if (!storage) {
    (void)failed(storage.error());
    return 2;
  }
  if (*c.key_list) return key_list(**storage, where.key_file);
  if (*c.key_rotate) return key_rotate(**storage, where.key_file);
  if (*c.key_retire) return key_retire(**storage, where.key_file, g.id);
  const auto r = Repository::open({std::move(*storage), where.key_file, g.threads});
  if (!r) return failed(r.error());
  if (*c.list) return list(*r, g);
  if (*c.put) return put(*r, config, g);
  if (*c.verify) return verify(*r, g);
  if (*c.gc) return gc(*r, where, g);
  if (*c.wal) return put_wal(*r, config, g);
  if (*c.wal_get) return get_wal(*r, g);
  if (*c.sync) return sync(*r, config, where, g.clock_doubted);
  const auto done = *c.drop ? r->drop(g.resource, g.id) : r->restore(g.resource, g.id, g.path);
  return done ? 0 : failed(done.error());
}

/// "--fault POINT ACTION NTH", for tests only.
Result<void> arm(const std::string& text) {
  if (text.empty()) return {};
  const size_t comma = text.find(','), second = text.find(',', comma + 1);
  fault::enable();
  return fault::arm(text.substr(0, comma), text.substr(comma + 1, second - comma - 1),
                    std::stoi(text.substr(second + 1)));
}

}  // namespace

int run_backup(int argc, char** argv) {
  Given g;
  Command app{"The backup repository: encrypted, compressed, each chunk once; in a directory or a bucket.",
              "howdah backup"};
  app.require_subcommand();
  app.inherit_options();
  app.add_option("--config", g.source.file, "settings; their table [repository] says where it is");
  app.add_option("--state-dir", g.source.state_dir, "the daemon's state directory");
  app.add_option("--repository", g.location, "directory or s3://BUCKET/PREFIX (default: from the settings)");
  app.add_option("--endpoint", g.endpoint, "of S3-compatible storage, http(s)://HOST[:PORT]");
  app.add_option("--key-file", g.key_file, "(default: from the settings, else <state directory>/repository.key)");
  app.add_option("--threads", g.threads, "(2)").range(1, 64);
  app.add_option("--fault", g.fault).hidden();
  const Commands c = add_commands(app, g);
  if (const auto code = app.parse(argc, argv)) return *code;
  if (const auto armed = arm(g.fault); !armed) return failed(armed.error());
  const auto config = load_config(g.source);
  auto where = config ? load_repository_config(*config) : tl::unexpected(config.error());
  if (!where) {
    (void)failed(where.error());
    return 2;
  }
  if (!g.location.empty()) where->location = g.location;
  if (!g.endpoint.empty()) where->endpoint = g.endpoint;
  if (!g.key_file.empty()) where->key_file = g.key_file;
  return run_command(c, *config, *where, g);
}

}  // namespace howdah::cli
