#include "repository/file_writer.h"

#include <thread>

#include "repository/testing.h"

namespace howdah::repository {
namespace {

using testing::noise;

constexpr size_t kRun = FileWriter::kRun;

/// Writes `content` in chunks, from two threads: the even ones in order, the odd ones backwards.
void write_in_turns(const std::string& root, const std::string& content) {
  Manifest m;
  m.files.push_back({.path = "f", .size = content.size()});
  testing::write_tree(root, {{"f", ""}});
  std::filesystem::resize_file(root + "/f", content.size());
  FileWriter writer(m, root, 2);
  const auto write = [&](unsigned worker, size_t chunk) {
    const auto bytes = std::string_view(content).substr(chunk * kChunk, kChunk);
    ASSERT_TRUE(writer.write(worker, 0, chunk * kChunk, bytes));
  };
  const size_t chunks = (content.size() + kChunk - 1) / kChunk;
  {
    const std::jthread even([&] {
      for (size_t c = 0; c < chunks; c += 2) write(0, c);
    });
    const std::jthread odd([&] {
      for (size_t c = chunks; c-- > 0;) {
        if (c % 2 == 1) write(1, c);
      }
    });
  }
  ASSERT_TRUE(writer.finish());
}

TEST(FileWriter, FilesHaveWhatWasWrittenWhateverTheirSize) {
  const testing::Scratch scratch;
  int n = 0;
  for (const size_t size : {size_t{1}, kChunk, kRun - 1, kRun, kRun + 1, 3 * kRun + 8192, 3 * kRun + 100}) {
    const std::string root = scratch / std::to_string(n++), content = noise(size, 7);
    write_in_turns(root, content);
    EXPECT_EQ(os::read_file(root + "/f", 1 << 30).value(), content) << size;
  }
}

TEST(FileWriter, CollectsWhatFollowsEachOtherAndChangesBetweenFiles) {
  const testing::Scratch scratch;
  const std::string root = scratch / "t", a = noise(2 * kRun + kChunk, 1), b = noise(kRun + kChunk, 2);
  Manifest m;
  m.files = {{.path = "a", .size = a.size()}, {.path = "b", .size = b.size()}};
  testing::write_tree(root, {{"a", ""}, {"b", ""}});
  FileWriter writer(m, root, 1);
  for (size_t at = 0; at < a.size(); at += kChunk) ASSERT_TRUE(writer.write(0, 0, at, {&a[at], kChunk}));
  for (size_t at = 0; at < b.size(); at += kChunk) ASSERT_TRUE(writer.write(0, 1, at, {&b[at], kChunk}));
  ASSERT_TRUE(writer.finish());
  EXPECT_EQ(testing::read_tree(root), (testing::Tree{{"a", a}, {"b", b}}));
}

TEST(FileWriter, AFileThatIsNotThereIsAnErrorAlsoForTheNextTry) {
  const testing::Scratch scratch;
  Manifest m;
  m.files.push_back({.path = "missing", .size = kChunk});
  FileWriter writer(m, scratch / "nowhere", 1);
  EXPECT_FALSE(writer.write(0, 0, 0, "x"));
  EXPECT_FALSE(writer.write(0, 0, 0, "x"));
}

TEST(FileWriter, AFullDiskIsAnErrorThatMayPass) {
  Manifest m;
  m.files.push_back({.path = "full", .size = kChunk});
  FileWriter writer(m, "/dev", 1);
  ASSERT_TRUE(writer.write(0, 0, 0, std::string(kChunk, 'x')));
  const auto done = writer.finish();
  ASSERT_FALSE(done);
  EXPECT_TRUE(done.error().retry);
}

}  // namespace
}  // namespace howdah::repository
