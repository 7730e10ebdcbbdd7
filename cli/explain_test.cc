#include "cli/explain.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

class ExplainTest : public ProgramTest {
 protected:
  ExplainTest() {
    server_ = ServerOf("example.com", {}, {{"/openapi/v2", R"({"definitions": {
        "Pod": {"type": "object", "description": "A pod.",
          "x-kubernetes-group-version-kind": [{"group": "", "version": "v1", "kind": "Pod"}],
          "required": ["spec"], "properties": {
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "spec": {"$ref": "#/definitions/Spec",
                     "description": "What it is to be: a text that is longer than eighty columns, so that it is wrapped.\nGo on.\n- a\n- b"}}},
        "Spec": {"type": "object", "description": "A spec.", "properties": {
            "port": {"description": "By name or number.", "type": "string",
                     "format": "int-or-string"},
            "self": {"$ref": "#/definitions/Spec"},
            "words": {"type": "array", "items": {"type": "string"}}}}}})"}});
  }
  std::string Old(std::vector<std::string> words) {
    words.emplace_back("--output=plaintext-openapiv2");
    EXPECT_EQ(Run("explain", words), 0) << err_;
    return out_;
  }
};

// The texts are those of kubectl 1.32.
TEST_F(ExplainTest, TheFormatOfBeforeIsWrittenAsKubectlDoes) {
  EXPECT_EQ(Old({"pod"}),
            "KIND:     Pod\nVERSION:  v1\n\nDESCRIPTION:\n     A pod.\n\nFIELDS:\n"
            "   labels\t<map[string]string>\n\n"
            "   spec\t<Object> -required-\n"
            "     What it is to be: a text that is longer than eighty columns, so that it is\n"
            "     wrapped. Go on.\n     - a\n     - b\n\n");
  EXPECT_EQ(Old({"pod.spec.words"}),
            "KIND:     Pod\nVERSION:  v1\n\nFIELD:    words <[]string>\n\nDESCRIPTION:\n"
            "     <empty>\n");
  EXPECT_EQ(Old({"pod", "--recursive"}),
            "KIND:     Pod\nVERSION:  v1\n\nDESCRIPTION:\n     A pod.\n\nFIELDS:\n"
            "   labels\t<map[string]string>\n   spec\t<Object>\n      port\t<string>\n"
            "      self\t<Object>\n      words\t<[]string>\n");
  const std::string self = Old({"pod.spec.self"});
  EXPECT_EQ(self.substr(0, self.find("\nFIELDS")),
            "KIND:     Pod\nVERSION:  v1\n\nRESOURCE: self <Object>\n\nDESCRIPTION:\n\n"
            "     A spec.\n");
  EXPECT_EQ(Run("explain", {"pod.nope.x", "-o=plaintext-openapiv2"}), 1);
  EXPECT_EQ(err_, "error: field \"nope\" does not exist\n");
}

// Each of its fields leads to all of them again: a level more would be ten times as much.
TEST_F(ExplainTest, ASchemaThatRefersToItselfIsGoneThroughOnce) {
  Json fields = Json::object();
  for (char c = 'a'; c < 'k'; ++c) {
    fields[std::string(1, c)] = {{"$ref", "#/components/schemas/Self"}};
  }
  const Json kinds = Json::array({{{"group", ""}, {"version", "v1"}, {"kind", "Pod"}}});
  const Json document = {
      {"components",
       {{"schemas",
         {{"Pod",
           {{"type", "object"},
            {"x-kubernetes-group-version-kind", kinds},
            {"properties", {{"self", {{"$ref", "#/components/schemas/Self"}}}}}}},
          {"Self", {{"type", "object"}, {"properties", fields}}}}}}}};
  server_ = ServerOf("example.com", {}, {{"/openapi/v3/api/v1", document.dump()}});
  EXPECT_EQ(Run("explain", {"pod", "--recursive"}), 0) << err_;
  const std::string head = "FIELDS:\n  self\t<Self>\n    a\t<Self>\n    b\t<Self>\n";
  EXPECT_EQ(out_.substr(out_.find("FIELDS:"), head.size()), head);
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '<'), 12);
}

TEST_F(ExplainTest, AVersionThatIsServedWithoutTheKindIsNotTakenForNone) {
  server_ = ServerOf("example.com", {{"widgets", "Widget"}}, {});
  EXPECT_EQ(Run("explain", {"pods", "--api-version=example.com/v1"}), 1);
  EXPECT_EQ(err_, "error: GVR (example.com/v1, Resource=pods) not found in OpenAPI schema\n");
  EXPECT_EQ(Run("explain", {"pods", "--api-version=none/v1"}), 1);
  EXPECT_EQ(err_, "error: couldn't find resource for \"none/v1, Resource=pods\"\n");
}

TEST_F(ExplainTest, APathThatIsNoneIsToldTheNearestOne) {
  server_ = ServerOf("example.com", {}, {{"/openapi/v3/api/v1", R"({"components": {"schemas": {
        "Pod": {"type": "object",
          "x-kubernetes-group-version-kind": [{"group": "", "version": "v1", "kind": "Pod"}],
          "properties": {
            "spec": {"type": "object", "properties": {"nodeName": {"type": "string"}}},
            "status": {"type": "object"}}}}}})"}});
  EXPECT_EQ(Run("explain", {"pod.spce"}), 1);
  EXPECT_EQ(err_, "error: field \"spce\" does not exist\n");
  program_ = "skiff";
  EXPECT_EQ(Run("explain", {"pod.spce"}), 1);
  EXPECT_EQ(err_, "error: field \"spce\" does not exist\n\nDid you mean this?\n\tpod.spec\n");
  // The field that is named is the last one, as kubectl has it; the path is whole.
  EXPECT_EQ(Run("explain", {"pod.spce.nodeName"}), 1);
  EXPECT_EQ(err_,
            "error: field \"nodeName\" does not exist\n\nDid you mean this?\n"
            "\tpod.spec.nodeName\n");
  EXPECT_EQ(Run("explain", {"po.spec.nodename"}), 1);
  EXPECT_EQ(err_,
            "error: field \"nodename\" does not exist\n\nDid you mean this?\n"
            "\tpo.spec.nodeName\n");
  // Where none is near they are to be looked at.
  EXPECT_EQ(Run("explain", {"pod.elsewhere"}), 1);
  EXPECT_EQ(err_,
            "error: field \"elsewhere\" does not exist\n`skiff explain pod` lists those it has\n");
  EXPECT_EQ(Run("explain", {"pod.spec.nosuch.name"}), 1);
  EXPECT_EQ(err_,
            "error: field \"name\" does not exist\n`skiff explain pod.spec` lists those it has\n");
  EXPECT_EQ(Run("explain", {"pod.spec.nodeName.nosuch"}), 1);
  EXPECT_EQ(err_, "error: field \"nosuch\" does not exist\n") << "of what has none";
  program_ = "kubectl";
  EXPECT_EQ(Run("explain", {"pod.elsewhere"}), 1);
  EXPECT_EQ(err_, "error: field \"elsewhere\" does not exist\n");
}

}  // namespace
}  // namespace skiff::cli
