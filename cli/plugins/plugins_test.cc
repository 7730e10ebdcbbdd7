#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "cli/plugins/plugins.h"
#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class PluginTest : public ProgramTest {
 protected:
  PluginTest() {
    std::string form = testing::TempDir() + "/plugins-XXXXXX";
    folder_ = mkdtemp(form.data());
    variables_["PATH"] = folder_ + "/a:" + folder_ + "/b::" + folder_ + "/a";
  }
  ~PluginTest() override { fs::remove_all(folder_); }
  void Write(const std::string& name, bool executable = true) const {
    const fs::path path = folder_ + "/" + name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "#!/bin/sh\nprintf 'one\\n:4\\n'\n";
    if (executable) fs::permissions(path, fs::perms::owner_all);
  }
  // "a/kubectl-foo x y", of the plugin that the words come to.
  std::string Became(const std::string& program, const std::string& verb,
                     const std::vector<std::string>& args) {
    became_.clear();
    program_ = program;
    code_ = Run(verb, args);
    return became_;
  }
  int Run(const std::string& verb, const std::vector<std::string>& args) {
    out_.clear();
    err_.clear();
    Environment environment{
        .out = [this](std::string_view text) { out_ += text; },
        .err = [this](std::string_view text) { err_ += text; },
        .read_input = [] { return std::string(); },
        .variable = [this](const std::string& name) { return variables_[name]; },
        .connect = [](const HttpsOptions&) -> Result<std::unique_ptr<Transport>> {
          return Fail(Reason::kServiceUnavailable, "no server here");
        },
        .pause = [](Duration) {},
        .clock = clock_,
        .program = program_,
        .become =
            [this](const std::string& path, const std::vector<std::string>& words) {
              became_ = path.substr(folder_.size() + 1);
              for (const std::string& word : words) became_ += " " + word;
              return 3;
            }};
    return RunCli(environment, verb, args);
  }
  std::string folder_;
  std::string program_ = "kubectl";
  std::string became_;
  int code_ = 0;
};

TEST_F(PluginTest, TheLongestNameIsRun) {
  Write("a/kubectl-foo");
  Write("b/kubectl-foo-bar");
  Write("b/kubectl-foo-ba_z");
  EXPECT_EQ(Became("kubectl", "foo", {"bar", "x", "--y"}), "b/kubectl-foo-bar x --y");
  EXPECT_EQ(code_, 3);
  EXPECT_EQ(Became("kubectl", "foo", {"ba-z"}), "b/kubectl-foo-ba_z");
  EXPECT_EQ(Became("kubectl", "foo", {"--bar", "x"}), "a/kubectl-foo --bar x");
  EXPECT_EQ(Became("kubectl", "nope", {}), "");
  EXPECT_EQ(code_, 1);
}

TEST_F(PluginTest, SkiffHasItsOwnAndKubectls) {
  Write("a/kubectl-foo");
  Write("a/skiff-foo");
  Write("a/kubectl-bar");
  EXPECT_EQ(Became("skiff", "foo", {}), "a/skiff-foo");
  EXPECT_EQ(Became("skiff", "bar", {}), "a/kubectl-bar");
  EXPECT_EQ(Became("kubectl", "foo", {}), "a/kubectl-foo");
}

TEST_F(PluginTest, VerbsAreNotReplacedButForKindsToCreate) {
  Write("a/kubectl-version");
  Write("a/kubectl-create-widget");
  Write("a/kubectl-create-namespace");
  EXPECT_EQ(Became("kubectl", "version", {"--client"}), "");
  EXPECT_EQ(Became("kubectl", "create", {"widget", "x"}), "a/kubectl-create-widget x");
  EXPECT_EQ(Became("kubectl", "create", {"namespace"}), "");
}

TEST_F(PluginTest, AreListedWithWhatSpeaksAgainstThem) {
  Write("a/kubectl-foo");
  Write("b/kubectl-foo");
  Write("b/kubectl-version");
  Write("b/kubectl-plain", /*executable=*/false);
  variables_["PATH"] += ":/nowhere-at-all";
  EXPECT_EQ(Run("plugin", {"list"}), 1);
  const std::string a = folder_ + "/a/", b = folder_ + "/b/";
  EXPECT_EQ(out_, "The following compatible plugins are available:\n\n" + a + "kubectl-foo\n" + b +
                      "kubectl-foo\n" + b + "kubectl-plain\n" + b + "kubectl-version\n");
  EXPECT_EQ(err_,
            "Unable to read directory \"/nowhere-at-all\" from your PATH: open /nowhere-at-all: no "
            "such file or directory. Skipping...\n"
            "  - warning: " +
                b + "kubectl-foo is overshadowed by a similarly named plugin: " + a +
                "kubectl-foo\n"
                "  - warning: " +
                b +
                "kubectl-plain identified as a kubectl plugin, but it is not "
                "executable\n"
                "  - warning: kubectl-version overwrites existing command: \"kubectl version\"\n"
                "error: 3 plugin warnings were found\n");
  EXPECT_EQ(Run("plugin", {"list", "--name-only"}), 1);
  EXPECT_THAT(out_, HasSubstr("\n\nkubectl-foo\nkubectl-foo\nkubectl-plain\nkubectl-version\n"));
}

TEST_F(PluginTest, WithoutAnyThatIsSaid) {
  fs::create_directories(folder_ + "/a");
  fs::create_directories(folder_ + "/b");
  EXPECT_EQ(Run("plugin", {"list"}), 1);
  EXPECT_EQ(err_, "error: unable to find any kubectl plugins in your PATH\n");
}

TEST_F(PluginTest, AreCompletedByPrograms) {
  Write("a/kubectl-foo");
  EXPECT_EQ(Run("__complete", {"fo"}), 0);
  EXPECT_EQ(out_, "foo\tThe command foo is a plugin installed by the user\n:4\n");
  Write("b/kubectl_complete-foo");
  EXPECT_EQ(Run("__complete", {"foo", ""}), 0);
  EXPECT_EQ(out_, "one\n:4\n");
}

}  // namespace
}  // namespace skiff::cli
