#include "backup/keeper_spec.h"

#include <sys/stat.h>
#include <cstdlib>

#include <fmt/format.h>

#include "backup/keeper_way.h"
#include "os/files.h"
#include "util/json.h"

namespace howdah::backup {

using Json = nlohmann::json;

std::string spec_text(const KeeperSpec& spec) {
  const auto& l = spec.layout;
  return json_text(Json{{"state", spec.state},
                        {"resource_id", spec.resource_id},
                        {"root", l.root},
                        {"data", l.data},
                        {"conf", l.conf},
                        {"run", l.run},
                        {"log", l.log},
                        {"uid", spec.owner.uid},
                        {"gid", spec.owner.gid},
                        {"port", spec.port},
                        {"way", word_of(way_of(spec.state, spec.resource_id))}});
}

Result<KeeperSpec> parse_spec(const std::string& text) {
  try {
    const Json j = parse_json(text);
    KeeperSpec spec;
    spec.state = j.at("state");
    spec.resource_id = j.at("resource_id");
    spec.layout = {j.at("root"), j.at("data"), j.at("conf"), j.at("run"), j.at("log")};
    spec.owner = {j.at("uid"), j.at("gid")};
    spec.port = j.at("port");
    return spec;
  } catch (const Json::exception& e) {
    return fail(fmt::format("a keeper cannot be described by {}: {}", text, e.what()));
  }
}

std::string version_of(const std::string& program) {
  struct stat st {};
  if (stat(program.c_str(), &st) != 0) return HOWDAH_VERSION;
  return fmt::format("{} {} {}", HOWDAH_VERSION, st.st_size, st.st_mtim.tv_sec);
}

std::string lock_path(const std::string& root) { return root + "/keeper.lock"; }

std::optional<KeeperInfo> read_info(const std::string& root) {
  const auto text = os::read_file(root + "/keeper.info", 64 << 10);
  if (!text) return {};
  const Json j = try_parse_json(*text);
  if (!j.is_object()) return {};
  try {
    return KeeperInfo{j.at("pid"), j.at("started"), j.at("version"), j.at("spec")};
  } catch (const Json::exception&) {
    return {};
  }
}

Result<void> write_info(const std::string& root, const KeeperInfo& info) {
  const Json j{{"pid", info.pid}, {"started", info.started}, {"version", info.version}, {"spec", info.spec}};
  return os::write_file_atomic(root + "/keeper.info", json_text(j) + "\n", 0600);
}

uint64_t start_of(pid_t pid) {
  const auto text = os::read_file(fmt::format("/proc/{}/stat", pid), 4096);
  if (!text) return 0;
  // The name in parentheses may hold anything; the 22nd field is the 20th behind it.
  auto at = text->rfind(')');
  for (int field = 2; field < 22 && at != std::string::npos; field++) at = text->find(' ', at + 1);
  return at == std::string::npos ? 0 : strtoull(text->c_str() + at + 1, nullptr, 10);
}

}  // namespace howdah::backup
