// What becomes of a request when the definition of its kind changes between two of its steps.
#include <thread>

#include "apiserver/kinds/custom_resources_fixture.h"
#include "apiserver/storage/forwarding_store.h"

namespace skiff {
namespace {

constexpr std::string_view kCrons = "/registry/example.com/crons/";

// Lets something happen, once, before objects are read.
class MeanwhileStore final : public ForwardingStore {
 public:
  explicit MeanwhileStore(Store& inner) : ForwardingStore(inner), inner_(inner) {}
  Result<RecordPtr> Get(const std::string& key, Revision at) override {
    LetHappen(key);
    return ForwardingStore::Get(key, at);
  }
  Result<ListPage> List(const ListRequest& request) override {
    LetHappen(request.prefix);
    return ForwardingStore::List(request);
  }
  Result<std::unique_ptr<ListCursor>> OpenList(const ListRequest& request) override {
    LetHappen(request.prefix);
    return inner_.OpenList(request);
  }

  std::function<void()> meanwhile;

 private:
  void LetHappen(std::string_view of) {
    if (!meanwhile || !of.starts_with(kCrons)) return;
    std::jthread(std::exchange(meanwhile, nullptr)).join();
  }

  Store& inner_;
};

class ChangingDefinitions : public CustomResources {
 protected:
  ChangingDefinitions() {
    UseStore(between_);
    definition_ = Definition(Schema());
  }
  ~ChangingDefinitions() override { UseStore(*store_); }

  // The object as a version that was not there before, which is stored from now on.
  void StoreAs(const std::string& name) {
    Json& versions = definition_["spec"]["versions"];
    Json added = versions[0];
    for (Json& version : versions) version["storage"] = false;
    added["name"] = name;
    added["storage"] = true;
    versions.push_back(added);
    Change({{"spec", {{"versions", versions}}}});
    const Json label = {{"metadata", {{"labels", {{"as", name}}}}}};
    EXPECT_EQ(Merge(path_ + "/a", label.dump()).code, 200);
  }
  void Change(const Json& patch) {
    EXPECT_EQ(Merge(definitions_ + "/crons.example.com", patch.dump()).code, 200);
    Settle();
  }

  MeanwhileStore between_{*store_};
  Json definition_;
};

TEST_F(ChangingDefinitions, WhatIsStoredAsANewVersionIsReadAllTheSame) {
  Define(definition_);
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}})).code, 201);
  between_.meanwhile = [&] { StoreAs("v2"); };
  const Answer list = Get(path_);
  EXPECT_FALSE(between_.meanwhile);
  ASSERT_EQ(list.code, 200) << list.message();
  ASSERT_EQ(list.body["items"].size(), 1u);
  EXPECT_EQ(list.body["items"][0]["apiVersion"], "example.com/v1");
  EXPECT_EQ(list.body["items"][0]["metadata"]["labels"]["as"], "v2");

  between_.meanwhile = [&] { StoreAs("v5"); };
  const Answer selected = Get(path_ + "?fieldSelector=spec.image=web");
  ASSERT_EQ(selected.code, 200) << selected.message();
  EXPECT_EQ(selected.body["items"].size(), 1u);

  between_.meanwhile = [&] { StoreAs("v3"); };
  const Answer one = Get(path_ + "/a");
  EXPECT_EQ(one.code, 200) << one.message();

  between_.meanwhile = [&] { StoreAs("v4"); };
  const Answer patched = Merge(path_ + "/a", R"({"spec": {"replicas": 7}})");
  ASSERT_EQ(patched.code, 200) << patched.message();
  EXPECT_EQ(patched.body["spec"]["replicas"], 7);
  EXPECT_EQ(patched.body["metadata"]["labels"]["as"], "v4");
}

// Its state is of after the change, which has left the ring of events.
TEST_F(ChangingDefinitions, AWatchBeginsWithNothingOfTheKindThatWas) {
  store_->ReadHistoryAside();
  Define(definition_);
  ASSERT_EQ(Post(path_, Cron("a", {{"image", "web"}})).code, 201);
  between_.meanwhile = [&] {
    const Json late = {{"type", "string"}, {"default", "later"}};
    definition_["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
               ["properties"]["late"] = late;
    Change({{"spec", {{"versions", definition_["spec"]["versions"]}}}});
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(store_->Apply({.key = "/large/x", .value = std::string(1 << 20, 'x')}));
    }
  };
  Answer watch = Get(path_ + "?watch=1");
  EXPECT_FALSE(between_.meanwhile);
  ASSERT_EQ(watch.code, 200) << watch.message();
  watch.response.stream->Attach([] {});
  for (const Json& event : Events(watch.response)) {
    EXPECT_EQ(event["object"]["spec"]["late"], "later") << event.dump();
  }
  std::vector<http::SharedBytes> chunks;
  EXPECT_EQ(watch.response.stream->Pull(1 << 20, chunks), http::Pulled::kEnd);
  EXPECT_TRUE(chunks.empty());
  watch = Get(path_ + "?watch=1");
  watch.response.stream->Attach([] {});
  std::vector<Json> events = Events(watch.response);
  for (int i = 0; i < 5 && events.empty(); ++i) {
    store_->history_loop().Step();
    Settle();
    events = Events(watch.response);
  }
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["object"]["spec"]["late"], "later");
}

}  // namespace
}  // namespace skiff
