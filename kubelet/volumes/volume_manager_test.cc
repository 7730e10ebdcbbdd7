#include "kubelet/volumes/volume_manager.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kubelet/volumes/memory_mount.h"
#include "kubelet/volumes/temporary_tree.h"
#include "kubelet/volumes/volume_plugin.h"

namespace skiff::kubelet {
namespace {

using core_v1::Pod;

core_v1::Volume& AddVolume(Pod& pod, const std::string& name) {
  if (pod.spec.containers.empty()) pod.spec.containers.emplace_back().name = "c";
  auto& mount = pod.spec.containers.front().volume_mounts.emplace_back();
  mount.name = name;
  mount.mount_path = "/" + name;
  auto& volume = pod.spec.volumes.emplace_back();
  volume.name = name;
  return volume;
}

class VolumeManagerTest : public testing::Test {
 protected:
  VolumeManagerTest() {
    pod_.metadata.name = "web";
    pod_.metadata.namespace_ = "default";
    pod_.metadata.uid = "uid-1";
    secret_->data["password"] = "hush";
    MakeManager();
  }
  // As a kubelet that was started anew.
  void MakeManager() {
    VolumeSources sources;
    sources.secret = [this](const std::string&, const std::string& name)
        -> Result<std::shared_ptr<const core_v1::Secret>> {
      if (!api_answers_) return Fail(Reason::kServiceUnavailable, "connection refused");
      if (name != "there") return Fail(Reason::kNotFound, "secrets \"" + name + "\" not found");
      return secret_;
    };
    sources.claim = [this](const std::string&, const std::string&)
        -> Result<std::shared_ptr<const core_v1::PersistentVolumeClaim>> {
      if (!api_answers_) return Fail(Reason::kServiceUnavailable, "connection refused");
      return claim_;
    };
    sources.volume = [this](const std::string&)
        -> Result<std::shared_ptr<const core_v1::PersistentVolume>> { return volume_; };
    sources.token = [](const Pod&, const std::string&, int64_t) -> Result<std::string> {
      return std::string("a.b.c");
    };
    manager_ =
        std::make_unique<VolumeManager>(tree_.root(), std::move(sources), clock_,
                                        VolumeMounts::OfKernel(), nullptr, DeviceMaps::Kinds::kAny);
  }
  std::string Problem() {
    const auto made = manager_->SetUp(pod_);
    return made ? "" : made.error().message;
  }
  std::string Below(const std::string& path) { return "pods/uid-1/" + path; }

  TemporaryTree tree_;
  FakeClock clock_;
  Pod pod_;
  bool api_answers_ = true;
  std::shared_ptr<core_v1::Secret> secret_ = std::make_shared<core_v1::Secret>();
  std::shared_ptr<core_v1::PersistentVolumeClaim> claim_ =
      std::make_shared<core_v1::PersistentVolumeClaim>();
  std::shared_ptr<core_v1::PersistentVolume> volume_ =
      std::make_shared<core_v1::PersistentVolume>();
  std::unique_ptr<VolumeManager> manager_;
};

TEST_F(VolumeManagerTest, NobodyButTheKubeletLooksIntoPodsDirectories) {
  tree_.MakeDirectory("pods");
  ASSERT_EQ(chmod(tree_.Path("pods").c_str(), 0755), 0);  // As it was made once.
  AddVolume(pod_, "cache").empty_dir.Ensure();
  ASSERT_EQ(Problem(), "");
  EXPECT_EQ(tree_.Mode("pods"), 0750u);
  EXPECT_EQ(tree_.Mode("pods/uid-1"), 0750u);
  EXPECT_EQ(tree_.Mode(Below("volumes/kubernetes.io~empty-dir/cache")), 0777u);
}

TEST_F(VolumeManagerTest, AnObjectThatManyVolumesNameIsAskedForOnce) {
  int asked = 0;
  VolumeSources sources;
  sources.config_map =
      [&](const std::string&,
          const std::string&) -> Result<std::shared_ptr<const core_v1::ConfigMap>> {
    ++asked;
    return std::make_shared<const core_v1::ConfigMap>();
  };
  manager_ = std::make_unique<VolumeManager>(tree_.root(), std::move(sources), clock_);
  for (const char* name : {"a", "b", "c"}) {
    AddVolume(pod_, name).config_map.Ensure().name = "there";
  }
  ASSERT_EQ(Problem(), "");
  EXPECT_EQ(asked, 1);
  ASSERT_EQ(Problem(), "");
  EXPECT_EQ(asked, 2) << "it may have changed";
}

TEST_F(VolumeManagerTest, AnEmptyDirIsSetUpOnceAndThenItsContainers) {
  AddVolume(pod_, "cache").empty_dir.Ensure();
  ASSERT_EQ(Problem(), "");
  const std::string path = Below("volumes/kubernetes.io~empty-dir/cache");
  ASSERT_EQ(chmod(tree_.Path(path).c_str(), 0700), 0);
  tree_.Write(path + "/file", "x");
  MakeManager();
  ASSERT_EQ(Problem(), "");
  EXPECT_EQ(tree_.Mode(path), 0700u);
  EXPECT_EQ(tree_.Read(path + "/file"), "x");
}

TEST_F(VolumeManagerTest, ASecretLiesInMemoryAlsoAfterAReboot) {
  if (!MayMount()) GTEST_SKIP() << "this process may not mount";
  AddVolume(pod_, "keys").secret.Ensure().secret_name = "there";
  ASSERT_EQ(Problem(), "");
  const std::string path = Below("volumes/kubernetes.io~secret/keys");
  EXPECT_TRUE(IsMemoryMount(tree_.Path(path)));
  EXPECT_EQ(tree_.Read(path + "/password"), "hush");
  // The directory outlives a reboot, its mount does not; once something was written into it so.
  ASSERT_EQ(umount2(tree_.Path(path).c_str(), 0), 0);
  tree_.Write(path + "/..old/password", "on disk");
  MakeManager();
  ASSERT_EQ(Problem(), "");
  EXPECT_TRUE(IsMemoryMount(tree_.Path(path)));
  EXPECT_EQ(tree_.Read(path + "/password"), "hush");
  ASSERT_EQ(umount2(tree_.Path(path).c_str(), 0), 0);
  EXPECT_TRUE(std::filesystem::is_empty(tree_.Path(path)));
}

TEST_F(VolumeManagerTest, TokensAndAnEmptyDirOfMediumMemoryLieInMemory) {
  if (!MayMount()) GTEST_SKIP() << "this process may not mount";
  auto& source = AddVolume(pod_, "token").projected.Ensure().sources.emplace_back();
  source.service_account_token.Ensure().path = "token";
  AddVolume(pod_, "scratch").empty_dir.Ensure().medium = "Memory";
  pod_.spec.volumes.back().empty_dir->size_limit = Quantity::FromValue(1 << 20);
  ASSERT_EQ(Problem(), "");
  EXPECT_TRUE(IsMemoryMount(tree_.Path(Below("volumes/kubernetes.io~projected/token"))));
  const std::string scratch = tree_.Path(Below("volumes/kubernetes.io~empty-dir/scratch"));
  EXPECT_TRUE(IsMemoryMount(scratch));
  EXPECT_EQ(std::filesystem::space(scratch).capacity, 1u << 20);
  EXPECT_TRUE(manager_->TearDown("uid-1"));
  EXPECT_FALSE(tree_.Exists("pods/uid-1"));
}

// A child without the right to mount, as a kubelet in a container has none.
TEST_F(VolumeManagerTest, WhereNothingCanBeMountedASecretIsRefusedAndNothingIsWritten) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give its rights up";
  AddVolume(pod_, "keys").secret.Ensure().secret_name = "there";
  ASSERT_EQ(chmod(tree_.root().c_str(), 0777), 0);
  const pid_t child = fork();
  if (child == 0) {
    const bool gave_up = setgid(65534) == 0 && setuid(65534) == 0;
    const std::string why = Problem();
    const bool is_right = why.starts_with("MountVolume.SetUp failed for volume \"keys\" : mount "
                                          "failed: Operation not permitted\nMounting command: "
                                          "mount\nMounting arguments: -t tmpfs");
    _exit(!gave_up ? 2 : is_right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const std::string path = Below("volumes/kubernetes.io~secret/keys");
  EXPECT_TRUE(std::filesystem::is_empty(tree_.Path(path)));
}

TEST_F(VolumeManagerTest, APodGoesOnWithWhatItHasWhileTheApiIsAway) {
  if (!MayMount()) GTEST_SKIP() << "this process may not mount";
  AddVolume(pod_, "keys").secret.Ensure().secret_name = "there";
  ASSERT_EQ(Problem(), "");
  api_answers_ = false;
  EXPECT_EQ(Problem(), "");
  MakeManager();
  EXPECT_EQ(Problem(), "");
  pod_.metadata.uid = "uid-2";  // Another pod never had it.
  EXPECT_EQ(Problem(), "MountVolume.SetUp failed for volume \"keys\" : connection refused");
}

TEST_F(VolumeManagerTest, WhatIsMissingIsSaidInKubernetesWords) {
  AddVolume(pod_, "keys").secret.Ensure().secret_name = "gone";
  EXPECT_EQ(Problem(), "MountVolume.SetUp failed for volume \"keys\" : secret \"gone\" not found");
  auto& secret = *pod_.spec.volumes.front().secret;
  secret.secret_name = "there";
  auto& item = secret.items.emplace_back();
  item.key = "user";
  item.path = "user";
  EXPECT_EQ(Problem(), "MountVolume.SetUp failed for volume \"keys\" : references non-existent "
                       "secret key: user");
}

TEST_F(VolumeManagerTest, AVolumeThatFailsKeepsNoOtherFromBeingMade) {
  AddVolume(pod_, "first").secret.Ensure().secret_name = "gone";
  AddVolume(pod_, "second").secret.Ensure().secret_name = "missing";
  AddVolume(pod_, "cache").empty_dir.Ensure();
  std::vector<Error> more;
  const auto made = manager_->SetUp(pod_, &more);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message,
            "MountVolume.SetUp failed for volume \"first\" : secret \"gone\" not found");
  ASSERT_EQ(more.size(), 1u);
  EXPECT_EQ(more[0].message,
            "MountVolume.SetUp failed for volume \"second\" : secret \"missing\" not found");
  EXPECT_EQ(tree_.Mode(Below("volumes/kubernetes.io~empty-dir/cache")), 0777u);
}

TEST_F(VolumeManagerTest, VolumesThatThisNodeHasNoPluginForAreRefused) {
  auto& volume = AddVolume(pod_, "files");
  const std::string refused =
      "Unable to attach or mount volumes: unmounted volumes=[files], unattached volumes=[], failed "
      "to process volumes=[files]: failed to get Plugin from volumeSpec for volume \"files\" "
      "err=no volume plugin matched";
  volume.nfs.Ensure().server = "nfs.example.com";
  EXPECT_EQ(Problem(), refused);
  volume.nfs.reset();
  volume.git_repo.Ensure();
  EXPECT_EQ(Problem(), refused);
  volume.git_repo.reset();
  volume.csi.Ensure().driver = "x.example.com";
  EXPECT_EQ(Problem(), "MountVolume.SetUp failed for volume \"files\" : volume mode \"Ephemeral\" "
                       "not supported by driver x.example.com (no CSIDriver object)");
  volume.csi.reset();
  volume.empty_dir.Ensure().medium = "Glacier";
  EXPECT_EQ(Problem(),
            "MountVolume.SetUp failed for volume \"files\" : unknown storage medium \"Glacier\"");
}

TEST_F(VolumeManagerTest, AnImageVolumeNeedsNothingOnTheHost) {
  AddVolume(pod_, "model").image.Ensure().reference = "model:1";
  const auto made = manager_->SetUp(pod_);
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_TRUE(made->contains("model"));
  EXPECT_EQ(made->at("model").path, "");
}

TEST_F(VolumeManagerTest, WhatAPodMountsIsMeasuredButNotTheHostsDirectories) {
  AddVolume(pod_, "cache").empty_dir.Ensure();
  AddVolume(pod_, "scratch").empty_dir.Ensure().medium = "Memory";
  AddVolume(pod_, "host").host_path.Ensure().path = "/etc";
  AddVolume(pod_, "keys").secret.Ensure().secret_name = "there";
  AddVolume(pod_, "unused").empty_dir.Ensure();
  pod_.spec.containers.front().volume_mounts.pop_back();
  std::vector<std::string> places;
  for (const auto& place : manager_->MeasuredPlaces(pod_)) {
    EXPECT_EQ(place.claim, "");
    places.push_back((place.in_memory ? "memory " : "") + place.path);
  }
  const std::string volumes = tree_.Path(Below("volumes/kubernetes.io~"));
  EXPECT_EQ(places, (std::vector<std::string>{volumes + "empty-dir/cache",
                                              "memory " + volumes + "empty-dir/scratch",
                                              "memory " + volumes + "secret/keys"}));
}

class ClaimTest : public VolumeManagerTest {
 protected:
  ClaimTest() {
    AddVolume(pod_, "data").persistent_volume_claim.Ensure().claim_name = "claim";
    claim_->metadata.uid = "claim-uid";
    claim_->spec.volume_name = "pv";
    claim_->status.phase = "Bound";
    volume_->metadata.name = "pv";
    volume_->spec.claim_ref.Ensure().uid = "claim-uid";
    volume_->spec.local.Ensure().path = tree_.MakeDirectory("disk");
  }
  std::string Unprocessed(const std::string& why) {
    return "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], "
           "failed to process volumes=[data]: " +
           why;
  }
};

TEST_F(ClaimTest, ALocalVolumeIsMountedWithItsGroup) {
  if (!MayMount()) GTEST_SKIP() << "this process may not mount";
  pod_.spec.security_context.Ensure().fs_group = 2345;
  tree_.Write("disk/file", "x");
  const auto made = manager_->SetUp(pod_);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->at("data").path, tree_.Path(Below("volumes/kubernetes.io~local-volume/pv")));
  EXPECT_EQ(tree_.Read(Below("volumes/kubernetes.io~local-volume/pv/file")), "x");
  EXPECT_EQ(tree_.Stat("disk/file").st_gid, 2345u);
  EXPECT_EQ(Problem(), "");
  EXPECT_EQ(MountsBelow(tree_.root()).size(), 1u);
  api_answers_ = false;
  EXPECT_EQ(Problem(), "");
  // What is the pod's goes with it, and nothing else.
  EXPECT_TRUE(manager_->TearDown("uid-1"));
  EXPECT_FALSE(tree_.Exists("pods/uid-1"));
  EXPECT_EQ(tree_.Read("disk/file"), "x");
}

TEST_F(ClaimTest, WhoeverAPodRunsAsWritesToWhatWasThoughtOutForItsClaim) {
  volume_->spec.claim_ref->namespace_ = "default";
  volume_->spec.claim_ref->name = "claim";
  volume_->spec.local.reset();
  auto& source = volume_->spec.host_path.Ensure();
  source.type = "DirectoryOrCreate";
  source.path = tree_.Path("claims/pv_default_claim");
  ASSERT_EQ(Problem(), "");
  EXPECT_EQ(tree_.Mode("claims"), 0701u);
  EXPECT_EQ(tree_.Mode("claims/pv_default_claim"), 0777u);
  ASSERT_EQ(chmod(source.path.c_str(), 0700), 0);  // Its own may say otherwise.
  ASSERT_EQ(Problem(), "");
  EXPECT_EQ(tree_.Mode("claims/pv_default_claim"), 0700u);
  ASSERT_EQ(chmod(tree_.MakeDirectory("local-path").c_str(), 0755), 0);
  source.path = tree_.Path("local-path/pv_default_claim");
  ASSERT_EQ(Problem(), "");
  EXPECT_EQ(tree_.Mode("local-path"), 0701u) << "as a version before this one made it";
  // Somebody else's directory is as any.
  source.path = tree_.Path("claims/other");
  ASSERT_EQ(Problem(), "");
  EXPECT_EQ(tree_.Mode("claims/other"), 0755u);
}

TEST_F(ClaimTest, IsMeasuredOnceItIsSetUp) {
  if (!MayMount()) GTEST_SKIP() << "this process may not mount";
  EXPECT_TRUE(manager_->MeasuredPlaces(pod_).empty());
  ASSERT_EQ(Problem(), "");
  const auto places = manager_->MeasuredPlaces(pod_);
  ASSERT_EQ(places.size(), 1u);
  EXPECT_EQ(places[0].volume, "data");
  EXPECT_EQ(places[0].claim, "claim");
  EXPECT_EQ(places[0].path, tree_.Path(Below("volumes/kubernetes.io~local-volume/pv")));
}

TEST_F(ClaimTest, ASecondPodOfALocalVolumeDoesNotTakeItsFilesFromTheFirst) {
  if (!MayMount()) GTEST_SKIP() << "this process may not mount";
  tree_.Write("disk/file", "x");
  pod_.spec.security_context.Ensure().fs_group = 2345;
  ASSERT_EQ(Problem(), "");
  pod_.metadata.uid = "uid-2";
  pod_.spec.security_context->fs_group = 6789;
  ASSERT_EQ(Problem(), "");
  EXPECT_EQ(tree_.Stat("disk/file").st_gid, 2345u);
}

TEST_F(ClaimTest, AVolumeForOnePodIsGivenToNoSecond) {
  if (!MayMount()) GTEST_SKIP() << "this process may not mount";
  volume_->spec.access_modes = {"ReadWriteOncePod"};
  ASSERT_EQ(Problem(), "");
  MakeManager();
  pod_.metadata.uid = "uid-2";
  EXPECT_EQ(Problem(),
            "MountVolume.SetUp failed for volume \"pv\" : volume uses the "
            "ReadWriteOncePod access mode and is already in use by another pod");
  pod_.metadata.uid = "uid-1";
  EXPECT_EQ(Problem(), "") << "it is its own";
  ASSERT_TRUE(manager_->TearDown("uid-1"));
  pod_.metadata.uid = "uid-2";
  EXPECT_EQ(Problem(), "");
}

TEST_F(ClaimTest, ClaimsThatAreNotThePodsAreRefused) {
  volume_->spec.claim_ref->uid = "another";
  EXPECT_EQ(Problem(),
            Unprocessed("error processing PVC default/claim: PV pv is bound to another claim"));
  claim_->status.phase = "Pending";
  EXPECT_EQ(Problem(), Unprocessed("error processing PVC default/claim: PVC is not bound"));
  pod_.spec.volumes.front().persistent_volume_claim.reset();
  pod_.spec.volumes.front().ephemeral.Ensure();
  EXPECT_EQ(Problem(), Unprocessed("PVC default/web-data was not created for pod default/web (pod "
                                   "is not owner)"));
}

TEST_F(ClaimTest, BlockDevicesAreNotSilentlyLeftOut) {
  volume_->spec.volume_mode = "Block";
  EXPECT_EQ(Problem(),
            Unprocessed("volume data has volumeMode Block, but is specified in volumeMounts"));
  auto& container = pod_.spec.containers.front();
  container.volume_mounts.clear();
  container.volume_devices.emplace_back().name = "data";
  EXPECT_EQ(Problem(), "MapVolume.MapBlockVolume failed for volume \"pv\" : " + tree_.Path("disk") +
                           " is not a block device");
  volume_->spec.local.reset();
  volume_->spec.host_path.Ensure().path = "/dev/null";
  EXPECT_EQ(Problem(),
            "MapVolume.FindMapperPluginBySpec failed to find BlockVolumeMapper plugin. "
            "Volume plugin is nil. for volume \"pv\"");
}

TEST_F(ClaimTest, ALocalDeviceIsMappedForItsPod) {
  if (!MayMount()) GTEST_SKIP() << "this process may not mount";
  volume_->spec.volume_mode = "Block";
  volume_->spec.local->path = "/dev/null";
  auto& container = pod_.spec.containers.front();
  container.volume_mounts.clear();
  container.volume_devices.emplace_back().name = "data";
  const auto paths = manager_->SetUp(pod_);
  ASSERT_TRUE(paths) << paths.error().message;
  const std::string link = Below("volumeDevices/kubernetes.io~local-volume/pv");
  const std::string mounted = "plugins/kubernetes.io~local-volume/volumeDevices/pv/uid-1";
  EXPECT_EQ(paths->at("data").path, tree_.Path(link));
  EXPECT_EQ(std::filesystem::read_symlink(tree_.Path(link)), "/dev/null");
  EXPECT_TRUE(S_ISCHR(tree_.Stat(mounted).st_mode));
  EXPECT_EQ(manager_->MeasuredPlaces(pod_).at(0).path, tree_.Path(mounted));
  ASSERT_TRUE(manager_->TearDown("uid-1"));
  EXPECT_FALSE(tree_.Exists(mounted));
  EXPECT_FALSE(tree_.Exists("pods/uid-1"));
}

TEST_F(ClaimTest, CsiVolumesWaitForTheirDriver) {
  volume_->spec.local.reset();
  volume_->spec.csi.Ensure().driver = "x.example.com";
  EXPECT_EQ(Problem(),
            "MountVolume.MountDevice failed for volume \"pv\" : kubernetes.io/csi: attacher."
            "MountDevice failed to create newCsiDriverClient: driver name x.example.com not found "
            "in the list "
            "of registered CSI drivers");
}

TEST_F(VolumeManagerTest, HostPathsAreWhatTheirTypeSays) {
  const std::string file = tree_.Write("host/file", "x");
  const std::string directory = tree_.MakeDirectory("host/directory");
  const auto wrong = [](const std::string& path, const char* what) {
    return "hostPath type check failed: " + path + " is not a " + what;
  };
  const auto check = [](const std::string& path, const std::string& type) {
    const auto checked = CheckHostPath(path, type);
    return checked ? "" : checked.error().message;
  };
  EXPECT_EQ(check("/nowhere", ""), "");
  EXPECT_EQ(check(directory, "Directory"), "");
  EXPECT_EQ(check(directory, "DirectoryOrCreate"), "");
  EXPECT_EQ(check(file, "Directory"), wrong(file, "directory"));
  EXPECT_EQ(check(file, "DirectoryOrCreate"), wrong(file, "directory"));
  EXPECT_EQ(check(file, "FileOrCreate"), "");
  EXPECT_EQ(check(directory, "File"), wrong(directory, "file"));
  EXPECT_EQ(check(file, "Socket"), wrong(file, "socket file"));
  EXPECT_EQ(check("/dev/null", "CharDevice"), "");
  EXPECT_EQ(check(file, "CharDevice"), wrong(file, "character device"));
  EXPECT_EQ(check("/dev/null", "BlockDevice"), wrong("/dev/null", "block device"));
  EXPECT_EQ(check(file, "Fifo"), "Fifo is an invalid volume type");
  EXPECT_EQ(check(tree_.Path("host/new/sub"), "DirectoryOrCreate"), "");
  EXPECT_EQ(tree_.Mode("host/new/sub"), 0755u);
  EXPECT_EQ(check(tree_.Path("host/made"), "FileOrCreate"), "");
  EXPECT_EQ(tree_.Mode("host/made"), 0644u);
  // A link to nothing is no place to make a file at.
  tree_.Link(tree_.Path("elsewhere"), "host/dangling");
  check(tree_.Path("host/dangling"), "FileOrCreate");
  EXPECT_FALSE(tree_.Exists("elsewhere"));
}

// What a pod may leave behind to have the kubelet remove something else.
TEST_F(VolumeManagerTest, TearDownRemovesNothingThatLinksOrMountsOfThePodLeadTo) {
  if (!MayMount()) GTEST_SKIP() << "this process may not mount";
  tree_.Write("outside/kept", "kept");
  AddVolume(pod_, "cache").empty_dir.Ensure();
  ASSERT_EQ(Problem(), "");
  const std::string volume = Below("volumes/kubernetes.io~empty-dir/cache");
  tree_.Link(tree_.Path("outside"), volume + "/link");
  tree_.MakeDirectory(volume + "/mounted with space");
  ASSERT_EQ(mount(tree_.Path("outside").c_str(),
                  tree_.Path(volume + "/mounted with space").c_str(), nullptr, MS_BIND, nullptr),
            0);
  const auto down = manager_->TearDown("uid-1");
  ASSERT_TRUE(down) << down.error().message;
  EXPECT_FALSE(tree_.Exists("pods/uid-1"));
  EXPECT_EQ(tree_.Read("outside/kept"), "kept");
}

TEST_F(VolumeManagerTest, AUidIsOnePartOfAPath) {
  tree_.Write("pods/other/file", "kept");
  for (const char* uid : {"", ".", "..", "../pods", "other/file", "/etc"}) {
    EXPECT_FALSE(manager_->TearDown(uid)) << uid;
    pod_.metadata.uid = uid;
    EXPECT_FALSE(manager_->SetUp(pod_)) << uid;
  }
  EXPECT_EQ(tree_.Read("pods/other/file"), "kept");
}

// emptyDir, an init container that ran `ln -s DIR x`, and a container with subPath x/owned.
TEST_F(VolumeManagerTest, ASubPathOverALinkOfAnInitContainerIsRefusedInKubernetesWords) {
  if (!MayMount()) GTEST_SKIP() << "this process may not mount";
  tree_.MakeDirectory("outside");
  AddVolume(pod_, "cache").empty_dir.Ensure();
  ASSERT_EQ(Problem(), "");
  const std::string volume = Below("volumes/kubernetes.io~empty-dir/cache");
  tree_.Link(tree_.Path("outside"), volume + "/x");
  const auto& container = pod_.spec.containers.front();
  const auto refused = manager_->SubPath(pod_, container, 0, tree_.Path(volume), "x/owned");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "failed to prepare subPath for volumeMount \"cache\" of container \"c\"");
  EXPECT_FALSE(tree_.Exists("outside/owned"));
  const auto mounted = manager_->SubPath(pod_, container, 0, tree_.Path(volume), "mine");
  ASSERT_TRUE(mounted) << mounted.error().message;
  EXPECT_EQ(*mounted, tree_.Path(Below("volume-subpaths/cache/c/0")));
  EXPECT_TRUE(manager_->TearDown("uid-1"));
  EXPECT_FALSE(tree_.Exists("pods/uid-1"));
}

TEST(MemoryMountBytesTest, IsTheLeastOfWhatBoundsIt) {
  const std::map<std::string, Quantity> node = {{"memory", Quantity::FromValue(1000)}};
  Pod pod;
  pod.spec.containers.resize(2);
  EXPECT_EQ(MemoryMountBytes(pod, {}, std::nullopt), 0);
  EXPECT_EQ(MemoryMountBytes(pod, node, std::nullopt), 1000);
  pod.spec.containers[0].resources.limits["memory"] = Quantity::FromValue(100);
  EXPECT_EQ(MemoryMountBytes(pod, node, std::nullopt), 1000);  // The other has no limit.
  pod.spec.containers[1].resources.limits["memory"] = Quantity::FromValue(200);
  EXPECT_EQ(MemoryMountBytes(pod, node, std::nullopt), 300);
  EXPECT_EQ(MemoryMountBytes(pod, node, Quantity::FromValue(50)), 50);
}

TEST(MemoryMountBytesTest, LimitsOfAPodAreThoseOfItsCgroup) {
  Pod pod;
  pod.spec.containers.resize(2);
  for (auto& container : pod.spec.containers) {
    container.resources.limits["memory"] = *Quantity::Parse("8Ei");
  }
  EXPECT_GT(MemoryMountBytes(pod, {}, std::nullopt), 0);
  for (auto& container : pod.spec.containers) {
    container.resources.limits["memory"] = Quantity::FromValue(100);
  }
  pod.spec.overhead["memory"] = Quantity::FromValue(10);
  EXPECT_EQ(MemoryMountBytes(pod, {}, std::nullopt), 210);
  // An init container runs beside the sidecars before it alone.
  for (const int64_t bytes : {50, 230}) {
    auto& init = pod.spec.init_containers.emplace_back();
    init.resources.limits["memory"] = Quantity::FromValue(bytes);
  }
  pod.spec.init_containers[0].restart_policy = "Always";
  EXPECT_EQ(MemoryMountBytes(pod, {}, std::nullopt), 290);
  pod.spec.resources.emplace().limits["memory"] = Quantity::FromValue(120);
  EXPECT_EQ(MemoryMountBytes(pod, {}, std::nullopt), 130);
}

}  // namespace
}  // namespace skiff::kubelet
