#include "client/whole_updates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "client/client.h"

namespace skiff {
namespace {

using testing::ElementsAre;

// A server with one Deployment, which takes updates of its newest version alone.
class WholeUpdatesTest : public ::testing::Test {
 protected:
  http::Response Answer(const http::Request& request) {
    asked_.push_back(request.method + " " + request.path);
    http::Response response;
    if (request.method == "GET") {
      if (before_update_) before_update_();
    } else if (request.method == "PUT") {
      const Json sent = Json::parse(request.Body());
      EXPECT_EQ(request.Header("Content-Type"), "application/json");
      if (sent["metadata"]["resourceVersion"] != version()) {
        response.status = 409;
        response.body = R"({"kind": "Status", "reason": "Conflict", "code": 409})";
        return response;
      }
      stored_ = sent;
      SetVersion(version() + "1");
    }
    response.body = stored_.dump();
    return response;
  }
  std::string version() const { return stored_["metadata"]["resourceVersion"]; }
  void SetVersion(const std::string& version) { stored_["metadata"]["resourceVersion"] = version; }

  // Two who write at the same moment as we do.
  void WriteInBetween(int times) {
    before_update_ = [this, left = times]() mutable {
      // What was read is answered before.
      if (left-- > 0) pending_ = true;
    };
  }

  Result<> PatchStatus(const PatchOptions& options = {}) {
    apps_v1::Deployment base;
    base.metadata.namespace_ = "a";
    base.metadata.name = "d";
    base.metadata.resource_version = "1";
    const auto written = client_.PatchStatus(
        base, [](apps_v1::Deployment& it) { it.status.replicas = 3; }, options);
    return written ? Result<>() : Fail(written.error());
  }

  Json stored_ = Json::parse(R"({"metadata": {"name": "d", "namespace": "a",
      "resourceVersion": "1"}, "spec": {"newer": "kept"}, "status": {"replicas": 1}})");
  std::vector<std::string> asked_;
  std::function<void()> before_update_;
  bool pending_ = false;
  InProcessTransport below_{[this](const http::Request& request) {
    http::Response response = Answer(request);
    if (std::exchange(pending_, false)) SetVersion(version() + "0");
    return response;
  }};
  bool is_meant_ = true;
  WholeUpdates transport_{below_, [this](const std::string& path) -> std::optional<std::string> {
                            if (!is_meant_) return std::nullopt;
                            return path.substr(0, path.rfind("/status"));
                          }};
  Client client_{transport_, "test"};
  static constexpr char kRead[] = "GET /apis/apps/v1/namespaces/a/deployments/d";
  static constexpr char kWrite[] = "PUT /apis/apps/v1/namespaces/a/deployments/d/status";
};

TEST_F(WholeUpdatesTest, APatchGoesAsTheObjectThatItMakes) {
  ASSERT_TRUE(PatchStatus());
  EXPECT_THAT(asked_, ElementsAre(kRead, kWrite));
  EXPECT_EQ(stored_["status"]["replicas"], 3);
  EXPECT_EQ(stored_["spec"]["newer"], "kept");
}

TEST_F(WholeUpdatesTest, WhoMayPatchDoes) {
  is_meant_ = false;
  ASSERT_TRUE(PatchStatus());
  EXPECT_THAT(asked_, ElementsAre("PATCH /apis/apps/v1/namespaces/a/deployments/d/status"));
}

TEST_F(WholeUpdatesTest, SomebodyElsesWriteIsNotLost) {
  WriteInBetween(2);
  ASSERT_TRUE(PatchStatus());
  EXPECT_THAT(asked_, ElementsAre(kRead, kWrite, kRead, kWrite, kRead, kWrite));
  EXPECT_EQ(stored_["status"]["replicas"], 3);
}

TEST_F(WholeUpdatesTest, APatchOfOneVersionIsOfThatAlone) {
  SetVersion("2");
  const auto written = PatchStatus({.if_unchanged = true});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().reason, Reason::kConflict);
  EXPECT_THAT(asked_, ElementsAre(kRead, kWrite));
  EXPECT_EQ(stored_["status"]["replicas"], 1);
}

TEST_F(WholeUpdatesTest, ItIsNotTriedForEver) {
  WriteInBetween(1000);
  EXPECT_EQ(PatchStatus().error().reason, Reason::kConflict);
  EXPECT_EQ(asked_.size(), 2U * WholeUpdates::kTriesMax);
}

}  // namespace
}  // namespace skiff
