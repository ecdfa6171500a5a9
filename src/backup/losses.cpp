#include "backup/losses.h"

#include <algorithm>

#include <fmt/format.h>

#include "os/files.h"
#include "util/json.h"
#include "util/utc.h"

namespace howdah::backup {
namespace {

using Json = nlohmann::json;

std::string path_of(const std::string& root) { return root + "/losses"; }

Json to_json(const Loss& loss) {
  return {{"kind", loss.kind == Loss::Kind::gap ? "gap" : "conflict"},
          {"timeline", loss.from.timeline},
          {"from", lsn_text(loss.from.lsn)},
          {"to", lsn_text(loss.to)},
          {"noticed_ms", loss.noticed.time_since_epoch().count()}};
}

/// Throws Json::exception.
Loss from_json(const Json& j) {
  Loss loss;
  loss.kind = j.at("kind") == "gap" ? Loss::Kind::gap : Loss::Kind::conflict;
  loss.from = {j.at("timeline"), parse_lsn(j.at("from").get<std::string>()).value_or(0)};
  loss.to = parse_lsn(j.at("to").get<std::string>()).value_or(~0ULL);
  loss.noticed = Time(Millis(j.at("noticed_ms").get<int64_t>()));
  return loss;
}

}  // namespace

std::string text_of(const Loss& loss) {
  const char* why = loss.kind == Loss::Kind::gap
                        ? "is not in the vault: the server removed it before it was copied"
                        : "is not what the vault holds: the server wrote other WAL over what it had finished";
  return fmt::format("WAL from {} to {} on timeline {} {} (noticed {}). No restore can cross it.",
                     lsn_text(loss.from.lsn), lsn_text(loss.to), loss.from.timeline, why, utc_text(loss.noticed));
}

Result<std::vector<Loss>> read_losses(const std::string& root) {
  if (!os::exists(path_of(root))) return std::vector<Loss>{};
  const auto text = os::read_file(path_of(root));
  if (!text) return tl::unexpected(text.error());
  std::vector<Loss> out;
  try {
    for (const auto& one : parse_json(*text)) out.push_back(from_json(one));
  } catch (const Json::exception& e) {
    return fail(fmt::format("{} is damaged: {}", path_of(root), e.what()));
  }
  return out;
}

Result<void> record_loss(const std::string& root, const Loss& loss) {
  auto known = read_losses(root);
  if (!known) return tl::unexpected(known.error());
  if (std::any_of(known->begin(), known->end(), [&](const Loss& k) { return k.same_place(loss); })) return {};
  known->push_back(loss);
  Json all = Json::array();
  for (const auto& one : *known) all.push_back(to_json(one));
  return os::write_file_atomic(path_of(root), json_text(all, 1) + "\n", 0600);
}

Result<void> check_no_loss(const std::string& root, const History& history, Lsn from, Lsn to) {
  const auto losses = read_losses(root);
  if (!losses) return tl::unexpected(losses.error());
  for (const auto& loss : *losses) {
    if (loss.from.lsn < to && loss.to > from && history.contains(loss.from)) return fail(text_of(loss));
  }
  return {};
}

}  // namespace howdah::backup
