#include "kubelet/kernel_defaults.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace skiff::kubelet {
namespace {

TEST(KernelDefaults, TheFirstSettingThatDiffersIsNamed) {
  const std::string root = testing::TempDir() + "/skiff-sysctl-" + std::to_string(getpid());
  std::filesystem::create_directories(root + "/kernel/keys");
  std::filesystem::create_directories(root + "/vm");
  const auto set = [&](const char* name, const char* value) {
    std::ofstream(root + "/" + name) << value << "\n";
  };
  set("vm/overcommit_memory", "1");
  set("vm/panic_on_oom", "0");
  set("kernel/panic", "10");
  set("kernel/panic_on_oops", "1");
  set("kernel/keys/root_maxkeys", "1000000");
  set("kernel/keys/root_maxbytes", "25000000");
  EXPECT_TRUE(CheckKernelDefaults(root));
  set("kernel/panic", "0");
  EXPECT_EQ(CheckKernelDefaults(root).error().message,
            "invalid kernel flag: kernel/panic, expected value: 10, actual value: 0");
  std::filesystem::remove_all(root);
  EXPECT_FALSE(CheckKernelDefaults(root));
}

TEST(KernelDefaults, SwapIsALineBelowTheHeading) {
  const std::string path = testing::TempDir() + "/skiff-swaps-" + std::to_string(getpid());
  EXPECT_FALSE(HasSwap(path));
  std::ofstream(path) << "Filename\tType\tSize\tUsed\tPriority\n";
  EXPECT_FALSE(HasSwap(path));
  std::ofstream(path, std::ios::app) << "/dev/sda2 partition 1000 0 -2\n";
  EXPECT_TRUE(HasSwap(path));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace skiff::kubelet
