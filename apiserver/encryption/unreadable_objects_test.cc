// A whole server over a store of which some values cannot be decrypted: nothing is let through for
// that, and nothing is lost.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "apiserver/server/server_fixture.h"
#include "apiserver/storage/forwarding_store.h"
#include "apiserver/storage/sealing.h"

namespace skiff {
namespace {

using testing::HasSubstr;

// Of some resources; the key may be lost.
class Lock final : public Sealing {
 public:
  bool Covers(std::string_view key) const override {
    return std::ranges::any_of(covered, [&](const std::string& resource) {
      return key.find("/" + resource + "/") != key.npos;
    });
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

  std::set<std::string> covered;
  bool is_lost = false;

 private:
  static std::string Prefix() { return std::string(kSealedPrefix) + "test:"; }
};

// Lists nothing of what is refused.
class ListRefusingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<ListPage> List(const ListRequest& request) override {
    if (request.prefix == refused) return Fail(Reason::kInternalError, "not this one");
    return ForwardingStore::List(request);
  }

  std::string refused;
};

class UnreadableObjectsTest : public ServerFixture {
 protected:
  // What is written of it from now on is encrypted.
  void Encrypt(std::set<std::string> resources) {
    lock_.covered = std::move(resources);
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

  void DefineInExample(const std::string& plural, const std::string& kind) {
    Json definition = Json::parse(R"({"spec": {"group": "example.com", "scope": "Namespaced",
        "versions": [{"name": "v1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object"}}}]}})");
    definition["metadata"]["name"] = plural + ".example.com";
    definition["spec"]["names"] = {{"plural", plural}, {"kind", kind}};
    const Answer made =
        Post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition.dump());
    ASSERT_EQ(made.code, 201) << made.message();
    Settle();
  }
  // Of the aggregated list; null: the group is not in it.
  Json VersionsOfExample() {
    const Answer all =
        Ask({.path = "/apis",
             .accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"});
    for (const Json& item : all.body.value("items", Json::array())) {
      if (item["metadata"]["name"] == "example.com") return item["versions"];
    }
    return {};
  }
  void RefuseLists(const std::string& prefix) { between_->refused = prefix; }

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
    between_.reset();
    store_.reset();
    store_ = *RocksdbStore::Open({.path = "/store", .env = env_.get(), .sealing = &lock_}, clock_);
    between_ = std::make_unique<ListRefusingStore>(*store_);
    server_ = *ApiServer::Create({.authorization_modes = {"Node", "RBAC"},
                                  .token_file_text = kTokens,
                                  .advertise_address = "192.0.2.7"},
                                 {*between_, clock_, random_});
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
  }

  Lock lock_;
  std::unique_ptr<ListRefusingStore> between_;
};

TEST_F(UnreadableObjectsTest, WebhooksLetNothingThrough) {
  Encrypt({"validatingwebhookconfigurations"});
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
  Encrypt({"validatingadmissionpolicies"});
  DenyByPolicy();
  EXPECT_THAT(MakeConfigMap("a").message(), HasSubstr("by policy"));
  LoseKey();
  ExpectUnready("a");
  FindKey();
  EXPECT_THAT(MakeConfigMap("a").message(), HasSubstr("by policy"));
}

TEST_F(UnreadableObjectsTest, BindingsLetNothingThrough) {
  Encrypt({"validatingadmissionpolicybindings"});
  DenyByPolicy();
  LoseKey();
  ExpectUnready("a");
  FindKey();
  EXPECT_THAT(MakeConfigMap("a").message(), HasSubstr("by policy"));
}

TEST_F(UnreadableObjectsTest, ABindingDoesNotPutAPodOnANodeWithoutItsZone) {
  const std::string zone = "topology.kubernetes.io/zone";
  Encrypt({"minions"});
  ASSERT_EQ(
      Post("/api/v1/nodes", R"({"metadata": {"name": "n", "labels": {")" + zone + R"(": "z"}}})")
          .code,
      201);
  const std::string pods = "/api/v1/namespaces/default/pods";
  ASSERT_EQ(Post(pods, R"({"metadata": {"name": "a"},
      "spec": {"containers": [{"name": "a", "image": "a"}]}})")
                .code,
            201);
  const auto bind = [&] {
    return Post(pods + "/a/binding",
                R"({"metadata": {"name": "a"}, "target": {"kind": "Node", "name": "n"}})");
  };
  LoseKey();
  const Answer refused = bind();
  EXPECT_EQ(refused.code, 500) << refused.message();
  EXPECT_THAT(refused.message(), HasSubstr("no matching prefix found"));
  EXPECT_FALSE(Get(pods + "/a").body["spec"].contains("nodeName"));
  FindKey();
  ASSERT_EQ(bind().code, 201);
  const Json bound = Get(pods + "/a").body;
  EXPECT_EQ(bound["spec"]["nodeName"], "n");
  EXPECT_EQ(bound["metadata"]["labels"][zone], "z");
}

TEST_F(UnreadableObjectsTest, LimitsAndQuotasLetNothingThrough) {
  Encrypt({"limitranges"});
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
  Encrypt({"resourcequotas"});
  ASSERT_EQ(Post("/api/v1/namespaces/default/resourcequotas",
                 R"({"metadata": {"name": "few"}, "spec": {"hard": {"configmaps": "0"}}})")
                .code,
            201);
  LoseKey();
  ExpectUnready("a");
}

TEST_F(UnreadableObjectsTest, KindsAreNotSaidToBeGone) {
  constexpr const char* kLamps = "/apis/example.com/v1/namespaces/default/lamps";
  Encrypt({"customresourcedefinitions"});
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
  const Answer group = Get("/apis/example.com");
  EXPECT_EQ(group.code, 200) << "kube-apiserver has it from the APIServices";
  EXPECT_EQ(group.body["preferredVersion"]["groupVersion"], "example.com/v1") << group.body;
  EXPECT_EQ(Get("/apis/example.org").code, 404);
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
  ASSERT_EQ(Ask("DELETE", kService).code, 200);
  EXPECT_EQ(Get("/apis/example.com").code, 503) << "nothing tells which versions it has";
  FindKey();
  EXPECT_EQ(Get(kLamps).code, 200);
}

// Neither the definition nor its APIService can be read: the latter's name says enough.
TEST_F(UnreadableObjectsTest, GroupsAreKnownByTheNamesOfTheirApiServices) {
  Encrypt({"customresourcedefinitions", "apiservices"});
  DefineInExample("lamps", "Lamp");
  LoseKey();
  EXPECT_EQ(Get("/apis/example.com/v1/namespaces/default/lamps").code, 503);
  const Json versions = VersionsOfExample();
  ASSERT_EQ(versions.size(), 1U) << versions;
  EXPECT_EQ(versions[0]["version"], "v1");
  EXPECT_EQ(versions[0]["freshness"], "Stale");
}

TEST_F(UnreadableObjectsTest, AGroupThatCanBeReadInPartIsStale) {
  DefineInExample("lamps", "Lamp");
  Encrypt({"customresourcedefinitions"});
  DefineInExample("bulbs", "Bulb");
  EXPECT_EQ(VersionsOfExample()[0]["freshness"], "Current");
  LoseKey();
  EXPECT_EQ(Get("/apis/example.com/v1/namespaces/default/lamps").code, 200);
  EXPECT_EQ(Get("/apis/example.com/v1/namespaces/default/bulbs").code, 503);
  EXPECT_EQ(Get("/apis/example.com").body["versions"].size(), 1U);
  const Json versions = VersionsOfExample();
  ASSERT_EQ(versions.size(), 1U) << versions;
  EXPECT_EQ(versions[0]["resources"].size(), 1U);
  EXPECT_EQ(versions[0]["freshness"], "Stale");
  FindKey();
  EXPECT_EQ(VersionsOfExample()[0]["freshness"], "Current");
}

// One that a server made for what it has built in, as another one may have once.
TEST_F(UnreadableObjectsTest, AVersionOfNoDefinitionIsNotListedForOne) {
  Encrypt({"customresourcedefinitions"});
  DefineInExample("lamps", "Lamp");
  ASSERT_EQ(Post("/apis/apiregistration.k8s.io/v1/apiservices", R"({
      "metadata": {"name": "v9.example.com",
          "labels": {"kube-aggregator.kubernetes.io/automanaged": "onstart"}},
      "spec": {"group": "example.com", "version": "v9", "groupPriorityMinimum": 1000,
          "versionPriority": 100}})")
                .code,
            201);
  LoseKey();
  const Json versions = VersionsOfExample();
  ASSERT_EQ(versions.size(), 1U) << versions;
  EXPECT_EQ(versions[0]["version"], "v1");
}

TEST_F(UnreadableObjectsTest, NoListOfGroupsIsGivenThatMayLackSome) {
  Encrypt({"customresourcedefinitions"});
  DefineInExample("lamps", "Lamp");
  LoseKey();
  RefuseLists("/registry/apiregistration.k8s.io/apiservices/");
  EXPECT_EQ(Get("/apis").code, 503);
  EXPECT_EQ(Get("/apis/apps").code, 200) << "says nothing of other groups";
  EXPECT_EQ(Get("/apis/apps/v1").code, 200);
  EXPECT_EQ(Get("/api").code, 200);
  EXPECT_EQ(Get("/nonsense").code, 404);
  RefuseLists("");
  EXPECT_EQ(Get("/apis").code, 200);
}

TEST_F(UnreadableObjectsTest, AWatchEndsAndACollectionStays) {
  constexpr const char* kSecrets = "/api/v1/namespaces/default/secrets";
  Encrypt({"secrets"});
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
