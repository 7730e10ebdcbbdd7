#include "kubelet/pod_resources/pod_resources_server.h"

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "kubelet/kubelet_metrics.h"
#include "kubelet/proto/pod_resources_v1.grpc.pb.h"
#include "kubelet/proto/pod_resources_v1alpha1.grpc.pb.h"
#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet {
namespace {

constexpr char kGpu[] = "example.com/gpu";

core_v1::Pod PodNamed(const std::string& name) {
  core_v1::Pod pod;
  pod.metadata.name = name;
  pod.metadata.namespace_ = "ns";
  pod.metadata.uid = "uid-of-" + name;
  pod.spec.containers.emplace_back().name = "main";
  pod.spec.init_containers.emplace_back().name = "first";
  pod.spec.init_containers.emplace_back().name = "sidecar";
  pod.spec.init_containers.back().restart_policy = "Always";
  return pod;
}

class PodResourcesServerTest : public testing::Test {
 protected:
  PodResourcesServerTest() {
    for (const auto* name : {"web", "ended"}) {
      pods_.push_back(std::make_shared<const core_v1::Pod>(PodNamed(name)));
    }
    book_.Set(kGpu, {{"a", {true, {0, 1}}}, {"b", {true, {}}}, {"c", {false, {}}}});
    book_.Give("uid-of-web", "main", kGpu, {"a"}, "");
    book_.Give("uid-of-web", "sidecar", kGpu, {"b"}, "");
    book_.Give("uid-of-web", "first", kGpu, {"b"}, "");
    book_.Give("uid-of-ended", "main", kGpu, {"c"}, "");
    claim_.key = {"ns", "c1"};
    claim_.drivers["dra.example.com"] = {{"pool-1", "dev-0", "share-7", {}, {"v.com/gpu=0"}},
                                         {"pool-1", "dev-1", std::nullopt, {}, {"v.com/gpu=1"}}};
    server_.Step();
  }
  PodResourcesSources Sources() {
    return {[this] { return pods_; },
            [this] { return std::vector<Ptr<core_v1::Pod>>{pods_[0]}; },
            [this](const std::string& namespace_, const std::string& name) {
              for (const auto& pod : pods_) {
                if (namespace_ == "ns" && pod->metadata.name == name) return pod;
              }
              return Ptr<core_v1::Pod>();
            },
            [this](const core_v1::Pod& pod, const core_v1::Container& container) {
              return book_.DevicesOf(pod.metadata.uid, container.name);
            },
            [this] { return book_.Healthy(); },
            [this](const core_v1::Pod&, const core_v1::Container& container) {
              std::vector<dra::ClaimInfo> claims;
              if (container.name == "main") claims.push_back(claim_);
              return claims;
            }};
  }
  std::shared_ptr<grpc::Channel> Channel() {
    return grpc::CreateChannel("unix:" + directory_ + "/kubelet.sock",
                               grpc::InsecureChannelCredentials());
  }
  grpc::Status List(v1::ListPodResourcesResponse& answer) {
    grpc::ClientContext context;
    return stub_->List(&context, {}, &answer);
  }
  // "a@0 a@1", "b".
  template <typename Devices>
  static std::string TextOf(const Devices& devices) {
    std::string text;
    for (const auto& each : devices) {
      EXPECT_EQ(each.resource_name(), kGpu);
      EXPECT_EQ(each.device_ids_size(), 1);
      text += (text.empty() ? "" : " ") + each.device_ids(0);
      if (each.has_topology()) text += "@" + std::to_string(each.topology().nodes(0).id());
    }
    return text;
  }

  TemporaryTree tree_;
  const std::string directory_ = tree_.root() + "/pod-resources";
  FakeClock clock_;
  KubeletMetrics metrics_{"n1"};
  std::vector<Ptr<core_v1::Pod>> pods_;
  devices::DeviceBook book_;
  dra::ClaimInfo claim_;
  PodResourcesServer server_{directory_, clock_, Sources(), &metrics_.pod_resources};
  std::unique_ptr<v1::PodResourcesLister::Stub> stub_ = v1::PodResourcesLister::NewStub(Channel());
};

TEST_F(PodResourcesServerTest, TellsWhatContainersOfPodsThatHaveNotEndedHave) {
  v1::ListPodResourcesResponse answer;
  ASSERT_TRUE(List(answer).ok());
  ASSERT_EQ(answer.pod_resources_size(), 1);
  const auto& pod = answer.pod_resources(0);
  EXPECT_EQ(pod.namespace_() + "/" + pod.name(), "ns/web");
  ASSERT_EQ(pod.containers_size(), 2) << "what runs before them has given back what it had";
  EXPECT_EQ(pod.containers(0).name(), "sidecar");
  EXPECT_EQ(TextOf(pod.containers(0).devices()), "b");
  EXPECT_EQ(pod.containers(0).dynamic_resources_size(), 0);
  const auto& main = pod.containers(1);
  EXPECT_EQ(main.name(), "main");
  EXPECT_EQ(TextOf(main.devices()), "a@0 a@1");
  EXPECT_EQ(main.cpu_ids_size() + main.memory_size(), 0);
  ASSERT_EQ(main.dynamic_resources_size(), 1);
  const auto& claim = main.dynamic_resources(0);
  EXPECT_EQ(claim.claim_namespace() + "/" + claim.claim_name(), "ns/c1");
  ASSERT_EQ(claim.claim_resources_size(), 2);
  EXPECT_EQ(claim.claim_resources(0).driver_name(), "dra.example.com");
  EXPECT_EQ(claim.claim_resources(0).pool_name(), "pool-1");
  EXPECT_EQ(claim.claim_resources(0).device_name(), "dev-0");
  EXPECT_EQ(claim.claim_resources(0).share_id(), "share-7");
  EXPECT_FALSE(claim.claim_resources(1).has_share_id());
  ASSERT_EQ(claim.claim_resources(1).cdi_devices_size(), 1) << "each its own";
  EXPECT_EQ(claim.claim_resources(1).cdi_devices(0).name(), "v.com/gpu=1");
}

TEST_F(PodResourcesServerTest, TellsWhichDevicesAreWell) {
  v1::AllocatableResourcesResponse answer;
  grpc::ClientContext context;
  ASSERT_TRUE(stub_->GetAllocatableResources(&context, {}, &answer).ok());
  EXPECT_EQ(TextOf(answer.devices()), "a@0 a@1 b");
  EXPECT_EQ(answer.cpu_ids_size() + answer.memory_size(), 0);
}

TEST_F(PodResourcesServerTest, TellsOfOnePod) {
  const auto get = [&](const char* name, v1::GetPodResourcesResponse& answer) {
    v1::GetPodResourcesRequest request;
    request.set_pod_namespace("ns");
    request.set_pod_name(name);
    grpc::ClientContext context;
    return stub_->Get(&context, request, &answer);
  };
  v1::GetPodResourcesResponse answer;
  ASSERT_TRUE(get("ended", answer).ok());
  EXPECT_EQ(TextOf(answer.pod_resources().containers(1).devices()), "c");
  const auto failed = get("none", answer);
  EXPECT_EQ(failed.error_code(), grpc::StatusCode::UNKNOWN);
  EXPECT_EQ(failed.error_message(), "pod none in namespace ns not found");
  const std::string text = metrics_.registry.Text();
  EXPECT_NE(text.find("requests_total{server_api_version=\"v1\"} 2"), std::string::npos) << text;
  EXPECT_NE(text.find("errors_get{server_api_version=\"v1\"} 1"), std::string::npos);
}

TEST_F(PodResourcesServerTest, AnswersInTheFirstVersionToo) {
  const auto stub = v1alpha1::PodResourcesLister::NewStub(Channel());
  v1alpha1::ListPodResourcesResponse answer;
  grpc::ClientContext context;
  ASSERT_TRUE(stub->List(&context, {}, &answer).ok());
  ASSERT_EQ(answer.pod_resources_size(), 2);
  ASSERT_EQ(answer.pod_resources(0).containers_size(), 1);
  ASSERT_EQ(answer.pod_resources(0).containers(0).devices_size(), 2);
  EXPECT_EQ(answer.pod_resources(0).containers(0).devices(0).device_ids(0), "a");
  EXPECT_EQ(answer.pod_resources(1).name(), "ended");
  EXPECT_EQ(answer.pod_resources(1).containers(0).devices_size(), 0) << "it gave them back";
}

TEST_F(PodResourcesServerTest, WhoAsksTooOftenIsToldSo) {
  for (int i = 0; i < PodResourcesService::kBurstMax; ++i) {
    v1::ListPodResourcesResponse answer;
    ASSERT_TRUE(List(answer).ok());
  }
  v1::ListPodResourcesResponse answer;
  const auto refused = List(answer);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(refused.error_message(), "rejected by rate limit");
  clock_.Advance(10ms);
  EXPECT_TRUE(List(answer).ok());
  EXPECT_FALSE(List(answer).ok());
}

TEST_F(PodResourcesServerTest, RootAloneReachesTheSocketAndAnotherServerTakesItsPlace) {
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(directory_).permissions() & (perms::others_all), perms::none);
  server_.Close();
  v1::ListPodResourcesResponse answer;
  EXPECT_EQ(List(answer).error_code(), grpc::StatusCode::UNAVAILABLE);
  PodResourcesServer next{directory_, clock_, Sources(), nullptr};
  EXPECT_EQ(next.Step(), kNever);
  stub_ = v1::PodResourcesLister::NewStub(Channel());
  EXPECT_TRUE(List(answer).ok());
}

TEST_F(PodResourcesServerTest, ADirectoryThatCannotBeMadeIsToldOfOnce) {
  PodResourcesServer nowhere{"/proc/none/pod-resources", clock_, Sources(), nullptr};
  const int before = Log::ErrorCount();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(nowhere.Step(), PodResourcesServer::kListenRetry);
  EXPECT_EQ(Log::ErrorCount(), before + 1);
}

}  // namespace
}  // namespace skiff::kubelet
