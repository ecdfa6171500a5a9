#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "util/result.h"

namespace howdah::pg {

/// What a formula in a parameter's value may refer to.
struct FormulaInput {
  int64_t memory = 0;   ///< DBInstanceClassMemory: bytes that the class leaves to the server
  int64_t storage = 0;  ///< AllocatedStorage: bytes
  int64_t vcpus = 1;    ///< DBInstanceVCPU
  int64_t port = 5432;  ///< EndPointPort
};

/// DBInstanceClassMemory of a class with `mib` MiB: what is left after the operating system and the agents of RDS.
int64_t memory_for_class(int64_t mib);

/// True when a value is a formula: it starts with a brace or with one of the functions.
bool is_formula(std::string_view value);

/// Evaluates RDS's parameter formulas, e.g. "LEAST({DBInstanceClassMemory/9531392},5000)". Operators * / (and + -, and
/// comparisons for IF), functions GREATEST, LEAST, SUM, IF and log (to base 2); a quotient loses its fraction, and so
/// does the result. Fails with the position on anything else, on division by zero and on overflow.
Result<int64_t> evaluate(std::string_view formula, const FormulaInput& input);

}  // namespace howdah::pg
