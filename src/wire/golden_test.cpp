// Requests captured from unmodified clients (test/wire/golden.log) decode to what the client meant.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "wire/services_for_test.h"

namespace howdah::wire {
namespace {

struct Golden {
  std::string command;
  HttpRequest request;
  std::string expected;
};

constexpr char kGoldenPath[] = HOWDAH_SOURCE_DIR "/test/wire/golden.log";

HttpRequest first_line(const std::string& line) {
  const size_t a = line.find(' '), b = line.find(' ', a + 1);
  HttpRequest r = signed_request(line.substr(0, a));
  r.method = line.substr(a + 1, b - a - 1);
  r.raw_path = line.substr(b + 1);
  return r;
}

void header_line(HttpRequest& request, const std::string& line) {
  const size_t colon = line.find(": ");
  std::string name = line.substr(0, colon);
  for (char& c : name) c = char(std::tolower(c));
  request.headers.emplace_back(name, line.substr(colon + 2));
}

std::vector<Golden> read_golden() {
  std::vector<Golden> out;
  std::ifstream in(kGoldenPath);
  bool fresh = false;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("$ ")) {
      out.push_back({.command = line.substr(2)});
      fresh = true;
    } else if (line.starts_with("> ")) {
      out.back().request.body = line.substr(2);
    } else if (line.starts_with("= ")) {
      out.back().expected = line.substr(2);
    } else if (fresh) {
      out.back().request = first_line(line);
      fresh = false;
    } else {
      header_line(out.back().request, line);
    }
  }
  return out;
}

TEST(Golden, CapturedRequestsDecode) {
  const auto all = read_golden();
  ASSERT_GE(all.size(), 30u) << kGoldenPath;
  for (const Golden& g : all) EXPECT_EQ(decoded(g.request), g.expected) << g.command;
}

}  // namespace
}  // namespace howdah::wire
