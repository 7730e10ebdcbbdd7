// What is known of other servers' documents, and that asking for it copies none of it.
#include "apiserver/aggregation/remote_documents.h"

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class RemoteDocumentsTest : public ServerFixture {};

TEST_F(RemoteDocumentsTest, WhatIsThereIsShared) {
  const auto made = Post("/apis/apiregistration.k8s.io/v1/apiservices", R"({
      "metadata": {"name": "v1.wardle.example.com"},
      "spec": {"group": "wardle.example.com", "version": "v1", "groupPriorityMinimum": 1000,
               "versionPriority": 15, "insecureSkipTLSVerify": true,
               "service": {"namespace": "default", "name": "wardle"}}})");
  ASSERT_EQ(made.code, 201) << made.message();
  ApiServices services(*store_, nullptr);
  Backends backends({.store = *store_, .random = random_, .loops = nullptr, .nodes = nullptr});
  RemoteDocuments documents(
      {.store = *store_, .clock = clock_, .services = services, .backends = backends});
  documents.Step();
  const auto known = documents.Of("v1.wardle.example.com");
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(known->discovery.version, "v1");
  EXPECT_EQ(known->discovery.freshness, "Stale") << "nobody is behind its service";
  EXPECT_EQ(documents.Of("v1.wardle.example.com"), known);
  const auto unknown = documents.Of("v2.wardle.example.com");
  ASSERT_NE(unknown, nullptr);
  EXPECT_EQ(unknown->discovery.freshness, "Stale");
}

}  // namespace
}  // namespace skiff
