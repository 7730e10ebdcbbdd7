#include "kubelet/container_config.h"

#include <gtest/gtest.h>

#include "kubelet/pod_observed.h"
#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet {
namespace {

using core_v1::Container;
using core_v1::Pod;
using Type = cri::SecurityProfile::Type;

class ContainerConfigTest : public testing::Test {
 protected:
  ContainerConfigTest() {
    pod_.metadata.name = "web";
    pod_.metadata.namespace_ = "shop";
    pod_.metadata.uid = "uid-1";
    container_.name = "c";
    container_.image = "web:1";
    container_.termination_message_path = "/dev/termination-log";
  }
  ContainerInput Input() {
    ContainerInput input{.pod = pod_, .container = container_};
    input.attempt = 2;
    input.image_ref = "sha256:1";
    input.volumes = volumes_;
    input.volume_images = volume_images_;
    input.sub_paths = sub_paths_;
    input.policy = policy_;
    input.image = &image_;
    return input;
  }
  cri::ContainerConfig Made() {
    const auto made = MakeContainerConfig(Input());
    EXPECT_TRUE(made) << made.error().message;
    return made ? *made : cri::ContainerConfig();
  }
  std::string Problem() {
    const auto made = MakeContainerConfig(Input());
    return made ? "" : made.error().message;
  }
  core_v1::VolumeMount& Mount(const std::string& volume, const std::string& path) {
    volumes_[volume].path = "/host/" + volume;
    auto& mount = container_.volume_mounts.emplace_back();
    mount.name = volume;
    mount.mount_path = path;
    return mount;
  }
  core_v1::Volume& Volume(const std::string& name) {
    auto& volume = pod_.spec.volumes.emplace_back();
    volume.name = name;
    return volume;
  }
  Pod pod_;
  Container container_;
  VolumePaths volumes_;
  std::map<std::string, cri::ImageSpec> volume_images_;
  std::map<std::string, std::string> sub_paths_;
  ContainerPolicy policy_;
  cri::Image image_;
};

TEST_F(ContainerConfigTest, CarriesWhatARestartedKubeletReadsAgain) {
  container_.command = {"run", "$(A)"};
  ContainerInput input = Input();
  input.environment = {{"A", "1"}};
  const auto made = MakeContainerConfig(input);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->metadata.name, "c");
  EXPECT_EQ(made->metadata.attempt, 2u);
  EXPECT_EQ(made->command, (std::vector<std::string>{"run", "1"}));
  EXPECT_EQ(made->labels.at("io.kubernetes.pod.uid"), "uid-1");
  EXPECT_EQ(made->annotations.at("io.kubernetes.container.restartCount"), "2");
  EXPECT_EQ(made->log_path, "c/2.log");
  EXPECT_EQ(made->image.image, "sha256:1");
  EXPECT_EQ(made->image.user_specified_image, "web:1");
}

TEST_F(ContainerConfigTest, AVolumeThatIsADeviceIsPassedIn) {
  auto& device = container_.volume_devices.emplace_back();
  device.name = "data";
  device.device_path = "/dev/xvda";
  EXPECT_EQ(Problem(), "cannot find volume \"data\" to pass into container \"c\"");
  volumes_["data"] = {.path = "/host/data", .is_device = true};
  Volume("data").persistent_volume_claim.Ensure();
  auto devices = Made().devices;
  ASSERT_EQ(devices.size(), 1u);
  EXPECT_EQ(devices[0].host_path, "/host/data");
  EXPECT_EQ(devices[0].container_path, "/dev/xvda");
  EXPECT_EQ(devices[0].permissions, "mrw");
  pod_.spec.volumes[0].persistent_volume_claim->read_only = true;
  EXPECT_EQ(Made().devices[0].permissions, "r");
}

TEST_F(ContainerConfigTest, WhatIsNoDeviceIsNotPassedInAndADeviceIsNotMounted) {
  volumes_["data"] = {.path = "/host/data", .is_device = true};
  auto& mount = Mount("files", "/files");
  EXPECT_EQ(Problem(), "");
  mount.name = "data";
  sub_paths_["/files"] = "/pods/uid-1/volume-subpaths/data/c/0";
  EXPECT_EQ(Problem(), "cannot find volume \"data\" to mount into container \"c\"");
  container_.volume_mounts.clear();
  auto& device = container_.volume_devices.emplace_back();
  device.name = "files";
  device.device_path = "/dev/xvda";
  EXPECT_EQ(Problem(), "cannot find volume \"files\" to pass into container \"c\"");
}

TEST_F(ContainerConfigTest, WhatTheKubeletWritesNoContainerWrites) {
  Volume("keys").secret.Ensure();
  Volume("settings").config_map.Ensure();
  Volume("token").projected.Ensure();
  Volume("about").downward_api.Ensure();
  Volume("cache").empty_dir.Ensure();
  Volume("data").persistent_volume_claim.Ensure();
  Volume("library").persistent_volume_claim.Ensure().read_only = true;
  for (const auto& volume : pod_.spec.volumes) Mount(volume.name, "/" + volume.name);
  std::string writable;
  for (const auto& mount : Made().mounts) {
    if (!mount.readonly) writable += mount.container_path + " ";
  }
  EXPECT_EQ(writable, "/cache /data ");
}

TEST_F(ContainerConfigTest, MountsAreThoseOfTheSpec) {
  Mount("a", "relative").read_only = true;
  Mount("b", "/b").mount_propagation = "Bidirectional";
  Mount("b", "/part");
  sub_paths_["/part"] = "/pods/uid-1/volume-subpaths/b/c/2";
  const auto mounts = Made().mounts;
  ASSERT_EQ(mounts.size(), 3u);
  EXPECT_EQ(mounts[0].container_path, "/relative");
  EXPECT_TRUE(mounts[0].readonly);
  EXPECT_EQ(mounts[1].propagation, cri::Propagation::kBidirectional);
  EXPECT_EQ(mounts[2].host_path, "/pods/uid-1/volume-subpaths/b/c/2");
  volumes_.clear();
  EXPECT_EQ(Problem(), "cannot find volume \"a\" to mount into container \"c\"");
}

TEST_F(ContainerConfigTest, AnImageVolumeIsTheRuntimesToMount) {
  Volume("model").image.Ensure().reference = "model:1";
  Mount("model", "/model");
  Mount("model", "/weights");
  volumes_["model"].path = "";
  volume_images_["model"] = {.image = "sha256:2", .user_specified_image = "model:1"};
  sub_paths_["/weights"] = "share/weights";
  const auto mounts = Made().mounts;
  ASSERT_EQ(mounts.size(), 2u);
  for (const auto& mount : mounts) {
    EXPECT_EQ(mount.host_path, "");
    EXPECT_TRUE(mount.readonly);
    ASSERT_TRUE(mount.image);
    EXPECT_EQ(mount.image->image, "sha256:2");
    EXPECT_EQ(mount.image->user_specified_image, "model:1");
  }
  EXPECT_EQ(mounts[0].image_sub_path, "");
  EXPECT_EQ(mounts[1].image_sub_path, "share/weights");
}

TEST_F(ContainerConfigTest, RecursiveReadOnlyIsGivenOrRefused) {
  auto& mount = Mount("a", "/a");
  mount.read_only = true;
  mount.recursive_read_only = "Enabled";
  EXPECT_EQ(Problem(), "volume \"a\" requested recursive read-only mode, but it is not supported by "
                       "the runtime");
  mount.recursive_read_only = "IfPossible";
  EXPECT_FALSE(Made().mounts[0].recursive_read_only);
  policy_.recursive_read_only = true;
  EXPECT_TRUE(Made().mounts[0].recursive_read_only);
  mount.recursive_read_only = "Disabled";
  EXPECT_FALSE(Made().mounts[0].recursive_read_only);
}

TEST_F(ContainerConfigTest, SeccompIsTheNearestProfile) {
  EXPECT_EQ(Made().security.seccomp->type, Type::kUnconfined);
  policy_.seccomp_default = true;
  EXPECT_EQ(Made().security.seccomp->type, Type::kRuntimeDefault);
  auto& of_pod = pod_.spec.security_context.Ensure().seccomp_profile.Ensure();
  of_pod.type = "Unconfined";
  EXPECT_EQ(Made().security.seccomp->type, Type::kUnconfined);
  policy_.seccomp_root = "/root-dir/seccomp";
  auto& own = container_.security_context.Ensure().seccomp_profile.Ensure();
  own.type = "Localhost";
  own.localhost_profile = "web/strict.json";
  EXPECT_EQ(Made().security.seccomp->type, Type::kLocalhost);
  EXPECT_EQ(Made().security.seccomp->localhost_ref, "/root-dir/seccomp/web/strict.json");
}

TEST_F(ContainerConfigTest, AppArmorAndSelinuxReachTheRuntime) {
  EXPECT_FALSE(Made().security.apparmor);
  EXPECT_FALSE(Made().security.selinux);
  auto& own = container_.security_context.Ensure();
  own.app_armor_profile.Ensure().type = "Localhost";
  own.app_armor_profile->localhost_profile = "strict";
  EXPECT_EQ(Made().security.apparmor->type, Type::kLocalhost);
  EXPECT_EQ(Made().security.apparmor->localhost_ref, "strict");
  pod_.spec.security_context.Ensure().se_linux_options.Ensure().level = "s0:c1,c2";
  EXPECT_EQ(Made().security.selinux->level, "s0:c1,c2");
  own.se_linux_options.Ensure().type = "web_t";
  EXPECT_EQ(Made().security.selinux->type, "web_t");
  EXPECT_EQ(Made().security.selinux->level, "");
}

TEST_F(ContainerConfigTest, UsersAndGroupsAreTheContainersOrThePods) {
  auto& of_pod = pod_.spec.security_context.Ensure();
  of_pod.run_as_user = 1000;
  of_pod.run_as_group = 2000;
  of_pod.fs_group = 3000;
  of_pod.supplemental_groups = {4000};
  of_pod.supplemental_groups_policy = "Strict";
  auto security = Made().security;
  EXPECT_EQ(security.run_as_user, 1000);
  EXPECT_EQ(security.run_as_group, 2000);
  EXPECT_EQ(security.supplemental_groups, (std::vector<int64_t>{3000, 4000}));
  EXPECT_TRUE(security.strict_supplemental_groups);
  container_.security_context.Ensure().run_as_user = 1;
  EXPECT_EQ(Made().security.run_as_user, 1);
  of_pod.run_as_non_root = true;
  EXPECT_EQ(Problem(), "");
  container_.security_context->run_as_user = 0;
  EXPECT_EQ(Problem(), "container's runAsUser breaks non-root policy (pod: \"web_shop(uid-1)\", "
                       "container: c)");
}

TEST_F(ContainerConfigTest, NonRootLooksAtTheImageToo) {
  container_.security_context.Ensure().run_as_non_root = true;
  EXPECT_EQ(Problem(), "container has runAsNonRoot and image will run as root (pod: "
                       "\"web_shop(uid-1)\", container: c)");
  image_.username = "app";
  EXPECT_EQ(Problem(), "container has runAsNonRoot and image has non-numeric user (app), cannot "
                       "verify user is non-root (pod: \"web_shop(uid-1)\", container: c)");
  image_.username.clear();
  image_.uid = 7;
  EXPECT_EQ(Problem(), "");
  EXPECT_EQ(Made().security.run_as_user, 7);
}

TEST_F(ContainerConfigTest, ProcIsMaskedUnlessThePodMayAndDoesSayOtherwise) {
  EXPECT_FALSE(Made().security.masked_paths.empty());
  container_.security_context.Ensure().proc_mount = "Unmasked";
  EXPECT_TRUE(Made().security.masked_paths.empty());
  container_.security_context->proc_mount.reset();
  container_.security_context->privileged = true;
  EXPECT_TRUE(Made().security.masked_paths.empty());
}

TEST_F(ContainerConfigTest, WhatProcessorsTellOfTheirHeatIsMaskedWithTheRest) {
  const TemporaryTree tree;
  const std::string told = tree.MakeDirectory("cpu0/thermal_throttle");
  tree.MakeDirectory("cpu1/cache");
  policy_.masked_paths = ThermalPaths(tree.root());
  EXPECT_EQ(policy_.masked_paths, std::vector<std::string>{told});
  EXPECT_EQ(Made().security.masked_paths.back(), told);
  container_.security_context.Ensure().privileged = true;
  EXPECT_TRUE(Made().security.masked_paths.empty());
  EXPECT_TRUE(ThermalPaths(tree.Path("none")).empty());
}

// Sandboxes and containers are found by these labels: with another pod's uid its sandbox would be
// taken for that pod's, whose containers would be started in it.
TEST_F(ContainerConfigTest, NoLabelOfAPodSaysThatItsSandboxIsAnothers) {
  pod_.metadata.labels = {{kPodUidLabel, "uid-of-another"},
                          {kPodNamespaceLabel, "kube-system"},
                          {kPodNameLabel, "another"},
                          {"app", "web"}};
  const cri::StringMap wanted = {{kPodUidLabel, "uid-1"},
                                 {kPodNamespaceLabel, "shop"},
                                 {kPodNameLabel, "web"},
                                 {"app", "web"}};
  EXPECT_EQ(MakeSandboxConfig({.pod = pod_}).labels, wanted);
}

// An old containerd takes the low 32 bits of it, which are root's.
TEST_F(ContainerConfigTest, NonRootIsNoUserWhoseNumberIsTooLarge) {
  container_.security_context.Ensure().run_as_non_root = true;
  for (const int64_t user : {int64_t{1} << 32, int64_t{INT32_MAX} + 1, int64_t{-1}}) {
    image_.uid = user;
    EXPECT_NE(Problem().find("image will run as root"), std::string::npos) << user;
  }
  image_.uid = INT32_MAX;
  EXPECT_EQ(Problem(), "");
}

TEST_F(ContainerConfigTest, TheSandboxHasTheNamespacesOfThePod) {
  const auto sandbox = [&] { return MakeSandboxConfig({.pod = pod_}); };
  EXPECT_EQ(sandbox().security.namespaces.network, cri::NamespaceMode::kPod);
  EXPECT_EQ(sandbox().security.namespaces.pid, cri::NamespaceMode::kContainer);
  EXPECT_EQ(sandbox().security.namespaces.ipc, cri::NamespaceMode::kPod);
  EXPECT_EQ(sandbox().security.seccomp->type, Type::kRuntimeDefault);
  pod_.spec.share_process_namespace = true;
  EXPECT_EQ(sandbox().security.namespaces.pid, cri::NamespaceMode::kPod);
  pod_.spec.host_pid = pod_.spec.host_ipc = pod_.spec.host_network = true;
  EXPECT_EQ(sandbox().security.namespaces.network, cri::NamespaceMode::kNode);
  EXPECT_EQ(sandbox().security.namespaces.pid, cri::NamespaceMode::kNode);
  EXPECT_EQ(sandbox().security.namespaces.ipc, cri::NamespaceMode::kNode);
  EXPECT_EQ(sandbox().hostname, "");
  auto& sysctl = pod_.spec.security_context.Ensure().sysctls.emplace_back();
  sysctl.name = "net/ipv4/tcp_syncookies";
  sysctl.value = "1";
  EXPECT_EQ(sandbox().sysctls.at("net.ipv4.tcp_syncookies"), "1");
}

TEST_F(ContainerConfigTest, TheKernelIsToldTheWholeNameWhereThePodAsksForIt) {
  pod_.spec.hostname = "somebody";
  pod_.spec.subdomain = "here";
  pod_.metadata.namespace_ = "ns";
  const auto hostname = [&] { return MakeSandboxConfig({.pod = pod_}).hostname; };
  EXPECT_EQ(hostname(), "somebody");
  pod_.spec.set_hostname_as_fqdn = true;
  EXPECT_EQ(hostname(), "somebody.here.ns.svc.cluster.local");
  pod_.spec.hostname = std::string(40, 'h');
  EXPECT_EQ(KernelHostname(pod_, "cluster.local").error().message,
            "failed to construct FQDN from pod hostname and cluster domain, FQDN " +
                pod_.spec.hostname +
                ".here.ns.svc.cluster.local is too long (64 characters is the max, 66 characters "
                "requested)");
  pod_.spec.subdomain.clear();
  EXPECT_EQ(hostname(), pod_.spec.hostname) << "there is no domain";
  pod_.spec.hostname_override = std::string(62, 'o') + ".x";
  EXPECT_EQ(hostname(), std::string(62, 'o')) << "the kernel has room for no more";
}

TEST_F(ContainerConfigTest, WhoseImageNamesRootIsToldOfTheImage) {
  container_.security_context.Ensure().run_as_non_root = true;
  image_.uid = 0;
  EXPECT_EQ(Problem(),
            "container has runAsNonRoot and image will run as root (pod: "
            "\"web_shop(uid-1)\", container: c)");
}

}  // namespace
}  // namespace skiff::kubelet
