#include "kubelet/network/cni_config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "api/values.h"

namespace skiff {
namespace {

TEST(CniConfigTest, DescribesACableWithARangePerFamily) {
  const Json conflist = Json::parse(CniConflist({.name = "skiff",
                                                 .pod_cidrs = {"10.244.1.0/24", "fd00:1::/64"},
                                                 .mtu = 1400,
                                                 .ipam_directory = "/data/ipam"}));
  EXPECT_EQ(conflist["name"], "skiff");
  ASSERT_EQ(conflist["plugins"].size(), 2u);
  const Json& cable = conflist["plugins"][0];
  EXPECT_EQ(cable["type"], "ptp");
  EXPECT_EQ(cable["mtu"], 1400);
  EXPECT_EQ(cable["ipam"]["ranges"], Json::parse(R"([[{"subnet": "10.244.1.0/24"}],
                                                      [{"subnet": "fd00:1::/64"}]])"));
  EXPECT_EQ(cable["ipam"]["routes"], Json::parse(R"([{"dst": "0.0.0.0/0"}, {"dst": "::/0"}])"));
  EXPECT_EQ(conflist["plugins"][1]["type"], "portmap");
  EXPECT_FALSE(conflist["plugins"][1].contains("conditionsV4"));
}

// A pod with the host port of the API server would be the API server to whoever asks there.
TEST(CniConfigTest, NoHostPortIsOneOfTheMachinesOwn) {
  const Json conflist = Json::parse(CniConflist({.kept_ports = {6443, 10250}}));
  const Json& portmap = conflist["plugins"][1];
  EXPECT_EQ(portmap["conditionsV4"],
            Json::parse(R"(["-m", "multiport", "!", "--dports", "6443,10250"])"));
  EXPECT_EQ(portmap["conditionsV6"], portmap["conditionsV4"]);
}

TEST(CniConfigTest, FindsTheFolderThatHasAllPluginsOrMostOfThem) {
  const std::string base = testing::TempDir() + "/skiff_cni_plugins_" + std::to_string(getpid());
  const auto install = [&](const std::string& folder, const std::vector<std::string>& plugins) {
    std::filesystem::create_directories(base + folder);
    for (const std::string& plugin : plugins) {
      const std::string path = base + folder + "/" + plugin;
      std::ofstream(path) << "#!/bin/sh\n";
      std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    }
  };
  const std::vector<std::string> folders = {base + "/a", base + "/b", base + "/c"};
  EXPECT_EQ(FindCniPlugins(folders).folder, "");
  EXPECT_EQ(FindCniPlugins(folders).missing.size(), 4u);
  install("/a", {"loopback"});
  install("/b", {"loopback", "host-local", "portmap"});
  EXPECT_EQ(FindCniPlugins(folders).folder, base + "/b");
  EXPECT_EQ(FindCniPlugins(folders).missing, std::vector<std::string>{"ptp"});
  install("/c", {"loopback", "host-local", "portmap", "ptp"});
  EXPECT_EQ(FindCniPlugins(folders).folder, base + "/c");
  EXPECT_TRUE(FindCniPlugins(folders).missing.empty());
  std::filesystem::remove_all(base);
}

TEST(CniConfigTest, AnEqualFileIsLeftAlone) {
  const std::string folder = testing::TempDir() + "/skiff_cni_test_" + std::to_string(getpid());
  CniNetwork network{.pod_cidrs = {"10.244.1.0/24"}};
  const auto inode = [&] {
    struct stat status {};
    EXPECT_EQ(stat((folder + "/10-skiff.conflist").c_str(), &status), 0);
    return status.st_ino;
  };
  ASSERT_TRUE(WriteCniConfig(folder, network));
  const auto first = inode();
  ASSERT_TRUE(WriteCniConfig(folder, network));
  EXPECT_EQ(inode(), first);
  network.mtu = 1350;
  ASSERT_TRUE(WriteCniConfig(folder, network));
  EXPECT_NE(inode(), first);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace skiff
