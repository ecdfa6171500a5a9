#pragma once
#include <string>
#include <string_view>

#include "util/result.h"

namespace howdah::pg {

/// The SCRAM-SHA-256 verifier that PostgreSQL stores for `password` ("SCRAM-SHA-256$4096:salt$stored:server"), with a
/// random salt. Only verifiers are ever sent to a server: a clear password never reaches a log or statement view.
/// Passwords are printable ASCII (which SASLprep leaves as it is); anything else is refused.
Result<std::string> scram_verifier(std::string_view password);

/// True when `text` has the form of a verifier.
bool is_scram_verifier(std::string_view text);

}  // namespace howdah::pg
