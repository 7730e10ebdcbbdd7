#include "apiserver/authorization/attribute_policies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/rbac_v1.h"

namespace skiff {
namespace {

using testing::StartsWith;

std::string V1beta1(const std::string& spec) {
  return R"({"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy","spec":{)" +
         spec + "}}\n";
}

struct Question {
  const char* user;
  const char* group;
  Access access;
};

bool Allows(const std::string& policies, const Question& question) {
  AttributeAuthorizer authorizer(*ReadAttributePolicies("f", policies));
  const User user{.name = question.user, .groups = {question.group}};
  const Verdict verdict = authorizer.Authorize(user, question.access);
  EXPECT_EQ(verdict.reason, verdict.allowed() ? "" : "No policy matched.");
  return verdict.allowed();
}

Access Of(const std::string& verb, const std::string& group, const std::string& resource,
          const std::string& space) {
  return {.verb = verb, .group = group, .resource = resource, .namespace_name = space};
}
Access OfPath(const std::string& verb, const std::string& path) {
  return {.verb = verb, .is_resource = false, .path = path};
}

TEST(AttributePolicies, AllowWhatTheySayAndNothingElse) {
  const std::string ann =
      V1beta1(R"("user":"ann","namespace":"a","resource":"pods","apiGroup":"","readonly":true)");
  const Access pods = Of("get", "", "pods", "a");
  EXPECT_TRUE(Allows(ann, {"ann", "x", pods}));
  EXPECT_FALSE(Allows(ann, {"bob", "x", pods}));
  EXPECT_TRUE(Allows(ann, {"ann", "x", Of("watch", "", "pods", "a")}));
  EXPECT_FALSE(Allows(ann, {"ann", "x", Of("create", "", "pods", "a")}));
  EXPECT_FALSE(Allows(ann, {"ann", "x", Of("get", "", "pods", "b")}));
  EXPECT_FALSE(Allows(ann, {"ann", "x", Of("get", "apps", "pods", "a")}));
  EXPECT_FALSE(Allows(ann, {"ann", "x", OfPath("get", "/version")}));
  const std::string group =
      V1beta1(R"("group":"g","user":"ann","namespace":"*","resource":"*","apiGroup":"*")");
  EXPECT_TRUE(Allows(group, {"ann", "g", Of("delete", "apps", "deployments", "")}));
  EXPECT_FALSE(Allows(group, {"ann", "h", pods}));
  EXPECT_FALSE(Allows(group, {"bob", "g", pods}));
  const std::string paths = V1beta1(R"("group":"g","nonResourcePath":"/a/*")") + "# nobody\n\n" +
                            V1beta1(R"("user":"ann","nonResourcePath":"/version")");
  EXPECT_TRUE(Allows(paths, {"x", "g", OfPath("post", "/a/b")}));
  EXPECT_FALSE(Allows(paths, {"x", "g", OfPath("get", "/ab")}));
  EXPECT_TRUE(Allows(paths, {"ann", "h", OfPath("get", "/version")}));
  EXPECT_FALSE(
      Allows(V1beta1(R"("namespace":"*","resource":"*","apiGroup":"*")"), {"ann", "g", pods}))
      << "nobody is named";
  EXPECT_TRUE(Allows(V1beta1(R"("user":"*","namespace":"*","resource":"*","apiGroup":"*")"),
                     {"ann", "system:authenticated", pods}));
  EXPECT_FALSE(Allows(V1beta1(R"("user":"*","namespace":"*","resource":"*","apiGroup":"*")"),
                      {"system:anonymous", "system:unauthenticated", pods}));
}

TEST(AttributePolicies, WithoutAVersionAllowWhatTheyLeaveOut) {
  const Access any = Of("delete", "apps", "deployments", "a");
  EXPECT_TRUE(Allows(R"({"user":"ann"})", {"ann", "x", any}));
  EXPECT_TRUE(Allows(R"({"user":"ann"})", {"ann", "x", OfPath("post", "/x")}));
  EXPECT_FALSE(Allows(R"({"user":"ann","namespace":"b"})", {"ann", "x", any}));
  EXPECT_FALSE(Allows(R"({"user":"ann","resource":"pods"})", {"ann", "x", OfPath("get", "/x")}));
  EXPECT_FALSE(Allows(R"({"user":"ann","readonly":true})", {"ann", "x", any}));
  EXPECT_TRUE(Allows("{}", {"ann", "system:authenticated", any}));
  EXPECT_FALSE(Allows("{}", {"ann", "system:unauthenticated", any}));
}

TEST(AttributePolicies, ThatCannotBeReadAreRefusedByLine) {
  const auto error = [](const std::string& text) {
    const auto read = ReadAttributePolicies("f", text);
    return read ? std::string() : read.error().message;
  };
  EXPECT_EQ(error("\n# x\n" + V1beta1("")), "");
  EXPECT_THAT(error("\n{\"user\": 1}\n"),
              StartsWith("error reading policy file f, line 2: {\"user\": 1}: json: cannot "
                         "unmarshal number into Go struct field "));
  EXPECT_THAT(error("{\n"), StartsWith("error reading policy file f, line 1: {: "));
  EXPECT_THAT(error(R"({"apiVersion":"v1","kind":"Pod"})"),
              testing::HasSubstr("no kind \"Pod\" is registered for version \"v1\""));
  EXPECT_EQ(error(std::string(65536, ' ')),
            "error reading policy file f: bufio.Scanner: token too long");
}

TEST(AttributePolicies, TellTheirRules) {
  AttributeAuthorizer authorizer(*ReadAttributePolicies(
      "f", V1beta1(R"("user":"ann","namespace":"a","resource":"pods","readonly":true)") +
               V1beta1(R"("user":"ann","namespace":"b","resource":"pods")") +
               V1beta1(R"("user":"ann","namespace":"*","nonResourcePath":"/x")")));
  std::vector<rbac_v1::PolicyRule> rules;
  RulesTold told;
  authorizer.TellRules(
      {.name = "ann"}, "a",
      [&](const auto& rule) {
        rules.push_back(rule);
        return true;
      },
      told);
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_THAT(rules[0].verbs, testing::ElementsAre("get", "list", "watch"));
  EXPECT_THAT(rules[0].resources, testing::ElementsAre("pods"));
  EXPECT_THAT(rules[1].non_resource_urls, testing::ElementsAre("/x"));
  EXPECT_FALSE(told.incomplete);
}

}  // namespace
}  // namespace skiff
