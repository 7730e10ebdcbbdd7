// How long a leader goes on; who leads when, e2e/leader_election_test.cc says.
#include "client/leader_election.h"

#include <gtest/gtest.h>

#include "client/transport.h"

namespace skiff {
namespace {

class LeaderThatIsAloneTest : public testing::Test {
 protected:
  http::Response Answer(const http::Request& request) {
    if (hangs_for_ > Duration(0)) {
      clock_.Advance(hangs_for_);
      return {.status = 503};
    }
    constexpr char kNone[] = R"({"kind": "Status", "reason": "NotFound", "code": 404})";
    if (request.method == "GET" && !kept_.empty()) return {.status = 200, .body = kept_};
    if (request.method == "GET") return {.status = 404, .body = kNone};
    if (conflicts_ > 0) {
      --conflicts_;
      return {.status = 409, .body = R"({"kind": "Status", "reason": "Conflict", "code": 409})"};
    }
    return {.status = 200, .body = request.body};
  }

  FakeClock clock_;
  SeededRandom random_{1};
  Duration hangs_for_{};
  std::string kept_;   // The lease as it is read; "": there is none.
  int conflicts_ = 0;  // So many writes come to.
  int stopped_ = 0;
  InProcessTransport transport_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{transport_, "test"};
  LeaderElection election_{client_,
                           clock_,
                           random_,
                           {.lease = {"kube-system", "test"},
                            .identity = "a",
                            .on_started = [] {},
                            .on_stopped = [this] { ++stopped_; }}};
};

TEST_F(LeaderThatIsAloneTest, AServerThatLetsItWaitDoesNotKeepItBeyondItsLease) {
  election_.Step();
  ASSERT_TRUE(election_.leading());
  const Duration renewed = clock_.Monotonic();
  clock_.Advance(9s);
  hangs_for_ = 5s;  // Half of the deadline, as programs have it.
  election_.Step();
  EXPECT_EQ(stopped_, 1);
  EXPECT_LT(clock_.Monotonic() - renewed, 15s) << "others may have taken it over";
}

TEST_F(LeaderThatIsAloneTest, ALastAttemptIsNotBegunWhenItIsTooLate) {
  election_.Step();
  const Duration renewed = clock_.Monotonic();
  hangs_for_ = 1ms;
  Duration wait = 2s;
  while (clock_.Monotonic() + wait - renewed < 10s) {
    clock_.Advance(wait);
    wait = election_.Step();
  }
  EXPECT_EQ(stopped_, 0);
  hangs_for_ = 5s;
  clock_.Advance(wait);
  election_.Step();
  EXPECT_EQ(stopped_, 1);
  EXPECT_LT(clock_.Monotonic() - renewed, 15s) << "others may have taken it over";
}

TEST_F(LeaderThatIsAloneTest, ARenewalThatReadsTheLeaseFirstIsCounted) {
  election_.Step();
  election_.Step();
  EXPECT_EQ(election_.slow_renewals(), 0U) << "by what it wrote last";
  kept_ = R"({"metadata": {"name": "test", "namespace": "kube-system"}, "spec":
              {"holderIdentity": "a"}})";
  conflicts_ = 1;
  election_.Step();
  EXPECT_TRUE(election_.leading());
  EXPECT_EQ(election_.slow_renewals(), 1U);
}

TEST_F(LeaderThatIsAloneTest, AShortHangIsNoEnd) {
  election_.Step();
  clock_.Advance(2s);
  hangs_for_ = 1s;
  EXPECT_EQ(election_.Step(), 2s);
  hangs_for_ = 0s;
  clock_.Advance(2s);
  election_.Step();
  EXPECT_TRUE(election_.leading());
  EXPECT_EQ(stopped_, 0);
}

}  // namespace
}  // namespace skiff
