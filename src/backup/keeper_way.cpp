#include "backup/keeper_way.h"

#include "backup/keeper_spec.h"
#include "os/files.h"

namespace howdah::backup {
namespace {

std::string path_of(const std::string& state, const std::string& resource_id) {
  return Vault(state, resource_id).root() + "/way";
}

}  // namespace

const char* word_of(Way way) {
  return way == Way::stream ? "stream" : way == Way::only_stream ? "only-stream" : "tail";
}

Way way_of(const std::string& state, const std::string& resource_id) {
  const std::string path = path_of(state, resource_id);
  const auto word = os::exists(path) ? os::read_file(path) : Result<std::string>("tail");
  if (!word) return Way::tail;
  return *word == "stream" ? Way::stream : *word == "only-stream" ? Way::only_stream : Way::tail;
}

Result<void> set_way(const std::string& state, const std::string& resource_id, Way way) {
  if (way_of(state, resource_id) == way) return {};
  const std::string root = Vault(state, resource_id).root();
  for (const std::string& path : {state + "/vault", root}) {
    if (auto made = os::ensure_dir(path, 0700); !made) return made;
  }
  return os::write_file_atomic(path_of(state, resource_id), word_of(way), 0600);
}

bool keeper_streams(const std::string& state, const std::string& resource_id) {
  const auto info = keeper_runs(state, resource_id) ? read_info(Vault(state, resource_id).root()) : std::nullopt;
  return info && info->spec.find("\"way\":\"tail\"") == std::string::npos;
}

}  // namespace howdah::backup
