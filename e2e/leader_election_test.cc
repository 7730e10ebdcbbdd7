// Leader election on the real server.
#include "client/leader_election.h"

#include <gtest/gtest.h>

#include "api/gen/coordination_v1.h"
#include "e2e/harness.h"

namespace skiff {
namespace {

class LeaderElectionTest : public testing::Test {
 protected:
  struct Candidate {
    Candidate(TestCluster& cluster, const std::string& identity)
        : election(cluster.client(), cluster.clock(), cluster.random(),
                   {.lease = {"kube-system", "test"},
                    .identity = identity,
                    .on_started = [this] { ++started; },
                    .on_stopped = [this] { ++stopped; }}) {}
    int started = 0;
    int stopped = 0;
    LeaderElection election;
  };
  coordination_v1::LeaseSpec Lease() {
    return cluster_.Get<coordination_v1::Lease>({"kube-system", "test"})->spec;
  }
  TestCluster cluster_{{.run_controllers = false}};
  Candidate a_{cluster_, "a"};
  Candidate b_{cluster_, "b"};
};

TEST_F(LeaderElectionTest, OneOfTwoLeadsAndRenews) {
  cluster_.executor().Add(a_.election);
  cluster_.RunFor(5s);
  cluster_.executor().Add(b_.election);
  cluster_.RunFor(10min);
  EXPECT_TRUE(a_.election.leading());
  EXPECT_FALSE(b_.election.leading());
  EXPECT_EQ(a_.started, 1);
  EXPECT_EQ(Lease().holder_identity, "a");
  EXPECT_EQ(Lease().lease_transitions, 0);
  EXPECT_EQ(Lease().lease_duration_seconds, 15);
  cluster_.executor().Remove(a_.election);
  cluster_.executor().Remove(b_.election);
}

TEST_F(LeaderElectionTest, TheOtherTakesOverWhenTheLeaderDies) {
  cluster_.executor().Add(a_.election);
  cluster_.RunFor(5s);
  cluster_.executor().Add(b_.election);
  cluster_.RunFor(1min);
  cluster_.executor().Remove(a_.election);
  cluster_.RunFor(10s);
  EXPECT_FALSE(b_.election.leading()) << "the lease has not run out";
  cluster_.RunFor(15s);
  EXPECT_TRUE(b_.election.leading());
  EXPECT_EQ(Lease().holder_identity, "b");
  EXPECT_EQ(Lease().lease_transitions, 1);
  // The old leader comes back and finds that it does not lead any more.
  cluster_.executor().Add(a_.election);
  cluster_.RunFor(1min);
  EXPECT_EQ(a_.stopped, 1);
  EXPECT_FALSE(a_.election.leading());
  cluster_.executor().Remove(a_.election);
  cluster_.executor().Remove(b_.election);
}

}  // namespace
}  // namespace skiff
