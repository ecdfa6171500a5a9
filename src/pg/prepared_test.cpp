#include "pg/prepared.h"

#include "pg/testing.h"

namespace howdah::pg {
namespace {

// Templates are named by the build: a second name after a restart would make every one of them anew.
TEST(PreparedEngine, IsFoundAgainAsTheSameBuild) {
  NEED_POSTGRESQL();
  const auto& shared = testing::Shared::get();
  const Catalog again = Catalog::discover(shared.scratch.path());
  const Engine* found = again.exact(shared.engine.version);
  ASSERT_NE(found, nullptr);
  EXPECT_TRUE(found->prepared);
  EXPECT_EQ(found->bindir, shared.engine.bindir);
  EXPECT_EQ(found->build, shared.engine.build);
}

}  // namespace
}  // namespace howdah::pg
