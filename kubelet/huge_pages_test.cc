#include "kubelet/huge_pages.h"

#include <gmock/gmock.h>

#include "kubelet/node_status.h"
#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr int64_t kMi = 1024 * 1024;

core_v1::Pod PodAsking(const std::vector<std::string>& resources) {
  core_v1::Pod pod;
  for (const std::string& name : resources) {
    pod.spec.containers.emplace_back().resources.requests[name] = *Quantity::Parse("4Mi");
  }
  return pod;
}

TEST(HugePages, TheMachinesAreReadByTheirSize) {
  const TemporaryTree tree;
  tree.Write("hugepages-2048kB/nr_hugepages", "8\n");
  tree.Write("hugepages-1048576kB/nr_hugepages", "0\n");
  tree.Write("other/nr_hugepages", "1\n");
  EXPECT_THAT(HugePagesOf(tree.root()),
              ElementsAre(Pair("hugepages-1Gi", 0), Pair("hugepages-2Mi", 16 * kMi)));
  EXPECT_THAT(HugePagesOf(tree.root() + "/none"), IsEmpty());
}

TEST(HugePages, WhatLiesInThemIsNotForOthers) {
  NodeFacts facts;
  facts.memory_bytes = 1024 * kMi;
  facts.reserved_memory_bytes = 100 * kMi;
  facts.huge_pages = {{"hugepages-2Mi", 64 * kMi}, {"hugepages-1Gi", 0}};
  EXPECT_EQ(facts.Capacity().at("hugepages-2Mi").Text(), "64Mi");
  EXPECT_EQ(facts.Capacity().at("hugepages-1Gi").Text(), "0");
  EXPECT_EQ(facts.Allocatable().at("hugepages-2Mi").Text(), "64Mi");
  EXPECT_EQ(facts.Allocatable().at("memory").Value(), 860 * kMi);
}

TEST(HugePages, AContainerHasWhatItAsksForAndNoMore) {
  const std::map<std::string, int64_t> machine = {{"hugepages-1Gi", 0}, {"hugepages-2Mi", 8 * kMi}};
  EXPECT_THAT(HugePageLimits({{"hugepages-2Mi", *Quantity::Parse("4Mi")}}, machine),
              ElementsAre(Pair("2MB", 4 * kMi)));
  EXPECT_THAT(HugePageLimits({}, machine), ElementsAre(Pair("2MB", 0)));
  EXPECT_THAT(HugePageLimits({}, {}), IsEmpty());
}

TEST(HugePages, AVolumeHasPagesOfASizeThatItsPodAsksFor) {
  EXPECT_EQ(HugePageSizeOf("HugePages", PodAsking({"memory", "hugepages-2Mi"})).value(), 2 * kMi);
  EXPECT_EQ(HugePageSizeOf("HugePages-2Mi", PodAsking({"hugepages-2Mi", "hugepages-1Gi"})).value(),
            2 * kMi);
  EXPECT_EQ(HugePageSizeOf("HugePages", PodAsking({"hugepages-2Mi", "hugepages-1Gi"}))
                .error().message,
            "medium: HugePages can't be used if container requests multiple huge page sizes");
  EXPECT_EQ(HugePageSizeOf("HugePages-1Gi", PodAsking({"hugepages-2Mi"})).error().message,
            "medium HugePages-1Gi: hugePages storage requested, but there is no resource request "
            "for huge pages");
}

}  // namespace
}  // namespace skiff::kubelet
