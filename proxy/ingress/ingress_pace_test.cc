// What a master says of its workers while a reload waits for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <functional>
#include <thread>

#include "proxy/ingress/ingress_fixture.h"

namespace skiff::ingress {
namespace {

using testing::HasSubstr;

// Stands before the master of a HAProxy and answers some of what it is asked itself.
class Master {
 public:
  // "" leaves it to the one behind.
  using Answer = std::function<std::string(const std::string& asked)>;

  Master(const std::string& directory, Answer answer)
      : behind_(directory + "/behind.sock"), answer_(std::move(answer)) {
    const std::string path = directory + "/master.sock";
    std::filesystem::rename(path, behind_);
    const sockaddr_un at = At(path);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    thread_ = std::thread([this] { Run(); });
  }
  ~Master() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

 private:
  static sockaddr_un At(const std::string& path) {
    sockaddr_un at{.sun_family = AF_UNIX};
    path.copy(at.sun_path, sizeof at.sun_path - 1);
    return at;
  }
  static std::string ReadAll(int file) {
    std::string all;
    char buffer[4096];
    for (ssize_t n; (n = recv(file, buffer, sizeof buffer, 0)) > 0;) {
      all.append(buffer, static_cast<size_t>(n));
    }
    return all;
  }
  static void Say(int file, const std::string& text) {
    (void)send(file, text.data(), text.size(), MSG_NOSIGNAL);  // Who asked may have gone.
    shutdown(file, SHUT_WR);
  }
  void Run() {
    for (int asker; (asker = accept(listener_, nullptr, nullptr)) >= 0; close(asker)) {
      const std::string asked = ReadAll(asker);
      std::string said = answer_(asked);
      if (said.empty()) {
        const int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_un at = At(behind_);
        if (connect(file, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0) {
          Say(file, asked);
          said = ReadAll(file);
        }
        close(file);
      }
      Say(asker, said);
    }
  }

  const std::string behind_;
  const Answer answer_;
  const int listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::thread thread_;
};

class IngressPaceTest : public IngressFixture {
 protected:
  // One reload has been, so that the next may have to wait.
  void BeginAndReload() {
    ServeTwo();
    objects_.AddRule("a", "", "/", "Prefix", "web");
    Begin();
    ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
    objects_.AddRule("b", "", "/b", "Prefix", "api");
    Publish();
    ASSERT_TRUE(UntilGet("foo.com", "/b", "200 api"));
    ASSERT_TRUE(Until([&] { return loop_->reloads() == 1; }));
  }
};

// Its end is seen at once, and its master tells of it until that has seen it as well.
TEST_F(IngressPaceTest, AWorkerThatHasEndedAndIsToldOfIsWaitedForShortly) {
  BeginAndReload();
  const pid_t ended = fork();
  if (ended == 0) _exit(0);
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(ended), &info, WEXITED | WNOWAIT), 0);
  std::atomic<int> told = 0;
  const Master master(directory_, [&](const std::string& asked) -> std::string {
    if (asked != "show proc\n" || told == 3) return "";
    ++told;
    return "#<PID> <type> <reloads>\n# old workers\n" + std::to_string(ended) + " worker 16\n";
  });
  const Duration begin = SystemClock().Monotonic();
  objects_.AddRule("c", "", "/c", "Prefix", "api");
  Publish();
  EXPECT_TRUE(UntilGet("foo.com", "/c", "200 api"));
  EXPECT_LT(SystemClock().Monotonic() - begin, ReloadPace::kPeriod / 2);
  EXPECT_EQ(told, 3);
  waitpid(ended, nullptr, 0);
}

TEST_F(IngressPaceTest, AMasterThatDoesNotTellItsWorkersIsTrouble) {
  BeginAndReload();
  std::atomic<bool> tells = false;
  const Master master(directory_, [&](const std::string& asked) {
    return asked != "show proc\n" || tells ? "" : "Permission denied\n";
  });
  objects_.AddRule("c", "", "/c", "Prefix", "api");
  Publish();
  EXPECT_TRUE(Until([&] { return Written().find("NotServed") != std::string::npos; }));
  EXPECT_THAT(Written(), HasSubstr("haproxy told no workers: Permission denied"));
  EXPECT_EQ(loop_->reloads(), 1);
  tells = true;
  EXPECT_TRUE(UntilGet("foo.com", "/c", "200 api"));
}

class HeldStatusesTest : public IngressFixture {
 protected:
  HeldStatusesTest() : IngressFixture(Statuses::kHeld) {}
};

TEST_F(HeldStatusesTest, WhatIsServedDoesNotWaitForThousandsOfStatuses) {
  ServeTwo();
  constexpr int kIngresses = 1000;
  for (int i = 0; i < kIngresses; ++i) {
    objects_.AddRule("a" + std::to_string(i), "h" + std::to_string(i) + ".com", "/", "Prefix",
                     "web");
  }
  Begin();
  ASSERT_TRUE(UntilGet("h0.com", "/", "200 web"));
  ASSERT_TRUE(Until([&] { return held_ == Mailbox::kOnTheWayMax; }));
  SetEndpoints("web", {2});
  Publish();
  EXPECT_TRUE(UntilGet("h999.com", "/", "200 api"));
  EXPECT_EQ(held_, Mailbox::kOnTheWayMax) << "the others wait until some are answered";
}

}  // namespace
}  // namespace skiff::ingress
