// Conditions of definitions that somebody else has written: they may be called anything.
#include <gtest/gtest.h>

#include "apiserver/kinds/custom_kinds.h"
#include "apiserver/storage/record_header.h"
#include "apiserver/storage/rocksdb_store.h"
#include "apiserver/storage/rocksdb_store_disk.h"

namespace skiff {
namespace {

class DefinitionConditionsTest : public testing::Test {
 protected:
  // The kind's name as served, once it is accepted in a definition that has a condition of that
  // name.
  std::string ServedAs(const std::string& condition, const std::string& kind) {
    const Json names = {{"plural", "things"}, {"singular", "thing"}, {"kind", "Thing"}};
    Json accepted = names;
    accepted["kind"] = kind;
    const Json schema = {{"openAPIV3Schema", {{"type", "object"}}}};
    const Json conditions = {{{"type", "Established"}, {"status", "True"}},
                             {{"type", condition}, {"status", "True"}}};
    const Json definition = {
        {"metadata", {{"name", "things.a.io"}}},
        {"spec",
         {{"group", "a.io"},
          {"scope", "Namespaced"},
          {"names", names},
          {"versions",
           {{{"name", "v1"}, {"served", true}, {"storage", true}, {"schema", schema}}}}}},
        {"status", {{"acceptedNames", accepted}, {"conditions", conditions}}}};
    const ObjectBody body = BodyOf(definition);
    StoredObject stored = EncodeObject({.labels = {}, .fields = {}, .uid = {}, .body = body});
    EXPECT_TRUE(store_->Apply(
        {.key = "/registry/apiextensions.k8s.io/customresourcedefinitions/things.a.io",
         .value = std::move(stored.value)}));
    const auto now = kinds_.Now("a.io");
    const KindInfo* found = now->kinds->FindResource("a.io", "v1", "things");
    return found == nullptr ? "" : std::string(found->kind);
  }

  const std::shared_ptr<rocksdb::Env> disk_ = NewMemoryDisk();
  FakeClock clock_;
  const std::unique_ptr<RocksdbStore> store_ =
      *RocksdbStore::Open({.path = "/store", .env = disk_.get()}, clock_);
  ServedKinds served_;
  CustomKinds kinds_{*store_, served_, clock_};
};

TEST_F(DefinitionConditionsTest, OneCalledAfterAPartOfTheStatusHidesNoChangeOfIt) {
  for (const char* condition : {"names", "conditions", "storedVersions"}) {
    EXPECT_EQ(ServedAs(condition, "Thing"), "Thing") << condition;
    EXPECT_EQ(ServedAs(condition, "Other"), "Other") << condition;
  }
}

}  // namespace
}  // namespace skiff
