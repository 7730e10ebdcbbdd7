// Who owns which field of a custom resource whose schema changes.
#include "apiserver/kinds/custom_resources_fixture.h"

namespace skiff {
namespace {

class CustomOwners : public CustomResources {};

TEST_F(CustomOwners, ListsInMapsAreMergedAsOthersAre) {
  Json schema = Schema();
  schema["properties"]["spec"]["properties"]["groups"] = {
      {"type", "object"},
      {"additionalProperties",
       {{"type", "array"}, {"x-kubernetes-list-type", "set"}, {"items", {{"type", "string"}}}}}};
  Define(Definition(schema));
  const auto apply = [&](const char* manager, const char* item) {
    const Json groups = {{"a", Json::array({item})}};
    return Ask("PATCH", path_ + "/a?fieldManager=" + manager,
               Cron("a", {{"image", "web"}, {"groups", groups}}), "application/apply-patch+yaml");
  };
  ASSERT_EQ(apply("one", "x").code, 201);
  const Answer both = apply("two", "y");
  ASSERT_EQ(both.code, 200) << both.message();
  EXPECT_EQ(both.body["spec"]["groups"]["a"], (Json::array({"x", "y"})));
  EXPECT_EQ(both.body["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:groups"],
            Json::parse(R"j({"f:a": {".": {}, "v:\"x\"": {}}})j"));
  EXPECT_EQ(apply("one", "z").body["spec"]["groups"]["a"], (Json::array({"y", "z"})));
}

// Whoever owned an item owns the list.
TEST_F(CustomOwners, AListThatBecomesAtomicIsOwnedByThoseOfItsItems) {
  Json schema = Schema();
  Define(Definition(schema));
  const auto apply = [&](const char* manager, const char* name, const char* query = "") {
    return Ask("PATCH", path_ + "/a?fieldManager=" + manager + query,
               Cron("a", {{"image", "web"}, {"ports", {{{"name", name}}}}}),
               "application/apply-patch+yaml");
  };
  ASSERT_EQ(apply("one", "a").code, 201);
  ASSERT_EQ(apply("two", "b").code, 200);
  Json& ports = schema["properties"]["spec"]["properties"]["ports"];
  ports.erase("x-kubernetes-list-type");
  ports.erase("x-kubernetes-list-map-keys");
  const Json changed = {{"spec", {{"versions", Definition(schema)["spec"]["versions"]}}}};
  ASSERT_EQ(Merge(definitions_ + "/crons.example.com", changed.dump()).code, 200);
  Settle();
  const Answer refused = apply("two", "c");
  EXPECT_EQ(refused.code, 409);
  EXPECT_EQ(refused.message(), "Apply failed with 1 conflict: conflict with \"one\": .spec.ports");
  const auto owners = [](const Answer& answer) {
    std::string names;
    for (const Json& entry : answer.body["metadata"]["managedFields"]) {
      const Json spec = entry["fieldsV1"].value("f:spec", Json::object());
      if (!spec.contains("f:ports")) continue;
      EXPECT_EQ(spec["f:ports"], Json::object());
      names += entry["manager"].get<std::string>() + " ";
    }
    return names;
  };
  EXPECT_EQ(
      owners(Merge(path_ + "/a?fieldManager=three", R"({"metadata": {"labels": {"x": "y"}}})")),
      "one two ");
  const Answer forced = apply("two", "c", "&force=true");
  ASSERT_EQ(forced.code, 200) << forced.message();
  EXPECT_EQ(owners(forced), "two ");
  EXPECT_EQ(forced.body["spec"]["ports"].size(), 1u);
}

// As they may be sent by who copies an object.
TEST_F(CustomOwners, WhoIsSentAsAnOwnerStaysOneOfAVersionThatThereIs) {
  Define(Definition(Schema()));
  int made = 0;
  const auto owners = [&](const std::string& api_version, const Json& fields) {
    Json cron = Json::parse(Cron("a" + std::to_string(++made), {{"image", "web"}}));
    cron["metadata"]["managedFields"] = Json::array({{{"manager", "other"},
                                                      {"operation", "Update"},
                                                      {"apiVersion", api_version},
                                                      {"time", "2020-01-01T00:00:00Z"},
                                                      {"fieldsType", "FieldsV1"},
                                                      {"fieldsV1", {{"f:spec", fields}}}}});
    const Answer created = Post(path_ + "?fieldManager=me", cron.dump());
    EXPECT_EQ(created.code, 201) << created.message();
    std::string names;
    for (const Json& entry : created.body["metadata"].value("managedFields", Json::array())) {
      names += entry["manager"].get<std::string>() + " ";
    }
    return names;
  };
  const Json image = {{"f:image", Json::object()}}, gone = {{"f:gone", Json::object()}};
  EXPECT_EQ(owners("example.com/v1", image), "me ") << "who has written it now";
  EXPECT_EQ(owners("example.com/v1", gone), "other me ");
  EXPECT_EQ(owners("example.com/v9", gone), "") << "nobody knows that version";
  EXPECT_EQ(owners("apps/v1", gone), "");
}

}  // namespace
}  // namespace skiff
