// What clients see of the time that old revisions are kept: on the real server and store.
#include <gtest/gtest.h>

#include "apiserver/request/list_options.h"
#include "apiserver/server/server_fixture.h"
#include "apiserver/storage/compactor.h"

namespace skiff {
namespace {

const std::string kMapsPath = "/api/v1/namespaces/default/configmaps";

class OldRevisionsTest : public ServerFixture {
 protected:
  void Write(const std::string& name) {
    ASSERT_EQ(Post(kMapsPath, R"({"metadata": {"name": ")" + name + "\"}}").code, 201);
  }
  // Lets time pass, with something written now and then, as in any cluster.
  void LetPass(Duration length) { LetPass(length, compactor_); }
  void LetPass(Duration length, Compactor& compactor) {
    for (Duration passed = 0s; passed < length; passed += 1min) {
      clock_.Advance(1min);
      Write("filler-" + std::to_string(++fillers_));
      compactor.Step();
    }
  }
  static std::string TokenOf(const Answer& answer) {
    return answer.body["metadata"].value("continue", "");
  }

  Compactor compactor_{*store_, clock_, {}};
  int fillers_ = 0;
};

TEST_F(OldRevisionsTest, AListGoesOnInconsistentlyOnceItsRevisionIsGone) {
  for (const char* name : {"a", "b", "c"}) Write(name);
  compactor_.Step();
  const auto first = Get(kMapsPath + "?limit=1");
  ASSERT_EQ(first.body["items"][0]["metadata"]["name"], "a");
  LetPass(4min);
  const auto within = Get(kMapsPath + "?limit=1&continue=" + TokenOf(first));
  EXPECT_EQ(within.code, 200);
  EXPECT_EQ(within.body["metadata"]["resourceVersion"],
            first.body["metadata"]["resourceVersion"]);
  Ask("DELETE", kMapsPath + "/b");
  LetPass(6min);
  const auto expired = Get(kMapsPath + "?limit=1&continue=" + TokenOf(first));
  EXPECT_EQ(expired.code, 410) << "ten minutes later";
  EXPECT_EQ(expired.body["reason"], "Expired");
  const auto next = Get(kMapsPath + "?limit=1&continue=" + TokenOf(expired));
  ASSERT_EQ(next.code, 200);
  EXPECT_EQ(next.body["items"][0]["metadata"]["name"], "c") << "as it is now, from where it was";
  EXPECT_NE(next.body["metadata"]["resourceVersion"], first.body["metadata"]["resourceVersion"]);
  EXPECT_NE(TokenOf(next), "") << "and on from there";
}

// As with kube-apiserver: its conformance test waits ten minutes for it.
TEST_F(OldRevisionsTest, PagesExpireHoweverLongTheHistoryIs) {
  Compactor compactor(*store_, clock_, {.window = 30min});
  for (const char* name : {"a", "b", "c"}) Write(name);
  compactor.Step();
  const auto first = Get(kMapsPath + "?limit=1");
  const std::string revision = first.body["metadata"]["resourceVersion"];
  LetPass(4min, compactor);
  EXPECT_EQ(Get(kMapsPath + "?limit=1&continue=" + TokenOf(first)).code, 200);
  LetPass(6min, compactor);
  const auto expired = Get(kMapsPath + "?limit=1&continue=" + TokenOf(first));
  EXPECT_EQ(expired.code, 410) << "ten minutes later";
  EXPECT_EQ(Get(kMapsPath + "?limit=1&continue=" + TokenOf(expired)).code, 200);
  const auto past = Get(kMapsPath + "?resourceVersionMatch=Exact&resourceVersion=" + revision);
  EXPECT_EQ(past.code, 200) << "the history has it";
  EXPECT_EQ(past.body["items"].size(), 3u);
}

TEST_F(OldRevisionsTest, WhatIsLeftOfAListIsCountedOnceAndGoesWithTheToken) {
  for (const char* name : {"a", "b", "c", "d"}) Write(name);
  auto page = Get(kMapsPath + "?limit=1");
  ASSERT_EQ(page.body["metadata"]["remainingItemCount"], 3);
  EXPECT_EQ(DecodeContinue(TokenOf(page)).value().left, 3);
  Write("e");
  for (const int left : {2, 1}) {
    page = Get(kMapsPath + "?limit=1&continue=" + TokenOf(page));
    EXPECT_EQ(page.body["metadata"]["remainingItemCount"], left);
    EXPECT_EQ(DecodeContinue(TokenOf(page)).value().left, left);
  }
  const auto last = Get(kMapsPath + "?limit=1&continue=" + TokenOf(page));
  EXPECT_EQ(last.body["items"][0]["metadata"]["name"], "d");
  EXPECT_EQ(TokenOf(last), "");
  EXPECT_FALSE(last.body["metadata"].contains("remainingItemCount"));
  const auto selected = Get(kMapsPath + "?limit=1&labelSelector=!x");
  EXPECT_EQ(DecodeContinue(TokenOf(selected)).value().left, std::nullopt);
}

TEST_F(OldRevisionsTest, AWatchResumesWithinTheWindowAcrossANewStart) {
  Write("a");
  compactor_.Step();
  const std::string old = std::to_string(store_->Current().value);
  LetPass(5min);
  const std::string recent = std::to_string(store_->Current().value);
  Write("b");
  for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
  server_.reset();
  store_.reset();
  store_ = *RocksdbStore::Open({.path = "/store", .env = env_.get()}, clock_);
  server_ = *ApiServer::Create({.authorization_modes = {"AlwaysAllow"}, .token_file_text = kTokens},
                               {*store_, clock_, random_});
  for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
  Settle();
  const auto first_of = [&](const std::string& version) {
    auto watch = Get(kMapsPath + "?watch=1&resourceVersion=" + version);
    watch.response.stream->Attach([] {});
    const auto events = Events(watch.response);
    return events.empty() ? Json() : events[0];
  };
  EXPECT_EQ(first_of(recent)["object"]["metadata"]["name"], "b");
  EXPECT_EQ(first_of(old)["object"]["metadata"]["name"], "filler-1");
  ASSERT_TRUE(store_->Compact(Revision{std::stoull(recent)}));
  EXPECT_EQ(first_of(old)["object"]["code"], 410);
  EXPECT_EQ(first_of(recent)["object"]["metadata"]["name"], "b");
}

}  // namespace
}  // namespace skiff
