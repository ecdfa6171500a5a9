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
/// Exchanges the names and endpoints of two instances; `sessions`: cut or keep. Waits until both are back.
int swap(const Config& config, const std::string& first, const std::string& second, const std::string& sessions);
int run_keeper(const std::string& spec_text);

}  // namespace howdah::cli
