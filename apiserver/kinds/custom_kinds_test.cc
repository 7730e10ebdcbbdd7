#include "apiserver/kinds/custom_kinds.h"

#include <gtest/gtest.h>

#include <future>

#include "api/crd/custom_kind.h"
#include "apiserver/storage/forwarding_store.h"
#include "apiserver/storage/record_header.h"
#include "apiserver/storage/rocksdb_store.h"
#include "apiserver/storage/rocksdb_store_disk.h"

namespace skiff {
namespace {

class CustomKindsTest : public testing::Test {
 protected:
  CustomKindsTest() {
    auto opened = RocksdbStore::Open({.path = "/store", .env = disk_.get()}, clock_);
    EXPECT_TRUE(opened);
    store_ = *std::move(opened);
    kinds_ = std::make_unique<CustomKinds>(
        *store_, served_, clock_, [this](const auto& definition) { return Make(definition); });
  }

  // Those of the slow group take until they are let go.
  RuntimeKinds Make(const crd::DefinitionText& definition) {
    if (definition.document["spec"]["group"] == "slow.io") {
      begun_.set_value();
      go_on_.get_future().wait();
    }
    return crd::MakeKinds(definition);
  }

  void Define(const std::string& group, const std::string& kind = "Thing") {
    const Json names = {{"plural", "things"}, {"singular", "thing"}, {"kind", kind}};
    const Json schema = {{"openAPIV3Schema", {{"type", "object"}}}};
    const Json definition = {
        {"metadata", {{"name", "things." + group}}},
        {"spec",
         {{"group", group},
          {"scope", "Namespaced"},
          {"names", names},
          {"versions",
           {{{"name", "v1"}, {"served", true}, {"storage", true}, {"schema", schema}}}}}},
        {"status",
         {{"acceptedNames", names},
          {"conditions", {{{"type", "Established"}, {"status", "True"}}}}}}};
    const ObjectBody body = BodyOf(definition);
    StoredObject stored = EncodeObject({.labels = {}, .fields = {}, .uid = {}, .body = body});
    ASSERT_TRUE(store_->Apply(
        {.key = "/registry/apiextensions.k8s.io/customresourcedefinitions/things." + group,
         .value = std::move(stored.value)}));
  }

  // "" when the group has none.
  static std::string KindIn(const std::shared_ptr<const Served>& served, std::string_view group) {
    for (const KindInfo* kind : served->kinds->kinds()) {
      if (kind->group == group) return std::string(kind->kind);
    }
    return "";
  }

  const std::shared_ptr<rocksdb::Env> disk_ = NewMemoryDisk();
  FakeClock clock_;
  std::unique_ptr<RocksdbStore> store_;
  ServedKinds served_;
  std::promise<void> begun_, go_on_;
  std::unique_ptr<CustomKinds> kinds_;
};

TEST_F(CustomKindsTest, WhoAsksForAGroupSeesWhatWasWrittenBefore) {
  Define("a.io");
  EXPECT_EQ(KindIn(kinds_->Now("a.io"), "a.io"), "Thing");
  Define("a.io", "Other");
  EXPECT_EQ(KindIn(kinds_->Now("b.io"), "a.io"), "Thing");
  EXPECT_EQ(KindIn(kinds_->Now(CustomKinds::kEveryGroup), "a.io"), "Other");
  ASSERT_TRUE(store_->Apply(
      {.key = "/registry/apiextensions.k8s.io/customresourcedefinitions/things.a.io"}));
  EXPECT_EQ(KindIn(kinds_->Now("a.io"), "a.io"), "");
}

TEST_F(CustomKindsTest, NobodyElseWaitsForADefinitionThatTakesLong) {
  Define("a.io");
  Define("slow.io");
  auto slow = std::async(std::launch::async, [this] { return kinds_->Now("slow.io"); });
  begun_.get_future().wait();
  // All these come back while it is still made.
  EXPECT_EQ(KindIn(kinds_->Now(""), "slow.io"), "");
  auto other = std::async(std::launch::async, [this] { return kinds_->Now("slow.io"); });
  EXPECT_EQ(KindIn(kinds_->Now("nobody.io"), "slow.io"), "");
  go_on_.set_value();
  EXPECT_EQ(KindIn(slow.get(), "slow.io"), "Thing");
  EXPECT_EQ(KindIn(other.get(), "slow.io"), "Thing");
  EXPECT_EQ(KindIn(kinds_->Now("a.io"), "a.io"), "Thing");
}

TEST_F(CustomKindsTest, APathSaysWhatItsAnswerDependsOn) {
  EXPECT_EQ(CustomKinds::GroupOf("/api/v1/pods"), "");
  EXPECT_EQ(CustomKinds::GroupOf("/healthz"), "");
  EXPECT_EQ(CustomKinds::GroupOf("/apis"), CustomKinds::kEveryGroup);
  EXPECT_EQ(CustomKinds::GroupOf("/openapi/v2"), CustomKinds::kEveryGroup);
  EXPECT_EQ(CustomKinds::GroupOf("/apis/a.io/v1/things"), "a.io");
}

// Lists nothing for a while.
class UnlistedStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<ListPage> List(const ListRequest& request) override {
    if (away) return Fail(Reason::kInternalError, "away");
    return ForwardingStore::List(request);
  }

  bool away = true;
};

// Whoever were told that there is no such kind would take all of its objects for gone.
TEST_F(CustomKindsTest, WhatCouldNeverBeReadIsLacked) {
  Define("a.io");
  UnlistedStore store(*store_);
  ServedKinds served;
  CustomKinds kinds(store, served, clock_,
                    [](const auto& definition) { return crd::MakeKinds(definition); });
  EXPECT_TRUE(kinds.Take("a.io").lacked_groups.contains("a.io"));
  EXPECT_FALSE(kinds.Take("").lacked_groups.empty());
  store.away = false;
  const auto after = kinds.Take("a.io");
  EXPECT_EQ(KindIn(after.served, "a.io"), "Thing");
  EXPECT_TRUE(after.lacked_groups.empty());
  // Later on what is known stays.
  store.away = true;
  EXPECT_EQ(KindIn(kinds.Take("a.io").served, "a.io"), "Thing");
}

class CountingGets final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<RecordPtr> Get(const std::string& key, Revision at) override {
    ++gets[key];
    return ForwardingStore::Get(key, at);
  }

  std::map<std::string, int> gets;
};

// Each may be as large as a definition can be, and there may be thousands.
TEST_F(CustomKindsTest, OfWhatCannotBeReadThatOfTheGroupIsTriedAgain) {
  const std::string prefix = "/registry/apiextensions.k8s.io/customresourcedefinitions/";
  for (const char* group : {"a.io", "b.io"}) {
    ASSERT_TRUE(store_->Apply({.key = prefix + "things." + group,
                               .value = UnreadableValue("no matching prefix found")}));
  }
  CountingGets store(*store_);
  ServedKinds served;
  CustomKinds kinds(store, served, clock_);
  ASSERT_EQ(kinds.Take(CustomKinds::kEveryGroup).lacked_groups.size(), 2u);
  (void)kinds.Take("a.io");
  EXPECT_TRUE(store.gets.empty()) << "it was read just now";
  clock_.Advance(1s);
  (void)kinds.Take("a.io");
  (void)kinds.Take("a.io");
  EXPECT_EQ(store.gets, (std::map<std::string, int>{{prefix + "things.a.io", 1}}));
  (void)kinds.Take(CustomKinds::kEveryGroup);
  EXPECT_EQ(store.gets[prefix + "things.b.io"], 1);
}

// A key that comes back in between must not part the kinds from what is said of them.
TEST_F(CustomKindsTest, WhatKindsLackIsToldTogetherWithThem) {
  ASSERT_TRUE(
      store_->Apply({.key = "/registry/apiextensions.k8s.io/customresourcedefinitions/things.a.io",
                     .value = UnreadableValue("no matching prefix found")}));
  const auto before = kinds_->Take("a.io");
  EXPECT_EQ(KindIn(before.served, "a.io"), "");
  EXPECT_TRUE(before.lacked_groups.contains("a.io"));
  Define("a.io");
  const auto after = kinds_->Take("a.io");
  EXPECT_EQ(KindIn(after.served, "a.io"), "Thing");
  EXPECT_TRUE(after.lacked_groups.empty());
  EXPECT_TRUE(before.lacked_groups.contains("a.io")) << "it still lacks them";
}

}  // namespace
}  // namespace skiff
