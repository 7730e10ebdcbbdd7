// Leader election on the real server.
#include "client/leader_election.h"

#include <gtest/gtest.h>

#include "api/gen/coordination_v1.h"
#include "client/leadership.h"
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

TEST_F(LeaderElectionTest, WhoEndsInOrderLeavesTheLeaseToTheNextAtOnce) {
  cluster_.executor().Add(a_.election);
  cluster_.RunFor(5s);
  cluster_.executor().Add(b_.election);
  cluster_.RunFor(1min);
  b_.election.Release();
  EXPECT_EQ(Lease().holder_identity, "a") << "it was not b's";
  cluster_.executor().Remove(a_.election);
  a_.election.Release();
  EXPECT_FALSE(a_.election.leading());
  EXPECT_FALSE(Lease().holder_identity);
  EXPECT_EQ(Lease().lease_duration_seconds, 1);
  EXPECT_EQ(a_.stopped, 0);
  cluster_.RunFor(5s);
  EXPECT_TRUE(b_.election.leading());
  EXPECT_EQ(Lease().lease_transitions, 1);
  EXPECT_EQ(Lease().lease_duration_seconds, 15);
  cluster_.executor().Remove(b_.election);
}

TEST_F(LeaderElectionTest, WhoReleasesALeaseThatAnotherHasTakenChangesNothing) {
  cluster_.executor().Add(a_.election);
  cluster_.RunFor(5s);
  cluster_.executor().Remove(a_.election);
  cluster_.executor().Add(b_.election);
  cluster_.RunFor(1min);
  ASSERT_TRUE(b_.election.leading());
  a_.election.Release();
  EXPECT_EQ(Lease().holder_identity, "b");
  cluster_.executor().Remove(b_.election);
}

// A duty that is counted as it begins and ends.
struct Server {
  Server(TestCluster& cluster, const std::string& name)
      : leadership(cluster.client(), cluster.clock(), cluster.random(),
                   {.lease = {"kube-system", "test"},
                    .name = name,
                    .begin = [this] { ++begun; },
                    .end = [this] { ++ended; }}) {}
  int begun = 0;
  int ended = 0;
  Leadership leadership;
};

TEST_F(LeaderElectionTest, WhoLostTheLeaseEndsItsDutyAndMayHaveItAgain) {
  Server server(cluster_, "a");
  cluster_.executor().Add(server.leadership);
  cluster_.RunFor(5s);
  EXPECT_EQ(server.begun, 1);
  EXPECT_EQ(server.ended, 0);
  // It is away for as long as a lease lasts.
  cluster_.executor().Remove(server.leadership);
  cluster_.executor().Add(b_.election);
  cluster_.RunFor(30s);
  ASSERT_TRUE(b_.election.leading());
  cluster_.executor().Add(server.leadership);
  cluster_.RunFor(1min);
  EXPECT_EQ(server.ended, 1);
  EXPECT_EQ(server.begun, 1);
  cluster_.executor().Remove(b_.election);
  cluster_.RunFor(1min);
  EXPECT_EQ(server.begun, 2);
  EXPECT_EQ(server.ended, 1);
  cluster_.executor().Remove(server.leadership);
}

TEST_F(LeaderElectionTest, WhatAnEarlierProcessLeftEndsWhereAnotherOneLeads) {
  cluster_.executor().Add(b_.election);
  cluster_.RunFor(5s);
  Server server(cluster_, "a");
  cluster_.executor().Add(server.leadership);
  cluster_.RunFor(1min);
  EXPECT_EQ(server.ended, 1) << "and no more than once";
  EXPECT_EQ(server.begun, 0);
  cluster_.executor().Remove(b_.election);
  cluster_.executor().Remove(server.leadership);
}

TEST_F(LeaderElectionTest, WhoStartsAgainInTimeGoesOnWithWhatItLeft) {
  {
    Server earlier(cluster_, "a");
    cluster_.executor().Add(earlier.leadership);
    cluster_.RunFor(5s);
    ASSERT_EQ(earlier.begun, 1);
    cluster_.executor().Remove(earlier.leadership);
  }
  Server server(cluster_, "a");
  cluster_.executor().Add(server.leadership);
  cluster_.RunFor(1min);
  EXPECT_EQ(server.begun, 1);
  EXPECT_EQ(server.ended, 0);
  cluster_.executor().Remove(server.leadership);
}

}  // namespace
}  // namespace skiff
