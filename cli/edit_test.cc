#include <gmock/gmock.h>

#include <filesystem>

#include "cli/prune/objects_fixture.h"

namespace skiff::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class EditLastAppliedTest : public ObjectsTest {
 protected:
  static constexpr char kAnnotation[] = "kubectl.kubernetes.io/last-applied-configuration";
  EditLastAppliedTest() {
    Put(std::string(kMaps) + "a",
        {{"kind", "ConfigMap"},
         {"data", {{"k", "live"}}},
         {"metadata",
          {{"annotations",
            {{kAnnotation, R"({"kind":"ConfigMap","data":{"k":"one"}})"}}}}}});
    Put(std::string(kMaps) + "b", {{"kind", "ConfigMap"}});
  }
  const Json& A() const { return objects_.at(std::string(kMaps) + "a"); }
};

TEST_F(EditLastAppliedTest, TheAnnotationIsWhatChanges) {
  variables_["KUBE_EDITOR"] = "sed -i s/one/two/";
  EXPECT_EQ(Run("apply", {"edit-last-applied", "cm/a"}), 0) << err_;
  EXPECT_EQ(out_, "configmap/a edited\n");
  EXPECT_THAT(TextAt(A(), "metadata", "annotations", kAnnotation), HasSubstr("\"k\":\"two\""));
  EXPECT_EQ(TextAt(A(), "data", "k"), "live");
}

TEST_F(EditLastAppliedTest, NothingIsWrittenWhereNothingWasChangedOrApplied) {
  variables_["KUBE_EDITOR"] = "true";
  EXPECT_EQ(Run("apply", {"edit-last-applied", "cm/a"}), 0) << err_;
  EXPECT_EQ(err_, "Edit cancelled, no changes made.\n");
  EXPECT_EQ(Run("apply", {"edit-last-applied", "cm/b"}), 1);
  EXPECT_THAT(err_, StartsWith("error: no last-applied-configuration annotation found on "
                               "resources, to create the annotation, use command"));
  EXPECT_TRUE(writes_.empty());
}

class EditTest : public ObjectsTest {};

// It would have to be made anew, which an edit does not do. What was typed is not lost.
TEST_F(EditTest, AnObjectStaysTheOneThatItIs) {
  Put(std::string(kMaps) + "a", {{"kind", "ConfigMap"}, {"data", {{"k", "one"}}}});
  variables_["KUBE_EDITOR"] = "sed -i s/ConfigMap/Secret/";
  EXPECT_EQ(Run("edit", {"cm/a"}), 1);
  const std::string said = "A copy of your changes has been stored to \"";
  ASSERT_THAT(err_, StartsWith(said)) << "at once, and once";
  const std::string copy = err_.substr(said.size(), err_.find('"', said.size()) - said.size());
  EXPECT_EQ(err_,
            said + copy + "\"\nerror: At least one of apiVersion, kind and name was changed\n");
  EXPECT_TRUE(std::filesystem::remove(copy));
  EXPECT_TRUE(writes_.empty());
}

TEST_F(EditTest, WantsAResource) {
  const std::string error =
      "error: You must provide one or more resources by argument or filename.\n";
  EXPECT_EQ(Run("edit", {}), 1);
  EXPECT_THAT(err_, StartsWith(error));
  EXPECT_EQ(Run("apply", {"edit-last-applied"}), 1);
  EXPECT_THAT(err_, StartsWith(error));
}

}  // namespace
}  // namespace skiff::cli
