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
  const Json annotation = {
      {"f:annotations", {{"f:kubectl.kubernetes.io/last-applied-configuration", Json::object()}}}};
  // By the annotation, whatever his name is: --field-manager goes with both ways.
  for (const char* client_side : {"kubectl-client-side-apply", "mine"}) {
    const Json object =
        ObjectOf({Entry(client_side, "Update",
                        {{"f:data", {{"f:a", Json::object()}}}, {"f:metadata", annotation}}),
                  Entry("mine", "Apply", {{"f:data", {{"f:b", Json::object()}}}}),
                  Entry("other", "Update", {{"f:data", {{"f:c", Json::object()}}}})});
    const Json migrated = MigratedManagedFields(object, "mine");
    ASSERT_EQ(migrated.size(), 2) << client_side;
    EXPECT_EQ(migrated[0]["manager"], "mine");
    EXPECT_EQ(migrated[0]["operation"], "Apply");
    EXPECT_EQ(migrated[0]["fieldsV1"],
              Json({{"f:data", {{"f:a", Json::object()}, {"f:b", Json::object()}}},
                    {"f:metadata", annotation}}));
    EXPECT_EQ(migrated[1]["manager"], "other");
  }
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
