// Definitions in groups that are built in: these answer for all that is below them.
#include "apiserver/kinds/custom_resources_fixture.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/record_header.h"

namespace skiff {
namespace {

class BuiltInGroups : public CustomResources {
 protected:
  // Of a group that has kinds already, and with a version of its own beside the one that there is.
  void DefineAmongEvents() {
    Json definition = Definition(Schema());
    definition["metadata"] = {
        {"name", "crons.events.k8s.io"},
        {"annotations", {{"api-approved.kubernetes.io", "unapproved, a test"}}}};
    Json& spec = definition["spec"];
    spec["group"] = "events.k8s.io";
    spec["versions"].push_back(spec["versions"][0]);
    spec["versions"][1]["name"] = "v2";
    spec["versions"][1]["storage"] = false;
    Define(definition);
  }
  // How often `word` stands in the answer to a request.
  size_t CountIn(const std::string& path, std::string_view word) {
    const std::string text = Get(path).response.body;
    size_t count = 0;
    for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++count;
    return count;
  }
};

TEST_F(BuiltInGroups, TakeWhatIsBelowThem) {
  DefineAmongEvents();
  const Json status = Get(definitions_ + "/crons.events.k8s.io").body["status"];
  EXPECT_EQ(status["acceptedNames"]["plural"], "crons") << "nobody else has the name";
  for (const std::string version : {"v1", "v2"}) {
    const std::string path = "/apis/events.k8s.io/" + version + "/namespaces/default/crons";
    for (const std::string& each : {path, path + "/a", path + "/a/status", path + "?watch=1"}) {
      const auto answer = Get(each);
      EXPECT_EQ(answer.code, 404) << each;
      EXPECT_EQ(answer.message(), "the server could not find the requested resource");
    }
    EXPECT_EQ(Post(path, Cron("a", {{"image", "web"}})).code, 404);
  }
  EXPECT_EQ(Get("/apis/events.k8s.io/v1/namespaces/default/events").code, 200);
}

TEST_F(BuiltInGroups, AreListedAsTheyAre) {
  DefineAmongEvents();
  EXPECT_EQ(CountIn("/apis/events.k8s.io/v1", "\"crons"), 0u);
  EXPECT_EQ(Get("/apis/events.k8s.io/v2").code, 404);
  EXPECT_EQ(CountIn("/apis/events.k8s.io", "\"events.k8s.io/v2\""), 2u)
      << "as the preferred one, too";
}

TEST_F(BuiltInGroups, TheirDocumentsTellOfWhatIsServed) {
  const std::string v1 = "/openapi/v3/apis/events.k8s.io/v1";
  const std::string v2 = "/openapi/v3/apis/events.k8s.io/v2";
  DefineAmongEvents();
  EXPECT_EQ(Get(v1).code, 200);
  EXPECT_EQ(CountIn(v1, "Cron"), 0u);
  EXPECT_EQ(CountIn("/openapi/v3", "apis/events.k8s.io/v2\""), 1u);
  EXPECT_GT(CountIn(v2, "Cron"), 0u) << "kube-apiserver tells of a version that it does not serve";
  EXPECT_GT(CountIn("/openapi/v2", "namespaces/{namespace}/crons"), 0u) << "and here of all";
}

// As versions left them behind that served them; no request can name one.
TEST_F(BuiltInGroups, DefinitionsInThemTakeTheirObjectsAlong) {
  DefineAmongEvents();
  const std::string prefix = StorePrefix("events.k8s.io/crons");
  constexpr int kMoreThanAPage = 300;
  for (int i = 0; i < kMoreThanAPage; ++i) {
    const Json cron = {{"apiVersion", "events.k8s.io/v1"},
                       {"kind", "Cron"},
                       {"metadata",
                        {{"name", "a" + std::to_string(i)},
                         {"namespace", "default"},
                         {"uid", "u"},
                         {"finalizers", {"example.com/hold"}}}},
                       {"spec", {{"image", "web"}}}};
    StoredObject kept =
        EncodeObject({.labels = {}, .fields = {}, .uid = "u", .body = BodyOf(cron)});
    ASSERT_TRUE(store_->Apply({.key = prefix + "default/a" + std::to_string(i),
                               .value = std::move(kept.value),
                               .revision_at = kept.revision_at}));
  }
  const std::string definition = definitions_ + "/crons.events.k8s.io";
  ASSERT_EQ(Ask("DELETE", definition).code, 200);
  for (int i = 0; i < 3; ++i) {
    Settle();
    clock_.Advance(2s);
  }
  EXPECT_EQ(Get(definition).code, 404) << Get(definition).response.body;
  EXPECT_TRUE(store_->List({.prefix = prefix})->records.empty());
}

TEST_F(BuiltInGroups, DefinitionsInThemGo) {
  DefineAmongEvents();
  ASSERT_EQ(Ask("DELETE", definitions_ + "/crons.events.k8s.io").code, 200);
  for (int i = 0; i < 3; ++i) {
    Settle();
    clock_.Advance(2s);
  }
  EXPECT_EQ(Get(definitions_ + "/crons.events.k8s.io").code, 404);
}

}  // namespace
}  // namespace skiff
