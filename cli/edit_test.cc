#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>

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
            {{kAnnotation,
              R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"one"}})"}}}}}});
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

TEST_F(EditLastAppliedTest, AsJsonItIsIndentedByTwoSpaces) {
  EXPECT_EQ(Run("apply", {"view-last-applied", "cm/a", "-o", "json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\n  \"data\": {\n    \"k\": \"one\"\n  },\n"));
}

TEST_F(EditLastAppliedTest, ItIsShownOfAllThatAreNamedOrOfNone) {
  EXPECT_EQ(Run("apply", {"view-last-applied", "cm/a", "cm/b"}), 0) << "b has none";
  EXPECT_THAT(out_, HasSubstr("k: one\n"));
  EXPECT_EQ(Run("apply", {"view-last-applied", "cm/a", "cm/nosuch"}), 1);
  EXPECT_EQ(out_, "");
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}})";
  EXPECT_EQ(Run("apply", {"view-last-applied", "-f", "-"}), 1);
  EXPECT_EQ(err_, "error: error when no last-applied-configuration annotation found on resource: "
                  "b\n \"STDIN\": <nil>\n");
}

class EditTest : public ObjectsTest {};

// It would have to be made anew, which an edit does not do. What was typed is not lost.
TEST_F(EditTest, AnObjectStaysTheOneThatItIs) {
  Put(std::string(kMaps) + "a",
      {{"kind", "ConfigMap"}, {"apiVersion", "v1"}, {"data", {{"k", "one"}}}});
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

TEST_F(EditTest, SeveralObjectsAreEditedAsOneList) {
  for (const char* name : {"a", "b"}) {
    Put(std::string(kMaps) + name,
        {{"kind", "ConfigMap"}, {"apiVersion", "v1"}, {"data", {{"k", name}}}});
  }
  const std::string shown = testing::TempDir() + "/edited-list";
  variables_["KUBE_EDITOR"] = "f() { cp \"$1\" " + shown + "; sed -i 's/k: a/k: c/' \"$1\"; }; f";
  EXPECT_EQ(Run("edit", {"cm/a", "cm/b"}), 0) << err_;
  EXPECT_EQ(out_, "configmap/a edited\nconfigmap/b skipped\n");
  EXPECT_EQ(TextAt(objects_.at(std::string(kMaps) + "a"), "data", "k"), "c");
  EXPECT_THAT(writes_, testing::ElementsAre("PATCH " + std::string(kMaps) + "a"));
  std::ifstream in(shown);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(text, HasSubstr("apiVersion: v1\nitems:\n- apiVersion: v1\n  data:\n    k: a\n"));
  EXPECT_THAT(text, testing::EndsWith("kind: List\nmetadata: {}\n"));
  std::filesystem::remove(shown);
}

TEST_F(EditTest, WhatIsSavedBecomesTheConfigurationThatApplyGoesBy) {
  Put(std::string(kMaps) + "a",
      {{"kind", "ConfigMap"}, {"apiVersion", "v1"}, {"data", {{"k", "one"}}}});
  variables_["KUBE_EDITOR"] = "sed -i s/one/two/";
  EXPECT_EQ(Run("edit", {"cm/a", "--save-config"}), 0) << err_;
  EXPECT_THAT(TextAt(objects_.at(std::string(kMaps) + "a"), "metadata", "annotations",
                     "kubectl.kubernetes.io/last-applied-configuration"),
              HasSubstr(R"("k":"two")"));
}

TEST_F(EditTest, LinesEndAsOnWindowsForEditorsOfWindows) {
  Put(std::string(kMaps) + "a",
      {{"kind", "ConfigMap"}, {"apiVersion", "v1"}, {"data", {{"k", "one"}}}});
  variables_["KUBE_EDITOR"] = "sed -i 's/one\\r$/two\\r/'";
  EXPECT_EQ(Run("edit", {"cm/a"}), 0);
  EXPECT_EQ(err_, "Edit cancelled, no changes made.\n");
  EXPECT_EQ(Run("edit", {"cm/a", "--windows-line-endings"}), 0) << err_;
  EXPECT_EQ(TextAt(objects_.at(std::string(kMaps) + "a"), "data", "k"), "two");
}

TEST_F(EditTest, InJsonThereIsNoCommentAndTheObjectIsPrinted) {
  Put(std::string(kMaps) + "a",
      {{"kind", "ConfigMap"}, {"apiVersion", "v1"}, {"data", {{"k", "one"}}}});
  variables_["KUBE_EDITOR"] = "grep -q '#' || sed -i s/one/two/";
  EXPECT_EQ(Run("edit", {"cm/a", "-o", "json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\"k\": \"two\""));
  const std::string refused = "error: unable to match a printer suitable for the output format "
                              "\"name\", allowed formats are: json,kyaml,yaml\n";
  EXPECT_EQ(Run("edit", {"cm/a", "-o", "name"}), 1);
  EXPECT_EQ(err_, refused);
  EXPECT_EQ(Run("apply", {"edit-last-applied", "cm/a", "-o", "name"}), 1);
  EXPECT_EQ(err_, refused);
}

// As kubectl checks it before anything is sent, and shows it to the user again.
TEST_F(EditTest, WhatHasNoObjectsInItIsInvalid) {
  for (const char* name : {"a", "b"}) {
    Put(std::string(kMaps) + name, {{"kind", "ConfigMap"}, {"apiVersion", "v1"}});
  }
  const std::pair<const char*, const char*> wrong[] = {
      {"kind: List", "apiVersion not set"},
      {"apiVersion: v1\\nkind: List", "invalid object to validate"},
      {"apiVersion: v1\\nkind: List\\nitems: {a: b}", "invalid object to validate"},
      {"apiVersion: v1\\nkind: List\\nitems: [3]", "invalid object to validate"},
      {"a: b", "[apiVersion not set, kind not set]"},
  };
  for (const auto& [text, why] : wrong) {
    const std::string again = testing::TempDir() + "/edited-again";
    variables_["KUBE_EDITOR"] =
        fmt::format("f() {{ cp \"$1\" {}; printf '{}\\n' > \"$1\"; }}; f", again, text);
    EXPECT_EQ(Run("edit", {"cm/a", "cm/b"}), 1) << text;
    EXPECT_THAT(err_, StartsWith("error: configmaps \"a\" is invalid\n")) << text;
    EXPECT_THAT(err_, HasSubstr("error: Edit cancelled, no valid changes were saved.\n")) << text;
    std::ifstream in(again);
    const std::string shown{std::istreambuf_iterator<char>(in), {}};
    EXPECT_THAT(shown, HasSubstr(std::string("# * <nil>: Invalid value: \"The edited file failed "
                                             "validation\": ") + why)) << text;
    std::filesystem::remove(again);
  }
  EXPECT_TRUE(writes_.empty());
}

TEST_F(EditTest, WhatIsSavedEmptyIsNoObjectOrWhereNobodyValidatesTheEnd) {
  Put(std::string(kMaps) + "a", {{"kind", "ConfigMap"}, {"apiVersion", "v1"}});
  for (const char* editor : {"truncate -s 0", "sed -i s/^[^#].*//"}) {
    variables_["KUBE_EDITOR"] = editor;
    EXPECT_EQ(Run("edit", {"cm/a"}), 1) << editor;
    EXPECT_THAT(err_, StartsWith("error: configmaps \"a\" is invalid\nA copy of your changes has "
                                 "been stored to \"")) << editor;
    EXPECT_THAT(err_, HasSubstr("error: Edit cancelled, no valid changes were saved.\n")) << editor;
    EXPECT_EQ(Run("edit", {"cm/a", "--validate=false"}), 0) << editor;
    EXPECT_EQ(err_, "Edit cancelled, saved file was empty.\n") << editor;
  }
  EXPECT_TRUE(writes_.empty());
}

TEST_F(EditTest, KyamlIsEditedAsSuch) {
  Put(std::string(kMaps) + "a",
      {{"kind", "ConfigMap"}, {"apiVersion", "v1"}, {"data", {{"k", "one"}}}});
  variables_["KUBE_EDITOR"] = "sed -i 's/k: \"one\"/k: \"two\"/'";
  EXPECT_EQ(Run("edit", {"cm/a", "-o", "kyaml"}), 0) << err_;
  EXPECT_EQ(TextAt(objects_.at(std::string(kMaps) + "a"), "data", "k"), "two");
}

TEST_F(EditTest, WhatIsOnlyWrittenInAnotherWayIsNoChange) {
  Put(std::string(kMaps) + "a", {{"kind", "ConfigMap"}, {"data", {{"k", "one"}}}});
  variables_["KUBE_EDITOR"] = "sed -i 's/k: one/k:   \"one\"/'";
  EXPECT_EQ(Run("edit", {"cm/a"}), 0);
  EXPECT_EQ(err_, "Edit cancelled, no changes made.\n");
  EXPECT_TRUE(writes_.empty());
}

TEST_F(EditTest, InterruptsAreTheEditors) {
  Put(std::string(kMaps) + "a",
      {{"kind", "ConfigMap"}, {"apiVersion", "v1"}, {"data", {{"k", "one"}}}});
  variables_["KUBE_EDITOR"] =
      "f() { kill -INT $PPID; kill -QUIT $PPID; sed -i 's/k: one/k: two/' \"$1\"; }; f";
  EXPECT_EQ(Run("edit", {"cm/a"}), 0) << err_;
  EXPECT_EQ(TextAt(objects_.at(std::string(kMaps) + "a"), "data", "k"), "two");
  variables_["KUBE_EDITOR"] = "f() { kill -INT \"$$\"; }; f";
  EXPECT_EQ(Run("edit", {"cm/a"}), 1) << "what ends by them has failed";
}

TEST_F(EditTest, WhatWasTypedIntoAnEditorThatFailsIsKept) {
  Put(std::string(kMaps) + "a", {{"kind", "ConfigMap"}, {"data", {{"k", "one"}}}});
  variables_["KUBE_EDITOR"] = "f() { sed -i 's/k: one/k: two/' \"$1\"; exit 3; }; f";
  EXPECT_EQ(Run("edit", {"cm/a"}), 1);
  const std::string said = "A copy of your changes has been stored to \"";
  ASSERT_THAT(err_, StartsWith(said));
  const std::string kept = err_.substr(said.size(), err_.find('"', said.size()) - said.size());
  std::ifstream in(kept);
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(in), {}), HasSubstr("k: two\n"));
  std::filesystem::remove(kept);
  EXPECT_THAT(err_, HasSubstr("\nerror: there was a problem with the editor "));
  variables_["KUBE_EDITOR"] = "false";
  EXPECT_EQ(Run("edit", {"cm/a"}), 1);
  EXPECT_EQ(err_, "error: there was a problem with the editor \"false\"\n") << "nothing was typed";
  EXPECT_TRUE(writes_.empty());
}

TEST_F(EditTest, WhatWasTypedBeforeIsKeptWhereTheEditorThatOpensAgainFails) {
  Put(std::string(kMaps) + "a", {{"kind", "ConfigMap"}, {"data", {{"k", "one"}}}});
  variables_["KUBE_EDITOR"] =
      "f() { grep -q typed \"$1\" && exit 1; printf 'typed: [' >> \"$1\"; }; f";
  EXPECT_EQ(Run("edit", {"cm/a"}), 1);
  const std::string said = "A copy of your changes has been stored to \"";
  const size_t at = err_.find(said);
  ASSERT_NE(at, std::string::npos) << err_;
  const size_t begin = at + said.size();
  const std::string kept = err_.substr(begin, err_.find('"', begin) - begin);
  std::ifstream in(kept);
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(in), {}), HasSubstr("typed: ["));
  std::filesystem::remove(kept);
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

// Who may only scale has no right to read what it is that he scales.
TEST_F(EditTest, AScaleIsEditedWithoutWhatItIsOf) {
  const std::string scale = "/apis/apps/v1/namespaces/default/deployments/web/scale";
  Put(scale, {{"kind", "Scale"}, {"apiVersion", "autoscaling/v1"}, {"spec", {{"replicas", 2}}}});
  variables_["KUBE_EDITOR"] = "sed -i 's/replicas: 2/replicas: 3/'";
  EXPECT_EQ(Run("edit", {"deploy/web", "--subresource=scale"}), 0) << err_;
  EXPECT_EQ(out_, "scale.autoscaling/scale edited\n");
  EXPECT_THAT(writes_, testing::ElementsAre("PATCH " + scale));
  EXPECT_EQ(objects_.at(scale)["spec"]["replicas"], 3);
  EXPECT_EQ(Run("edit", {"deploy", "--subresource=scale"}), 1);
  EXPECT_EQ(err_, "error: subresource cannot be used when bulk resources are specified\n");
}

TEST_F(EditTest, WhereThereIsNothingToEditThatIsSaid) {
  EXPECT_EQ(Run("edit", {"cm"}), 1);
  EXPECT_EQ(err_, "error: edit cancelled, no objects found\n");
}

TEST_F(EditTest, ASubresourceThatIsNotThereCannotBeEdited) {
  Put(std::string(kMaps) + "a", {{"kind", "ConfigMap"}, {"apiVersion", "v1"}});
  server_ = [this, answer = server_](const http::Request& request) {
    if (!request.path.ends_with("/status")) return answer(request);
    http::Response response;
    response.status = 404;
    response.body = R"({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404,
                        "message": "the server could not find the requested resource"})";
    return response;
  };
  variables_["KUBE_EDITOR"] = "true";
  EXPECT_EQ(Run("edit", {"cm/a", "--subresource=status"}), 1);
  EXPECT_EQ(out_, "");
  EXPECT_EQ(err_,
            "Error from server (NotFound): the server could not find the requested resource\n");
  EXPECT_TRUE(writes_.empty());
}

}  // namespace
}  // namespace skiff::cli
