#pragma once

#include <string>

#include "domain/config.h"
#include "domain/principal.h"
#include "util/json.h"
#include "util/result.h"

namespace howdah::cli {

/// The keys of `howdah env`: what the daemon wrote for whoever may read its state directory. Errors say what to do.
Result<Credentials> read_credentials(const Config& config);

/// One of our own operations (model/control.json), asked of the daemon at AWS_ENDPOINT_URL, else at config.url().
/// Signed with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else with the keys in the state directory. Blocks until the
/// answer, however long the operation takes. An error is the daemon's sentence, with its code.
Result<nlohmann::json> call(const Config& config, const std::string& operation, const nlohmann::json& input);

/// Waits until the instance rests in a state, telling on stderr what it does when that takes longer. Returns the
/// state's description (DescribeInstanceResponse).
Result<nlohmann::json> await_rest(const Config& config, const std::string& instance);

/// 128 bits that need no quoting anywhere.
Result<std::string> random_password();

/// How a command ends that can only fail with a sentence: prints it, returns 1.
int complain(const Error& error);

}  // namespace howdah::cli
