#include <unistd.h>
#include <sstream>

#include <fmt/format.h>

#include "backup/base.h"
#include "backup/base_copy.h"
#include "backup/control.h"
#include "backup/staging.h"
#include "backup/vault.h"
#include "os/copy.h"
#include "os/files.h"
#include "pg/client.h"
#include "util/fault_point.h"

namespace howdah::backup {
namespace {

constexpr std::chrono::hours kLongest(12);  // of the checkpoint that a backup begins with
constexpr std::chrono::seconds kVaultPatience(60);

/// What pg_backup_stop returned.
struct Stopped {
  Lsn end = 0;
  std::string label, tablespaces;
};

/// What the label says about where recovery begins.
Result<Position> start_of(const std::string& label) {
  Position start;
  std::istringstream lines(label);
  constexpr std::string_view kWal = "START WAL LOCATION: ", kTimeline = "START TIMELINE: ";
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kWal)) {
      const std::string lsn = line.substr(kWal.size(), line.find(' ', kWal.size()) - kWal.size());
      start.lsn = parse_lsn(lsn).value_or(0);
    }
    if (line.starts_with(kTimeline)) start.timeline = static_cast<uint32_t>(std::stoul(line.substr(kTimeline.size())));
  }
  if (start.lsn == 0 || start.timeline == 0) return fail("the backup label makes no sense: " + label);
  return start;
}

/// The server's side of a backup. The session must live until the end: the server gives the backup up with it.
class Session {
 public:
  static Result<Session> begin(const BaseSpec& spec) {
    auto client = pg::Client::connect(spec.layout, spec.port, "postgres", kLongest);
    if (!client) return tl::unexpected(client.error());
    Session s(std::move(*client));
    auto facts = s.client_.query("SELECT pg_is_in_recovery(), current_setting('data_checksums')");
    if (!facts) return tl::unexpected(Error(facts.error()));
    if (facts->get(0, 0) == "t") return fail("the server is in recovery: bases are copied from a primary");
    s.checksums_ = facts->get(0, 1) == "on";
    const bool old = s.client_.server_version() < 150000;
    auto started = s.client_.query(old ? "SELECT pg_start_backup($1, true, false)" : "SELECT pg_backup_start($1, true)",
                                   {"howdah " + spec.id});
    if (!started) return tl::unexpected(Error(started.error()));
    auto lsn = parse_lsn(started->get(0, 0));
    if (!lsn) return fail(fmt::format("the server began a backup at \"{}\"", started->get(0, 0)));
    s.start_ = *lsn;
    return s;
  }

  Result<Stopped> end() {
    const bool old = client_.server_version() < 150000;
    auto rows = client_.query(old ? "SELECT lsn, labelfile, spcmapfile FROM pg_stop_backup(false, false)"
                                  : "SELECT lsn, labelfile, spcmapfile FROM pg_backup_stop(false)");
    if (!rows) return tl::unexpected(Error(rows.error()));
    auto lsn = parse_lsn(rows->get(0, 0));
    if (!lsn) return fail(fmt::format("the server ended a backup at \"{}\"", rows->get(0, 0)));
    return Stopped{*lsn, std::string(rows->get(0, 1)), std::string(rows->get(0, 2))};
  }

  Lsn start() const { return start_; }
  bool checksums() const { return checksums_; }

 private:
  explicit Session(pg::Client client) : client_(std::move(client)) {}
  pg::Client client_;
  Lsn start_ = 0;
  bool checksums_ = false;
};

/// Copies the WAL between the two positions from the vault, once it is there.
Result<void> copy_wal(const BaseSpec& spec, const Base& base, const std::string& to) {
  const Vault vault(spec.state, spec.resource_id);
  if (!vault.await(base.end, kVaultPatience)) {
    return fail_for_now(fmt::format("the WAL of {} up to {} is not in its vault after {} s: does its keeper run?",
                                    spec.resource_id, lsn_text(base.end.lsn), kVaultPatience.count()));
  }
  auto files = vault.chain(base.start, base.end, base.system_identifier);
  if (!files) return tl::unexpected(files.error());
  return place_wal(*files, to);
}

}  // namespace

Result<Base> copy_running(const BaseSpec& spec) {
  auto staging = Staging::open(spec.state, spec.id);
  if (!staging) return tl::unexpected(staging.error());
  if (auto base = staging->finished()) return *base;
  const std::string& data = spec.layout.data;
  // Before the backup begins: each one makes the server go on in another segment, which a full disk has no room for.
  auto size = size_of_data(data);
  if (!size) return tl::unexpected(size.error());
  if (auto room = os::room_for(*size + 2 * kSegmentSize, staging->root()); !room) {
    return tl::unexpected(room.error());
  }
  auto session = Session::begin(spec);
  if (!session) return tl::unexpected(session.error());
  fault::point("backup.base:started");
  auto copied = copy_data(
      data, staging->data(),
      {.running = true, .verify_pages = session->checksums(), .start = session->start(), .progress = spec.progress});
  if (!copied) return tl::unexpected(copied.error());
  auto content = read_control_stable(data);  // last of all files, as PostgreSQL's own base backup does
  if (!content) return tl::unexpected(content.error());
  auto control = parse_control(*content);
  if (!control) return tl::unexpected(control.error());
  if (auto done = add_file(staging->data(), "global/pg_control", *content, *copied); !done) {
    return tl::unexpected(done.error());
  }
  auto stopped = session->end();
  if (!stopped) return tl::unexpected(stopped.error());
  const Time ended = spec.now();
  if (!stopped->tablespaces.empty()) {
    return fail("a tablespace was created meanwhile: backups of clusters with tablespaces are not supported");
  }
  if (auto done = add_file(staging->data(), "backup_label", stopped->label, *copied); !done) {
    return tl::unexpected(done.error());
  }
  auto start = start_of(stopped->label);
  if (!start) return tl::unexpected(start.error());
  Base base{.resource_id = spec.resource_id,
            .start = *start,
            .end = {start->timeline, stopped->end},
            .ended = ended,
            .system_identifier = control->system_identifier,
            .engine_version = spec.engine.version};
  if (auto done = copy_wal(spec, base, staging->wal()); !done) return tl::unexpected(done.error());
  if (spec.progress) spec.progress(100);
  return staging->publish(std::move(base), std::move(*copied));
}

}  // namespace howdah::backup
