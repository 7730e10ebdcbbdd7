// What webhooks are asked of what is not an object of its own: reviews, bindings and the bodies of
// subresources; and what of an object they see that is about to be written.
#include <gtest/gtest.h>

#include <mutex>

#include "apiserver/webhooks/hook_fixture.h"

namespace skiff {
namespace {

constexpr const char* kSpace = "/api/v1/namespaces/default/";

class UnstoredTest : public HookFixture, public http::Handler {
 protected:
  UnstoredTest() {
    StartHook(*this);
    Post(std::string(kSpace) + "pods",
         R"({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})");
  }
  ~UnstoredTest() override { StopHook(); }

  http::Response Handle(const http::Request& request) override {
    const std::lock_guard lock(mutex_);
    seen_ = Json::parse(request.body);
    ++calls_;
    if (!answer_.is_null()) return Says(seen_, answer_);
    return Says(seen_, {{"allowed", true}});
  }
  // Asks one webhook of what is done to these resources.
  void Watch(const std::string& kind, const std::string& resource, Json more = Json::object()) {
    Json hook = {{"rules", {{{"operations", {"*"}},
                             {"apiGroups", {"*"}},
                             {"apiVersions", {"*"}},
                             {"resources", {resource}}}}}};
    hook.merge_patch(more);
    Configure(kind + "webhookconfigurations", kind, {Hook("w", hook)});
  }
  Json Seen() {
    const std::lock_guard lock(mutex_);
    return seen_["request"];
  }
  int Calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  void AnswerWith(Json answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  static Json PatchBy(const std::string& patch) {
    return {{"allowed", true}, {"patchType", "JSONPatch"}, {"patch", EncodeBase64(patch)}};
  }
  static std::string BindingText() {
    return R"({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}})";
  }

  std::mutex mutex_;
  Json seen_;
  Json answer_;
  int calls_ = 0;
};

TEST_F(UnstoredTest, BindingsAreAResourceOfTheirOwn) {
  Watch("validating", "bindings");
  AnswerWith({{"allowed", false}});
  const std::string query = "?dryRun=All";
  EXPECT_EQ(Post(std::string(kSpace) + "bindings" + query, BindingText()).code, 400);
  EXPECT_EQ(Seen()["resource"]["resource"], "bindings");
  EXPECT_FALSE(Seen().contains("subResource"));
  EXPECT_EQ(Seen()["name"], "p");
  EXPECT_EQ(Post(std::string(kSpace) + "pods/p/binding" + query, BindingText()).code, 201);
  EXPECT_EQ(Calls(), 1);
}

TEST_F(UnstoredTest, ReviewsAreAskedOfAndCanBeRefused) {
  Watch("validating", "*/*");
  AnswerWith({{"allowed", false}, {"status", {{"message", "no"}}}});
  const std::string access = "/apis/authorization.k8s.io/v1/";
  const std::string who = "/apis/authentication.k8s.io/v1/";
  const std::string path = R"({"nonResourceAttributes": {"path": "/", "verb": "get"})";
  const std::vector<std::pair<std::string, std::string>> reviews = {
      {access + "subjectaccessreviews", R"({"spec": )" + path + R"(, "user": "a"}})"},
      {access + "selfsubjectaccessreviews", R"({"spec": )" + path + "}}"},
      {access + "namespaces/default/localsubjectaccessreviews",
       R"({"spec": {"user": "a", "resourceAttributes": {"namespace": "default", "verb": "get"}}})"},
      {access + "selfsubjectrulesreviews", R"({"spec": {"namespace": "default"}})"},
      {who + "selfsubjectreviews", "{}"},
      {who + "tokenreviews", R"({"spec": {"token": "x"}})"}};
  for (const auto& [url, body] : reviews) {
    const int before = Calls();
    EXPECT_EQ(Post(url, body).code, 400) << url;
    EXPECT_EQ(Calls(), before + 1) << url;
    EXPECT_EQ(Seen()["resource"]["resource"], url.substr(url.rfind('/') + 1));
  }
}

TEST_F(UnstoredTest, AReviewIsAnsweredAsWebhooksLeftIt) {
  Watch("mutating", "subjectaccessreviews");
  AnswerWith(PatchBy(R"([{"op": "replace", "path": "/spec/user", "value": "b"}])"));
  const auto answer = Post("/apis/authorization.k8s.io/v1/subjectaccessreviews",
                           R"({"spec": {"user": "a", "nonResourceAttributes":
                               {"path": "/", "verb": "get"}}})");
  EXPECT_EQ(answer.code, 201);
  EXPECT_EQ(answer.body["spec"]["user"], "b");
}

TEST_F(UnstoredTest, BodiesOfSubresourcesSayWhereTheyBelong) {
  Watch("validating", "*/*");
  Post(std::string(kSpace) + "pods/p/eviction?dryRun=All", R"({"metadata": {"name": "p"}})");
  EXPECT_EQ(Seen()["object"]["metadata"], (Json{{"name", "p"}, {"namespace", "default"}}));
  Post(std::string(kSpace) + "pods/p/eviction?dryRun=All",
       R"({"metadata": {"name": "p"}, "deleteOptions": {"gracePeriodSeconds": 1}})");
  EXPECT_EQ(Seen()["object"]["deleteOptions"], (Json{{"gracePeriodSeconds", 1}}));
  Post(std::string(kSpace) + "pods/p/binding?dryRun=All", BindingText());
  const Json binding = Seen()["object"]["metadata"];
  EXPECT_EQ(binding["namespace"], "default");
  EXPECT_EQ(binding["managedFields"][0]["fieldsV1"], (Json{{"f:target", Json::object()}}));
  Post(std::string(kSpace) + "serviceaccounts/default/token", R"({"spec": {}})");
  const Json token = Seen()["object"];
  EXPECT_EQ(token["metadata"]["name"], "default");
  EXPECT_EQ(token["metadata"]["namespace"], "default");
  EXPECT_TRUE(token["metadata"].contains("uid"));
  EXPECT_EQ(token["spec"]["expirationSeconds"], 3600);
}

TEST_F(UnstoredTest, BodiesOfSubresourcesNameNoOtherNamespace) {
  const std::string elsewhere = R"({"metadata": {"name": "p", "namespace": "kube-system"},
                                    "target": {"kind": "Node", "name": "n"}})";
  for (const char* path : {"bindings", "pods/p/binding"}) {
    const auto refused = Post(std::string(kSpace) + path, elsewhere);
    EXPECT_EQ(refused.code, 400) << path;
    EXPECT_EQ(refused.message(),
              "the namespace of the provided object does not match the namespace sent on the "
              "request");
  }
}

TEST_F(UnstoredTest, AScaleSaysItsVersionAndWhoOwnsIt) {
  Post("/apis/apps/v1/namespaces/default/deployments",
       R"({"metadata": {"name": "d"}, "spec": {"replicas": 1,
           "selector": {"matchLabels": {"a": "b"}},
           "template": {"metadata": {"labels": {"a": "b"}},
                        "spec": {"containers": [{"name": "c", "image": "i"}]}}}})");
  const std::string scale = "/apis/apps/v1/namespaces/default/deployments/d/scale?dryRun=All";
  Watch("validating", "deployments/scale");
  ASSERT_EQ(Merge(scale, R"({"spec": {"replicas": 2}})").code, 200);
  const Json judged = Seen();
  EXPECT_EQ(judged["object"]["metadata"]["resourceVersion"],
            judged["oldObject"]["metadata"]["resourceVersion"]);
  EXPECT_EQ(judged["object"]["spec"]["replicas"], 2);
  EXPECT_FALSE(judged["object"]["metadata"].contains("managedFields"));
  Watch("mutating", "deployments/scale");
  ASSERT_EQ(Ask("DELETE", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/"
                          "validating").code,
            200);
  ASSERT_EQ(Merge(scale, R"({"spec": {"replicas": 2}})").code, 200);
  const Json shown = Seen();
  EXPECT_TRUE(shown["object"]["metadata"].contains("resourceVersion"));
  EXPECT_EQ(shown["object"]["metadata"]["managedFields"][0]["subresource"], "scale");
  EXPECT_TRUE(shown["object"]["metadata"]["managedFields"][0].contains("time"));
  EXPECT_EQ(shown["oldObject"]["metadata"]["managedFields"].size(), 1);
}

TEST_F(UnstoredTest, WhatChangesAPatchedObjectSeesItsVersion) {
  Watch("mutating", "configmaps");
  const std::string maps = std::string(kSpace) + "configmaps";
  const auto made = Post(maps, R"({"metadata": {"name": "a"}, "data": {"a": "b"}})");
  EXPECT_FALSE(Seen()["object"]["metadata"].contains("creationTimestamp"));
  const Json version = made.body["metadata"]["resourceVersion"];
  AnswerWith(PatchBy(R"([{"op": "add", "path": "/data/seen", "value": "yes"}])"));
  const auto patched = Merge(maps + "/a", R"({"data": {"a": "c"}})");
  EXPECT_EQ(patched.code, 200);
  EXPECT_EQ(patched.body["data"]["seen"], "yes");
  EXPECT_EQ(Seen()["object"]["metadata"]["resourceVersion"], version);
}

TEST_F(UnstoredTest, AnUndecodablePatchIsAFailureOfTheWebhook) {
  const std::string maps = std::string(kSpace) + "configmaps";
  Watch("mutating", "configmaps");
  AnswerWith(PatchBy("nonsense"));
  const auto refused = Post(maps, R"({"metadata": {"name": "a"}})");
  EXPECT_EQ(refused.code, 500);
  EXPECT_EQ(refused.message(),
            "Internal error occurred: failed calling webhook \"w.example.com\": received "
            "undecodable patch in webhook response: invalid character 'o' in literal null "
            "(expecting 'u')");
  Ask("DELETE",
      "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/mutating");
  Watch("mutating", "configmaps", {{"failurePolicy", "Ignore"}});
  EXPECT_EQ(Post(maps, R"({"metadata": {"name": "a"}})").code, 201);
  AnswerWith(PatchBy("{}"));
  EXPECT_EQ(Post(maps, R"({"metadata": {"name": "b"}})").code, 201);
}

TEST_F(UnstoredTest, APatchMakesNoOtherKindOfAnObject) {
  Watch("mutating", "configmaps");
  AnswerWith(PatchBy(R"([{"op": "replace", "path": "/kind", "value": "Other"}])"));
  const auto refused = Post(std::string(kSpace) + "configmaps", R"({"metadata": {"name": "a"}})");
  EXPECT_EQ(refused.code, 500);
  EXPECT_EQ(refused.message(),
            "Internal error occurred: no kind \"Other\" is registered for version \"v1\" in scheme "
            "\"pkg/runtime/scheme.go:111\"");
}

}  // namespace
}  // namespace skiff
