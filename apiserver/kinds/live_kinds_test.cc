// Kinds that are made while the server runs, of tables alone: no definition, no schema.
#include <algorithm>

#include "api/codec/document.h"
#include "api/columns/cells.h"
#include "api/kinds/versions.h"
#include "api/registry.h"
#include "apiserver/kinds/served_kinds.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

constexpr std::string_view kWidgetVerbs[] = {"create", "delete", "deletecollection", "get",
                                             "list",   "patch",  "update",           "watch"};

// A kind, and what it does.
struct LiveKind : RuntimeKind {
  KindBehaviour own;
};

std::shared_ptr<LiveKind> WidgetsOf(std::string_view version, std::string_view resource,
                                    std::string_view color = "color", int more_fields = 0) {
  auto kind = std::make_shared<LiveKind>();
  kind->behaviour = &kind->own;
  TableArena& tables = kind->tables;
  static const Type kText = {.shape = Shape::kString};
  Type& spec = tables.NewType();
  spec.shape = Shape::kStruct;
  std::vector<Field> fields = {{.name = color, .type = &kText, .pointer = true},
                               {.name = "size", .type = &kText, .pointer = true}};
  for (int i = 0; i < more_fields; ++i) {
    fields.push_back(
        {.name = tables.Keep("p" + std::to_string(i)), .type = &kText, .pointer = true});
  }
  std::ranges::sort(fields, {}, &Field::name);
  spec.fields = tables.Keep(std::move(fields));
  Type& type = tables.NewType();
  type.shape = Shape::kStruct;
  type.name = "Widget";
  type.type_meta = true;
  type.fields = tables.Keep(std::vector<Field>{
      {.name = "metadata", .type = &meta_v1::ObjectMeta::Describe(), .pointer = true},
      {.name = "spec", .type = &spec, .pointer = true}});
  kind->group = "example.com";
  kind->version = version;
  kind->api_version = tables.Keep("example.com/" + std::string(version));
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

std::shared_ptr<const RuntimeKind> Widgets(std::string_view resource) {
  return WidgetsOf("v1", resource);
}

// v2 spells the color with a "u".
class ColourVersions final : public VersionConverter {
 public:
  Result<std::vector<Json>> Convert(std::vector<Json> documents,
                                    std::string_view api_version) const override {
    const bool to_v2 = api_version == "example.com/v2";
    for (Json& document : documents) {
      Json spec = Json::object();
      for (const auto& [name, value] : document["spec"].items()) {
        const bool is_color = name == "color" || name == "colour";
        spec[!is_color ? name : to_v2 ? "colour" : "color"] = value;
      }
      document["spec"] = spec;
      document["apiVersion"] = api_version;
    }
    return documents;
  }
};

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

TEST_F(LiveKinds, WhatAKindDoesIsLookedUpNowhere) {
  static constexpr TableColumn kColumns[] = {
      columns::kName, {"Color", columns::Text<"spec.color", "<none>">}};
  static constexpr TableFormat kFormat = {.columns = kColumns};
  static constexpr SelectableField kFields[] = {{"spec.color"}};
  static constexpr EndpointResets kResets[] = {{"", {"spec.size"}}};
  const auto kind = WidgetsOf("v1", "widgets");
  kind->own = {.table = &kFormat,
               .selectable = {kFields, true, &UnsupportedField},
               .resets = kResets,
               .list_kind = "Widgetry",
               .deprecation = "widgets are out of fashion"};
  server_->kinds().Set({kind});
  const Answer created = Post(path_, R"({"apiVersion": "example.com/v1", "kind": "Widget",
      "metadata": {"name": "a"}, "spec": {"color": "red", "size": "big"}})");
  ASSERT_EQ(created.code, 201) << created.message();
  EXPECT_EQ(created.body["metadata"]["managedFields"][0]["fieldsV1"],
            Json::parse(R"({"f:spec": {".": {}, "f:color": {}}})"))
      << "nobody owns the size";
  EXPECT_NE(created.response.headers.find("Warning")->second.find("out of fashion"),
            std::string::npos);
  Post(path_, Widget("b", "blue"));
  const Answer blue = Get(path_ + "?fieldSelector=spec.color%3Dblue");
  EXPECT_EQ(blue.body["kind"], "Widgetry");
  ASSERT_EQ(blue.body["items"].size(), 1u);
  EXPECT_EQ(blue.body["items"][0]["metadata"]["name"], "b");
  EXPECT_EQ(Get(path_ + "?fieldSelector=spec.size%3Dbig").message(),
            "field label not supported: spec.size");
  const Answer table = Ask({.path = path_,
                            .accept = "application/json;as=Table;v=v1;g=meta.k8s.io"});
  EXPECT_EQ(table.body["rows"][0]["cells"], (Json{"a", "red"}));
}

TEST_F(LiveKinds, AKindMayHaveHundredsOfProperties) {
  constexpr int kProperties = 700;
  server_->kinds().Set({WidgetsOf("v1", "widgets", "color", kProperties)});
  Json widget = Json::parse(Widget("a", "red"));
  for (int i = 0; i < kProperties; ++i) widget["spec"]["p" + std::to_string(i)] = "x";
  const auto apply = [&](const std::string& manager) {
    return Ask("PATCH", path_ + "/a?fieldManager=" + manager, widget.dump(),
               "application/apply-patch+yaml");
  };
  const Answer applied = apply("one");
  ASSERT_EQ(applied.code, 201) << applied.message();
  EXPECT_EQ(applied.body["spec"], widget["spec"]);
  const Json& owned = applied.body["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"];
  EXPECT_EQ(owned.size(), kProperties + 1u);
  widget["spec"]["p192"] = widget["spec"]["p699"] = "y";
  const Answer conflict = apply("two");
  EXPECT_EQ(conflict.code, 409);
  ASSERT_EQ(conflict.body["details"]["causes"].size(), 2u) << conflict.message();
  EXPECT_EQ(conflict.body["details"]["causes"][0]["field"], ".spec.p192");
  EXPECT_EQ(conflict.body["details"]["causes"][1]["field"], ".spec.p699");
  EXPECT_EQ(apply("one").body["spec"]["p699"], "y");
}

TEST_F(LiveKinds, VersionsOfAKindMadeOfTablesAreConverted) {
  const auto first = WidgetsOf("v1", "widgets"), second = WidgetsOf("v2", "widgets", "colour");
  static const ColourVersions kConverter;
  const std::array<const KindInfo*, 2> versions = {first.get(), second.get()};
  first->own = second->own = {.versions = versions, .converter = &kConverter};
  server_->kinds().Set({first, second});
  const std::string second_path = "/apis/example.com/v2/namespaces/default/widgets";
  ASSERT_EQ(Post(path_, Widget("a", "red")).code, 201);
  EXPECT_EQ(Get(second_path + "/a").body["spec"], Json::parse(R"({"colour": "red"})"));
  EXPECT_EQ(Get(second_path).body["items"][0]["spec"]["colour"], "red");
  Answer watch = Get(second_path + "?watch=1");
  watch.response.stream->Attach([] {});
  ASSERT_EQ(Events(watch.response).size(), 1u);
  const Answer merged = Merge(second_path + "/a", R"({"spec": {"colour": "blue"}})");
  ASSERT_EQ(merged.code, 200) << merged.message();
  EXPECT_EQ(merged.body["spec"]["colour"], "blue");
  EXPECT_EQ(Get(path_ + "/a").body["spec"], Json::parse(R"({"color": "blue"})"));
  const std::vector<Json> events = Events(watch.response);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["object"]["apiVersion"], "example.com/v2");
  EXPECT_EQ(events[0]["object"]["spec"]["colour"], "blue");
  watch = {};
  server_->kinds().Set({});
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
