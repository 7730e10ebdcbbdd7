#include <gmock/gmock.h>

#include "cli/prune/objects_fixture.h"

namespace skiff::cli {
namespace {

class ApplyTest : public ObjectsTest {};

TEST_F(ApplyTest, WhatCannotBeReadIsNamedWithItsFile) {
  forbidden_.insert(std::string(kMaps) + "a");
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})";
  const std::string of =
      "error when retrieving current configuration of:\n"
      "Resource: \"/v1, Resource=configmaps\", GroupVersionKind: \"/v1, Kind=ConfigMap\"\n";
  EXPECT_EQ(Run("apply", {"-f", "-", "--validate=false"}), 1);
  EXPECT_EQ(err_, "Error from server (Forbidden): " + of +
                      "Name: \"a\", Namespace: \"default\"\n"
                      "from server for: \"STDIN\": not for you\n");
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})";
  EXPECT_EQ(Run("apply", {"-f", "-", "--validate=false"}), 1);
  EXPECT_EQ(err_, "error: " + of +
                      "Name: \"\", Namespace: \"default\"\n"
                      "from server for: \"STDIN\": resource name may not be empty\n");
  EXPECT_THAT(writes_, testing::IsEmpty());
}

}  // namespace
}  // namespace skiff::cli
