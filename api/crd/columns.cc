// additionalPrinterColumns.
#include <algorithm>
#include <limits>
#include <vector>

#include "api/cel/limits.h"
#include "api/codec/json.h"
#include "api/columns/cells.h"
#include "api/crd/custom_kind.h"
#include "api/text/go_text.h"
#include "api/text/go_value.h"
#include "api/text/human_duration.h"
#include "base/at_once.h"
#include "base/seconds.h"

namespace skiff::crd {
namespace {

// What the columns of a row may look at together: an object of the largest kind, once. A
// definition has room for tens of thousands of columns, each of which could, and a list for as many
// rows.
constexpr size_t kRowVisitsMax = 1'000'000;
// Before it looks at so much, each looks at so little, as nearly all do, and all of a row together:
// what one takes is not missing to those that lead straight to their values. Where nobody may wait
// there is no more.
constexpr size_t kUsualVisitsMax = 1'000;
constexpr size_t kRowUsualVisitsMax = 100'000;
// What the texts of a row may come to: the largest object some times over. Each of as many columns
// may show all of it.
constexpr size_t kRowBytesMax = size_t{16} << 20;
// What JsonPath::Find says when it has looked at as much as it may.
constexpr std::string_view kTooManyVisits = "the path visits too many values";

// What is left to the columns of the row that this thread makes.
struct RowBudget {
  size_t visits = kRowVisitsMax;
  size_t usual_visits = kRowUsualVisitsMax;
  size_t bytes = kRowBytesMax;

  // False: there is nothing left. What takes the last of it has all it wants.
  bool TakeBytes(size_t count) {
    const bool any = bytes > 0;
    bytes -= std::min(bytes, count);
    return any;
  }
};
thread_local RowBudget row_budget;

using FoundValues = Result<std::vector<const Json*>>;

bool IsSpent(const FoundValues& found) {
  return !found && found.error().message == kTooManyVisits;
}

// Looks at no more than either allows, and takes it from `budget`.
FoundValues FindWithin(const CellInput& input, size_t visits_max, size_t& budget) {
  const auto& path = *static_cast<const JsonPath*>(input.column.context);
  const size_t visits = std::min(visits_max, budget);
  const uint64_t before = cel::looks_of_thread;
  FoundValues found = path.Find(input.object, true, visits);
  budget -= IsSpent(found) ? visits : static_cast<size_t>(cel::looks_of_thread - before);
  return found;
}

const Json* FirstOf(const CellInput& input) {
  FoundValues found = FindWithin(input, kUsualVisitsMax, row_budget.usual_visits);
  if (IsSpent(found)) {
    if (!MayWait()) return nullptr;
    found = FindWithin(input, kRowVisitsMax, row_budget.visits);
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
  // Of what is no date the error shows every byte.
  if (!row_budget.TakeBytes(text.size())) return nullptr;
  const auto time = Time::Parse(text);
  if (!time) return "<invalid>";
  if (time->IsZero()) return "<unknown>";
  return HumanDuration(Between(time->point(), now));
}

Json TextCell(const Json& value) {
  if (!row_budget.TakeBytes(0)) return nullptr;
  std::string text = value.is_string()       ? value.get<std::string>()
                     : value.is_structured() ? GoJson(value)
                                             : GoPlain(value);
  row_budget.TakeBytes(text.size());
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
  row_budget = {};
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
