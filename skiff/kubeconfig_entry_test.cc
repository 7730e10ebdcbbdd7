#include "skiff/kubeconfig_entry.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "api/text/yaml.h"
#include "apiserver/auth/pki.h"
#include "client/kubeconfig.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

TEST(KubeconfigEntryTest, RemovingAClusterKeepsTheRest) {
  const std::string path =
      testing::TempDir() + "/skiff-kubeconfig-entry-" + std::to_string(getpid());
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
  ASSERT_TRUE(PutIntoKubeconfigFile(path, others));
  ASSERT_TRUE(PutIntoKubeconfigFile(path, ours));
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

TEST(KubeconfigEntryTest, AFileThatKubectlChangesIsLeftAlone) {
  const std::string path =
      testing::TempDir() + "/skiff-kubeconfig-lock-" + std::to_string(getpid());
  Kubeconfig ours;
  ours.clusters["skiff"].server = "https://127.0.0.1:6443";
  std::ofstream(path + ".lock") << "";
  const auto put = PutIntoKubeconfigFile(path, ours);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().message, "open " + path + ".lock: file exists");
  EXPECT_FALSE(fs::exists(path));
  fs::remove(path + ".lock");
  ASSERT_TRUE(PutIntoKubeconfigFile(path, ours));
  EXPECT_FALSE(fs::exists(path + ".lock"));
  std::ofstream(path + ".lock") << "";
  EXPECT_FALSE(RemoveFromKubeconfigFile(path, "skiff"));
  EXPECT_TRUE(RemoveFromKubeconfigFile(path, "other")) << "nothing of it is changed";
  fs::remove(path + ".lock");
  fs::remove(path);
}

class UsersKubeconfigTest : public testing::Test {
 protected:
  UsersKubeconfigTest() {
    fs::remove_all(root_);
    fs::create_directories(root_);
    std::ofstream(path_) << "apiVersion: v1\nkind: Config\npreferences: {colors: true}\n"
                            "clusters:\n- name: work\n  cluster: {server: 'https://w:6443', "
                            "proxy-url: 'http://p:1'}\n"
                            "users:\n- name: kubernetes-admin\n  user:\n    exec: {command: aws, "
                            "args: [token]}\n"
                            "contexts:\n- name: work\n  context: {cluster: work, user: "
                            "kubernetes-admin}\ncurrent-context: work\n";
  }
  ~UsersKubeconfigTest() override { fs::remove_all(root_); }
  static Kubeconfig Entry(const std::string& name, const std::string& authority) {
    Kubeconfig entry;
    entry.clusters[name] = {.server = "https://127.0.0.1:6443",
                            .certificate_authority_data = authority};
    entry.users[name].client_key_data = "secret";
    entry.contexts[name] = {name, name, ""};
    entry.current_context = name;
    return entry;
  }
  Json Read() { return ParseYaml(*ReadWholeFile(path_))->value; }

  const std::string root_ = testing::TempDir() + "/skiff-kubeconfig-" + std::to_string(getpid());
  const std::string path_ = root_ + "/config";
};

TEST_F(UsersKubeconfigTest, NothingOfItIsLostWhenAClusterComesAndGoes) {
  Json before = Read();
  const std::string own = root_ + "/admin.kubeconfig";
  ASSERT_TRUE(PutIntoKubeconfigFile(own, Entry("skiff", "one")));
  ASSERT_TRUE(PutIntoKubeconfigFile(path_, Entry("skiff-a", "one")));
  ASSERT_TRUE(PutIntoKubeconfigFile(path_, Entry("skiff-b", "two")));
  const Json both = Read();
  EXPECT_EQ(both["users"][0], before["users"][0]) << "exec and all";
  EXPECT_EQ(both["clusters"][0], before["clusters"][0]);
  EXPECT_EQ(both["users"].size(), 3u);
  EXPECT_EQ(fs::status(own).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(both["current-context"], "skiff-b");
  EXPECT_EQ(RemoveOwnEntry(path_, "skiff-b", own), false) << "of another authority";
  EXPECT_EQ(RemoveOwnEntry(path_, "skiff-a", own), true);
  ASSERT_TRUE(RemoveFromKubeconfigFile(path_, "skiff-b"));
  before["current-context"] = "";
  EXPECT_EQ(Read(), before);
}

// As where all such files are kept in a folder of their own.
TEST_F(UsersKubeconfigTest, ALinkToItStaysOne) {
  const std::string link = root_ + "/link";
  fs::create_symlink("config", link);
  ASSERT_TRUE(PutIntoKubeconfigFile(link, Entry("skiff", "one")));
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(Read()["current-context"], "skiff");
  ASSERT_TRUE(RemoveFromKubeconfigFile(link, "skiff"));
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(Read()["current-context"], "");
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(UsersKubeconfigTest, ANameThatIsAnothersIsNotTaken) {
  const std::string server = "https://127.0.0.1:6443";
  EXPECT_TRUE(RequireFreeEntry(path_, "skiff", server));
  EXPECT_EQ(RequireFreeEntry(path_, "work", server).error().reason, Reason::kConflict);
  EXPECT_EQ(RequireFreeEntry(path_, "kubernetes-admin", server).error().reason, Reason::kConflict);
  ASSERT_TRUE(PutIntoKubeconfigFile(path_, Entry("skiff", "one")));
  EXPECT_TRUE(RequireFreeEntry(path_, "skiff", server)) << "the same cluster, once more";
  EXPECT_EQ(RequireFreeEntry(path_, "skiff", "https://127.0.0.1:7443").error().reason,
            Reason::kConflict);
  EXPECT_TRUE(RequireFreeEntry(root_ + "/none", "skiff", server));
}

// "skiff-dev" is the context of the cluster "dev" in Docker, and of that in a directory dev.
TEST_F(UsersKubeconfigTest, AnEntryOfTheSameNameIsItsOwnByItsAuthority) {
  const std::string own = root_ + "/own.kubeconfig";
  EXPECT_TRUE(RequireOwnOrFreeEntry(path_, "skiff-dev", own)) << "there is none of either";
  ASSERT_TRUE(PutIntoKubeconfigFile(path_, Entry("skiff-dev", "one")));
  EXPECT_EQ(RequireOwnOrFreeEntry(path_, "skiff-dev", own).error().reason, Reason::kConflict);
  EXPECT_EQ(RemoveOwnEntry(path_, "skiff-dev", own), false);
  ASSERT_TRUE(PutIntoKubeconfigFile(own, Entry("skiff-dev", "two")));
  EXPECT_EQ(RequireOwnOrFreeEntry(path_, "skiff-dev", own).error().reason, Reason::kConflict);
  ASSERT_TRUE(PutIntoKubeconfigFile(own, Entry("skiff-dev", "one")));
  EXPECT_TRUE(RequireOwnOrFreeEntry(path_, "skiff-dev", own));
  EXPECT_EQ(RemoveOwnEntry(path_, "skiff-dev", own), true);
}

TEST_F(UsersKubeconfigTest, AnEntryThatSaysNothingIsAnothers) {
  const std::string own = root_ + "/admin.kubeconfig";
  ASSERT_TRUE(PutIntoKubeconfigFile(own, Entry("skiff", "one")));
  for (const char* cluster :
       {"{server: , certificate-authority-data: }", "{server: 1}", "", "[]"}) {
    std::ofstream(path_) << "clusters:\n- name: skiff\n  cluster: " << cluster << "\n";
    EXPECT_EQ(RequireFreeEntry(path_, "skiff", "https://127.0.0.1:6443").error().reason,
              Reason::kConflict)
        << cluster;
    EXPECT_EQ(RemoveOwnEntry(path_, "skiff", own), false) << cluster;
  }
}

TEST_F(UsersKubeconfigTest, EachDataDirectoryHasANameOfItsOwn) {
  EXPECT_EQ(ContextNameOf("/var/lib/skiff"), "skiff");
  EXPECT_EQ(ContextNameOf("/home/me/dev"), "skiff-dev");
  EXPECT_EQ(ContextNameOf("/home/me/dev/"), "skiff-dev");
}

TEST(KubeconfigEntryTest, DataThatIsDamagedIsNamedWithItsField) {
  const auto wrong = [](const std::string& cluster, const std::string& user) {
    const auto config = Kubeconfig::Parse(
        "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\nclusters: "
        "[{name: c, cluster: {server: 'https://a'" +
            cluster + "}}]\nusers: [{name: u, user: {" + user + "}}]\n",
        "/");
    if (!config) return config.error().message;
    const auto checked = CheckCertificateData(*config);
    return checked ? std::string() : checked.error().message;
  };
  EXPECT_EQ(wrong("", "token: t"), "");
  EXPECT_EQ(wrong(", certificate-authority-data: '!'", ""),
            "certificate-authority-data of cluster \"c\": illegal base64 data at input byte 0");
  EXPECT_EQ(wrong("", "client-key-data: '!'"),
            "client-key-data of user \"u\": illegal base64 data at input byte 0");
  EXPECT_EQ(
      wrong(", certificate-authority-data: YQ==", ""),
      "certificate-authority-data of cluster \"c\": there is no certificate in it that can be "
      "read");
  EXPECT_EQ(
      wrong("", "client-certificate-data: YQ=="),
      "client-certificate-data of user \"u\": there is no certificate in it that can be read");
  EXPECT_EQ(wrong("", "client-key-data: YQ=="),
            "client-key-data of user \"u\": there is no private key in it that can be read");
}

}  // namespace
}  // namespace skiff
