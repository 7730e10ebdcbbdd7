// additionalPrinterColumns.
#include <algorithm>
#include <limits>

#include "api/codec/json.h"
#include "api/columns/cells.h"
#include "api/crd/custom_kind.h"
#include "api/text/go_text.h"
#include "api/text/go_value.h"
#include "api/text/human_duration.h"
#include "base/seconds.h"

namespace skiff::crd {
namespace {

// What a cell may look at: an object of the largest kind, once or twice. Of one row few do: a
// definition has room for tens of thousands of columns, each of which could.
constexpr size_t kVisitsMax = 1'000'000;
constexpr size_t kUsualVisitsMax = 1'000;
constexpr int kLongLooksMax = 8;
// What JsonPath::Find says when it has looked at as much as it may.
constexpr std::string_view kTooManyVisits = "the path visits too many values";
thread_local int long_looks_left = kLongLooksMax;
// What the texts of a row may come to: the largest object some times over. Each of as many columns
// may show all of it.
constexpr size_t kRowBytesMax = size_t{16} << 20;
thread_local size_t row_bytes_left = kRowBytesMax;

const Json* FirstOf(const CellInput& input) {
  const auto& path = *static_cast<const JsonPath*>(input.column.context);
  auto found = path.Find(input.object, true, kUsualVisitsMax);
  const bool may_look_on = !found && found.error().message == kTooManyVisits;
  if (may_look_on && long_looks_left > 0) {
    --long_looks_left;
    found = path.Find(input.object, true, kVisitsMax);
  }
  return found && !found->empty() ? found->front() : nullptr;
}

Json IntegerCell(const Json& value) {
  if (value.is_number_integer()) return value;
  if (!value.is_number()) return nullptr;
  // What no integer holds becomes what Go makes of it.
  const double number = value.get<double>();
  constexpr double kLimit = 9223372036854775808.0;
  if (!(number >= -kLimit && number < kLimit)) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(number);
}

Json DateCell(const Json& value, TimePoint now) {
  if (!value.is_string()) return nullptr;
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty()) return "<unknown>";
  const auto time = Time::Parse(text);
  if (!time) return "<invalid>";
  if (time->IsZero()) return "<unknown>";
  return HumanDuration(Between(time->point(), now));
}

Json TextCell(const Json& value) {
  if (row_bytes_left == 0) return nullptr;
  std::string text = value.is_string()       ? value.get<std::string>()
                     : value.is_structured() ? GoJson(value)
                                             : GoPlain(value);
  row_bytes_left -= std::min(row_bytes_left, text.size());
  return text;
}

Json CustomCell(const CellInput& input) {
  const Json* value = FirstOf(input);
  if (value == nullptr) return nullptr;
  const std::string_view type = input.column.type;
  const bool has_other_form =
      type == "integer" || type == "number" || type == "boolean" || type == "date";
  if (value->is_null()) return has_other_form ? Json() : Json("<no value>");  // As Go prints nil.
  if (type == "integer") return IntegerCell(*value);
  if (type == "number") return value->is_number() ? *value : Json();
  if (type == "boolean") return value->is_boolean() ? *value : Json();
  if (type == "date") return DateCell(*value, input.now);
  return TextCell(*value);
}

// Of the first column: a row begins.
Json NameCell(const CellInput& input) {
  long_looks_left = kLongLooksMax;
  row_bytes_left = kRowBytesMax;
  return CustomCell(input);
}

constexpr const char* kNameDoc = "Unique within a namespace; cannot be changed.";

}  // namespace

void MakeColumns(const Json& version, CustomKind& out) {
  const auto add = [&](const std::string& name, const std::string& type, const std::string& format,
                       const std::string& description, int priority, const std::string& path) {
    auto parsed = JsonPath::Parse("{" + path + "}");
    if (!parsed) return false;
    const auto keep = [&](std::string text) -> std::string_view {
      return out.texts.emplace_back(std::move(text));
    };
    out.columns.push_back({.name = keep(name),
                           .cell = out.columns.empty() ? &NameCell : &CustomCell,
                           .type = keep(type),
                           .priority = priority,
                           .format = keep(format),
                           .description = keep(description),
                           .context = &out.paths.emplace_back(std::move(*parsed))});
    return true;
  };
  add("Name", "string", "name", kNameDoc, 0, ".metadata.name");
  const Json given = version.value("additionalPrinterColumns", Json::array());
  for (const Json& column : given) {
    const std::string path = column.value("jsonPath", "");
    std::string description = column.value("description", "");
    if (description.empty()) {
      description = "Custom resource definition column (in JSONPath format): " + path;
    }
    // One that cannot be read ends the list.
    if (!add(column.value("name", ""), column.value("type", ""), column.value("format", ""),
             description, column.value("priority", 0), path)) {
      break;
    }
  }
  if (given.empty()) {
    add("Age", "date", "", "When the server created the object.", 0, ".metadata.creationTimestamp");
  }
  out.table.columns = out.columns;
}

}  // namespace skiff::crd
