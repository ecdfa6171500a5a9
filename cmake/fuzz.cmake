# Fuzzers (src/wire/*_fuzz.cpp): only in the `fuzz` preset, which compiles with clang and its sanitizers. Run by
# `make fuzz`. They need no more than wire/ and util/, so that they build in a minute.
file(GLOB WIRE_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/wire/*.cpp ${CMAKE_SOURCE_DIR}/src/util/*.cpp)
list(FILTER WIRE_SOURCES EXCLUDE REGEX "_test\\.cpp$|_fuzz\\.cpp$")
file(GLOB FUZZERS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/wire/*_fuzz.cpp)

add_library(howdah_fuzzed STATIC EXCLUDE_FROM_ALL ${WIRE_SOURCES} ${GEN_SOURCES})
target_include_directories(howdah_fuzzed PUBLIC ${CMAKE_SOURCE_DIR}/src ${GEN_DIR})
target_compile_definitions(howdah_fuzzed PRIVATE SPDLOG_FMT_EXTERNAL)
target_link_libraries(howdah_fuzzed PUBLIC ${STATIC} OpenSSL::Crypto nlohmann_json::nlohmann_json Threads::Threads)
target_precompile_headers(howdah_fuzzed PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.h)

add_custom_target(fuzzers)
foreach(source ${FUZZERS})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} EXCLUDE_FROM_ALL ${source})
  target_link_libraries(${name} PRIVATE howdah_fuzzed)
  target_precompile_headers(${name} REUSE_FROM howdah_fuzzed)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzzers ${name})
endforeach()
