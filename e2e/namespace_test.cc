// What a namespace says of itself while something holds it.
#include <gtest/gtest.h>

#include <map>

#include "e2e/controllers_harness.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;
using core_v1::Namespace;
using core_v1::Pod;

class NamespaceTest : public ControllersTest {
 protected:
  // "True: message" by type.
  std::map<std::string, std::string> Conditions() {
    std::map<std::string, std::string> said;
    const auto space = cluster_.Get<Namespace>({"", "work"});
    if (!space) return said;
    for (const auto& condition : space->status.conditions) {
      said[condition.type] = condition.status + ": " + condition.message;
    }
    return said;
  }
  template <Kind K>
  void Release(const std::string& namespace_, const std::string& name) {
    cluster_.Edit<K>({namespace_, name}, [](K& it) { it.metadata.finalizers.clear(); });
    cluster_.RunFor(1min);
  }
};

INSTANTIATE_TEST_SUITE_P(Seeds, NamespaceTest, kOrders);

TEST_P(NamespaceTest, SaysWhatHoldsItAndNoMoreThan) {
  Namespace space;
  space.metadata.name = "work";
  space.metadata.finalizers = {"example.com/own"};
  cluster_.Apply(space).RunFor(1min);
  ConfigMap data;
  data.metadata.namespace_ = "work";
  data.metadata.name = "data";
  data.metadata.finalizers = {"example.com/keep"};
  cluster_.Apply(data);
  Pod pod;
  pod.metadata.namespace_ = "work";
  pod.metadata.name = "pod";
  pod.metadata.finalizers = {"example.com/hold"};
  pod.spec.containers.emplace_back();
  pod.spec.containers[0].name = "main";
  pod.spec.containers[0].image = "image:1";
  cluster_.Apply(pod).RunFor(1s);
  cluster_.Delete<Namespace>({"", "work"}).RunFor(1min);
  EXPECT_EQ(Conditions()["NamespaceContentRemaining"],
            "True: Some resources are remaining: pods. has 1 resource instances");
  EXPECT_EQ(Conditions()["NamespaceFinalizersRemaining"],
            "True: Some content in the namespace has finalizers remaining: example.com/hold in 1 "
            "resource instances");
  EXPECT_NE(cluster_.Get<ConfigMap>({"work", "kube-root-ca.crt"}), nullptr) << "pods go first";

  Release<Pod>("work", "pod");
  EXPECT_EQ(Conditions()["NamespaceContentRemaining"],
            "True: Some resources are remaining: configmaps. has 1 resource instances");
  EXPECT_EQ(Conditions()["NamespaceFinalizersRemaining"],
            "True: Some content in the namespace has finalizers remaining: example.com/keep in 1 "
            "resource instances");
  EXPECT_EQ(Conditions()["NamespaceDeletionContentFailure"],
            "False: All content successfully deleted, may be waiting on finalization");

  Release<ConfigMap>("work", "data");
  EXPECT_EQ(Conditions()["NamespaceContentRemaining"], "False: All content successfully removed");
  EXPECT_EQ(Conditions()["NamespaceFinalizersRemaining"],
            "False: All content-preserving finalizers finished");

  Release<Namespace>("", "work");
  EXPECT_EQ(cluster_.Get<Namespace>({"", "work"}), nullptr);
}

}  // namespace
}  // namespace skiff
