#pragma once
#include <functional>
#include <string>
#include <vector>

#include "migrate/split.h"

namespace howdah::migrate {

enum class Dialect { kNative, kPrisma, kKysely };

/// Before or after the application that goes with it is deployed: `expand` adds what the new one needs and leaves the
/// old one running, `contract` takes away what only the old one used.
enum class Phase { kExpand, kContract };

/// One direction of a migration: SQL as it stands in the file, from `line` on.
struct Section {
  bool present = false;
  std::string file, sql;
  int line = 1;  ///< of sql's first character in the file
  bool transactional = true;
  // From the header:
  std::string lock_timeout, statement_timeout;  ///< "" = the runner's
  int tries = 0;                                ///< 0 = the runner's
  std::string where(size_t byte) const;         ///< "file:line:column" of a byte of sql
  std::string where(int sql_line, int column) const;
};

/// A migration that a baseline stands for (squash.h), as it was when it was squashed.
struct Replaced {
  std::string name, checksum;
};

struct Migration {
  std::string version;  ///< what identifies it in the history: digits, or Prisma's whole directory name
  std::string name;     ///< "20240101000000_add_users"
  std::string file;
  std::string checksum;
  Phase phase = Phase::kExpand;  ///< from the header of up
  Section up, down;
  std::vector<Replaced> replaces;  ///< of a baseline: "-- migrate:replaces NAME CHECKSUM" in its first lines
};

/// A directory of migrations, in the order in which they run.
struct Source {
  Dialect dialect = Dialect::kNative;
  std::string directory;
  std::string provider;  ///< Kysely's file that defines the migrations, "" = each file of the directory is one
  std::vector<Migration> migrations;
  const Migration* find(const std::string& version_or_name) const;
};

/// The names in a directory, sorted by bytes, which is Prisma's order. Tells the dialect without reading any file.
struct Listing {
  Dialect dialect = Dialect::kNative;
  std::string directory, provider;
  std::vector<std::string> names;  ///< of files, or of Prisma's directories
};
/// An error says that there is no such directory.
Result<Listing> list_source(const std::string& directory);
/// `between` is called once for a few files: for what waits meanwhile.
Result<Source> load_source(const Listing& listing, const std::function<void()>& between = {});

/// Both. Reads `directory`: *.sql files (one file with up and down sections, or pairs .up.sql/.down.sql; only those in
/// manifest.json where there is one), or Prisma's directories with migration.sql, or Kysely's TypeScript and JavaScript
/// (names only: node loads them, tunnel.h), or what migration-provider.ts exports, which `directory` may also be. An
/// error names the file and what to change. Files that a baseline replaces are left out: it stands for them.
Result<Source> read_source(const std::string& directory);

/// Versions are numbers of any length: 2 < 10 < 20240101000000.
bool version_less(const std::string& a, const std::string& b);

std::string sha256_hex(std::string_view bytes);

/// Checksum of native migrations: of the up section, without BOM and carriage returns, so that git's line endings do
/// not matter. "v1:" names this rule.
std::string text_checksum(std::string_view sql);

}  // namespace howdah::migrate
