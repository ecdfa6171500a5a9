#include "cli/cli.h"
#include "serve.h"

int main(int argc, char** argv) { return howdah::cli::run(argc, argv, howdah::serve); }
