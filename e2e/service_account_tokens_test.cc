// Secrets that ask for a token of a service account: filled, good at the server, and gone with what
// they speak of.
#include <gtest/gtest.h>

#include "e2e/controllers_harness.h"

namespace skiff {
namespace {

using core_v1::Secret;
using core_v1::ServiceAccount;

class ServiceAccountTokensTest : public ControllersTest {
 protected:
  void MakeAccount(const std::string& name) {
    ServiceAccount account;
    account.metadata.namespace_ = "default";
    account.metadata.name = name;
    cluster_.Apply(account).RunFor(1s);
  }
  void MakeSecret(const std::string& name, const std::string& account) {
    Secret secret;
    secret.metadata.namespace_ = "default";
    secret.metadata.name = name;
    secret.metadata.annotations["kubernetes.io/service-account.name"] = account;
    secret.type = "kubernetes.io/service-account-token";
    cluster_.Apply(secret).RunFor(1s);
  }
  Ptr<Secret> Find(const std::string& name) { return cluster_.Get<Secret>({"default", name}); }
  // Who the server takes the holder of the token for; "" for nobody.
  std::string WhoIs(const std::string& token) {
    http::Request request;
    request.method = "POST";
    request.path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    request.headers.emplace("Authorization", "Bearer " + token);
    request.body = "{}";
    const http::Response answer = cluster_.AnswerToStranger(request);
    if (answer.status != 201) return "";
    return Json::parse(answer.body)["status"]["userInfo"]["username"];
  }
};

INSTANTIATE_TEST_SUITE_P(Seeds, ServiceAccountTokensTest, kOrders);

TEST_P(ServiceAccountTokensTest, ASecretGetsATokenThatIsGoodAsLongAsTheSecretHoldsIt) {
  MakeAccount("robot");
  MakeSecret("key", "robot");
  const auto secret = Find("key");
  ASSERT_NE(secret, nullptr);
  EXPECT_EQ(secret->data.at("namespace"), "default");
  EXPECT_EQ(secret->data.at("ca.crt"), "CA");
  EXPECT_EQ(secret->metadata.annotations.at("kubernetes.io/service-account.uid"),
            cluster_.Get<ServiceAccount>({"default", "robot"})->metadata.uid);
  const std::string token = secret->data.at("token");
  EXPECT_EQ(WhoIs(token), "system:serviceaccount:default:robot");
  // The day of its use is put down, once.
  const auto used = Find("key");
  EXPECT_EQ(used->metadata.labels.at("kubernetes.io/legacy-token-last-used"),
            Time(cluster_.clock().Now()).Rfc3339().substr(0, 10));
  EXPECT_EQ(WhoIs(token), "system:serviceaccount:default:robot");
  EXPECT_EQ(Find("key")->metadata.resource_version, used->metadata.resource_version);
  cluster_.clock().Advance(24h * 400);
  EXPECT_EQ(WhoIs(token), "system:serviceaccount:default:robot") << "it names no end";

  cluster_.Edit<Secret>({"default", "key"}, [](Secret& it) {
    it.metadata.labels["kubernetes.io/legacy-token-invalid-since"] = "2026-01-02";
  });
  EXPECT_EQ(WhoIs(token), "");
  cluster_.Edit<Secret>({"default", "key"}, [](Secret& it) {
    it.metadata.labels.erase("kubernetes.io/legacy-token-invalid-since");
  });
  EXPECT_NE(WhoIs(token), "");
  // Whoever takes the token out gets another one, and the old one is good no more.
  cluster_.Edit<Secret>({"default", "key"}, [](Secret& it) { it.data.erase("token"); });
  EXPECT_EQ(WhoIs(token), "");
  cluster_.Edit<Secret>({"default", "key"}, [](Secret& it) { it.data["ca.crt"] = "other"; });
  cluster_.RunFor(1s);
  EXPECT_EQ(WhoIs(Find("key")->data.at("token")), "system:serviceaccount:default:robot");
  EXPECT_EQ(Find("key")->data.at("ca.crt"), "CA");

  const std::string last = Find("key")->data.at("token");
  cluster_.Delete<Secret>({"default", "key"});
  EXPECT_EQ(WhoIs(last), "");
}

TEST_P(ServiceAccountTokensTest, ASecretGoesWithItsAccountAndDoesNotComeBackWithAnother) {
  MakeAccount("robot");
  MakeSecret("key", "robot");
  ASSERT_NE(Find("key"), nullptr);
  const std::string token = Find("key")->data.at("token");
  cluster_.Delete<ServiceAccount>({"default", "robot"});
  EXPECT_EQ(WhoIs(token), "") << "at once";
  cluster_.RunFor(1s);
  EXPECT_EQ(Find("key"), nullptr);
  MakeSecret("stray", "nobody");
  EXPECT_EQ(Find("stray"), nullptr) << "of an account that is not there";
  MakeSecret("odd", "a/b");
  EXPECT_NE(Find("odd"), nullptr) << "of none that can ever be there";
  MakeAccount("robot");
  EXPECT_EQ(Find("key"), nullptr);
  EXPECT_EQ(WhoIs(token), "");
}

TEST_P(ServiceAccountTokensTest, ASecretThatIsGoneLeavesItsAccountsList) {
  MakeAccount("robot");
  MakeSecret("key", "robot");
  cluster_.Edit<ServiceAccount>({"default", "robot"}, [](ServiceAccount& it) {
    for (const char* name : {"key", "other"}) {
      it.secrets.emplace_back();
      it.secrets.back().name = name;
    }
  });
  cluster_.RunFor(1s).Delete<Secret>({"default", "key"}).RunFor(1s);
  const auto account = cluster_.Get<ServiceAccount>({"default", "robot"});
  ASSERT_EQ(account->secrets.size(), 1u);
  EXPECT_EQ(account->secrets[0].name, "other");
}

}  // namespace
}  // namespace skiff
