#include "apiserver/subresources/scale_fields.h"

#include <gtest/gtest.h>

#include <ctime>
#include <map>
#include <string>

#include "api/patch/field_set.h"

namespace skiff {
namespace {

ManagedEntries Entries(const char* list) {
  return *DecodeManagedFields({{"metadata", {{"managedFields", Json::parse(list)}}}});
}
Json ListOf(ManagedEntries entries) {
  Json object = {{"metadata", Json::object()}};
  EncodeManagedFields(std::move(entries), object);
  return object["metadata"].value("managedFields", Json::array());
}

constexpr const char* kDeployment = R"([
  {"manager": "kubectl", "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
   "time": "2024-01-01T00:00:00Z",
   "fieldsV1": {"f:spec": {"f:paused": {}, "f:replicas": {}}}},
  {"manager": "other", "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
   "fieldsV1": {"f:metadata": {"f:labels": {"f:a": {}}}}}])";

const ReplicasPaths kPaths = {{"apps/v1", "spec.replicas"}};

TEST(ScaleFields, OnlyOwnersOfTheReplicasAreOwnersOfTheScale) {
  const Json shown = ListOf(ScaleEntries(Entries(kDeployment), kPaths));
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(shown[0]["manager"], "kubectl");
  EXPECT_EQ(shown[0]["apiVersion"], "autoscaling/v1");
  EXPECT_EQ(shown[0]["fieldsV1"], Json::parse(R"({"f:spec": {"f:replicas": {}}})"));
}

TEST(ScaleFields, ANewOwnerTakesTheReplicasFromTheOld) {
  const ManagedEntries scaler = Entries(R"([{"manager": "scaler", "operation": "Apply",
      "apiVersion": "autoscaling/v1", "subresource": "scale", "time": "2024-02-02T00:00:00Z",
      "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}}])");
  const Json list = ListOf(ObjectEntries(Entries(kDeployment), scaler, "apps/v1", kPaths));
  ASSERT_EQ(list.size(), 3u);
  for (const Json& entry : list) {
    const bool owns = entry["fieldsV1"].contains(Json::json_pointer("/f:spec/f:replicas"));
    EXPECT_EQ(owns, entry["manager"] == "scaler");
    EXPECT_EQ(entry["apiVersion"], "apps/v1");
    EXPECT_TRUE(!owns || !entry.contains("time"));
  }
}

TEST(ScaleFields, ManyOwnersAreComparedInNoTime) {
  const FieldSet replicas =
      *FieldSetFromText(R"({"f:spec": {"f:replicas": {}}})");
  const auto owners = [&](const std::string& prefix) {
    ManagedEntries entries;
    for (int i = 0; i < 60'000; ++i) {
      entries.push_back({.manager = prefix + std::to_string(i),
                         .is_apply = true,
                         .api_version = "apps/v1",
                         .subresource = "",
                         .time = "",
                         .fields = replicas});
    }
    return entries;
  };
  const std::clock_t begin = std::clock();
  EXPECT_EQ(ObjectEntries(owners("a"), owners("b"), "apps/v1", kPaths).size(), 60'000u);
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 8) << "seconds of processor time";
}

TEST(ScaleFields, NothingMovesWhenWhoAppliedTheReplicasStaysTheirOwner) {
  const ManagedEntries before = Entries(R"([{"manager": "a", "operation": "Apply",
      "apiVersion": "apps/v1", "time": "2024-01-01T00:00:00Z", "fieldsType": "FieldsV1",
      "fieldsV1": {"f:spec": {"f:paused": {}, "f:replicas": {}}}}])");
  const ManagedEntries same = ScaleEntries(before, kPaths);
  EXPECT_EQ(ListOf(ObjectEntries(before, same, "apps/v1", kPaths)), ListOf(before));
}

TEST(ScaleFields, WhoUpdatedTheReplicasGetsAnEntryOfTheirOwn) {
  const ManagedEntries before = Entries(kDeployment);
  const Json list = ListOf(ObjectEntries(before, ScaleEntries(before, kPaths), "apps/v1", kPaths));
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[1]["manager"], "kubectl");
  EXPECT_EQ(list[1]["fieldsV1"], Json::parse(R"({"f:spec": {"f:replicas": {}}})"));
  EXPECT_FALSE(list[1].contains("time"));
  EXPECT_EQ(list[2]["manager"], "kubectl");
  EXPECT_EQ(list[2]["fieldsV1"], Json::parse(R"({"f:spec": {"f:paused": {}}})"));
}

TEST(ScaleFields, AnUpdateMakesItsWriterTheOwnerOfWhatHasOne) {
  const ManagedEntries owned = ScaleEntries(Entries(kDeployment), kPaths);
  const auto after = [](const ManagedEntries& entries, ReplicasChange change) {
    return ListOf(EntriesAfterUpdate(entries, change, "scaler", "2026-01-02T03:04:05Z"));
  };
  const Json scaled = after(owned, {.before = 1, .now = 2});
  ASSERT_EQ(scaled.size(), 1u);
  EXPECT_EQ(scaled[0]["manager"], "scaler");
  EXPECT_EQ(scaled[0]["subresource"], "scale");
  EXPECT_EQ(scaled[0]["time"], "2026-01-02T03:04:05Z");
  EXPECT_EQ(after(owned, {.before = 2, .now = 2}), ListOf(owned));
  EXPECT_EQ(after(owned, {.before = 2, .now = 0}).size(), 0u);
  EXPECT_EQ(after({}, {.before = 1, .now = 2}).size(), 0u);
}

TEST(ScaleFields, TheReplicasOfACustomResourceAreWhereEachVersionSays) {
  const ReplicasPaths paths = {
      {"example.com/v1", "spec.size.n"}, {"example.com/v2", "spec.count"}, {"example.com/v3", ""}};
  const ManagedEntries owners = Entries(R"([
      {"manager": "a", "operation": "Update", "apiVersion": "example.com/v1",
       "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:size": {"f:n": {}}, "f:count": {}}}},
      {"manager": "b", "operation": "Apply", "apiVersion": "example.com/v2",
       "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:count": {}}}},
      {"manager": "c", "operation": "Update", "apiVersion": "example.com/v3",
       "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:count": {}}}},
      {"manager": "d", "operation": "Update", "apiVersion": "example.com/gone",
       "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:count": {}}}}])");
  const Json shown = ListOf(ScaleEntries(owners, paths));
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_EQ(shown[0]["manager"], "b");
  EXPECT_EQ(shown[1]["manager"], "a");
  const ManagedEntries scaler =
      EntriesAfterUpdate(ScaleEntries(owners, paths), {.before = 1, .now = 2}, "scaler", "");
  const Json now = ListOf(ObjectEntries(owners, scaler, "example.com/v2", paths));
  ASSERT_EQ(now.size(), 3u);
  std::map<std::string, Json> fields;
  for (const Json& entry : now) fields[entry["manager"].get<std::string>()] = entry["fieldsV1"];
  const Json count = Json::parse(R"({"f:spec": {"f:count": {}}})");
  EXPECT_EQ(fields["a"], count);
  EXPECT_EQ(fields["c"], count);
  EXPECT_EQ(fields["scaler"], count);
}

}  // namespace
}  // namespace skiff
