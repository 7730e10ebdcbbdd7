#include <gtest/gtest.h>

#include <algorithm>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

// Secrets that the server will not have filled, as immutable ones.
class ServiceAccountTokensTest : public ListingServerTest {
 protected:
  static constexpr const char* kAccounts = "/api/v1/serviceaccounts";
  static constexpr const char* kAccount = "/api/v1/namespaces/default/serviceaccounts/robot";
  static constexpr const char* kSecret = "/api/v1/namespaces/default/secrets/key";

  ServiceAccountTokensTest() {
    Put(kAccounts, kAccount, {{"secrets", {{{"name", "key"}}}}});
    Put("/api/v1/secrets", kSecret,
        {{"type", "kubernetes.io/service-account-token"},
         {"metadata", {{"annotations", {{"kubernetes.io/service-account.name", "robot"}}}}}});
    refused_.insert(std::string("PUT ") + kSecret);
    ControllerOptions options;
    options.sign_token = [](const Json&) { return std::string("token"); };
    AddServiceAccountTokens(manager_, options);
  }
  auto Count(const std::string& method) const {
    return std::count(written().begin(), written().end(), method + " " + kSecret);
  }
};

TEST_F(ServiceAccountTokensTest, WhatIsRefusedAgainAndAgainIsLeftUntilSomethingChanges) {
  refusal_ = 422;
  Run(24h);
  EXPECT_EQ(Count("PUT"), 11);
  answers_[kAccount] = {404, {{"kind", "Status"}, {"reason", "NotFound"}}};
  informers_.For<core_v1::ServiceAccount>().cache().Replace({}, "2");
  Run(1min);
  EXPECT_GE(Count("DELETE"), 1) << "it goes with its account";
}

TEST_F(ServiceAccountTokensTest, AServerThatIsAwayIsTriedForAsLongAsThatTakes) {
  Run(24h);
  EXPECT_GT(Count("PUT"), 24 * 6);
}

// A Secret that is gone brings nothing more, whatever happens to its account's list meanwhile.
TEST_F(ServiceAccountTokensTest, AConflictDoesNotLeaveWhatIsGoneOnItsAccountsList) {
  Run(1min);
  answers_["/api/v1/secrets"] = {
      200, {{"metadata", {{"resourceVersion", "2"}}}, {"items", Json::array()}}};
  watches_expire_ = true;
  refused_.insert(std::string("PUT ") + kAccount);
  refusal_ = 409;
  Run(10min);
  const auto puts = std::count(written().begin(), written().end(), std::string("PUT ") + kAccount);
  EXPECT_EQ(puts, 11) << "as often as what is refused";
}

}  // namespace
}  // namespace skiff
