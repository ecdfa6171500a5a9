#include "repository/repository.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "os/files.h"
#include "repository/keys.h"

namespace howdah::repository {
namespace {

constexpr Millis kLockPatience{0};

/// The last parts of the objects' names.
Result<std::vector<std::string>> names_below(Storage& storage, const std::string& prefix) {
  const auto objects = storage.list(prefix);
  if (!objects) return tl::unexpected(objects.error());
  std::vector<std::string> out;
  for (const auto& o : *objects) out.push_back(o.name.substr(prefix.size()));
  return out;
}

}  // namespace

Repository::Repository(Options options, const Key& data_key)
    : storage_(std::move(options.storage)),
      threads_(std::max(1u, options.threads)),
      data_key_(data_key),
      about_(storage_->about()) {}

Result<Repository> Repository::open(Options options) {
  const auto key = open_keys(*options.storage, options.key_file);
  if (!key) return tl::unexpected(key.error());
  return Repository(std::move(options), *key);
}

Result<os::LockFile> Repository::lock(const std::string& resource) const {
  if (auto made = os::ensure_dir(storage_->locks(), 0700); !made) return tl::unexpected(made.error());
  return os::LockFile::acquire(storage_->locks() + "/" + resource, "the backups of " + resource, kLockPatience);
}

Result<Manifest> Repository::manifest(const std::string& resource, const std::string& id, bool head_only) const {
  if (!is_plain_name(resource) || !is_plain_name(id)) return fail(fmt::format("no backup {}/{}", resource, id));
  const std::string name = manifest_prefix(resource) + id;
  const auto object = storage_->find(name);
  if (!object) return tl::unexpected(object.error());
  if (!*object) return fail(fmt::format("there is no backup {} of {} in {}", id, resource, about_));
  const auto text = open_text(data_key_, name, **object);
  if (!text) return tl::unexpected(text.error());
  auto m = parse_manifest(*text, head_only);
  if (!m) return fail(fmt::format("{} can't be used: {}", name, m.error().message));
  return m;
}

Result<std::vector<std::string>> Repository::backups(const std::string& resource) const {
  return names_below(*storage_, manifest_prefix(resource));
}

Result<bool> Repository::has(const std::string& resource, const std::string& id) const {
  const auto all = backups(resource);
  if (!all) return tl::unexpected(all.error());
  return std::find(all->begin(), all->end(), id) != all->end();
}

Result<std::vector<std::string>> Repository::resources() const {
  const auto all = names_below(*storage_, "instances/");
  if (!all) return tl::unexpected(all.error());
  std::set<std::string> out;
  for (const auto& name : *all) out.insert(name.substr(0, name.find('/')));
  return std::vector<std::string>(out.begin(), out.end());
}

Result<std::vector<BackupInfo>> Repository::list(const std::string& resource) const {
  const auto ids = backups(resource);
  if (!ids) return tl::unexpected(ids.error());
  std::vector<BackupInfo> out;
  std::string damaged;
  for (const auto& id : *ids) {
    auto m = manifest(resource, id, true);
    if (!m) {
      damaged += (damaged.empty() ? "" : "; ") + m.error().message;
      continue;
    }
    out.push_back({m->resource, m->id, m->created, std::move(m->about), m->wal_from, m->bytes, m->added});
  }
  if (!damaged.empty()) return fail(damaged);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.created < b.created; });
  return out;
}

Result<void> Repository::drop(const std::string& resource, const std::string& id) const {
  if (!is_plain_name(resource) || !is_plain_name(id)) return fail(fmt::format("no backup {}/{}", resource, id));
  return storage_->remove(manifest_prefix(resource) + id);
}

Result<bool> Repository::put_wal(const std::string& resource, const std::string& file) const {
  const std::string name = file.substr(file.rfind('/') + 1), object = wal_prefix(resource) + name;
  if (!is_plain_name(resource) || !is_plain_name(name)) return fail(fmt::format("'{}' is no WAL file", file));
  const auto text = os::read_file(file, 1 << 30);
  if (!text) return tl::unexpected(text.error());
  const auto stored = storage_->put(object, seal_text(data_key_, object, *text));
  if (!stored || *stored) return stored;
  const auto there = get_wal(resource, name);
  if (!there) return tl::unexpected(there.error());
  if (!*there || **there != *text) {
    return fail(fmt::format("{} has another content in {}: it is not overwritten", object, about_));
  }
  return false;
}

Result<std::optional<std::string>> Repository::get_wal(const std::string& resource, const std::string& name) const {
  const std::string object = wal_prefix(resource) + name;
  auto found = storage_->find(object);
  if (!found || !*found) return found;
  auto text = open_text(data_key_, object, **found);
  if (!text) return tl::unexpected(text.error());
  return std::optional(std::move(*text));
}

Result<std::vector<std::string>> Repository::list_wal(const std::string& resource) const {
  return names_below(*storage_, wal_prefix(resource));
}

}  // namespace howdah::repository
