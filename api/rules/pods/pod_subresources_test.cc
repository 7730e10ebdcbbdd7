#include "api/rules/pods/pod_subresources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/typed.h"
#include "api/gen/core_v1.h"
#include "api/rules/pods/pod_defaults.h"
#include "api/rules/pods/pod_prepare.h"
#include "api/rules/rules_fixture.h"
#include "api/violations.h"

namespace skiff {
namespace {

using core_v1::Pod;
using testing::ElementsAre;
using testing::IsEmpty;

const Json kOldPod = Parsed(R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
    "spec": {"serviceAccountName": "default", "containers": [{"name": "c", "image": "nginx",
    "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}}]}})");

Pod PodOf(const Json& document) {
  Pod pod = FromJson<Pod>(document).value();
  DefaultPod(pod);
  return pod;
}

Pod Stored(const Json& document) {
  Pod pod = PodOf(document);
  PreparePodCreate(pod);
  return pod;
}

template <typename Prepare, typename Validate>
Sentences Errors(const Pod& old, const Json& document, Prepare prepare, Validate validate) {
  Pod pod = PodOf(document);
  prepare(pod, old);
  Violations out;
  validate(pod, old, out);
  Sentences texts;
  for (const Cause& cause : out.causes()) texts.push_back(cause.field + ": " + cause.message);
  return texts;
}

Sentences ResizeErrors(const Json& document) {
  return Errors(Stored(kOldPod), document, PreparePodResize, ValidatePodResize);
}

TEST(PodSubresourcesTest, WhatIsSentOfMetadataIsNotTaken) {
  const Pod old = Stored(kOldPod);
  for (const auto prepare : {PreparePodResize, PreparePodEphemeralContainers}) {
    Pod pod = old;
    pod.metadata.self_link = "/a";
    pod.metadata.labels = {{"a", "b"}};
    prepare(pod, old);
    EXPECT_EQ(pod.metadata.self_link, "");
    EXPECT_THAT(pod.metadata.labels, IsEmpty());
  }
}

TEST(Resize, ChangesAmountsOfCpuAndMemory) {
  EXPECT_THAT(ResizeErrors(With(kOldPod, "/spec/containers/0/resources/requests/cpu", "1500m")),
              IsEmpty());
  EXPECT_THAT(
      ResizeErrors(With(kOldPod, "/spec/containers/0/resources/limits/ephemeral-storage", "1Gi")),
      ElementsAre("spec: Forbidden: only cpu and memory resources are mutable"));
}

// Kubernetes forgets them as it compares.
TEST(Resize, RefusesContainersWithClaims) {
  Json old =
      With(kOldPod, "/spec/resourceClaims", Parsed(R"([{"name": "d", "resourceClaimName": "d"}])"));
  old = With(old, "/spec/containers/0/resources/claims", Parsed(R"([{"name": "d"}])"));
  EXPECT_THAT(Errors(Stored(old), With(old, "/spec/containers/0/resources/requests/cpu", "1500m"),
                     PreparePodResize, ValidatePodResize),
              ElementsAre("spec: Forbidden: only cpu and memory resources are mutable"));
}

TEST(Resize, TakesEmptyResourcesOfThePodForNone) {
  const Json old = With(kOldPod, "/spec/resources", Json::object());
  EXPECT_THAT(Errors(Stored(old), With(old, "/spec/containers/0/resources/requests/cpu", "1500m"),
                     PreparePodResize, ValidatePodResize),
              IsEmpty());
}

TEST(Resize, IgnoresTheRestOfThePod) {
  Pod pod = PodOf(With(kOldPod, "/spec/containers/0/image", "other"));
  const Pod old = Stored(kOldPod);
  PreparePodResize(pod, old);
  EXPECT_EQ(pod.spec, old.spec);
  EXPECT_EQ(pod.metadata.generation, 1);
}

TEST(Resize, KeepsTheContainers) {
  EXPECT_THAT(ResizeErrors(With(kOldPod, "/spec/containers/-", {{"name", "d"}, {"image", "i"}})),
              ElementsAre("spec.containers: Forbidden: containers may not be added or removed on "
                          "resize"));
}

TEST(Resize, RemovesNoLimit) {
  Json pod = kOldPod;
  pod["spec"]["containers"][0]["resources"].erase("limits");
  EXPECT_THAT(ResizeErrors(pod),
              ElementsAre("spec.containers[0].resources.limits: Forbidden: resource limits cannot "
                          "be removed"));
}

TEST(EphemeralContainers, AreAddedAndNeverChanged) {
  const auto errors = [](const Pod& old, const Json& document) {
    return Errors(old, document, PreparePodEphemeralContainers, ValidatePodEphemeralContainers);
  };
  const Json with_one =
      With(kOldPod, "/spec/ephemeralContainers", Parsed(R"([{"name": "e", "image": "i:1"}])"));
  EXPECT_THAT(errors(Stored(kOldPod), with_one), IsEmpty());
  const Json changed =
      With(kOldPod, "/spec/ephemeralContainers", Parsed(R"([{"name": "e", "image": "i:2"}])"));
  EXPECT_THAT(errors(Stored(with_one), changed),
              ElementsAre("spec.ephemeralContainers: Forbidden: existing ephemeral containers "
                          "\"e\" may not be changed\n@@ -1,6 +1,6 @@\n {\n  \"Name\": \"e\",\n- "
                          "\"Image\": \"i:1\",\n+ \"Image\": \"i:2\",\n  \"Command\": null,\n  "
                          "\"Args\": null,\n  \"WorkingDir\": \"\",\n"));
  EXPECT_THAT(errors(Stored(with_one), kOldPod),
              ElementsAre("spec.ephemeralContainers: Forbidden: existing ephemeral containers "
                          "\"e\" may not be removed\n"));
}

}  // namespace
}  // namespace skiff
