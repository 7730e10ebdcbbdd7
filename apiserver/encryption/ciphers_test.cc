#include "apiserver/encryption/ciphers.h"

#include <gmock/gmock.h>

#include "base/hash.h"

namespace skiff {
namespace {

const std::string kKey(32, 'k');

std::string ErrorOf(const Result<std::string>& result) {
  return result ? "" : result.error().message;
}

TEST(Ciphers, OpenWhatTheySealedAndNeverSealAlike) {
  const std::vector<std::unique_ptr<ValueCipher>> ciphers = [] {
    std::vector<std::unique_ptr<ValueCipher>> made;
    for (const size_t bytes : {16, 24, 32}) {
      made.push_back(MakeAesCbc(std::string(bytes, 'a')));
      made.push_back(MakeAesGcm(std::string(bytes, 'a')));
    }
    made.push_back(MakeSecretbox(kKey));
    made.push_back(*MakeDerivedAesGcm(kKey));
    return made;
  }();
  for (const auto& cipher : ciphers) {
    for (const size_t bytes : {0, 1, 15, 16, 17, 100'000}) {
      const std::string plain(bytes, 'x');
      const std::string sealed = *cipher->Seal(plain, "/a");
      EXPECT_EQ(*cipher->Open(sealed, "/a"), plain);
      EXPECT_NE(sealed, *cipher->Seal(plain, "/a"));
      if (bytes > 1) {
        EXPECT_EQ(sealed.find(plain), std::string::npos);
      }
    }
  }
}

TEST(Ciphers, RefuseWhatWasChangedOrMoved) {
  const auto gcm = MakeAesGcm(kKey);
  const auto derived = *MakeDerivedAesGcm(kKey);
  for (const ValueCipher* cipher : {gcm.get(), derived.get()}) {
    std::string sealed = *cipher->Seal("plain", "/a");
    EXPECT_EQ(ErrorOf(cipher->Open(sealed, "/b")), "cipher: message authentication failed");
    sealed.back() ^= 1;
    EXPECT_EQ(ErrorOf(cipher->Open(sealed, "/a")), "cipher: message authentication failed");
    EXPECT_EQ(ErrorOf(cipher->Open("short", "/a")),
              "the stored data was shorter than the required size");
  }
  const auto box = MakeSecretbox(kKey);
  std::string sealed = *box->Seal("plain", "/a");
  EXPECT_TRUE(box->Open(sealed, "/b")) << "it binds nothing";
  sealed.back() ^= 1;
  EXPECT_EQ(ErrorOf(box->Open(sealed, "/a")), "output array was not large enough for encryption");
  const auto cbc = MakeAesCbc(kKey);
  EXPECT_EQ(ErrorOf(cbc->Open(std::string(15, 'x'), "")),
            "the stored data was shorter than the required size");
  EXPECT_EQ(ErrorOf(cbc->Open(std::string(17, 'x'), "")),
            "the stored data is not a multiple of the block size");
  EXPECT_EQ(ErrorOf(cbc->Open(std::string(16, 'x'), "")),
            "invalid PKCS7 data (empty or not padded)");
}

// RFC 5869, A.1: the first 32 bytes of what is expanded there.
TEST(Ciphers, DeriveKeysAsHkdfDoes) {
  const auto from_hex = [](std::string_view hex) {
    std::string bytes;
    for (size_t i = 0; i < hex.size(); i += 2) {
      bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    }
    return bytes;
  };
  const std::string seed =
      from_hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  const std::string info = from_hex("f0f1f2f3f4f5f6f7f8f9");
  EXPECT_EQ(Hex(HmacSha256(seed, info + '\x01')),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  // And that a value is sealed by such a key.
  const std::string sealed = *(*MakeDerivedAesGcm(seed))->Seal("plain", "/a");
  const std::string key = HmacSha256(seed, sealed.substr(0, 32) + '\x01');
  EXPECT_EQ(*MakeAesGcm(key)->Open(sealed.substr(32), "/a"), "plain");
  EXPECT_FALSE(MakeDerivedAesGcm("short"));
}

}  // namespace
}  // namespace skiff
