#include "kubelet/static_pod.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "api/pods/mirror_pods.h"
#include "kubelet/manifest_source.h"

namespace skiff::kubelet {
namespace {

constexpr char kManifest[] = R"(
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - name: web
    image: registry.example/web:1
    ports: [{containerPort: 80}]
)";

Result<core_v1::Pod> Decode(const std::string& text, const std::string& node = "node-1") {
  return DecodeStaticPod(text, {"/manifests/web.yaml", node, TimePoint(1'700'000'000s)});
}

std::string ErrorOf(const std::string& text) {
  const auto decoded = Decode(text);
  return decoded ? "" : decoded.error().message;
}

TEST(StaticPod, AManifestBecomesAPodOfThisNodeWithDefaults) {
  const auto pod = Decode(kManifest);
  ASSERT_TRUE(pod) << pod.error().message;
  EXPECT_EQ(pod->metadata.name, "web-node-1");
  EXPECT_EQ(pod->metadata.namespace_, "default");
  EXPECT_EQ(pod->metadata.uid.size(), 32u);
  EXPECT_EQ(pod->metadata.annotations.at(kConfigSource), "file");
  EXPECT_EQ(pod->metadata.annotations.at(kConfigHash), pod->metadata.uid);
  EXPECT_EQ(pod->spec.node_name, "node-1");
  EXPECT_EQ(pod->spec.restart_policy, "Always");
  EXPECT_EQ(pod->spec.containers[0].image_pull_policy, "IfNotPresent");
  EXPECT_EQ(pod->spec.containers[0].ports[0].protocol, "TCP");
  ASSERT_EQ(pod->spec.tolerations.size(), 1u);
  EXPECT_EQ(pod->spec.tolerations[0].effect, "NoExecute");
  EXPECT_TRUE(IsStaticPod(*pod));
  EXPECT_FALSE(IsMirrorPod(*pod));
  EXPECT_TRUE(IsCriticalPod(*pod));
}

// Whoever makes a pod would have the node take it, and keep it, whatever becomes of the others.
TEST(StaticPod, WhatTheServerHasIsNoneWhateverItSaysOfItself) {
  core_v1::Pod pod;
  pod.metadata.annotations[kConfigSource] = "file";
  pod.metadata.resource_version = "7";
  EXPECT_FALSE(IsStaticPod(pod));
  EXPECT_FALSE(IsCriticalPod(pod));
  std::string versioned = kManifest;
  versioned.replace(versioned.find("{name: web"), 10, "{resourceVersion: \"7\", name: web");
  EXPECT_TRUE(IsStaticPod(*Decode(versioned)));
}

TEST(StaticPod, TheUidFollowsFromContentsAndNode) {
  EXPECT_EQ(Decode(kManifest)->metadata.uid, Decode(kManifest)->metadata.uid);
  EXPECT_NE(Decode(kManifest)->metadata.uid, Decode(kManifest, "other")->metadata.uid);
  std::string changed = kManifest;
  changed.replace(changed.find("web:1"), 5, "web:2");
  EXPECT_NE(Decode(kManifest)->metadata.uid, Decode(changed)->metadata.uid);
  std::string given = kManifest;
  given.replace(given.find("{name: web"), 10, "{uid: abc, name: web");
  EXPECT_EQ(Decode(given)->metadata.uid, "abc");
}

TEST(StaticPod, WhatIsNoPodIsRefusedWithTheFilesName) {
  EXPECT_EQ(ErrorOf("kind: [Pod\n"),
            "/manifests/web.yaml: couldn't parse as pod(yaml: line 1: did not find expected ',' or "
            "']'), please check config file");
  EXPECT_EQ(ErrorOf("apiVersion: v1\nkind: Service\n"),
            "/manifests/web.yaml: couldn't parse as pod(no kind \"Service\" is registered for "
            "version \"v1\"), please check config file");
  EXPECT_EQ(ErrorOf("a: 1\n"),
            "/manifests/web.yaml: couldn't parse as pod(Object 'Kind' is missing in '{\"a\":1}'), "
            "please check config file");
}

TEST(StaticPod, APodThatTheApiWouldRefuseIsInvalid) {
  EXPECT_EQ(ErrorOf("apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: []}\n"),
            "invalid pod: spec.containers: Required value");
}

TEST(StaticPod, NothingOfTheApiMayBeReferenced) {
  std::string text = kManifest;
  EXPECT_EQ(ErrorOf(text + "  serviceAccountName: robot\n"),
            "static pods may not reference serviceaccounts");
  EXPECT_EQ(ErrorOf(text + "  volumes: [{name: v, secret: {secretName: s}}]\n"),
            "static pods may not reference secrets");
  EXPECT_EQ(ErrorOf(text + "    envFrom: [{configMapRef: {name: c}}]\n"),
            "static pods may not reference configmaps");
  EXPECT_EQ(ErrorOf(text + "  volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]\n"),
            "static pods may not reference persistentvolumeclaims");
  EXPECT_EQ(ErrorOf(text + "  volumes: [{name: v, hostPath: {path: /var}}]\n"), "");
}

TEST(StaticPod, OfTwoWithOneNameTheFirstIsTaken) {
  core_v1::Pod first = *Decode(kManifest);
  core_v1::Pod second = first;
  second.metadata.uid = "second";
  std::vector<std::string> dropped;
  const auto kept = WithoutDuplicates({first, second}, dropped);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].metadata.uid, first.metadata.uid);
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0],
            "Error validating pod web-node-1_default(second) from file due to duplicate pod name "
            "\"web-node-1\", ignoring");
}

TEST(ManifestSourceTest, AManifestThatCannotBeReadNowEndsNoPod) {
  char name[] = "/tmp/skiff-manifests-XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  const std::string root = name, path = root + "/manifests";
  std::filesystem::create_directory(path);
  std::ofstream(path + "/web.yaml") << kManifest;
  FakeClock clock;
  std::vector<size_t> told;
  ManifestSource source({path, "node-1"}, clock, nullptr,
                        {[&](const auto& pods) { told.push_back(pods.size()); },
                         [](const std::string&, const std::string&) {}});
  source.Step();
  EXPECT_EQ(told, std::vector<size_t>{1});
  std::filesystem::rename(path, root + "/aside");
  std::filesystem::create_symlink(path, path);  // Nobody can say what it leads to.
  source.Step();
  EXPECT_EQ(told, std::vector<size_t>{1});
  std::filesystem::remove(path);
  source.Step();
  EXPECT_EQ(told, (std::vector<size_t>{1, 0})) << "it is gone";
  std::filesystem::remove_all(root);
}

TEST(StaticPod, AMirrorIsOwnedByTheNodeAndNamesWhatItMirrors) {
  const core_v1::Pod pod = *Decode(kManifest);
  core_v1::Node node;
  node.metadata.name = "node-1";
  node.metadata.uid = "node-uid";
  core_v1::Pod mirror = MirrorOf(pod, node);
  EXPECT_TRUE(IsMirrorPod(mirror));
  EXPECT_FALSE(IsStaticPod(mirror));
  EXPECT_EQ(mirror.metadata.uid, "");
  ASSERT_EQ(mirror.metadata.owner_references.size(), 1u);
  EXPECT_EQ(mirror.metadata.owner_references[0].uid, "node-uid");
  EXPECT_EQ(mirror.metadata.owner_references[0].controller, true);
  EXPECT_TRUE(Mirrors(mirror, pod));
  mirror.metadata.annotations[kMirrorPodAnnotation] = "older";
  EXPECT_FALSE(Mirrors(mirror, pod));
}

}  // namespace
}  // namespace skiff::kubelet
