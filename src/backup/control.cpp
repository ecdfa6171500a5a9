#include "backup/control.h"

#include <chrono>
#include <cstring>
#include <thread>

#include <fmt/format.h>

#include "backup/wal_page.h"
#include "os/files.h"
#include "pg/control_file.h"

namespace howdah::backup {
namespace {

template <class T>
T load(const std::string& bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class T>
void store(std::string& bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

constexpr size_t kMinRecoveryEnd = 136, kMinRecoveryTimeline = 144;

}  // namespace

Result<Control> parse_control(const std::string& content) {
  auto file = pg::parse_control_file(content);
  if (!file) return tl::unexpected(file.error());
  if (file->format < 1201 || file->format > 1800) {
    return fail(fmt::format("pg_control has format {}: only those of PostgreSQL 12 to 18 are known", file->format));
  }
  Control c;
  c.system_identifier = file->system_identifier;
  c.state = static_cast<ClusterState>(load<uint32_t>(content, 16));
  c.checkpoint = load<uint64_t>(content, 32);
  c.redo = {load<uint32_t>(content, 48), load<uint64_t>(content, 40)};
  c.min_recovery_end = load<uint64_t>(content, kMinRecoveryEnd);
  c.backup_end_required = load<uint8_t>(content, 168) != 0;
  c.max_connections = load<int32_t>(content, 180);
  c.max_worker_processes = load<int32_t>(content, 184);
  c.max_wal_senders = load<int32_t>(content, 188);
  c.max_prepared_transactions = load<int32_t>(content, 192);
  c.max_locks_per_transaction = load<int32_t>(content, 196);
  c.page_checksums = load<uint32_t>(content, 252) != 0;
  const auto block = load<uint32_t>(content, 216), segment = load<uint32_t>(content, 228);
  if (block != 8192 || segment != kSegmentSize || load<uint32_t>(content, 224) != kWalPage) {
    return fail(fmt::format("the cluster has blocks of {} bytes and WAL segments of {} bytes: backups know 8192 and {}",
                            block, segment, kSegmentSize));
  }
  return c;
}

Result<Control> read_control_file(const std::string& path) {
  auto content = os::read_file(path, 1 << 16);
  if (!content) return tl::unexpected(content.error());
  auto control = parse_control(*content);
  if (!control) return fail(fmt::format("{}: {}", path, control.error().message));
  return control;
}

Result<Control> read_control(const std::string& data) { return read_control_file(data + "/global/pg_control"); }

Result<void> set_consistent_from(const std::string& data, Position end, os::Owner owner) {
  const std::string path = data + "/global/pg_control";
  auto content = os::read_file(path, 1 << 16);
  if (!content) return tl::unexpected(content.error());
  if (auto known = parse_control(*content); !known) return tl::unexpected(known.error());
  const auto file = pg::parse_control_file(*content);
  store(*content, kMinRecoveryEnd, record_end(end.lsn));
  store(*content, kMinRecoveryTimeline, end.timeline);
  store(*content, file->crc_offset, pg::crc32c(content->data(), file->crc_offset));
  return os::write_file_atomic(path, *content, 0600, owner);
}

Result<std::string> read_control_stable(const std::string& data) {
  std::string why;
  for (int i = 0; i < 100; i++) {
    auto content = os::read_file(data + "/global/pg_control", 1 << 16);
    if (!content) return content;
    auto parsed = pg::parse_control_file(*content);
    if (parsed) return content;
    why = parsed.error().message;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // it was being written
  }
  return fail(fmt::format("{}/global/pg_control: {}", data, why));
}

}  // namespace howdah::backup
