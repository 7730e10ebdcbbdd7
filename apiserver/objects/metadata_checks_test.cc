// Which of an object's metadata is wrong stands among the causes as often, and in the order, that
// kube-apiserver v1.35.6 looks at it: by its own answers, kind by kind.
#include <gmock/gmock.h>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

struct Row {
  const char* path;
  const char* body;    // With everything that a valid object needs.
  const char* create;  // Causes of a new object with all of Wrong().
  const char* update;
  const char* status = nullptr;  // nullptr: it has none.
};

// prefix: generateName by the rule of paths; Prefix: by that of the kind. finalizers[0]: no domain.
const Row kRows[] = {
    {"/api/v1/namespaces", R"({"metadata": {"name": "n"}})", "Prefix label owner domain",
     "prefix label owner label owner Prefix label owner domain label owner domain",
     "prefix label owner label owner label owner domain"},
    {"/api/v1/namespaces/default/configmaps", R"({"metadata": {"name": "n"}})",
     "Prefix label owner domain",
     "prefix label owner label owner label owner domain Prefix label owner domain"},
    {"/api/v1/namespaces/default/limitranges",
     R"({"metadata": {"name": "n"}, "spec": {"limits": []}})", "Prefix label owner domain",
     "prefix label owner label owner Prefix label owner domain"},
    {"/api/v1/namespaces/default/services",
     R"({"metadata": {"name": "n"}, "spec": {"type": "ExternalName", "externalName": "a.b"}})",
     "Prefix label owner domain", "prefix label owner label owner label owner domain",
     "prefix label owner label owner label owner domain"},
    {"/api/v1/namespaces/default/replicationcontrollers",
     R"({"metadata": {"name": "n"}, "spec": {"selector": {"a": "b"}, "template":
         {"metadata": {"labels": {"a": "b"}}, "spec": {"containers":
           [{"name": "c", "image": "i"}]}}}})",
     "label owner domain", "prefix label owner label owner label owner domain",
     "prefix label owner label owner label owner domain"},
    {"/api/v1/persistentvolumes",
     R"({"metadata": {"name": "n"}, "spec": {"capacity": {"storage": "1Gi"},
         "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}})",
     "Prefix label owner domain",
     "prefix label owner label owner Prefix label owner domain Prefix label owner domain",
     "prefix label owner label owner label owner domain"},
    {"/apis/rbac.authorization.k8s.io/v1/clusterroles", R"({"metadata": {"name": "n"}})",
     "prefix label owner domain",
     "prefix label owner label owner prefix label owner domain label owner domain"},
    {"/apis/coordination.k8s.io/v1/namespaces/default/leases", R"({"metadata": {"name": "n"}})",
     "Prefix label owner", "prefix label owner label owner label owner"},
    {"/apis/node.k8s.io/v1/runtimeclasses", R"({"metadata": {"name": "n"}, "handler": "h"})",
     "Prefix label owner", "prefix label owner label owner Prefix label owner label owner"},
    {"/apis/policy/v1/namespaces/default/poddisruptionbudgets",
     R"({"metadata": {"name": "n"}, "spec": {"maxUnavailable": 1}})", "prefix label owner",
     "prefix label owner label owner", "prefix label owner label owner"},
    {"/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
     R"({"metadata": {"name": "n"}})", "Prefix label owner",
     "prefix label owner label owner Prefix label owner"},
    {"/apis/resource.k8s.io/v1/deviceclasses", R"({"metadata": {"name": "n"}, "spec": {}})",
     "label owner domain", "prefix label owner label owner label owner domain label owner domain"},
};

class MetadataChecksTest : public ServerFixture {
 protected:
  static Json Wrong(Json object) {
    Json& metadata = object["metadata"];
    metadata["labels"]["Bad Key!"] = "v";
    metadata["generateName"] = "/A";
    metadata["finalizers"] = {"foo"};
    metadata["ownerReferences"] = {
        {{"apiVersion", "v1"}, {"kind", "Pod"}, {"name", "p"}, {"uid", ""}}};
    return object;
  }
  static std::string Causes(const Answer& answer) {
    EXPECT_EQ(answer.code, 422) << answer.message();
    std::string all;
    for (const Json& cause : answer.body["details"]["causes"]) {
      auto field = cause["field"].get<std::string>();
      const auto message = cause["message"].get<std::string>();
      if (field == "metadata.labels") field = "label";
      if (field == "metadata.ownerReferences.uid") field = "owner";
      if (field == "metadata.finalizers[0]") field = "domain";
      if (field == "metadata.generateName") {
        field = message.find("may not contain '/'") != std::string::npos ? "prefix" : "Prefix";
      }
      all += (all.empty() ? "" : " ") + field;
    }
    return all;
  }
};

TEST_F(MetadataChecksTest, EachKindLooksAsOftenAsKubernetesDoes) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.path);
    const auto body = Json::parse(row.body);
    EXPECT_EQ(Causes(Post(row.path, Wrong(body).dump())), row.create);
    ASSERT_EQ(Post(row.path, row.body).code, 201);
    const std::string one = std::string(row.path) + "/n";
    const std::string wrong = Wrong(Get(one).body).dump();
    EXPECT_EQ(Causes(Ask("PUT", one, wrong)), row.update);
    if (row.status == nullptr) continue;
    EXPECT_EQ(Causes(Ask("PUT", one + "/status", wrong)), row.status);
  }
}

}  // namespace
}  // namespace skiff
