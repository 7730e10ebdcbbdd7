#include "cli/apply_migration.h"

#include <gtest/gtest.h>

namespace skiff::cli {
namespace {

Json Entry(const char* manager, const char* operation, Json fields) {
  return {{"manager", manager}, {"operation", operation}, {"fieldsV1", std::move(fields)}};
}
Json ObjectOf(Json entries) {
  return {{"metadata", {{"managedFields", std::move(entries)}}}};
}

TEST(ApplyMigrationTest, GivesTheFieldsOfClientSideApplyToTheNewManager) {
  const Json object = ObjectOf(
      {Entry("kubectl-client-side-apply", "Update", {{"f:data", {{"f:a", Json::object()}}}}),
       Entry("kubectl", "Apply", {{"f:data", {{"f:b", Json::object()}}}}),
       Entry("other", "Update", {{"f:data", {{"f:c", Json::object()}}}})});
  const Json migrated = MigratedManagedFields(object, "kubectl");
  ASSERT_EQ(migrated.size(), 2);
  EXPECT_EQ(migrated[0]["manager"], "kubectl");
  EXPECT_EQ(migrated[0]["fieldsV1"],
            Json({{"f:data", {{"f:a", Json::object()}, {"f:b", Json::object()}}}}));
  EXPECT_EQ(migrated[1]["manager"], "other");
}

TEST(ApplyMigrationTest, LeavesObjectsAloneThatWereNotAppliedSo) {
  EXPECT_EQ(MigratedManagedFields(ObjectOf({Entry("kubectl", "Apply", Json::object())}), "kubectl"),
            nullptr);
  EXPECT_EQ(
      MigratedManagedFields(
          ObjectOf({Entry("kubectl-client-side-apply", "Update", Json::object())}), "kubectl"),
      nullptr);
}

}  // namespace
}  // namespace skiff::cli
