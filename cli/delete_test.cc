#include "cli/prune/objects_fixture.h"

namespace skiff::cli {
namespace {

class DeleteTest : public ObjectsTest {};

TEST_F(DeleteTest, ANamespaceThatSaysNothingIsWarnedOf) {
  const std::string warning =
      "Warning: deleting cluster-scoped resources, not scoped to the provided namespace\n";
  const auto warned = [this](std::vector<std::string> flags) {
    Put("/api/v1/nodes/n", {{"kind", "Node"}});
    Put("/api/v1/nodes/m", {{"kind", "Node"}});
    flags.insert(flags.begin(), {"node", "n", "m", "--wait=false"});
    EXPECT_EQ(Run("delete", flags), 0) << err_;
    return err_;
  };
  EXPECT_EQ(warned({"-n", "x"}), warning) << "once";
  EXPECT_EQ(warned({"-n", "x", "--dry-run=client"}), warning);
  EXPECT_EQ(warned({}), "");
  Put(std::string(kMaps) + "a", {{"kind", "ConfigMap"}});
  EXPECT_EQ(Run("delete", {"cm", "a", "-n", "default", "--wait=false"}), 0);
  EXPECT_EQ(err_, "");
}

TEST_F(DeleteTest, OfWhatAFileNamesASelectorLeavesTheRest) {
  Put(std::string(kMaps) + "a", {{"kind", "ConfigMap"}});
  Put(std::string(kMaps) + "b", {{"kind", "ConfigMap"}});
  input_ =
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {app: web}}}\n---\n"
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n";
  EXPECT_EQ(Run("delete", {"-f", "-", "-l", "app=none", "--wait=false"}), 0) << err_;
  EXPECT_EQ(out_, "No resources found\n");
  EXPECT_EQ(Run("delete", {"-f", "-", "-l", "app=web", "--wait=false"}), 0) << err_;
  EXPECT_EQ(out_, "configmap \"a\" deleted from default namespace\n");
  ASSERT_EQ(writes_.size(), 1U);
  EXPECT_EQ(writes_[0], "DELETE " + std::string(kMaps) + "a");
  EXPECT_EQ(Run("delete", {"-f", "-", "-l", "a in", "--wait=false"}), 1);
  EXPECT_EQ(err_.find("error: the provided selector \"a in\" is not valid: "), 0U) << err_;
}

TEST_F(DeleteTest, ANameIsOfOneNamespace) {
  Put(std::string(kMaps) + "a", {{"kind", "ConfigMap"}});
  EXPECT_EQ(Run("delete", {"cm", "a", "-A", "--wait=false"}), 1);
  EXPECT_EQ(err_, "error: a resource cannot be retrieved by name across all namespaces\n");
  EXPECT_EQ(Run("delete", {"cm/a", "--all", "--wait=false"}), 1);
  EXPECT_EQ(err_,
            "error: selectors and the all flag cannot be used when passing resource/name "
            "arguments\n");
  EXPECT_TRUE(writes_.empty());
  EXPECT_EQ(Run("label", {"cm/a", "--all", "x=y"}), 0) << err_;
  EXPECT_EQ(out_, "configmap/a labeled\n") << "who names one means that";
}

TEST_F(DeleteTest, NobodyWaitsWhereSomethingWasWrong) {
  Put(std::string(kMaps) + "a", {{"kind", "ConfigMap"}});
  const auto answer = server_;
  server_ = [&answer](http::Request request) {
    // It has a finalizer, and stays.
    if (request.method == "DELETE" && request.path.ends_with("/a")) request.method = "GET";
    return answer(request);
  };
  EXPECT_EQ(Run("delete", {"cm", "a", "missing", "--timeout=1s"}), 1);
  EXPECT_EQ(out_, "configmap \"a\" deleted from default namespace\n");
  EXPECT_EQ(err_, "Error from server (NotFound): not found\n");
  EXPECT_EQ(Run("delete", {"cm", "a", "--timeout=1s"}), 1);
  EXPECT_EQ(err_, "error: the server did not answer by a stream\n") << "by which it would wait";
}

TEST_F(DeleteTest, WhoMayNotLookDoesNotWait) {
  Put(std::string(kMaps) + "a", {{"kind", "ConfigMap"}});
  const auto answer = server_;
  server_ = [&answer](const http::Request& request) {
    if (request.method != "GET") return answer(request);
    http::Response response;
    response.status = 403;
    response.body = R"({"kind": "Status", "reason": "Forbidden", "message": "no", "code": 403})";
    return response;
  };
  EXPECT_EQ(Run("delete", {"cm", "a"}), 0) << err_;
  EXPECT_EQ(out_ + err_, "configmap \"a\" deleted from default namespace\n");
}

TEST_F(DeleteTest, WhatIsMissingIsToldOfWhereSomebodySaysSo) {
  const auto answer = server_;
  server_ = [&answer](const http::Request& request) {
    http::Response response;
    if (request.method == "DELETE") return answer(request);
    response.status = 200;
    response.body = R"({"items": [{"metadata": {"name": "gone", "namespace": "default"}}]})";
    return response;
  };
  EXPECT_EQ(Run("delete", {"cm", "--field-selector=metadata.name=gone"}), 0) << err_;
  EXPECT_EQ(Run("delete", {"cm", "--all", "--ignore-not-found=false"}), 1);
}

}  // namespace
}  // namespace skiff::cli
