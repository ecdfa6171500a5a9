#include "backup/wal_reader.h"

#include <algorithm>

namespace howdah::backup {
namespace {

constexpr size_t kReadAhead = 128 << 10;
constexpr uint32_t kLongestRecord = 1020U << 20;  // XLogRecordMaxSize
constexpr size_t kCrcAt = 20;

uint64_t aligned(uint64_t n) { return (n + 7) & ~7ULL; }

/// The length of the main data, which stands at the record's end. 0 = none, not well formed, or a record that changes
/// pages: those are not told apart by what we look for, and their headers differ between versions.
size_t main_length(std::string_view headers) {
  while (!headers.empty()) {
    const auto id = static_cast<unsigned char>(headers[0]);
    headers.remove_prefix(1);
    // 255 and 254: main data with a short and a long length; 253: replication origin; 252: top-level transaction.
    const size_t size = id == 255 ? 1 : id == 254 || id == 252 ? 4 : id == 253 ? 2 : headers.size() + 1;
    if (size > headers.size()) return 0;
    const char* value = headers.data();
    headers.remove_prefix(size);
    if (id == 252 || id == 253) continue;
    const size_t length = id == 255 ? load_as<uint8_t>(value) : load_as<uint32_t>(value);
    return length == headers.size() ? length : 0;
  }
  return 0;
}

}  // namespace

std::string_view Record::main_data() const {
  if (bytes.size() < kRecordHeader) return {};
  return bytes.substr(bytes.size() - main_length(bytes.substr(kRecordHeader)));
}

std::optional<int64_t> Record::transaction_end() const {
  if (manager != 1) return {};
  const uint8_t kind = info & 0x70;
  if (kind != 0x00 && kind != 0x20 && kind != 0x30 && kind != 0x40) return {};
  const auto data = main_data();
  if (data.size() < 8) return {};
  return load_as<int64_t>(data.data());
}

std::optional<Record::RestorePoint> Record::restore_point() const {
  if (manager != 0 || (info & 0xF0) != 0x70) return {};
  const auto data = main_data();
  if (data.size() <= 8) return {};
  const auto name = data.substr(8);
  return RestorePoint{load_as<int64_t>(data.data()), name.substr(0, name.find('\0'))};
}

void WalReader::forget() { ahead_.clear(); }

void WalReader::seek(Lsn lsn) {
  position_ = record_end(lsn);
  previous_ = 0;
  forget();
}

const char* WalReader::page(Lsn page) {
  if (ahead_.empty() || page < ahead_at_ || page + kWalPage > ahead_at_ + ahead_.size()) {
    ahead_.resize(kReadAhead);
    const size_t room = std::min<uint64_t>(kReadAhead, segment_begin(page) + kSegmentSize - page);
    ahead_.resize(source_(page, ahead_.data(), room));
    ahead_at_ = page;
    if (ahead_.size() < kWalPage) {
      ahead_.clear();
      return nullptr;
    }
  }
  const char* bytes = ahead_.data() + (page - ahead_at_);
  const auto header = parse_page_header(bytes, page);
  if (!header || header->timeline != timeline_(page)) return nullptr;
  return bytes;
}

bool WalReader::seek_first(Lsn segment) {
  forget();
  previous_ = 0;
  for (Lsn at = segment_begin(segment);; at += kWalPage) {
    const char* bytes = page(at);
    if (bytes == nullptr) return false;
    const auto header = *parse_page_header(bytes, at);
    const size_t room = kWalPage - header_size(at);
    if ((header.flags & kFirstIsContinuation) == 0) {
      position_ = at;
      return true;
    }
    if (header.remaining <= room) {
      position_ = at + aligned(header_size(at) + header.remaining);
      return true;
    }
  }
}

/// Moves `at` over a page header to where the record's first byte is.
bool WalReader::begin_of_record(Lsn& at, const char*& bytes) {
  const Lsn start = page_start(at);
  bytes = page(start);
  if (bytes == nullptr) return false;
  if (at == start) {
    // A record that ended with the page before: no continuation may follow. One that was given up may.
    const auto header = *parse_page_header(bytes, start);
    if ((header.flags & kFirstIsContinuation) != 0) return false;
    at += header_size(start);
  }
  bytes += at - start;
  return true;
}

std::optional<Record> WalReader::next() {
  Lsn at = position_;
  const char* bytes = nullptr;
  if (!begin_of_record(at, bytes)) {
    forget();
    return {};
  }
  given_up_ = 0;
  auto record = whole(at, bytes);
  if (!record && given_up_ != 0) {
    at = given_up_ + header_size(given_up_);
    const char* overwriting = page(given_up_);
    given_up_ = 0;
    if (overwriting != nullptr) record = whole(at, overwriting + header_size(page_start(at)));
  }
  if (!record) {
    forget();
    return {};
  }
  position_ = record->end;
  previous_ = record->start;
  return record;
}

std::optional<Record> WalReader::whole(Lsn start, const char* bytes) {
  const size_t room = page_start(start) + kWalPage - start;
  if (room < sizeof(uint32_t)) return {};
  const auto length = load_as<uint32_t>(bytes);
  if (length < kRecordHeader || length > kLongestRecord) return {};
  Record record{.start = start};
  if (length <= room) {
    record.bytes = std::string_view(bytes, length);
    record.end = start + aligned(length);
  } else if (!gather(start, length, record.end)) {
    return {};
  } else {
    record.bytes = record_;
  }
  if (!verify(start, record.bytes)) return {};
  record.info = static_cast<uint8_t>(record.bytes[16]);
  record.manager = static_cast<uint8_t>(record.bytes[17]);
  record.data_end = record.end;
  if (record.is_switch() && record.end % kSegmentSize != 0) record.end = segment_begin(record.end) + kSegmentSize;
  return record;
}

/// Puts a record together that crosses pages.
bool WalReader::gather(Lsn start, uint32_t length, Lsn& end) {
  record_.clear();
  Lsn at = start;
  const char* bytes = page(page_start(start)) + (at - page_start(at));
  size_t room = page_start(at) + kWalPage - at;
  for (;;) {
    const size_t part = std::min<size_t>(room, length - record_.size());
    record_.append(bytes, part);
    at += part;
    if (record_.size() == length) break;
    const char* next = page(at);
    if (next == nullptr) return false;
    const auto header = *parse_page_header(next, at);
    if ((header.flags & kOverwritesContinuation) != 0) given_up_ = at;
    if ((header.flags & kFirstIsContinuation) == 0 || header.remaining != length - record_.size()) return false;
    bytes = next + header_size(at);
    room = kWalPage - header_size(at);
    at += header_size(at);
    // The header is whole now at the latest: do not read a gigabyte because of four random bytes.
    if (record_.size() >= kRecordHeader && load_as<uint64_t>(record_.data() + 8) >= start) return false;
  }
  end = aligned(at);
  return true;
}

bool WalReader::verify(Lsn start, std::string_view record) const {
  const auto previous = load_as<uint64_t>(record.data() + 8);
  if (previous_ != 0 ? previous != previous_ : previous >= start) return false;
  uint32_t crc = wal_crc(0, record.data() + kRecordHeader, record.size() - kRecordHeader);
  crc = wal_crc(crc, record.data(), kCrcAt);
  return crc == load_as<uint32_t>(record.data() + kCrcAt);
}

}  // namespace howdah::backup
