// What a watch holds while nothing happens.
#include "apiserver/server/server_fixture.h"
#include "base/allocated_bytes.h"

namespace skiff {
namespace {

TEST_F(ServerFixture, AnIdleWatchIsSmall) {
  if (!AllocatedBytes()) GTEST_SKIP() << "this allocator does not count";
  constexpr size_t kWatches = 200, kBytesMax = 3'000;
  const std::string path = "/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=" +
                           Get("/api/v1/configmaps").body["metadata"]["resourceVersion"]
                               .get<std::string>();
  std::vector<http::Response> watches;
  watches.reserve(2 * kWatches);
  const auto begin = [&] {
    for (size_t i = 0; i < kWatches; ++i) {
      watches.push_back(Get(path).response);
      watches.back().stream->Attach([] {});
      ASSERT_EQ(Streamed(watches.back()), "");
    }
  };
  begin();
  const size_t before = *AllocatedBytes();
  begin();
  EXPECT_LT((*AllocatedBytes() - before) / kWatches, kBytesMax);
}

}  // namespace
}  // namespace skiff
