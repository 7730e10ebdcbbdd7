#include "controllers/machinery/light_definitions.h"

#include <gtest/gtest.h>

#include "client/client.h"
#include "client/transport.h"

namespace skiff {
namespace {

TEST(LightDefinitionsTest, WhatKindsAreIsKeptAndHowTheyLookIsNot) {
  FakeClock clock;
  SeededRandom random(1);
  InProcessTransport transport([](const http::Request&) { return http::Response{.status = 503}; });
  Client client(transport, "test");
  InformerFactory informers({client, clock, random});
  const auto definitions = LightDefinitions(informers);
  const Json schema = {{"openAPIV3Schema", {{"type", "object"}}}};
  const Json versions = {
      {{"name", "v1"}, {"served", true}, {"storage", true}, {"schema", schema}}};
  const Json definition = {
      {"metadata", {{"name", "things.a.io"}, {"uid", "1"}}},
      {"spec",
       {{"group", "a.io"},
        {"scope", "Namespaced"},
        {"names", {{"plural", "things"}, {"kind", "Thing"}}},
        {"versions", versions}}}};
  definitions.cache().Replace({definition}, "1");
  const auto kept = definitions.Get({"", "things.a.io"});
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept->spec.names.kind, "Thing");
  ASSERT_EQ(kept->spec.versions.size(), 1u);
  EXPECT_TRUE(kept->spec.versions[0].served);
  EXPECT_FALSE(kept->spec.versions[0].schema.has_value());
}

}  // namespace
}  // namespace skiff
