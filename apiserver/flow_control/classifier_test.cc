// Which schema and flow a request belongs to.
#include "apiserver/flow_control/classifier.h"

#include <gtest/gtest.h>

#include <map>

#include "api/codec/struct_text.h"
#include "apiserver/server/bootstrap.h"

namespace skiff::flow_control {
namespace {

using flowcontrol_v1::FlowSchema;

std::shared_ptr<const FlowSchema> SchemaOf(const Json& document) {
  auto schema = std::make_shared<FlowSchema>();
  EXPECT_TRUE(DecodeStruct(FlowSchema::Describe(), document.dump(), FieldValidation::kIgnore,
                           schema.get()));
  return schema;
}

Classifier::Objects DefaultSchemas() {
  Classifier::Objects schemas;
  for (const Json& document : FlowControlObjects()) {
    if (document["kind"] == "FlowSchema") schemas.push_back(SchemaOf(document));
  }
  return schemas;
}

Json RuleFor(Json subject) {
  return {{"subjects", Json::array({std::move(subject)})},
          {"resourceRules",
           Json::array({{{"verbs", Json::array({"*"})},
                         {"apiGroups", Json::array({"*"})},
                         {"resources", Json::array({"*"})},
                         {"namespaces", Json::array({"*"})}}})}};
}

Json OneSchema(const std::string& name, int precedence, Json rule) {
  return {{"metadata", {{"name", name}}},
          {"spec",
           {{"matchingPrecedence", precedence},
            {"priorityLevelConfiguration", {{"name", "level-of-" + name}}},
            {"rules", Json::array({std::move(rule)})}}}};
}

User UserOf(std::string name, std::vector<std::string> groups = {}) {
  groups.emplace_back(kGroupAuthenticated);
  return {.name = std::move(name), .groups = std::move(groups)};
}

struct Call {
  std::string method = "GET";
  std::string path;
};

// "schema" or "schema/distinguisher".
std::string Of(const Classifier& classifier, const User& user, const Call& asked) {
  http::Request request;
  request.method = asked.method;
  request.target = request.path = asked.path;
  const RequestInfo info = ParseRequestInfo(request);
  const auto found = classifier.Find(user, info);
  const std::string flow(found.distinguisher);
  return classifier.schema(found.schema).name + (flow.empty() ? "" : "/" + flow);
}

TEST(ClassifierTest, KubernetesOwnSchemasSortTheirClients) {
  const Classifier all(DefaultSchemas());
  const User node = UserOf("system:node:n", {std::string(kGroupNodes)});
  const std::string leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n";
  EXPECT_EQ(Of(all, node, {"PUT", leases}), "system-node-high/system:node:n");
  EXPECT_EQ(Of(all, node, {"PATCH", "/api/v1/nodes/n/status"}), "system-node-high/system:node:n");
  EXPECT_EQ(Of(all, node, {"GET", "/api/v1/pods"}), "system-nodes/system:node:n");
  EXPECT_EQ(Of(all, UserOf("root", {std::string(kGroupMasters)}), {"GET", "/api/v1/pods"}),
            "exempt");
  const User manager = UserOf("system:kube-controller-manager");
  EXPECT_EQ(Of(all, manager, {"PUT", leases}),
            "system-leader-election/system:kube-controller-manager");
  EXPECT_EQ(Of(all, manager, {"PATCH", leases}), "kube-controller-manager/kube-node-lease")
      << "patch is no verb of leader election";
  EXPECT_EQ(Of(all, manager, {"GET", "/api/v1/namespaces/a/pods"}), "kube-controller-manager/a");
  const User account = UserOf("system:serviceaccount:kube-system:x", {"system:serviceaccounts"});
  EXPECT_EQ(Of(all, account, {"GET", "/api/v1/namespaces/a/pods"}),
            "kube-system-service-accounts/a");
  const User other = UserOf("system:serviceaccount:kube-systemic:x", {"system:serviceaccounts"});
  EXPECT_EQ(Of(all, other, {"GET", "/api/v1/pods"}),
            "service-accounts/system:serviceaccount:kube-systemic:x");
  EXPECT_EQ(Of(all, UserOf("alice"), {"GET", "/api/v1/pods"}), "global-default/alice");
  EXPECT_EQ(Of(all, UserOf("alice"), {"GET", "/readyz"}), "probes");
  EXPECT_EQ(Of(all, UserOf("alice"), {"GET", "/version"}), "global-default/alice");
  EXPECT_EQ(Of(all, User{.name = "nobody"}, {"GET", "/version"}), "catch-all/nobody")
      << "matched by none";
}

TEST(ClassifierTest, TheLowerPrecedenceAndThenTheNameDecides) {
  auto objects = DefaultSchemas();
  const Json alice = RuleFor({{"kind", "User"}, {"user", {{"name", "alice"}}}});
  objects.push_back(SchemaOf(OneSchema("b", 50, alice)));
  objects.push_back(SchemaOf(OneSchema("a", 50, alice)));
  objects.push_back(SchemaOf(OneSchema("0", 51, alice)));
  const Classifier classifier(objects);
  EXPECT_EQ(Of(classifier, UserOf("alice"), {"GET", "/api/v1/namespaces/n/pods"}), "a");
  EXPECT_EQ(Of(classifier, UserOf("bob"), {"GET", "/api/v1/namespaces/n/pods"}),
            "global-default/bob");
}

TEST(ClassifierTest, ARuleForNamespacesIsNotOneForTheCluster) {
  auto objects = DefaultSchemas();
  Json rule = RuleFor({{"kind", "User"}, {"user", {{"name", "*"}}}});
  rule["resourceRules"][0]["namespaces"] = Json::array({"a", "b"});
  rule["resourceRules"][0]["resources"] = Json::array({"pods", "pods/status"});
  objects.push_back(SchemaOf(OneSchema("own", 50, rule)));
  const Classifier classifier(objects);
  const User user = UserOf("alice");
  EXPECT_EQ(Of(classifier, user, {"GET", "/api/v1/namespaces/a/pods"}), "own");
  EXPECT_EQ(Of(classifier, user, {"GET", "/api/v1/namespaces/b/pods/p/status"}), "own");
  EXPECT_EQ(Of(classifier, user, {"GET", "/api/v1/namespaces/c/pods"}), "global-default/alice");
  EXPECT_EQ(Of(classifier, user, {"GET", "/api/v1/pods"}), "global-default/alice");
  EXPECT_EQ(Of(classifier, user, {"GET", "/api/v1/namespaces/a/pods/p/log"}),
            "global-default/alice");
  EXPECT_EQ(Of(classifier, user, {"GET", "/version"}), "global-default/alice");
}

TEST(ClassifierTest, SubjectsAreUsersGroupsAndServiceAccounts) {
  const std::map<std::string, Json> subjects = {
      {"user", {{"kind", "User"}, {"user", {{"name", "u"}}}}},
      {"group", {{"kind", "Group"}, {"group", {{"name", "g"}}}}},
      {"account",
       {{"kind", "ServiceAccount"}, {"serviceAccount", {{"namespace", "n"}, {"name", "s"}}}}}};
  const std::map<std::string, User> users = {
      {"user", UserOf("u")},
      {"group", UserOf("x", {"g"})},
      {"account", UserOf("system:serviceaccount:n:s")}};
  for (const auto& [kind, subject] : subjects) {
    auto objects = DefaultSchemas();
    objects.push_back(SchemaOf(OneSchema("own", 50, RuleFor(subject))));
    const Classifier classifier(objects);
    for (const auto& [name, user] : users) {
      const bool is_own = Of(classifier, user, {"GET", "/api/v1/namespaces/n/pods"}) == "own";
      EXPECT_EQ(is_own, kind == name) << kind << " " << name;
    }
  }
}

TEST(ClassifierTest, PathsMayEndInAStar) {
  auto objects = DefaultSchemas();
  const Json rule = {
      {"subjects", Json::array({{{"kind", "Group"}, {"group", {{"name", "*"}}}}})},
      {"nonResourceRules", Json::array({{{"verbs", Json::array({"get"})},
                                         {"nonResourceURLs",
                                          Json::array({"/openapi/*", "/a"})}}})}};
  objects.push_back(SchemaOf(OneSchema("own", 50, rule)));
  const Classifier classifier(objects);
  EXPECT_EQ(Of(classifier, UserOf("u"), {"GET", "/openapi/v3/api"}), "own");
  EXPECT_EQ(Of(classifier, UserOf("u"), {"GET", "/a"}), "own");
  EXPECT_EQ(Of(classifier, UserOf("u"), {"POST", "/a"}), "global-default/u");
  EXPECT_EQ(Of(classifier, UserOf("u"), {"GET", "/ab"}), "global-default/u");
  EXPECT_EQ(Of(classifier, UserOf("u"), {"GET", "/a/b"}), "own") << "as what is below it";
  EXPECT_EQ(Of(classifier, UserOf("u"), {"GET", "/openapi"}), "global-default/u");
}

TEST(ClassifierTest, ProbesOfSingleChecksAreProbes) {
  const Classifier classifier(DefaultSchemas());
  const std::string whole = Of(classifier, UserOf("u"), {"GET", "/livez"});
  EXPECT_TRUE(whole.starts_with("probes")) << whole;
  EXPECT_EQ(Of(classifier, UserOf("u"), {"GET", "/livez/ping"}), whole);
}

}  // namespace
}  // namespace skiff::flow_control
