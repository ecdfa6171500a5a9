// The fuzzers' corpus, and a few thousand deterministic mutations of it, without a fuzzer.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "wire/fuzz_test.h"

namespace howdah::wire {
namespace {

constexpr char kCorpus[] = HOWDAH_SOURCE_DIR "/test/wire/corpus/";

std::vector<std::string> corpus_of(const std::string& target) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(kCorpus + target)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> out;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    out.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return out;
}

/// Cuts, repeats or changes a few bytes.
std::string mutated(std::string s, std::mt19937& random) {
  for (int i = 0; i < 1 + int(random() % 3) && !s.empty(); i++) {
    const size_t at = random() % s.size(), length = random() % (s.size() - at) + 1;
    switch (random() % 4) {
      case 0:
        s[at] = char(random());
        break;
      case 1:
        s.erase(at, std::min<size_t>(length, 8));
        break;
      case 2:
        s.insert(at, s.substr(at, length));
        break;
      default:
        s[at] = "=&.{}[]<>\"\xff\x5f\xc1%0"[random() % 16];
    }
  }
  return s;
}

TEST(FuzzReplay, CorpusAndMutations) {
  for (const fuzz::Target& target : fuzz::kTargets) {
    const auto corpus = corpus_of(target.name);
    ASSERT_FALSE(corpus.empty()) << target.name;
    std::mt19937 random(1);
    for (const std::string& seed : corpus) target.run(seed);
    for (int i = 0; i < 1500; i++) target.run(mutated(corpus[random() % corpus.size()], random));
  }
}

}  // namespace
}  // namespace howdah::wire
