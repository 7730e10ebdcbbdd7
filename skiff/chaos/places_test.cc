#include "skiff/chaos/places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "skiff/chaos/machine.h"

namespace skiff::chaos {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

core_v1::ContainerStatus StatusOf(const std::string& name, const std::string& id, bool runs) {
  core_v1::ContainerStatus status;
  status.name = name;
  status.container_id = id;
  if (runs) status.state.running.emplace();
  return status;
}

std::string Id(char digit) {
  return std::string(64, digit);
}

core_v1::Pod TwoContainers() {
  core_v1::Pod pod;
  pod.metadata.name = "web";
  pod.status.container_statuses = {StatusOf("app", "containerd://" + Id('a'), true),
                                   StatusOf("side", "containerd://" + Id('b'), true),
                                   StatusOf("done", "containerd://" + Id('c'), false),
                                   StatusOf("new", "", false)};
  return pod;
}

core_v1::Volume EmptyDir(const std::string& name) {
  core_v1::Volume volume;
  volume.name = name;
  volume.empty_dir.emplace();
  return volume;
}

core_v1::VolumeMount MountOf(const std::string& volume, const std::string& path,
                             const std::string& sub_path = "") {
  core_v1::VolumeMount mount;
  mount.name = volume;
  mount.mount_path = path;
  mount.sub_path = sub_path;
  return mount;
}

TEST(ChaosPlacesTest, ContainersThatRunAreMeant) {
  EXPECT_THAT(*GroupsOf(TwoContainers(), ""), ElementsAre(Id('a'), Id('b')));
  EXPECT_THAT(*GroupsOf(TwoContainers(), "side"), ElementsAre(Id('b')));
  EXPECT_EQ(GroupsOf(TwoContainers(), "done").error().message,
            "no container \"done\" of pod/web is running; it has: app, side, done, new");
  EXPECT_EQ(GroupsOf(TwoContainers(), "none").error().reason, Reason::kNotFound);
  EXPECT_EQ(GroupsOf({}, "").error().reason, Reason::kNotFound);
}

TEST(ChaosPlacesTest, ANodeIsElsewhereOnlyWhereItWasLookedFor) {
  EXPECT_EQ(NodeElsewhere(NetworkFact()), "is another machine; run this there, as root");
  EXPECT_EQ(NodeElsewhere(Fail(Reason::kForbidden, "the network cannot be entered")),
            "is another machine, or this one, of which nobody here can tell (the network cannot be "
            "entered); run this there, as root of the machine itself");
}

// Whoever may write a pod, or its status, would have others' processes killed.
TEST(ChaosPlacesTest, NothingThatOthersWroteNamesTheGroupsOfOtherProcesses) {
  core_v1::Pod pod = TwoContainers();
  for (const char* id : {"", "system", "a", "../..", "kubepods"}) {
    pod.status.container_statuses = {StatusOf("app", std::string("containerd://") + id, true)};
    EXPECT_EQ(GroupsOf(pod, "").error().reason, Reason::kNotFound) << id;
  }
  EXPECT_THAT(PodGroups("12-34"), ElementsAre("pod12-34", "pod12_34"));
  EXPECT_TRUE(PodGroups("").empty()) << "each pod's group begins so";

  auto& annotations = pod.metadata.annotations;
  EXPECT_EQ(StaticUid(pod), "");
  const std::string hash(32, 'f');
  annotations = {{"kubernetes.io/config.hash", hash}};
  EXPECT_EQ(StaticUid(pod), "") << "it mirrors nothing";
  annotations["kubernetes.io/config.mirror"] = hash;
  EXPECT_EQ(StaticUid(pod), hash);
  for (const std::string other : {"", "s", "3f0a3c66-6c0c-4a41-a3b9-0c1f8f9e5d52"}) {
    annotations = {{"kubernetes.io/config.hash", other}, {"kubernetes.io/config.mirror", other}};
    EXPECT_EQ(StaticUid(pod), "") << other;
  }
}

// A pod with the annotations of a static pod is not that pod: its container's runtime knows.
TEST(ChaosPlacesTest, TheRuntimeSaysWhoseSandboxAContainerIs) {
  const auto configuration = [](const std::string& type) {
    return R"({"annotations": {"io.kubernetes.cri.container-type": ")" + type +
           R"(", "io.kubernetes.cri.sandbox-name": "etcd-near",
               "io.kubernetes.cri.sandbox-namespace": "kube-system"}})";
  };
  EXPECT_EQ(SandboxIn(configuration("sandbox")), (SandboxFact{"kube-system", "etcd-near"}));
  EXPECT_EQ(SandboxIn(configuration("container")), std::nullopt) << "it is in one";
  for (const char* other :
       {"", "{", "[]", "{}", R"({"annotations": []})",
        R"({"annotations": {"io.kubernetes.cri.container-type": 1}})"}) {
    EXPECT_EQ(SandboxIn(other), std::nullopt) << other;
  }
}

TEST(ChaosPlacesTest, OnlyAddressesBecomePartOfRules) {
  core_v1::Node node;
  node.spec.pod_cidrs = {"10.244.1.0/24", "10.0.0.0/8 } drop", ""};
  for (const char* text :
       {"172.18.0.3", "fd00::3", "172.18.0.4 } accept } include \"/etc/shadow\""}) {
    core_v1::NodeAddress address;
    address.type = "InternalIP";
    address.address = text;
    node.status.addresses.push_back(address);
  }
  EXPECT_THAT(AddressesOf(node), ElementsAre("172.18.0.3/32", "fd00::3/128", "10.244.1.0/24"));
  core_v1::Pod pod;
  pod.status.pod_ips.resize(2);
  pod.status.pod_ips[0].ip = "10.244.1.7";
  pod.status.pod_ips[1].ip = "::1, ::/0";
  EXPECT_THAT(AddressesOf(pod), ElementsAre("10.244.1.7/32"));
}

TEST(ChaosPlacesTest, AVolumeIsWhereAContainerMountsIt) {
  core_v1::Pod pod = TwoContainers();
  EXPECT_EQ(FindVolume(pod, "").error().message, "pod/web has no emptyDir");
  core_v1::Volume other;
  other.name = "host";
  pod.spec.volumes = {other, EmptyDir("cache")};
  EXPECT_EQ(FindVolume(pod, "host").error().message,
            "pod/web has no emptyDir \"host\"; it has: cache");
  EXPECT_EQ(FindVolume(pod, "").error().message, "no container of pod/web mounts \"cache\"");
  core_v1::Container app, side;
  app.name = "app";
  app.volume_mounts = {MountOf("cache", "/part", "folder")};
  side.name = "side";
  side.volume_mounts = {MountOf("cache", "/cache")};
  pod.spec.containers = {app, side};
  const auto volume = FindVolume(pod, "");
  ASSERT_TRUE(volume);
  EXPECT_EQ(volume->container, "side");
  EXPECT_EQ(volume->path, "/cache");
  pod.spec.volumes.push_back(EmptyDir("data"));
  EXPECT_THAT(FindVolume(pod, "").error().message,
              HasSubstr("several emptyDirs; say which with --volume: cache, data"));
  EXPECT_TRUE(FindVolume(pod, "cache"));
}

TEST(ChaosPlacesTest, AMachineThatJoinedHasAKubeconfigOfItsOwn) {
  const std::string folder = testing::TempDir() + "/chaos-places-test";
  const std::string users = folder + "/.kube/config";
  std::filesystem::create_directories(folder + "/.kube");
  EXPECT_EQ(UnnamedKubeconfig(folder, folder), users) << "what is missing is named";
  for (const std::string& path :
       {folder + "/kubelet.conf", users, folder + "/admin.kubeconfig"}) {
    std::ofstream(path) << "{}";
    EXPECT_EQ(UnnamedKubeconfig(folder, folder), path) << "goes before those that were there";
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace skiff::chaos
