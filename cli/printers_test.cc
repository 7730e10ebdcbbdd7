#include "cli/printers.h"

#include "cli/json_text.h"

#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "cli/rolling_update.h"
#include "cli/table_printer.h"

namespace skiff::cli {
namespace {

Json PodTable() {
  return Json::parse(R"({
    "columnDefinitions": [{"name": "Name", "priority": 0}, {"name": "Ready", "priority": 0},
                          {"name": "Age", "priority": 0}, {"name": "Node", "priority": 1}],
    "rows": [
      {"cells": ["web-1", "1/1", "5s", "n1"],
       "object": {"metadata": {"name": "web-1", "namespace": "default", "labels": {"app": "web"}}}},
      {"cells": ["a-much-longer-name", "0/1", "10m", "n2"],
       "object": {"metadata": {"name": "a-much-longer-name", "namespace": "other"}}}]})");
}

TEST(TablePrinterTest, SeparatesColumnsByThreeSpacesAndPadsNothingBehindTheLast) {
  TablePrinter printer(TableOptions{});
  EXPECT_EQ(printer.Print(PodTable()),
            "NAME                 READY   AGE\n"
            "web-1                1/1     5s\n"
            "a-much-longer-name   0/1     10m\n");
}

TEST(TablePrinterTest, AddsNamespacesLabelsAndWideColumnsWhereAsked) {
  TablePrinter printer({.wide = true,
                        .with_namespace = true,
                        .show_labels = true,
                        .label_columns = {"app"},
                        .name_prefix = "pod/"});
  EXPECT_EQ(printer.Print(PodTable()),
            "NAMESPACE   NAME                     READY   AGE   NODE   APP   LABELS\n"
            "default     pod/web-1                1/1     5s    n1     web   app=web\n"
            "other       pod/a-much-longer-name   0/1     10m   n2           <none>\n");
}

TEST(TablePrinterTest, OfObjectsInRowsReadsWhatIsPrintedAlone) {
  const std::string text =
      R"({"kind":"Table","metadata":{"continue":"more"},"rows":[{"cells":["a",1],"object":{)"
      R"("kind":"PartialObjectMetadata","metadata":{"managedFields":[{"fieldsV1":{"f:x":{}}}],)"
      R"("name":"a","namespace":"n","labels":{"app":"web"},"uid":"1"}}},{"cells":[],"object":null}]})";
  const auto table = ParseTable(text);
  ASSERT_TRUE(table);
  EXPECT_EQ(*table, Json::parse(R"({"kind":"Table","metadata":{"continue":"more"},"rows":[
      {"cells":["a",1],
       "object":{"metadata":{"name":"a","namespace":"n","labels":{"app":"web"}}}},
      {"cells":[],"object":null}]})"));
}

TEST(TablePrinterTest, RefusesTheTextsThatParseJsonRefuses) {
  for (const char* text : {"", "{\"rows\":[{\"object\":{\"spec\":{]}}]}", "{\"rows\":[]} x",
                           "{\"rows\":[{\"cells\":[1e999]}]}"}) {
    const auto whole = ParseJson(text);
    const auto table = ParseTable(text);
    ASSERT_FALSE(table) << text;
    EXPECT_EQ(table.error().message, whole.error().message);
  }
  // What is no Table is read as it is.
  EXPECT_EQ(*ParseTable(R"({"rows":3,"items":[{"object":{"a":1}}]})"),
            Json::parse(R"({"rows":3,"items":[{"object":{"a":1}}]})"));
  EXPECT_EQ(*ParseTable("[1]"), Json::parse("[1]"));
}

TEST(TablePrinterTest, KeepsTheWidthsOfEarlierRowsInAWatch) {
  TablePrinter printer(TableOptions{});
  printer.Print(PodTable());
  Json event = PodTable();
  event.erase("columnDefinitions");
  event["rows"].erase(1);
  EXPECT_EQ(printer.Print(event), "web-1                1/1     5s\n");
}

TEST(TablePrinterTest, SortsNumbersInNamesAsNumbers) {
  std::vector<Json> objects = {{{"n", "web-10"}}, {{"n", "web-9"}}, {{"n", "api-2"}}};
  ASSERT_TRUE(SortByPath(".n", objects, false));
  EXPECT_EQ(Json(objects).dump(), R"([{"n":"api-2"},{"n":"web-9"},{"n":"web-10"}])");
  const auto missing = SortByPath(".zz", objects, false);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            "couldn't find any field with path \"{.zz}\" in the list of objects");
  objects.resize(1);
  EXPECT_FALSE(SortByPath(".zz", objects, false)) << "of one, too";
  EXPECT_TRUE(SortByPath(".zz", objects, true)) << "one row is not sorted";
  ASSERT_TRUE(SortByPath(".n", objects, false));
  objects.clear();
  EXPECT_TRUE(SortByPath(".zz", objects, false)) << "nothing is to be sorted";
}

TEST(TablePrinterTest, SortsWhatHasNoSuchFieldFirst) {
  const std::vector<Json> given = {{{"n", 1}}, {{"z", "b"}}, {{"n", 2}}, {{"z", "a"}}, {{"n", 3}}};
  std::vector<Json> objects = given;
  ASSERT_TRUE(SortByPath(".z", objects, false));
  EXPECT_EQ(Json(objects).dump(), R"([{"n":3},{"n":2},{"n":1},{"z":"a"},{"z":"b"}])");
  std::vector<Json> rows;
  for (const Json& each : given) rows.push_back({{"object", each}});
  ASSERT_TRUE(SortByPath(".z", rows, true));
  EXPECT_EQ(rows[0]["object"]["n"], 3);
  EXPECT_EQ(rows[2]["object"]["n"], 1);
  EXPECT_EQ(rows[3]["object"]["z"], "a");
}

TEST(CustomColumnsTest, ShowsNoneForWhatIsMissing) {
  const auto text =
      CustomColumns("NAME:.metadata.name,L:.metadata.labels",
                    {PodTable()["rows"][0]["object"], PodTable()["rows"][1]["object"]}, true);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text,
            "NAME                 L\n"
            "web-1                map[app:web]\n"
            "a-much-longer-name   <none>\n");
}

TEST(ErrorTextTest, SpeaksAsKubectlDoes) {
  Error missing{Reason::kNotFound, "pods \"x\" not found"};
  missing.http_code = 404;
  EXPECT_EQ(ErrorText(missing), "Error from server (NotFound): pods \"x\" not found\n");
  Error invalid{Reason::kInvalid, "..."};
  invalid.http_code = 422;
  invalid.details = ErrorDetails{.name = "web", .kind = "Deployment"};
  invalid.causes = {{"FieldValueRequired", "Required value", "spec.selector"}};
  EXPECT_EQ(ErrorText(invalid),
            "The Deployment \"web\" is invalid: spec.selector: Required value\n");
  invalid.causes.push_back({"FieldValueInvalid", "Invalid value: \"\"", "spec.template"});
  EXPECT_EQ(ErrorText(invalid),
            "The Deployment \"web\" is invalid: \n* spec.selector: Required value\n"
            "* spec.template: Invalid value: \"\"\n");
  EXPECT_EQ(ErrorText(CliError("no").value()), "error: no\n");
  Error refused{Reason::kServiceUnavailable,
                "Unable to connect to the server https://127.0.0.1:1: dial tcp 127.0.0.1:1: "
                "connect: connection refused"};
  refused.http_code = 503;
  EXPECT_EQ(ErrorText(refused),
            "The connection to the server 127.0.0.1:1 was refused - did you specify the right host "
            "or port?\n");
}

TEST(RollingSizesTest, ScalesUpByOneAboveAndDownWhenTheNewOneIsAvailable) {
  RollingSizes sizes{.desired = 2, .old_size = 2, .new_size = 0, .available_min = 2};
  EXPECT_EQ(ScaleUpTarget(sizes), 1);
  sizes.new_size = 1;
  EXPECT_EQ(ScaleDownTarget(sizes), 2) << "the new pod is not available yet";
  sizes.new_available = 1;
  EXPECT_EQ(ScaleDownTarget(sizes), 1);
  sizes = {.desired = 2, .old_size = 0, .new_size = 1, .available_min = 2};
  EXPECT_EQ(ScaleUpTarget(sizes), 2);
  sizes = {.desired = 2, .old_size = 3, .new_size = 2, .new_available = 2, .available_min = 2};
  EXPECT_EQ(ScaleDownTarget(sizes), 0);
}

TEST(PrettyJsonTest, SomeMembersStandFirst) {
  const Json list = {{"a", {{"a", 1}, {"kind", 2}}}, {"kind", "List"}, {"b", 3}};
  const MemberOrder order{.first = {"kind", "b", "none"}, .levels = 1};
  EXPECT_EQ(PrettyJson(list, order),
            "{\n    \"kind\": \"List\",\n    \"b\": 3,\n    \"a\": {\n        \"a\": 1,\n"
            "        \"kind\": 2\n    }\n}\n");
}

TEST(PrettyJsonTest, WritesNumbersAndTextsAsGoDoes) {
  EXPECT_EQ(PrettyJson({{"a", {1.5e-7, 1e20, 0.00001}}, {"b", "<&>"}, {"c", Json::object()}}),
            "{\n    \"a\": [\n        1.5e-7,\n        100000000000000000000,\n        0.00001\n"
            "    ],\n    \"b\": \"\\u003c\\u0026\\u003e\",\n    \"c\": {}\n}\n");
}

}  // namespace
}  // namespace skiff::cli
