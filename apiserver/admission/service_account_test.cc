// The account that a pod runs as, and which secrets that lets it take.
#include <gmock/gmock.h>

#include <chrono>
#include <ctime>
#include <future>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

using testing::HasSubstr;

class ServiceAccountTest : public ServerFixture {
 protected:
  // An account whose pods may take the secrets that it names alone.
  void MakeStrict(const Json& secrets) {
    const Json account = {
        {"metadata",
         {{"name", "strict"},
          {"annotations", {{"kubernetes.io/enforce-mountable-secrets", "true"}}}}},
        {"secrets", secrets},
        {"imagePullSecrets", {{{"name", "pull"}}}}};
    const auto made = Post("/api/v1/namespaces/default/serviceaccounts", account.dump());
    ASSERT_EQ(made.code, 201) << made.message();
  }
  static Json Variable(const std::string& name, const std::string& secret) {
    return {{"name", name},
            {"valueFrom", {{"secretKeyRef", {{"name", secret}, {"key", "k"}}}}}};
  }
  Answer MakePod(const Json& env, const std::string& pull_secret = "pull") {
    const Json container = {{"name", "c"}, {"image", "i"}, {"env", env}};
    const Json pod = {{"metadata", {{"name", "p"}}},
                      {"spec",
                       {{"serviceAccountName", "strict"},
                        {"imagePullSecrets", {{{"name", pull_secret}}}},
                        {"containers", Json::array({container})}}}};
    return Post("/api/v1/namespaces/default/pods?dryRun=All", pod.dump());
  }
};

TEST_F(ServiceAccountTest, AStrictOneLetsPodsTakeItsOwnSecretsAlone) {
  MakeStrict(Json::array({{{"name", "own"}}}));
  EXPECT_EQ(MakePod(Json::array({Variable("a", "own")})).code, 201);
  const auto refused = MakePod(Json::array({Variable("a", "own"), Variable("b", "other")}));
  EXPECT_EQ(refused.code, 403);
  EXPECT_THAT(refused.message(), HasSubstr("container c with envVar b referencing "
                                           "secret.secretName=\"other\" is not allowed because "
                                           "service account strict does not reference"));
  EXPECT_THAT(MakePod(Json::array(), "own").message(),
              HasSubstr("imagePullSecrets[0].name=\"own\" is not allowed"));
}

TEST_F(ServiceAccountTest, ManySecretsOfBothAreBoundedInTime) {
  // About as many as etcd has room for.
  constexpr int kSecrets = 65'000;
  constexpr int kVariables = 36'000;
  Json secrets = Json::array(), env = Json::array();
  for (int i = 0; i < kSecrets; ++i) secrets.push_back({{"name", "s" + std::to_string(i)}});
  for (int i = 0; i < kVariables; ++i) {
    env.push_back(Variable("e" + std::to_string(i), "s" + std::to_string(kSecrets - 1)));
  }
  MakeStrict(secrets);
  const std::clock_t begin = std::clock();
  EXPECT_EQ(MakePod(env).code, 201);
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 6) << "seconds of processor time";
}

TEST_F(ServiceAccountTest, NothingIsMountedByANameThatNoVolumeCanHave) {
  MakeStrict(Json::array());
  const std::string name = "kube-api-access-" + std::string(64, 'x');
  const Json container = {{"name", "c"}, {"image", "i"}};
  const Json volume = {{"name", name}, {"emptyDir", Json::object()}};
  const Json pod = {{"metadata", {{"name", "p"}}},
                    {"spec",
                     {{"serviceAccountName", "strict"},
                      {"volumes", Json::array({volume})},
                      {"containers", Json::array({container})}}}};
  const auto refused = Post("/api/v1/namespaces/default/pods", pod.dump());
  EXPECT_EQ(refused.code, 422);
  EXPECT_THAT(refused.message(), HasSubstr("spec.volumes[0].name"));
  EXPECT_THAT(refused.message(), testing::Not(HasSubstr("volumeMounts")));
}

// As kube-apiserver: who makes a namespace and pods in it in one breath is not to lose a race with
// the controller that makes their account.
class NewNamespaceTest : public ServerFixture {
 protected:
  static constexpr const char* kSpec = R"({"metadata": {"name": "p"},
      "spec": {"containers": [{"name": "c", "image": "i"}]}})";
  void SetUp() override {
    ServerFixture::SetUp();
    ASSERT_EQ(Post("/api/v1/namespaces", R"({"metadata": {"name": "new"}})").code, 201);
  }
};

TEST_F(NewNamespaceTest, ANewPodWaitsForTheAccountThatItRunsAs) {
  auto made = std::async(std::launch::async,
                         [&] { return Post("/api/v1/namespaces/new/pods", kSpec); });
  EXPECT_EQ(made.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  const std::string accounts = "/api/v1/namespaces/new/serviceaccounts";
  ASSERT_EQ(Post(accounts, R"({"metadata": {"name": "default"}})").code, 201);
  const auto answer = made.get();
  EXPECT_EQ(answer.code, 201) << answer.message();
  EXPECT_EQ(answer.body["spec"]["serviceAccountName"], "default");
}

TEST_F(NewNamespaceTest, OneThatNamesTheDefaultAccountWaitsAsWell) {
  auto made = std::async(std::launch::async, [&] {
    return Post("/api/v1/namespaces/new/pods", R"({"metadata": {"name": "p"}, "spec":
        {"serviceAccountName": "default", "containers": [{"name": "c", "image": "i"}]}})");
  });
  EXPECT_EQ(made.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  const std::string accounts = "/api/v1/namespaces/new/serviceaccounts";
  ASSERT_EQ(Post(accounts, R"({"metadata": {"name": "default"}})").code, 201);
  EXPECT_EQ(made.get().code, 201);
}

TEST_F(NewNamespaceTest, ItIsRefusedWhereNobodyMakesTheAccount) {
  const auto answer = Post("/api/v1/namespaces/new/pods", kSpec);
  EXPECT_EQ(answer.code, 403);
  EXPECT_THAT(answer.message(), HasSubstr("serviceaccount \"default\" not found"));
}

TEST_F(NewNamespaceTest, APodThatNamesItsAccountIsRefusedAtOnce) {
  const auto begin = std::chrono::steady_clock::now();
  const auto answer = Post("/api/v1/namespaces/new/pods", R"({"metadata": {"name": "p"},
      "spec": {"serviceAccountName": "other", "containers": [{"name": "c", "image": "i"}]}})");
  EXPECT_EQ(answer.code, 403);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

}  // namespace
}  // namespace skiff
