#include <utility>

#include "api/gen/flowcontrol_v1.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/server/server_fixture.h"
#include "apiserver/storage/forwarding_store.h"
#include "apiserver/storage/keys.h"
#include "http/x509_test_certs.h"

namespace skiff {
namespace {

class UpkeepTest : public ServerFixture {
 protected:
  static constexpr const char* kFlow = "/apis/flowcontrol.apiserver.k8s.io/v1/";
  Json Dangling(const std::string& schema) {
    const Json status = Get(kFlow + ("flowschemas/" + schema)).body.value("status", Json());
    for (const Json& condition : status.value("conditions", Json::array())) {
      if (condition["type"] == "Dangling") return condition;
    }
    return Json();
  }
};

TEST_F(UpkeepTest, TheServiceOfTheServerComesBackWithItsEndpoints) {
  const std::string services = "/api/v1/namespaces/default/services";
  const Json before = Get(services + "/kubernetes").body;
  ASSERT_EQ(Ask("DELETE", services).code, 200);
  EXPECT_EQ(Get(services + "/kubernetes").code, 404);
  Settle();
  const Json after = Get(services + "/kubernetes").body;
  EXPECT_NE(after["metadata"]["uid"], before["metadata"]["uid"]);
  EXPECT_EQ(after["spec"], before["spec"]);
  const auto endpoints = Get("/api/v1/namespaces/default/endpoints/kubernetes");
  EXPECT_EQ(endpoints.body["subsets"][0]["addresses"][0]["ip"], "192.0.2.7");
  const std::string slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
  Ask("DELETE", slices + "/kubernetes");
  Settle();
  EXPECT_EQ(Get(slices + "/kubernetes").body["endpoints"][0]["addresses"][0], "192.0.2.7");
}

TEST_F(UpkeepTest, EndpointsThatSomebodyChangedAreCorrected) {
  const std::string path = "/api/v1/namespaces/default/endpoints/kubernetes";
  ASSERT_EQ(Merge(path, R"({"subsets": null})").code, 200);
  Settle();
  EXPECT_EQ(Get(path).body["subsets"][0]["addresses"][0]["ip"], "192.0.2.7");
}

TEST_F(UpkeepTest, AServerThatHasTheStoreToItselfIsNamedAlone) {
  const std::string path = "/api/v1/namespaces/default/endpoints/kubernetes";
  ASSERT_EQ(Merge(path, R"({"subsets": [{"addresses": [{"ip": "192.0.2.7"}, {"ip": "192.0.2.8"}],
                            "ports": [{"name": "https", "port": 6443}]}]})")
                .code,
            200);
  Settle();
  const Json addresses = Get(path).body["subsets"][0]["addresses"];
  ASSERT_EQ(addresses.size(), 1u);
  EXPECT_EQ(addresses[0]["ip"], "192.0.2.7");
}

TEST_F(UpkeepTest, ASystemNamespaceComesBack) {
  const std::string path = "/api/v1/namespaces/kube-node-lease";
  ASSERT_EQ(Ask("DELETE", path).code, 200);
  const std::string finalize = path + "/finalize";
  Json body = Get(path).body;
  body["spec"]["finalizers"] = Json::array();
  ASSERT_EQ(Ask("PUT", finalize, body.dump()).code, 200);
  Settle();
  EXPECT_EQ(Get(path).body["status"]["phase"], "Active");
}

TEST_F(UpkeepTest, AFlowSchemaSaysWhetherItsPriorityLevelExists) {
  EXPECT_EQ(Dangling("catch-all")["status"], "False");
  Post(kFlow + std::string("flowschemas"),
       R"({"metadata": {"name": "s"}, "spec": {"matchingPrecedence": 9,
           "priorityLevelConfiguration": {"name": "later"}}})");
  Settle();
  EXPECT_EQ(Dangling("s")["status"], "True");
  EXPECT_EQ(Dangling("s")["reason"], "NotFound");
  clock_.Advance(60s);
  Post(kFlow + std::string("prioritylevelconfigurations"),
       R"({"metadata": {"name": "later"}, "spec": {"type": "Limited", "limited":
           {"limitResponse": {"type": "Reject"}}}})");
  Settle();
  EXPECT_EQ(Dangling("s")["status"], "False");
  EXPECT_EQ(Dangling("s")["lastTransitionTime"], "2023-11-14T22:14:20Z");
  EXPECT_EQ(Dangling("s")["message"],
            "This FlowSchema references the PriorityLevelConfiguration object named \"later\" and "
            "it exists");
}

TEST_F(UpkeepTest, FlowControlIsWhatItWasUnlessAnOperatorKeepsIt) {
  const std::string path = kFlow + std::string("flowschemas/global-default");
  const std::string change = R"({"spec": {"matchingPrecedence": 77}})";
  const auto precedence = [&] { return Get(path).body["spec"]["matchingPrecedence"]; };
  const Json before = precedence();
  ASSERT_EQ(Merge(path, change).code, 200);
  Settle();
  EXPECT_EQ(precedence(), before);
  ASSERT_EQ(Merge(path, change).code, 200);
  Settle();
  EXPECT_EQ(precedence(), 77) << "once a minute is enough";
  clock_.Advance(1min);
  Settle();
  EXPECT_EQ(precedence(), before);
  ASSERT_EQ(
      Merge(path,
            R"({"metadata": {"annotations": {"apf.kubernetes.io/autoupdate-spec": "false"}}})")
          .code,
      200);
  ASSERT_EQ(Merge(path, change).code, 200);
  clock_.Advance(1min);
  Settle();
  EXPECT_EQ(precedence(), 77);
}

TEST_F(UpkeepTest, FlowControlThatIsLeftToTheServerAndNotItsOwnGoes) {
  const std::string schemas = kFlow + std::string("flowschemas");
  const std::string levels = kFlow + std::string("prioritylevelconfigurations");
  const auto schema = [&](const std::string& name, const std::string& said) {
    return Post(schemas, R"({"metadata": {"name": ")" + name +
                             R"(", "annotations": {"apf.kubernetes.io/autoupdate-spec": ")" + said +
                             R"("}}, "spec": {"matchingPrecedence": 9,
                                 "priorityLevelConfiguration": {"name": "global-default"}}})");
  };
  ASSERT_EQ(schema("of-another-version", "true").code, 201);
  ASSERT_EQ(schema("an-operators", "false").code, 201);
  ASSERT_EQ(Post(levels, R"({"metadata": {"name": "of-another-version",
                                "annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}},
                             "spec": {"type": "Limited", "limited":
                                {"limitResponse": {"type": "Reject"}}}})")
                .code,
            201);
  const size_t before = Get(levels).body["items"].size();
  Settle();
  EXPECT_EQ(Get(schemas + "/of-another-version").code, 404);
  EXPECT_EQ(Get(schemas + "/an-operators").code, 200);
  EXPECT_EQ(Get(levels + "/of-another-version").code, 404);
  EXPECT_EQ(Get(levels).body["items"].size(), before - 1) << "its own stay";
  ASSERT_EQ(schema("late", "true").code, 201);
  Settle();
  EXPECT_EQ(Get(schemas + "/late").code, 200) << "once a minute is enough";
  clock_.Advance(1min);
  Settle();
  EXPECT_EQ(Get(schemas + "/late").code, 404);
}

// Does not let go of one key.
class HoldingStore final : public ForwardingStore {
 public:
  HoldingStore(Store& inner, std::string held) : ForwardingStore(inner), held_(std::move(held)) {}
  Result<Written> Apply(Write write) override {
    if (write.key != held_ || write.value || !holds) {
      return ForwardingStore::Apply(std::move(write));
    }
    ++refused;
    return Fail(Reason::kInternalError, "it is held");
  }

  bool holds = true;
  int refused = 0;

 private:
  const std::string held_;
};

TEST_F(UpkeepTest, FlowControlThatCannotBeRemovedIsAskedToGoOnceAMinute) {
  const KindInfo& kind = flowcontrol_v1::FlowSchema::Info();
  HoldingStore store(*store_, KeyOf(kind, "", "held"));
  const auto other =
      *ApiServer::Create({.authorization_modes = {"RBAC"}}, {store, clock_, random_});
  ControlLoop& upkeep = *other->loops().front();
  EXPECT_EQ(upkeep.Step(), kNever);
  const std::string schemas = kFlow + std::string("flowschemas");
  for (const std::string name : {"held", "unheld"}) {
    ASSERT_EQ(Post(schemas, R"({"metadata": {"name": ")" + name +
                                R"(", "annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}},
                                "spec": {"matchingPrecedence": 9,
                                "priorityLevelConfiguration": {"name": "global-default"}}})")
                  .code,
              201);
  }
  EXPECT_LT(upkeep.Step(), 1min) << "what else failed is tried again before";
  EXPECT_EQ(store.refused, 1);
  EXPECT_EQ(Get(schemas + "/unheld").code, 404) << "it keeps no other";
  for (int i = 0; i < 5; ++i) {
    clock_.Advance(10s);
    upkeep.Step();
  }
  EXPECT_EQ(store.refused, 1);
  clock_.Advance(10s);
  upkeep.Step();
  EXPECT_EQ(store.refused, 2);
  store.holds = false;
  clock_.Advance(1min);
  upkeep.Step();
  EXPECT_EQ(Get(schemas + "/held").code, 404);
}

// Of one key it cannot tell what is there.
class BlindStore final : public ForwardingStore {
 public:
  BlindStore(Store& inner, std::string hidden)
      : ForwardingStore(inner), hidden_(std::move(hidden)) {}
  Result<RecordPtr> Get(const std::string& key, Revision at) override {
    if (blind && key == hidden_) return Fail(Reason::kInternalError, "away");
    return ForwardingStore::Get(key, at);
  }

  bool blind = false;

 private:
  const std::string hidden_;
};

TEST_F(UpkeepTest, APriorityLevelThatCannotBeReadIsNotTakenForNone) {
  BlindStore store(*store_, KeyOf(flowcontrol_v1::PriorityLevelConfiguration::Info(), "", "later"));
  const auto other =
      *ApiServer::Create({.authorization_modes = {"RBAC"}}, {store, clock_, random_});
  ControlLoop& upkeep = *other->loops().front();
  EXPECT_EQ(upkeep.Step(), kNever);
  Post(kFlow + std::string("prioritylevelconfigurations"),
       R"({"metadata": {"name": "later"}, "spec": {"type": "Limited", "limited":
           {"limitResponse": {"type": "Reject"}}}})");
  Post(kFlow + std::string("flowschemas"),
       R"({"metadata": {"name": "s"}, "spec": {"matchingPrecedence": 9,
           "priorityLevelConfiguration": {"name": "later"}}})");
  store.blind = true;
  EXPECT_LT(upkeep.Step(), 1min);
  EXPECT_EQ(Get(kFlow + std::string("flowschemas/s")).response.body.find("Dangling"),
            std::string::npos);
  store.blind = false;
  upkeep.Step();
  EXPECT_EQ(Dangling("s")["status"], "False");
}

TEST_F(UpkeepTest, AFlowSchemaThatCannotBeReadKeepsNoOtherFromItsStatus) {
  const std::string prefix = StorePrefix(flowcontrol_v1::FlowSchema::Info().storage_key);
  ASSERT_TRUE(store_->Apply({.key = prefix + "a", .value = "unreadable"}));
  Post(kFlow + std::string("flowschemas"),
       R"({"metadata": {"name": "s"}, "spec": {"matchingPrecedence": 9,
           "priorityLevelConfiguration": {"name": "later"}}})");
  Settle();
  EXPECT_EQ(Dangling("s")["status"], "True");
}

// Servers behind this one read there whose word on users counts.
TEST_F(UpkeepTest, TheMapOnAuthenticationHasWhatEachServerOfTheStoreNeeds) {
  const std::string path =
      "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
  ASSERT_EQ(Post("/api/v1/namespaces/kube-system/configmaps",
                 R"({"metadata": {"name": "extension-apiserver-authentication"},
                     "data": {"client-ca-file": "no certificate", "other": "stays"}})")
                .code,
            201);
  http::testing::TestAuthority clients("clients"), one("one"), two("two");
  for (const auto* proxies : {&one, &two}) {
    FrontProxyOptions front{.client_ca_pem = proxies->certificate_pem(),
                            .allowed_names = {"front-proxy-client"},
                            .username_headers = {"X-Remote-User"}};
    const auto other = *ApiServer::Create({.authorization_modes = {"RBAC"},
                                           .client_ca_pem = clients.certificate_pem(),
                                           .front_proxy = front},
                                          {*store_, clock_, random_});
    for (ControlLoop* loop : other->loops()) executor_.Add(*loop);
    Settle();
    for (ControlLoop* loop : other->loops()) executor_.Remove(*loop);
  }
  const Json data = Get(path).body["data"];
  EXPECT_EQ(data["client-ca-file"], clients.certificate_pem());
  EXPECT_EQ(data["requestheader-client-ca-file"], one.certificate_pem() + two.certificate_pem());
  EXPECT_EQ(data["requestheader-allowed-names"], R"(["front-proxy-client"])");
  EXPECT_EQ(data["requestheader-username-headers"], R"(["X-Remote-User"])");
  EXPECT_EQ(data["other"], "stays");
}

TEST_F(UpkeepTest, AMapThatCannotBeWrittenIsNotTakenForDone) {
  const std::string maps = "/api/v1/namespaces/kube-system/configmaps";
  const std::string path = maps + "/extension-apiserver-authentication";
  ASSERT_EQ(Post(maps, R"({"metadata": {"name": "extension-apiserver-authentication"},
                           "immutable": true})")
                .code,
            201);
  http::testing::TestAuthority clients("clients");
  const auto other = *ApiServer::Create(
      {.authorization_modes = {"RBAC"}, .client_ca_pem = clients.certificate_pem()},
      {*store_, clock_, random_});
  ControlLoop& upkeep = *other->loops().front();
  EXPECT_LE(upkeep.Step(), 1min) << "it is tried again";
  EXPECT_FALSE(Get(path).body.contains("data"));
  ASSERT_EQ(Ask("DELETE", path).code, 200);
  EXPECT_EQ(upkeep.Step(), kNever);
  EXPECT_EQ(Get(path).body["data"]["client-ca-file"], clients.certificate_pem());
}

TEST_F(UpkeepTest, ItRestsWhenAllIsAsItShouldBe) {
  const Revision before = store_->Current();
  Post("/api/v1/namespaces", R"({"metadata": {"name": "other"}})");
  Settle();
  EXPECT_EQ(store_->Current().value, before.value + 1);
}

}  // namespace
}  // namespace skiff
