// Collections that are deleted: many objects to a commit, each as if alone.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <thread>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

constexpr const char* kPods = "/api/v1/namespaces/default/pods";
constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

class DeleteCollection : public ServerFixture {
 protected:
  void MakePod(const std::string& name, const std::string& more_metadata = "",
               const std::string& more_spec = "") {
    const auto made = Post(kPods, fmt::format(R"({{"metadata": {{"name": "{}"{}}},
        "spec": {{"containers": [{{"name": "c", "image": "i"}}]{}}}}})",
                                              name, more_metadata, more_spec));
    ASSERT_EQ(made.code, 201) << made.message();
  }
  void MakeMaps(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(Post(kMaps, fmt::format(R"({{"metadata": {{"name": "m{}"}}}})", i)).code, 201);
    }
  }
  std::vector<std::string> Names(const char* path) {
    std::vector<std::string> names;
    const Answer answer = Get(path);
    for (const Json& item : answer.body["items"]) names.push_back(item["metadata"]["name"]);
    return names;
  }
};

TEST_F(DeleteCollection, EachObjectEndsInItsOwnWay) {
  MakePod("held", R"(, "finalizers": ["example.com/hold"])");
  MakePod("plain");
  MakePod("running", "", R"(, "nodeName": "n1")");
  auto watch = Ask("GET", std::string(kPods) + "?watch=1&resourceVersion=" +
                              Get(kPods).body["metadata"]["resourceVersion"].get<std::string>());
  ASSERT_NE(watch.response.stream, nullptr);
  watch.response.stream->Attach([] {});
  const auto answer = Ask("DELETE", kPods);
  ASSERT_EQ(answer.code, 200);
  EXPECT_EQ(answer.body["items"].size(), 3) << "as they were";
  EXPECT_THAT(Names(kPods), testing::ElementsAre("held", "running"));
  std::map<std::string, std::string> seen;
  int64_t last = 0;
  for (const Json& event : Events(watch.response)) {
    const Json& metadata = event["object"]["metadata"];
    seen[metadata["name"]] = event["type"];
    const int64_t revision = std::stoll(metadata["resourceVersion"].get<std::string>());
    EXPECT_GT(revision, last) << "a revision each";
    last = revision;
    EXPECT_EQ(metadata.contains("deletionTimestamp"), event["type"] == "MODIFIED");
  }
  EXPECT_THAT(seen, testing::ElementsAre(testing::Pair("held", "MODIFIED"),
                                         testing::Pair("plain", "DELETED"),
                                         testing::Pair("running", "MODIFIED")));
}

TEST_F(DeleteCollection, ADryRunAndAWrongPreconditionLeaveAll) {
  MakeMaps(3);
  EXPECT_EQ(Ask("DELETE", std::string(kMaps) + "?dryRun=All").code, 200);
  EXPECT_EQ(Names(kMaps).size(), 3);
  const auto refused = Ask("DELETE", kMaps, R"({"preconditions": {"uid": "another"}})");
  EXPECT_EQ(refused.code, 409);
  EXPECT_EQ(Names(kMaps).size(), 3);
}

TEST_F(DeleteCollection, MoreThanACommitHolds) {
  MakeMaps(600);
  EXPECT_EQ(Ask("DELETE", kMaps).code, 200);
  EXPECT_TRUE(Names(kMaps).empty());
}

TEST_F(DeleteCollection, WhatIsShownOfManyIsReadAsItIsSent) {
  constexpr size_t kMany = 20;
  for (size_t i = 0; i < kMany; ++i) {
    const Json map = {{"metadata", {{"name", fmt::format("m{}", i)}}},
                      {"data", {{"text", std::string(900'000, 'x')}}}};
    ASSERT_EQ(Post(kMaps, map.dump()).code, 201);
  }
  for (const char* query : {"?dryRun=All", ""}) {
    const std::string path = kMaps + std::string(query);
    auto answer = Ask({.method = "DELETE", .path = path, .from = "192.0.2.9"});
    ASSERT_EQ(answer.code, 200) << answer.message();
    ASSERT_NE(answer.response.stream, nullptr) << "all of it was held";
    std::string text;
    for (bool more = true; more;) {
      bool woken = false;
      answer.response.stream->Attach([&] { woken = true; });
      std::vector<http::SharedBytes> pieces;
      const http::Pulled pulled = answer.response.stream->Pull(1 << 20, pieces);
      for (const auto& piece : pieces) text += *piece;
      if (pulled == http::Pulled::kIdle) Settle();
      more = pulled == http::Pulled::kMore || (pulled == http::Pulled::kIdle && woken);
      if (!more) {
        EXPECT_EQ(pulled, http::Pulled::kEnd);
      }
    }
    const Json list = Json::parse(text);
    ASSERT_EQ(list["items"].size(), kMany) << "as they were";
    EXPECT_EQ(list["items"][0]["data"]["text"].get_ref<const std::string&>().size(), 900'000u);
    EXPECT_EQ(Names(kMaps).size(), *query == '\0' ? 0 : kMany);
  }
}

TEST_F(DeleteCollection, WhatChangesMeanwhileGoesToo) {
  MakeMaps(300);
  std::atomic<bool> ended = false;
  std::jthread writer([&] {
    // Patches may find the object, or find it gone: nothing else.
    for (int i = 0; !ended; i = (i + 7) % 300) {
      const auto patched = Merge(fmt::format("{}/m{}", kMaps, i), R"({"data": {"a": "b"}})");
      EXPECT_TRUE(patched.code == 200 || patched.code == 404 || patched.code == 409)
          << patched.message();
    }
  });
  EXPECT_EQ(Ask("DELETE", kMaps).code, 200);
  ended = true;
  writer.join();
  EXPECT_TRUE(Names(kMaps).empty());
}

}  // namespace
}  // namespace skiff
