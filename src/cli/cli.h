#pragma once
#include <functional>
#include <string>

#include "domain/config.h"

/// The `howdah` command: parses arguments, runs one command family a file. CLI11 stays in cli.cpp.
namespace howdah::cli {

/// Returns the exit code. `serve` is the daemon, which this folder must not know.
int run(int argc, char** argv, const std::function<int(const Config&)>& serve);

int print_env(const Config& config);
int doctor(const Config& config);
int list_engines(const Config& config);
int run_keeper(const std::string& spec_text);

}  // namespace howdah::cli
