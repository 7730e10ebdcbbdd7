#include "base/pem.h"

#include <gtest/gtest.h>

#include "base/certificates.h"

namespace skiff {
namespace {

TEST(Pem, WhatIsJoinedStandsOnLinesOfItsOwn) {
  EXPECT_EQ(JoinPem("a", "b\n"), "a\nb\n");
  EXPECT_EQ(JoinPem("a\n", "b"), "a\nb");
  EXPECT_EQ(JoinPem("", "b"), "b");
}

TEST(Pem, AllCertificatesAreReadOfWhatIsJoined) {
  const auto authority = CertificateAuthority::Create("a", TimePoint(1'700'000'000s));
  ASSERT_TRUE(authority);
  std::string without_end = authority->pem().certificate_pem;
  ASSERT_EQ(without_end.back(), '\n');
  without_end.pop_back();
  EXPECT_EQ(SplitCertificates(JoinPem(without_end, without_end)).size(), 2u);
}

}  // namespace
}  // namespace skiff
