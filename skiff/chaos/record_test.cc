#include "skiff/chaos/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "skiff/chaos/events.h"
#include "skiff/chaos/machine.h"
#include "skiff/chaos/packet_queue.h"
#include "skiff/chaos/places.h"

namespace skiff::chaos {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Record Netem() {
  Record record{.id = "x7k2p", .fault = Fault::kNetem, .target = "pod/a", .peer = "node/b",
                .detail = "delay 100ms", .ends = 100s, .length = 30s, .plan = {}};
  record.supervisor = {42, 4242};
  const Command command{{"nft", "-f", "-"}, "table inet x { }\n", "no rule", {100, 1}};
  record.plan.begin = {command};
  record.plan.end = {command, command};
  record.plan.hold.queue = 7;
  record.plan.hold.queued_by = {100, 1};
  record.plan.hold.impairment = {100ms, 10ms, 0.5, 1, 25, 1'500'000};
  record.plan.hold.frozen = {"aaaa"};
  record.plan.hold.filled = "/cache";
  record.plan.hold.filled_by = {101, 2};
  record.plan.hold.clocks = {"group"};
  record.plan.hold.clock_of = "node";
  record.plan.hold.clock_directory = "/data";
  record.plan.hold.clock_seen_by = {102, 3};
  record.plan.hold.clock = {-5s, 3, 70s, 100s};
  record.plan.stays = true;
  core_v1::ObjectReference object;
  object.api_version = "v1";
  object.kind = "Pod";
  object.namespace_ = "shop";
  object.name = "a";
  object.uid = "1";
  record.objects = {object};
  record.kubeconfig = "/root/.kube/config";
  record.authority = "certificate";
  return record;
}

class ChaosRecordsTest : public testing::Test {
 protected:
  ChaosRecordsTest() : directory_(testing::TempDir() + "/chaos-" + std::to_string(getpid())) {}
  ~ChaosRecordsTest() override { std::filesystem::remove_all(directory_); }
  const std::string directory_;
};

TEST_F(ChaosRecordsTest, KeepAllThatUndoingNeeds) {
  const auto read = ParseRecord(RecordText(Netem()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(RecordText(*read), RecordText(Netem()));
  EXPECT_EQ(read->plan.end, Netem().plan.end);
  EXPECT_EQ(read->plan.hold, Netem().plan.hold);
  EXPECT_TRUE(read->plan.stays);
  EXPECT_EQ(read->objects, Netem().objects);
  EXPECT_EQ(read->supervisor, Netem().supervisor);
}

// As the first program that wrote records did, which knew nothing of clocks and authorities.
TEST_F(ChaosRecordsTest, OfAnOlderProgramAreUndoneToo) {
  const std::string older = R"({
    "begin": [],
    "detail": "delay 100ms",
    "end": [{"absent": "no rule", "argv": ["nft", "-f", "-"],
             "holder": {"pid": 100, "started": 1}, "stdin": "table inet x { }\n"}],
    "ends": 100000000000,
    "fault": "netem",
    "hold": {"delay": 100000000, "duplicate": 1.0, "filled": "/cache",
             "filledBy": {"pid": 101, "started": 2}, "frozen": ["aaaa"], "jitter": 10000000,
             "loss": 0.5, "queue": 7, "queuedBy": {"pid": 100, "started": 1}, "rate": 1500000,
             "reorder": 25.0},
    "id": "x7k2p",
    "kubeconfig": "/root/.kube/config",
    "length": 30000000000,
    "objects": [{"kind": "Pod", "name": "a", "namespace": "shop", "uid": "1"}],
    "peer": "node/b",
    "supervisor": {"pid": 42, "started": 4242},
    "target": "pod/a"
  })";
  const auto read = ParseRecord(older);
  ASSERT_TRUE(read) << read.error().message;
  Record known = Netem();
  known.plan.begin.clear();
  known.plan.end.pop_back();
  known.plan.hold.clocks = {};
  known.plan.hold.clock_of = "";
  known.plan.hold.clock_directory = "";
  known.plan.hold.clock_seen_by = {};
  known.plan.hold.clock = {};
  known.plan.stays = false;
  known.authority = "";
  EXPECT_EQ(RecordText(*read), RecordText(known));
}

TEST_F(ChaosRecordsTest, NobodyWaitsForEverForWhoIsAtWorkThere) {
  auto mine = Records::Open(directory_);
  ASSERT_TRUE(mine) << mine.error().message;
  Record on = Netem();
  on.supervisor = IdentifyProcess(getpid()).value();
  ASSERT_TRUE(SaveRecord(directory_, on));
  const auto others = Records::Open(directory_, 40ms);
  ASSERT_FALSE(others);
  EXPECT_EQ(others.error().reason, Reason::kConflict);
  EXPECT_THAT(others.error().message, HasSubstr("another `skiff chaos` has been at work"));
  EXPECT_EQ(LivingRecords(directory_).size(), 1u) << "who only looks waits for nobody";
}

TEST_F(ChaosRecordsTest, AreFoundUntilTheyAreRemoved) {
  const auto records = Records::Open(directory_);
  ASSERT_TRUE(records) << records.error().message;
  Record later = Netem();
  later.id = "later";
  later.ends = 200s;
  ASSERT_TRUE(SaveRecord(directory_, later));
  ASSERT_TRUE(SaveRecord(directory_, Netem()));
  const auto all = records->All();
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].id, "x7k2p");
  EXPECT_EQ(DescribeRecords(*all, 90s),
            "ID      FAULT   TARGET   PEER     WHAT          LEFT\n"
            "x7k2p   netem   pod/a    node/b   delay 100ms   10s\n"
            "later   netem   pod/a    node/b   delay 100ms   1m50s\n");
  RemoveRecord(directory_, "x7k2p");
  EXPECT_EQ(records->All()->size(), 1u);
}

TEST_F(ChaosRecordsTest, LeaveNoDirectoryOnceNothingIsOn) {
  { ASSERT_TRUE(Records::Open(directory_)); }
  EXPECT_FALSE(std::filesystem::exists(directory_)) << "nothing was ever on";
  {
    const auto records = Records::Open(directory_);
    ASSERT_TRUE(records);
    ASSERT_TRUE(SaveRecord(directory_, Netem()));
  }
  EXPECT_EQ((*Records::AllIn(directory_)).size(), 1u);
  const auto mine = Records::Open(directory_);
  ASSERT_TRUE(mine);
  // Its supervisor has undone it.
  RemoveRecord(directory_, "x7k2p");
  EXPECT_FALSE(Records::Open(directory_, 0ns)) << "this is somebody's turn";
  EXPECT_TRUE(std::filesystem::exists(directory_));
}

TEST_F(ChaosRecordsTest, ATurnAfterTheDirectoryWasRemovedIsAloneAllTheSame) {
  std::optional<Result<Records>> first(Records::Open(directory_));
  ASSERT_TRUE(*first);
  std::atomic<int> at_work = 0;
  std::vector<std::jthread> others;
  for (int i = 0; i < 4; ++i) {
    others.emplace_back([&] {
      for (int turn = 0; turn < 50; ++turn) {
        const auto records = Records::Open(directory_, 20s);
        ASSERT_TRUE(records) << records.error().message;
        EXPECT_EQ(++at_work, 1);
        --at_work;
      }
    });
  }
  first.reset();
  others.clear();
  EXPECT_FALSE(std::filesystem::exists(directory_));
}

TEST_F(ChaosRecordsTest, AreToldOfWhileTheirSupervisorsLive) {
  EXPECT_EQ(TellOf(Netem(), 58s).what, "fault netem on pod/a and node/b, 42s left: delay 100ms");
  EXPECT_EQ(TellOf(Netem(), 58s).command, "skiff chaos stop x7k2p");
  EXPECT_TRUE(LivingRecords(directory_).empty());
  EXPECT_FALSE(std::filesystem::exists(directory_));
  const auto records = Records::Open(directory_);
  ASSERT_TRUE(records);
  Record mine = Netem();
  mine.id = "mine";
  mine.supervisor = IdentifyProcess(getpid()).value();
  ASSERT_TRUE(SaveRecord(directory_, mine));
  ASSERT_TRUE(SaveRecord(directory_, Netem()));
  std::ofstream(RecordPath(directory_, "alien")) << "{}";  // It hides none of the others.
  const auto living = LivingRecords(directory_);
  ASSERT_EQ(living.size(), 1);
  EXPECT_EQ(living[0].id, "mine");
}

TEST_F(ChaosRecordsTest, APathThatNoTextCanHoldIsRefused) {
  const auto records = Records::Open(directory_);
  ASSERT_TRUE(records);
  Record odd = Netem();
  odd.kubeconfig = "/srv/caf\xe9/kubeconfig";
  const auto saved = SaveRecord(directory_, odd);
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().message, testing::HasSubstr("is no UTF-8"));
}

TEST_F(ChaosRecordsTest, OfSomebodyElseAreNotTakenForOurs) {
  const auto records = Records::Open(directory_);
  ASSERT_TRUE(records);
  for (const char* text : {"", "{", "[]", "{\"id\": 1}", "{\"id\": \"x\", \"fault\": {}}"}) {
    std::ofstream(directory_ + "/odd.json") << text;
    const auto all = records->All();
    ASSERT_FALSE(all) << text;
    EXPECT_THAT(all.error().message, HasSubstr("odd.json")) << text;
  }
}

TEST(ChaosEventTest, TellsTheObjectWhatIsDoneToIt) {
  const Record record = Netem();
  const auto event = MakeEvent(record, record.objects[0], "ChaosStarted",
                               WhatItIs(record) + " for 30s", TimePoint(1000s));
  EXPECT_EQ(event.metadata.namespace_, "shop");
  EXPECT_EQ(event.involved_object, record.objects[0]);
  EXPECT_EQ(event.type, "Warning");
  EXPECT_EQ(event.message, "netem of pod/a and node/b: delay 100ms for 30s");
  core_v1::ObjectReference node;
  node.name = "near";
  const auto stopped = MakeEvent(record, node, "ChaosStopped", "x", TimePoint(1000s));
  EXPECT_EQ(stopped.metadata.namespace_, "default");
  EXPECT_EQ(stopped.type, "Normal");
}

TEST(ChaosMachineTest, FindsProcessesByTheirCgroups) {
  EXPECT_TRUE(IsInGroup("1:name=systemd:/kubepods/burstable/pod12-34/abcd\n", "pod12-34"));
  EXPECT_TRUE(IsInGroup("0::/kubepods.slice/kubepods-pod12_34.slice/cri-containerd-abcd.scope\n",
                        "pod12_34"));
  EXPECT_FALSE(IsInGroup("0::/kubepods/pod99/abcd\n", "pod12-34"));
  EXPECT_FALSE(IsInGroup("0::/", ""));  // A name that is not known is nobody's.
  EXPECT_THAT(PodGroups("12-34"), ElementsAre("pod12-34", "pod12_34"));
}

TEST(ChaosMachineTest, SeesWhatIsMountedThere) {
  const std::string mounts =
      "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "30 22 0:44 / /cache rw - tmpfs tmpfs rw\n"
      "31 22 8:1 /var/lib/skiff/pods/1/volumes/data /data rw - ext4 /dev/sda1 rw\n"
      "32 30 0:45 / /cache rw - tmpfs tmpfs rw\n";
  EXPECT_EQ(MountAt(mounts, "/cache")->device, "0:45");
  EXPECT_EQ(MountAt(mounts, "/data")->root, "/var/lib/skiff/pods/1/volumes/data");
  EXPECT_FALSE(MountAt(mounts, "/cach"));
  EXPECT_FALSE(MountAt("garbage\n", "/"));
}

TEST_F(ChaosRecordsTest, ADirectoryTellsOfWhichClusterItIs) {
  EXPECT_EQ(ReadAuthority({}, directory_), "");
  std::filesystem::create_directories(directory_ + "/pki");
  EXPECT_EQ(ReadAuthority({}, directory_), "");
  std::ofstream(directory_ + "/pki/ca.crt") << "text";
  EXPECT_EQ(ReadAuthority({}, directory_), "text");
  EXPECT_EQ(ReadAuthority(IdentifyProcess(getpid()).value(), directory_), "text");
  std::filesystem::remove(directory_ + "/pki/ca.crt");
  ASSERT_EQ(mkfifo((directory_ + "/pki/ca.crt").c_str(), 0600), 0);
  EXPECT_EQ(ReadAuthority({}, directory_), "") << "nobody writes there";
}

TEST(ChaosMachineTest, ADeviceIsFoundByItsAddress) {
  const NetworkFact network{.addresses = {{"eth0", "10.0.0.1"}, {"eth1", "10.0.1.1"}}};
  EXPECT_EQ(network.DeviceOf({"10.0.1.1", "fd00::1"}), "eth1");
  EXPECT_EQ(network.DeviceOf({"10.0.2.1"}), "");
  const NetworkFact odd{.addresses = {{"a\"}}include\"/x", "10.0.0.1"}}};
  EXPECT_EQ(odd.DeviceOf({"10.0.0.1"}), "") << "it would end the rule that it stands in";
}

TEST(ChaosPacketQueueTest, WhatIsCutShortOrIsNoMessageIsPassedOver) {
  EXPECT_TRUE(ParsePackets("").empty());
  EXPECT_TRUE(ParsePackets(std::string(100, '\0')).empty());
  EXPECT_TRUE(ParsePackets(std::string(100, '\xff')).empty());
  EXPECT_TRUE(ParsePackets(std::string(7, 'x')).empty());
}

}  // namespace
}  // namespace skiff::chaos
