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

}  // namespace
}  // namespace skiff
