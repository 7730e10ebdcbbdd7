#include "apiserver/watches/definition_watch.h"

#include "api/crd/custom_kind.h"
#include "apiserver/kinds/custom_resources_fixture.h"
#include "apiserver/storage/forwarding_store.h"
#include "apiserver/storage/record_header.h"

namespace skiff {
namespace {

// Shows its readers more than it says is visible, as one that others write to for a moment does.
class AheadStore final : public ForwardingStore {
 public:
  AheadStore(Store& store, Revision shown) : ForwardingStore(store), shown_(shown) {}
  Revision Current() override { return shown_; }

 private:
  const Revision shown_;
};

class DefinitionWatchTest : public CustomResources {
 protected:
  void SetUp() override {
    Define(Definition(Schema()));
    const auto record = store_->Get(
        "/registry/apiextensions.k8s.io/customresourcedefinitions/"
        "crons.example.com");
    ASSERT_TRUE(record);
    const auto kinds = crd::MakeKinds(*crd::CutDefinition(ObjectView::Of(**record)->body()));
    ASSERT_EQ(kinds.size(), 1u);
    kind_ = kinds[0];
    before_ = store_->Current();
  }
  // Returns the revision at which it did.
  Revision Change(const std::string& patch) {
    EXPECT_EQ(Merge(definitions_ + "/crons.example.com", patch).code, 200);
    return store_->Current();
  }

  std::shared_ptr<const RuntimeKind> kind_;
  Revision before_;
};

constexpr char kRenames[] = R"({"spec": {"names": {"shortNames": ["c"]}}})";
constexpr char kLabels[] = R"({"metadata": {"labels": {"tier": "one"}}})";

TEST_F(DefinitionWatchTest, EndsAfterTheRevisionOfTheChange) {
  const auto watch = *DefinitionWatch::Of(*store_, *kind_);
  watch->Attach({});
  Change(kLabels);
  EXPECT_FALSE(watch->EndsBefore(Revision{UINT64_MAX}));
  const Revision changed = Change(kRenames);
  EXPECT_FALSE(watch->EndsBefore(changed));
  EXPECT_TRUE(watch->EndsBefore(Revision{changed.value + 1}));
}

TEST_F(DefinitionWatchTest, OfAKindThatIsNoMoreNothingIsShown) {
  const Revision changed = Change(kRenames);
  const auto watch = *DefinitionWatch::Of(*store_, *kind_);
  EXPECT_TRUE(watch->EndsBefore(changed));
}

TEST_F(DefinitionWatchTest, WhatIsReadBeforeItIsShownIsHeardOfInItsTurn) {
  const Revision changed = Change(kRenames);
  AheadStore store(*store_, before_);
  const auto watch = *DefinitionWatch::Of(store, *kind_);
  EXPECT_FALSE(watch->EndsBefore(before_));
  watch->Attach({});
  EXPECT_FALSE(watch->EndsBefore(changed));
  EXPECT_TRUE(watch->EndsBefore(Revision{changed.value + 1}));
}

}  // namespace
}  // namespace skiff
