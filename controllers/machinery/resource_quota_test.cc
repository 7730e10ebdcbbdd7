#include <gmock/gmock.h>

#include <algorithm>

#include "controllers/listing_server_fixture.h"
#include "controllers/machinery/custom_kind_watches.h"
#include "controllers/program.h"

namespace skiff {
namespace {

constexpr char kCountedStatus[] = "PUT /api/v1/namespaces/default/resourcequotas/q/status";

class QuotaRounds : public ListingServerTest {};

// Else one kind that cannot be listed would let pods come without end.
TEST_F(QuotaRounds, WhatCannotBeCountedKeepsNothingElseFromIt) {
  refused_.insert("/api/v1/configmaps");
  Put("/api/v1/resourcequotas", "/api/v1/namespaces/default/resourcequotas/q",
      {{"spec", {{"hard", {{"pods", "4"}, {"configmaps", "9"}}}}}});
  Put("/api/v1/pods", "/api/v1/namespaces/default/pods/p",
      {{"spec", {{"containers", {{{"name", "c"}, {"image", "i"}}}}}},
       {"status", {{"phase", "Running"}}}});
  auto custom_kinds = std::make_unique<CustomKindWatches>(manager_);
  AddResourceQuotaController(manager_, *custom_kinds);
  manager_.AddLoop(std::move(custom_kinds));
  Run(5s);
  const auto found = std::ranges::find(written(), kCountedStatus);
  ASSERT_NE(found, written().end());
  const Json body = Json::parse(bodies()[static_cast<size_t>(found - written().begin())]);
  EXPECT_EQ(body["status"]["used"], Json({{"pods", "1"}}));
  EXPECT_EQ(body["status"]["hard"], Json({{"pods", "4"}, {"configmaps", "9"}}));
}

}  // namespace
}  // namespace skiff
