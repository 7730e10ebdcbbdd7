#include "cli/kuberc/kuberc.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

class KubercTest : public ProgramTest {
 protected:
  KubercTest() {
    std::filesystem::create_directories(home_);
    variables_ = {{"HOME", home_}, {"KUBERC", ""}, {"KUBECTL_KUBERC", ""}, {"PATH", ""}};
  }
  ~KubercTest() override { std::filesystem::remove_all(home_); }

  void Write(const std::string& body, const std::string& version = "v1beta1") {
    std::filesystem::create_directories(home_ + "/.kube");
    std::ofstream(path_) << "apiVersion: kubectl.config.k8s.io/" << version
                         << "\nkind: Preference\n"
                         << body;
  }
  // The command line that comes of it; {"error", TEXT} where none does.
  Args Line(const Args& args) {
    err_.clear();
    Environment environment = MakeEnvironment();
    auto line = ApplyKuberc(environment, args);
    policy_ = environment.exec_policy;
    return line ? *line : Args{"error", line.error().message};
  }
  std::string Saved() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }

  const std::string home_ = testing::TempDir() + "/skiff-kuberc-" + std::to_string(getpid());
  const std::string path_ = home_ + "/.kube/kuberc";
  ExecPolicy policy_;
};

TEST_F(KubercTest, WithoutAFileLinesStayAsTheyAre) {
  EXPECT_THAT(Line({"get", "pods"}), ElementsAre("get", "pods"));
  EXPECT_EQ(err_, "");
  EXPECT_THAT(Line({"--kuberc=/nowhere", "get"}),
              ElementsAre("error",
                          "kuberc error kuberc: open /nowhere: no such file or directory"));
  variables_["KUBERC"] = "/nowhere";
  EXPECT_THAT(Line({"get"}), ElementsAre("error", HasSubstr("open /nowhere")));
  variables_["KUBERC"] = "off";
  EXPECT_THAT(Line({"get"}), ElementsAre("get"));
  EXPECT_THAT(Line({"get", "--kuberc", "x"}),
              ElementsAre("error", HasSubstr("mutually exclusive")));
}

TEST_F(KubercTest, DefaultsStandWhereNobodyGivesTheFlag) {
  Write("defaults:\n"
        "- {command: get, options: [{name: output, default: wide}]}\n"
        "- {command: set env, options: [{name: local, default: 'true'}]}\n");
  EXPECT_THAT(Line({"get", "pods"}), ElementsAre("get", "--output=wide", "pods"));
  EXPECT_THAT(Line({"-n", "x", "get", "pods"}),
              ElementsAre("-n", "x", "get", "--output=wide", "pods"));
  for (const char* given : {"-oyaml", "--output=yaml", "-wo"}) {
    EXPECT_THAT(Line({"get", "pods", given}), ElementsAre("get", "pods", given));
  }
  EXPECT_THAT(Line({"set", "env", "pod/x", "A=b"}),
              ElementsAre("set", "env", "--local=true", "pod/x", "A=b"));
  EXPECT_THAT(Line({"set", "image", "pod/x", "a=b"}), testing::SizeIs(4));
  variables_["KUBECTL_KUBERC"] = "false";
  EXPECT_THAT(Line({"get", "pods"}), ElementsAre("get", "pods"));
}

TEST_F(KubercTest, AnAliasStandsForAVerbWithArguments) {
  Write("aliases:\n"
        "- {name: getn, command: get, prependArgs: [nodes], options: [{name: output, default: "
        "wide}]}\n"
        "- {name: runx, command: run, appendArgs: [--, custom], options: [{name: image, default: "
        "nginx}]}\n"
        "- {name: get, command: delete}\n"
        "defaults: [{command: get, options: [{name: show-labels, default: 'true'}]}]\n");
  EXPECT_THAT(Line({"getn", "n1"}), ElementsAre("get", "--output=wide", "nodes", "n1"));
  EXPECT_THAT(Line({"getn", "-o", "json"}), ElementsAre("get", "nodes", "-o", "json"));
  EXPECT_THAT(Line({"runx", "p"}), ElementsAre("run", "--image=nginx", "p", "--", "custom"));
  EXPECT_THAT(Line({"get", "x"}), ElementsAre("get", "--show-labels=true", "x"))
      << "what there is already nobody replaces";
  EXPECT_THAT(Line({"unknown"}), ElementsAre("unknown"));
}

TEST_F(KubercTest, WhatIsWrongIsSaid) {
  Write("defaults: [{command: get, options: [{name: nope, default: x}]}]\n");
  EXPECT_THAT(Line({"get"}), ElementsAre("error", "invalid flag nope for command get"));
  Write("defaults: [{command: get, options: [{name: --output, default: x}]}]\n");
  EXPECT_THAT(Line({"get"}),
              ElementsAre("error", "flag name --output should be in long form without dashes"));
  Write("aliases: [{name: a-b, command: get}]\n");
  EXPECT_THAT(Line({"get"}),
              ElementsAre("error",
                          "invalid alias name, can only include alphabetical characters"));
  Write("aliases: [{name: a, command: get}, {name: a, command: get}]\n");
  EXPECT_THAT(Line({"get"}), ElementsAre("error", "duplicate alias name a"));
  Write("aliases: [{name: a, command: nope}]\n");
  EXPECT_THAT(Line({"a"}),
              ElementsAre("error", "command \"nope\" not found to set alias \"a\": []"));
  Write("aliases: [{name: a, command: get}]\ndefaults: [{command: a, options: []}]\n");
  EXPECT_THAT(Line({"a"}), ElementsAre("error", "alias a can not be overridden"));
  Write("defaults: [{command: nope, options: []}]\nextra: 1\n");
  EXPECT_THAT(Line({"get"}), ElementsAre("get"));
  EXPECT_EQ(err_, "kuberc: ignoring strict decoding error in " + path_ +
                      ": strict decoding error: unknown field \"extra\"\n"
                      "Warning: command \"nope\" not found to set kuberc override\n");
  std::ofstream(path_) << "kind: Config\n";
  EXPECT_THAT(Line({"get"}), ElementsAre("get")) << "nobody named that file";
  EXPECT_THAT(err_, HasSubstr("no valid preferences found in " + path_));
  EXPECT_THAT(Line({"get", "--kuberc", path_}),
              ElementsAre("error", HasSubstr("no valid preferences found")));
}

TEST_F(KubercTest, WhatIsMadeOfTheFileIsLoggedFromFiveOn) {
  std::filesystem::create_directories(home_ + "/.kube");
  std::ofstream{path_};
  for (const Args& args : {Args{"get", "-v=5"}, {"get", "--v", "5"}, {"-v", "6", "get"}}) {
    EXPECT_EQ(Line(args), args);
    EXPECT_THAT(err_, EndsWith(" marshal.go:103] kuberc: no preferences found in " + path_ + "\n"));
  }
  for (const Args& args : {Args{"get"}, {"get", "-v=4"}, {"exec", "p", "--", "a", "-v=9"}}) {
    EXPECT_EQ(Line(args), args);
    EXPECT_EQ(err_, "");
  }
  std::ofstream(path_) << "kind: Config\n---\napiVersion: kubectl.config.k8s.io/v1beta1\n"
                          "kind: Preference\n";
  (void)Line({"get", "-v=5"});
  EXPECT_THAT(err_, HasSubstr("] kuberc: strict decoding error for entry 1 in " + path_ +
                              ": no kind \"Config\" is registered for version \"\"\n"));
  EXPECT_THAT(
      err_, EndsWith("] kuberc: using entry 2 (kubectl.config.k8s.io/v1beta1) in " + path_ + "\n"));
}

TEST_F(KubercTest, EachDocumentIsReadForItself) {
  const std::string good =
      "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n"
      "aliases: [{name: g, command: get}]\n";
  std::filesystem::create_directories(home_ + "/.kube");
  std::ofstream(path_) << good << "---\n{a: [\n";
  EXPECT_THAT(Line({"g", "-v=5"}), ElementsAre("get", "-v=5"));
  EXPECT_THAT(err_, HasSubstr("] kuberc: using entry 1 ("));
  std::ofstream(path_) << "{a: [\n---\n" << good;
  EXPECT_THAT(Line({"g", "-v=5"}), ElementsAre("get", "-v=5"));
  EXPECT_THAT(err_, HasSubstr("] kuberc: strict decoding error for entry 1 in " + path_ + ": "));
  EXPECT_THAT(err_, HasSubstr("] kuberc: using entry 2 ("));
}

TEST_F(KubercTest, TheOlderVersionIsReadToo) {
  Write("overrides: [{command: get, flags: [{name: output, default: wide}]}]\n"
        "aliases: [{name: g, command: get, flags: [{name: show-kind, default: 'true'}]}]\n",
        "v1alpha1");
  EXPECT_THAT(Line({"get"}), ElementsAre("get", "--output=wide"));
  EXPECT_THAT(Line({"g"}), ElementsAre("get", "--show-kind=true"));
}

TEST_F(KubercTest, WhatIsNotKnownIsNamedAsKubectlComesUponIt) {
  Write(
      "bogus: 1\ncredentialPluginPolicy: Allowlist\n"
      "credentialPluginAllowlist: [{name: aws, path: /x}]\n"
      "defaults: [{command: get, options: [{name: output, default: wide, b: 1, a: 1}], z: 1}]\n"
      "aliases: [{name: g, command: get, bogus: 1}]\n");
  EXPECT_THAT(Line({"g"}), ElementsAre("get"));
  EXPECT_THAT(err_, HasSubstr(": strict decoding error: unknown field \"aliases[0].bogus\", "
                              "unknown field \"bogus\", "
                              "unknown field \"credentialPluginAllowlist[0].path\", "
                              "unknown field \"defaults[0].options[0].a\", "
                              "unknown field \"defaults[0].options[0].b\", "
                              "unknown field \"defaults[0].z\"\n"));
}

TEST_F(KubercTest, AVersionHasNotTheFieldsOfAnother) {
  Write(
      "defaults: [{command: get, options: [{name: output, default: wide}]}]\n"
      "aliases: [{name: g, command: get, options: [{name: show-kind, default: 'true'}]}]\n",
      "v1alpha1");
  EXPECT_THAT(Line({"get"}), ElementsAre("get"));
  EXPECT_THAT(Line({"g"}), ElementsAre("get"));
  EXPECT_THAT(err_, HasSubstr(": strict decoding error: unknown field \"aliases[0].options\", "
                              "unknown field \"defaults\"\n"));
}

TEST_F(KubercTest, SaysWhichCredentialPluginsMayRun) {
  Write("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{name: aws}]\n");
  EXPECT_THAT(Line({"get"}), ElementsAre("get"));
  EXPECT_EQ(policy_.kind, ExecPolicy::Kind::kAllowlist);
  EXPECT_THAT(policy_.allowlist, ElementsAre("aws"));
  Write("credentialPluginPolicy: DenyAll\n");
  Line({"get"});
  EXPECT_EQ(policy_.kind, ExecPolicy::Kind::kDenyAll);
  Write("credentialPluginPolicy: Allowlist\n");
  EXPECT_THAT(Line({"get"}), ElementsAre("error", HasSubstr("but allowlist is unspecified")));
  Write("credentialPluginPolicy: Some\n");
  EXPECT_THAT(Line({"get"}), ElementsAre("error", "unknown plugin policy: \"Some\""));
}

TEST_F(KubercTest, IsSetAndShown) {
  EXPECT_EQ(Run("alpha", {"kuberc", "set", "--section=aliases", "--name=getn", "--command=get",
                          "--prependarg=nodes", "--option=--output=wide"}),
            0)
      << err_;
  EXPECT_EQ(out_, "Updated " + path_ + "\n");
  EXPECT_EQ(Saved(),
            "aliases:\n- command: get\n  name: getn\n  options:\n  - default: wide\n    name: "
            "output\n  prependArgs:\n  - nodes\napiVersion: kubectl.config.k8s.io/v1beta1\n"
            "defaults: null\nkind: Preference\n");
  EXPECT_THAT(Line({"getn"}), ElementsAre("get", "--output=wide", "nodes"));
  EXPECT_EQ(Run("alpha", {"kuberc", "set", "--section=aliases", "--name=getn", "--command=get"}),
            1);
  EXPECT_EQ(err_, "error: alias \"getn\" already exists, use --overwrite to replace\n");
  EXPECT_EQ(Run("alpha", {"kuberc", "set", "--command=get"}), 1);
  EXPECT_EQ(err_, "error: required flag(s) \"section\" not set\n");
  program_ = "skiff";
  EXPECT_EQ(Run("alpha", {"kuberc", "set"}), 1);
  EXPECT_EQ(err_,
            "error: required flag(s) \"command\", \"section\" not set\n"
            "See 'skiff alpha kuberc set --help' for usage.\n");
  program_ = "kubectl";
  EXPECT_EQ(Run("alpha", {"kuberc", "set", "--section=x", "--command=get"}), 1);
  EXPECT_EQ(err_, "error: --section must be \"defaults\" or \"aliases\", got: x\n");
  EXPECT_EQ(Run("alpha", {"kuberc", "view", "-o", "json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\"name\": \"getn\""));
}

TEST_F(KubercTest, ALinkToItStays) {
  std::filesystem::create_directories(home_ + "/.kube");
  std::filesystem::create_symlink("../mine", path_);
  EXPECT_EQ(Run("alpha",
                {"kuberc", "set", "--section=defaults", "--command=get", "--option=--output=wide"}),
            0)
      << err_;
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  EXPECT_THAT(Line({"get"}), ElementsAre("get", "--output=wide"));
}

TEST_F(KubercTest, MayBeInTheFolderThatOneIsIn) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(home_);
  std::ofstream("here") << "kind: Preference\napiVersion: kubectl.config.k8s.io/v1beta1\n";
  EXPECT_EQ(Run("alpha", {"kuberc", "set", "--kuberc=here", "--section=defaults", "--command=get",
                          "--option=--output=wide"}),
            0)
      << err_;
  EXPECT_EQ(out_, "Updated here\n");
  std::filesystem::current_path(before);
}

TEST_F(KubercTest, OffersWhatIsRecommended) {
  input_ = "y";
  EXPECT_EQ(Run("alpha", {"kuberc", "view"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("kuberc file not found at " + path_));
  EXPECT_THAT(Line({"delete", "pod", "x"}),
              ElementsAre("delete", "--interactive=true", "pod", "x"));
  EXPECT_EQ(Run("alpha", {"kuberc", "view", "--kuberc=/nowhere"}), 1);
  EXPECT_EQ(err_, "error: kuberc file not found at /nowhere\n");
}

}  // namespace
}  // namespace skiff::cli
