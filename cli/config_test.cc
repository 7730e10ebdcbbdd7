#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using testing::HasSubstr;

class ConfigTest : public ProgramTest {
 protected:
  ~ConfigTest() override { std::filesystem::remove(path_); }
  int RunOn(const std::string& text, std::vector<std::string> args) {
    std::ofstream(path_) << text;
    args.push_back("--kubeconfig=" + path_);
    return Run("config", args);
  }
  const std::string path_ = testing::TempDir() + "/config-" + std::to_string(getpid());
};

TEST_F(ConfigTest, AnEntryThatHoldsNothingHasNothingToUnset) {
  for (const char* user : {"{name: a}", "{name: a, user: null}"}) {
    const std::string text = std::string("users: [") + user + "]\n";
    EXPECT_EQ(RunOn(text, {"unset", "users.a.token"}), 0) << user << err_;
    EXPECT_EQ(out_, "Property \"users.a.token\" unset.\n");
  }
}

TEST_F(ConfigTest, AFileWhoseEntriesAreNoObjectsIsRefused) {
  for (const char* text : {"users: [5]\n", "users: [{name: a, user: [x]}]\n", "clusters: x\n",
                           "clusters: [x]\n", "contexts: [{name: a, context: 7}]\n"}) {
    for (const char* verb : {"view", "get-contexts"}) {
      EXPECT_EQ(RunOn(text, {verb}), 1) << text;
      EXPECT_THAT(err_, HasSubstr("error: error loading config file \"" + path_ + "\": ")) << text;
    }
    EXPECT_EQ(RunOn(text, {"unset", "users.a.token"}), 1) << text;
  }
}

}  // namespace
}  // namespace skiff::cli
