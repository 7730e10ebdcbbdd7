#include "base/hash.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(HashTest, EncodingsMatchTheVectorsOfRfc4648) {
  EXPECT_EQ(Base32("foobar"), "MZXW6YTBOI======");
  EXPECT_EQ(Base32("fooba"), "MZXW6YTB");
  EXPECT_EQ(Base64("foob"), "Zm9vYg==");
  EXPECT_EQ(Base64Url("\xfb\xff"), "-_8");
  EXPECT_EQ(Hex("\x01\xab"), "01ab");
}

TEST(HashTest, Base64DecodesWhatItEncodesAndRefusesTheRest) {
  for (const std::string text : {"", "f", "fo", "foo", "foob"}) {
    EXPECT_EQ(FromBase64(Base64(text)), text);
    EXPECT_EQ(FromBase64Url(Base64Url(text)), text);
  }
  EXPECT_EQ(FromBase64("Zm9v\nYg=="), "foob");
  EXPECT_FALSE(FromBase64("Zm9vYg"));
  EXPECT_FALSE(FromBase64("Zm9*"));
}

TEST(HashTest, Sha256AndFnvMatchKnownDigests) {
  EXPECT_EQ(Hex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Fnv1a32("a"), 0xe40c292cU);
}

}  // namespace
}  // namespace skiff
