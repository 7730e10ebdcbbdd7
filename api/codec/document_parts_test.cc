#include "api/codec/document_parts.h"

#include <gtest/gtest.h>

#include "api/codec/typed.h"
#include "api/gen/core_v1.h"

namespace skiff {
namespace {

DocumentParts Parts(std::initializer_list<std::initializer_list<std::string_view>> paths) {
  DocumentParts parts;
  for (const auto& path : paths) parts.Add({path.begin(), path.size()});
  return parts;
}

core_v1::Pod SamplePod() {
  return *FromJson<core_v1::Pod>(Json::parse(R"({"apiVersion": "v1", "kind": "Pod",
      "metadata": {"name": "a", "labels": {"app": "web"}, "managedFields": [{"manager": "m"}]},
      "spec": {"nodeName": "n", "hostNetwork": true, "containers": [{"name": "c"}]}})"));
}

TEST(DocumentPartsTest, HoldWhatTheWholeDocumentDoes) {
  const core_v1::Pod pod = SamplePod();
  const Json whole = ToJson(pod);
  const DocumentParts parts = Parts({{"metadata", "labels", "app"},
                                     {"metadata", "creationTimestamp"},
                                     {"spec", "containers"},
                                     {"spec", "initContainers"},
                                     {"spec", "unheardOf"},
                                     {"status", "phase"}});
  const Json part = PartsToJson(core_v1::Pod::Describe(), &pod, parts);
  // A map is one part; what is not set is not there, and what is always shown is.
  EXPECT_EQ(part, Json({{"metadata", {{"labels", {{"app", "web"}}}}},
                        {"spec", {{"containers", whole["spec"]["containers"]}}},
                        {"status", Json::object()}}));
  EXPECT_EQ(PartsToJson(core_v1::Pod::Describe(), &pod, {.whole = true}), whole);
  EXPECT_EQ(PartsToJson(core_v1::Pod::Describe(), &pod, {}), Json::object());
}

TEST(DocumentPartsTest, OfADocumentAreTheSame) {
  const Json document = Json::parse(R"({"a": {"b": 1, "c": {"d": 2}}, "e": [1], "f": null})");
  EXPECT_EQ(PartsOf(document, Parts({{"a", "c"}, {"e", "x"}, {"f", "y"}, {"g"}})),
            Json::parse(R"({"a": {"c": {"d": 2}}, "e": [1], "f": null})"));
}

TEST(DocumentPartsTest, AreThoseOfItems) {
  const core_v1::Pod pod = SamplePod();
  DocumentParts parts = Parts({{"metadata", "labels"}, {"metadata", "managedFields"}});
  parts.members["spec"].members["containers"].items.push_back(Parts({{"name"}}));
  parts.members["spec"].members["initContainers"].items.push_back(Parts({{"name"}}));
  parts.members["metadata"].members["labels"].whole = false;
  parts.members["metadata"].members["managedFields"].whole = false;
  // An empty part says only that it is there.
  const Json shown = Json::parse(R"({"metadata": {"labels": {}, "managedFields": []},
                                     "spec": {"containers": [{"name": "c"}]}})");
  EXPECT_EQ(PartsToJson(core_v1::Pod::Describe(), &pod, parts), shown);
  EXPECT_EQ(PartsOf(ToJson(pod), parts), shown);
}

TEST(DocumentPartsTest, OfWhatIsSomethingElseAreAll) {
  const core_v1::Pod pod = SamplePod();
  const Json whole = ToJson(pod);
  DocumentParts parts = Parts({{"spec", "containers", "name"}, {"metadata", "labels", "app"}});
  parts.members["status"].items.emplace_back();
  const Json shown = Json({{"metadata", {{"labels", {{"app", "web"}}}}},
                           {"spec", {{"containers", whole["spec"]["containers"]}}},
                           {"status", whole["status"]}});
  EXPECT_EQ(PartsToJson(core_v1::Pod::Describe(), &pod, parts), shown);
  EXPECT_EQ(PartsOf(whole, parts), shown);
}

TEST(DocumentPartsTest, CoverOthers) {
  const DocumentParts parts = Parts({{"a", "b"}, {"c"}});
  EXPECT_TRUE(parts.Covers(Parts({{"a", "b"}, {"c", "d"}})));
  EXPECT_TRUE(parts.Covers({}));
  EXPECT_FALSE(parts.Covers(Parts({{"a"}})));
  EXPECT_FALSE(parts.Covers(Parts({{"a", "x"}})));
  EXPECT_FALSE(parts.Covers({.whole = true}));
  EXPECT_TRUE(DocumentParts{.whole = true}.Covers(parts));
  DocumentParts items;
  items.items.push_back(parts);
  EXPECT_TRUE(items.Covers(items));
  EXPECT_TRUE(items.Covers({}));
  EXPECT_FALSE(parts.Covers(items));
}

TEST(DocumentPartsTest, ALongerPathDoesNotTakeAwayFromAShorterOne) {
  EXPECT_TRUE(Parts({{"a"}, {"a", "b"}}).Covers(Parts({{"a"}})));
  EXPECT_TRUE(Parts({{"a", "b"}, {"a"}}).Covers(Parts({{"a"}})));
}

}  // namespace
}  // namespace skiff
