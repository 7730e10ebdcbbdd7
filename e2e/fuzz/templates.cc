// What users print by: paths and templates; and the paths of columns, which anybody may define.
#include "api/text/json_path.h"
#include "base/error.h"
#include "cli/go_template.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {
namespace {

// Lists of one: who ranges over a list of lists of lists asks for that much work.
const Json& Document() {
  static const Json document = Json::parse(R"({"kind": "List", "items": [
    {"kind": "Pod", "metadata": {"name": "p", "labels": {"a/b": "c", "x": ""}},
     "spec": {"n": 3, "d": 1.5, "b": true, "none": null, "data": "YQ==",
              "list": [[1, "x", -7]]}}]})");
  return document;
}

}  // namespace

void JsonPathText(std::string_view bytes) {
  constexpr size_t kVisitsMax = 10'000;
  const auto path = JsonPath::Parse(bytes);
  if (!path) {
    CHECK(!path.error().message.empty());
    return;
  }
  for (const bool allow_missing : {false, true}) {
    const auto found = path->Find(Document(), allow_missing, kVisitsMax);
    if (!found) continue;
    for (const Json* each : *found) CHECK(each != nullptr);
    (void)path->Execute(Document(), allow_missing);
  }
  (void)RelaxedPath(std::string(bytes));
}

void GoTemplateText(std::string_view bytes) {
  const auto parsed = cli::GoTemplate::Parse(bytes);
  if (!parsed) {
    CHECK(!parsed.error().message.empty());
    return;
  }
  for (const bool allow_missing : {false, true}) {
    const auto text = parsed->Execute(Document(), allow_missing);
    CHECK(text || !text.error().message.empty());
  }
}

}  // namespace skiff::fuzz
