#include "skiff/chaos/ending.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "apiserver/auth/pki.h"
#include "skiff/chaos/supervisor.h"

namespace skiff::chaos {
namespace {

std::string AuthorityNamed(const std::string& name) {
  return CertificateAuthority::Create(name, TimePoint(1'700'000'000s))->pem().certificate_pem;
}

class ChaosEndingTest : public testing::Test {
 protected:
  ~ChaosEndingTest() override {
    for (const ProcessId& each : supervisors_) StopProcess(each, 0ns);
    std::filesystem::remove_all(directory_);
    std::filesystem::remove_all(undone_);
  }
  // One that is on; what undoes it makes a file of its name in `undone_`.
  Record Begin(const std::string& id, const std::string& authority) {
    Record record{.id = id, .fault = Fault::kPartition, .target = "pod/" + id, .plan = {}};
    record.authority = authority;
    record.plan.end = {{.argv = {"touch", undone_ + "/" + id}}};
    record.supervisor = Supervisor(id);
    std::filesystem::create_directories(directory_);
    std::filesystem::create_directories(undone_);
    EXPECT_TRUE(SaveRecord(directory_, record));
    return record;
  }
  ProcessId Supervisor(const std::string& id) {
    const auto started = SpawnDaemon({.argv = {"sleep", "1000"},
                                      .log_path = testing::TempDir() + "/log",
                                      .environment = {{kSupervisedVariable, id}}});
    EXPECT_TRUE(started);
    supervisors_.push_back(*started);
    return *started;
  }
  bool IsUndone(const std::string& id) const {
    return std::filesystem::exists(undone_ + "/" + id) &&
           !std::filesystem::exists(RecordPath(directory_, id));
  }
  const std::string directory_ = testing::TempDir() + "/skiff-ending-" + std::to_string(getpid());
  const std::string undone_ = directory_ + "-undone";
  std::vector<ProcessId> supervisors_;
  std::string said_;
  const Progress say_ = [this](const std::string& line) { said_ += line + "\n"; };
};

TEST_F(ChaosEndingTest, ThoseOfAClusterEndWithItAndOthersGoOn) {
  const std::string ours = AuthorityNamed("ours"), others = AuthorityNamed("others");
  const Record mine = Begin("mine", ours), theirs = Begin("theirs", others);
  const Record unknown = Begin("unknown", "");
  EXPECT_TRUE(EndFaults(directory_, ours, say_));
  EXPECT_EQ(said_, "mine (partition of pod/mine) is undone\n");
  EXPECT_TRUE(IsUndone("mine"));
  EXPECT_FALSE(IsAlive(mine.supervisor));
  for (const Record& other : {theirs, unknown}) {
    EXPECT_FALSE(IsUndone(other.id)) << other.id;
    EXPECT_TRUE(IsAlive(other.supervisor)) << other.id;
  }
}

TEST_F(ChaosEndingTest, AForkHasTheSameAuthorityAndItsEndEndsNoFaultOfTheOther) {
  const std::string both = AuthorityNamed("both");
  const auto server = [&](const std::string& name) {
    const std::string data_dir = undone_ + "/" + name;
    std::filesystem::create_directories(data_dir + "/pki");
    std::ofstream(data_dir + "/pki/ca.key") << name;
    std::ofstream(data_dir + "/admin.kubeconfig") << name;
    return data_dir;
  };
  const std::string first = server("first"), fork = server("fork");
  const auto begin = [&](const std::string& id, const std::string& kubeconfig) {
    Record record = Begin(id, both);
    record.kubeconfig = kubeconfig;
    EXPECT_TRUE(SaveRecord(directory_, record));
  };
  begin("a", first + "/admin.kubeconfig");
  begin("b", fork + "/admin.kubeconfig");
  begin("c", "/root/.kube/config");
  EXPECT_TRUE(EndFaults(directory_, both, say_, fork));
  EXPECT_FALSE(IsUndone("a"));
  EXPECT_TRUE(IsUndone("b"));
  EXPECT_TRUE(IsUndone("c")) << "it may be either's";
  EXPECT_TRUE(EndFaults(directory_, both, say_, undone_ + "/joined"));
  EXPECT_TRUE(IsUndone("a")) << "a node that joined keeps no kubeconfig of a server";
}

TEST_F(ChaosEndingTest, OneThatCannotBeEndedKeepsNobodyFromEndingTheOthers) {
  const std::string ours = AuthorityNamed("ours");
  Record stuck = Begin("stuck", ours);
  stuck.plan.end = {{.argv = {"false"}}};
  ASSERT_TRUE(SaveRecord(directory_, stuck));
  Record later = Begin("later", ours);
  later.ends = 1000s;
  ASSERT_TRUE(SaveRecord(directory_, later));
  EXPECT_FALSE(EndFaults(directory_, ours, say_));
  EXPECT_TRUE(IsUndone("later"));
  EXPECT_TRUE(std::filesystem::exists(RecordPath(directory_, "stuck"))) << "for who comes next";
}

TEST_F(ChaosEndingTest, WhatOthersLeftBehindHindersNobodyAndStays) {
  const std::string ours = AuthorityNamed("ours");
  Record dead = Begin("dead", AuthorityNamed("others"));
  StopProcess(dead.supervisor, 0ns);
  dead.plan.end = {{.argv = {"false"}}};
  ASSERT_TRUE(SaveRecord(directory_, dead));
  std::ofstream(RecordPath(directory_, "alien")) << "{}";
  Begin("mine", ours);
  EXPECT_TRUE(EndFaults(directory_, ours, say_));
  EXPECT_TRUE(IsUndone("mine"));
  EXPECT_TRUE(std::filesystem::exists(RecordPath(directory_, "dead")));
  EXPECT_TRUE(std::filesystem::exists(RecordPath(directory_, "alien")));
}

TEST_F(ChaosEndingTest, OursThatLostTheirSupervisorsAreUndoneOneByOne) {
  const std::string ours = AuthorityNamed("ours");
  Record stuck = Begin("stuck", ours);
  StopProcess(stuck.supervisor, 0ns);
  stuck.plan.end = {{.argv = {"false"}}};
  ASSERT_TRUE(SaveRecord(directory_, stuck));
  Record dead = Begin("dead", ours);
  StopProcess(dead.supervisor, 0ns);
  dead.ends = 1000s;
  ASSERT_TRUE(SaveRecord(directory_, dead));
  EXPECT_FALSE(EndFaults(directory_, ours, say_));
  EXPECT_TRUE(IsUndone("dead"));
  EXPECT_THAT(said_, testing::HasSubstr("dead (partition of pod/dead) had lost its supervisor"));
}

TEST_F(ChaosEndingTest, WhatCannotBeUndoneIsStillShownAndKeepsNobodyFromTheOthers) {
  Record stuck = Begin("stuck", "");
  StopProcess(stuck.supervisor, 0ns);
  stuck.plan.end = {{.argv = {"false"}}};
  ASSERT_TRUE(SaveRecord(directory_, stuck));
  Record dead = Begin("dead", "");
  StopProcess(dead.supervisor, 0ns);
  Begin("lives", "");
  const auto records = Records::Open(directory_);
  ASSERT_TRUE(records);
  const auto on = Sweep(directory_, *records);
  ASSERT_TRUE(on) << on.error().message;
  std::vector<std::string> ids;
  for (const Record& record : *on) ids.push_back(record.id);
  EXPECT_THAT(ids, testing::UnorderedElementsAre("stuck", "lives"));
  EXPECT_TRUE(IsUndone("dead"));
  EXPECT_FALSE(EndFault(directory_, stuck, say_)) << "who ends it hears what is in the way";
}

TEST_F(ChaosEndingTest, WhoWaitsForAnotherSaysSo) {
  const std::string ours = AuthorityNamed("ours");
  Begin("mine", ours);
  auto opened = Records::Open(directory_);
  ASSERT_TRUE(opened);
  std::optional<Records> turn(std::move(*opened));
  const Progress say = [&](const std::string& line) {
    say_(line);
    turn.reset();
  };
  EXPECT_TRUE(EndFaults(directory_, ours, say));
  EXPECT_THAT(said_, testing::StartsWith("note: another `skiff chaos` is at work"));
  EXPECT_TRUE(IsUndone("mine"));
}

TEST_F(ChaosEndingTest, OfNoClusterNothingEnds) {
  Begin("x7k2p", "");
  EXPECT_TRUE(EndFaults(directory_, "", say_));
  EXPECT_FALSE(IsUndone("x7k2p"));
}

TEST_F(ChaosEndingTest, WithoutAnyFaultNothingIsMade) {
  EXPECT_TRUE(EndFaults(directory_, AuthorityNamed("ours"), say_));
  EXPECT_FALSE(std::filesystem::exists(directory_));
}

}  // namespace
}  // namespace skiff::chaos
