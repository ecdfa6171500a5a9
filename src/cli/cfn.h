#pragma once
#include <string>

namespace howdah::cli {

struct CfnOptions {
  std::string directory, url, listen = "127.0.0.1:8087", certificate, key;
};

/// `howdah migrate cfn`: answers CloudFormation's custom-resource events, over HTTP until it is ended, or, where
/// AWS_LAMBDA_RUNTIME_API is set, as Lambda's runtime. Each event's work is a process of its own, which ends, rolled
/// back, in time for the answer. Returns the exit code.
int run_cfn(const CfnOptions& options);

/// The same as Lambda's `bootstrap`: the migrations are $MIGRATIONS_DIR, or db/migrations or prisma/migrations of the
/// function's code; the database is DATABASE_URL or CONNECTION_URL, or the event's property Url.
int run_bootstrap();

}  // namespace howdah::cli
