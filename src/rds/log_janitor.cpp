#include "rds/log_janitor.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "os/files.h"
#include "pg/layout.h"
#include "rds/server_files.h"
#include "rds/settings.h"
#include "util/log.h"

namespace howdah::rds {
namespace {

struct ServerLog {
  Time written{};
  std::string name;
  auto operator<=>(const ServerLog&) const = default;
};

/// Oldest first.
std::vector<ServerLog> logs_in(const os::Fd& directory) {
  std::vector<ServerLog> out;
  const int own = openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(own < 0 ? nullptr : fdopendir(own), closedir);
  while (const dirent* entry = listing ? readdir(listing.get()) : nullptr) {
    struct stat st {};
    const bool seen = fstatat(directory.get(), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (seen && S_ISREG(st.st_mode)) out.push_back({Time(std::chrono::seconds(st.st_mtim.tv_sec)), entry->d_name});
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// Nothing when it can't be known now: then nothing is removed.
std::optional<Millis> retention_of(const Rds& rds, const Instance& i) {
  const auto engine = prepared_engine(rds, i);
  if (!engine) return {};
  const auto settings = settings_of(rds, i, *engine);
  if (!settings) return {};
  const auto value = settings->find("rds.log_retention_period");
  int minutes = 0;
  if (value == settings->end()) return {};
  const auto& text = value->second;
  if (std::from_chars(text.data(), text.data() + text.size(), minutes).ec != std::errc() || minutes <= 0) return {};
  return std::chrono::minutes(minutes);
}

void remove_old_logs(const Rds& rds, const Instance& i) {
  const auto directory = os::open_dir(layout_of(rds, i).error_log_dir());
  if (!directory) return;  // it is being created or deleted
  const auto logs = logs_in(*directory);
  if (logs.size() < 2) return;
  const auto retention = retention_of(rds, i);
  if (!retention) return;
  for (size_t n = 0; n + 1 < logs.size() && logs[n].written < rds.clock.now() - *retention; n++) {
    if (unlinkat(directory->get(), logs[n].name.c_str(), 0) == 0) continue;
    log::warn("an old server log can't be removed", {{"instance", i.resource_id}, {"file", logs[n].name}});
  }
}

}  // namespace

void remove_old_logs(const Rds& rds) {
  for (const auto& i : rds.store.all<Instance>()) {
    try {
      remove_old_logs(rds, *i);
    } catch (const std::exception& e) {  // its engine may be gone
      log::warn("old server logs were not looked for", {{"instance", i->resource_id}, {"error", e.what()}});
    }
  }
}

}  // namespace howdah::rds
