// What a write is told whose object goes while it is looked at.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "apiserver/objects/late_write.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

constexpr std::string_view kStoredMap = "/registry/configmaps/default/a";

// Loses the map, once, right after it was read.
class LosingStore final : public Store {
 public:
  explicit LosingStore(Store& inner) : inner_(inner) {}
  Result<RecordPtr> Get(const std::string& key, Revision at) override {
    auto record = inner_.Get(key, at);
    if (key == kStoredMap && std::exchange(loses, false)) {
      EXPECT_TRUE(inner_.Apply({.key = key}));
    }
    return record;
  }
  Result<ListPage> List(const ListRequest& request) override { return inner_.List(request); }
  Result<Written> Apply(Write write) override { return inner_.Apply(std::move(write)); }
  Result<std::unique_ptr<WatchCursor>> Watch(const WatchRequest& request,
                                             WakeFunction wake) override {
    return inner_.Watch(request, std::move(wake));
  }
  Revision Current() override { return inner_.Current(); }
  Result<> Reach(Revision revision) override { return inner_.Reach(revision); }
  Result<> Compact(Revision revision) override { return inner_.Compact(revision); }
  Revision Compacted() override { return inner_.Compacted(); }

  bool loses = false;

 private:
  Store& inner_;
};

class GoneMeanwhileTest : public ServerFixture {
 protected:
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

  GoneMeanwhileTest() { UseStore(losing_); }
  ~GoneMeanwhileTest() override { UseStore(*store_); }

  void UseStore(Store& store) {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_ = nullptr;
    server_ = *ApiServer::Create({.authorization_modes = {"RBAC"}, .token_file_text = kTokens},
                                 {store, clock_, random_});
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
  }

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
