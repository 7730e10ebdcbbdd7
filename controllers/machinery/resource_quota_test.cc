#include <gmock/gmock.h>

#include <algorithm>

#include "controllers/listing_server_fixture.h"
#include "controllers/machinery/custom_kind_watches.h"
#include "controllers/program.h"

namespace skiff {
namespace {

constexpr char kCountedStatus[] = "PUT /api/v1/namespaces/default/resourcequotas/q/status";

class QuotaRounds : public ListingServerTest {
 protected:
  void Add(Duration sync_period = 5min) {
    auto custom_kinds = std::make_unique<CustomKindWatches>(manager_);
    AddResourceQuotaController(manager_, *custom_kinds, sync_period);
    manager_.AddLoop(std::move(custom_kinds));
  }
  // Of which is used what is counted of a pod that goes: for a minute yet, as its node is lost.
  void PutQuotaOfAPodThatGoes() {
    Put("/api/v1/resourcequotas", "/api/v1/namespaces/default/resourcequotas/q",
        {{"spec", {{"hard", {{"pods", "4"}}}}},
         {"status", {{"hard", {{"pods", "4"}}}, {"used", {{"pods", "1"}}}}}});
    const Time ends(clock_.Now() + 30s);
    Put("/api/v1/pods", "/api/v1/namespaces/default/pods/p",
        {{"metadata", {{"deletionTimestamp", ends.Rfc3339()}, {"deletionGracePeriodSeconds", 30}}},
         {"spec", {{"containers", {{{"name", "c"}, {"image", "i"}}}}}},
         {"status", {{"phase", "Running"}}}});
  }
};

// Else one kind that cannot be listed would let pods come without end.
TEST_F(QuotaRounds, WhatCannotBeCountedKeepsNothingElseFromIt) {
  refused_.insert("/api/v1/configmaps");
  Put("/api/v1/resourcequotas", "/api/v1/namespaces/default/resourcequotas/q",
      {{"spec", {{"hard", {{"pods", "4"}, {"configmaps", "9"}}}}}});
  Put("/api/v1/pods", "/api/v1/namespaces/default/pods/p",
      {{"spec", {{"containers", {{{"name", "c"}, {"image", "i"}}}}}},
       {"status", {{"phase", "Running"}}}});
  Add();
  Run(5s);
  const auto found = std::ranges::find(written(), kCountedStatus);
  ASSERT_NE(found, written().end());
  const Json body = Json::parse(bodies()[static_cast<size_t>(found - written().begin())]);
  EXPECT_EQ(body["status"]["used"], Json({{"pods", "1"}}));
  EXPECT_EQ(body["status"]["hard"], Json({{"pods", "4"}, {"configmaps", "9"}}));
}

// That its time is over tells nobody.
TEST_F(QuotaRounds, APodThatIsLateToGoIsLeftOutByTheNextCount) {
  PutQuotaOfAPodThatGoes();
  Add(10s);
  Run(55s);
  EXPECT_THAT(written(), testing::IsEmpty());
  Run(20s);
  const auto found = std::ranges::find(written(), kCountedStatus);
  ASSERT_NE(found, written().end());
  const Json body = Json::parse(bodies()[static_cast<size_t>(found - written().begin())]);
  EXPECT_EQ(body["status"]["used"], Json({{"pods", "0"}}));
}

TEST_F(QuotaRounds, WithoutAPeriodNothingIsCountedUnasked) {
  PutQuotaOfAPodThatGoes();
  Add(Duration(0));
  Run(20min);
  EXPECT_THAT(written(), testing::IsEmpty());
}

}  // namespace
}  // namespace skiff
