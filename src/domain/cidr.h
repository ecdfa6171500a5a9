#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace howdah {

/// A block of IPv4 or IPv6 addresses, canonical: the bits after the prefix are zero ("100.68.0.18/18" is
/// "100.68.0.0/18", as AWS documents for security groups, VPCs and subnets).
struct Cidr {
  bool v6 = false;
  std::array<uint8_t, 16> bytes{};  ///< IPv4 uses the first four
  int prefix = 0;

  std::string text() const;
  bool contains(const Cidr& other) const;  ///< every address of `other` lies in this block
  bool overlaps(const Cidr& other) const { return contains(other) || other.contains(*this); }
  friend auto operator<=>(const Cidr&, const Cidr&) = default;
};

/// "address/prefix", both families; nothing when it is malformed, the prefix is missing or out of range.
std::optional<Cidr> parse_cidr(std::string_view text);
/// A single address as a /32 or /128 block; nothing when it is not an address.
std::optional<Cidr> parse_address(std::string_view text);

}  // namespace howdah
