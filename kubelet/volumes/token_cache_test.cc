#include "kubelet/volumes/token_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/hash.h"

namespace skiff::kubelet {
namespace {

class TokenCacheTest : public testing::Test {
 protected:
  ~TokenCacheTest() override { std::filesystem::remove(path_); }
  // A token with those claims is in the file; whether it is good `after` its time of issue.
  bool IsKept(const std::string& claims, Duration after = 1s) {
    const std::string token = "e30." + Base64Url(claims) + ".c2ln";
    std::ofstream(path_) << token;
    const auto kept = KeptToken(path_, 3600, issued_ + after);
    EXPECT_TRUE(!kept || *kept == token);
    return kept.has_value();
  }
  const TimePoint issued_{1'700'000'000s};
  const std::string path_ = testing::TempDir() + "/token-" + std::to_string(getpid());
};

TEST_F(TokenCacheTest, ATokenIsGoodForFourFifthsOfItsLife) {
  EXPECT_FALSE(KeptToken(path_, 3600, issued_));
  const std::string claims = R"({"iat": 1700000000})";
  EXPECT_TRUE(IsKept(claims));
  EXPECT_TRUE(IsKept(claims, 2880s));
  EXPECT_FALSE(IsKept(claims, 2881s));
  EXPECT_FALSE(IsKept(claims, -1s));
}

TEST_F(TokenCacheTest, WhatSomebodyElsePutThereIsNoToken) {
  for (const char* claims : {R"({"iat": "1700000000"})", R"({"iat": {}})", R"({"iat": -1})",
                             R"({"iat": 18446744073709551615})", R"({"iat": 1e300})", R"({})",
                             R"([])", "{"}) {
    EXPECT_FALSE(IsKept(claims)) << claims;
  }
}

}  // namespace
}  // namespace skiff::kubelet
