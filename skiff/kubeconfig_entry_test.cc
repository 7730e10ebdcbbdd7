#include "skiff/kubeconfig_entry.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "client/kubeconfig.h"

namespace skiff {
namespace {

TEST(KubeconfigEntryTest, RemovingAClusterKeepsTheRest) {
  const std::string path = testing::TempDir() + "/skiff_kubeconfig_entry_test";
  std::filesystem::remove(path);
  Kubeconfig others;
  others.clusters["other"].server = "https://10.0.0.1:6443";
  others.users["other"].token = "t";
  others.contexts["other"] = {"other", "other", ""};
  Kubeconfig ours;
  ours.clusters["skiff-dev"].server = "https://127.0.0.1:6443";
  ours.users["skiff-dev"].client_key_data = "secret";
  ours.contexts["skiff-dev"] = {"skiff-dev", "skiff-dev", ""};
  ours.current_context = "skiff-dev";
  ASSERT_TRUE(MergeIntoKubeconfigFile(path, others));
  ASSERT_TRUE(MergeIntoKubeconfigFile(path, ours));
  ASSERT_TRUE(RemoveFromKubeconfigFile(path, "skiff-dev"));
  const auto config = Kubeconfig::Load(path);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->current_context, "");
  EXPECT_FALSE(config->contexts.contains("skiff-dev"));
  EXPECT_FALSE(config->clusters.contains("skiff-dev"));
  EXPECT_FALSE(config->users.contains("skiff-dev"));
  EXPECT_EQ(config->users.at("other").token, "t");
  std::filesystem::remove(path);
  EXPECT_TRUE(RemoveFromKubeconfigFile(path, "skiff-dev"));
  EXPECT_FALSE(std::filesystem::exists(path)) << "no file is made to remove something from it";
}

}  // namespace
}  // namespace skiff
