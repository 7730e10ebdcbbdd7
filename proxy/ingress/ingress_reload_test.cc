// What requests see of a reload, and endpoints that change meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <set>
#include <thread>

#include "proxy/ingress/ingress_fixture.h"

namespace skiff::ingress {
namespace {

using testing::HasSubstr;
using testing::Not;

class IngressReloadTest : public IngressFixture {};

// A haproxy that takes its time to check a configuration, or to start anew with it, as on a busy
// machine.
class SlowHaproxy {
 public:
  explicit SlowHaproxy(const std::string& directory)
      : path_(std::getenv("PATH")), folder_(directory + "/slow") {
    std::filesystem::create_directories(folder_);
    // Its master becomes another process by the name that it was started with.
    std::ofstream(folder_ + "/haproxy")
        << "#!/bin/bash\ncd " << folder_ << "\n"
        << "[ \"$1\" != -c ] || touch checked\n"
        << "[ \"$1\" != -c -o ! -e check ] || sleep 4\n"
        << "[ \"$1\" = -c -o ! -e start ] || { touch starting; sleep 4; }\n"
        << "exec -a $PWD/haproxy " << *FindProgram("haproxy") << " \"$@\"\n";
    std::filesystem::permissions(folder_ + "/haproxy", std::filesystem::perms::owner_all);
    setenv("PATH", (folder_ + ":" + path_).c_str(), 1);
  }
  ~SlowHaproxy() { setenv("PATH", path_.c_str(), 1); }
  // "check" or "start".
  void Slow(const std::string& what) { std::ofstream(folder_ + "/" + what) << what; }
  bool starts() const { return std::filesystem::exists(folder_ + "/starting"); }
  bool was_checked() const { return std::filesystem::exists(folder_ + "/checked"); }

 private:
  const std::string path_;
  const std::string folder_;
};

// A check reads a thousand certificates as long as the start does, and nobody is served meanwhile.
TEST_F(IngressReloadTest, WhoEndedIsBackWithoutAnotherCheck) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  // The start is over when the status is told.
  ASSERT_TRUE(Until([&] { return Written().find(kAddress) != std::string::npos; }));
  const SlowHaproxy haproxy(directory_);
  const auto before = Haproxy(directory_).Process();
  ASSERT_TRUE(before);
  kill(before->pid, SIGTERM);  // Its workers end first, and have let the ports go.
  ASSERT_TRUE(Until([&] {
    const auto now = Haproxy(directory_).Process();
    return now && *now != *before;
  }));
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  EXPECT_FALSE(haproxy.was_checked());
  objects_.AddRule("b", "", "/b", "Prefix", "api");
  Publish();
  ASSERT_TRUE(UntilGet("foo.com", "/b", "200 api"));
  EXPECT_TRUE(haproxy.was_checked()) << "another one is";
}

TEST_F(IngressReloadTest, APodThatEndsDuringAReloadGetsNoRequestsAnyMore) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  SlowHaproxy haproxy(directory_);
  haproxy.Slow("check");
  objects_.AddRule("b", "", "/b", "Prefix", "api");
  Publish();
  ASSERT_TRUE(Until([&] { return std::filesystem::exists(directory_ + "/config.1/haproxy.cfg"); }));
  SetEndpoints("web", {2});
  Publish();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 api"));
  EXPECT_EQ(loop_->reloads(), 0) << "that was told to the worker before";
  ASSERT_TRUE(UntilGet("foo.com", "/b", "200 api"));
  EXPECT_EQ(Get("foo.com", "/"), "200 api");
  EXPECT_TRUE(Until([&] { return loop_->reloads() == 1; }));
  EXPECT_THAT(Haproxy(directory_).ConfigText(), Not(HasSubstr("server 10.244.0.1_8080")))
      << "nor has the new one to be told";
}

TEST_F(IngressReloadTest, APodThatEndsWhileANewWorkerStartsGetsNoRequestsAnyMore) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  SlowHaproxy haproxy(directory_);
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  haproxy.Slow("start");
  objects_.AddRule("b", "", "/b", "Prefix", "api");
  Publish();
  ASSERT_TRUE(Until([&] { return haproxy.starts(); }));
  SetEndpoints("web", {2});
  Publish();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 api"));
  EXPECT_EQ(loop_->reloads(), 0) << "that was told to the worker before";
  ASSERT_TRUE(UntilGet("foo.com", "/b", "200 api"));
  EXPECT_TRUE(Until([&] { return loop_->reloads() == 1; }));
  EXPECT_EQ(loop_->syncs(), 0) << "the new one was told as soon as it was there";
  EXPECT_EQ(Get("foo.com", "/"), "200 api");
}

TEST_F(IngressReloadTest, WhatARuleLedToServesUntilTheRuleIsAnotherOne) {
  ServeTwo();
  auto& ingress = objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  SlowHaproxy haproxy(directory_);
  haproxy.Slow("check");
  ingress.spec.rules[0].http->paths[0].backend.service->name = "api";
  Publish();
  std::set<std::string> said;
  EXPECT_TRUE(Until([&] {
    said.insert(Get("foo.com", "/"));
    return said.contains("200 api");
  }));
  EXPECT_THAT(said, testing::ElementsAre("200 api", "200 web"));
}

// A worker of before, with a WebSocket of somebody, would be ended by the thirty-third reload.
TEST_F(IngressReloadTest, NobodyWaitsForReloadsButForConnectionsThatHaveSeenMany) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  int made = 0;
  const auto change = [&] {
    const std::string name = "b" + std::to_string(++made);
    objects_.AddService(name, {Ip(2)});
    objects_.AddRule(name, "", "/" + name, "Prefix", name);
    Publish();
    return UntilGet("foo.com", "/" + name, "200 api");
  };
  std::unique_ptr<http::testing::TestClient> socket;
  host_->Run([&] { socket = std::make_unique<http::testing::TestClient>(80); });
  socket->Send(
      "GET / HTTP/1.1\r\nHost: foo.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  ASSERT_THAT(socket->ReadUntil("\r\n\r\n"), HasSubstr("HTTP/1.1 101 "));
  for (int i = 0; i < ReloadPace::kSeenMax; ++i) {
    ASSERT_TRUE(change()) << i;
    socket->Send(std::string("\x81\x81\0\0\0\0x", 7));
    ASSERT_THAT(socket->ReadUntil("\x01x"), HasSubstr("x")) << i;
  }
  // While its master becomes another process, that says nothing.
  EXPECT_TRUE(Until([&] {
    const auto oldest = Haproxy(directory_).Oldest();
    return oldest && *oldest && (*oldest)->seen == ReloadPace::kSeenMax;
  }));
  objects_.AddService("last", {Ip(2)});
  objects_.AddRule("last", "", "/last", "Prefix", "last");
  Publish();
  poll(nullptr, 0, 3000);
  EXPECT_EQ(loop_->reloads(), ReloadPace::kSeenMax) << "who has a connection for so long keeps it";
  const Duration ended = SystemClock().Monotonic();
  socket.reset();
  ASSERT_TRUE(UntilGet("foo.com", "/last", "200 api"));
  EXPECT_LT(SystemClock().Monotonic() - ended, ReloadPace::kPeriod / 2) << "until it ends";
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(change()) << i;
  EXPECT_LT(SystemClock().Monotonic() - ended, ReloadPace::kPeriod) << "nobody waits then";
}

// Requests by connections of their own and by one that is kept, one after the other, and what was
// answered to those that were not answered well.
class Load {
 public:
  explicit Load(const TestHost& host) {
    for (const bool keep : {true, false, false}) {
      threads_.emplace_back([this, &host, keep] {
        host.Enter();
        Run(keep);
      });
    }
  }
  ~Load() { Stop(); }  // Also of a test that failed half-way.
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  int asked() const { return asked_; }
  std::string failures() {
    const MutexLock lock(mutex_);
    return failures_;
  }

 private:
  void Run(bool keep) {
    std::unique_ptr<http::testing::TestClient> client;
    while (!stop_) {
      if (!client) client = std::make_unique<http::testing::TestClient>(80);
      client->Send("GET /load HTTP/1.1\r\nHost: foo.com\r\n\r\n");
      const std::string head = client->ReadUntil("\r\n\r\n");
      const size_t length = head.find("ontent-");
      ++asked_;
      if (!head.starts_with("HTTP/1.1 200") || length == std::string::npos) {
        const MutexLock lock(mutex_);
        failures_ += "[" + head + "]\n";
        client.reset();
        continue;
      }
      client->ReadUntil("HTTP/1.1\n");  // The body's end.
      // HAProxy says so when the worker that has the connection is about to end.
      if (!keep || head.find("onnection: close") != std::string::npos) client.reset();
    }
  }
  std::atomic<bool> stop_ = false;
  std::atomic<int> asked_ = 0;
  Mutex mutex_;
  std::string failures_ GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

TEST_F(IngressReloadTest, NoRequestIsLostWhileRulesAndEndpointsChange) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  Load load(*host_);
  int on = 1;
  for (int round = 0; round < 4; ++round) {
    // A rolling update: the new endpoint is there, then the old one goes, and then its server.
    const int next = 3 - on;
    SetEndpoints("web", {on, next});
    Publish();
    SetEndpoints("web", {next});
    Publish();
    const std::string name = "rule" + std::to_string(round);
    objects_.AddRule(name, "", "/" + name, "Exact", next == 1 ? "web" : "api");
    Publish();
    ASSERT_TRUE(Until([&] { return loop_->reloads() > round; }));
    ASSERT_TRUE(UntilGet("foo.com", "/", next == 1 ? "200 web" : "200 api"));
    on = next;
  }
  const int asked = load.asked();
  ASSERT_TRUE(Until([&] { return load.asked() > asked + 20; }));
  load.Stop();
  EXPECT_EQ(load.failures(), "") << "of " << load.asked();
  EXPECT_GT(load.asked(), 50);
}

TEST_F(IngressReloadTest, WhoKeepsAConnectionOverAReloadGetsOneMoreAnswer) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  std::unique_ptr<http::testing::TestClient> client;
  host_->Run([&] { client = std::make_unique<http::testing::TestClient>(80); });
  EXPECT_EQ(client->Get("/x").Header("connection"), "");
  objects_.AddRule("b", "", "/api", "Prefix", "api");
  Publish();
  ASSERT_TRUE(UntilGet("foo.com", "/api", "200 api"));
  const auto answer = client->Get("/x");
  EXPECT_THAT(answer.body, HasSubstr("web /x"));
  EXPECT_EQ(answer.Header("connection"), "close");
}

}  // namespace
}  // namespace skiff::ingress
