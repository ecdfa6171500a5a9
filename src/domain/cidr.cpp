#include "domain/cidr.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace howdah {
namespace {

int width(bool v6) { return v6 ? 128 : 32; }

void clear_host_bits(Cidr& c) {
  for (int bit = c.prefix; bit < width(c.v6); ++bit) c.bytes[bit / 8] &= static_cast<uint8_t>(~(0x80u >> (bit % 8)));
}

}  // namespace

std::string Cidr::text() const {
  char buffer[INET6_ADDRSTRLEN] = {};
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer, sizeof buffer);
  return std::string(buffer) + "/" + std::to_string(prefix);
}

bool Cidr::contains(const Cidr& other) const {
  if (v6 != other.v6 || other.prefix < prefix) return false;
  Cidr cut = other;
  cut.prefix = prefix;
  clear_host_bits(cut);
  return cut.bytes == bytes;
}

std::optional<Cidr> parse_address(std::string_view text) {
  Cidr c;
  const std::string zero_ended(text);
  c.v6 = text.find(':') != text.npos;
  c.prefix = width(c.v6);
  if (inet_pton(c.v6 ? AF_INET6 : AF_INET, zero_ended.c_str(), c.bytes.data()) != 1) return {};
  return c;
}

std::optional<Cidr> parse_cidr(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == text.npos) return {};
  auto c = parse_address(text.substr(0, slash));
  const auto digits = text.substr(slash + 1);
  if (!c || digits.empty() || digits.size() > 3 ||
      !std::ranges::all_of(digits, [](char d) { return d >= '0' && d <= '9'; })) {
    return {};
  }
  std::from_chars(digits.data(), digits.data() + digits.size(), c->prefix);
  if (c->prefix > width(c->v6)) return {};
  clear_host_bits(*c);
  return c;
}

}  // namespace howdah
