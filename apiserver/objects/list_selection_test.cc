// Lists that select: whatever way the store finds the objects, they are those that the selector
// takes, and each of them.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <random>
#include <set>

#include "apiserver/request/list_options.h"
#include "apiserver/server/server_fixture.h"
#include "base/hash.h"

namespace skiff {
namespace {

class ListSelectionTest : public ServerFixture {
 protected:
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

  void Put(int number, int app) {
    const std::string name = fmt::format("m{}", number);
    const std::string labels = fmt::format(R"({{"metadata": {{"labels": {{"app": "{}"}}}}}})", app);
    if (there_.contains(name)) {
      EXPECT_EQ(Merge(fmt::format("{}/{}", kMaps, name), labels).code, 200);
    } else {
      Json object;
      object["metadata"] = {{"name", name}, {"labels", {{"app", std::to_string(app)}}}};
      EXPECT_EQ(Post(kMaps, object.dump()).code, 201);
    }
    there_[name] = app;
  }
  void Delete(int number) {
    const std::string name = fmt::format("m{}", number);
    if (there_.erase(name) == 0) return;
    EXPECT_EQ(Ask("DELETE", fmt::format("{}/{}", kMaps, name)).code, 200);
  }
  std::vector<std::string> Names(const std::string& path) {
    std::vector<std::string> names;
    const Answer answer = Get(path);
    EXPECT_EQ(answer.code, 200) << path;
    for (const Json& item : answer.body["items"]) names.push_back(item["metadata"]["name"]);
    return names;
  }
  std::vector<std::string> Those(const std::set<int>& apps) const {
    std::vector<std::string> names;
    for (const auto& [name, app] : there_) {
      if (apps.contains(app)) names.push_back(name);
    }
    return names;
  }

  std::map<std::string, int> there_;
};

TEST_F(ListSelectionTest, FindsWhatHasTheLabelNow) {
  std::mt19937 random(3);
  for (int i = 0; i < 60; ++i) Put(i, i % 12);
  for (int i = 0; i < 200; ++i) {
    const int number = static_cast<int>(random() % 80);
    random() % 4 == 0 ? Delete(number) : Put(number, static_cast<int>(random() % 12));
    const int app = static_cast<int>(random() % 13);
    ASSERT_EQ(Names(fmt::format("/api/v1/configmaps?labelSelector=app={}", app)), Those({app}));
    ASSERT_EQ(Names(fmt::format("{}?labelSelector=app in (1,{})", kMaps, app)), Those({1, app}));
  }
}

// Who looks only when woken sees all the same what begins to be selected, changes, and is so no
// more.
TEST_F(ListSelectionTest, AWatchIsWokenForWhatItSelects) {
  struct Watched {
    Answer answer;
    std::shared_ptr<int> wakes = std::make_shared<int>(0);
    int seen = 0;  // Of the wakes.
    std::set<std::string> names;
  };
  constexpr int kApps = 6;
  std::vector<Watched> watches(kApps);
  for (int app = 0; app < kApps; ++app) {
    Watched& watch = watches[app];
    watch.answer = Get(fmt::format("{}?watch=1&resourceVersion=0&labelSelector=app={}", kMaps, app));
    ASSERT_NE(watch.answer.response.stream, nullptr);
    watch.answer.response.stream->Attach([wakes = watch.wakes] { ++*wakes; });
    EXPECT_TRUE(Events(watch.answer.response).empty());
  }
  const auto look = [&](Watched& watch) {
    watch.seen = *watch.wakes;
    for (const Json& event : Events(watch.answer.response)) {
      const std::string name = event["object"]["metadata"]["name"];
      if (event["type"] == "DELETED") {
        watch.names.erase(name);
      } else {
        watch.names.insert(name);
      }
    }
  };
  std::mt19937 random(5);
  int wakes = 0;
  constexpr int kChanges = 300;
  for (int i = 0; i < kChanges; ++i) {
    const int number = static_cast<int>(random() % 30);
    random() % 4 == 0 ? Delete(number) : Put(number, static_cast<int>(random() % kApps));
    for (int app = 0; app < kApps; ++app) {
      Watched& watch = watches[app];
      wakes += *watch.wakes - watch.seen;
      if (*watch.wakes != watch.seen) look(watch);
      const auto those = Those({app});
      ASSERT_EQ(watch.names, std::set<std::string>(those.begin(), those.end())) << app;
    }
  }
  EXPECT_LE(wakes, 2 * kChanges) << "at most where it was, and where it is";
}

TEST_F(ListSelectionTest, FindsOneNameAmongThoseThatBeginLikeIt) {
  for (const int number : {1, 2, 10, 11}) Put(number, 0);
  const auto named = [](const char* where, const char* more) {
    return fmt::format("{}?fieldSelector=metadata.name=m1{}", where, more);
  };
  const std::vector<std::string> one = {"m1"};
  EXPECT_EQ(Names(named(kMaps, "")), one);
  EXPECT_EQ(Names(named("/api/v1/configmaps", "")), one);
  EXPECT_EQ(Names(named("/api/v1/configmaps", ",metadata.namespace=default")), one);
  EXPECT_TRUE(Names(named("/api/v1/configmaps", ",metadata.namespace=kube-system")).empty());
  EXPECT_TRUE(Names(named("/api/v1/namespaces/default/secrets", "")).empty());
  auto watch = Get(named(kMaps, "&watch=true&resourceVersion=0"));
  ASSERT_NE(watch.response.stream, nullptr);
  watch.response.stream->Attach([] {});
  Put(10, 1);
  Put(1, 1);
  const auto events = Events(watch.response);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["type"], "ADDED");
  EXPECT_EQ(events[1]["type"], "MODIFIED");
  EXPECT_EQ(events[1]["object"]["metadata"]["labels"]["app"], "1");
}

TEST_F(ListSelectionTest, APageBeginsBehindWhateverNameTheLastOneEndedWith) {
  const std::string roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
  const std::vector<std::string> names = {"...", "..x", "a..b"};
  for (const std::string& name : names) {
    const Json role = {{"metadata", {{"name", name}}}, {"rules", Json::array()}};
    ASSERT_EQ(Post(roles, role.dump()).code, 201) << name;
  }
  std::string token;
  for (const std::string& name : names) {
    const Answer page = Get(roles + "?limit=1&continue=" + token);
    ASSERT_EQ(page.code, 200) << page.message();
    ASSERT_EQ(page.body["items"].size(), 1u);
    EXPECT_EQ(page.body["items"][0]["metadata"]["name"], name);
    token = page.body["metadata"].value("continue", "");
  }
  EXPECT_EQ(token, "");
  for (const char* start : {"..", "../x", "a/../b", "a/", "a//b", "./a", "//"}) {
    const Json wrong = {{"v", "meta.k8s.io/v1"}, {"rv", -1}, {"start", start}};
    EXPECT_EQ(Get(roles + "?continue=" + Base64Url(wrong.dump())).message(),
              std::string("invalid continue token: continue key is not valid: ") + start);
  }
}

// kube-apiserver takes them in protobuf, and keeps them as they are.
TEST(ContinueTokens, NamesThatAreNoTextAreKeptToTheByte) {
  for (const char* start : {"a", "n/a", "n/\xff", "n/a\xc3"}) {
    const auto token = DecodeContinue(EncodeContinue({.revision = 5, .start = start}));
    ASSERT_TRUE(token.has_value()) << token.error().message;
    EXPECT_EQ(token->start, start);
    EXPECT_EQ(token->revision, 5);
  }
}

}  // namespace
}  // namespace skiff
