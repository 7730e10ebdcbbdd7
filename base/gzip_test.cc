#include "base/gzip.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(GzipTest, WhatWasPackedComesBack) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "description " + std::to_string(i % 7);
  const std::string packed = Gzip(text);
  EXPECT_LT(packed.size(), text.size() / 20);
  EXPECT_EQ(packed.capacity(), packed.size()) << "what is kept holds no more than it needs";
  EXPECT_EQ(Gunzip(packed), text);
  const std::string smallest = Gzip(text, GzipLevel::kSmallest);
  EXPECT_LT(smallest.size(), packed.size());
  EXPECT_EQ(Gunzip(smallest), text);
  EXPECT_EQ(Gunzip(Gzip("")), "");
  EXPECT_EQ(Gunzip("not packed"), "");
}

// What `packed` comes to in pieces of `piece` bytes, or why it comes to nothing.
std::string Unpacked(std::string_view packed, size_t piece = 1 << 20) {
  GunzipStream stream;
  std::string text;
  for (size_t at = 0; at < packed.size(); at += piece) {
    const auto added = stream.Add(packed.substr(at, piece), 1 << 20, text);
    if (!added) return added.error().message;
  }
  const auto ended = stream.End();
  return ended ? text : ended.error().message;
}

TEST(GunzipStreamTest, TextComesBackInPiecesOfAnySize) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "answer " + std::to_string(i * i);
  const std::string packed = Gzip(text);
  for (const size_t piece : {1, 7, 4096, 1 << 20}) EXPECT_EQ(Unpacked(packed, piece), text);
  EXPECT_EQ(Unpacked(packed + Gzip("") + Gzip(" and more"), 5), text + " and more");
  EXPECT_EQ(Unpacked(""), "");
}

TEST(GunzipStreamTest, WhatIsNoGzipIsSaidAsGoDoes) {
  const std::string packed = Gzip("an answer, an answer, an answer");
  EXPECT_EQ(Unpacked(packed.substr(0, packed.size() - 1)), "unexpected EOF");
  EXPECT_EQ(Unpacked(packed.substr(0, 3)), "unexpected EOF");
  EXPECT_EQ(Unpacked("{\"kind\": \"AdmissionReview\"}"), "gzip: invalid header");
  EXPECT_EQ(Unpacked(packed + "garbage behind it"), "gzip: invalid header");
  std::string wrong = packed;
  wrong[wrong.size() - 6] ^= 1;
  EXPECT_EQ(Unpacked(wrong), "gzip: invalid checksum");
  wrong = packed.substr(0, 10) + "\xff\xff\xff\xff\xff\xff\xff\xff";
  EXPECT_EQ(Unpacked(wrong).substr(0, 35), "flate: corrupt input before offset ");
}

TEST(GunzipStreamTest, FewBytesDoNotBecomeManyMore) {
  const std::string packed = Gzip(std::string(64 << 20, ' '), GzipLevel::kSmallest);
  ASSERT_LT(packed.size(), 128u << 10);
  GunzipStream stream;
  std::string text;
  ASSERT_TRUE(stream.Add(packed, 100'000, text));
  EXPECT_GT(text.size(), 100'000u);
  EXPECT_LT(text.size(), 120'000u);
}

}  // namespace
}  // namespace skiff
