#include "pg/prepared.h"

#include <unistd.h>
#include <filesystem>

#include <fmt/format.h>

#include "os/copy.h"
#include "os/files.h"
#include "os/lock.h"
#include "util/fault_point.h"
#include "util/json.h"

namespace howdah::pg {
namespace {

namespace fs = std::filesystem;

constexpr int kPolicy = 1;  // raise when the extension policy changes: makes a new tree beside the old one

/// What an extension's scripts grant in addition. Each runs as part of CREATE/ALTER EXTENSION, as its owner rdsadmin,
/// and does nothing while the object does not exist yet (the scripts between versions all get it).
struct Grant {
  const char* extension;
  const char* sql;
};
constexpr Grant kGrants[] = {
    {"pg_stat_statements",
     "DO $howdah$ DECLARE f pg_catalog.regprocedure; BEGIN FOR f IN SELECT oid FROM pg_catalog.pg_proc WHERE proname "
     "OPERATOR(pg_catalog.=) 'pg_stat_statements_reset' LOOP EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s "
     "TO rds_superuser', f); END LOOP; END $howdah$;"},
    {"amcheck",
     "DO $howdah$ DECLARE f pg_catalog.regprocedure; BEGIN FOR f IN SELECT oid FROM pg_catalog.pg_proc WHERE proname "
     "OPERATOR(pg_catalog.~) '^(bt_index_check|bt_index_parent_check|verify_heapam)$' LOOP EXECUTE "
     "pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO rds_superuser', f); END LOOP; END $howdah$;"},
    {"postgres_fdw",
     "DO $howdah$ BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_foreign_data_wrapper WHERE fdwname OPERATOR(pg_catalog.=) "
     "'postgres_fdw') THEN GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO rds_superuser; END IF; END $howdah$;"},
    {"dblink",
     "DO $howdah$ BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_foreign_data_wrapper WHERE fdwname OPERATOR(pg_catalog.=) "
     "'dblink_fdw') THEN GRANT USAGE ON FOREIGN DATA WRAPPER dblink_fdw TO rds_superuser; END IF; END $howdah$;"},
};

/// Replaces a link or file of the copy by a regular file with `content`.
Result<void> put(const fs::path& path, const std::string& content) {
  return os::write_file_atomic(path.string(), content, 0644);
}

Result<void> trust(const fs::path& control) {
  auto text = os::read_file(control.string());
  if (!text) return tl::unexpected(text.error());
  return put(control, *text + "\n# trusted by Howdah: see trusted_extensions()\ntrusted = true\n");
}

Result<void> append_grants(const fs::path& directory, const Grant& grant) {
  std::error_code none;
  std::vector<fs::path> scripts;
  std::string prefix = std::string(grant.extension) + "--";
  for (const auto& entry : fs::directory_iterator(directory, none)) {
    std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && entry.path().extension() == ".sql") scripts.push_back(entry.path());
  }
  for (const auto& script : scripts) {
    auto text = os::read_file(script.string());
    if (!text) return tl::unexpected(text.error());
    if (auto done = put(script, *text + "\n" + grant.sql + "\n"); !done) return done;
  }
  return {};
}

Result<void> apply_policy(const fs::path& extension, int major) {
  std::error_code none;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(extension, none)) files.push_back(entry.path());
  for (const auto& file : files) {
    std::string name = file.filename().string();
    std::string owner = name.substr(0, std::min(name.find("--"), name.find('.')));
    if (absent_extensions().contains(owner)) {
      if (auto gone = os::remove_tree(file.string()); !gone) return gone;
    } else if (major >= 13 && file.extension() == ".control" && trusted_extensions().contains(owner)) {
      if (auto done = trust(file); !done) return done;
    }
  }
  for (const Grant& grant : kGrants) {
    if (auto done = append_grants(extension, grant); !done) return done;
  }
  return {};
}

/// The deepest directory above both.
fs::path common_ancestor(const fs::path& a, const fs::path& b) {
  fs::path out;
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end() && *i == *j; ++i, ++j) out /= *i;
  return out;
}

Result<void> copy_part(const fs::path& from, const fs::path& tree, const fs::path& prefix, const char* left_out) {
  fs::path to = tree / from.lexically_relative(prefix);
  std::error_code error;
  fs::create_directories(to.parent_path(), error);
  if (error) return fail(fmt::format("cannot create {}: {}", to.parent_path().string(), error.message()));
  for (fs::path p = to.parent_path(); p != tree.parent_path(); p = p.parent_path()) {
    if (auto done = os::ensure_dir(p.string(), 0755); !done) return done;
  }
  os::CopyOptions options{.owner = {geteuid(), getegid()}, .program = true};
  options.skip = [&](const std::string& path) { return path == left_out; };
  auto copied = os::copy_tree(from.string(), to.string(), options);
  if (!copied) return tl::unexpected(copied.error());
  return {};
}

Result<void> build_tree(const Engine& engine, const std::string& tree) {
  fs::path bin = engine.bindir, lib = bin.parent_path() / "lib", share = engine.sharedir;
  if (!engine.libdir.starts_with(lib.string()))
    return fail(fmt::format("{} is not below {}", engine.libdir, lib.string()));
  fs::path prefix = common_ancestor(common_ancestor(bin, lib), share);
  if (auto made = os::ensure_dir(tree, 0755); !made) return made;
  struct Part {
    fs::path from;
    const char* left_out;
  };
  for (const Part& part : {Part{bin, ""}, Part{lib, ""}, Part{share, "man"}}) {
    if (auto done = copy_part(part.from, tree, prefix, part.left_out); !done) return done;
  }
  auto policy = apply_policy(fs::path(tree) / share.lexically_relative(prefix) / "extension", engine.major);
  if (!policy) return policy;
  nlohmann::json description = {{"name", "postgres"},
                                {"version", engine.version},
                                {"build", engine.build},
                                {"bindir", bin.lexically_relative(prefix).string()},
                                {"libdir", fs::path(engine.libdir).lexically_relative(prefix).string()},
                                {"sharedir", share.lexically_relative(prefix).string()}};
  return os::write_file_atomic(tree + "/engine.json", json_text(description, 2) + "\n", 0644);
}

/// What RDS's own extension offers: which roles still have an MD5 password, and the server's version.
constexpr const char* kToolsControl =
    "comment = 'administrative functions of RDS'\ndefault_version = '1.0'\nschema = rds_tools\n"
    "relocatable = false\ntrusted = true\n";
constexpr const char* kToolsScript =
    "CREATE FUNCTION rds_tools.role_password_encryption_type(OUT rolname pg_catalog.name, OUT encryption_type "
    "pg_catalog.text) RETURNS SETOF record LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp "
    "AS $$ SELECT a.rolname, CASE WHEN a.rolpassword LIKE 'md5%' THEN 'md5' WHEN a.rolpassword LIKE 'SCRAM-SHA-256$%' "
    "THEN 'scram-sha-256' END FROM pg_authid a ORDER BY a.oid $$;\n"
    "REVOKE ALL ON FUNCTION rds_tools.role_password_encryption_type() FROM PUBLIC;\n"
    "GRANT EXECUTE ON FUNCTION rds_tools.role_password_encryption_type() TO rds_superuser;\n"
    "CREATE FUNCTION rds_tools.rds_version() RETURNS pg_catalog.text LANGUAGE sql STABLE SET search_path = pg_catalog, "
    "pg_temp AS $$ SELECT split_part(current_setting('server_version'), ' ', 1) $$;\n"
    "GRANT USAGE ON SCHEMA rds_tools TO PUBLIC;\n";

/// Trees that an earlier version made get it, too. The control file comes last: with it the extension is there.
Result<Engine> with_tools(Engine engine) {
  const std::string path = engine.sharedir + "/extension/rds_tools";
  if (engine.major < 13 || os::exists(path + ".control")) return engine;
  if (auto done = put(path + "--1.0.sql", kToolsScript); !done) return tl::unexpected(done.error());
  if (auto done = put(path + ".control", kToolsControl); !done) return tl::unexpected(done.error());
  return engine;
}

Engine inside(const Engine& engine, const std::string& tree) {
  fs::path bin = engine.bindir, share = engine.sharedir;
  fs::path prefix = common_ancestor(common_ancestor(bin, bin.parent_path() / "lib"), share);
  Engine e = engine;
  e.bindir = (fs::path(tree) / bin.lexically_relative(prefix)).string();
  e.libdir = (fs::path(tree) / fs::path(engine.libdir).lexically_relative(prefix)).string();
  e.sharedir = (fs::path(tree) / share.lexically_relative(prefix)).string();
  e.prepared = true;
  return e;
}

}  // namespace

const std::set<std::string>& trusted_extensions() {
  static const std::set<std::string> names = {"amcheck",         "autoinc",
                                              "bloom",           "dblink",
                                              "dict_xsyn",       "earthdistance",
                                              "insert_username", "intagg",
                                              "moddatetime",     "old_snapshot",
                                              "pg_buffercache",  "pg_freespacemap",
                                              "pg_prewarm",      "pg_stat_statements",
                                              "pg_visibility",   "pgrowlocks",
                                              "pgstattuple",     "postgres_fdw",
                                              "refint",          "sslinfo"};
  return names;
}

const std::set<std::string>& absent_extensions() {
  static const std::set<std::string> names = {"adminpack",  "file_fdw",      "pageinspect",  "pg_surgery",
                                              "pltclu",     "plperlu",       "plpython3u",   "plpythonu",
                                              "plpython2u", "jsonb_plperlu", "bool_plperlu", "hstore_plperlu"};
  return names;
}

Result<Engine> prepare_engine(const Engine& engine, const std::string& state) {
  if (engine.prepared) return with_tools(engine);
  std::string tree = fmt::format("{}/engines/{}-{}.{}", state, engine.version, engine.build, kPolicy),
              tmp = tree + ".tmp";
  if (auto made = os::ensure_dir(state + "/engines", 0755); !made) return tl::unexpected(made.error());
  if (os::exists(tree)) return with_tools(inside(engine, tree));
  auto lock = os::LockFile::acquire(state + "/engines/lock", "the engine directory", std::chrono::seconds(60));
  if (!lock) return tl::unexpected(lock.error());
  if (os::exists(tree)) return with_tools(inside(engine, tree));
  if (auto gone = os::remove_tree(tmp); !gone) return tl::unexpected(gone.error());
  if (auto built = build_tree(engine, tmp); !built) return tl::unexpected(built.error());
  fault::point("pg.engine:built");
  if (auto synced = os::sync_fs(tmp); !synced) return tl::unexpected(synced.error());
  if (auto done = os::publish(tmp, tree); !done) return tl::unexpected(done.error());
  return with_tools(inside(engine, tree));
}

}  // namespace howdah::pg
