#include "apiserver/kinds/custom_definitions.h"

#include <gtest/gtest.h>

#include <ctime>

#include "apiserver/kinds/definition_loop.h"
#include "apiserver/storage/record_header.h"
#include "apiserver/storage/rocksdb_store.h"
#include "apiserver/storage/rocksdb_store_disk.h"

namespace skiff {
namespace {

Json ThingDefinition() {
  const Json schema = {{"openAPIV3Schema", {{"type", "object"}}}};
  const Json versions = {
      {{"name", "v1"}, {"served", true}, {"storage", true}, {"schema", schema}}};
  return {{"metadata",
           {{"name", "things.a.io"}, {"resourceVersion", "7"}, {"finalizers", {"a.io/hold"}}}},
          {"spec",
           {{"group", "a.io"},
            {"scope", "Namespaced"},
            {"names", {{"plural", "things"}, {"kind", "Thing"}}},
            {"versions", versions}}},
          {"status", {{"storedVersions", {"v1"}}}}};
}

TEST(CustomDefinitionsTest, SchemasAreNotHeld) {
  FakeClock clock;
  const std::shared_ptr<rocksdb::Env> disk = NewMemoryDisk();
  const auto store = *RocksdbStore::Open({.path = "/store", .env = disk.get()}, clock);
  DefinitionCache definitions(*store);
  const ObjectBody body = BodyOf(ThingDefinition());
  StoredObject stored = EncodeObject({.labels = {}, .fields = {}, .uid = {}, .body = body});
  ASSERT_TRUE(store->Apply(
      {.key = "/registry/apiextensions.k8s.io/customresourcedefinitions/things.a.io",
       .value = std::move(stored.value)}));
  const auto all = definitions.All();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]->spec.names.kind, "Thing");
  ASSERT_EQ(all[0]->spec.versions.size(), 1u);
  EXPECT_TRUE(all[0]->spec.versions[0].storage);
  EXPECT_FALSE(all[0]->spec.versions[0].schema.has_value());
}

// Nor do they travel with what is said of a definition; it is not written over what others wrote.
TEST(CustomDefinitionsTest, AStatusIsWrittenAlone) {
  const Json before = ThingDefinition();
  auto definition = *FromJson<CustomResourceDefinition>(before);
  definition.metadata.finalizers.clear();
  definition.status.accepted_names.kind = "Thing";
  ASSERT_EQ(StatusPatch(definition).size(), 2u) << "finalizers are others' until it goes";
  definition.metadata.deletion_timestamp = Time(TimePoint(1s));
  const Json patch = StatusPatch(definition);
  ASSERT_EQ(patch.size(), 3u);
  Json after = before.patch(patch);
  EXPECT_EQ(patch[0]["value"], "7");
  EXPECT_EQ(after["spec"], before["spec"]);
  EXPECT_EQ(after["metadata"]["finalizers"], Json::array());
  EXPECT_EQ(after["status"]["acceptedNames"]["kind"], "Thing");
  EXPECT_EQ(after["status"]["storedVersions"], before["status"]["storedVersions"]);
}

CustomResourceDefinition WithShortNames(std::vector<std::string> names) {
  CustomResourceDefinition definition;
  definition.spec.names.plural = "things";
  definition.spec.names.kind = "Thing";
  definition.spec.names.short_names = std::move(names);
  return definition;
}

TEST(CustomDefinitionsTest, EachShortNameThatIsInUseIsToldOnce) {
  auto definition = WithShortNames({"own", "a", "b", "a", "free"});
  definition.status.accepted_names.short_names = {"own"};
  TakenNames taken;
  taken.resources = {"own", "a", "b"};
  SettleNames(definition, taken, TimePoint(1s));
  const auto* naming = FindDefinitionCondition(definition, "NamesAccepted");
  ASSERT_NE(naming, nullptr);
  EXPECT_EQ(naming->reason, "ShortNamesConflict");
  EXPECT_EQ(naming->message, R"(["a" is already in use, "b" is already in use])");
  EXPECT_EQ(definition.status.accepted_names.short_names, std::vector<std::string>{"own"});
}

// Nothing bounds how many there are: minutes, if each was looked for in a list.
TEST(CustomDefinitionsTest, ManyShortNamesTakeNoLongerForThat) {
  constexpr int kMany = 100000;
  std::vector<std::string> wanted, accepted;
  TakenNames taken;
  for (int i = 0; i < kMany; ++i) {
    wanted.push_back("wanted-" + std::to_string(i));
    accepted.push_back("wanted-of-old-" + std::to_string(i));
    taken.resources.insert(wanted.back());
  }
  auto definition = WithShortNames(std::move(wanted));
  definition.status.accepted_names.short_names = std::move(accepted);
  const std::clock_t begin = std::clock();
  SettleNames(definition, taken, TimePoint(1s));
  EXPECT_LT(std::clock() - begin, 15 * CLOCKS_PER_SEC);
  const auto* naming = FindDefinitionCondition(definition, "NamesAccepted");
  ASSERT_NE(naming, nullptr);
  EXPECT_TRUE(naming->message.starts_with(R"(["wanted-0" is already in use, "wanted-1" is)"));
}

}  // namespace
}  // namespace skiff
