// The scheduler as a whole, on caches that are filled by hand and a server that a test plays.
#include "controllers/scheduler/scheduler.h"

#include <gtest/gtest.h>

#include "client/transport.h"

namespace skiff::scheduler {
namespace {

Json PodNamed(const std::string& name, const char* version, const Json& status = Json::object()) {
  const Json container = {
      {"name", "main"}, {"image", "web:1"}, {"resources", {{"requests", {{"cpu", "1"}}}}}};
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata",
           {{"name", name}, {"namespace", "default"}, {"uid", name}, {"resourceVersion", version}}},
          {"spec", {{"schedulerName", kSchedulerName}, {"containers", Json::array({container})}}},
          {"status", status}};
}

// It waits for a ResourceClaim, and is not tried, but has a place on the node.
Json NominatedTo(const std::string& node, const char* version) {
  Json pod = PodNamed("waiting", version, {{"nominatedNodeName", node}});
  const Json claim = {{"name", "gpu"}, {"resourceClaimName", "none"}};
  pod["spec"]["resourceClaims"] = Json::array({claim});
  return pod;
}

Json NodeOfOneCpu() {
  return {{"apiVersion", "v1"},
          {"kind", "Node"},
          {"metadata", {{"name", "node"}, {"resourceVersion", "1"}}},
          {"status", {{"allocatable", {{"cpu", "1"}, {"memory", "1Gi"}, {"pods", "110"}}}}}};
}

// On the node, with a sidecar that asks for nothing and runs with that much.
Json WithSidecar(const char* cpu, const char* version) {
  Json pod = PodNamed("placed", version);
  pod["spec"]["nodeName"] = "node";
  pod["spec"]["containers"][0].erase("resources");
  Json side = {{"name", "side"}, {"image", "side:1"}, {"restartPolicy", "Always"}};
  side["resources"]["requests"]["cpu"] = "0";
  pod["spec"]["initContainers"] = Json::array({side});
  Json status = {{"name", "side"}};
  status["resources"]["requests"]["cpu"] = cpu;
  pod["status"]["initContainerStatuses"] = Json::array({status});
  return pod;
}

class SchedulerTest : public testing::Test {
 protected:
  explicit SchedulerTest(bool waits_to_lead = false)
      : scheduler_(manager_, {.metrics = &metrics_, .waits_to_lead = waits_to_lead}) {
    scheduler_.AddBinder(binder_);
    Fill<core_v1::Node>({NodeOfOneCpu()});
    FillEmpty<core_v1::PersistentVolumeClaim, core_v1::PersistentVolume, storage_v1::StorageClass,
              storage_v1::CSINode, storage_v1::VolumeAttachment, storage_v1::CSIDriver,
              storage_v1::CSIStorageCapacity, core_v1::Namespace, core_v1::Service,
              core_v1::ReplicationController, apps_v1::ReplicaSet, apps_v1::StatefulSet,
              policy_v1::PodDisruptionBudget, resource_v1::ResourceClaim,
              resource_v1::ResourceSlice, resource_v1::DeviceClass>();
  }
  // What there is of the kind, from now on.
  template <Kind K>
  void Fill(const std::vector<Json>& objects) {
    std::vector<RawJson> texts;
    for (const Json& object : objects) texts.push_back(RawJson::FromText(object.dump()));
    manager_.informer<K>().cache().Replace(std::move(texts), std::to_string(++revision_));
  }
  // Until nothing is left to decide or to bind.
  void Run() {
    for (int i = 0; i < 10; ++i) {
      (void)scheduler_.Step();
      (void)binder_.Step();
    }
  }

  void Lead() { scheduler_.Lead(); }
  bool IsSynced() const { return scheduler_.IsSynced(); }

  // Decides what can be, and the binder has not come to it yet.
  void Decide() { (void)scheduler_.Step(); }
  void Pass(Duration time) { clock_.Advance(time); }

  // Decides what can be, and lets the binder have one turn.
  void RunOnce() {
    (void)scheduler_.Step();
    (void)binder_.Step();
  }

  std::vector<std::string> bound_;     // Names of pods.
  std::vector<std::string> messages_;  // Of conditions.
  std::string nominated_;              // The node that a pod was last told to wait for.
  bool refuses_ = false;               // Bindings.
  bool spares_ = false;                // The pod "victim": nothing can be written of it.
  MetricRegistry metrics_;

 private:
  template <Kind... K>
  void FillEmpty() {
    (Fill<K>({}), ...);
  }
  http::Response Answer(const http::Request& request) {
    const std::string prefix = "/api/v1/namespaces/default/pods/", suffix = "/binding";
    if (request.path.ends_with(suffix) && !refuses_) {
      bound_.push_back(
          request.path.substr(prefix.size(), request.path.size() - prefix.size() - suffix.size()));
      return {.status = 201, .body = R"({"kind":"Status","apiVersion":"v1","status":"Success"})"};
    }
    if (spares_ && request.path.starts_with(prefix + "victim")) {
      return {.status = 500, .body = R"({"kind":"Status","apiVersion":"v1","status":"Failure",
                          "reason":"InternalError","message":"out of order","code":500})"};
    }
    const bool is_of_status = request.path.ends_with("/status");
    if (request.method == "PATCH" && !is_of_status) return {.status = 200, .body = "{}"};
    if (request.method == "PATCH") {
      const Json status = Json::parse(request.Body()).at("status");
      const auto node = status.find("nominatedNodeName");
      if (node != status.end() && node->is_string()) nominated_ = node->get<std::string>();
      if (status.contains("conditions")) {
        messages_.push_back(status.at("conditions").at(0).at("message").get<std::string>());
      }
    }
    return {.status = 404,
            .body = R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound",
                        "message":"nobody knows it","code":404})"};
  }

  int revision_ = 0;
  FakeClock clock_;
  SeededRandom random_{1};
  InProcessTransport transport_{[this](const http::Request& request) { return Answer(request); },
                                InProcessTransport::Bodies::kText,
                                [this](const http::Request& request, const http::LateReplyPtr&) {
                                  return std::optional<http::Response>(Answer(request));
                                }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  Manager manager_{{transport_, clock_, random_, informers_, "test"}};
  Scheduler scheduler_;
  Binder binder_{scheduler_};
};

TEST_F(SchedulerTest, WhatBecomesOfPodsIsCounted) {
  Json gated = PodNamed("gated", "1");
  const Json gate = {{"name", "example.com/gate"}};
  gated["spec"]["schedulingGates"] = Json::array({gate});
  Fill<core_v1::Pod>({PodNamed("a", "1"), PodNamed("b", "1"), gated});
  Run();
  const std::string text = metrics_.Text();
  for (const char* line :
       {"scheduler_schedule_attempts_total{profile=\"default-scheduler\",result=\"scheduled\"} 1\n",
        "scheduler_schedule_attempts_total{profile=\"default-scheduler\",result=\"unschedulable\"} "
        "1\n",
        "scheduler_pod_scheduling_attempts_bucket{le=\"1\"} 1\n",
        "scheduler_pod_scheduling_sli_duration_seconds_count{attempts=\"1\"} 1\n",
        "scheduler_framework_extension_point_duration_seconds_count{extension_point=\"PreFilter\","
        "status=\"Success\",profile=\"default-scheduler\"} 2\n",
        "scheduler_framework_extension_point_duration_seconds_count{extension_point=\"PostFilter\","
        "status=\"Unschedulable\",profile=\"default-scheduler\"} 1\n",
        "scheduler_framework_extension_point_duration_seconds_count{extension_point=\"Bind\","
        "status=\"Success\",profile=\"default-scheduler\"} 1\n",
        "scheduler_preemption_attempts_total 1\n", "scheduler_pending_pods{queue=\"active\"} 0\n",
        "scheduler_pending_pods{queue=\"gated\"} 1\n", "scheduler_cache_size{type=\"nodes\"} 1\n",
        "scheduler_cache_size{type=\"pods\"} 1\n",
        "scheduler_unschedulable_pods{plugin=\"NodeResourcesFit\",profile=\"default-scheduler\"} "
        "1\n",
        "scheduler_unschedulable_pods{plugin=\"SchedulingGates\",profile=\"default-scheduler\"} "
        "1\n",
        "scheduler_pending_pods{queue=\"unschedulable\"} 1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

using Names = std::vector<std::string>;

class StandbySchedulerTest : public SchedulerTest {
 protected:
  StandbySchedulerTest() : SchedulerTest(/*waits_to_lead=*/true) {}
};

TEST_F(StandbySchedulerTest, WhoWaitsToLeadKnowsEverythingAndDecidesNothing) {
  EXPECT_FALSE(IsSynced());
  Fill<core_v1::Pod>({PodNamed("a", "1")});
  Run();
  EXPECT_TRUE(IsSynced());
  EXPECT_EQ(bound_, Names{});
  const auto tells = [&](const char* line) {
    return metrics_.Text().find(line) != std::string::npos;
  };
  EXPECT_TRUE(tells("scheduler_pending_pods{queue=\"active\"} 1\n")) << metrics_.Text();
  EXPECT_TRUE(tells("scheduler_cache_size{type=\"nodes\"} 1\n"));
  // The leader before this one has bound it.
  Json placed = PodNamed("a", "2");
  placed["spec"]["nodeName"] = "node";
  Fill<core_v1::Pod>({placed, PodNamed("b", "2")});
  Lead();
  Run();
  EXPECT_EQ(bound_, Names{}) << "the node is full";
  Fill<core_v1::Pod>({PodNamed("b", "2")});
  Pass(11s);
  Run();
  EXPECT_EQ(bound_, Names{"b"});
}

TEST_F(SchedulerTest, ABinderSendsAllThatIsDecidedInOneTurn) {
  std::vector<Json> pods;
  for (const char* name : {"a", "b", "c"}) {
    pods.push_back(PodNamed(name, "1"));
    pods.back()["spec"]["containers"][0].erase("resources");
  }
  Fill<core_v1::Pod>(pods);
  RunOnce();
  EXPECT_EQ(bound_.size(), pods.size());
}

TEST_F(SchedulerTest, ABindingThatIsRefusedIsSaidToBe) {
  refuses_ = true;
  Fill<core_v1::Pod>({PodNamed("a", "1")});
  Run();
  ASSERT_FALSE(messages_.empty());
  EXPECT_EQ(messages_[0], "running Bind plugin \"DefaultBinder\": nobody knows it");
}

TEST_F(SchedulerTest, APodThatChangesWhileItIsBoundInVainIsTriedAsItIs) {
  Json pod = PodNamed("a", "1");
  Fill<core_v1::Pod>({pod});
  Decide();
  pod["metadata"]["resourceVersion"] = "2";
  pod["spec"]["nodeSelector"]["zone"] = "elsewhere";
  Fill<core_v1::Pod>({pod});
  refuses_ = true;
  RunOnce();
  refuses_ = false;
  Decide();  // To try it again after a second.
  Pass(2s);
  Run();
  EXPECT_EQ(bound_, Names{});
  ASSERT_FALSE(messages_.empty());
  EXPECT_EQ(messages_.back().find("running Bind plugin"), std::string::npos) << messages_.back();
}

TEST_F(SchedulerTest, NobodyWaitsForTheRoomOfAPodThatGoesWhileItIsBound) {
  Fill<core_v1::Pod>({PodNamed("a", "1")});
  Run();
  Fill<core_v1::Pod>({PodNamed("a", "1"), PodNamed("b", "1")});
  Run();
  EXPECT_EQ(bound_, Names{"a"});
  Json going = PodNamed("a", "2");
  going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  going["metadata"]["finalizers"] = Json::array({"example.com/held"});
  Fill<core_v1::Pod>({going, PodNamed("b", "1")});
  Run();
  EXPECT_EQ(bound_, (Names{"a", "b"}));
}

// Its binding waits for a volume that nobody makes, and another pod of its name does not.
TEST_F(SchedulerTest, ABindingEndsWithAPodThatWasGoingBefore) {
  const Json slow = {{"metadata", {{"name", "slow"}, {"resourceVersion", "1"}}},
                     {"provisioner", "example.com/slow"},
                     {"volumeBindingMode", "WaitForFirstConsumer"}};
  const Json claim = {
      {"metadata", {{"name", "data"}, {"namespace", "default"}, {"resourceVersion", "1"}}},
      {"spec", {{"storageClassName", "slow"}}}};
  Fill<storage_v1::StorageClass>({slow});
  Fill<core_v1::PersistentVolumeClaim>({claim});
  Json pod = PodNamed("a", "1");
  const Json volume = {{"name", "data"}, {"persistentVolumeClaim", {{"claimName", "data"}}}};
  pod["spec"]["volumes"] = Json::array({volume});
  Fill<core_v1::Pod>({pod});
  Run();
  pod["metadata"]["resourceVersion"] = "2";
  pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  Fill<core_v1::Pod>({pod});
  Run();
  EXPECT_EQ(bound_, Names{});
  Json other = PodNamed("a", "3");
  other["metadata"]["uid"] = "another";
  Fill<core_v1::Pod>({other});
  Run();
  EXPECT_EQ(bound_, Names{"a"});
}

TEST_F(SchedulerTest, AnotherNodeForANominatedPodLeavesItsFormerOneToOthers) {
  Fill<core_v1::Pod>({NominatedTo("node", "1"), PodNamed("b", "1")});
  Run();
  EXPECT_EQ(bound_, Names{});
  Fill<core_v1::Pod>({NominatedTo("other", "2"), PodNamed("b", "1")});
  Run();
  EXPECT_EQ(bound_, Names{"b"});
}

// Of so much, and on that node where one is named.
Json PodOfCpu(const std::string& name, const char* cpu, const char* node = "") {
  Json pod = PodNamed(name, "1");
  pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = cpu;
  if (*node != '\0') pod["spec"]["nodeName"] = node;
  return pod;
}

// What it waited for is not enough for it any more, and others were refused beside it.
TEST_F(SchedulerTest, ANominatedPodThatIsRefusedLeavesItsNodeToOthers) {
  const Json placed = PodOfCpu("placed", "500m", "node"), small = PodOfCpu("small", "0", "node");
  const Json low = PodOfCpu("a-low", "500m");
  Json mid = PodOfCpu("b-mid", "1");
  Fill<core_v1::Pod>({placed, small, mid});
  Run();
  mid["metadata"]["resourceVersion"] = "2";
  mid["status"]["nominatedNodeName"] = "node";
  Fill<core_v1::Pod>({placed, small, mid, low});
  Run();
  EXPECT_EQ(bound_, Names{});
  // Both are tried again, and the one that waits beside the other first.
  Fill<core_v1::Pod>({placed, mid, low});
  Run();
  EXPECT_EQ(bound_, Names{"a-low"});
}

TEST_F(SchedulerTest, ANominatedPodThatGoesElsewhereLeavesItsNodeToOthers) {
  Json node = NodeOfOneCpu(), other = NodeOfOneCpu();
  node["metadata"]["labels"]["zone"] = "z";
  node["metadata"]["resourceVersion"] = "2";
  other["metadata"]["name"] = "other";
  Json mid = PodOfCpu("b-mid", "1"), low = PodOfCpu("a-low", "500m");
  low["spec"]["nodeSelector"]["zone"] = "z";
  const Json placed = PodOfCpu("placed", "500m", "node");
  Fill<core_v1::Node>({node});
  Fill<core_v1::Pod>({placed, mid});
  Run();
  mid["metadata"]["resourceVersion"] = "2";
  mid["status"]["nominatedNodeName"] = "node";
  Fill<core_v1::Pod>({placed, mid, low});
  Run();
  EXPECT_EQ(bound_, Names{});
  Fill<core_v1::Node>({node, other});
  Run();
  EXPECT_EQ(bound_, (Names{"b-mid", "a-low"}));
}

// Others of them may have been told already, and nobody else is to have their place.
TEST_F(SchedulerTest, APreemptorKeepsItsNodeThoughAVictimCouldNotBeTold) {
  Json important = PodNamed("important", "1");
  important["spec"]["priority"] = 1000;
  spares_ = true;
  Fill<core_v1::Pod>({PodOfCpu("victim", "1", "node"), important});
  Decide();
  EXPECT_EQ(nominated_, "node");
}

TEST_F(SchedulerTest, ASidecarThatHasBecomeSmallerLeavesRoom) {
  Fill<core_v1::Pod>({WithSidecar("500m", "1"), PodNamed("b", "1")});
  Run();
  EXPECT_EQ(bound_, Names{});
  Fill<core_v1::Pod>({WithSidecar("0", "2"), PodNamed("b", "1")});
  Run();
  EXPECT_EQ(bound_, Names{"b"});
}

}  // namespace
}  // namespace skiff::scheduler
