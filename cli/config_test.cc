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

TEST_F(ConfigTest, DataThatBase64HasFoldedIsOneLineInTheFile) {
  const std::string property = "clusters.a.certificate-authority-data";
  EXPECT_EQ(RunOn("clusters: [{name: a, cluster: {server: x}}]\n", {"set", property, "aGVs\nbG8="}),
            0)
      << err_;
  std::ifstream in(path_);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(text, HasSubstr("certificate-authority-data: aGVsbG8=\n"));
}

TEST_F(ConfigTest, ALinkStaysOneAndItsFileKeepsWhoMayReadIt) {
  const std::string real = path_ + "-real";
  std::ofstream(real) << "contexts: [{name: a, context: {}}]\n";
  std::filesystem::permissions(real, std::filesystem::perms(0640));
  std::filesystem::create_symlink(std::filesystem::path(real).filename(), path_);
  EXPECT_EQ(Run("config", {"use-context", "a", "--kubeconfig=" + path_}), 0) << err_;
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  EXPECT_EQ(std::filesystem::status(real).permissions(), std::filesystem::perms(0640));
  std::ifstream in(real);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(text, HasSubstr("current-context: a\n"));
  std::filesystem::remove(real);
}

TEST_F(ConfigTest, AFileThatSomebodyElseChangesIsLeftAlone) {
  const std::string lock = path_ + ".lock";
  const std::string text = "contexts: [{name: a, context: {}}]\n";
  std::ofstream(lock) << "";
  const std::vector<std::vector<std::string>> changes = {
      {"use-context", "a"},     {"set-cluster", "c"},
      {"set-credentials", "u"}, {"set", "contexts.a.namespace", "n"},
      {"unset", "contexts.a"},  {"rename-context", "a", "b"},
      {"delete-context", "a"}};
  for (const auto& change : changes) {
    EXPECT_EQ(RunOn(text, change), 1) << change[0];
    EXPECT_EQ(err_, "error: open " + lock + ": file exists\n") << change[0];
    std::ifstream in(path_);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), text) << change[0];
  }
  EXPECT_TRUE(std::filesystem::exists(lock)) << "it is not ours to remove";
  EXPECT_EQ(RunOn(text, {"get-contexts"}), 0) << err_;
  std::filesystem::remove(lock);
  for (const auto& change : changes) EXPECT_EQ(RunOn(text, change), 0) << change[0] << err_;
  EXPECT_FALSE(std::filesystem::exists(lock));
}

TEST_F(ConfigTest, AFileThatNobodyCanSayWhereItIsIsRefused) {
  const auto before = std::filesystem::current_path();
  const std::string gone = testing::TempDir() + "/config-gone-" + std::to_string(getpid());
  std::filesystem::create_directory(gone);
  std::filesystem::current_path(gone);
  std::filesystem::remove(gone);
  EXPECT_EQ(RunOn("", {"set-credentials", "a", "--client-key=k"}), 1);
  EXPECT_THAT(err_, HasSubstr("could not determine absolute path to k: no such file"));
  std::filesystem::current_path(before);
}

// Taken for one that is missing it would be replaced.
TEST_F(ConfigTest, AFileThatIsThereAndCannotBeReadIsNoEmptyOne) {
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"view"}, {"get-contexts"}, {"set-context", "a"}}) {
    auto args = words;
    args.push_back("--kubeconfig=" + path_);
    EXPECT_EQ(Run("config", args), 1) << words[0];
    EXPECT_EQ(err_, "error: error loading config file \"" + path_ + "\": read " + path_ +
                        ": is a directory\n");
  }
  EXPECT_TRUE(std::filesystem::is_directory(path_));
  std::filesystem::remove(path_);
}

TEST_F(ConfigTest, AFileWhoseEntriesAreNoObjectsIsRefused) {
  for (const char* text : {"users: [5]\n", "users: [{name: a, user: [x]}]\n", "clusters: x\n",
                           "clusters: [x]\n", "contexts: [{name: a, context: 7}]\n"}) {
    for (const char* verb : {"view", "get-contexts"}) {
      EXPECT_EQ(RunOn(text, {verb}), 1) << text;
      EXPECT_THAT(err_, HasSubstr("error: error loading config file \"" + path_ + "\": ")) << text;
    }
    EXPECT_EQ(RunOn(text, {"unset", "users.a.token"}), 1) << text;
    EXPECT_EQ(Run("get", {"pods", "--kubeconfig=" + path_}), 1) << text;
    EXPECT_THAT(err_, HasSubstr("error: error loading config file \"" + path_ + "\": ")) << text;
    EXPECT_THAT(connected_, testing::IsEmpty());
  }
}

TEST_F(ConfigTest, AFileWhoseEntriesAreOfOtherTypesIsRefusedInTheWordsOfGo) {
  const auto said = [&](const std::string& text) {
    EXPECT_EQ(RunOn(text, {"view"}), 1) << text;
    EXPECT_EQ(out_, "");
    const std::string head = "error: error loading config file \"" + path_ + "\": ";
    EXPECT_TRUE(err_.starts_with(head)) << err_;
    return err_.substr(std::min(head.size(), err_.size()));
  };
  EXPECT_EQ(said("clusters: x"),
            "json: cannot unmarshal string into Go struct field Config.clusters of type "
            "[]v1.NamedCluster\n");
  EXPECT_EQ(said("clusters: [1]"),
            "json: cannot unmarshal number into Go struct field "
            "Config.clusters of type v1.NamedCluster\n");
  EXPECT_EQ(said("users: [{user: {password: y}}]"),
            "json: cannot unmarshal bool into Go struct field AuthInfo.users.user.password of type "
            "string\n");
  EXPECT_EQ(said("users: [{user: {as-groups: x}}]"),
            "json: cannot unmarshal string into Go struct field AuthInfo.users.user.as-groups of "
            "type []string\n");
  EXPECT_EQ(said("users: [{user: {exec: {args: [1]}}}]"),
            "json: cannot unmarshal number into Go struct field ExecConfig.users.user.exec.args of "
            "type string\n");
  EXPECT_EQ(said("clusters: [{cluster: {certificate-authority-data: '!!'}}]"),
            "illegal base64 data at input byte 0\n");
  EXPECT_EQ(said("kind: Pod\napiVersion: v1"),
            "no kind \"Pod\" is registered for version \"v1\" in scheme "
            "\"pkg/runtime/scheme.go:111\"\n");
  // None of what is secret in these is told.
  EXPECT_EQ(said("users: [{name: a, user: {token: s}}, {name: a}]"),
            "error converting *[]NamedAuthInfo into *map[string]*api.AuthInfo: duplicate name "
            "\"a\" in list: users\n");
}

TEST_F(ConfigTest, AFileIsShownAsItsTypesHaveIt) {
  const std::string version = "client.authentication.k8s.io/v1";
  ASSERT_EQ(RunOn("nope: 1\nclusters:\n"
                  "- {name: c, cluster: {insecure-skip-tls-verify: false, nope: 1}}\n"
                  "users:\n- name: a\n  user: {exec: {command: x, apiVersion: " +
                      version +
                      "beta1, installHint: ''}, token: ''}\n"
                      "- {name: b, user: {exec: {command: x, apiVersion: " +
                      version + ", args: []}}}\n- {name: c}\n",
                  {"view"}),
            0)
      << err_;
  EXPECT_EQ(out_,
            "apiVersion: v1\nclusters:\n- cluster:\n    server: \"\"\n  name: c\n"
            "contexts: null\n"
            "current-context: \"\"\nkind: Config\nusers:\n"
            "- name: a\n  user:\n    exec:\n      apiVersion: " +
                version +
                "beta1\n      args: null\n      command: x\n      env: null\n"
                "      interactiveMode: IfAvailable\n      provideClusterInfo: false\n"
                "- name: b\n  user:\n    exec:\n      apiVersion: " +
                version +
                "\n      args: []\n      command: x\n      env: null\n"
                "      provideClusterInfo: false\n"
                "- name: c\n  user: {}\n");
}

TEST_F(ConfigTest, AnEntryHasAName) {
  EXPECT_EQ(RunOn("{}", {"set-cluster", ""}), 1);
  EXPECT_EQ(err_, "error: you must specify a non-empty cluster name\n");
  EXPECT_EQ(RunOn("{}", {"set-credentials", ""}), 1);
  EXPECT_EQ(err_, "error: you must specify a non-empty user name\n");
  EXPECT_EQ(RunOn("{}", {"unset", ""}), 1);
  EXPECT_EQ(err_, "error: you must specify a property\n");
  EXPECT_EQ(RunOn("{}", {"delete-user"}), 1);
  EXPECT_THAT(err_, HasSubstr("error: user to delete is required\n"));
}

// Two kubeconfigs in a folder, named by KUBECONFIG in this order.
class SeveralConfigsTest : public ProgramTest {
 protected:
  SeveralConfigsTest() {
    std::filesystem::create_directories(folder_);
    variables_["KUBECONFIG"] = folder_ + "/a:" + folder_ + "/b";
  }
  ~SeveralConfigsTest() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }
  std::string Read(const std::string& name) const {
    std::ifstream in(folder_ + "/" + name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  const std::string folder_ = testing::TempDir() + "/configs-" + std::to_string(getpid());
};

TEST_F(SeveralConfigsTest, ARenamedContextStaysTheCurrentOneWhicheverFileSaysSo) {
  Write("a", "current-context: one\n");
  Write("b", "contexts: [{name: one, context: {}}, {name: other, context: {}}]\n");
  EXPECT_EQ(Run("config", {"rename-context", "one", "two"}), 0) << err_;
  EXPECT_THAT(Read("a"), HasSubstr("current-context: two\n"));
  EXPECT_THAT(Read("b"), HasSubstr("name: two\n"));
  EXPECT_EQ(Run("config", {"delete-context", "two"}), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("warning: this removed your active context"));
  Write("b", "contexts: [{name: two, context: {}}]\n");
  Write("a", "contexts: [{name: three, context: {}}]\n");
  EXPECT_EQ(Run("config", {"rename-context", "two", "three"}), 1);
  EXPECT_THAT(err_, HasSubstr("the context \"three\" already exists in " + folder_ + "/a\n"));
}

TEST_F(SeveralConfigsTest, WhatIsUnsetIsInNoneOfThem) {
  Write("a", "clusters: [{name: x, cluster: {server: a}}]\n");
  Write("b", "current-context: one\nclusters: [{name: z, cluster: {server: b}}]\n");
  EXPECT_EQ(Run("config", {"unset", "current-context"}), 0) << err_;
  EXPECT_THAT(Read("b"), HasSubstr("current-context: \"\"\n"));
  EXPECT_EQ(Run("config", {"unset", "clusters"}), 0) << err_;
  EXPECT_THAT(Read("a") + Read("b"), testing::Not(HasSubstr("server")));
}

TEST_F(SeveralConfigsTest, FilesAreNamedFromTheFolderOfTheirKubeconfig) {
  Write("a",
        "clusters: [{name: x, cluster: {certificate-authority: ca.crt}}]\n"
        "users: [{name: u, user: {token: secret}}]\n");
  Write("ca.crt", "hello");
  EXPECT_EQ(Run("config", {"view", "--flatten"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("certificate-authority-data: aGVsbG8=\n"));
  EXPECT_THAT(out_, HasSubstr("token: secret\n")) << "another machine could not use it";
  EXPECT_EQ(Run("config", {"set-cluster", "z", "--certificate-authority=" + folder_ + "/sub/ca"}),
            0)
      << err_;
  EXPECT_THAT(Read("a"), HasSubstr("certificate-authority: sub/ca\n"));
  EXPECT_EQ(Run("config", {"set-credentials", "u", "--client-key=/elsewhere/key"}), 0) << err_;
  EXPECT_THAT(Read("a"), HasSubstr("client-key: /elsewhere/key\n"));
}

TEST_F(ConfigTest, AListOfNoEntriesIsNull) {
  EXPECT_EQ(RunOn("clusters: []\nusers: []\n", {"view"}), 0) << err_;
  EXPECT_EQ(out_,
            "apiVersion: v1\nclusters: null\ncontexts: null\ncurrent-context: \"\"\nkind: "
            "Config\nusers: null\n");
  EXPECT_EQ(RunOn("clusters: [{name: a, cluster: {server: x}}]\n", {"delete-cluster", "a"}), 0);
  std::ifstream in(path_);
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(in), {}), HasSubstr("clusters: null\n"));
}

TEST_F(ConfigTest, ListsOfEntriesAreNotSetToAText) {
  const std::string text = "clusters: [{name: a, cluster: {server: x}}]\n";
  for (const char* member : {"clusters", "contexts", "users", "extensions"}) {
    EXPECT_EQ(RunOn(text, {"set", member, "x"}), 1);
    EXPECT_EQ(err_, std::string("error: can't set a map to a value: ") + member + "\n");
  }
  EXPECT_EQ(RunOn(text, {"set", "preferences", "x"}), 1);
  EXPECT_EQ(RunOn(text, {"set", "current-context", ""}), 1);
  EXPECT_EQ(err_, "error: you cannot use set to unset a property\n");
  EXPECT_EQ(RunOn(text, {"set", "kind", "Pod"}), 0) << err_;
  std::ifstream in(path_);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), text);
}

}  // namespace
}  // namespace skiff::cli
