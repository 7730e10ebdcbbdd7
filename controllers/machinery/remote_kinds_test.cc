#include "controllers/machinery/remote_kinds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "controllers/listing_server_fixture.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kServicesPath[] = "/apis/apiregistration.k8s.io/v1/apiservices";

class RemoteKindsTest : public ListingServerTest {
 protected:
  RemoteKindsTest() {
    auto remote = std::make_unique<RemoteKinds>(manager_, [this] { ++changes_; });
    remote_ = remote.get();
    manager_.AddLoop(std::move(remote));
  }
  void PutApiService(const std::string& group, const std::string& version, bool is_available,
                     int priority = 10) {
    Put(kServicesPath, std::string(kServicesPath) + "/" + version + "." + group,
        {{"spec",
          {{"group", group},
           {"version", version},
           {"versionPriority", priority},
           {"service", {{"namespace", "default"}, {"name", "far"}}}}},
         {"status",
          {{"conditions",
            {{{"type", "Available"}, {"status", is_available ? "True" : "False"}}}}}}});
  }
  void Serve(const std::string& api_version, const std::vector<std::string>& names,
             const Json& verbs) {
    Json resources = Json::array();
    for (const std::string& name : names) {
      resources.push_back(
          {{"name", name}, {"kind", "Kind of " + name}, {"namespaced", true}, {"verbs", verbs}});
    }
    answers_["/apis/" + api_version] = {200, {{"resources", resources}}};
  }
  std::vector<std::string> Found() const {
    std::vector<std::string> found;
    for (const Resource& each : remote_->Served().value_or(std::vector<Resource>())) {
      found.push_back(each.api_version + " " + each.name);
    }
    return found;
  }

  const Json all_verbs_ = {"create", "delete", "get", "list", "watch"};
  RemoteKinds* remote_ = nullptr;
  int changes_ = 0;
};

TEST_F(RemoteKindsTest, AResourceIsFoundInTheVersionThatItsGroupPrefers) {
  PutApiService("far.io", "v1beta1", true, 10);
  PutApiService("far.io", "v1", true, 20);
  Serve("far.io/v1", {"boats"}, all_verbs_);
  Serve("far.io/v1beta1", {"boats", "rafts"}, all_verbs_);
  Run(1s);
  EXPECT_THAT(Found(), ElementsAre("far.io/v1 boats", "far.io/v1beta1 rafts"));
  EXPECT_EQ(changes_, 1);
}

TEST_F(RemoteKindsTest, WhatCanBeReadAloneIsNoneOfThem) {
  PutApiService("custom.metrics.k8s.io", "v1beta1", true);
  Serve("custom.metrics.k8s.io/v1beta1", {"pods"}, {"get", "list"});
  Run(1s);
  ASSERT_TRUE(remote_->Served());
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(RemoteKindsTest, AKindOfOursInAnotherVersionStaysOurs) {
  PutApiService("apps", "v9", true);
  Serve("apps/v9", {"deployments", "boats"}, all_verbs_);
  Run(1s);
  EXPECT_THAT(Found(), ElementsAre("apps/v9 boats"));
}

TEST_F(RemoteKindsTest, AVersionWhoseServerIsAwayIsNotWaitedFor) {
  PutApiService("away.io", "v1", false);
  PutApiService("broken.io", "v1", true);
  PutApiService("far.io", "v1", true);
  refused_ = {"/apis/broken.io/v1"};
  Serve("far.io/v1", {"boats"}, all_verbs_);
  Run(1s);
  EXPECT_THAT(Found(), ElementsAre("far.io/v1 boats"));
}

TEST_F(RemoteKindsTest, AVersionThatIsNotToldForAWhileKeepsItsKinds) {
  PutApiService("far.io", "v1", true);
  Serve("far.io/v1", {"boats"}, all_verbs_);
  Run(1s);
  refused_ = {"/apis/far.io/v1"};
  Run(RemoteKinds::kAskPeriod * 2);
  EXPECT_THAT(Found(), ElementsAre("far.io/v1 boats"));
  refused_.clear();
  Serve("far.io/v1", {"boats", "rafts"}, all_verbs_);
  Run(RemoteKinds::kAskPeriod * 2);
  EXPECT_THAT(Found(), ElementsAre("far.io/v1 boats", "far.io/v1 rafts"));
  EXPECT_EQ(changes_, 2);
}

}  // namespace
}  // namespace skiff
