// Lists that select: whatever way the store finds the objects, they are those that the selector
// takes, and each of them.
#include <fmt/format.h>

#include <random>
#include <set>

#include "apiserver/server_fixture.h"

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

}  // namespace
}  // namespace skiff
