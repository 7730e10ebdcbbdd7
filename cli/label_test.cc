#include "cli/prune/objects_fixture.h"

namespace skiff::cli {
namespace {

class LabelTest : public ObjectsTest {
 protected:
  LabelTest() {
    Put(std::string(kMaps) + "a", {{"metadata", {{"labels", {{"x", "1"}, {"y", "2"}}}}}});
    Put(std::string(kMaps) + "b", {{"metadata", {{"annotations", {{"n", "3"}}}}}});
  }
};

TEST_F(LabelTest, OneObjectIsListedPlainly) {
  EXPECT_EQ(Run("label", {"cm/a", "--list"}), 0) << err_;
  EXPECT_EQ(out_, "x=1\ny=2\n");
  EXPECT_EQ(Run("annotate", {"cm", "b", "--list"}), 0) << err_;
  EXPECT_EQ(out_, "n=3\n");
}

TEST_F(LabelTest, OfSeveralEachIsNamed) {
  EXPECT_EQ(Run("label", {"cm", "a", "b", "--list"}), 0) << err_;
  EXPECT_EQ(out_,
            "Listing labels for ConfigMap./a:\n x=1\n y=2\n"
            "Listing labels for ConfigMap./b:\n");
  EXPECT_EQ(Run("annotate", {"cm", "a", "b", "--list"}), 0) << err_;
  EXPECT_EQ(out_,
            "Listing annotations for ConfigMap./a:\nListing annotations for ConfigMap./b:\n n=3\n");
  EXPECT_EQ(Run("label", {"cm", "-l", "x=1", "--list"}), 0) << err_;
  EXPECT_EQ(out_, "Listing labels for ConfigMap./a:\n x=1\n y=2\n") << "found by a selector";
}

}  // namespace
}  // namespace skiff::cli
