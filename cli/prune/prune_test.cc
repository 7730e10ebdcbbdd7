#include <gmock/gmock.h>

#include <filesystem>

#include "cli/prune/objects_fixture.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class PruneTest : public ObjectsTest {
 protected:
  // One that an apply has made.
  void PutApplied(const std::string& name, const std::string& app = "web") {
    Put(kMaps + name,
        {{"kind", "ConfigMap"},
         {"apiVersion", "v1"},
         {"metadata", {{"labels", {{"app", app}}}, {"annotations", {{kLastApplied, "{}"}}}}}});
  }
  int Apply(std::vector<std::string> more) {
    input_ = R"({"apiVersion": "v1", "kind": "ConfigMap",
                 "metadata": {"name": "kept", "labels": {"app": "web"}}})";
    more.insert(more.begin(), {"-f", "-"});
    return Run("apply", more);
  }
};

TEST_F(PruneTest, WhatTheFilesDoNotHaveAnyMoreGoes) {
  PutApplied("kept");
  PutApplied("old");
  PutApplied("other", "db");
  Put(std::string(kMaps) + "by-hand",
      {{"kind", "ConfigMap"}, {"metadata", {{"labels", {{"app", "web"}}}}}});
  EXPECT_EQ(Apply({"--prune", "-l", "app=web"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("configmap/old pruned\n"));
  EXPECT_FALSE(objects_.contains(std::string(kMaps) + "old"));
  for (const char* name : {"kept", "other", "by-hand"}) {
    EXPECT_TRUE(objects_.contains(kMaps + std::string(name))) << name;
  }
  EXPECT_THAT(err_, HasSubstr("prune.go:71] Deprecated: kubectl apply will no longer prune"));
}

TEST_F(PruneTest, AllOfTheKindsThatAreNamed) {
  PutApplied("other", "db");
  Put("/api/v1/namespaces/default/secrets/s",
      {{"kind", "Secret"}, {"metadata", {{"annotations", {{kLastApplied, "{}"}}}}}});
  EXPECT_EQ(Apply({"--prune", "--all", "--prune-allowlist=core/v1/ConfigMap"}), 0) << err_;
  EXPECT_EQ(out_, "configmap/kept created\nconfigmap/other pruned\n");
  EXPECT_EQ(err_, "");
}

TEST_F(PruneTest, ADryRunDeletesNothing) {
  PutApplied("old");
  EXPECT_EQ(Apply({"--prune", "--all", "--dry-run=client"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("configmap/old pruned (dry run)\n"));
  EXPECT_THAT(writes_, IsEmpty());
  EXPECT_EQ(Apply({"--prune", "--all", "--dry-run=server"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("configmap/old pruned (server dry run)\n"));
  EXPECT_THAT(writes_, Contains("DELETE " + std::string(kMaps) + "old?dry"));
  EXPECT_TRUE(objects_.contains(std::string(kMaps) + "old"));
}

TEST_F(PruneTest, NothingGoesWhereSomethingFailed) {
  PutApplied("old");
  forbidden_.insert(std::string(kMaps) + "kept");
  EXPECT_EQ(Apply({"--prune", "--all"}), 1);
  EXPECT_TRUE(objects_.contains(std::string(kMaps) + "old"));
}

TEST_F(PruneTest, FlagsThatGoBadlyTogether) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--prune"},
       "error: all resources selected for prune without explicitly passing --all. To prune all "
       "resources, pass the --all flag. If you did not mean to prune all resources, specify a "
       "label selector\n"},
      {{"--prune", "--all", "-l", "a=b"},
       "error: cannot set --all and --selector at the same time\n"},
      {{"--prune", "--all", "--force"}, "error: --force cannot be used with --prune\n"},
      {{"--prune", "--all", "--server-side"},
       "error: --prune is in alpha and doesn't currently work on objects created by server-side "
       "apply\n"},
      {{"--prune", "--all", "--prune-allowlist=v1/ConfigMap"},
       "error: invalid GroupVersionKind format: v1/ConfigMap, please follow "
       "<group/version/kind>\n"},
      {{"--force", "--dry-run=server"}, "error: --dry-run=server cannot be used with --force\n"}};
  for (const auto& [flags, words] : cases) {
    EXPECT_EQ(Apply(flags), 1);
    EXPECT_EQ(err_, words);
    EXPECT_THAT(writes_, IsEmpty());
  }
}

TEST_F(PruneTest, DiffShowsWhatWouldGo) {
  variables_["KUBECTL_EXTERNAL_DIFF"] = "";
  PutApplied("kept");
  PutApplied("old");
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}})";
  EXPECT_EQ(Run("diff", {"-f", "-", "--prune", "--prune-allowlist=core/v1/ConfigMap"}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("v1.ConfigMap.default.old"));
  EXPECT_THAT(out_, HasSubstr("-  name: old\n"));
  EXPECT_EQ(Run("diff", {"-f", "-"}), 0) << out_;
}

TEST_F(PruneTest, DiffShowsNothingThatASecretHoldsWhichWouldGo) {
  variables_["KUBECTL_EXTERNAL_DIFF"] = "";
  const std::string held = R"({"data":{"word":"aHVudGVyMg=="}})";
  Put("/api/v1/namespaces/default/secrets/old",
      {{"kind", "Secret"},
       {"apiVersion", "v1"},
       {"metadata", {{"annotations", {{kLastApplied, held}}}}},
       {"data", {{"word", "aHVudGVyMg=="}}}});
  PutApplied("kept");
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}})";
  EXPECT_EQ(Run("diff", {"-f", "-", "--prune", "--prune-allowlist=core/v1/Secret"}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("-  word: '***'\n"));
  EXPECT_THAT(out_, Not(HasSubstr("aHVudGVyMg")));
}

class ApplySetTest : public PruneTest {
 protected:
  static constexpr char kParent[] = "/api/v1/namespaces/default/secrets/set";
  // base64url(sha256("set.default.Secret."))
  static constexpr char kId[] = "applyset-GzV5QNw0hpfp90Rc5ckxJmVoyyU-gDZeLYpJFDTwDHA-v1";

  ApplySetTest() { variables_["KUBECTL_APPLYSET"] = "true"; }
  int ApplySetOf(const std::string& documents, std::vector<std::string> more = {}) {
    input_ = documents;
    const bool named = !more.empty() && more[0].starts_with("--applyset");
    if (!named) more.insert(more.begin(), "--applyset=set");
    more.insert(more.begin(), {"-f", "-", "--prune", "-n", "default"});
    return Run("apply", more);
  }
  static std::string Map(const std::string& name) {
    return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n---\n";
  }
  std::string Noted(const char* annotation) {
    return TextAt(objects_[kParent], "metadata", "annotations", annotation);
  }
};

TEST_F(ApplySetTest, WhatLeavesTheFilesLeavesTheSet) {
  EXPECT_EQ(ApplySetOf(Map("a") + Map("b")), 0) << err_;
  EXPECT_EQ(out_, "configmap/a created\nconfigmap/b created\n");
  const std::string id =
      TextAt(objects_[kParent], "metadata", "labels", "applyset.kubernetes.io/id");
  EXPECT_EQ(id, kId);
  EXPECT_EQ(TextAt(objects_[std::string(kMaps) + "a"], "metadata", "labels",
                   "applyset.kubernetes.io/part-of"),
            id);
  EXPECT_EQ(Noted("applyset.kubernetes.io/contains-group-kinds"), "ConfigMap");
  EXPECT_EQ(Noted("applyset.kubernetes.io/tooling").substr(0, 9), "kubectl/v");
  EXPECT_EQ(ApplySetOf(Map("b")), 0) << err_;
  EXPECT_EQ(out_, "configmap/b unchanged\nconfigmap/a pruned\n");
  EXPECT_FALSE(objects_.contains(std::string(kMaps) + "a"));
}

TEST_F(ApplySetTest, KindsThatWereInItAreRememberedUntilTheyAreGone) {
  EXPECT_EQ(ApplySetOf(Map("a")), 0) << err_;
  EXPECT_EQ(ApplySetOf("{apiVersion: v1, kind: ServiceAccount, metadata: {name: s}}"), 0) << err_;
  EXPECT_EQ(out_, "serviceaccount/s created\nconfigmap/a pruned\n");
  EXPECT_EQ(Noted("applyset.kubernetes.io/contains-group-kinds"), "ServiceAccount");
  // The parent is written before anything else, with both, and once more behind it all.
  EXPECT_THAT(writes_.back(), "PATCH " + std::string(kParent));
}

TEST_F(ApplySetTest, AParentOfSomebodyElseIsLeftAlone) {
  Put(kParent, {{"metadata", {{"annotations", {{"applyset.kubernetes.io/tooling", "helm/v3"}}}}}});
  EXPECT_EQ(ApplySetOf(Map("a")), 1);
  EXPECT_EQ(err_,
            "error: ApplySet parent object \"secrets./set\" already exists and is managed by "
            "tooling \"helm\" instead of \"kubectl\"\n");
  EXPECT_THAT(writes_, IsEmpty());
  Put(kParent, {{"kind", "Secret"}});
  EXPECT_EQ(ApplySetOf(Map("a")), 1);
  EXPECT_EQ(err_,
            "error: ApplySet parent object \"secrets./set\" already exists and is missing required "
            "annotation \"applyset.kubernetes.io/tooling\"\n");
}

TEST_F(ApplySetTest, WhatIsNotAllowed) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--all"}, "error: --all is incompatible with --applyset\n"},
      {{"-l", "a=b"}, "error: --selector is incompatible with --applyset\n"},
      {{"--prune-allowlist=core/v1/Pod"},
       "error: --prune-allowlist is incompatible with --applyset\n"},
      {{"--applyset=pods/a"},
       "error: resource \"/v1, Resource=pods\" is not permitted as an ApplySet parent\n"},
      {{"--applyset=secrets/"},
       "error: invalid parent reference \"secrets/\": name cannot be blank\n"}};
  for (const auto& [flags, words] : cases) {
    EXPECT_EQ(ApplySetOf(Map("a"), flags), 1);
    EXPECT_EQ(err_, words);
  }
  input_ = Map("a");
  EXPECT_EQ(Run("apply", {"-f", "-", "--applyset=set"}), 1);
  EXPECT_EQ(err_, "error: --applyset requires --prune\n");
  EXPECT_EQ(Run("apply", {"-f", "-", "--prune", "--applyset=set"}), 1);
  EXPECT_EQ(err_, "error: namespace is required to use namespace-scoped ApplySet\n");
  // What set it is comes before what goes badly with one, and all that is wrong with it is told.
  EXPECT_EQ(Run("apply", {"-f", "-", "--prune", "--applyset=set", "-l", "a=b"}), 1);
  EXPECT_EQ(err_, "error: namespace is required to use namespace-scoped ApplySet\n");
  EXPECT_EQ(Run("apply", {"-f", "-", "--prune", "--applyset=pods/a"}), 1);
  EXPECT_EQ(err_, "namespace is required to use namespace-scoped ApplySet\n"
                  "resource \"/v1, Resource=pods\" is not permitted as an ApplySet parent\n");
  variables_.clear();
  EXPECT_EQ(Run("apply", {"-f", "-", "--prune", "--applyset=set"}), 1);
  EXPECT_THAT(err_, HasSubstr("unknown flag: --applyset"));
}

TEST_F(ApplySetTest, ALabelOfAnotherSetIsRefused) {
  EXPECT_EQ(ApplySetOf("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: "
                       "{applyset.kubernetes.io/part-of: x}}}"),
            1);
  EXPECT_EQ(err_,
            "error: ApplySet label \"applyset.kubernetes.io/part-of\" already set in input "
            "data\n");
}

TEST_F(PruneTest, DeletingAsksWhenItIsToldTo) {
  PutApplied("a");
  input_ = "n\n";
  EXPECT_EQ(Run("delete", {"configmap", "a", "-i", "--wait=false"}), 0) << err_;
  EXPECT_EQ(out_,
            "You are about to delete the following 1 resource(s):\nconfigmap/a\n"
            "Do you want to continue? (y/N): deletion is cancelled\n");
  EXPECT_THAT(writes_, IsEmpty());
  for (const char* answer : {"", "y n\n", "yes\n"}) {
    input_ = answer;
    Run("delete", {"configmap", "a", "-i", "--wait=false"});
    EXPECT_THAT(writes_, IsEmpty()) << answer;
  }
  input_ = "Y\n";
  EXPECT_EQ(Run("delete", {"configmap", "a", "--interactive", "--wait=false"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("(y/N): configmap \"a\" deleted from default namespace\n"));
  EXPECT_THAT(writes_, ElementsAre("DELETE " + std::string(kMaps) + "a"));
  EXPECT_EQ(Run("delete", {"--raw", "/x", "-i"}), 1);
  EXPECT_EQ(err_, "error: --interactive can not be used with --raw\n");
}

class CreateEditTest : public PruneTest {
 protected:
  int Create(const std::string& editor) {
    variables_["KUBE_EDITOR"] = editor;
    input_ = R"({"apiVersion": "v1", "kind": "ConfigMap",
                 "metadata": {"name": "a", "labels": {"app": "web"}}})";
    const int code = Run("create", {"-f", "-", "--edit"});
    if (const size_t at = err_.find("/tmp/kubectl-edit-"); at != err_.npos) {
      std::filesystem::remove(err_.substr(at, err_.find('"', at) - at));
    }
    return code;
  }
};

TEST_F(CreateEditTest, WhatTheEditorSavesIsCreated) {
  EXPECT_EQ(Create("sed -i s/web/db/"), 0) << err_;
  EXPECT_EQ(out_, "configmap/a created\n");
  EXPECT_EQ(TextAt(objects_[std::string(kMaps) + "a"], "metadata", "labels", "app"), "db");
}

TEST_F(CreateEditTest, WithoutAChangeNothingIsCreated) {
  EXPECT_EQ(Create("true"), 0);
  EXPECT_EQ(err_, "Edit cancelled, no changes made.\n");
  EXPECT_EQ(Create("truncate -s 0"), 1);
  EXPECT_THAT(err_, HasSubstr("error: configmaps \"a\" is invalid\n"));
  EXPECT_THAT(writes_, IsEmpty());
}

TEST_F(CreateEditTest, ANameIsNothingToEdit) {
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})";
  variables_["KUBE_EDITOR"] = "true";
  EXPECT_EQ(Run("create", {"-f", "-", "--edit", "-o", "name"}), 1);
  EXPECT_EQ(err_, "error: unable to match a printer suitable for the output format \"name\", "
                  "allowed formats are: json,kyaml,yaml\n");
  EXPECT_THAT(writes_, IsEmpty());
}

TEST_F(CreateEditTest, WhatCannotBeCreatedIsKept) {
  forbidden_.insert("/api/v1/namespaces/default/configmaps");
  EXPECT_EQ(Create("sed -i s/web/db/"), 1);
  EXPECT_THAT(err_, HasSubstr("A copy of your changes has been stored to \"/tmp/kubectl-edit-"));
  EXPECT_THAT(err_, HasSubstr("not for you"));
  EXPECT_EQ(Create("sed -i s/default/other/"), 1);
  EXPECT_THAT(err_, HasSubstr("the namespace from the provided object \"other\" does not match the "
                              "namespace \"default\""));
}

}  // namespace
}  // namespace skiff::cli
