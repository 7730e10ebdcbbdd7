#include "apiserver/encryption/kms_provider.h"

#include <gmock/gmock.h>

#include "apiserver/encryption/fake_kms.h"

namespace skiff {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr Sealing::Place kPlace{"/registry/secrets/a/b", "/registry/secrets/a/b"};

class KmsProviderTest : public testing::Test {
 protected:
  std::unique_ptr<KmsProvider> Make() {
    EncryptionProvider config{.type = EncryptionProvider::Type::kKms};
    config.kms_name = "vault";
    return std::make_unique<KmsProvider>(config, std::make_unique<FakeKms>(state_), clock_,
                                         random_);
  }
  static std::string Sealed(KmsProvider& provider) {
    std::string out;
    const auto sealed = provider.Seal(kPlace, "plain", out);
    return sealed ? out : "error: " + sealed.error().message;
  }
  static std::string Opened(KmsProvider& provider, const std::string& bytes) {
    const auto opened = provider.Open(kPlace, bytes);
    return opened ? opened->bytes : "error: " + opened.error().message;
  }

  FakeClock clock_;
  SeededRandom random_{1};
  const std::shared_ptr<FakeKmsState> state_ = std::make_shared<FakeKmsState>();
};

TEST_F(KmsProviderTest, SealsBySeedsThatThePluginSealed) {
  const auto provider = Make();
  EXPECT_EQ(provider->prefix(), "k8s:enc:kms:v2:vault:");
  ASSERT_TRUE(provider->Check());
  const std::string one = Sealed(*provider);
  EXPECT_EQ(Opened(*provider, one), "plain");
  for (int i = 0; i < 100; ++i) EXPECT_NE(Sealed(*provider), one);
  EXPECT_EQ(state_->encrypted, 1) << "one seed for all of them";
  EXPECT_EQ(state_->decrypted, 0);
  const auto another = Make();
  ASSERT_TRUE(another->Check());
  EXPECT_EQ(Opened(*another, one), "plain");
  EXPECT_EQ(Opened(*another, one), "plain");
  EXPECT_EQ(state_->decrypted, 1) << "and is remembered";
  EXPECT_EQ(another->misses(), 1u);
  const auto moved = another->Open({"/b", "/b"}, one);
  EXPECT_EQ(moved.error().message, "cipher: message authentication failed");
}

TEST_F(KmsProviderTest, TakesANewSeedWhenThePluginsKeyChanges) {
  const auto provider = Make();
  ASSERT_TRUE(provider->Check());
  const SealId first = provider->Current();
  const std::string one = Sealed(*provider);
  state_->key_id = "2";
  ASSERT_TRUE(provider->Check());
  EXPECT_EQ(state_->encrypted, 2);
  EXPECT_NE(provider->Current(), first);
  const auto opened = provider->Open(kPlace, one);
  EXPECT_EQ(opened->bytes, "plain");
  EXPECT_EQ(opened->seal, first) << "so that it is seen to be of the key before";
}

TEST_F(KmsProviderTest, WritesEndThreeMinutesAfterThePluginWentAndReadsDoNot) {
  const auto provider = Make();
  ASSERT_TRUE(provider->Check());
  const std::string one = Sealed(*provider);
  state_->is_away = true;
  EXPECT_EQ(provider->Check().error().message,
            "failed to perform status section of the healthz check for KMS Provider vault, error: "
            "rpc error: code = Unavailable desc = away");
  clock_.Advance(KmsProvider::kSeedLifetime);
  EXPECT_EQ(Opened(*provider, Sealed(*provider)), "plain");
  clock_.Advance(1s);
  EXPECT_THAT(Sealed(*provider), HasSubstr("expired at"));
  EXPECT_EQ(Opened(*provider, one), "plain");
  state_->is_away = false;
  ASSERT_TRUE(provider->Check());
  EXPECT_EQ(state_->encrypted, 1) << "the seed of before does";
  EXPECT_EQ(Opened(*provider, Sealed(*provider)), "plain");
}

TEST_F(KmsProviderTest, NeedsAPluginThatIsWell) {
  const auto provider = Make();
  EXPECT_EQ(Sealed(*provider), "error: got unexpected nil transformer");
  state_->healthz = "no key";
  EXPECT_EQ(provider->Check().error().message,
            "kmsv2 Provider vault is not healthy, error: got unexpected healthz status: no key");
  state_->healthz = "ok";
  state_->version = "v1";
  EXPECT_THAT(provider->Health().error().message, HasSubstr("no key"));
  EXPECT_THAT(provider->Check().error().message,
              HasSubstr("expected KMSv2 API version v2, got v1"));
  state_->version = "v2";
  state_->key_id = "";
  EXPECT_THAT(provider->Check().error().message,
              HasSubstr("got invalid KMSv2 KeyID hash \"\": keyID is empty"));
  state_->key_id = "1";
  EXPECT_TRUE(provider->Check());
  EXPECT_TRUE(provider->Health());
}

TEST_F(KmsProviderTest, RefusesEnvelopesThatAreNone) {
  const auto provider = Make();
  ASSERT_TRUE(provider->Check());
  EXPECT_THAT(Opened(*provider, "\xFF\xFF\xFF"), StartsWith("error: proto:"));
  EXPECT_EQ(Opened(*provider, ""), "error: encrypted data is empty");
  std::string cut = Sealed(*provider);
  state_->is_away = true;
  const auto another = Make();
  EXPECT_EQ(Opened(*another, cut),
            "error: failed to decrypt DEK, error: rpc error: code = Unavailable desc = away");
}

}  // namespace
}  // namespace skiff
