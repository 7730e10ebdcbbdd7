// What a manager does for every controller; the rest is tested with whole controllers.
#include "client/manager.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

#include "api/gen/core_v1.h"
#include "client/kept_replies_fixture.h"
#include "client/reconciler.h"
#include "client/transport.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;
using core_v1::Node;

// Reconciles that leave their last write (decision 0080): a server that answers writes when the
// test says so, and a controller that labels nodes.
class LastWriteTest : public testing::Test {
 protected:
  class Labels final : public Reconciler<Node> {
   public:
    explicit Labels(LastWriteTest& test) : test_(test) {}
    Result<Requeue> Reconcile(const Node& node) override {
      ++test_.runs_[node.metadata.name];
      return Requeue{.after = {},
                     .last = LastPatch(test_.manager_.client(), node, [](Node& it) {
                       it.metadata.labels["seen"] = "yes";
                     })};
    }

   private:
    LastWriteTest& test_;
  };

  LastWriteTest() {
    ControllerBuilder<Node>(manager_, "labels")
        .Workers(1)
        .Complete(std::make_unique<Labels>(*this));
    manager_.Start(executor_);
  }
  ~LastWriteTest() override { manager_.Stop(); }

  static Json NodeOf(const std::string& name, const std::string& version, bool is_labelled) {
    Json labels = Json::object();
    if (is_labelled) labels["seen"] = "yes";
    return {{"metadata",
             {{"name", name}, {"uid", name}, {"resourceVersion", version}, {"labels", labels}}}};
  }
  void Show(std::vector<RawJson> nodes, const std::string& version) {
    manager_.informer<Node>().cache().Replace(std::move(nodes), version);
    executor_.RunUntilIdle();
  }
  void AnswerAll(int status) {
    server_.AnswerAll(status);
    executor_.RunUntilIdle();
  }

  FakeClock clock_;
  SeededRandom random_{1};
  SteppedExecutor executor_{clock_, 1};
  std::map<std::string, int> runs_;
  KeptReplies server_{[](const http::Request& request) {
    return request.method + " " + request.path + " " + request.body;
  }};
  Client client_{server_.transport(), "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  Manager manager_{{server_.transport(), clock_, random_, informers_, "test"}};
};

TEST_F(LastWriteTest, OneWorkerSendsManyAndNoKeyIsRunAgainBeforeItsAnswer) {
  Show({NodeOf("a", "1", false), NodeOf("b", "2", false)}, "2");
  EXPECT_EQ(server_.asked(),
            (std::vector<std::string>{
                R"(PATCH /api/v1/nodes/a {"metadata":{"labels":{"seen":"yes"},"uid":"a"}})",
                R"(PATCH /api/v1/nodes/b {"metadata":{"labels":{"seen":"yes"},"uid":"b"}})"}));
  Show({NodeOf("a", "3", false), NodeOf("b", "2", false)}, "3");
  EXPECT_EQ(runs_["a"], 1);
  AnswerAll(200);
  EXPECT_EQ(runs_["a"], 2);
  EXPECT_EQ(runs_["b"], 1);
}

TEST_F(LastWriteTest, WhatIsThereAlreadyIsNotSent) {
  Show({NodeOf("a", "1", true)}, "1");
  EXPECT_TRUE(server_.asked().empty());
  Show({NodeOf("a", "2", true)}, "2");
  EXPECT_EQ(runs_["a"], 2) << "nor is its key held";
}

TEST_F(LastWriteTest, AWriteThatFailsIsTriedAgain) {
  Show({NodeOf("a", "1", false)}, "1");
  AnswerAll(409);
  EXPECT_EQ(runs_["a"], 1);
  clock_.Advance(1s);
  executor_.RunUntilIdle();
  EXPECT_EQ(runs_["a"], 2);
}

TEST_F(LastWriteTest, NoKeyIsRunOnAnOlderVersionThanWasWrittenHere) {
  auto& nodes = manager_.informer<Node>().cache();
  const auto changes = [&](WatchEvent::Type type, const char* name, const char* version) {
    nodes.Apply({.type = type, .object = NodeOf(name, version, true)});
    executor_.RunUntilIdle();
  };
  const auto wrote = [&](const char* name, const char* version) {
    meta_v1::ObjectMeta metadata;
    metadata.name = name;
    metadata.resource_version = version;
    nodes.Wrote(metadata);
  };
  Show({NodeOf("a", "1", true), NodeOf("b", "1", true)}, "1");
  wrote("a", "7");
  wrote("a", "6");
  changes(WatchEvent::Type::kModified, "a", "5");
  changes(WatchEvent::Type::kModified, "b", "6");
  EXPECT_EQ(runs_["a"], 1) << "what is cached is older than what has been written";
  EXPECT_EQ(runs_["b"], 2) << "that is no matter of others";
  changes(WatchEvent::Type::kModified, "a", "7");
  EXPECT_EQ(runs_["a"], 2);
  wrote("b", "6");
  changes(WatchEvent::Type::kModified, "b", "8");
  EXPECT_EQ(runs_["b"], 3) << "what was heard of before the answer is no news";
  wrote("a", "12");
  changes(WatchEvent::Type::kDeleted, "a", "13");
  changes(WatchEvent::Type::kAdded, "a", "14");
  EXPECT_EQ(runs_["a"], 3) << "nor is what has gone since";
  wrote("b", "20");
  Show({NodeOf("a", "14", true), NodeOf("b", "20", true)}, "21");
  EXPECT_EQ(runs_["b"], 4) << "a new list shows all";
  wrote("b", "30");
  Show({NodeOf("a", "14", true), NodeOf("b", "9", false)}, "9");
  EXPECT_EQ(runs_["b"], 5) << "the store was put back";
}

// Counts its runs.
class Counts final : public Reconciler<ConfigMap> {
 public:
  explicit Counts(int& runs) : runs_(runs) {}
  Result<Requeue> Reconcile(const ConfigMap&) override {
    ++runs_;
    return Requeue::None();
  }

 private:
  int& runs_;
};

TEST(ManagerTest, OnlyWhatConcernsAControllerWakesIt) {
  FakeClock clock;
  SeededRandom random{1};
  SteppedExecutor executor{clock, 1};
  InProcessTransport transport{[](const http::Request&) { return http::Response{.status = 503}; }};
  Client client{transport, "test"};
  InformerFactory informers{{client, clock, random}};
  Manager manager{{transport, clock, random, informers, "test"}};
  int runs = 0;
  ControllerBuilder<ConfigMap>(manager, "counts")
      .Only([](const ConfigMap& map) { return map.data.contains("mine"); })
      .Complete(std::make_unique<Counts>(runs));
  manager.Start(executor);
  const auto show = [&](const Json& data, const std::string& version) {
    const Json map = {
        {"metadata",
         {{"name", "a"}, {"namespace", "default"}, {"uid", "a"}, {"resourceVersion", version}}},
        {"data", data}};
    manager.informer<ConfigMap>().cache().Replace({map}, version);
    executor.RunUntilIdle();
    return runs;
  };
  EXPECT_EQ(show(Json::object(), "1"), 0);
  EXPECT_EQ(show({{"mine", "yes"}}, "2"), 1);
  EXPECT_EQ(show(Json::object(), "3"), 2) << "it ceases to";
  EXPECT_EQ(show({{"other", "yes"}}, "4"), 2);
  manager.Stop();
}

class ThrowsOnce final : public Reconciler<ConfigMap> {
 public:
  explicit ThrowsOnce(std::map<std::string, int>& calls) : calls_(calls) {}
  Result<Requeue> Reconcile(const ConfigMap& map) override {
    if (++calls_[map.metadata.name] == 1 && map.metadata.name == "bad") {
      throw std::runtime_error("no such member");
    }
    return Requeue::None();
  }

 private:
  std::map<std::string, int>& calls_;
};

// Runs nothing; in which order loops came.
class Arrivals final : public Executor {
 public:
  void Add(ControlLoop& loop) override { loops.push_back(&loop); }
  void Remove(ControlLoop&) override {}
  void Wake(ControlLoop&) override {}
  std::vector<ControlLoop*> loops;
};

TEST(ManagerTest, ALoopThatMayComeToCachesBeginsWhenAllOthersHaveStarted) {
  class Idle final : public ControlLoop {
   public:
    Duration Step() override { return kNever; }
  };
  FakeClock clock;
  SeededRandom random(1);
  Arrivals arrivals;
  KeptReplies server([](const http::Request& request) { return request.path; });
  Client client(server.transport(), "test");
  InformerFactory informers({client, clock, random});
  Manager manager({server.transport(), clock, random, informers, "test"});
  manager.informer<Node>();
  auto loop = std::make_unique<Idle>();
  const ControlLoop* const last = loop.get();
  manager.AddLoop(std::move(loop));
  manager.Start(arrivals);
  ASSERT_GE(arrivals.loops.size(), 2u);
  EXPECT_EQ(arrivals.loops.back(), last);
  manager.Stop();
}

TEST(ManagerTest, AKeyWhoseReconcilerThrewIsTriedAgain) {
  FakeClock clock;
  SeededRandom random{1};
  InProcessTransport transport{[](const http::Request&) { return http::Response{.status = 503}; }};
  Client client{transport, "test"};
  InformerFactory informers{{client, clock, random}};
  SteppedExecutor executor{clock, 1};
  Manager manager{{transport, clock, random, informers, "test"}};
  std::map<std::string, int> calls;
  ControllerBuilder<ConfigMap>(manager, "test").Complete(std::make_unique<ThrowsOnce>(calls));
  std::vector<RawJson> maps;
  for (const char* name : {"bad", "good"}) {
    maps.push_back(Json{{"metadata", {{"name", name}, {"namespace", "default"}, {"uid", name}}}});
  }
  informers.For<ConfigMap>().cache().Replace(std::move(maps), "1");
  manager.Start(executor);
  executor.RunFor(10s);
  EXPECT_EQ(calls, (std::map<std::string, int>{{"bad", 2}, {"good", 1}}));
  manager.Stop();
}

// Answered as by a server, always alike.
class AlwaysRefused final : public Reconciler<ConfigMap> {
 public:
  AlwaysRefused(int code, int& calls) : code_(code), calls_(calls) {}
  Result<Requeue> Reconcile(const ConfigMap&) override {
    ++calls_;
    return Fail(Error{.reason = Reason::kUnknown, .message = "no", .http_code = code_});
  }

 private:
  const int code_;
  int& calls_;
};

TEST(ManagerTest, AKeyThatIsRefusedTooOftenIsLeftUntilItChanges) {
  constexpr int kTries = 15;
  for (const int code : {403, 429, 503}) {
    FakeClock clock;
    SeededRandom random{1};
    InProcessTransport transport{
        [](const http::Request&) { return http::Response{.status = 503}; }};
    Client client{transport, "test"};
    InformerFactory informers{{client, clock, random}};
    SteppedExecutor executor{clock, 1};
    Manager manager{{transport, clock, random, informers, "test"}};
    int calls = 0;
    ControllerBuilder<ConfigMap>(manager, "test")
        .Retry({.max_delay = 1s, .tries_max = kTries})
        .Complete(std::make_unique<AlwaysRefused>(code, calls));
    const auto show = [&](const char* version) {
      std::vector<RawJson> maps;
      maps.push_back(Json{{"metadata",
                           {{"name", "a"},
                            {"namespace", "default"},
                            {"uid", "u"},
                            {"resourceVersion", version}}}});
      informers.For<ConfigMap>().cache().Replace(std::move(maps), version);
    };
    show("1");
    manager.Start(executor);
    executor.RunFor(60s);
    if (code == 403) {
      EXPECT_EQ(calls, kTries + 1);
      show("2");
      executor.RunFor(60s);
      EXPECT_EQ(calls, 2 * (kTries + 1));
    } else {
      EXPECT_GT(calls, 2 * kTries) << "who is away refuses nothing";
    }
    manager.Stop();
  }
}

// Holds each caller until so many are at work at the same time, or for long enough.
class WaitsForOthers final : public Reconciler<ConfigMap> {
 public:
  explicit WaitsForOthers(int count) : count_(count) {}
  Result<Requeue> Reconcile(const ConfigMap&) override {
    std::unique_lock lock(mutex_);
    ++at_work_;
    changed_.notify_all();
    const bool met = changed_.wait_for(lock, 20s, [&] { return at_work_ >= count_; });
    if (!std::exchange(told_, true)) met_.set_value(met);
    return Requeue::None();
  }
  // Whether so many were.
  std::future<bool> Met() { return met_.get_future(); }

 private:
  const int count_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int at_work_ = 0;
  bool told_ = false;
  std::promise<bool> met_;
};

TEST(ManagerTest, AControllerActsUnderTheNameThatItIsGiven) {
  FakeClock clock;
  SeededRandom random{1};
  std::vector<std::string> asked;
  const auto server = [&](const std::string& who) {
    return std::make_unique<InProcessTransport>([&asked, who](const http::Request& request) {
      asked.push_back(who + " " + request.method + " " + request.path);
      return http::Response{.status = 404};
    });
  };
  const auto own = server("own"), events = server("events");
  std::map<std::string, std::unique_ptr<Transport>> others;
  Client client(*own, "test");
  InformerFactory informers({client, clock, random});
  Manager manager({.transport = *own,
                   .clock = clock,
                   .random = random,
                   .informers = informers,
                   .user_agent = "test",
                   .transport_of = [&](const auto& controller, const auto& account) -> Transport& {
                     return *(others[controller] = server(controller + " as " + account));
                   },
                   .events_transport = events.get()});
  manager.ActAs("c", "account");
  Client& acting = manager.client();
  manager.Recorder("c").Normal(Node(), "Done", "by it");
  manager.ActAs("");
  manager.Recorder("p").Normal(Node(), "Done", "by the program");
  EXPECT_FALSE(acting.Get<Node>({"", "n"}));
  EXPECT_FALSE(manager.client().Get<Node>({"", "n"}));
  EXPECT_FALSE(manager.reader().Get<Node>({"", "n"}));
  EXPECT_EQ(asked,
            (std::vector<std::string>{"c as account GET /api/v1/nodes/n", "own GET /api/v1/nodes/n",
                                      "own GET /api/v1/nodes/n"}));
  asked.clear();
  SteppedExecutor executor(clock, 1);
  manager.Start(executor);
  executor.RunUntilIdle();
  manager.Stop();
  std::sort(asked.begin(), asked.end());
  EXPECT_EQ(asked, (std::vector<std::string>{"c as account POST /api/v1/namespaces/default/events",
                                             "events POST /api/v1/namespaces/default/events"}));
}

TEST(ManagerTest, AControllerHasAsManyWorkersAsItIsGiven) {
  constexpr int kWorkers = 3;
  SystemClock clock;
  SeededRandom random{1};
  InProcessTransport transport{[](const http::Request&) { return http::Response{.status = 503}; }};
  Client client{transport, "test"};
  InformerFactory informers{{client, clock, random}};
  ThreadExecutor executor("test", kWorkers + 1);
  Manager manager{{transport, clock, random, informers, "test"}};
  manager.SetWorkers({{"test", kWorkers}});
  auto reconciler = std::make_unique<WaitsForOthers>(kWorkers);
  auto met = reconciler->Met();
  ControllerBuilder<ConfigMap>(manager, "test").Workers(1).Complete(std::move(reconciler));
  std::vector<RawJson> maps;
  for (const char* name : {"a", "b", "c"}) {
    maps.push_back(Json{{"metadata", {{"name", name}, {"namespace", "default"}, {"uid", name}}}});
  }
  informers.For<ConfigMap>().cache().Replace(std::move(maps), "1");
  manager.Start(executor);
  EXPECT_TRUE(met.get());
  manager.Stop();
}

}  // namespace
}  // namespace skiff
