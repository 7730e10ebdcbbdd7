#include "kubelet/credentials/credential_providers.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <latch>
#include <thread>

namespace skiff::kubelet {
namespace {

constexpr char kConfig[] = R"(
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
- name: giver
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  matchImages: ["*.example.com:5000/team"]
  defaultCacheDuration: 10m
  args: [get]
  env: [{name: REGION, value: here}]
)";

std::string AnswerOf(const std::string& scope, const std::string& rest = "") {
  return R"({"kind":"CredentialProviderResponse",)"
         R"("apiVersion":"credentialprovider.kubelet.k8s.io/v1","cacheKeyType":")" +
         scope + R"(","auth":{"*.example.com:5000":{"username":"u","password":"p"}})" + rest + "}";
}

TEST(CredentialProviderConfigTest, SaysWhoIsAskedForWhat) {
  const auto specs = ParseCredentialProviders(kConfig);
  ASSERT_TRUE(specs) << specs.error().message;
  ASSERT_EQ(specs->size(), 1u);
  EXPECT_EQ(specs->front().name, "giver");
  EXPECT_EQ(specs->front().cache_duration, 10min);
  EXPECT_EQ(specs->front().environment.at(0).second, "here");
  EXPECT_FALSE(specs->front().account);
}

std::string ConfigProblem(const std::string& providers) {
  const auto specs = ParseCredentialProviders(
      "{apiVersion: kubelet.config.k8s.io/v1, kind: CredentialProviderConfig, providers: " +
      providers + "}");
  return specs ? "" : specs.error().message;
}

TEST(CredentialProviderConfigTest, IsRefusedInTheKubeletsWords) {
  const std::string prefix = "failed to validate credential provider config: ";
  EXPECT_EQ(ConfigProblem("[]"), prefix +
                                     "providers: Required value: at least 1 item in plugins is "
                                     "required");
  EXPECT_EQ(ConfigProblem("[{name: a/b, apiVersion: v9, matchImages: ['x:y'], "
                          "defaultCacheDuration: 1s}]"),
            prefix +
                "[providers.name: Invalid value: \"a/b\": provider name cannot contain '/', "
                "providers.apiVersion: Unsupported value: \"v9\": supported values: "
                "\"credentialprovider.kubelet.k8s.io/v1\", "
                "\"credentialprovider.kubelet.k8s.io/v1alpha1\", "
                "\"credentialprovider.kubelet.k8s.io/v1beta1\", "
                "providers.matchImages: Invalid value: \"x:y\": match image is invalid: "
                "parse \"https://x:y\": invalid port \":y\" after host]");
  EXPECT_EQ(ConfigProblem("[{name: a, apiVersion: credentialprovider.kubelet.k8s.io/v1}]"),
            prefix +
                "[providers.matchImages: Required value: at least 1 item in matchImages is "
                "required, providers.defaultCacheDuration: Required value]");
  EXPECT_EQ(ConfigProblem("[{nome: a}]"),
            "strict decoding error: unknown field \"providers[0].nome\"");
}

TEST(CredentialProviderConfigTest, OfADirectoryIsThatOfItsFiles) {
  char name[] = "/tmp/skiff-providers-XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  const std::string directory = name;
  std::filesystem::create_directories(directory + "/bin");
  EXPECT_EQ(ReadCredentialProviders(directory + "/none", directory + "/bin").error().message,
            "unable to access path \"" + directory + "/none\": stat " + directory +
                "/none: no such file or directory");
  EXPECT_EQ(ReadCredentialProviders(directory, directory + "/bin").error().message,
            "no configuration files found in directory \"" + directory + "\"");
  std::ofstream(directory + "/a.yaml") << kConfig;
  EXPECT_EQ(ReadCredentialProviders(directory, directory + "/bin").error().message,
            "plugin binary executable " + directory + "/bin/giver did not exist");
  std::ofstream(directory + "/bin/giver") << "";
  std::filesystem::permissions(directory + "/bin/giver", std::filesystem::perms(0755));
  const auto one = ReadCredentialProviders(directory, directory + "/bin");
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_THAT(one->digest, testing::StartsWith("sha256:"));
  std::ofstream(directory + "/b.yml") << kConfig;
  EXPECT_EQ(ReadCredentialProviders(directory, directory + "/bin").error().message,
            "duplicate provider name \"giver\" found in configuration file(s)");
  std::filesystem::remove_all(directory);
}

class CredentialProvidersTest : public testing::Test {
 protected:
  CredentialProvidersTest() {
    pod_.metadata.namespace_ = "default";
    pod_.metadata.name = "web";
    pod_.spec.service_account_name = "builder";
    account_->metadata.uid = "sa-1";
  }
  CredentialProviders Make(const std::string& more = "") {
    auto specs = ParseCredentialProviders(kConfig + more);
    EXPECT_TRUE(specs) << specs.error().message;
    return CredentialProviders(
        std::move(*specs), "/bin",
        {.clock = clock_,
         .account = [this](const std::string&,
                           const std::string&) -> Result<Ptr<core_v1::ServiceAccount>> {
           return std::make_shared<const core_v1::ServiceAccount>(*account_);
         },
         .token = [this](const core_v1::Pod&, const std::string& audience) -> Result<std::string> {
           audiences_.push_back(audience);
           return token_;
         },
         .run = [this](const ProcessSpec& spec) -> Result<ProcessOutput> {
           runs_.push_back(spec);
           return ProcessOutput{exit_code_, answer_, "broken"};
         }});
  }
  static constexpr char kOfAccounts[] = R"(
  tokenAttributes:
    serviceAccountTokenAudience: registry
    cacheType: ServiceAccount
    requireServiceAccount: true
    requiredServiceAccountAnnotationKeys: [role]
)";

  FakeClock clock_;
  core_v1::Pod pod_;
  const std::shared_ptr<core_v1::ServiceAccount> account_ =
      std::make_shared<core_v1::ServiceAccount>();
  std::string token_ = "token-1";
  std::string answer_ = AnswerOf("Registry");
  int exit_code_ = 0;
  std::vector<ProcessSpec> runs_;
  std::vector<std::string> audiences_;
};

TEST_F(CredentialProvidersTest, AProgramIsAskedForImagesThatMatch) {
  auto providers = Make();
  EXPECT_TRUE(providers.For(pod_, "a.example.com:5000/other/app:1").empty());
  EXPECT_TRUE(providers.For(pod_, "a.b.example.com:5000/team/app").empty());
  EXPECT_TRUE(providers.For(pod_, "busybox").empty());
  EXPECT_TRUE(runs_.empty());
  const auto auths = providers.For(pod_, "a.example.com:5000/team/app:1");
  ASSERT_EQ(auths.size(), 1u);
  EXPECT_EQ(auths[0].username, "u");
  EXPECT_TRUE(auths[0].is_for_all);
  ASSERT_EQ(runs_.size(), 1u);
  EXPECT_EQ(runs_[0].argv, (std::vector<std::string>{"/bin/giver", "get"}));
  EXPECT_EQ(runs_[0].environment.at(0).first, "REGION");
  EXPECT_EQ(Json::parse(runs_[0].stdin_text),
            (Json{{"kind", "CredentialProviderRequest"},
                  {"apiVersion", "credentialprovider.kubelet.k8s.io/v1"},
                  {"image", "a.example.com:5000/team/app"}}));
}

TEST_F(CredentialProvidersTest, WhatItGaveIsKeptForWhatItSays) {
  auto providers = Make();
  const auto runs_after = [&](const char* image) {
    providers.For(pod_, image);
    return runs_.size();
  };
  EXPECT_EQ(runs_after("a.example.com:5000/team/app:1"), 1u);
  EXPECT_EQ(runs_after("a.example.com:5000/team/other"), 1u) << "the same registry";
  EXPECT_EQ(runs_after("b.example.com:5000/team/app"), 2u);
  clock_.Advance(11min);
  answer_ = AnswerOf("Image", R"(,"cacheDuration":"1h")");
  EXPECT_EQ(runs_after("a.example.com:5000/team/app:1"), 3u);
  EXPECT_EQ(runs_after("a.example.com:5000/team/other"), 4u);
  clock_.Advance(59min);
  EXPECT_EQ(runs_after("a.example.com:5000/team/app:2"), 4u);
  clock_.Advance(2min);
  answer_ = AnswerOf("Global", R"(,"cacheDuration":"0s")");
  EXPECT_EQ(runs_after("a.example.com:5000/team/app:2"), 5u);
  answer_ = AnswerOf("Global");
  EXPECT_EQ(runs_after("a.example.com:5000/team/app:2"), 6u);
  EXPECT_EQ(runs_after("c.example.com:5000/team/app"), 6u);
}

TEST_F(CredentialProvidersTest, WhoFailsOrSaysNonsenseGivesNothing) {
  auto providers = Make();
  const std::string image = "a.example.com:5000/team/app";
  for (const char* answer : {"", "[]", R"({"apiVersion":"v1"})"}) {
    answer_ = answer;
    EXPECT_TRUE(providers.For(pod_, image).empty()) << answer;
  }
  answer_ = AnswerOf("Sometimes");
  EXPECT_TRUE(providers.For(pod_, image).empty());
  answer_ = AnswerOf("Image");
  exit_code_ = 1;
  EXPECT_TRUE(providers.For(pod_, image).empty());
  exit_code_ = 0;
  EXPECT_EQ(providers.For(pod_, image).size(), 1u);
}

TEST_F(CredentialProvidersTest, NoProgramIsAskedForNobody) {
  auto providers = Make();
  const std::string image = "a.example.com:5000/team/app";
  std::stop_source stop;
  ASSERT_EQ(providers.For(pod_, image, stop.get_token()).size(), 1u);
  EXPECT_TRUE(runs_.at(0).stop == stop.get_token()) << "one that hangs ends with the pod";
  stop.request_stop();
  EXPECT_TRUE(providers.For(pod_, image, stop.get_token()).empty());
  EXPECT_EQ(runs_.size(), 1u);
}

// Pods that ask for credentials at once, while the program takes its time.
class SharedRunTest : public CredentialProvidersTest {
 protected:
  static constexpr int kOthers = 3;
  SharedRunTest() { answer_ = AnswerOf("Image"); }
  // The first of which is asked until `others` have all begun, and then ends.
  CredentialProviders MakeSlow(std::function<void()> first) {
    auto specs = ParseCredentialProviders(std::string(kConfig) + kOfAccounts);
    EXPECT_TRUE(specs) << specs.error().message;
    account_->metadata.annotations["role"] = "puller";
    return CredentialProviders(
        std::move(*specs), "/bin",
        {.clock = clock_,
         .account = [this](const std::string&,
                           const std::string&) -> Result<Ptr<core_v1::ServiceAccount>> {
           return std::make_shared<const core_v1::ServiceAccount>(*account_);
         },
         .token = [this](const core_v1::Pod&, const std::string&) -> Result<std::string> {
           if (has_begun_) others_.count_down();
           return token_;
         },
         .run = [this, first = std::move(first)](const ProcessSpec& spec) -> Result<ProcessOutput> {
           if (++runs_begun_ > 1) return ProcessOutput{0, answer_, ""};
           has_begun_ = true;
           begun_.count_down();
           first();
           if (spec.stop.stop_requested()) return Fail(Reason::kTimeout, "it was ended");
           return ProcessOutput{0, answer_, ""};
         }});
  }
  // What each of the others has.
  std::vector<size_t> AskByOthers(CredentialProviders& providers) {
    std::vector<size_t> found(kOthers);
    std::vector<std::jthread> threads;
    for (size_t& each : found) {
      threads.emplace_back([&] { each = providers.For(pod_, kImage).size(); });
    }
    threads.clear();
    return found;
  }

  static constexpr char kImage[] = "a.example.com:5000/team/app";
  std::atomic<int> runs_begun_ = 0;
  std::atomic<bool> has_begun_ = false;
  std::latch begun_{1}, others_{kOthers};
};

TEST_F(SharedRunTest, PodsThatWantTheSameAtOnceHaveItRunOnce) {
  auto providers = MakeSlow([this] { others_.wait(); });
  std::jthread first([&] { EXPECT_EQ(providers.For(pod_, kImage).size(), 1u); });
  begun_.wait();
  EXPECT_EQ(AskByOthers(providers), std::vector<size_t>(kOthers, 1u));
  EXPECT_EQ(runs_begun_.load(), 1);
}

TEST_F(SharedRunTest, OneThatEndsWithItsPodIsRunForTheOthers) {
  std::stop_source stop;
  auto providers = MakeSlow([&] {
    others_.wait();
    stop.request_stop();
  });
  std::jthread first([&] { EXPECT_TRUE(providers.For(pod_, kImage, stop.get_token()).empty()); });
  begun_.wait();
  EXPECT_EQ(AskByOthers(providers), std::vector<size_t>(kOthers, 1u));
  EXPECT_EQ(runs_begun_.load(), 2);
}

TEST_F(CredentialProvidersTest, AProgramForAccountsHasTheirTokenAndIsForThemAlone) {
  auto providers = Make(kOfAccounts);
  const std::string image = "a.example.com:5000/team/app";
  EXPECT_TRUE(providers.For(pod_, image).empty()) << "the account has not opted in";
  EXPECT_TRUE(runs_.empty());
  account_->metadata.annotations["role"] = "puller";
  const auto auths = providers.For(pod_, image);
  ASSERT_EQ(auths.size(), 1u);
  EXPECT_FALSE(auths[0].is_for_all);
  EXPECT_TRUE(auths[0].secret.is_account);
  EXPECT_EQ(auths[0].secret.uid, "sa-1");
  EXPECT_EQ(audiences_, std::vector<std::string>{"registry"});
  const Json asked = Json::parse(runs_.at(0).stdin_text);
  EXPECT_EQ(asked.at("serviceAccountToken"), "token-1");
  EXPECT_EQ(asked.at("serviceAccountAnnotations"), Json({{"role", "puller"}}));
  token_ = "token-2";
  EXPECT_EQ(providers.For(pod_, image).size(), 1u);
  EXPECT_EQ(runs_.size(), 1u) << "it is kept for the account";
  account_->metadata.annotations["role"] = "other";
  EXPECT_EQ(providers.For(pod_, image).size(), 1u);
  EXPECT_EQ(runs_.size(), 2u);
  pod_.spec.service_account_name.clear();
  EXPECT_TRUE(providers.For(pod_, image).empty());
}

TEST_F(CredentialProvidersTest, ATokenThatComesBackIsNotKeptForItsAccount) {
  auto providers = Make(kOfAccounts);
  account_->metadata.annotations["role"] = "puller";
  token_ = "p";
  EXPECT_TRUE(providers.For(pod_, "a.example.com:5000/team/app").empty());
}

TEST(NodeCredentialsTest, AreThoseOfTheKubeletsDirectoryFirst) {
  char name[] = "/tmp/skiff-docker-XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  const std::string directory = name;
  std::ofstream(directory + "/config.json")
      << R"({"auths":{"quay.io":{"username":"u","password":"p"}},"credsStore":"x"})";
  const auto auths = NodeCredentials(directory).For("quay.io/app:1");
  ASSERT_EQ(auths.size(), 1u);
  EXPECT_EQ(auths[0].username, "u");
  EXPECT_TRUE(auths[0].is_for_all);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace skiff::kubelet
