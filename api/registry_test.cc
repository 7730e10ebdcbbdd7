#include "api/registry.h"

#include <gtest/gtest.h>

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

TEST(Registry, UnderstandsTheWordsOfACommandLine) {
  const auto kinds = Registry().Now();
  for (const char* word : {"po", "pod", "pods", "Pod", "PODS", "pods.v1", "pods.v1."}) {
    ASSERT_NE(kinds->FindWord(word), nullptr) << word;
    EXPECT_EQ(kinds->FindWord(word)->kind, "Pod") << word;
  }
  for (const char* word : {"deploy", "deployments.apps", "deployments.v1.apps"}) {
    EXPECT_EQ(kinds->FindWord(word)->api_version, "apps/v1") << word;
  }
  EXPECT_EQ(kinds->FindWord("events")->group, "") << "core comes first";
  EXPECT_EQ(kinds->FindWord("events.events.k8s.io")->group, "events.k8s.io");
  EXPECT_EQ(kinds->FindWord("widgets"), nullptr);
}

TEST(Registry, RuntimeKindsComeAndGoWhileOldSetsStay) {
  Registry registry;
  registry.SetRuntimeKinds({Widget()});
  const auto with = registry.Now();
  registry.SetRuntimeKinds({});
  EXPECT_EQ(registry.Now()->FindWord("widgets"), nullptr);
  const KindInfo* widget = with->FindResource("example.com", "v1", "widgets");
  ASSERT_NE(widget, nullptr);
  EXPECT_EQ(widget->type->Find("spec")->type->name, "WidgetSpec");
  EXPECT_TRUE(with->HasGroupVersion("example.com", "v1"));
  EXPECT_FALSE(with->HasGroupVersion("example.com", "v2"));
  EXPECT_FALSE(registry.Now()->HasGroup("example.com"));
  EXPECT_EQ(with->FindWord("po")->kind, "Pod") << "built-in kinds come first";
  EXPECT_EQ(with->FindWord("wd"), widget);
}

}  // namespace
}  // namespace skiff
