#pragma once
#include <map>

#include "migrate/database.h"

namespace howdah::migrate {

/// Every object that a migration can make, "table public.users" -> hash of its definition. Without privileges, owners,
/// members of extensions, the history tables and the order of columns: two databases that ran the same migrations have
/// equal objects.
using Objects = std::map<std::string, std::string>;
tl::expected<Objects, SqlFailure> read_objects(Database& db);

/// The CTE `ns` of those queries: a schema that has a history of its own belongs to another project, unless it is the
/// one that this connection works in. Whether there is a schema `public` matters only where that is it (`listed`).
tl::expected<std::string, SqlFailure> own_namespaces(Database& db);

/// A database of its own for trying things out, dropped when this goes.
class Scratch {
 public:
  /// Needs the right to create databases. `owner` must outlive the scratch database.
  static tl::expected<std::unique_ptr<Scratch>, SqlFailure> create(Database& owner, const Target& target);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Database& db() { return *db_; }
  const std::string& name() const { return name_; }

 private:
  Scratch(Database& owner, std::string name) : owner_(owner), name_(std::move(name)) {}
  Database& owner_;
  std::string name_;
  std::unique_ptr<Database> db_;
};

}  // namespace howdah::migrate
