// Lists that are longer than what a request may hold: made as they are taken, and the same in every
// form as when they are made at once.
#include "apiserver/objects/list_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "api/cel/limits.h"
#include "apiserver/server/server_fixture.h"
#include "base/allocated_bytes.h"
#include "base/gzip.h"

namespace skiff {
namespace {

class ListAnswerTest : public ServerFixture {
 protected:
  static constexpr const char* kLongMaps = "/api/v1/namespaces/default/configmaps";
  static constexpr int kCount = 300;
  static constexpr size_t kEach = 16 << 10;
  static constexpr size_t kAll = kCount * kEach;
  // What is made of a list before somebody takes it, and what is ahead of who does.
  static constexpr size_t kHeldMax = 2 << 20;

  // From here on nothing is read from memory.
  void ReopenWithoutMemory() {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_ = nullptr;
    store_ = nullptr;
    store_ = *RocksdbStore::Open({.path = "/store", .env = env_.get(), .cache_bytes_max = 0},
                                 clock_);
    server_ = *ApiServer::Create({.authorization_modes = {"Node", "RBAC"},
                                  .token_file_text = kTokens,
                                  .advertise_address = "192.0.2.7"},
                                 {*store_, clock_, random_});
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
  }
  void MakeMany() {
    for (int i = 0; i < kCount; ++i) {
      Json object;
      object["metadata"] = {{"name", fmt::format("map-{:03}", i)},
                            {"labels", {{"parity", i % 2 == 0 ? "even" : "odd"}}},
                            {"annotations", {{"text", std::string(kEach / 2, 'a')}}}};
      object["data"] = {{"text", std::string(kEach / 2, static_cast<char>('b' + i % 20))}};
      ASSERT_EQ(Post(kLongMaps, object.dump()).code, 201);
    }
  }
  Answer AskFor(const std::string& query, const std::string& accept, std::string from,
                http::Headers headers = {}) {
    return Ask({.path = kLongMaps + query,
                .accept = accept,
                .headers = std::move(headers),
                .from = std::move(from)});
  }
  Answer AskLong(const std::string& query = "", const std::string& accept = "application/json",
                 http::Headers headers = {}) {
    return AskFor(query, accept, "192.0.2.9", std::move(headers));
  }
  // What can be taken before anybody makes more; how it ended.
  static http::Pulled TakeReady(http::Response& response, std::string& text) {
    for (;;) {
      std::vector<http::SharedBytes> pieces;
      const http::Pulled pulled = response.stream->Pull(16 << 10, pieces);
      for (const auto& piece : pieces) text += *piece;
      if (pulled != http::Pulled::kMore) return pulled;
    }
  }
  http::Pulled TakeAll(http::Response& response, std::string& text) {
    for (;;) {
      const http::Pulled pulled = TakeReady(response, text);
      if (pulled != http::Pulled::kIdle) return pulled;
      bool woken = false;
      response.stream->Attach([&] { woken = true; });
      Settle();
      if (!woken) return pulled;
    }
  }
  static std::string BodyOf(const http::Response& response) {
    std::string body = response.body;
    for (const auto& piece : response.pieces) body += *piece;
    return body;
  }
};

TEST_F(ListAnswerTest, IsTheSameInEveryFormAsWhenItIsMadeAtOnce) {
  MakeMany();
  const std::string meta = ";g=meta.k8s.io;v=v1";
  for (const std::string& accept :
       {std::string("application/json"), std::string("application/yaml"),
        std::string("application/vnd.kubernetes.protobuf"), "application/json;as=Table" + meta,
        "application/json;as=PartialObjectMetadataList" + meta,
        "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList" + meta}) {
    for (const std::string query : {"", "?pretty=true", "?labelSelector=parity%3Deven",
                                    "?labelSelector=parity!%3Deven&limit=120",
                                    "?limit=200&includeObject=Object"}) {
      const std::string whole = BodyOf(AskFor(query, accept, "").response);
      Answer answer = AskLong(query, accept);
      ASSERT_EQ(answer.code, 200) << accept << query;
      std::string text = BodyOf(answer.response);
      if (answer.response.stream) {
        EXPECT_EQ(TakeAll(answer.response, text), http::Pulled::kEnd);
      }
      EXPECT_TRUE(text == whole) << accept << query << " has " << text.size() << " bytes, not "
                                 << whole.size();
    }
  }
}

// Objects that lie together in a page, each of which its column looks at 800,000 times.
TEST_F(ListAnswerTest, RowsThatTakeLongAreMadeInTurns) {
  constexpr const char* kLamps = "/apis/example.com/v1/namespaces/default/lamps";
  constexpr int kLongRows = 8;
  const auto union_of = [](const std::string& name) {
    std::string text = "['" + name + "'";
    for (int i = 1; i < 450; ++i) text += ",'" + name + "'";
    return text + "]";
  };
  const std::string path = ".spec" + union_of("b") + union_of("l") + ".z.y";
  Json definition = Json::parse(R"({"apiVersion": "apiextensions.k8s.io/v1",
      "kind": "CustomResourceDefinition", "metadata": {"name": "lamps.example.com"},
      "spec": {"group": "example.com", "scope": "Namespaced",
               "names": {"plural": "lamps", "kind": "Lamp"},
               "versions": [{"name": "v1", "served": true, "storage": true,
                   "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {
                       "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}]}})");
  definition["spec"]["versions"][0]["additionalPrinterColumns"] = {
      {{"name", "A"}, {"type", "string"}, {"jsonPath", path}}};
  ASSERT_EQ(Post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition.dump()).code,
            201);
  Settle();
  const auto make = [&](const std::string& name, const Json& spec) {
    const Json lamp = {{"apiVersion", "example.com/v1"},
                       {"kind", "Lamp"},
                       {"metadata", {{"name", name}}},
                       {"spec", spec}};
    ASSERT_EQ(Post(kLamps, lamp.dump()).code, 201);
  };
  // What makes the answer too long for one piece.
  for (int i = 0; i < 30; ++i) make(fmt::format("a-{:02}", i), {{"t", std::string(60'000, 't')}});
  const Json found = {{"z", {{"y", "found"}}}};
  for (int i = 0; i < kLongRows; ++i) {
    make(fmt::format("b-{}", i), {{"b", {{"l", found}}}});
  }
  Answer answer = Ask({.path = std::string(kLamps) + "?includeObject=Object",
                       .accept = "application/json;as=Table;v=v1;g=meta.k8s.io",
                       .from = "192.0.2.9"});
  ASSERT_EQ(answer.code, 200);
  ASSERT_TRUE(answer.response.stream);
  answer.response.stream->Attach([] {});
  std::string text = BodyOf(answer.response);
  uint64_t most = 0, all = 0;
  while (TakeReady(answer.response, text) != http::Pulled::kEnd) {
    const uint64_t before = cel::looks_of_thread;
    ASSERT_TRUE(executor_.RunOne());
    const uint64_t looks = cel::looks_of_thread - before;
    most = std::max(most, looks);
    all += looks;
  }
  const Json rows = Json::parse(text)["rows"];
  ASSERT_EQ(rows.size(), 30u + kLongRows);
  EXPECT_EQ(rows.back()["cells"], (Json{"b-7", "found"}));
  EXPECT_GT(all, uint64_t{800'000} * kLongRows);
  EXPECT_LT(most, 2'000'000u) << "more than a row in a turn";
}

TEST_F(ListAnswerTest, WhatTheConnectionDoesNotTakeIsNotMade) {
  MakeMany();
  const std::string meta = ";g=meta.k8s.io;v=v1";
  for (const std::string& accept :
       {std::string("application/json"), std::string("application/yaml"),
        std::string("application/vnd.kubernetes.protobuf"),
        "application/json;as=PartialObjectMetadataList" + meta,
        "application/json;as=Table" + meta}) {
    Answer answer = AskLong("?includeObject=Object", accept);
    ASSERT_TRUE(answer.response.stream) << accept;
    EXPECT_EQ(answer.response.Header("Content-Length"), "");
    Settle();
    std::string text;
    EXPECT_EQ(TakeReady(answer.response, text), http::Pulled::kIdle) << accept;
    EXPECT_LT(text.size(), kHeldMax) << accept;
    // Nor is it when it was asked for once.
    Settle();
    text.clear();
    EXPECT_EQ(TakeReady(answer.response, text), http::Pulled::kIdle) << accept;
    EXPECT_LT(text.size(), kHeldMax) << accept;
    EXPECT_GT(text.size(), 0) << accept;
  }
}

TEST_F(ListAnswerTest, APageThatWillBeLongBeginsAtOnce) {
  MakeMany();
  Answer answer = AskLong("?limit=200");
  ASSERT_TRUE(answer.response.stream);
  std::string text;
  EXPECT_EQ(TakeReady(answer.response, text), http::Pulled::kIdle);
  EXPECT_GT(text.size(), 0);
  EXPECT_LT(text.size(), 256 << 10) << "nobody has made more yet";
  const Answer short_one = AskLong("?limit=50");
  EXPECT_FALSE(short_one.response.stream) << "800 KiB, and known to be no more";
  EXPECT_EQ(BodyOf(short_one.response),
            BodyOf(AskFor("?limit=50", "application/json", "").response));
}

// What a form kept of its first look is not kept beside what is made of it.
TEST_F(ListAnswerTest, HoldsWhatIsMadeAheadOnce) {
  MakeMany();
  constexpr size_t kAnswers = 20;
  for (const std::string accept : {"application/yaml", "application/vnd.kubernetes.protobuf"}) {
    AskLong("", accept);
    const auto before = AllocatedBytes();
    if (!before) GTEST_SKIP();
    std::vector<Answer> answers;
    for (size_t i = 0; i < kAnswers; ++i) answers.push_back(AskLong("", accept));
    EXPECT_LT((*AllocatedBytes() - *before) / kAnswers, kHeldMax) << accept;
  }
}

TEST_F(ListAnswerTest, IsPackedAsItIsMade) {
  MakeMany();
  const std::string whole = BodyOf(AskFor("", "application/json", "").response);
  Answer answer = AskLong("", "application/json", {{"Accept-Encoding", "gzip"}});
  ASSERT_TRUE(answer.response.stream);
  EXPECT_EQ(answer.response.Header("Content-Encoding"), "gzip");
  std::string text;
  EXPECT_EQ(TakeAll(answer.response, text), http::Pulled::kEnd);
  EXPECT_LT(text.size(), kAll / 10);
  EXPECT_TRUE(Gunzip(text) == whole);
  Answer few = AskLong("?limit=20", "application/json", {{"Accept-Encoding", "gzip"}});
  EXPECT_FALSE(few.response.stream);
  EXPECT_EQ(few.response.Header("Content-Encoding"), "gzip");
  EXPECT_EQ(Json::parse(Gunzip(BodyOf(few.response)))["items"].size(), 20);
}

TEST_F(ListAnswerTest, ShowsTheStateThatItBeganWith) {
  MakeMany();
  const std::string whole = BodyOf(AskFor("", "application/json", "").response);
  Answer answer = AskLong();
  for (const int i : {0, 150, kCount - 1}) {
    const std::string path = fmt::format("{}/map-{:03}", kLongMaps, i);
    EXPECT_EQ(Merge(path, R"({"data": {"text": "changed"}})").code, 200);
  }
  EXPECT_EQ(Ask("DELETE", fmt::format("{}/map-299", kLongMaps)).code, 200);
  std::string text;
  EXPECT_EQ(TakeAll(answer.response, text), http::Pulled::kEnd);
  EXPECT_TRUE(text == whole);
}

TEST_F(ListAnswerTest, KeepsNothingFromBeingCompactedAndBreaksOffThen) {
  MakeMany();
  ReopenWithoutMemory();
  Answer answer = AskLong();
  EXPECT_EQ(Ask("DELETE", fmt::format("{}/map-299", kLongMaps)).code, 200);
  ASSERT_TRUE(store_->Compact(store_->Current()));
  std::string text;
  EXPECT_EQ(TakeAll(answer.response, text), http::Pulled::kAbort);
  EXPECT_GT(text.size(), kHeldMax) << "what could be read was sent";
}

TEST_F(ListAnswerTest, WhoDoesNotTakeItInTimeGetsNoMore) {
  MakeMany();
  Answer answer = Ask({.path = kLongMaps, .token = "alice", .from = "192.0.2.9"});
  EXPECT_EQ(answer.code, 403);
  Post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
       R"({"metadata": {"name": "alice"}, "subjects": [{"kind": "User", "name": "alice"}],
           "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}})");
  answer = Ask({.path = kLongMaps, .token = "alice", .from = "192.0.2.9"});
  ASSERT_TRUE(answer.response.stream);
  clock_.Advance(59s);
  Settle();
  std::string text;
  EXPECT_EQ(TakeReady(answer.response, text), http::Pulled::kIdle);
  clock_.Advance(10s);
  Settle();
  EXPECT_EQ(TakeReady(answer.response, text), http::Pulled::kAbort);
}

TEST_F(ListAnswerTest, TakesNoLongerThanItsQuerySays) {
  MakeMany();
  const std::string short_of_time = "?timeout=1ns";
  for (const char* accept :
       {"application/json", "application/yaml", "application/vnd.kubernetes.protobuf"}) {
    const Answer answer = AskLong(short_of_time, accept);
    EXPECT_EQ(answer.code, 504) << accept;
  }
  const Answer late = AskLong(short_of_time);
  EXPECT_EQ(late.body["reason"], "Timeout");
  EXPECT_EQ(late.body["message"], "Timeout: request did not complete within the allotted timeout");
  // Once something was sent all that can be done is to break it off.
  const SystemClock clock;
  const Duration begun = clock.Monotonic();
  Answer answer = AskLong("?timeout=3s");
  ASSERT_TRUE(answer.response.stream);
  std::string text;
  while (TakeReady(answer.response, text) == http::Pulled::kIdle) {
    ASSERT_LT(clock.Monotonic() - begun, 60s);
  }
  EXPECT_GE(clock.Monotonic() - begun, 3s);
  std::vector<http::SharedBytes> pieces;
  EXPECT_EQ(answer.response.stream->Pull(1, pieces), http::Pulled::kAbort);
  // What is taken in time is all of it.
  Answer whole = AskLong("?timeout=30m");
  text = BodyOf(whole.response);
  EXPECT_EQ(TakeAll(whole.response, text), http::Pulled::kEnd);
}

}  // namespace
}  // namespace skiff
