// `replace --force`, which deletes what it makes again.
#include <gmock/gmock.h>

#include "cli/prune/objects_fixture.h"

namespace skiff::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ReplaceTest : public ObjectsTest {
 protected:
  static http::Response Refused() {
    http::Response response;
    response.status = 403;
    response.body = R"({"kind": "Status", "reason": "Forbidden", "message": "no", "code": 403})";
    return response;
  }
  static constexpr char kSpace[] = "/api/v1/namespaces/default/";
};

TEST_F(ReplaceTest, AClaimIsNotWaitedForBeforeItsPodHasBeenDeleted) {
  const std::string claim = std::string(kSpace) + "persistentvolumeclaims/c";
  const std::string pod = std::string(kSpace) + "pods/p";
  Put(claim, {{"kind", "PersistentVolumeClaim"}});
  Put(pod, {{"kind", "Pod"}});
  const auto answer = server_;
  server_ = [&, answer](http::Request request) {
    const bool is_delete = request.method == "DELETE";
    // Its finalizer keeps it for as long as the pod is there.
    if (is_delete && request.path == claim) request.method = "GET";
    auto response = answer(request);
    if (is_delete && request.path == pod) objects_.erase(claim);
    return response;
  };
  input_ = R"({"apiVersion": "v1", "kind": "List", "items": [
      {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}},
      {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}]})";
  EXPECT_EQ(Run("replace", {"--force", "-f", "-"}), 0) << err_;
  EXPECT_THAT(writes_,
              ElementsAre("DELETE " + pod, std::string("POST ") + kSpace + "persistentvolumeclaims",
                          std::string("POST ") + kSpace + "pods"));
  EXPECT_THAT(out_, HasSubstr("persistentvolumeclaim/c replaced\npod/p replaced\n"));
}

TEST_F(ReplaceTest, WhoMayNotWatchWhatGoesHasItMadeAgainAllTheSame) {
  const std::string map = std::string(kMaps) + "a";
  Put(map, {{"kind", "ConfigMap"}});
  const auto answer = server_;
  server_ = [&, answer](const http::Request& request) {
    const bool is_list = request.method == "GET" && request.path.ends_with("/configmaps");
    return is_list ? Refused() : answer(request);
  };
  input_ = R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"},
               "data": {"new": "yes"}})";
  EXPECT_EQ(Run("replace", {"--force", "-f", "-"}), 0) << err_;
  EXPECT_EQ(TextAt(objects_[map], "data", "new"), "yes");
}

TEST_F(ReplaceTest, WhatCannotBeDeletedKeepsNothingElseFromBeingMadeAgain) {
  const std::string a = std::string(kMaps) + "a", b = std::string(kMaps) + "b";
  Put(a, {{"kind", "ConfigMap"}});
  Put(b, {{"kind", "ConfigMap"}});
  const auto answer = server_;
  server_ = [&, answer](const http::Request& request) {
    const bool is_refused = request.method == "DELETE" && request.path == a;
    return is_refused ? Refused() : answer(request);
  };
  input_ = R"({"apiVersion": "v1", "kind": "List", "items": [
      {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"new": "yes"}},
      {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}, "data": {"new": "yes"}}]})";
  EXPECT_EQ(Run("replace", {"--force", "-f", "-"}), 1);
  EXPECT_EQ(TextAt(objects_[a], "data", "new"), "");
  EXPECT_EQ(TextAt(objects_[b], "data", "new"), "yes");
}

TEST_F(ReplaceTest, WhereNothingIsSaidThereIsNothingToDo) {
  input_ = "# nothing\n---\n";
  EXPECT_EQ(Run("replace", {"-f", "-"}), 0) << err_;
  EXPECT_EQ(out_ + err_, "");
}

}  // namespace
}  // namespace skiff::cli
