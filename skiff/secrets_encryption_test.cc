#include "skiff/secrets_encryption.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "apiserver/auth/pki.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class SecretsEncryptionTest : public ::testing::Test {
 protected:
  SecretsEncryptionTest() {
    options_.data_dir = ::testing::TempDir() + "secrets-encryption";
    fs::remove_all(options_.data_dir);
    fs::create_directories(options_.data_dir);
    options_.secrets_encryption = true;
  }
  ~SecretsEncryptionTest() override { fs::remove_all(options_.data_dir); }
  std::string Config() const { return options_.data_dir + "/encryption-config.yaml"; }

  ClusterOptions options_;
};

TEST_F(SecretsEncryptionTest, AKeyIsMadeOnceForTheOwnerAlone) {
  ASSERT_TRUE(CheckEncryptionConfig(options_));
  ASSERT_TRUE(EnsureEncryptionConfig(options_));
  const auto made = ReadWholeFile(Config());
  ASSERT_TRUE(made);
  EXPECT_THAT(*made, HasSubstr("secretbox"));
  EXPECT_EQ(fs::status(Config()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_TRUE(EnsureEncryptionConfig(options_));
  EXPECT_EQ(*ReadWholeFile(Config()), *made);
  EXPECT_TRUE(CheckEncryptionConfig(options_));
}

TEST_F(SecretsEncryptionTest, NoOtherKeyTakesThePlaceOfOneThatIsLost) {
  ASSERT_TRUE(EnsureEncryptionConfig(options_));
  fs::remove(Config());
  for (const bool asked : {true, false}) {
    options_.secrets_encryption = asked;
    EXPECT_THAT(CheckEncryptionConfig(options_).error().message,
                HasSubstr("encryption-config.yaml is missing"));
  }
  // Whoever brings a configuration of his own has the key elsewhere.
  options_.encryption_provider_config = "/etc/skiff/encryption.yaml";
  EXPECT_TRUE(CheckEncryptionConfig(options_));
}

TEST_F(SecretsEncryptionTest, ACopyOfAClusterHasItsKey) {
  ASSERT_TRUE(EnsureEncryptionConfig(options_));
  ClusterOptions copy = options_;
  copy.data_dir = options_.data_dir + "/copy";
  fs::create_directories(copy.data_dir);
  ASSERT_TRUE(CopyEncryptionConfig(options_.data_dir, copy.data_dir));
  EXPECT_EQ(*ReadWholeFile(Config()), *ReadWholeFile(copy.data_dir + "/encryption-config.yaml"));
  fs::remove(copy.data_dir + "/encryption-config.yaml");
  EXPECT_FALSE(CheckEncryptionConfig(copy));
}

}  // namespace
}  // namespace skiff
