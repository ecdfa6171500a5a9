#include <fmt/format.h>

#include <cstdlib>

#include "migrate/rehearse.h"
#include "util/json.h"

namespace howdah::migrate {
namespace {

std::string size_text(int64_t bytes) {
  if (bytes < 10 * 1024) return fmt::format("{} B", bytes);
  if (bytes < 10 * 1024 * 1024) return fmt::format("{} kB", bytes / 1024);
  return fmt::format("{} MB", bytes / 1024 / 1024);
}

std::string one_line(std::string sql) {
  std::string out;
  for (const char c : sql) {
    const bool space = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (!space || (!out.empty() && out.back() != ' ')) out += space ? ' ' : c;
  }
  return out.size() > 70 ? fmt::format("{:.67}...", out) : out;
}

nlohmann::ordered_json load_json(const Load::Figures& f) {
  return {{"statements", f.statements},
          {"failed", f.failed},
          {"slowest_ms", f.slowest_ms},
          {"slowest", f.slowest},
          {"slowest_version", f.slowest_version}};
}

}  // namespace

int64_t Rehearsal::wal_bytes() const {
  int64_t out = 0;
  for (const auto& e : effects) out += e.wal_bytes;
  return out;
}

std::pair<int64_t, std::string> Rehearsal::disk() const {
  std::map<std::string, int64_t> by_version;
  for (const auto& e : effects) {
    for (const auto& [name, bytes] : e.rewritten) by_version[e.version] += bytes;
    for (const auto& [name, bytes] : e.built) by_version[e.version] += bytes;
  }
  std::pair<int64_t, std::string> most;
  for (const auto& [version, bytes] : by_version) {
    if (bytes > most.first) most = {bytes, version};
  }
  return most;
}

double Rehearsal::replica_lag_ms() const {
  double behind = 0, most = 0;
  for (const auto& e : effects) {
    behind = std::max(0.0, behind + static_cast<double>(e.wal_bytes) * 1000 / static_cast<double>(replica_rate) - e.ms);
    most = std::max(most, behind);
  }
  return most;
}

std::string rehearsal_text(const Rehearsal& r) {
  std::string out;
  for (const auto& e : r.effects) {
    out += fmt::format("{:>8.0f} ms  {}\n", e.ms, one_line(e.sql));
    for (const auto& [table, mode] : e.locks) {
      if (mode == "AccessShare") continue;
      const std::string stops = blocks(mode);
      out += fmt::format("             locks {} {}{}\n", table, mode, stops.empty() ? "" : ": stops " + stops);
    }
    for (const auto& [name, bytes] : e.rewritten)
      out += fmt::format("             rewrites {}, {}\n", name, size_text(bytes));
    for (const auto& [name, bytes] : e.built)
      out += fmt::format("             builds {}, {}\n", name, size_text(bytes));
    if (e.scanned_rows > 0) out += fmt::format("             scans {} rows\n", e.scanned_rows);
    if (e.wal_bytes >= 1024 * 1024) out += fmt::format("             writes {} of WAL\n", size_text(e.wal_bytes));
  }
  for (const auto& [table, hold] : r.worst)
    out += fmt::format("worst: {} is locked {} for {:.0f} ms by {}\n", table, hold.mode, hold.ms, hold.version);
  if (const auto [bytes, version] = r.disk(); bytes > 0)
    out += fmt::format("disk: {} more until {} commits, old and new side by side\n", size_text(bytes), version);
  if (r.wal_bytes() >= 1024 * 1024)
    out += fmt::format("replica: {} of WAL; at {} a second it gets {:.0f} ms behind\n", size_text(r.wal_bytes()),
                       size_text(r.replica_rate), r.replica_lag_ms());
  if (r.statements_tried > 0)
    out += fmt::format("application: {} of its {} statements can still be planned\n",
                       r.statements_tried - r.broken.size(), r.statements_tried);
  if (r.load)
    out += fmt::format("load: {} statements meanwhile, the slowest took {:.0f} ms while {} ran: {}\n",
                       r.load->statements, r.load->slowest_ms, r.load->slowest_version, one_line(r.load->slowest));
  return out;
}

std::string rehearsal_json(const Rehearsal& r) {
  nlohmann::ordered_json out = {{"statements", nlohmann::ordered_json::array()},
                                {"tables", nlohmann::ordered_json::object()}};
  for (const auto& e : r.effects) {
    out["statements"].push_back({{"version", e.version},
                                 {"where", e.where},
                                 {"sql", e.sql},
                                 {"ms", e.ms},
                                 {"wal_bytes", e.wal_bytes},
                                 {"scanned_rows", e.scanned_rows},
                                 {"locks", e.locks},
                                 {"rewritten", e.rewritten},
                                 {"built", e.built}});
  }
  for (const auto& [table, hold] : r.worst) {
    out["tables"][table] = {
        {"version", hold.version}, {"mode", hold.mode}, {"ms", hold.ms}, {"blocks", blocks(hold.mode)}};
  }
  const auto [bytes, version] = r.disk();
  out["disk"] = {{"bytes", bytes}, {"version", version}};
  out["wal_bytes"] = r.wal_bytes();
  out["replica"] = {{"bytes_a_second", r.replica_rate}, {"lag_ms", r.replica_lag_ms()}};
  out["application"] = {{"statements", r.statements_tried}, {"broken", nlohmann::ordered_json::array()}};
  for (const auto& b : r.broken)
    out["application"]["broken"].push_back(
        {{"version", b.version}, {"sql", b.statement.sql}, {"error", b.failure.message}});
  if (r.load) out["load"] = load_json(*r.load);
  return readable_json(out);
}

Result<double> parse_duration(const std::string& text) {
  char* unit = nullptr;
  const double value = std::strtod(text.c_str(), &unit);
  const std::string_view u = unit;
  const double factor = u == "ms" ? 1 : u == "s" ? 1000 : u == "min" ? 60000 : 0;
  if (unit == text.c_str() || factor == 0 || !(value >= 0)) return fail(text + " is no duration: 500ms, 1s or 2min");
  return value * factor;
}

Result<int64_t> parse_bytes(const std::string& text) {
  char* unit = nullptr;
  const double value = std::strtod(text.c_str(), &unit);
  const std::string_view u = unit;
  const double factor = u == "B" ? 1 : u == "kB" ? 1024.0 : u == "MB" ? 1048576.0 : u == "GB" ? 1073741824.0 : 0;
  if (unit == text.c_str() || factor == 0 || !(value >= 0) || value * factor > 9e18)
    return fail(text + " is no size: 0B, 100MB or 1GB");
  return static_cast<int64_t>(value * factor);
}

}  // namespace howdah::migrate
