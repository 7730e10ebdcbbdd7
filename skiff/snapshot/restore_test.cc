// A running cluster of one simulated node, saved, restored, and asked.
#include "skiff/snapshot/restore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <semaphore>

#include "apiserver/auth/pki.h"
#include "apiserver/storage/rocksdb_store_disk.h"
#include "skiff/daemon.h"
#include "skiff/host_facts.h"
#include "skiff/joined_cluster_test.h"
#include "skiff/snapshot/fork.h"
#include "skiff/snapshot/store_copy.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;
using testing::ElementsAre;
using testing::HasSubstr;

namespace fs = std::filesystem;

class RestoreTest : public JoinedClusterTest {
 protected:
  RestoreTest() { fs::create_directories(work_); }
  ~RestoreTest() override { fs::remove_all(work_); }
  static void Write(const std::string& name, const std::string& value) {
    ConfigMap map;
    map.metadata.namespace_ = "default";
    map.metadata.name = name;
    map.data["value"] = value;
    ASSERT_TRUE(admin_->Create(map));
  }
  void Save(const std::string& path) {
    const auto copy = StoreCopy::Take(options_.data_dir, AdminKubeconfigPath(options_), work_);
    ASSERT_TRUE(copy) << copy.error().message;
    const auto facts = copy->Facts(options_.data_dir);
    ASSERT_TRUE(facts) << facts.error().message;
    const auto saved =
        WriteSnapshot(path, *facts, copy->path(), options_.data_dir, /*replace=*/false);
    ASSERT_TRUE(saved) << saved.error().message;
    EXPECT_EQ(saved->SimulatedNodes(), 1);
  }
  std::string RefusalOf(const std::string& archive, const std::string& data_dir,
                        bool force = false) {
    const auto restored = Restore({.archive = archive, .data_dir = data_dir, .force = force});
    return restored ? "" : restored.error().message;
  }
  static http::Response Ask(Transport& transport, const std::string& target) {
    http::Request request;
    request.method = "GET";
    request.target = target;
    const size_t mark = target.find('?');
    request.path = target.substr(0, mark);
    request.query = http::ParseQuery(target.substr(mark + 1));
    return transport.Send(std::move(request));
  }
  // Why a watch from there ends; it does not wait for any event.
  static Error EndOfWatch(Client& client, const std::string& version) {
    const auto stream = client.Watch(ConfigMap::Info(),
                                     {.namespace_ = "default", .resource_version = version});
    if (!stream) return stream.error();
    std::binary_semaphore woken(0);
    (*stream)->Attach([&] { woken.release(); });
    for (;;) {
      std::vector<WatchEvent> events;
      const auto pulled = (*stream)->Next(events);
      if (!pulled) return pulled.error();
      EXPECT_TRUE(events.empty());
      if (*pulled == http::Pulled::kIdle && !woken.try_acquire_for(kPatience)) return {};
    }
  }
  const std::string work_ = testing::TempDir() + "/skiff-restore-" + std::to_string(getpid());
};

TEST_F(RestoreTest, TheRestoredClusterHasWhatWasSavedAndIsNotMistakenForTheOther) {
  Write("saved", "1");
  Save(work_ + "/x.tar");
  EXPECT_FALSE(fs::exists(options_.data_dir + "/checkpoints/1")) << "the copy was taken away";
  Write("later", "1");
  const auto later = admin_->Get<ConfigMap>({"default", "later"});
  const std::string known = (*later)->metadata.resource_version;

  const std::string data_dir = work_ + "/restored";
  const auto restored = Restore({.archive = work_ + "/x.tar", .data_dir = data_dir});
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->revision.value, restored->facts.revision.value + 1'000'000'000);
  ClusterOptions options = options_;
  options.data_dir = data_dir;
  options.secure_port = FreePort();
  const auto cluster = Cluster::Start(options, [](const std::string&) {});
  ASSERT_TRUE(cluster) << cluster.error().message;
  const auto transport =
      *MakeHttpsTransport(*Kubeconfig::Load(AdminKubeconfigPath(options))->Options());
  Client client(*transport, "test");
  EXPECT_EQ(client.Get<ConfigMap>({"default", "saved"}).value()->data.at("value"), "1");
  EXPECT_EQ(client.Get<ConfigMap>({"default", "later"}).error().reason, Reason::kNotFound);
  const auto exact = Ask(
      *transport,
      "/api/v1/namespaces/default/configmaps?resourceVersionMatch=Exact&resourceVersion=" + known);
  EXPECT_EQ(exact.status, 410) << exact.body;
  EXPECT_EQ(EndOfWatch(client, known).reason, Reason::kExpired);
}

TEST_F(RestoreTest, OverAClusterItGoesOnBeyondBoth) {
  Write("over", "1");
  Save(work_ + "/x.tar");
  const std::string data_dir = work_ + "/data";
  const auto first = Restore({.archive = work_ + "/x.tar", .data_dir = data_dir});
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_THAT(RefusalOf(work_ + "/x.tar", data_dir), HasSubstr("--force replaces the cluster"));
  const auto second =
      Restore({.archive = work_ + "/x.tar", .data_dir = data_dir, .force = true});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_GT(second->revision, first->revision) << "whose clients are told as well";
  EXPECT_FALSE(fs::exists(data_dir + "/restore.old"));
  EXPECT_FALSE(fs::exists(data_dir + "/restore.new"));
}

TEST_F(RestoreTest, WhatOneThatWasEndedHalfWayHadFoundIsKept) {
  Save(work_ + "/x.tar");
  const std::string data_dir = work_ + "/data";
  ASSERT_TRUE(Restore({.archive = work_ + "/x.tar", .data_dir = data_dir}));
  fs::create_directories(data_dir + "/restore.old");
  fs::rename(data_dir + "/store", data_dir + "/restore.old/store");
  EXPECT_THAT(RefusalOf(work_ + "/x.tar", data_dir, /*force=*/true),
              HasSubstr("/restore.old holds the cluster that a restore found here"));
  EXPECT_TRUE(fs::exists(data_dir + "/restore.old/store"));
  fs::rename(data_dir + "/restore.old/store", data_dir + "/store");
  ASSERT_TRUE(Restore({.archive = work_ + "/x.tar", .data_dir = data_dir, .force = true}));
  EXPECT_FALSE(fs::exists(data_dir + "/restore.old"));
}

TEST_F(RestoreTest, WhatIsRefusedChangesNothing) {
  Save(work_ + "/x.tar");
  const std::string whole = *ReadWholeFile(work_ + "/x.tar");
  ASSERT_TRUE(WriteWholeFile(work_ + "/cut.tar", whole.substr(0, whole.size() / 2), 0600));
  EXPECT_THAT(RefusalOf(work_ + "/cut.tar", work_ + "/new"), HasSubstr("cut off"));
  EXPECT_FALSE(fs::exists(work_ + "/new"));

  const std::string data_dir = work_ + "/data";
  ASSERT_TRUE(Restore({.archive = work_ + "/x.tar", .data_dir = data_dir}));
  const auto before = RocksdbDisk::Inspect({.path = data_dir + "/store"})->last;
  EXPECT_THAT(RefusalOf(work_ + "/cut.tar", data_dir, /*force=*/true), HasSubstr("cut off"));
  EXPECT_EQ(RocksdbDisk::Inspect({.path = data_dir + "/store"})->last, before);
  EXPECT_FALSE(fs::exists(data_dir + "/restore.new"));
  {
    const auto lock = DataDirLock::Take(data_dir);
    EXPECT_THAT(RefusalOf(work_ + "/x.tar", data_dir, /*force=*/true), HasSubstr("skiff down"));
  }
  ASSERT_TRUE(WriteClusterMark({.data_dir = data_dir}));
  EXPECT_THAT(RefusalOf(work_ + "/x.tar", data_dir, /*force=*/true),
              HasSubstr("whose node runs containers"));

  fs::create_directories(work_ + "/others");
  ASSERT_TRUE(WriteWholeFile(work_ + "/others/thesis.txt", "", 0600));
  EXPECT_THAT(RefusalOf(work_ + "/x.tar", work_ + "/others", /*force=*/true),
              HasSubstr("holds files that are no cluster's"));
  EXPECT_THAT(RefusalOf(work_ + "/x.tar", work_ + "/x.tar"), HasSubstr("is no directory"));
}

TEST_F(RestoreTest, AStoppedClusterIsCopiedWithoutAServer) {
  Write("stopped", "1");
  Save(work_ + "/x.tar");
  const std::string data_dir = work_ + "/data";
  ASSERT_TRUE(Restore({.archive = work_ + "/x.tar", .data_dir = data_dir}));
  {
    const auto copy = StoreCopy::Take(data_dir, "", work_);
    ASSERT_TRUE(copy) << copy.error().message;
    EXPECT_EQ(copy->Facts(data_dir)->revision,
              RocksdbDisk::Inspect({.path = data_dir + "/store"})->last);
  }
  EXPECT_TRUE(fs::is_empty(data_dir + "/checkpoints"));
  const auto none = StoreCopy::Take(work_ + "/none", "", work_);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("holds no cluster"));
  EXPECT_FALSE(fs::exists(work_ + "/none")) << "nothing is made by looking";
}

// What it says where its copy lies might be anything.
TEST_F(RestoreTest, NothingThatAServerNamesElsewhereIsTakenOrRemoved) {
  fs::create_directories(work_ + "/data/checkpoints");
  const std::string there = options_.data_dir + "/checkpoints";
  {
    const auto copy = StoreCopy::Take(work_ + "/data", AdminKubeconfigPath(options_), work_);
    ASSERT_FALSE(copy);
    EXPECT_THAT(copy.error().message, HasSubstr("which is none of " + work_ + "/data"));
  }
  EXPECT_FALSE(fs::is_empty(there)) << "it is another's";
  for (const auto& left : fs::directory_iterator(there)) fs::remove_all(left.path());
}

TEST_F(RestoreTest, ACopyIsPrivateWhileItGoesToAnotherDisk) {
  auto copy = StoreCopy::Take(options_.data_dir, AdminKubeconfigPath(options_), work_);
  ASSERT_TRUE(copy) << copy.error().message;
  const std::string to = "/dev/shm/skiff-restore-" + std::to_string(getpid());
  struct stat here {
  }, there{};
  if (stat(copy->path().c_str(), &here) != 0 || stat("/dev/shm", &there) != 0 ||
      here.st_dev == there.st_dev) {
    GTEST_SKIP() << "there is one disk";
  }
  // A pipe cannot be copied: what is made until then is seen.
  ASSERT_EQ(mkfifo((copy->path() + "/pipe").c_str(), 0600), 0);
  EXPECT_FALSE(copy->MoveTo(to));
  EXPECT_EQ(fs::status(to).permissions(), fs::perms::owner_all);
  fs::remove_all(to);
}

TEST(ForkTest, StartsAsTheOtherWithoutWhatTwoCannotHave) {
  const ClusterOptions fork{.data_dir = "/d-x",
                            .secure_port = 7000,
                            .simulated_nodes = 3,
                            .service_cidr = "10.1.0.0/16",
                            .cluster_cidr = "10.2.0.0/16",
                            .cluster_dns = "off"};
  EXPECT_EQ(ForkDirectory("/var/lib/skiff/", "x"), "/var/lib/skiff-x");
  const auto arguments = ForkArguments(
      fork, {"--foreground", "--nodes=5", "--data-dir=/d", "--secure-port=6443", "--durability",
             "interval", "--join-file=/j", "--node-monitor-grace-period=9s", "--v=4"});
  EXPECT_THAT(arguments,
              ElementsAre("--data-dir=/d-x", "--secure-port=7000", "--nodes=3",
                          "--service-cluster-ip-range=10.1.0.0/16", "--cluster-cidr=10.2.0.0/16",
                          "--cluster-dns=off", "--durability=interval",
                          "--node-monitor-grace-period=9s", "--v=4"));
  EXPECT_EQ(ForkArguments(fork, {"--kubelet-port=10251", "--ingress-http-port=81"}).size(), 6u)
      << "nothing of containers";
}

TEST_F(RestoreTest, AForkIsRefusedBeforeAnythingIsMade) {
  const auto refusal = [&](ForkOptions options) {
    const auto forked = Fork(options);
    return forked ? "" : forked.error().message;
  };
  EXPECT_THAT(refusal({.name = "../x", .data_dir = options_.data_dir}),
              HasSubstr("no name for a cluster"));
  EXPECT_THAT(refusal({.name = "x", .data_dir = work_}), HasSubstr("holds no cluster"));
  ASSERT_TRUE(WriteClusterMark({.data_dir = work_}));
  EXPECT_THAT(refusal({.name = "x", .data_dir = work_}), HasSubstr("--nodes=N simulates"));
  fs::create_directories(options_.data_dir + "-x/store");
  EXPECT_THAT(refusal({.name = "x", .data_dir = options_.data_dir}), HasSubstr("is there already"));
  fs::remove_all(options_.data_dir + "-x");
}

}  // namespace
}  // namespace skiff
