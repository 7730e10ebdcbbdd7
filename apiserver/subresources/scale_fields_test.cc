#include "apiserver/subresources/scale_fields.h"

#include <gtest/gtest.h>

#include <ctime>

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

TEST(ScaleFields, OnlyOwnersOfTheReplicasAreOwnersOfTheScale) {
  const Json shown = ListOf(ScaleEntries(Entries(kDeployment), "apps/v1", kScaleReplicasPath));
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(shown[0]["manager"], "kubectl");
  EXPECT_EQ(shown[0]["apiVersion"], "autoscaling/v1");
  EXPECT_EQ(shown[0]["fieldsV1"], Json::parse(R"({"f:spec": {"f:replicas": {}}})"));
}

TEST(ScaleFields, ANewOwnerTakesTheReplicasFromTheOld) {
  const ManagedEntries scaler = Entries(R"([{"manager": "scaler", "operation": "Apply",
      "apiVersion": "autoscaling/v1", "subresource": "scale", "time": "2024-02-02T00:00:00Z",
      "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}}])");
  const Json list =
      ListOf(ObjectEntries(Entries(kDeployment), scaler, "apps/v1", kScaleReplicasPath));
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
  EXPECT_EQ(ObjectEntries(owners("a"), owners("b"), "apps/v1", kScaleReplicasPath).size(), 60'000u);
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 8) << "seconds of processor time";
}

TEST(ScaleFields, NothingElseMovesWhenTheOwnerStays) {
  const ManagedEntries before = Entries(kDeployment);
  const ManagedEntries same = ScaleEntries(before, "apps/v1", kScaleReplicasPath);
  EXPECT_EQ(ListOf(ObjectEntries(before, same, "apps/v1", kScaleReplicasPath)), ListOf(before));
}

TEST(ScaleFields, TheReplicasOfACustomResourceAreWhereItsDefinitionSays) {
  const ManagedEntries owners = Entries(R"([{"manager": "a", "operation": "Update",
      "apiVersion": "example.com/v1", "fieldsType": "FieldsV1",
      "fieldsV1": {"f:spec": {"f:size": {"f:n": {}}, "f:replicas": {}}}}])");
  EXPECT_TRUE(AnyOwnsReplicas(owners, "spec.size.n"));
  EXPECT_FALSE(AnyOwnsReplicas(owners, "spec.size.m"));
  const ManagedEntries shown = ScaleEntries(owners, "example.com/v1", "spec.size.n");
  EXPECT_EQ(ListOf(shown)[0]["fieldsV1"], Json::parse(R"({"f:spec": {"f:replicas": {}}})"));
  const Json left = ListOf(ObjectEntries(owners, {}, "example.com/v1", "spec.size.n"));
  EXPECT_EQ(left[0]["fieldsV1"], Json::parse(R"({"f:spec": {"f:replicas": {}}})"));
}

}  // namespace
}  // namespace skiff
