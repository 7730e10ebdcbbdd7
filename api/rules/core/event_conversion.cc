#include "api/rules/core/event_conversion.h"

namespace skiff {
namespace {

struct Names {
  const char* core;
  const char* event;
};
constexpr Names kNames[] = {
    {"involvedObject", "regarding"},
    {"message", "note"},
    {"source", "deprecatedSource"},
    {"firstTimestamp", "deprecatedFirstTimestamp"},
    {"lastTimestamp", "deprecatedLastTimestamp"},
    {"count", "deprecatedCount"},
    {"reportingComponent", "reportingController"},
};
// What one form writes although it is empty, and the other leaves out.
constexpr const char* kAlwaysInCore[] = {"reportingComponent", "reportingInstance"};

void Rename(Json& document, const char* from, const char* to) {
  const auto found = document.find(from);
  if (found == document.end()) return;
  Json value = std::move(*found);
  document.erase(found);
  document[to] = std::move(value);
}

}  // namespace

Json EventFromCoreEvent(const Json& event) {
  Json converted = event;
  for (const char* name : kAlwaysInCore) {
    if (converted.contains(name) && converted[name] == "") converted.erase(name);
  }
  for (const Names& names : kNames) Rename(converted, names.core, names.event);
  return converted;
}

Json CoreEventFromEvent(const Json& event) {
  Json converted = event;
  for (const Names& names : kNames) Rename(converted, names.event, names.core);
  for (const char* name : kAlwaysInCore) {
    if (!converted.contains(name)) converted[name] = "";
  }
  if (!converted.contains("involvedObject")) converted["involvedObject"] = Json::object();
  if (!converted.contains("source")) converted["source"] = Json::object();
  for (const char* name : {"firstTimestamp", "lastTimestamp", "eventTime"}) {
    if (!converted.contains(name)) converted[name] = nullptr;
  }
  return converted;
}

}  // namespace skiff
