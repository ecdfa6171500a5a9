#include "pg/control_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/time.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "os/fd.h"
#include "os/files.h"

namespace howdah::pg {
namespace {

constexpr size_t kNonceSize = 32;      // ControlFileData ends with mock_authentication_nonce[32] and the checksum
constexpr uint16_t kLongHeader = 0x2;  // XLP_LONG_HEADER
constexpr size_t kSysidInWal = 24;     // XLogLongPageHeaderData.xlp_sysid

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int k = 0; k < 8; k++) c = (c & 1) != 0 ? (c >> 1) ^ 0x82F63B78U : c >> 1;
    table[i] = c;
  }
  return table;
}
constexpr auto kTable = make_table();

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

Result<void> overwrite(const std::string& path, const std::string& bytes, off_t at) {
  os::Fd fd(open(path.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd || pwrite(fd.get(), bytes.data(), bytes.size(), at) != static_cast<ssize_t>(bytes.size())) {
    return fail(fmt::format("cannot write {}: {}", path, strerror(errno)));
  }
  return {};
}

Result<void> stamp_segment(const std::string& path, uint64_t old_id, uint64_t new_id) {
  os::Fd fd(open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  std::string head(40, '\0');
  if (!fd || pread(fd.get(), head.data(), head.size(), 0) != static_cast<ssize_t>(head.size())) {
    return fail(fmt::format("cannot read the header of WAL segment {}", path));
  }
  if (head.find_first_not_of('\0') == head.npos) return {};  // made in advance, never written
  const auto has = load<uint64_t>(head, kSysidInWal);
  if ((load<uint16_t>(head, 2) & kLongHeader) == 0 || (has != old_id && has != new_id)) {
    return fail(fmt::format("WAL segment {} does not belong to this cluster", path));
  }
  if (pwrite(fd.get(), &new_id, sizeof new_id, kSysidInWal) != sizeof new_id) {
    return fail(fmt::format("cannot write {}: {}", path, strerror(errno)));
  }
  return {};
}

}  // namespace

uint32_t crc32c(const void* data, size_t size, uint32_t before) {
  auto bytes = static_cast<const unsigned char*>(data);
  uint32_t c = before ^ 0xFFFFFFFFU;
  for (size_t i = 0; i < size; i++) c = (c >> 8) ^ kTable[(c ^ bytes[i]) & 255];
  return c ^ 0xFFFFFFFFU;
}

Result<ControlFile> parse_control_file(const std::string& content) {
  if (content.size() < 512) return fail(fmt::format("a control file of {} bytes is too short", content.size()));
  ControlFile c;
  c.system_identifier = load<uint64_t>(content, 0);
  c.format = load<uint32_t>(content, 8);
  c.catalog_version = load<uint32_t>(content, 12);
  for (size_t at = 200; at <= 504; at += 4) {
    if (load<uint32_t>(content, at) != crc32c(content.data(), at)) continue;
    c.crc_offset = at;
    return c;
  }
  return fail("the control file's checksum does not fit: it is damaged");
}

uint64_t new_system_identifier() {
  timeval now{};
  gettimeofday(&now, nullptr);
  uint16_t random = 0;
  if (getrandom(&random, sizeof random, 0) != sizeof random) random = static_cast<uint16_t>(getpid());
  return static_cast<uint64_t>(now.tv_sec) << 32 | static_cast<uint64_t>(now.tv_usec) << 12 | (random & 0xFFF);
}

Result<uint64_t> renew_identity(const std::string& data, uint64_t id) {
  std::string path = data + "/global/pg_control";
  auto content = os::read_file(path, 1 << 16);
  if (!content) return tl::unexpected(content.error());
  auto control = parse_control_file(*content);
  if (!control) return fail(fmt::format("{}: {}", path, control.error().message));
  if (id == 0) id = new_system_identifier();
  if (id == control->system_identifier) return id;
  std::string nonce(kNonceSize, '\0');
  if (getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size())) return fail("no randomness");
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(data + "/pg_wal", none)) {
    if (!entry.is_regular_file() || entry.path().filename().string().size() != 24) continue;
    auto done = stamp_segment(entry.path().string(), control->system_identifier, id);
    if (!done) return tl::unexpected(done.error());
  }
  store(*content, 0, id);
  content->replace(control->crc_offset - kNonceSize, kNonceSize, nonce);
  store(*content, control->crc_offset, crc32c(content->data(), control->crc_offset));
  if (auto done = overwrite(path, *content, 0); !done) return tl::unexpected(done.error());
  return id;
}

Result<uint64_t> system_identifier_of(const std::string& data) {
  auto content = os::read_file(data + "/global/pg_control", 1 << 16);
  if (!content) return tl::unexpected(content.error());
  auto control = parse_control_file(*content);
  if (!control) return fail(fmt::format("{}: {}", data, control.error().message));
  return control->system_identifier;
}

}  // namespace howdah::pg
