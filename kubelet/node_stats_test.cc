#include "kubelet/node_stats.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "kubelet/cri_fake.h"
#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet {
namespace {

TEST(NodeStatsTest, WhateverContainersMayWriteOnTheNodesDiskCounts) {
  constexpr int64_t kMi = 1 << 20;
  TemporaryTree tree;
  FakeClock clock;
  SeededRandom random(3);
  cri::FakeRuntime runtime(clock, random, "10.1.0.0/24");
  NodeStats stats(runtime, {.root = tree.root(), .log_root = tree.root() + "/log"});
  core_v1::Pod pod;
  pod.metadata.namespace_ = "ns";
  pod.metadata.name = "web";
  pod.metadata.uid = "uid-1";
  pod.spec.containers.emplace_back().name = "main";
  pod.spec.init_containers.emplace_back().name = "sidecar";
  pod.spec.ephemeral_containers.emplace_back().name = "debugger";
  pod.spec.volumes.emplace_back().name = "cache";
  pod.spec.volumes.back().empty_dir.emplace();
  const auto used = [&] {
    const auto all = stats.UsageOf({std::make_shared<const core_v1::Pod>(pod)}, true);
    return all.at(0).disk_bytes;
  };
  int64_t before = used();
  for (const char* file : {"log/ns_web_uid-1/main/0.log", "log/ns_web_uid-1/sidecar/0.log",
                           "log/ns_web_uid-1/debugger/0.log", "pods/uid-1/etc-hosts",
                           "pods/uid-1/containers/main/12345678",
                           "pods/uid-1/volumes/kubernetes.io~empty-dir/cache/file"}) {
    const std::filesystem::path path = tree.root() + "/" + file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << std::string(kMi, 'x');
    const int64_t now = used();
    EXPECT_GE(now - before, kMi) << file;
    before = now;
  }
}

}  // namespace
}  // namespace skiff::kubelet
