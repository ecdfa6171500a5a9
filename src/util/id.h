#pragma once
#include <string>
#include <string_view>

/// Random identifiers in AWS's forms, from the kernel's random source. Thread-safe.
namespace howdah::id {

std::string uuid();                        ///< request ids: 8-4-4-4-12 hex, version 4
std::string db_resource();                 ///< "db-" + 26 upper-case base32 characters (DbiResourceId)
std::string ec2(std::string_view prefix);  ///< prefix + "-" + 17 hex, e.g. ec2("sg") -> sg-0123456789abcdef0
std::string random(std::string_view alphabet, size_t length);
/// `length` hex characters derived from `text` (SHA-256), stable for ever: endpoint hashes, default VPC ids.
std::string stable_hex(std::string_view text, size_t length);

}  // namespace howdah::id
