#include "wire/gunzip.h"

#include <zlib.h>

namespace howdah::wire {

namespace {

struct Inflated {
  std::string bytes;
  bool complete = false;
};

/// Stops soon after `limit` bytes.
Inflated inflate_up_to(std::string_view compressed, size_t limit) {
  Inflated out;
  z_stream stream{};
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) return out;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = uInt(compressed.size());
  char chunk[16384];
  int status = Z_OK;
  while (status == Z_OK && out.bytes.size() <= limit) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk);
    stream.avail_out = sizeof chunk;
    status = inflate(&stream, Z_NO_FLUSH);
    out.bytes.append(chunk, sizeof chunk - stream.avail_out);
  }
  inflateEnd(&stream);
  out.complete = status == Z_STREAM_END;
  return out;
}

}  // namespace

Result<std::string> gunzip(std::string_view compressed, size_t limit) {
  Inflated out = inflate_up_to(compressed, limit);
  if (out.bytes.size() > limit)
    return fail("The gzip body is larger than " + std::to_string(limit) + " bytes when inflated.");
  if (!out.complete) return fail("The body is not gzip although Content-Encoding says so.");
  return std::move(out.bytes);
}

std::string gunzip_start(std::string_view compressed, size_t limit) {
  Inflated out = inflate_up_to(compressed, limit);
  if (out.bytes.size() > limit) out.bytes.resize(limit);
  return std::move(out.bytes);
}

}  // namespace howdah::wire
