// Both engines against what is published, and against each other.
#include "http/record_cipher.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace skiff::http {
namespace {

using Engine = RecordCipher::Engine;
using Key = RecordCipher::Key;
using Nonce = RecordCipher::Nonce;

class RecordCipherTest : public ::testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    if (!RecordCipher::Has(GetParam())) GTEST_SKIP() << "not on this machine";
    cipher_ = RecordCipher::Make(GetParam());
  }

  struct Sealed {
    std::string bytes;
    std::string tag;
  };
  static Sealed SealWith(RecordCipher& cipher, const Key& key, const Nonce& nonce,
                         std::string_view associated, const std::vector<std::string>& parts) {
    Sealed sealed{.bytes = {}, .tag = std::string(RecordCipher::kTagBytes, '\0')};
    for (const std::string& part : parts) sealed.bytes += part;
    cipher.Begin(key, nonce, associated);
    char* at = sealed.bytes.data();
    for (const std::string& part : parts) {
      cipher.Seal(part, at);
      at += part.size();
    }
    cipher.Finish(sealed.tag.data());
    return sealed;
  }
  Sealed Seal(const Key& key, const Nonce& nonce, std::string_view associated,
              const std::vector<std::string>& parts) {
    return SealWith(*cipher_, key, nonce, associated, parts);
  }
  std::string Random(size_t bytes) {
    std::string text(bytes, '\0');
    for (char& each : text) each = static_cast<char>(random_());
    return text;
  }
  template <typename T>
  T RandomArray() {
    T array;
    for (auto& each : array) each = static_cast<uint8_t>(random_());
    return array;
  }

  std::mt19937 random_{7};
  std::unique_ptr<RecordCipher> cipher_;
};

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char each : bytes) {
    for (const int digit : {static_cast<uint8_t>(each) >> 4, each & 15}) {
      text += "0123456789abcdef"[digit];
    }
  }
  return text;
}

// Test cases 2 and 4 of the proposal of GCM (McGrew, Viega).
TEST_P(RecordCipherTest, SealsWhatIsPublished) {
  const Sealed zeros = Seal({}, {}, "", {std::string(16, '\0')});
  EXPECT_EQ(Hex(zeros.bytes), "0388dace60b6a392f328c2b971b2fe78");
  EXPECT_EQ(Hex(zeros.tag), "ab6e47d42cec13bdf53a67b21257bddf");

  const Key key = {0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
                   0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08};
  const Nonce nonce = {0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88};
  const std::string associated(
      "\xfe\xed\xfa\xce\xde\xad\xbe\xef\xfe\xed\xfa\xce\xde\xad\xbe\xef\xab\xad\xda\xd2", 20);
  const std::string text(
      "\xd9\x31\x32\x25\xf8\x84\x06\xe5\xa5\x59\x09\xc5\xaf\xf5\x26\x9a"
      "\x86\xa7\xa9\x53\x15\x34\xf7\xda\x2e\x4c\x30\x3d\x8a\x31\x8a\x72"
      "\x1c\x3c\x0c\x95\x95\x68\x09\x53\x2f\xcf\x0e\x24\x49\xa6\xb5\x25"
      "\xb1\x6a\xed\xf5\xaa\x0d\xe6\x57\xba\x63\x7b\x39",
      60);
  const Sealed sealed = Seal(key, nonce, associated, {text});
  EXPECT_EQ(Hex(sealed.bytes),
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
            "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091");
  EXPECT_EQ(Hex(sealed.tag), "5bc94fbc3221a5db94fae95ae7121a47");
}

// In parts of any lengths, as pieces of answers have, under keys in turns.
TEST_P(RecordCipherTest, AgreesWithTheLibrary) {
  const auto library = RecordCipher::Make(Engine::kLibrary);
  const std::vector<Key> keys = {RandomArray<Key>(), RandomArray<Key>()};
  for (int round = 0; round < 400; ++round) {
    const Key& key = keys[random_() % 2];
    const Nonce nonce = RandomArray<Nonce>();
    std::vector<std::string> parts;
    std::string text;
    for (size_t i = 1 + random_() % 6; i > 0; --i) {
      parts.push_back(Random(1 + random_() % (round % 2 == 0 ? 70 : 5'000)));
      text += parts.back();
    }
    const std::string head = Random(5);
    const Sealed sealed = Seal(key, nonce, head, parts);
    const Sealed expected = SealWith(*library, key, nonce, head, {text});
    ASSERT_EQ(sealed.bytes, expected.bytes);
    ASSERT_EQ(sealed.tag, expected.tag);

    std::string opened(text.size(), '\0');
    ASSERT_TRUE(cipher_->Open(key, nonce, head, sealed.bytes, sealed.tag, opened.data()));
    EXPECT_EQ(opened, text);
    std::string in_place = sealed.bytes;
    ASSERT_TRUE(cipher_->Open(key, nonce, head, in_place, sealed.tag, in_place.data()));
    EXPECT_EQ(in_place, text);
  }
}

TEST_P(RecordCipherTest, OpensNothingThatWasTouched) {
  const Key key = RandomArray<Key>();
  const Nonce nonce = RandomArray<Nonce>();
  const Sealed sealed = Seal(key, nonce, "head", {"a text, and some more of it"});
  std::string out(sealed.bytes.size(), '\0');
  const auto opens = [&](const Key& with, const Nonce& at, std::string_view head,
                         const std::string& bytes, const std::string& tag) {
    return cipher_->Open(with, at, head, bytes, tag, out.data());
  };
  ASSERT_TRUE(opens(key, nonce, "head", sealed.bytes, sealed.tag));
  for (size_t i = 0; i < sealed.bytes.size(); ++i) {
    std::string bytes = sealed.bytes;
    bytes[i] = static_cast<char>(bytes[i] ^ 1);
    EXPECT_FALSE(opens(key, nonce, "head", bytes, sealed.tag)) << i;
  }
  for (size_t i = 0; i < sealed.tag.size(); ++i) {
    std::string tag = sealed.tag;
    tag[i] = static_cast<char>(tag[i] ^ 0x80);
    EXPECT_FALSE(opens(key, nonce, "head", sealed.bytes, tag)) << i;
  }
  EXPECT_FALSE(opens(key, nonce, "heap", sealed.bytes, sealed.tag));
  EXPECT_FALSE(opens(key, RandomArray<Nonce>(), "head", sealed.bytes, sealed.tag));
  EXPECT_FALSE(opens(RandomArray<Key>(), nonce, "head", sealed.bytes, sealed.tag));
  EXPECT_TRUE(opens(key, nonce, "head", sealed.bytes, sealed.tag));
}

INSTANTIATE_TEST_SUITE_P(Engines, RecordCipherTest,
                         ::testing::Values(Engine::kLibrary, Engine::kWide));

}  // namespace
}  // namespace skiff::http
