// A resolv.conf on a real disk, changed as the programs of a machine change it.
#include "dns/resolv_conf_loop.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/mutex.h"

namespace skiff::dns {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ResolvConfLoopTest : public ::testing::Test {
 protected:
  ResolvConfLoopTest()
      : directory_(::testing::TempDir() + "resolv." + std::to_string(getpid())),
        path_(directory_ + "/etc/resolv.conf") {
    fs::create_directories(directory_ + "/etc");
    fs::create_directories(directory_ + "/run");
  }
  ~ResolvConfLoopTest() override {
    executor_.Remove(*loop_);
    fs::remove_all(directory_);
  }
  void Start() {
    loop_ = std::make_unique<ResolvConfLoop>(path_, [this](const auto& servers) {
      MutexLock lock(mutex_);
      told_.emplace();
      for (const SocketAddress& server : servers) told_->push_back(server.Text());
      changed_.notify_all();
    });
    executor_.Add(*loop_);
  }
  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }
  // What is told next.
  std::vector<std::string> Next() {
    MutexLock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 10s, [this] { return told_.has_value(); }));
    const auto told = told_.value_or(std::vector<std::string>{"nothing"});
    told_.reset();
    return told;
  }

  const std::string directory_;
  const std::string path_;
  Mutex mutex_;
  CondVar changed_;
  std::optional<std::vector<std::string>> told_;  // Guarded by mutex_.
  ThreadExecutor executor_{"test", 1};
  std::unique_ptr<ResolvConfLoop> loop_;
};

TEST_F(ResolvConfLoopTest, ItIsReadAndReadAgainHoweverItChanges) {
  Write(path_, "nameserver 192.0.2.1\n");
  Start();
  EXPECT_THAT(Next(), ElementsAre("192.0.2.1:53"));
  Write(path_, "nameserver 192.0.2.2\nnameserver fd00::1\nnameserver nonsense\n");
  EXPECT_THAT(Next(), ElementsAre("192.0.2.2:53", "[fd00::1]:53"));
  Write(directory_ + "/etc/other", "nameserver 192.0.2.3\n");
  fs::rename(directory_ + "/etc/other", path_);
  EXPECT_THAT(Next(), ElementsAre("192.0.2.3:53"));
  Write(path_, "# no network\n");
  EXPECT_THAT(Next(), IsEmpty());
}

TEST_F(ResolvConfLoopTest, OneThatIsNotThereYetIsWaitedFor) {
  Start();
  Write(path_, "nameserver 192.0.2.1\n");
  EXPECT_THAT(Next(), ElementsAre("192.0.2.1:53"));
}

TEST_F(ResolvConfLoopTest, ALinkIsFollowed) {
  const std::string target = directory_ + "/run/resolv.conf";
  Write(target, "nameserver 192.0.2.1\n");
  fs::create_symlink("../run/resolv.conf", path_);
  Start();
  EXPECT_THAT(Next(), ElementsAre("192.0.2.1:53"));
  Write(target + ".new", "nameserver 192.0.2.2\n");
  fs::rename(target + ".new", target);
  EXPECT_THAT(Next(), ElementsAre("192.0.2.2:53"));
}

}  // namespace
}  // namespace skiff::dns
