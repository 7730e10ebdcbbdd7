#include "apiserver/encryption/encryption.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>

#include "apiserver/auth/pki.h"
#include "apiserver/encryption/fake_kms.h"
#include "apiserver/encryption/kube_values.h"
#include "base/hash.h"

namespace skiff {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Keys(std::initializer_list<const char*> names) {
  std::string text = "{keys: [";
  for (const std::string name : names) {
    const std::string key = name + std::string(32 - name.size(), 'x');
    text += "{name: " + name + ", secret: '" + Base64(key) + "'},";
  }
  return text + "]}";
}

class EncryptionTest : public testing::Test {
 protected:
  EncryptionTest() {
    CHECK(mkdtemp(folder_.data()) != nullptr);
  }
  ~EncryptionTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& rules) {
    CHECK(WriteWholeFile(File(), "apiVersion: apiserver.config.k8s.io/v1\n"
                                 "kind: EncryptionConfiguration\nresources:\n" + rules, 0600));
  }
  std::string File() const { return folder_ + "/encryption.yaml"; }
  void Open(bool reload = false) {
    auto opened = Encryption::Open(
        {.file = File(),
         .reload = reload,
         .connect = [this](const EncryptionProvider&,
                           KmsCallNote) { return std::make_unique<FakeKms>(kms_); }},
        clock_, random_);
    ASSERT_TRUE(opened) << opened.error().message;
    encryption_ = *std::move(opened);
  }
  Result<Sealing::Value> Seal(const std::string& key, std::string_view plain = "plain") {
    return encryption_->Seal({key, key}, plain);
  }
  std::string Opened(const std::string& key, std::string_view bytes) {
    const auto opened = encryption_->Open({key, key}, bytes);
    return opened ? opened->bytes : "error: " + opened.error().message;
  }
  std::string Metrics() {
    MetricRegistry registry;
    encryption_->AddMetrics(registry);
    return registry.Text();
  }

  FakeClock clock_;
  SeededRandom random_{1};
  const std::shared_ptr<FakeKmsState> kms_ = std::make_shared<FakeKmsState>();
  std::string folder_ = "/tmp/skiff-encryption-XXXXXX";
  std::unique_ptr<Encryption> encryption_;
};

constexpr char kSecretKey[] = "/registry/secrets/default/s1";

TEST_F(EncryptionTest, ReadsWhatKubeApiserverSealed) {
  const std::string key = "{keys: [{name: key1, secret: '" + Base64(kKubeKey) + "'}]}";
  Write("- {resources: [secrets], providers: [{aescbc: " + key + "}]}\n" +
        "- {resources: [configmaps], providers: [{aesgcm: " + key + "}]}\n" +
        "- {resources: [serviceaccounts], providers: [{secretbox: " + key + "}]}\n");
  Open();
  EXPECT_THAT(Opened(kSecretKey, *FromBase64(kKubeSecret)), HasSubstr("MARKER-one"));
  const std::string map = "/registry/configmaps/default/c1";
  EXPECT_THAT(Opened(map, *FromBase64(kKubeConfigMap)), HasSubstr("MARKER-two"));
  EXPECT_THAT(Opened("/registry/configmaps/default/c2", *FromBase64(kKubeConfigMap)),
              HasSubstr("message authentication failed"))
      << "its key in etcd is bound";
  EXPECT_THAT(Opened("/registry/serviceaccounts/default/sa1", *FromBase64(kKubeServiceAccount)),
              HasSubstr("MARKER-three"));
}

TEST_F(EncryptionTest, TheNarrowestRuleTakesAResource) {
  Write("- {resources: [events], providers: [{identity: {}}]}\n"
        "- {resources: [secrets, pandas.bears.example], providers: [{aescbc: " + Keys({"a"}) +
        "}]}\n- {resources: ['*.apps'], providers: [{aescbc: " + Keys({"b"}) +
        "}]}\n- {resources: ['*.*'], providers: [{aescbc: " + Keys({"c"}) + "}]}\n");
  Open();
  const auto by = [&](const std::string& key) {
    const std::string bytes = Seal(key)->bytes;
    return bytes.empty() ? "" : bytes.substr(0, std::string("k8s:enc:aescbc:v1:a:").size());
  };
  EXPECT_EQ(by("/registry/events/default/e"), "");
  EXPECT_EQ(by(kSecretKey), "k8s:enc:aescbc:v1:a:");
  EXPECT_EQ(by("/registry/bears.example/pandas/default/p"), "k8s:enc:aescbc:v1:a:");
  EXPECT_EQ(by("/registry/bears.example/others/default/p"), "k8s:enc:aescbc:v1:c:");
  EXPECT_EQ(by("/registry/deployments/default/d"), "k8s:enc:aescbc:v1:b:");
  EXPECT_EQ(by("/registry/services/specs/default/s"), "k8s:enc:aescbc:v1:c:");
  EXPECT_EQ(by("/registry/minions/n"), "k8s:enc:aescbc:v1:c:");
  EXPECT_EQ(by("/registry/masterleases/1.2.3.4"), "") << "no object of the API";
  EXPECT_EQ(by("/registry/ranges/serviceips"), "");
}

TEST_F(EncryptionTest, AChainReadsWhatAnyOfItsKeysSealed) {
  Write("- {resources: [secrets], providers: [{aescbc: " + Keys({"a"}) + "}]}\n");
  Open();
  const auto by_a = *Seal(kSecretKey);
  EXPECT_EQ(Opened(kSecretKey, "{}"), "error: no matching prefix found") << "there is no identity";
  EXPECT_EQ(by_a.seal, encryption_->Current(kSecretKey));
  Write("- {resources: [secrets], providers: [{aescbc: " + Keys({"b", "a"}) +
        "}, {identity: {}}]}\n");
  Open();
  EXPECT_EQ(Opened(kSecretKey, by_a.bytes), "plain");
  EXPECT_EQ(Opened(kSecretKey, "{}"), "{}");
  EXPECT_NE(by_a.seal, encryption_->Current(kSecretKey)) << "another key writes";
  EXPECT_THAT(Seal(kSecretKey)->bytes, testing::StartsWith("k8s:enc:aescbc:v1:b:"));
  Write("- {resources: [secrets], providers: [{identity: {}}, {aescbc: " + Keys({"a"}) + "}]}\n");
  Open();
  EXPECT_EQ(Seal(kSecretKey)->bytes, "") << "on the way back";
  EXPECT_EQ(Opened(kSecretKey, by_a.bytes), "plain");
  Write("- {resources: [secrets], providers: [{aescbc: " + Keys({"c"}) + "}]}\n");
  Open();
  EXPECT_EQ(Opened(kSecretKey, by_a.bytes),
            "error: no matching key was found for the provided AES transformer");
  EXPECT_EQ(Opened(kSecretKey, "k8s:enc:kms:v2:x:"), "error: no matching prefix found");
  EXPECT_EQ(Opened("/registry/pods/default/p", by_a.bytes),
            "error: identity transformer tried to read encrypted data");
}

TEST_F(EncryptionTest, TakesAChangedFileAndKeepsTheOldRulesOfAWrongOne) {
  Write("- {resources: [secrets], providers: [{aescbc: " + Keys({"a"}) + "}]}\n");
  Open(/*reload=*/true);
  int changes = 0;
  encryption_->OnChange([&] { ++changes; });
  const std::string before = Seal(kSecretKey)->bytes;
  EXPECT_EQ(encryption_->Step(), Encryption::kFilePeriod);
  EXPECT_EQ(changes, 0);
  const std::string reloads =
      "apiserver_encryption_config_controller_automatic_reloads_total{status=\"";
  EXPECT_THAT(Metrics(), Not(HasSubstr(reloads)));
  CHECK(WriteWholeFile(File(), "kind: Pod", 0600));
  encryption_->Step();
  EXPECT_EQ(changes, 0);
  EXPECT_EQ(Opened(kSecretKey, before), "plain");
  EXPECT_THAT(Metrics(), HasSubstr(reloads + "failure\""));
  CHECK(WriteWholeFile(File(), "", 0600));
  encryption_->Step();
  std::filesystem::remove(File());
  encryption_->Step();
  EXPECT_EQ(Opened(kSecretKey, before), "plain");
  Write("- {resources: [secrets], providers: [{aescbc: " + Keys({"b", "a"}) + "}]}\n");
  encryption_->Step();
  EXPECT_EQ(changes, 1);
  EXPECT_THAT(Metrics(), HasSubstr(reloads + "success\""));
  EXPECT_EQ(Opened(kSecretKey, before), "plain");
  EXPECT_THAT(Seal(kSecretKey)->bytes, testing::StartsWith("k8s:enc:aescbc:v1:b:"));
  EXPECT_TRUE(encryption_->HasHealthCheck());
  Open(/*reload=*/false);
  EXPECT_EQ(encryption_->Step(), kNever);
  EXPECT_FALSE(encryption_->HasHealthCheck());
}

TEST_F(EncryptionTest, WatchesItsPluginsAndTakesNoneThatIsNotWell) {
  Write("- {resources: [secrets], providers: [{aescbc: " + Keys({"a"}) + "}]}\n");
  Open(/*reload=*/true);
  const std::string kms =
      "- resources: [secrets]\n"
      "  providers: [{kms: {apiVersion: v2, name: vault, endpoint: 'unix:///v'}}, {aescbc: " +
      Keys({"a"}) + "}]\n";
  kms_->is_away = true;
  Write(kms);
  encryption_->Step();
  EXPECT_THAT(Seal(kSecretKey)->bytes, testing::StartsWith("k8s:enc:aescbc:"));
  EXPECT_TRUE(encryption_->Health());
  kms_->is_away = false;
  encryption_->Step();
  const std::string sealed = Seal(kSecretKey)->bytes;
  EXPECT_THAT(sealed, testing::StartsWith("k8s:enc:kms:v2:vault:"));
  EXPECT_EQ(encryption_->plugins().Step(), KmsProvider::kWellPeriod);
  kms_->is_away = true;
  EXPECT_EQ(encryption_->plugins().Step(), KmsProvider::kFaultPeriod);
  EXPECT_THAT(encryption_->Health().error().message,
              testing::StartsWith("kms-provider-0: failed to perform status section"));
  EXPECT_EQ(Opened(kSecretKey, sealed), "plain");
  clock_.Advance(KmsProvider::kSeedLifetime + 1s);
  const auto refused = Seal(kSecretKey);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              testing::StartsWith("Internal error occurred: encryptedDEKSource with keyID hash"));
}

TEST_F(EncryptionTest, NeedsAFileThatIsRight) {
  const auto missing = Encryption::Open({.file = folder_ + "/none"}, clock_, random_);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message,
              HasSubstr("error reading encryption provider configuration file"));
}

}  // namespace
}  // namespace skiff
