#include "wire/fuzz_test.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  howdah::wire::fuzz::ec2({reinterpret_cast<const char*>(data), size});
  return 0;
}
