#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

class RolloutTest : public ProgramTest {};

TEST_F(RolloutTest, StatusWantsAResource) {
  EXPECT_EQ(Run("rollout", {"status"}), 1);
  EXPECT_EQ(err_, "error: required resource not specified\n");
}

TEST_F(RolloutTest, OfSeveralEachSaysWhatIsWrong) {
  server_ = ServerOf("apps", {{"replicasets", "ReplicaSet"}},
                     {{"/apis/apps/v1/namespaces/default/replicasets",
                       R"({"items": [{"metadata": {"name": "a", "namespace": "default"}},
                                     {"metadata": {"name": "b", "namespace": "default"}}]})"}});
  EXPECT_EQ(Run("rollout", {"status", "rs"}), 1);
  const std::string status = "no status viewer has been implemented for ReplicaSet.apps\n";
  EXPECT_EQ(err_, status + status);
  EXPECT_EQ(Run("rollout", {"history", "rs", "-l", "x=y"}), 1);
  const std::string history = "no history viewer has been implemented for \"ReplicaSet.apps\"\n";
  EXPECT_EQ(err_, history + history);
  EXPECT_EQ(Run("rollout", {"pause", "rs", "-l", "x=y"}), 1);
  EXPECT_EQ(err_,
            "error: replicasets.apps \"a\" pausing is not supported\n"
            "error: replicasets.apps \"b\" pausing is not supported\n");
}

// Somebody's own kind may be called as one of apps is.
TEST_F(RolloutTest, AKindOfAnotherGroupIsNoDeployment) {
  const std::string own = R"({"apiVersion": "acme.io/v1", "kind": "Deployment",
      "metadata": {"name": "d", "namespace": "default"},
      "spec": {"selector": {"matchLabels": {"app": "d"}}}})";
  const std::string path = "/apis/acme.io/v1/namespaces/default/deployments";
  server_ = ServerOf("acme.io", {{"deployments", "Deployment"}},
                     {{path, R"({"items": [)" + own + "]}"}, {path + "/d", own}});
  const std::string word = "deployments.acme.io/d";
  const std::vector<std::pair<std::string, std::vector<std::string>>> commands = {
      {"rollout", {"pause", word}},
      {"rollout", {"restart", word}},
      {"rollout", {"undo", word}},
      {"rollout", {"history", word}},
      {"rollout", {"status", word}},
      {"expose", {word}},
      {"logs", {word}},
      {"attach", {word}}};
  for (const auto& [verb, words] : commands) {
    EXPECT_EQ(Run(verb, words), 1) << verb << " " << words[0];
    EXPECT_EQ(err_,
              "error: no kind \"Deployment\" is registered for version \"acme.io/v1\" in scheme "
              "\"k8s.io/kubectl/pkg/scheme/scheme.go:28\"\n")
        << verb << " " << words[0];
  }
  program_ = "skiff";
  EXPECT_EQ(Run("rollout", {"restart", word}), 1);
  EXPECT_NE(err_.find("restarting is not supported"), std::string::npos) << err_;
  EXPECT_EQ(Run("rollout", {"status", word}), 1);
  EXPECT_NE(err_.find("no status viewer has been implemented for Deployment.acme.io"),
            std::string::npos)
      << err_;
  EXPECT_EQ(Run("expose", {word, "--port=80"}), 1);
  EXPECT_EQ(err_, "error: cannot expose a Deployment.acme.io\n");
}

// As kubectl 1.35 prints it: not what keeps the revision, but the object as it was.
TEST_F(RolloutTest, ARevisionOfADaemonSetIsShownAsADaemonSet) {
  const std::string space = "/apis/apps/v1/namespaces/default";
  server_ = ServerOf(
      "apps", {{"daemonsets", "DaemonSet"}, {"controllerrevisions", "ControllerRevision"}},
      {{space + "/daemonsets/d",
        R"({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "d", "uid": "u"},
            "spec": {"selector": {"matchLabels": {"a": "b"}},
                     "template": {"spec": {"x": "new"}}}})"},
       {space + "/controllerrevisions",
        R"({"items": [{"revision": 1, "metadata": {"name": "d-1", "ownerReferences": [
                {"uid": "u", "controller": true}]},
             "data": {"spec": {"template": {"$patch": "replace", "spec": {"x": "old"}}}}}]})"}});
  const std::string what = "-o=jsonpath={.kind} {.metadata.name} {.spec.template}";
  EXPECT_EQ(Run("rollout", {"history", "ds/d", "--revision=1", what}), 0) << err_;
  EXPECT_EQ(out_, R"(DaemonSet d {"spec":{"x":"old"}})");
  EXPECT_EQ(Run("rollout", {"history", "ds/d", "--revision=2", what}), 1);
  EXPECT_EQ(err_, "error: unable to find the specified revision\n");
}

// A server of the Deployment d and of that list of ReplicaSets.
auto DeploymentWithSets(const std::string& sets) {
  const std::string space = "/apis/apps/v1/namespaces/default";
  return ServerOf("apps", {{"deployments", "Deployment"}, {"replicasets", "ReplicaSet"}},
                  {{space + "/deployments/d",
                    R"({"apiVersion": "apps/v1", "kind": "Deployment",
                        "metadata": {"name": "d", "namespace": "default", "uid": "1"},
                        "spec": {"selector": {"matchLabels": {"app": "d"}}}})"},
                   {space + "/replicasets", sets}});
}

// Of a deployment the cause is with the ReplicaSet, and stands among the annotations of its pods.
TEST_F(RolloutTest, ARevisionOfADeploymentIsShownWithItsCause) {
  server_ = DeploymentWithSets(R"({"items": [{
      "metadata": {"name": "d-1", "annotations": {
          "deployment.kubernetes.io/revision": "1", "kubernetes.io/change-cause": "my cause"},
        "ownerReferences": [{"uid": "1", "controller": true}]},
      "spec": {"template": {"metadata": {"labels": {"app": "d"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]}}}}]})");
  EXPECT_EQ(Run("rollout", {"history", "deploy/d", "--revision=1"}), 0) << err_;
  EXPECT_NE(out_.find("kubernetes.io/change-cause: my cause\n"), std::string::npos) << out_;
}

TEST_F(RolloutTest, WhatHasNoHistoryHasNoTableOfIt) {
  server_ = DeploymentWithSets(R"({"items": []})");
  EXPECT_EQ(Run("rollout", {"history", "deploy/d"}), 0) << err_;
  EXPECT_EQ(out_, "deployment.apps/d \nNo rollout history found.\n");
  EXPECT_EQ(Run("rollout", {"history", "deploy/d", "--revision=2"}), 0) << err_;
  EXPECT_EQ(out_, "deployment.apps/d with revision #2\nNo rollout history found.\n");
  EXPECT_EQ(Run("rollout", {"history", "deploy/d", "--template={{.kind}} {{.metadata.name}}"}), 0);
  EXPECT_EQ(out_, "Deployment d") << "a template alone is of what has the history";
}

TEST_F(RolloutTest, WhatAnUndoWouldComeToIsPrintedInTheFormAskedFor) {
  const std::string space = "/apis/apps/v1/namespaces/default";
  const auto set = [](const std::string& revision, const std::string& image) {
    return R"({"metadata": {"name": "w-)" + revision +
           R"(", "annotations": {"deployment.kubernetes.io/revision": ")" + revision +
           R"("}, "ownerReferences": [{"uid": "u", "controller": true}]}, "spec": {"template": )" +
           R"({"metadata": {"labels": {"a": "b", "pod-template-hash": "x"}}, "spec": {"x": ")" +
           image + R"("}}}})";
  };
  server_ = ServerOf("apps", {{"deployments", "Deployment"}, {"replicasets", "ReplicaSet"}},
                     {{space + "/deployments/w",
                       R"({"apiVersion": "apps/v1", "kind": "Deployment",
                           "metadata": {"name": "w", "uid": "u"},
                           "spec": {"selector": {"matchLabels": {"a": "b"}},
                                    "template": {"metadata": {"labels": {"a": "b"}},
                                                 "spec": {"x": "new"}}}})"},
                      {space + "/replicasets",
                       R"({"items": [)" + set("1", "old") + ", " + set("2", "new") + "]}"}});
  EXPECT_EQ(Run("rollout", {"undo", "deploy/w", "--dry-run=client",
                            "-o=jsonpath={.kind} {.spec.template.spec}"}), 0) << err_;
  EXPECT_EQ(out_, R"(Deployment {"x":"old"})");
  // Also where there is nothing to undo.
  EXPECT_EQ(Run("rollout", {"undo", "deploy/w", "--to-revision=2", "--template={{.kind}}"}), 0);
  EXPECT_EQ(out_, "Deployment") << err_;
  EXPECT_EQ(Run("rollout", {"undo", "deploy/w", "--to-revision=2"}), 0);
  EXPECT_EQ(out_,
            "deployment.apps/w skipped rollback (current template already matches revision 2)\n");
}

TEST_F(RolloutTest, AnUndoRestoresTheCauseOfTheRevision) {
  const std::string space = "/apis/apps/v1/namespaces/default";
  const auto set = [](const std::string& revision, const std::string& image) {
    return R"({"metadata": {"name": "w-)" + revision + R"(", "annotations": {
            "deployment.kubernetes.io/revision": ")" +
           revision + R"(", "kubernetes.io/change-cause": "cause of )" + image +
           R"("}, "ownerReferences": [{"uid": "u", "controller": true}]}, "spec": {"template": )" +
           R"({"metadata": {"labels": {"pod-template-hash": "x"}}, "spec": {"x": ")" + image +
           R"("}}}})";
  };
  const std::string deployment = R"({"apiVersion": "apps/v1", "kind": "Deployment",
      "metadata": {"name": "w", "uid": "u", "annotations": {"mine": "1",
          "deployment.kubernetes.io/revision": "2", "kubernetes.io/change-cause": "cause of new"}},
      "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {"x": "new"}}}})";
  const auto answers =
      ServerOf("apps", {{"deployments", "Deployment"}, {"replicasets", "ReplicaSet"}},
               {{space + "/deployments/w", deployment},
                {space + "/replicasets",
                 R"({"items": [)" + set("1", "old") + ", " + set("2", "new") + "]}"}});
  Json patch;
  bool names_manager = true;
  server_ = [&](const http::Request& request) {
    if (request.method == "PATCH") {
      patch = Json::parse(request.body);
      names_manager = request.HasQuery("fieldManager");
    }
    return answers(request);
  };
  EXPECT_EQ(Run("rollout", {"undo", "deploy/w"}), 0) << err_;
  EXPECT_EQ(patch, Json::parse(R"([
      {"op": "replace", "path": "/spec/template",
       "value": {"metadata": {"labels": {}}, "spec": {"x": "old"}}},
      {"op": "add", "path": "/metadata/annotations",
       "value": {"deployment.kubernetes.io/revision": "2",
                 "kubernetes.io/change-cause": "cause of old"}}])"));
  EXPECT_FALSE(names_manager);
}

}  // namespace
}  // namespace skiff::cli
