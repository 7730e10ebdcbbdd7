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

TEST_F(LabelTest, AVersionIsOfOneObject) {
  for (const char* verb : {"label", "annotate"}) {
    EXPECT_EQ(Run(verb, {"cm", "a", "b", "z=1", "--resource-version=7"}), 1) << verb;
    EXPECT_EQ(err_, "error: --resource-version may only be used with a single resource\n");
    EXPECT_EQ(Run(verb, {"cm", "-l", "x=1", "z=1", "--resource-version=7"}), 1) << verb;
    EXPECT_TRUE(writes_.empty()) << verb;
  }
}

// Kubectl prints of a label what it sent, and of an annotation what came of it.
TEST_F(LabelTest, WhatBecameOfItIsPrintedButByKubectlOfALabel) {
  server_ = [plain = server_](const http::Request& request) {
    http::Response response = plain(request);
    if (request.method != "PATCH") return response;
    Json made = Json::parse(response.body);
    made["metadata"]["annotations"]["by"] = "server";
    response.body = made.dump();
    return response;
  };
  const auto printed = [this](const char* program, const char* verb) {
    program_ = program;
    EXPECT_EQ(Run(verb, {"cm/a", "x=2", "--overwrite", "--dry-run=server", "-o",
                         "jsonpath={.metadata.labels.x}{.metadata.annotations.by}"}),
              0)
        << err_;
    return out_;
  };
  EXPECT_EQ(printed("kubectl", "label"), "2");
  EXPECT_EQ(printed("skiff", "label"), "2server");
  EXPECT_EQ(printed("kubectl", "annotate"), "1server");
}

}  // namespace
}  // namespace skiff::cli
