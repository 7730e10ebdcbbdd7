#include "kubelet/downward.h"

#include <gtest/gtest.h>

namespace skiff::kubelet {
namespace {

std::string Text(const core_v1::Pod& pod, const char* resource) {
  core_v1::ResourceFieldSelector selector;
  selector.resource = resource;
  const auto text = ResourceText(pod, selector, "app",
                                 {{"cpu", Quantity::FromValue(8)},
                                  {"memory", Quantity::FromValue(1 << 30)},
                                  {"hugepages-2Mi", Quantity::FromValue(4 << 20)}});
  return text ? *text : text.error().message;
}

TEST(ResourceTextTest, ALimitThatAContainerHasNotIsItsPodsOrElseTheNodes) {
  core_v1::Pod pod;
  pod.spec.containers.emplace_back().name = "app";
  EXPECT_EQ(Text(pod, "limits.memory"), "1073741824");
  EXPECT_EQ(Text(pod, "limits.cpu"), "8");
  pod.spec.resources.Ensure().limits["memory"] = Quantity::FromValue(64 << 20);
  EXPECT_EQ(Text(pod, "limits.memory"), "67108864");
  EXPECT_EQ(Text(pod, "limits.cpu"), "8");
  EXPECT_EQ(Text(pod, "requests.memory"), "0");
  pod.spec.containers[0].resources.limits["memory"] = Quantity();
  EXPECT_EQ(Text(pod, "limits.memory"), "67108864");
  pod.spec.containers[0].resources.limits["memory"] = Quantity::FromValue(32 << 20);
  EXPECT_EQ(Text(pod, "limits.memory"), "33554432");
  // Of which none is ever given that was not asked for.
  EXPECT_EQ(Text(pod, "limits.hugepages-2Mi"), "0");
}

TEST(FieldTextTest, ValuesOfLabelsAndAnnotationsAreQuotedSoThatEachHasOneLine) {
  core_v1::Pod pod;
  pod.metadata.annotations = {{"a", "one\r\ntwo\t\"three\""}, {"b", "\x01\\"}};
  EXPECT_EQ(FieldText(pod, "metadata.annotations").value(),
            "a=\"one\\r\\ntwo\\t\\\"three\\\"\"\nb=\"\\x01\\\\\"");
}

}  // namespace
}  // namespace skiff::kubelet
