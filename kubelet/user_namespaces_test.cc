#include "kubelet/user_namespaces.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace skiff::kubelet {
namespace {

TEST(IdRangeTest, GetsubidsSaysWhichOnesAreOurs) {
  EXPECT_EQ(ParseSubIds("0: kubelet 65536 7208960\n").value(), (IdRange{65536, 7208960}));
  for (const char* text :
       {"", "kubelet 65536 7208960", "0: kubelet x 1", "0: kubelet 1 99999999999",
        "0: kubelet 65536 65536\n1: kubelet 131072 65536"}) {
    EXPECT_FALSE(ParseSubIds(text)) << text;
  }
  EXPECT_TRUE(CheckIdRange({65536, 110 * 65536}, 65536, 110));
  EXPECT_FALSE(CheckIdRange({65536, 109 * 65536}, 65536, 110));
  EXPECT_FALSE(CheckIdRange({0, 110 * 65536}, 65536, 110)) << "0 is the machine's root";
  EXPECT_FALSE(CheckIdRange({65537, 110 * 65536}, 65536, 110));
  EXPECT_FALSE(CheckIdRange({65536, 110 * 65536 + 1}, 65536, 110));
  const auto all = KubeletIdRange(kIdsPerPod);
  EXPECT_TRUE(!all || CheckIdRange(*all, kIdsPerPod, 110));
}

class UserNamespacesTest : public testing::Test {
 protected:
  UserNamespacesTest() {
    char name[] = "/tmp/skiff-users-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    for (const char* uid : {"a", "b", "c"})
      std::filesystem::create_directories(directory_ + "/" + uid);
  }
  ~UserNamespacesTest() override { std::filesystem::remove_all(directory_); }
  UserNamespaces::Settings Settings() const { return {directory_, {65536, 2 * 65536}}; }
  static int64_t FirstOf(UserNamespaces& namespaces, const std::string& uid) {
    const auto users = namespaces.Of(uid);
    return users ? int64_t{users->uids.at(0).host_id} : -1;
  }
  void Write(const std::string& uid, const std::string& text) const {
    std::ofstream(directory_ + "/" + uid + "/userns") << text;
  }

  std::string directory_;
};

TEST_F(UserNamespacesTest, EachPodHasItsOwnAndKeepsThemOverRestarts) {
  {
    UserNamespaces namespaces(Settings());
    EXPECT_EQ(FirstOf(namespaces, "b"), 65536);
    EXPECT_EQ(FirstOf(namespaces, "a"), 131072);
    EXPECT_EQ(FirstOf(namespaces, "b"), 65536);
    EXPECT_EQ(FirstOf(namespaces, "c"), -1) << "there are no more";
    std::filesystem::remove_all(directory_ + "/b");
    namespaces.Release("b");
  }
  UserNamespaces namespaces(Settings());
  EXPECT_EQ(FirstOf(namespaces, "c"), 65536);
  EXPECT_EQ(FirstOf(namespaces, "a"), 131072);
}

TEST_F(UserNamespacesTest, WhatLiesThereInAKubeletsFormIsTaken) {
  const std::string mapping = R"([{"hostId":131072,"containerId":0,"length":65536}])";
  Write("a", R"({"uidMappings":)" + mapping + R"(,"gidMappings":)" + mapping + "}");
  Write("b", R"({"uidMappings":)" + mapping + R"(,"gidMappings":[]})");
  Write("c", R"({"uidMappings":)" + mapping + R"(,"gidMappings":)" + mapping + "}");
  std::filesystem::create_directories(directory_ + "/d");
  UserNamespaces namespaces(Settings());
  // Of two that say the same one has them; nobody gets what he cannot have had.
  EXPECT_EQ(std::max(FirstOf(namespaces, "a"), FirstOf(namespaces, "c")), 131072);
  EXPECT_EQ(std::min(FirstOf(namespaces, "a"), FirstOf(namespaces, "c")), -1);
  EXPECT_EQ(FirstOf(namespaces, "b"), -1);
  EXPECT_EQ(FirstOf(namespaces, "d"), 65536);
}

}  // namespace
}  // namespace skiff::kubelet
