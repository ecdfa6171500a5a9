#include <filesystem>

#include "migrate/lint_run.h"
#include "os/spawn.h"

namespace howdah::migrate {
namespace {

Result<std::string> git(const std::string& directory, std::vector<std::string> args) {
  os::Command command{.program = "/usr/bin/env", .args = {"git", "-C", directory}, .directory = "."};
  command.args.insert(command.args.end(), args.begin(), args.end());
  for (const char* name : {"HOME", "GIT_DIR", "GIT_WORK_TREE", "GIT_CONFIG_GLOBAL", "GIT_CEILING_DIRECTORIES"}) {
    if (const char* value = std::getenv(name)) command.env[name] = value;
  }
  std::error_code ec;
  command.directory = std::filesystem::current_path(ec).string();
  auto ran = os::run(command, std::chrono::seconds(60));
  if (!ran) return tl::unexpected(ran.error());
  if (!ran->ok()) return fail("git " + args[0] + ": " + ran->text);
  return ran->text;
}

std::set<std::string> names(const std::string& directory, const std::string& list) {
  std::set<std::string> out;
  for (size_t at = 0; at < list.size();) {
    const size_t end = std::min(list.find('\0', at), list.size());
    if (end > at) out.insert((std::filesystem::path(directory) / list.substr(at, end - at)).string());
    at = end + 1;
  }
  return out;
}

}  // namespace

Result<GitFiles> git_files(const std::string& directory, const std::string& revision) {
  if (revision.starts_with("-")) return fail(revision + " is not a revision");
  auto commit = git(directory, {"rev-parse", "--verify", "--quiet", revision + "^{commit}"});
  if (!commit) {
    return fail("git knows no revision " + revision + " in " + directory +
                "; in CI fetch it first: git fetch origin main, then --against origin/main");
  }
  while (!commit->empty() && commit->back() == '\n') commit->pop_back();
  // What main got since the branch left it is not the branch's change.
  auto base = git(directory, {"merge-base", *commit, "HEAD"});
  if (base) {
    while (!base->empty() && base->back() == '\n') base->pop_back();
  }
  const auto changed = git(directory, {"diff", "--name-only", "-z", "--relative", "--no-renames", "--diff-filter=ACMT",
                                       base ? *base : *commit, "--", "."});
  if (!changed) return tl::unexpected(changed.error());
  const auto fresh = git(directory, {"ls-files", "--others", "--exclude-standard", "-z", "--", "."});
  if (!fresh) return tl::unexpected(fresh.error());
  const auto there = git(directory, {"ls-tree", "-r", "--name-only", "-z", *commit, "--", "."});
  if (!there) return tl::unexpected(there.error());
  GitFiles out{.changed = names(directory, *changed), .there = names(directory, *there)};
  out.changed.merge(names(directory, *fresh));
  return out;
}

}  // namespace howdah::migrate
