#include "http/unverified_peer.h"

#include <gtest/gtest.h>

#include "http/x509_test_certs.h"

namespace skiff::http {
namespace {

class UnverifiedPeerTest : public ::testing::Test {
 protected:
  // What a server is made with that knows this authority.
  TlsContext Knowing(const testing::TestAuthority& authority) {
    const auto server = known_.IssueServer();
    return *MakeServerContext({server.certificate_pem, server.key_pem, authority.certificate_pem()},
                              /*http2=*/true);
  }

  testing::TestAuthority known_{"known"};
  testing::TestAuthority later_{"later"};
  std::string error_;
};

TEST_F(UnverifiedPeerTest, IsSomebodyOnceItsAuthorityIsKnown) {
  const TlsContext first = Knowing(known_);
  UnverifiedPeer peer(
      later_.Issue({.common_name = "ann", .organizations = {"team"}}).certificate_pem, first);
  const auto named = peer.Verify(Knowing(later_), error_);
  ASSERT_NE(named, nullptr) << error_;
  EXPECT_EQ(named->common_name, "ann");
  EXPECT_EQ(named->organizations, std::vector<std::string>{"team"});
}

TEST_F(UnverifiedPeerTest, IsJudgedOnceByEachContext) {
  const TlsContext first = Knowing(known_);
  UnverifiedPeer peer(later_.Issue({.common_name = "ann"}).certificate_pem, first);
  EXPECT_EQ(peer.Verify(first, error_), nullptr);
  EXPECT_EQ(error_, "") << "the handshake has judged it";
  const TlsContext second = Knowing(known_);
  EXPECT_EQ(peer.Verify(second, error_), nullptr);
  EXPECT_NE(error_, "");
  error_.clear();
  EXPECT_EQ(peer.Verify(second, error_), nullptr);
  EXPECT_EQ(error_, "");
}

TEST_F(UnverifiedPeerTest, OneThatIsOverIsNobody) {
  UnverifiedPeer peer(later_.Issue({.common_name = "ann", .ends_s = -60}).certificate_pem,
                      Knowing(known_));
  EXPECT_EQ(peer.Verify(Knowing(later_), error_), nullptr);
  EXPECT_EQ(error_, "certificate has expired");
}

TEST_F(UnverifiedPeerTest, IsJudgedOnceMoreWhenItBegins) {
  const SystemClock clock;
  const TlsContext context = Knowing(known_);
  const TimePoint begins = clock.Now() + 200ms;
  UnverifiedPeer peer(known_.Issue({.common_name = "ann"}).certificate_pem, context, begins);
  UnverifiedPeer nobody(later_.Issue({.common_name = "eve"}).certificate_pem, context, begins);
  EXPECT_EQ(peer.Verify(context, error_), nullptr);
  while (clock.Now() < begins) {
  }
  const auto named = peer.Verify(context, error_);
  ASSERT_NE(named, nullptr) << error_;
  EXPECT_EQ(named->common_name, "ann");
  EXPECT_EQ(nobody.Verify(context, error_), nullptr);
  EXPECT_NE(error_, "");
  error_.clear();
  EXPECT_EQ(nobody.Verify(context, error_), nullptr);
  EXPECT_EQ(error_, "");
}

}  // namespace
}  // namespace skiff::http
