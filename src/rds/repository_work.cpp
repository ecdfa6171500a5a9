// One process at a time stores all that is missing: bases, complete WAL segments, and what was deleted since. It can be
// killed and started again at any point.
#include "rds/repository_work.h"

#include <cstdlib>
#include <filesystem>

#include "backup/base.h"
#include "domain/config.h"
#include "domain/repository_config.h"
#include "os/detached.h"
#include "os/files.h"
#include "util/log.h"

namespace howdah::rds {
namespace {

constexpr Millis kLook{500};

/// Loaded at each use: seldom, and a mistake in it was an error at the start.
bool has_repository(const Rds& rds) {
  const auto c = load_repository_config(rds.config);
  return c && !c->location.empty();
}

os::Command backup_command(const Rds& rds, std::vector<std::string> words) {
  os::Command c{.program = std::filesystem::read_symlink("/proc/self/exe").string(),
                .args = {"backup", "--state-dir", rds.config.state_dir}};
  if (!rds.config.file.empty()) c.args.insert(c.args.end(), {"--config", rds.config.file});
  c.args.insert(c.args.end(), words.begin(), words.end());
  for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}) {
    if (const char* value = std::getenv(name)) c.env[name] = value;
  }
  return c;
}

/// Runs the command to its end, over several calls: nothing while it is under way.
Result<std::optional<os::Detached>> run_detached(const std::string& name, const os::Command& command) {
  auto seen = os::observe_detached(name);
  if (!seen) return tl::unexpected(seen.error());
  if (seen->state == os::DetachedState::kDone) {
    if (auto done = os::forget_detached(name); !done) return tl::unexpected(done.error());
    return std::optional(std::move(*seen));
  }
  if (seen->state == os::DetachedState::kNotStarted) {
    if (auto done = os::start_detached(name, command); !done) return tl::unexpected(done.error());
  }
  return std::optional<os::Detached>();
}

}  // namespace

void store_backups(const Rds& rds, bool clock_doubted) {
  if (!has_repository(rds)) return;
  const std::string name = rds.config.state_dir + "/repository.sync";
  std::vector<std::string> words{"sync"};
  if (clock_doubted) words.push_back("--clock-doubted");
  const auto ended = run_detached(name, backup_command(rds, std::move(words)));
  if (!ended) {
    log::error("backups are not stored in the repository", {{"error", ended.error().message}});
  } else if (*ended && (*ended)->status != 0) {
    log::error("backups are not stored in the repository", {{"error", (*ended)->output_tail}});
  }
}

Result<void> note_forgotten_base(const Rds& rds, const std::string& name) {
  if (!has_repository(rds)) return {};
  const std::string id = name.substr(0, name.find('.'));
  const auto base = backup::read_base(rds.config.state_dir, id);
  if (base ? base->interim : name != id + ".damaged") return {};  // or half made: it was never stored
  const std::string directory = rds.config.state_dir + "/repository.forgotten";
  if (auto made = os::ensure_dir(directory, 0700); !made) return made;
  return os::write_file_atomic(directory + "/" + id, base ? base->resource_id : "", 0600);
}

std::optional<Outcome> bring_back_base(const Rds& rds, const std::string& resource_id, const std::string& base_id) {
  const std::string& state = rds.config.state_dir;
  if (os::exists(backup::base_dir(state, base_id)) || !has_repository(rds)) return {};
  const auto ran =
      run_detached(state + "/repository.fetch-" + base_id,
                   backup_command(rds, {"restore", resource_id, base_id, backup::base_dir(state, base_id)}));
  if (!ran) return flow::again(Millis(1'000), ran.error().message);
  if (!*ran) return flow::again(kLook, "the base is being brought back from the repository");
  if ((*ran)->status == 0) return {};
  log::warn("a base is not there and can't be brought back", {{"base", base_id}, {"error", (*ran)->output_tail}});
  return {};
}

}  // namespace howdah::rds
