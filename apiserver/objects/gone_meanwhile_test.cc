// What a write is told whose object goes while it is looked at.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "apiserver/objects/late_write.h"
#include "apiserver/server/server_fixture.h"
#include "apiserver/storage/forwarding_store.h"

namespace skiff {
namespace {

constexpr std::string_view kStoredMap = "/registry/configmaps/default/a";

// Loses the map, once, right after it was read.
class LosingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<RecordPtr> Get(const std::string& key, Revision at) override {
    auto record = ForwardingStore::Get(key, at);
    if (key == kStoredMap && std::exchange(loses, false)) {
      EXPECT_TRUE(Apply({.key = key}));
    }
    return record;
  }

  bool loses = false;
};

class GoneMeanwhileTest : public ServerFixture {
 protected:
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

  GoneMeanwhileTest() { UseStore(losing_); }
  ~GoneMeanwhileTest() override { UseStore(*store_); }

  LosingStore losing_{*store_};
};

TEST_F(GoneMeanwhileTest, AnUpdateOfAVersionFindsNothingInsteadOfAConflict) {
  // One that is too large to be left to the store, which would ask again by itself.
  const std::string text(LateWrite::kBytesMax, 'x');
  Json map = {{"metadata", {{"name", "a"}}}, {"data", {{"text", text}}}};
  const Answer made = Post(kMaps, map.dump());
  ASSERT_EQ(made.code, 201) << made.message();
  map = made.body;
  map["data"]["text"] = text + "y";
  losing_.loses = true;
  const Answer put = Ask("PUT", std::string(kMaps) + "/a", map.dump());
  EXPECT_FALSE(losing_.loses);
  EXPECT_EQ(put.code, 404) << put.message();
}

}  // namespace
}  // namespace skiff
