#include "controllers/workloads/pod_control.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "client/transport.h"

#include "controllers/workloads/replica_control.h"

namespace skiff {
namespace {

using core_v1::Pod;

const TimePoint kPodNow{1'700'000'000s};

Pod PodOf(const std::string& name, const std::string& node, const std::string& phase, bool ready,
          Duration age = 1h) {
  Pod pod;
  pod.metadata.name = name;
  pod.metadata.uid = name;
  pod.metadata.creation_timestamp = kPodNow - age;
  pod.spec.node_name = node;
  pod.status.phase = phase;
  auto& condition = pod.status.conditions.emplace_back();
  condition.type = "Ready";
  condition.status = ready ? "True" : "False";
  condition.last_transition_time = kPodNow - age;
  return pod;
}

// The names in the order in which they would be deleted.
std::string Order(std::vector<Pod> pods, std::map<std::string, int> on_same_node = {}) {
  std::vector<RankedPod> ranked;
  for (const Pod& pod : pods) {
    ranked.push_back({std::make_shared<Pod>(pod), on_same_node[pod.metadata.name]});
  }
  std::sort(ranked.begin(), ranked.end(),
            [](const auto& a, const auto& b) { return DeletedBefore(a, b, kPodNow); });
  std::string order;
  for (const RankedPod& pod : ranked) order += pod.pod->metadata.name;
  return order;
}

TEST(DeletionRankTest, PodsThatDoLeastGoFirst) {
  EXPECT_EQ(Order({PodOf("r", "n", "Running", true), PodOf("p", "n", "Pending", false),
                   PodOf("u", "", "Pending", false), PodOf("n", "n", "Running", false)}),
            "upnr");
}

TEST(DeletionRankTest, TheCheaperGoesFirst) {
  Pod cheap = PodOf("c", "n", "Running", true);
  cheap.metadata.annotations["controller.kubernetes.io/pod-deletion-cost"] = "-5";
  EXPECT_EQ(Order({PodOf("a", "n", "Running", true), cheap}), "ca");
  cheap.metadata.annotations["controller.kubernetes.io/pod-deletion-cost"] = "+10";
  EXPECT_EQ(DeletionCost(cheap), 0);
}

TEST(DeletionRankTest, TheOneWithMoreCompanyOnItsNodeGoesFirst) {
  EXPECT_EQ(Order({PodOf("a", "n", "Running", true), PodOf("b", "m", "Running", true)},
                  {{"a", 1}, {"b", 3}}),
            "ba");
}

TEST(DeletionRankTest, TheYoungerGoesFirstWhenMuchYounger) {
  EXPECT_EQ(Order({PodOf("a", "n", "Running", true, 100h), PodOf("b", "n", "Running", true, 1h)}),
            "ba");
}

TEST(DeletionRankTest, TheOneThatRestartedMoreGoesFirst) {
  Pod restarted = PodOf("z", "n", "Running", true);
  restarted.status.container_statuses.emplace_back().restart_count = 4;
  EXPECT_EQ(Order({PodOf("a", "n", "Running", true), restarted}), "za");
}

TEST(DeletionRankTest, AgesBeforeAllDurationsAreGreat) {
  Pod old = PodOf("o", "n", "Running", true);
  old.status.conditions[0].last_transition_time = Time::Parse("0100-01-01T00:00:00Z").value();
  EXPECT_EQ(Order({old, PodOf("y", "n", "Running", true)}), "yo");
}

TEST(UntilAvailableTest, ReadySinceTheEndOfTimeIsNotAvailable) {
  Pod pod = PodOf("a", "n", "Running", true);
  pod.status.conditions[0].last_transition_time = Time::Parse("9999-12-31T23:59:59Z").value();
  EXPECT_GT(UntilAvailable(pod, 2'000'000'000, kPodNow), 200 * 365 * 24h);
}

TEST(UntilAvailableTest, ReadyForLongEnoughIsAvailable) {
  const Pod pod = PodOf("a", "n", "Running", true, 10s);
  EXPECT_EQ(UntilAvailable(pod, 0, kPodNow), Duration(0));
  EXPECT_EQ(UntilAvailable(pod, 30, kPodNow), Duration(20s));
  EXPECT_EQ(UntilAvailable(pod, 10, kPodNow), Duration(0));
  EXPECT_EQ(UntilAvailable(PodOf("a", "n", "Running", false), 0, kPodNow), kNever);
}

// A server in this process that answers once so many requests are with it.
class SlowStartTest : public testing::Test {
 protected:
  std::optional<http::Response> Take(const http::LateReplyPtr& reply) {
    kept_.push_back(reply);
    if (kept_.size() < answers_at_) return std::nullopt;
    batches_.push_back(kept_.size());
    answers_at_ *= 2;
    for (const http::LateReplyPtr& each : std::exchange(kept_, {})) {
      each->OnLoop([] { return http::Response(); });
    }
    return std::nullopt;
  }
  static Attempt Each(std::function<Result<>(int index)> attempt) {
    return [attempt = std::move(attempt)](int index, Mailbox&, Done done) {
      done(attempt(index));
    };
  }

  size_t answers_at_ = 1;
  std::vector<http::LateReplyPtr> kept_;
  std::vector<size_t> batches_;
  InProcessTransport waits_{[](const http::Request&) { return http::Response(); }};
  InProcessTransport later_{
      [](const http::Request&) { return http::Response(); }, InProcessTransport::Bodies::kText,
      [this](const http::Request&, const http::LateReplyPtr& reply) { return Take(reply); }};
  Client waiting_client_{waits_, "test"};
  Client late_client_{later_, "test"};
  Hands hands_{0};
};

TEST_F(SlowStartTest, ATemplateThatDoesNotWorkIsTriedOnce) {
  for (Client* client : {&waiting_client_, &late_client_}) {
    int attempts = 0;
    const auto result = SlowStart({*client, hands_}, 100, Each([&](int) -> Result<> {
                                    ++attempts;
                                    return Fail(Reason::kForbidden, "no");
                                  }));
    EXPECT_FALSE(result);
    EXPECT_EQ(attempts, 1);
  }
}

TEST_F(SlowStartTest, BatchesDoubleAndTheFailedOneIsTheLast) {
  for (Client* client : {&waiting_client_, &late_client_}) {
    int attempts = 0;
    const auto result = SlowStart({*client, hands_}, 100, Each([&](int index) -> Result<> {
                                    ++attempts;
                                    if (index == 4) return Fail(Reason::kForbidden, "no");
                                    return {};
                                  }));
    EXPECT_FALSE(result);
    EXPECT_EQ(attempts, 7) << "1 + 2 + 4";
    attempts = 0;
    EXPECT_TRUE(SlowStart({*client, hands_}, 10, Each([&](int) -> Result<> {
                            ++attempts;
                            return {};
                          })));
    EXPECT_EQ(attempts, 10);
  }
}

// Where the server is in this process, one thread has a whole batch on its way.
TEST_F(SlowStartTest, ABatchIsOnItsWayAtOnce) {
  int done_count = 0;
  const auto result =
      SlowStart({late_client_, hands_}, 15, [&](int index, Mailbox& answers, Done done) {
        late_client_.DeleteLater<Pod>(answers, {"ns", std::to_string(index)}, {},
                                      [&done_count, done = std::move(done)](Result<> outcome) {
                                        ++done_count;
                                        done(std::move(outcome));
                                      });
      });
  EXPECT_TRUE(result);
  EXPECT_EQ(done_count, 15);
  EXPECT_EQ(batches_, (std::vector<size_t>{1, 2, 4, 8}));
}

TEST(PodFromTemplateTest, BelongsToItsOwner) {
  core_v1::PodTemplateSpec pod_template;
  pod_template.metadata.labels["app"] = "web";
  meta_v1::ObjectMeta owner;
  owner.name = "web";
  owner.namespace_ = "ns";
  owner.uid = "u";
  const Pod pod = PodFromTemplate(pod_template, core_v1::ReplicationController::Info(), owner);
  EXPECT_EQ(pod.metadata.generate_name, "web-");
  EXPECT_EQ(pod.metadata.namespace_, "ns");
  EXPECT_EQ(pod.metadata.labels.at("app"), "web");
  const meta_v1::OwnerReference* controller = ControllerOf(pod.metadata);
  ASSERT_NE(controller, nullptr);
  EXPECT_EQ(controller->uid, "u");
  EXPECT_EQ(controller->kind, "ReplicationController");
  EXPECT_TRUE(controller->block_owner_deletion.value_or(false));
}

}  // namespace
}  // namespace skiff
