#include "api/registry.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace skiff {
namespace {

std::shared_ptr<const RuntimeKind> Widget() {
  auto kind = std::make_shared<RuntimeKind>();
  TableArena& tables = kind->tables;
  Type& spec = tables.NewType();
  spec = {.shape = Shape::kStruct, .name = tables.Keep("WidgetSpec")};
  Type& type = tables.NewType();
  type = {.shape = Shape::kStruct,
          .name = tables.Keep("Widget"),
          .fields = tables.Keep(std::vector<Field>{{.name = "spec", .type = &spec}})};
  static_cast<KindInfo&>(*kind) = {.group = tables.Keep("example.com"),
                .version = "v1",
                .api_version = tables.Keep("example.com/v1"),
                .kind = "Widget",
                .resource = tables.Keep("widgets"),
                .singular = "widget",
                .short_names = tables.Keep(std::vector<std::string>{"wd", "po"}),
                .group_priority = 1000,
                .version_priority = 100,
                .type = &type};
  return kind;
}

TEST(Registry, FindsEveryBuiltInKindByResourceAndByKind) {
  const auto kinds = Registry().Now();
  ASSERT_EQ(kinds->kinds().size(), BuiltInKinds().size());
  for (const KindInfo* kind : BuiltInKinds()) {
    EXPECT_EQ(kinds->FindResource(kind->group, kind->version, kind->resource), kind);
    EXPECT_EQ(kinds->FindKind(kind->api_version, kind->kind), kind);
  }
  EXPECT_EQ(kinds->FindResource("", "v1", "foos"), nullptr);
  EXPECT_EQ(kinds->FindKind("v1", "Deployment"), nullptr);
}

TEST(Registry, RuntimeKindsComeAndGoWhileOldSetsStay) {
  Registry registry;
  registry.SetRuntimeKinds({Widget()});
  const auto with = registry.Now();
  registry.SetRuntimeKinds({});
  EXPECT_EQ(registry.Now()->FindResource("example.com", "v1", "widgets"), nullptr);
  const KindInfo* widget = with->FindResource("example.com", "v1", "widgets");
  ASSERT_NE(widget, nullptr);
  EXPECT_EQ(widget->type->Find("spec")->type->name, "WidgetSpec");
  EXPECT_TRUE(with->HasGroup("example.com"));
  EXPECT_FALSE(registry.Now()->HasGroup("example.com"));
}

TEST(Registry, AChangeLeavesAsMuchAsIfAllWereMadeAnew) {
  const auto named = [](const std::string& group, const std::string& resource) {
    auto kind = std::make_shared<RuntimeKind>();
    kind->group = kind->tables.Keep(group);
    kind->version = "v1";
    kind->api_version = kind->tables.Keep(group + "/v1");
    kind->kind = kind->resource = kind->tables.Keep(resource);
    kind->group_priority = 1000;
    return kind;
  };
  Registry step_by_step, at_once;
  RuntimeKinds kinds;
  for (int i = 0; i < 300; ++i) {
    kinds.push_back(named("g" + std::to_string(i % 7), "r" + std::to_string(i * 37 % 300)));
    step_by_step.ChangeRuntimeKinds({}, {kinds.back()});
  }
  for (int i = 0; i < 100; ++i) {
    step_by_step.ChangeRuntimeKinds({kinds.back()}, {});
    kinds.pop_back();
  }
  at_once.SetRuntimeKinds(kinds);
  const auto is = step_by_step.Now(), wanted = at_once.Now();
  EXPECT_TRUE(std::ranges::equal(is->kinds(), wanted->kinds()));
  for (const auto& kind : kinds) {
    EXPECT_EQ(is->FindResource(kind->group, "v1", kind->resource), kind.get());
    EXPECT_EQ(is->FindKind(kind->api_version, kind->kind), kind.get());
  }
  step_by_step.ChangeRuntimeKinds(kinds, {});
  EXPECT_FALSE(step_by_step.Now()->has_runtime_kinds());
  EXPECT_EQ(step_by_step.Now()->kinds().size(), BuiltInKinds().size());
}

}  // namespace
}  // namespace skiff
