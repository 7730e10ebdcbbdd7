// Kinds that are made while the server runs, of tables alone: no definition, no schema.
#include "api/registry.h"
#include "apiserver/kinds/served_kinds.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

constexpr std::string_view kWidgetVerbs[] = {"create", "delete", "deletecollection", "get",
                                             "list",   "patch",  "update",           "watch"};

std::shared_ptr<const RuntimeKind> Widgets(std::string_view resource) {
  auto kind = std::make_shared<RuntimeKind>();
  TableArena& tables = kind->tables;
  static const Type kText = {.shape = Shape::kString};
  Type& spec = tables.NewType();
  spec.shape = Shape::kStruct;
  spec.fields = tables.Keep(std::vector<Field>{{.name = "color", .type = &kText, .pointer = true},
                                               {.name = "size", .type = &kText, .pointer = true}});
  Type& type = tables.NewType();
  type.shape = Shape::kStruct;
  type.name = "Widget";
  type.type_meta = true;
  type.fields = tables.Keep(std::vector<Field>{
      {.name = "metadata", .type = &meta_v1::ObjectMeta::Describe(), .pointer = true},
      {.name = "spec", .type = &spec, .pointer = true}});
  kind->group = "example.com";
  kind->version = "v1";
  kind->api_version = "example.com/v1";
  kind->kind = "Widget";
  kind->resource = tables.Keep(std::string(resource));
  kind->singular = "widget";
  kind->verbs = kWidgetVerbs;
  kind->storage_key = "example.com/widgets";
  kind->storage_version = "example.com/v1";
  kind->group_priority = 1000;
  kind->version_priority = 100;
  kind->type = &type;
  return kind;
}

class LiveKinds : public ServerFixture {
 protected:
  const std::string path_ = "/apis/example.com/v1/namespaces/default/widgets";
  static std::string Widget(const std::string& name, const std::string& color) {
    return R"({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": ")" + name +
           R"("}, "spec": {"color": ")" + color + R"("}})";
  }
};

TEST_F(LiveKinds, AKindMadeOfTablesIsServedAsAnyOther) {
  EXPECT_EQ(Get(path_).code, 404);
  server_->kinds().Set({Widgets("widgets")});
  const Answer created = Post(path_, Widget("a", "red"));
  ASSERT_EQ(created.code, 201) << created.message();
  EXPECT_EQ(created.body["metadata"]["generation"], 1);
  const Json fields = created.body["metadata"]["managedFields"][0]["fieldsV1"];
  EXPECT_EQ(fields, Json::parse(R"({"f:spec": {".": {}, "f:color": {}}})"));
  EXPECT_EQ(Get(path_ + "/a").body["spec"]["color"], "red");
  Answer watch = Get(path_ + "?watch=1&resourceVersion=" +
                     created.body["metadata"]["resourceVersion"].get<std::string>());
  ASSERT_EQ(watch.code, 200);
  watch.response.stream->Attach([] {});
  EXPECT_EQ(Merge(path_ + "/a", R"({"spec": {"size": "big"}})").body["metadata"]["generation"], 2);
  EXPECT_EQ(Ask("PATCH", path_ + "/a", R"([{"op": "replace", "path": "/spec/color",
      "value": "blue"}])", "application/json-patch+json").body["spec"]["color"], "blue");
  const Answer applied = Ask("PATCH", path_ + "/a?fieldManager=m&force=true", Widget("a", "green"),
                             "application/apply-patch+yaml");
  ASSERT_EQ(applied.code, 200) << applied.message();
  EXPECT_EQ(applied.body["spec"], Json::parse(R"({"color": "green", "size": "big"})"));
  Json sent = applied.body;
  sent["spec"] = {{"color", "grey"}};
  EXPECT_EQ(Ask("PUT", path_ + "/a", sent.dump()).body["spec"], sent["spec"]);
  const Answer list = Get("/apis/example.com/v1/widgets");
  EXPECT_EQ(list.body["kind"], "WidgetList");
  ASSERT_EQ(list.body["items"].size(), 1u);
  EXPECT_EQ(list.body["items"][0]["kind"], "Widget");
  EXPECT_EQ(Ask("DELETE", path_ + "/a").code, 200);
  const std::vector<Json> events = Events(watch.response);
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(events[3]["object"]["spec"]["color"], "grey");
  EXPECT_EQ(events[4]["type"], "DELETED");
}

TEST_F(LiveKinds, DiscoveryAndTablesTellOfIt) {
  server_->kinds().Set({Widgets("widgets")});
  Post(path_, Widget("a", "red"));
  const Answer version = Get("/apis/example.com/v1");
  ASSERT_EQ(version.body["resources"].size(), 1u);
  EXPECT_EQ(version.body["resources"][0]["name"], "widgets");
  EXPECT_EQ(Get("/apis/example.com").body["preferredVersion"]["version"], "v1");
  const Answer table = Ask({.path = path_,
                            .accept = "application/json;as=Table;v=v1;g=meta.k8s.io"});
  ASSERT_EQ(table.body["kind"], "Table");
  EXPECT_EQ(table.body["rows"][0]["cells"][0], "a");
}

TEST_F(LiveKinds, AWatchKeepsTheKindThatItBeganWith) {
  server_->kinds().Set({Widgets("widgets")});
  Post(path_, Widget("a", "red"));
  Answer watch = Get(path_ + "?watch=1");
  watch.response.stream->Attach([] {});
  ASSERT_EQ(Events(watch.response).size(), 1u);
  server_->kinds().Set({Widgets("widgets")});  // Another one, although it looks the same.
  Merge(path_ + "/a", R"({"spec": {"color": "blue"}})");
  server_->kinds().Set({});
  EXPECT_EQ(Get(path_ + "/a").code, 404);
  const std::vector<Json> events = Events(watch.response);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["object"]["spec"]["color"], "blue");
}

// Else each of a thousand watches, begun at other times, would hold other tables of all kinds.
TEST_F(LiveKinds, AWatchHoldsItsKindAndNothingBeside) {
  auto kind = Widgets("widgets");
  const std::weak_ptr<const RuntimeKind> held = kind;
  server_->kinds().Set({std::move(kind)});
  const std::weak_ptr<const Served> served = server_->kinds().Now();
  {
    Answer watch = Get(path_ + "?watch=1&resourceVersion=" +
                       std::to_string(store_->Current().value));
    ASSERT_EQ(watch.code, 200);
    watch.response.stream->Attach([] {});
    server_->kinds().Set({});
    EXPECT_TRUE(served.expired());
    EXPECT_FALSE(held.expired());
  }
  EXPECT_TRUE(held.expired());
}

TEST_F(LiveKinds, OneKindComesAndGoesAmongOthers) {
  const auto gadgets = Widgets("gadgets"), widgets = Widgets("widgets");
  server_->kinds().Set({gadgets});
  const auto before = server_->kinds().Now();
  server_->kinds().Change({}, {widgets});
  EXPECT_EQ(Post(path_, Widget("a", "red")).code, 201);
  EXPECT_EQ(Get("/apis/example.com/v1").body["resources"].size(), 2u);
  const auto both = server_->kinds().Now();
  EXPECT_EQ(both->routes.RoutesOf(*gadgets).data(), before->routes.RoutesOf(*gadgets).data())
      << "what did not change is shared";
  // Another one in its place, and one that is there already.
  const auto next = Widgets("widgets");
  server_->kinds().Change({widgets}, {next, Widgets("gadgets")});
  const auto now = server_->kinds().Now();
  EXPECT_EQ(now->kinds->FindResource("example.com", "v1", "widgets"), next.get());
  EXPECT_EQ(now->kinds->FindResource("example.com", "v1", "gadgets"), gadgets.get());
  EXPECT_EQ(now->routes.RoutesOf(*next)[0].kind, next.get());
  EXPECT_EQ(now->kinds->kinds().size(), BuiltInKinds().size() + 2);
  EXPECT_EQ(now->routes.kinds().size(), BuiltInKinds().size() + 2);
  EXPECT_EQ(Get(path_ + "/a").body["spec"]["color"], "red");
  server_->kinds().Change({next, gadgets}, {});
  EXPECT_EQ(Get("/apis/example.com/v1").code, 404);
  EXPECT_FALSE(server_->kinds().Now()->kinds->has_runtime_kinds());
}

TEST_F(LiveKinds, ABuiltInKindIsNeverCovered) {
  auto impostor = std::make_shared<RuntimeKind>();
  const auto widgets = Widgets("widgets");
  static_cast<KindInfo&>(*impostor) = *widgets;
  impostor->group = "apps";
  impostor->api_version = "apps/v1";
  impostor->resource = "deployments";
  server_->kinds().Set({impostor});
  EXPECT_EQ(Get("/apis/apps/v1/deployments").body["kind"], "DeploymentList");
  server_->kinds().Set({});
  server_->kinds().Change({}, {impostor});
  EXPECT_EQ(Get("/apis/apps/v1/deployments").body["kind"], "DeploymentList");
  server_->kinds().Change({impostor}, {});
  EXPECT_EQ(Get("/apis/apps/v1/deployments").body["kind"], "DeploymentList");
}

}  // namespace
}  // namespace skiff
