#include "skiff/chaos/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/certificates.h"

namespace skiff::chaos {
namespace {

using testing::AllOf;
using testing::HasSubstr;

World PodWorld() {
  World world{.is_root = true, .programs = {"nsenter", "nft", "iptables-nft"}, .target = {}};
  world.target = {.target = {false, "default", "a"}, .uid = "1", .is_here = true};
  world.target.holder = {100, 1};
  world.target.device = "eth0";
  world.target.addresses = {"10.244.0.5/32"};
  return world;
}
World NodeWorld() {
  World world = PodWorld();
  world.target.target = {true, "", "near"};
  return world;
}
Place Other() {
  Place place{.target = {true, "", "far"}, .uid = "2"};
  place.addresses = {"10.77.2.10/32"};
  place.elsewhere = "is another machine; run this there, as root";
  return place;
}

Request AskedOf(Fault fault, const World& world) {
  Request request{.fault = fault, .target = world.target.target, .length = 30s};
  if (world.peer) request.peer = world.peer->target;
  return request;
}

std::string Said(Fault fault, const World& world) {
  const auto checked = CheckWorld(AskedOf(fault, world), world);
  return checked ? "possible" : checked.error().message;
}

Record RecordOf(Fault fault, const std::string& target, const std::string& peer = "") {
  return {.id = "x7k2p", .fault = fault, .target = target, .peer = peer, .plan = {}};
}

TEST(ChaosChecksTest, FaultsOfAPodArePossible) {
  for (const Fault fault : {Fault::kNetem, Fault::kPartition, Fault::kPause, Fault::kKill}) {
    EXPECT_EQ(Said(fault, PodWorld()), "possible") << FaultWord(fault);
  }
}

TEST(ChaosChecksTest, TheMachinesOwnNetworkIsNotCut) {
  World world = NodeWorld();
  world.target.has_hosts_network = true;
  for (const Fault fault : {Fault::kNetem, Fault::kPartition}) {
    EXPECT_THAT(Said(fault, world),
                AllOf(HasSubstr("the network of node/near is this machine's own"),
                      HasSubstr("`skiff up --docker --nodes=3`")));
    world.peer = Other();
    EXPECT_THAT(Said(fault, world), HasSubstr("this machine's own"));
    world.peer = std::nullopt;
  }
  // From a pod, whose end of the link is its own.
  world.peer = PodWorld().target;
  EXPECT_EQ(Said(Fault::kPartition, world), "possible");
  EXPECT_THAT(Said(Fault::kNetem, world), HasSubstr("netem pod/a node/near"));
}

TEST(ChaosChecksTest, TheMachineThisRunsOnIsCutFromSomebodyOnly) {
  World world = NodeWorld();
  world.target.has_callers_network = true;
  EXPECT_THAT(Said(Fault::kPartition, world), HasSubstr("partition node/near node/OTHER"));
  EXPECT_THAT(Said(Fault::kNetem, world), HasSubstr("netem node/near node/OTHER"));
  world.peer = Other();
  EXPECT_EQ(Said(Fault::kPartition, world), "possible");
  EXPECT_EQ(Said(Fault::kNetem, world), "possible");
  EXPECT_THAT(Said(Fault::kPause, world), HasSubstr("nobody would be left to undo it"));
  EXPECT_THAT(Said(Fault::kKill, world), HasSubstr("can be killed"));
}

TEST(ChaosChecksTest, APodInItsNodesNetworkHasNoneOfItsOwn) {
  World world = PodWorld();
  world.target.shares_nodes_network = true;
  EXPECT_THAT(Said(Fault::kPartition, world), HasSubstr("hostNetwork"));
  EXPECT_EQ(Said(Fault::kPause, world), "possible");
  World peer = PodWorld();
  peer.peer = world.target;
  EXPECT_THAT(Said(Fault::kPartition, peer), HasSubstr("hostNetwork"));
}

TEST(ChaosChecksTest, SaysWhereToAskInstead) {
  World world = PodWorld();
  world.target = Other();
  for (const Fault fault : {Fault::kNetem, Fault::kPartition, Fault::kDisk}) {
    EXPECT_EQ(Said(fault, world), "node/far is another machine; run this there, as root");
  }
  for (const Fault fault : {Fault::kKill, Fault::kPause}) {
    EXPECT_THAT(Said(fault, world), HasSubstr("node/far is no container of a Docker engine on "
                                              "this machine; nodes that are containers can be"))
        << "there it would be refused as well";
  }
}

TEST(ChaosChecksTest, WhatIsSimulatedFailsByAnnotationsWhoeverAsks) {
  World world = PodWorld();
  world.is_root = false;
  world.target.is_here = false;
  world.target.is_simulated = true;
  EXPECT_THAT(Said(Fault::kKill, world), HasSubstr("pod/a is simulated: it has neither a network "
                                                   "nor processes of its own. `skiff delete pod a` "
                                                   "ends it, and annotations say"));
  EXPECT_THAT(Said(Fault::kNetem, world), HasSubstr("its own. Annotations say how simulated pods"));
  world.target.target.namespace_ = "b";
  EXPECT_THAT(Said(Fault::kKill, world), HasSubstr("`skiff delete pod a -n b`"));
  world.target.target = {true, "", "node-7"};
  for (const Fault fault : {Fault::kKill, Fault::kPause, Fault::kPartition}) {
    EXPECT_THAT(Said(fault, world),
                AllOf(HasSubstr("`skiff annotate node node-7 "
                                "simulation.skiff.io/heartbeat-stops-after=0s`"),
                      HasSubstr("simulation.skiff.io/heartbeat-stops-after-` brings it back")));
  }
  EXPECT_THAT(Said(Fault::kDisk, world), HasSubstr("Annotations say how simulated nodes fail"));
}

TEST(ChaosChecksTest, SaysWhatIsMissing) {
  World world = PodWorld();
  world.programs = {"nsenter"};
  EXPECT_EQ(Said(Fault::kPartition, world),
            "nft: no such program; install it (Debian: apt-get install nftables)");
  EXPECT_EQ(Said(Fault::kNetem, world),
            "iptables-nft: no such program; install it (Debian: apt-get install iptables)");
  EXPECT_EQ(Said(Fault::kPause, world), "possible");
  world.is_root = false;
  EXPECT_THAT(Said(Fault::kPause, world), HasSubstr("sudo -E"));
  world = PodWorld();
  world.target.addresses.clear();
  EXPECT_THAT(Said(Fault::kPartition, world), HasSubstr("has no address yet"));
}

TEST(ChaosChecksTest, FaultsOfOneKindDoNotOverlap) {
  World world = PodWorld();
  world.records = {RecordOf(Fault::kNetem, "pod/a"), RecordOf(Fault::kPartition, "pod/b")};
  EXPECT_EQ(Said(Fault::kNetem, world),
            "netem of pod/a is on already; wait until it is over, or end it: "
            "skiff chaos stop x7k2p");
  EXPECT_EQ(Said(Fault::kPartition, world), "possible");
  // Links to different peers are cut by tables of their own.
  world.peer = Other();
  world.records = {RecordOf(Fault::kPartition, "pod/a", "node/near")};
  EXPECT_EQ(Said(Fault::kPartition, world), "possible");
  world.records = {RecordOf(Fault::kPartition, "pod/a", "node/far")};
  EXPECT_THAT(Said(Fault::kPartition, world), HasSubstr("is on already"));
  world.records = {RecordOf(Fault::kPartition, "node/far", "pod/a")};
  EXPECT_THAT(Said(Fault::kPartition, world),
              HasSubstr("partition of node/far and pod/a is on already"))
      << "the same link";
}

TEST(ChaosChecksTest, APodOfTheNameOfOneThatIsGoneIsAnotherOne) {
  World world = PodWorld();
  Record before = RecordOf(Fault::kPause, "pod/a");
  before.objects.emplace_back().uid = "0";
  world.records = {before};
  EXPECT_EQ(Said(Fault::kPause, world), "possible");
  EXPECT_EQ(Said(Fault::kClock, world), "possible");
  world.records[0].objects[0].uid = world.target.uid;
  EXPECT_THAT(Said(Fault::kPause, world), HasSubstr("pause of pod/a is on already"));
  EXPECT_THAT(Said(Fault::kClock, world), HasSubstr("pod/a is paused"));
  // A node that is registered anew is the same machine.
  world = NodeWorld();
  before.fault = Fault::kNetem;
  before.target = "node/near";
  world.records = {before};
  EXPECT_THAT(Said(Fault::kNetem, world), HasSubstr("is on already"));
}

TEST(ChaosChecksTest, TheClockOfWhatStandsStillIsNotChanged) {
  World world = PodWorld();
  world.records = {RecordOf(Fault::kPause, "pod/a")};
  EXPECT_THAT(Said(Fault::kClock, world), HasSubstr("pod/a is paused"));
  EXPECT_THAT(Said(Fault::kClock, world), HasSubstr("skiff chaos stop x7k2p"));
}

TEST(ChaosChecksTest, ADiskThatOthersHaveDataOnIsNotFilled) {
  World world = PodWorld();
  world.target.directory = "/cache";
  EXPECT_THAT(Said(Fault::kDisk, world), HasSubstr("/cache cannot be looked at"));
  const DiskFact memory{
      .mount_root = "/", .is_mount = true, .is_memory = true, .free_bytes = 64 << 20};
  world.disk = memory;
  EXPECT_EQ(Said(Fault::kDisk, world), "possible");
  world.disk->mount_root = "/var/lib/skiff/pods/1/volumes/cache";
  EXPECT_THAT(Said(Fault::kDisk, world), AllOf(HasSubstr("a disk that others have data on"),
                                               HasSubstr("medium: Memory")));
  world.disk = memory;
  world.disk->is_mount = false;
  EXPECT_THAT(Said(Fault::kDisk, world), HasSubstr("others have data on"));
  world.disk = memory;
  world.disk->is_machines_own = true;
  EXPECT_THAT(Said(Fault::kDisk, world), HasSubstr("others have data on"));
  world.disk = memory;
  world.disk->free_bytes = kFilledMemoryMax + (1 << 20);
  EXPECT_THAT(Said(Fault::kDisk, world),
              AllOf(HasSubstr("1025 MiB, and at most 1024 MiB of memory"),
                    HasSubstr("smaller (sizeLimit)")));
  world.target.target = NodeWorld().target.target;
  EXPECT_THAT(Said(Fault::kDisk, world), HasSubstr("smaller (another mount at its --data-dir)"));
}

TEST(ChaosChecksTest, AClockIsThatOfWhoeverFollowsItsFile) {
  World world = NodeWorld();
  world.is_root = false;  // What is one's own needs none.
  world.target.directory = "/data";
  EXPECT_THAT(Said(Fault::kClock, world), HasSubstr("keeps its data in /data here; run this on"));
  world.clock = ClockFact{.problem = "", .is_followed = false, .node = "near"};
  EXPECT_THAT(Said(Fault::kClock, world), HasSubstr("keeps its data in /data here; run this on"));
  world.clock->is_followed = true;
  EXPECT_EQ(Said(Fault::kClock, world), "possible");
  world.clock->node = "far";
  EXPECT_THAT(Said(Fault::kClock, world),
              HasSubstr("what runs in /data is node/far, not node/near"));
  world.clock->node = "";
  EXPECT_THAT(Said(Fault::kClock, world), HasSubstr("is a cluster of simulated nodes"));
  world.target.is_simulated = true;
  EXPECT_EQ(Said(Fault::kClock, world), "possible");
  world.clock->problem = "Permission denied";
  EXPECT_THAT(Said(Fault::kClock, world), HasSubstr("here (Permission denied)"));
}

std::string AuthorityNamed(const std::string& name) {
  return CertificateAuthority::Create(name, TimePoint(1'700'000'000s))->pem().certificate_pem;
}

TEST(ChaosChecksTest, WhatBelongsToAnotherClusterIsNotTouched) {
  const std::string ours = AuthorityNamed("ours");
  World world = NodeWorld();
  world.kubeconfig = "/tmp/other/admin.kubeconfig";
  world.authority = AuthorityNamed("others");
  world.target.is_simulated = true;
  world.target.directory = "/var/lib/skiff";
  world.target.authority = ours;
  world.clock = ClockFact{.problem = "", .is_followed = true, .node = ""};
  EXPECT_EQ(Said(Fault::kClock, world),
            "node/near is of the cluster of /tmp/other/admin.kubeconfig, and what keeps its data "
            "in /var/lib/skiff is of another one (its authority is another); name that cluster's "
            "--kubeconfig, or the --data-dir of node/near");
  world.authority += ours;  // One of them is being replaced.
  EXPECT_EQ(Said(Fault::kClock, world), "possible");
  world.authority = "";
  EXPECT_EQ(Said(Fault::kClock, world), "possible") << "it is not known";
  // Nor a container of that name.
  world = NodeWorld();
  world.target.docker = "near";
  world.target.authority = ours;
  world.authority = AuthorityNamed("others");
  for (const Fault fault : {Fault::kKill, Fault::kPause, Fault::kPartition, Fault::kNetem}) {
    EXPECT_THAT(Said(fault, world), HasSubstr("the container near here is a node of another one"));
  }
  World peer = PodWorld();
  peer.authority = world.authority;
  peer.peer = world.target;
  EXPECT_THAT(Said(Fault::kPartition, peer), HasSubstr("a node of another one"));
}

TEST(ChaosChecksTest, TheClockOfAPodIsWhereItsProcessesAre) {
  World world = PodWorld();
  EXPECT_EQ(Said(Fault::kClock, world), "possible");
  world.is_root = false;
  EXPECT_THAT(Said(Fault::kClock, world), HasSubstr("only root may"));
  world = PodWorld();
  world.target.is_simulated = true;
  EXPECT_THAT(Said(Fault::kClock, world), HasSubstr("is simulated"));
  world = PodWorld();
  world.target.is_here = false;
  world.target.elsewhere = "runs on node/far";
  EXPECT_THAT(Said(Fault::kClock, world), HasSubstr("runs on node/far"));
}

TEST(ChaosChecksTest, TheClockOfANodesContainerIsRoots) {
  World world = NodeWorld();
  world.target.docker = "near";
  world.target.elsewhere = "is a container that does not run on this machine";
  world.target.holder = {};
  world.clock = ClockFact{.problem = "", .is_followed = true, .node = "near"};
  EXPECT_THAT(Said(Fault::kClock, world), HasSubstr("does not run on this machine"));
  world.target.holder = {100, 1};
  EXPECT_EQ(Said(Fault::kClock, world), "possible");
  world.is_root = false;
  EXPECT_THAT(Said(Fault::kClock, world), HasSubstr("only root may"));
}

}  // namespace
}  // namespace skiff::chaos
