#include "kubelet/status_manager.h"

#include <gtest/gtest.h>

#include <optional>

#include "api/patch/strategic_merge.h"
#include "client/transport.h"

namespace skiff::kubelet {
namespace {

TEST(StatusPatchTest, ReplacesListsOfAddressesAndLeavesOthersConditionsAlone) {
  core_v1::PodStatus status;
  status.phase = "Running";
  status.pod_ips.emplace_back().ip = "10.0.0.2";
  status.nominated_node_name = "other";
  auto& own = status.conditions.emplace_back();
  own.type = "Ready";
  own.status = "True";
  auto& foreign = status.conditions.emplace_back();
  foreign.type = "example.com/Gate";
  foreign.status = "True";
  auto& disruption = status.conditions.emplace_back();
  disruption.type = "DisruptionTarget";
  disruption.reason = "EvictionByEvictionAPI";
  const Json patch = StatusPatch("u1", status);
  EXPECT_EQ(patch["metadata"], Json({{"uid", "u1"}}));
  const Json& sent = patch["status"];
  ASSERT_EQ(sent["conditions"].size(), 3u);
  EXPECT_EQ(sent["conditions"][0]["type"], "Ready");
  EXPECT_EQ(sent["conditions"][0].at("reason"), nullptr) << "or the merge keeps the last one";
  EXPECT_EQ(sent["conditions"][1],
            Json({{"$patch", "delete"}, {"type", "PodResizePending"}}));
  EXPECT_EQ(sent["conditions"][2],
            Json({{"$patch", "delete"}, {"type", "PodResizeInProgress"}}));
  EXPECT_EQ(sent["podIPs"], Json::parse(R"([{"$patch":"replace"},{"ip":"10.0.0.2"}])"));
  EXPECT_TRUE(sent["reason"].is_null());
  EXPECT_TRUE(sent["initContainerStatuses"].is_null());
  EXPECT_FALSE(sent.contains("nominatedNodeName"));
}

TEST(StatusPatchTest, AResizeUnderWayIsToldAndOneThatIsDoneTakenBack) {
  core_v1::PodStatus status;
  auto& under_way = status.conditions.emplace_back();
  under_way.type = "PodResizeInProgress";
  under_way.status = "True";
  const Json conditions = StatusPatch("u1", status)["status"]["conditions"];
  ASSERT_EQ(conditions.size(), 2u);
  EXPECT_EQ(conditions[0]["status"], "True");
  EXPECT_EQ(conditions[1], Json({{"$patch", "delete"}, {"type", "PodResizePending"}}));
}

core_v1::PodCondition Condition(const std::string& type, const std::string& status,
                                const std::string& reason = "", int64_t generation = 0) {
  core_v1::PodCondition condition;
  condition.type = type;
  condition.status = status;
  condition.reason = reason;
  condition.observed_generation = generation;
  return condition;
}

// A server in this process is handed what others work out from the patch.
TEST(StatusPatchTest, WhatIsMadeOfAStatusIsWhatThePatchMakesOfIt) {
  core_v1::PodStatus empty, before, ours;
  before.phase = "Pending";
  before.reason = "Old";
  before.nominated_node_name = "node2";
  before.qos_class = "Guaranteed";
  before.start_time = Time(TimePoint(5s));
  before.host_ip = before.host_ips.emplace_back().ip = "10.0.0.9";
  before.pod_ips.emplace_back().ip = "10.0.0.1";
  before.observed_generation = 3;
  before.container_statuses.emplace_back().name = "a";
  before.init_container_statuses.emplace_back().name = "i";
  before.resource_claim_statuses.emplace_back().name = "claim";
  before.conditions = {Condition("example.com/Gate", "True"), Condition("Ready", "False", "No", 2),
                       Condition("PodResizePending", "True"),
                       Condition("DisruptionTarget", "True", "EvictionByEvictionAPI")};
  ours.phase = "Running";
  ours.resize = "Proposed";
  ours.pod_ip = ours.pod_ips.emplace_back().ip = "10.0.0.2";
  ours.container_statuses.emplace_back().name = "b";
  ours.container_statuses.back().ready = true;
  const Quantity one = Quantity::FromValue(1), two = Quantity::FromValue(2);
  before.allocated_resources = {{"cpu", one}, {"memory", one}};
  ours.allocated_resources = {{"cpu", two}};
  before.resources.emplace().limits = {{"cpu", one}, {"memory", one}};
  before.resources->claims.emplace_back().name = "claim";
  ours.resources.emplace().limits = {{"cpu", two}};
  ours.resources->requests = {{"cpu", two}};
  ours.conditions = {Condition("Initialized", "True"), Condition("Ready", "True"),
                     Condition("example.com/Gate", "False"),
                     Condition("PodResizeInProgress", "True")};
  core_v1::PodStatus other_order = ours;
  std::reverse(other_order.conditions.begin(), other_order.conditions.end());
  other_order.conditions.push_back(Condition("DisruptionTarget", "True", "TerminationByKubelet"));
  const core_v1::PodStatus* all[] = {&empty, &before, &ours, &other_order};
  for (const auto* from : all) {
    for (const auto* to : all) {
      const Json patch = StatusPatch("u1", *to)["status"];
      const auto merged =
          ApplyStrategicPatch(core_v1::PodStatus::Describe(), ToJson(*from), patch);
      ASSERT_TRUE(merged) << merged.error().message;
      EXPECT_EQ(ToJson(PatchedStatus(*from, *to)), ToJson(*FromJson<core_v1::PodStatus>(*merged)))
          << ToJson(*from) << "\n"
          << patch;
    }
  }
}

// An API that notes what it is asked and answers as the test says.
class StatusManagerTest : public testing::Test {
 protected:
  StatusManagerTest() {
    manager_.Start(executor_);
    auto pod = std::make_shared<core_v1::Pod>();
    pod->metadata.name = "web";
    pod->metadata.namespace_ = "default";
    pod->metadata.uid = "u1";
    pod_ = pod;
  }
  ~StatusManagerTest() override { manager_.Stop(); }
  http::Response Handle(const http::Request& request) {
    asked_.push_back(request.method + " " + request.path);
    if (on_asked_) std::exchange(on_asked_, nullptr)();
    http::Response response;
    response.status = status_code_;
    response.content_type = "application/json";
    const Json status = {{"kind", "Status"},
                         {"apiVersion", "v1"},
                         {"status", "Failure"},
                         {"reason", status_code_ == 422 ? "Invalid" : "ServiceUnavailable"},
                         {"code", status_code_}};
    if (request.method == "GET" && successor_) {
      response.status = 200;
      response.body = ToJson(*successor_).dump();
      return response;
    }
    response.body = status_code_ == 200 ? ToJson(*pod_).dump() : status.dump();
    return response;
  }
  static core_v1::PodStatus Phase(const std::string& phase) {
    core_v1::PodStatus status;
    status.phase = phase;
    return status;
  }

  FakeClock clock_;
  SteppedExecutor executor_{clock_, 1};
  int status_code_ = 200;
  std::vector<std::string> asked_;
  std::function<void()> on_asked_;  // Once, while the next request is answered.
  InProcessTransport transport_{[this](const http::Request& request) { return Handle(request); }};
  Client client_{transport_, "kubelet"};
  Ptr<core_v1::Pod> pod_;
  Ptr<core_v1::Pod> object_;
  Ptr<core_v1::Pod> successor_;  // Has the name by now.
  StatusManager manager_{client_, clock_,
                         [this](const Ptr<core_v1::Pod>& pod) { return object_ ? object_ : pod; }};
};

constexpr char kPatchStatus[] = "PATCH /api/v1/namespaces/default/pods/web/status";

TEST_F(StatusManagerTest, AStatusIsOneRequestAndTheSameStatusNone) {
  manager_.Set(pod_, Phase("Pending"));
  executor_.RunUntilIdle();
  manager_.Set(pod_, Phase("Pending"));
  executor_.RunUntilIdle();
  EXPECT_EQ(asked_, std::vector<std::string>{kPatchStatus});
}

TEST_F(StatusManagerTest, StatusesThatCameMeanwhileAreWrittenAsOne) {
  manager_.Set(pod_, Phase("Pending"));
  manager_.Set(pod_, Phase("Running"));
  executor_.RunUntilIdle();
  EXPECT_EQ(asked_, std::vector<std::string>{kPatchStatus});
}

// Thousands of nodes share threads: who is woken for nothing takes the turn of another.
TEST_F(StatusManagerTest, NobodyIsWokenForAStatusThatAnotherWrites) {
  executor_.RunUntilIdle();
  const auto steps = [this] {
    int count = 0;
    while (executor_.RunOne()) ++count;
    return count;
  };
  manager_.Set(pod_, Phase("Pending"));
  EXPECT_EQ(steps(), 1);
  EXPECT_EQ(asked_.size(), 1u);
  on_asked_ = [this] { manager_.Set(pod_, Phase("Succeeded")); };
  manager_.Set(pod_, Phase("Running"));
  steps();
  EXPECT_EQ(asked_.size(), 3u) << "what came while it was written is left";
}

TEST_F(StatusManagerTest, WhatWasRefusedIsTriedAgainAndHoldsUpNobodyElse) {
  status_code_ = 503;
  manager_.Set(pod_, Phase("Pending"));
  executor_.RunUntilIdle();
  EXPECT_EQ(asked_.size(), 1u);
  status_code_ = 200;
  auto other = std::make_shared<core_v1::Pod>(*pod_);
  other->metadata.uid = "u2";
  other->metadata.name = "db";
  manager_.Set(other, Phase("Pending"));
  executor_.RunUntilIdle();
  EXPECT_EQ(asked_.back(), "PATCH /api/v1/namespaces/default/pods/db/status");
  executor_.RunFor(2s);
  EXPECT_EQ(asked_.size(), 3u);
  EXPECT_EQ(asked_.back(), kPatchStatus);
}

// As of a StatefulSet's pod that was made anew: nobody wants to know.
TEST_F(StatusManagerTest, TheStatusOfAPodWhoseNameAnotherHasIsNotTriedAgain) {
  auto next = std::make_shared<core_v1::Pod>(*pod_);
  next->metadata.uid = "u2";
  successor_ = next;
  status_code_ = 422;
  manager_.Set(pod_, Phase("Running"));
  executor_.RunFor(60s);
  EXPECT_EQ(asked_, (std::vector<std::string>{kPatchStatus,
                                              "GET /api/v1/namespaces/default/pods/web"}));
}

TEST_F(StatusManagerTest, AfterARestartAStatusThatTheApiHasIsNotWritten) {
  auto known = std::make_shared<core_v1::Pod>(*pod_);
  known->status = Phase("Running");
  manager_.Set(known, Phase("Running"));
  executor_.RunUntilIdle();
  EXPECT_TRUE(asked_.empty());
}

TEST_F(StatusManagerTest, AFinishedPodIsDeletedAfterItsLastStatus) {
  auto deleted = std::make_shared<core_v1::Pod>(*pod_);
  deleted->metadata.deletion_timestamp = Time(clock_.Now());
  manager_.Set(deleted, Phase("Succeeded"));
  manager_.Finish(deleted);
  executor_.RunUntilIdle();
  EXPECT_EQ(asked_,
            (std::vector<std::string>{kPatchStatus, "DELETE /api/v1/namespaces/default/pods/web"}));
}

TEST_F(StatusManagerTest, APodThatIsGoneIsNotDeletedOnceMoreBeforeThatIsHeardOf) {
  auto deleted = std::make_shared<core_v1::Pod>(*pod_);
  deleted->metadata.deletion_timestamp = Time(clock_.Now());
  manager_.Set(deleted, Phase("Succeeded"));
  manager_.Finish(deleted);
  executor_.RunUntilIdle();
  manager_.Finish(deleted);  // Its worker, for whatever reason, has looked again.
  executor_.RunFor(10s);
  EXPECT_EQ(asked_.size(), 2u);
  manager_.Forget("u1");
  manager_.Set(pod_, Phase("Running"));  // Its name and uid are nothing special.
  executor_.RunUntilIdle();
  EXPECT_EQ(asked_.size(), 3u);
}

TEST_F(StatusManagerTest, WhatHasFinishedIsDeletedWhateverItsPhase) {
  auto deleted = std::make_shared<core_v1::Pod>(*pod_);
  deleted->metadata.deletion_timestamp = Time(clock_.Now());
  manager_.Set(deleted, Phase("Pending"));
  manager_.Finish(deleted);
  executor_.RunUntilIdle();
  EXPECT_EQ(asked_.back(), "DELETE /api/v1/namespaces/default/pods/web");
}

TEST_F(StatusManagerTest, APodThatFinishesWhileItsLastStatusIsWrittenIsDeletedToo) {
  auto ending = std::make_shared<core_v1::Pod>(*pod_);
  ending->metadata.deletion_timestamp = Time(clock_.Now());
  on_asked_ = [&] { manager_.Finish(ending); };
  manager_.Set(ending, Phase("Succeeded"));
  executor_.RunUntilIdle();
  EXPECT_EQ(asked_,
            (std::vector<std::string>{kPatchStatus, "DELETE /api/v1/namespaces/default/pods/web"}));
}

TEST_F(StatusManagerTest, ANewObjectOfThePodGetsItsStatus) {
  manager_.Set(pod_, Phase("Running"));
  executor_.RunUntilIdle();
  manager_.WriteAgain("u1");
  executor_.RunUntilIdle();
  EXPECT_EQ(asked_, (std::vector<std::string>{kPatchStatus, kPatchStatus}));
  EXPECT_EQ(manager_.Latest("u1")->phase, "Running");
}

TEST_F(StatusManagerTest, WhatOthersMadeOfAStatusIsPutRight) {
  core_v1::PodStatus status = Phase("Running");
  auto& ready = status.conditions.emplace_back();
  ready.type = "Ready";
  ready.status = "True";
  manager_.Set(pod_, status);
  executor_.RunUntilIdle();
  core_v1::Pod shown = *pod_;
  shown.metadata.resource_version = "7";
  shown.status = status;
  manager_.Reconcile("u1", std::make_shared<const core_v1::Pod>(shown));
  executor_.RunUntilIdle();
  EXPECT_EQ(asked_.size(), 1u);
  shown.status.conditions[0].status = "False";
  // Not at once: the other one might answer in kind for ever.
  manager_.Reconcile("u1", std::make_shared<const core_v1::Pod>(shown));
  executor_.RunUntilIdle();
  EXPECT_EQ(asked_.size(), 1u);
  executor_.RunFor(10s);
  EXPECT_EQ(asked_.size(), 2u);
}

TEST_F(StatusManagerTest, WhoSaysThatHeMirrorsAnothersPodHidesNothingOfIt) {
  core_v1::PodStatus status = Phase("Running");
  status.conditions = {Condition("Ready", "True")};
  manager_.Set(pod_, status);
  executor_.RunUntilIdle();
  core_v1::Pod stranger = *pod_;
  stranger.metadata.name = "stranger";
  stranger.metadata.uid = "u2";
  stranger.metadata.resource_version = "9";
  stranger.status = {};
  manager_.Reconcile("u1", std::make_shared<const core_v1::Pod>(stranger));
  executor_.RunFor(10s);
  EXPECT_EQ(asked_.size(), 1u);
  core_v1::Pod shown = *pod_;
  shown.metadata.resource_version = "7";
  shown.status = status;
  shown.status.conditions[0].status = "False";
  manager_.Reconcile("u1", std::make_shared<const core_v1::Pod>(shown));
  executor_.RunFor(10s);
  EXPECT_EQ(asked_.size(), 2u);
}

// A server in this process that answers when the test says so.
class LateStatusTest : public StatusManagerTest {
 protected:
  void Answer(size_t which) {
    std::exchange(kept_[which], nullptr)->OnLoop([this] {
      http::Response response;
      response.status = 200;
      response.body = ToJson(*pod_).dump();
      return response;
    });
    executor_.RunUntilIdle();
  }
  Ptr<core_v1::Pod> Named(const std::string& name) {
    auto pod = std::make_shared<core_v1::Pod>(*pod_);
    pod->metadata.name = pod->metadata.uid = name;
    return pod;
  }

  std::vector<http::LateReplyPtr> kept_;
  std::vector<std::string> phases_;  // That were sent.
  InProcessTransport late_{
      [this](const http::Request& request) { return Handle(request); },
      InProcessTransport::Bodies::kText,
      [this](const http::Request& request, const http::LateReplyPtr& reply) {
        phases_.push_back(request.path.substr(request.path.find("pods/") + 5, 1) + " " +
                          Json::parse(request.body)["status"]["phase"].get<std::string>());
        kept_.push_back(reply);
        return std::optional<http::Response>();
      }};
  Client late_client_{late_, "kubelet"};
};

TEST_F(LateStatusTest, StatusesOfSeveralPodsAreOnTheWayAtOnceAndOfOneInOrder) {
  StatusManager manager(late_client_, clock_, [](const Ptr<core_v1::Pod>& pod) { return pod; });
  manager.Start(executor_);
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    manager.Set(Named(name), Phase("Pending"));
  }
  executor_.RunUntilIdle();
  EXPECT_EQ(phases_.size(), 6u) << "more than there are writers";
  manager.Set(Named("a"), Phase("Running"));
  manager.Set(Named("a"), Phase("Succeeded"));
  executor_.RunUntilIdle();
  EXPECT_EQ(phases_.size(), 6u) << "its first is on the way";
  Answer(1);
  EXPECT_EQ(phases_.size(), 6u);
  Answer(0);
  ASSERT_EQ(phases_.size(), 7u);
  EXPECT_EQ(phases_.back(), "a Succeeded");
  manager.Stop();
}

// Whoever took the node for lost, just when its status was on the way.
TEST_F(LateStatusTest, WhatOthersMadeOfAStatusBeforeItsAnswerCameIsPutRight) {
  StatusManager manager(late_client_, clock_, [](const Ptr<core_v1::Pod>& pod) { return pod; });
  manager.Start(executor_);
  core_v1::PodStatus status = Phase("Running");
  status.conditions = {Condition("Ready", "True")};
  manager.Set(pod_, status);
  executor_.RunUntilIdle();
  core_v1::Pod shown = *pod_;
  shown.metadata.resource_version = "7";
  shown.status = status;
  shown.status.conditions[0].status = "False";
  manager.Reconcile("u1", std::make_shared<const core_v1::Pod>(shown));
  executor_.RunUntilIdle();
  ASSERT_EQ(phases_.size(), 1u);
  Answer(0);
  EXPECT_EQ(phases_.size(), 1u) << "not at once";
  executor_.RunFor(10s);
  EXPECT_EQ(phases_.size(), 2u);
  manager.Stop();
}

TEST_F(LateStatusTest, AnAnswerThatComesAfterTheEndIsNobodys) {
  {
    StatusManager manager(late_client_, clock_, [](const Ptr<core_v1::Pod>& pod) { return pod; });
    manager.Start(executor_);
    manager.Set(pod_, Phase("Pending"));
    executor_.RunUntilIdle();
    manager.Stop();
  }
  ASSERT_EQ(kept_.size(), 1u);
  Answer(0);
}

}  // namespace
}  // namespace skiff::kubelet
