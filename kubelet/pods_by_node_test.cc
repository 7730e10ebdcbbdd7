#include "kubelet/pods_by_node.h"

#include <gtest/gtest.h>

#include "client/client.h"
#include "client/transport.h"

namespace skiff::kubelet {
namespace {

class PodsByNodeTest : public testing::Test {
 protected:
  static Json PodOn(const std::string& name, const std::string& node, const std::string& version) {
    return {{"metadata",
             {{"name", name}, {"namespace", "n"}, {"uid", name}, {"resourceVersion", version}}},
            {"spec", {{"nodeName", node}, {"containers", Json::array()}}}};
  }
  int CallsOf(const std::vector<Json>& pods, const std::string& version) {
    calls_ = 0;
    pods_.cache().Replace({pods.begin(), pods.end()}, version);
    return calls_;
  }

  FakeClock clock_;
  SeededRandom random_{1};
  InProcessTransport transport_{[](const http::Request&) { return http::Response{.status = 503}; }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  Informer<core_v1::Pod> pods_ = informers_.For<core_v1::Pod>();
  PodsByNode by_node_{pods_};
  int calls_ = 0;
};

TEST_F(PodsByNodeTest, AChangeIsToldToTheNodeOfThePodAlone) {
  std::vector<std::string> heard;
  for (int i = 0; i < 1000; ++i) {
    const std::string node = "node-" + std::to_string(i);
    by_node_.Follow(node, [this, &heard, node](const auto& before, const auto& now) {
      ++calls_;
      heard.push_back(node + (before ? " had" : "") + (now ? " has" : ""));
    });
  }
  EXPECT_EQ(CallsOf({PodOn("a", "node-7", "1"), PodOn("b", "", "1"), PodOn("c", "far", "1")}, "1"),
            1);
  // Bound, and gone.
  EXPECT_EQ(CallsOf({PodOn("b", "node-9", "2")}, "2"), 2);
  EXPECT_EQ(heard, (std::vector<std::string>{"node-7 has", "node-9 had has", "node-7 had"}));
}

// A pod of that name was deleted and made again elsewhere while nobody looked.
TEST_F(PodsByNodeTest, ANodeHearsThatItsPodWentToAnother) {
  std::vector<std::string> heard;
  for (const std::string node : {"one", "two"}) {
    by_node_.Follow(node, [&heard, node](const auto&, const auto& now) {
      heard.push_back(node + (now && now->spec.node_name == node ? " has" : " lost"));
    });
  }
  CallsOf({PodOn("a", "one", "1")}, "1");
  heard.clear();
  CallsOf({PodOn("a", "two", "2")}, "2");
  EXPECT_EQ(heard, (std::vector<std::string>{"one lost", "two has"}));
}

}  // namespace
}  // namespace skiff::kubelet
