// Creates that a webhook holds while what they stand on goes: nothing comes to be on its own.
#include <gtest/gtest.h>

#include <functional>
#include <mutex>

#include "apiserver/webhooks/hook_fixture.h"

namespace skiff {
namespace {

class HeldCreates : public HookFixture, public http::Handler {
 protected:
  HeldCreates() {
    StartHook(*this);
    Configure("validatingwebhookconfigurations", "v",
              {Hook("v", {{"rules",
                           {{{"operations", {"CREATE"}},
                             {"apiGroups", {"", "example.com"}},
                             {"apiVersions", {"v1"}},
                             {"resources", {"configmaps", "crons"}}}}}})});
    EXPECT_EQ(Post("/api/v1/namespaces", R"({"metadata": {"name": "held"}})").code, 201);
  }
  ~HeldCreates() override { StopHook(); }

  // What happens while the webhook has the object.
  void Meanwhile(std::function<void()> meanwhile) {
    const std::lock_guard lock(mutex_);
    meanwhile_ = std::move(meanwhile);
  }
  http::Response Handle(const http::Request& request) override {
    const Json review = Json::parse(request.body);
    std::function<void()> meanwhile;
    {
      const std::lock_guard lock(mutex_);
      meanwhile = meanwhile_;
    }
    if (meanwhile) meanwhile();
    return Says(review, {{"allowed", true}});
  }

  Answer MakeMap() {
    return Post("/api/v1/namespaces/held/configmaps", R"({"metadata": {"name": "a"}})");
  }
  Answer DeleteNamespace() { return Ask("DELETE", "/api/v1/namespaces/held"); }
  void Finalize() {
    Json space = Get("/api/v1/namespaces/held").body;
    space["spec"]["finalizers"] = Json::array();
    const Answer gone = Ask("PUT", "/api/v1/namespaces/held/finalize", space.dump());
    EXPECT_EQ(gone.code, 200) << gone.message();
  }
  static Json Version(const std::string& name, bool storage) {
    const Json schema = {{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
    return {{"name", name},
            {"served", true},
            {"storage", storage},
            {"schema", {{"openAPIV3Schema", schema}}}};
  }
  static std::string Definition(const std::string& scope) {
    return Json{{"apiVersion", "apiextensions.k8s.io/v1"},
                {"kind", "CustomResourceDefinition"},
                {"metadata", {{"name", "crons.example.com"}}},
                {"spec",
                 {{"group", "example.com"},
                  {"scope", scope},
                  {"names", {{"plural", "crons"}, {"kind", "Cron"}}},
                  {"versions", {Version("v1", true)}}}}}
        .dump();
  }
  void Define() {
    ASSERT_EQ(Post(definitions_, Definition("Namespaced")).code, 201);
    Settle();
  }
  Answer MakeCron() {
    return Post("/apis/example.com/v1/namespaces/held/crons",
                R"({"apiVersion": "example.com/v1", "kind": "Cron", "metadata": {"name": "a"}})");
  }

  const std::string definitions_ = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  std::mutex mutex_;
  std::function<void()> meanwhile_;
};

TEST_F(HeldCreates, NothingComesToBeInANamespaceThatGoesMeanwhile) {
  Meanwhile([&] { DeleteNamespace(); });
  const Answer refused = MakeMap();
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.message(),
            "configmaps \"a\" is forbidden: unable to create new content in namespace held because "
            "it is being terminated");
  EXPECT_EQ(refused.body["details"]["causes"][0]["reason"], "NamespaceTerminating");
  EXPECT_EQ(Get("/api/v1/configmaps?fieldSelector=metadata.namespace=held").body["items"].size(),
            0u);
}

TEST_F(HeldCreates, NothingComesToBeInANamespaceThatIsGone) {
  Meanwhile([&] {
    DeleteNamespace();
    Finalize();
  });
  const Answer refused = MakeMap();
  EXPECT_EQ(refused.code, 404);
  EXPECT_EQ(refused.message(), "namespaces \"held\" not found");
  EXPECT_FALSE(store_->Get("/registry/configmaps/held/a"));
}

TEST_F(HeldCreates, ANamespaceThatOnlyChangesTakesTheObject) {
  Meanwhile([&] { Merge("/api/v1/namespaces/held", R"({"metadata": {"labels": {"a": "b"}}})"); });
  const Answer made = MakeMap();
  EXPECT_EQ(made.code, 201) << made.message();
}

TEST_F(HeldCreates, NothingComesToBeOfADefinitionThatGoesMeanwhile) {
  Define();
  Meanwhile([&] {
    Ask("DELETE", definitions_ + "/crons.example.com");
    Meanwhile({});
  });
  const Answer refused = MakeCron();
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.message(),
            "crons.example.com \"a\" is forbidden: create not allowed while custom resource "
            "definition is terminating");
  EXPECT_FALSE(store_->Get("/registry/example.com/crons/held/a"));
}

TEST_F(HeldCreates, ADefinitionThatOnlyChangesTakesTheObject) {
  Define();
  Meanwhile([&] {
    Merge(definitions_ + "/crons.example.com", R"({"metadata": {"labels": {"a": "b"}}})");
  });
  const uint64_t before = store_->Current().value;
  const Answer made = MakeCron();
  EXPECT_EQ(made.code, 201) << made.message();
  Meanwhile({});
  EXPECT_EQ(store_->Current().value, before + 2) << "the label, and the object once";
}

// What is kept for a namespace nobody could ask for where the kind has none.
TEST_F(HeldCreates, NothingComesToBeOfADefinitionInWhosePlaceAnotherIs) {
  Define();
  Meanwhile([&] {
    EXPECT_TRUE(store_->Apply({.key = "/registry/apiextensions.k8s.io/customresourcedefinitions/"
                                      "crons.example.com"}));
    EXPECT_EQ(Post(definitions_, Definition("Cluster")).code, 201);
    Meanwhile({});
  });
  const Answer refused = MakeCron();
  EXPECT_EQ(refused.code, 404);
  EXPECT_EQ(refused.message(), "the server could not find the requested resource");
  EXPECT_FALSE(store_->Get("/registry/example.com/crons/held/a"));
}

TEST_F(HeldCreates, AnObjectIsKeptInAVersionThatItsDefinitionStillKeeps) {
  Define();
  Meanwhile([&] {
    const Json versions = {Version("v1", false), Version("v2", true)};
    EXPECT_EQ(Merge(definitions_ + "/crons.example.com",
                    Json{{"spec", {{"versions", versions}}}}.dump())
                  .code,
              200);
    Meanwhile({});
  });
  const Answer made = MakeCron();
  EXPECT_EQ(made.code, 201) << made.message();
}

// Else nobody could read it, nor any list that it is in, once the definition is without v1.
TEST_F(HeldCreates, NothingIsKeptInAVersionThatItsDefinitionHasLeftBehind) {
  Define();
  Meanwhile([&] {
    const std::string definition = definitions_ + "/crons.example.com";
    Json versions = {Version("v1", false), Version("v2", true)};
    EXPECT_EQ(Merge(definition, Json{{"spec", {{"versions", versions}}}}.dump()).code, 200);
    EXPECT_EQ(Merge(definition + "/status", R"({"status": {"storedVersions": ["v2"]}})").code, 200);
    versions.erase(0);
    EXPECT_EQ(Merge(definition, Json{{"spec", {{"versions", versions}}}}.dump()).code, 200);
    Meanwhile({});
  });
  const Answer refused = MakeCron();
  EXPECT_EQ(refused.code, 409);
  EXPECT_EQ(refused.message(),
            "Operation cannot be fulfilled on crons.example.com \"a\": the stored version of its "
            "definition has changed; please try again");
  EXPECT_EQ(Get("/apis/example.com/v2/crons").code, 200);
}

}  // namespace
}  // namespace skiff
