// A whole server over a store of which some values cannot be decrypted: nothing is let through for
// that, and nothing is lost.
#include <gmock/gmock.h>

#include "apiserver/server/server_fixture.h"
#include "apiserver/storage/sealing.h"

namespace skiff {
namespace {

using testing::HasSubstr;

// Of some resources; the key may be lost.
class Lock final : public Sealing {
 public:
  bool Covers(std::string_view key) const override {
    return key.find("/" + covered + "/") != key.npos;
  }
  Result<Value> Seal(const Place& place, std::string_view plain) override {
    if (!Covers(place.key)) return Value{};
    return Value{Prefix() + std::string(plain), 1};
  }
  Result<Value> Open(const Place&, std::string_view bytes) override {
    if (!IsSealed(bytes)) return Value{std::string(bytes)};
    if (is_lost) return Fail(Reason::kInternalError, "no matching prefix found");
    return Value{std::string(bytes.substr(Prefix().size())), 1};
  }
  SealId Current(std::string_view key) const override { return Covers(key) ? 1 : kNoSeal; }

  std::string covered;
  bool is_lost = false;

 private:
  static std::string Prefix() { return std::string(kSealedPrefix) + "test:"; }
};

class UnreadableObjectsTest : public ServerFixture {
 protected:
  // What is written of it from now on is encrypted.
  void Encrypt(const std::string& resource) {
    lock_.covered = resource;
    StartAnew();
  }
  void LoseKey() {
    lock_.is_lost = true;
    StartAnew();
  }
  void FindKey() {
    lock_.is_lost = false;
    StartAnew();
  }
  Answer MakeConfigMap(const std::string& name) {
    return Post("/api/v1/namespaces/default/configmaps",
                R"({"metadata": {"name": ")" + name + "\"}}");
  }
  void ExpectUnready(const std::string& name) {
    const Answer refused = MakeConfigMap(name);
    EXPECT_EQ(refused.code, 403);
    EXPECT_EQ(refused.message(), "configmaps \"" + name +
                                     "\" is forbidden: not yet ready to handle "
                                     "request");
  }

  static constexpr const char* kPolicies =
      "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
  static constexpr const char* kBindings =
      "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";
  void DenyByPolicy() {
    ASSERT_EQ(Post(kPolicies, R"({"metadata": {"name": "none"}, "spec": {
      "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
        "operations": ["CREATE"], "resources": ["configmaps"]}]},
      "validations": [{"expression": "false", "message": "by policy"}]}})")
                  .code,
              201);
    ASSERT_EQ(Post(kBindings, R"({"metadata": {"name": "none"}, "spec": {"policyName": "none",
      "validationActions": ["Deny"]}})")
                  .code,
              201);
  }

 private:
  void StartAnew() {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_.reset();
    store_.reset();
    store_ = *RocksdbStore::Open({.path = "/store", .env = env_.get(), .sealing = &lock_}, clock_);
    server_ = *ApiServer::Create({.authorization_modes = {"Node", "RBAC"},
                                  .token_file_text = kTokens,
                                  .advertise_address = "192.0.2.7"},
                                 {*store_, clock_, random_});
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
  }

  Lock lock_;
};

TEST_F(UnreadableObjectsTest, WebhooksLetNothingThrough) {
  Encrypt("validatingwebhookconfigurations");
  ASSERT_EQ(Post("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
                 R"({"metadata": {"name": "none"}, "webhooks": [{"name": "none.example.com",
      "clientConfig": {"url": "https://192.0.2.1/"}, "sideEffects": "None",
      "admissionReviewVersions": ["v1"], "rules": [{"apiGroups": [""], "apiVersions": ["v1"],
      "operations": ["CREATE"], "resources": ["configmaps"]}]}]})")
                .code,
            201);
  LoseKey();
  ExpectUnready("a");
  FindKey();
  EXPECT_THAT(MakeConfigMap("a").message(), HasSubstr("failed calling webhook"));
}

TEST_F(UnreadableObjectsTest, PoliciesLetNothingThrough) {
  Encrypt("validatingadmissionpolicies");
  DenyByPolicy();
  EXPECT_THAT(MakeConfigMap("a").message(), HasSubstr("by policy"));
  LoseKey();
  ExpectUnready("a");
  FindKey();
  EXPECT_THAT(MakeConfigMap("a").message(), HasSubstr("by policy"));
}

TEST_F(UnreadableObjectsTest, BindingsLetNothingThrough) {
  Encrypt("validatingadmissionpolicybindings");
  DenyByPolicy();
  LoseKey();
  ExpectUnready("a");
  FindKey();
  EXPECT_THAT(MakeConfigMap("a").message(), HasSubstr("by policy"));
}

TEST_F(UnreadableObjectsTest, LimitsAndQuotasLetNothingThrough) {
  Encrypt("limitranges");
  ASSERT_EQ(Post("/api/v1/namespaces/default/limitranges",
                 R"({"metadata": {"name": "small"}, "spec": {"limits": [{"type": "Container",
                     "max": {"cpu": "1"}}]}})")
                .code,
            201);
  LoseKey();
  const Answer pod = Post("/api/v1/namespaces/default/pods", R"({"metadata": {"name": "a"},
      "spec": {"containers": [{"name": "a", "image": "a"}]}})");
  EXPECT_EQ(pod.message(), "pods \"a\" is forbidden: not yet ready to handle request");
  FindKey();
  Encrypt("resourcequotas");
  ASSERT_EQ(Post("/api/v1/namespaces/default/resourcequotas",
                 R"({"metadata": {"name": "few"}, "spec": {"hard": {"configmaps": "0"}}})")
                .code,
            201);
  LoseKey();
  ExpectUnready("a");
}

TEST_F(UnreadableObjectsTest, KindsAreNotSaidToBeGone) {
  constexpr const char* kLamps = "/apis/example.com/v1/namespaces/default/lamps";
  Encrypt("customresourcedefinitions");
  ASSERT_EQ(Post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                 R"({"metadata": {"name": "lamps.example.com"}, "spec": {"group": "example.com",
      "scope": "Namespaced", "names": {"plural": "lamps", "kind": "Lamp"}, "versions": [{
      "name": "v1", "served": true, "storage": true,
      "schema": {"openAPIV3Schema": {"type": "object"}}}]}})")
                .code,
            201);
  Settle();
  ASSERT_EQ(Get(kLamps).code, 200);
  LoseKey();
  const Answer lost = Get(kLamps);
  EXPECT_EQ(lost.code, 503);
  EXPECT_EQ(lost.message(),
            "the request has been made before all known HTTP paths have been "
            "installed, please try again");
  EXPECT_EQ(Get("/apis/example.com/v1").code, 503);
  const auto lists = [&] {
    const Json groups = Get("/apis").body["groups"];
    return std::ranges::any_of(groups, [](const Json& each) {
      return each["name"] == "example.com" && each["versions"][0]["version"] == "v1";
    });
  };
  EXPECT_TRUE(lists()) << "clients take what is not listed for gone";
  const Answer all =
      Ask({.path = "/apis",
           .accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"});
  EXPECT_EQ(all.body["items"].back()["metadata"]["name"], "example.com");
  EXPECT_EQ(all.body["items"].back()["versions"][0]["freshness"], "Stale");
  Settle();
  constexpr const char* kService = "/apis/apiregistration.k8s.io/v1/apiservices/v1.example.com";
  EXPECT_EQ(Get(kService).code, 200) << "what is of a definition that cannot be read stays";
  EXPECT_EQ(Get("/apis/example.org/v1/namespaces/default/lamps").code, 404);
  FindKey();
  EXPECT_EQ(Get(kLamps).code, 200);
}

TEST_F(UnreadableObjectsTest, AWatchEndsAndACollectionStays) {
  constexpr const char* kSecrets = "/api/v1/namespaces/default/secrets";
  Encrypt("secrets");
  for (const char* name : {"a", "b"}) {
    ASSERT_EQ(Post(kSecrets, std::string(R"({"metadata": {"name": ")") + name + "\"}}").code, 201);
  }
  const std::string before = Get(kSecrets).body["metadata"]["resourceVersion"];
  ASSERT_EQ(Post(kSecrets, R"({"metadata": {"name": "c"}})").code, 201);
  LoseKey();
  constexpr const char* kWhy = "no matching prefix found";
  EXPECT_EQ(Get(std::string(kSecrets) + "/a").code, 500);
  for (const std::string& from : {std::string(), "&resourceVersion=" + before}) {
    Answer watch = Get(std::string(kSecrets) + "?watch=1" + from);
    ASSERT_EQ(watch.code, 200) << watch.message();
    watch.response.stream->Attach([] {});
    const std::vector<Json> events = Events(watch.response);
    ASSERT_EQ(events.size(), 1U) << from;
    EXPECT_EQ(events[0]["type"], "ERROR");
    EXPECT_THAT(events[0]["object"]["message"].get<std::string>(), HasSubstr(kWhy));
  }
  const Answer cleared = Ask("DELETE", kSecrets);
  EXPECT_EQ(cleared.code, 500);
  EXPECT_THAT(cleared.message(), HasSubstr(kWhy));
  FindKey();
  EXPECT_EQ(Get(kSecrets).body["items"].size(), 3U);
}

}  // namespace
}  // namespace skiff
