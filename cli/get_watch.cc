#include <algorithm>
#include <utility>

#include "api/text/go_text.h"
#include "base/clock.h"
#include "cli/get.h"
#include "cli/json_text.h"
#include "cli/session.h"

namespace skiff::cli {
namespace {

const char* EventName(WatchEvent::Type type) {
  switch (type) {
    case WatchEvent::Type::kAdded:
      return "ADDED";
    case WatchEvent::Type::kModified:
      return "MODIFIED";
    case WatchEvent::Type::kDeleted:
      return "DELETED";
    case WatchEvent::Type::kBookmark:
      return "BOOKMARK";
  }
  return "ERROR";
}

// Prints tables, or objects one by one.
class WatchPrinter {
 public:
  WatchPrinter(Command& command, const GetFlags& flags, const Resource& resource)
      : command_(command), flags_(flags), table_(flags.Table(false, resource)) {}

  Result<> Open() {
    if (flags_.custom_columns()) {
      columns_ = TRY(ColumnsSpec(flags_));
      return {};
    }
    if (!flags_.human()) objects_ = TRY(MakeObjectPrinter(flags_.print));
    return {};
  }

  // What there is when the watch begins, one object or a list of them.
  Result<> Begin(Json document, const Resource& resource) {
    if (flags_.watch_only) return Learn(std::move(document));
    if (flags_.human()) return Print(std::move(document), WatchEvent::Type::kAdded);
    if (!document.contains("items")) return Print(std::move(document), WatchEvent::Type::kAdded);
    for (Json& item : document["items"]) {
      if (!item.contains("kind")) item["kind"] = resource.kind;
      if (!item.contains("apiVersion")) item["apiVersion"] = resource.api_version;
      TRY(Print(std::move(item), WatchEvent::Type::kAdded));
    }
    return {};
  }
  // Shows nothing of it; but the columns of a table may stand in the first one alone.
  Result<> Learn(Json document) {
    if (!flags_.human() || !document.is_object()) return {};
    document["rows"] = Json::array();
    return Print(std::move(document), WatchEvent::Type::kAdded);
  }

  Result<> Print(Json document, WatchEvent::Type type) {
    std::string event;
    if (flags_.output_watch_events) event = EventName(type);
    if (flags_.human()) {
      command_.environment().out(table_.Print(document, event));
      return {};
    }
    // kubectl shows all of an object that an event is around, and each such JSON on a line.
    if (event.empty() && flags_.print.HidesManagedFields()) DropManagedFields(document);
    if (!event.empty() && Lower(flags_.print.output) == "json") {
      command_.Print("{{\"type\":\"{}\",\"object\":{}}}\n", event, GoJson(document));
      return {};
    }
    if (!event.empty()) document = {{"type", event}, {"object", std::move(document)}};
    const bool headers = !flags_.no_headers && !std::exchange(begun_, true);
    std::string begun;
    const auto text = objects_ ? objects_->Print(document)
                               : CustomColumns(columns_, {document}, headers, &begun);
    command_.environment().out(text ? *text : begun);
    return text ? Result<>() : Fail(text.error());
  }

 private:
  Command& command_;
  const GetFlags& flags_;
  TablePrinter table_;
  std::unique_ptr<ObjectPrinter> objects_;  // Null: custom columns.
  std::string columns_;
  bool begun_ = false;
};

Query WatchQuery(const GetFlags& flags, const Selection& selection) {
  Query query;
  if (!flags.selectors.labels.empty()) query.emplace_back("labelSelector", flags.selectors.labels);
  std::string fields = flags.selectors.fields;
  if (!selection.names.empty()) fields = "metadata.name=" + selection.names[0];
  if (!fields.empty()) query.emplace_back("fieldSelector", fields);
  return query;
}

// Several names of one kind: they are shown, and that they cannot be watched is told. The first
// that is missing ends it.
Result<> ShowSeveral(Command& command, const GetFlags& flags, const Selection& selection) {
  Session& session = *TRY(command.session());
  const Resource& resource = selection.kind.resource;
  const std::string namespace_ =
      selection.namespace_.value_or(session.NamespaceFor(resource, false));
  Json all;
  for (const std::string& name : selection.names) {
    auto one = session.api().Get(TRY(resource.Path({namespace_, name})), Query(),
                                 flags.human() ? kTableAccept : "");
    const bool is_missing = !one && one.error().reason == Reason::kNotFound;
    if (is_missing && flags.ignore_not_found) return {};
    if (!one) return Fail(one.error());
    const char* const many = flags.human() ? "rows" : "items";
    if (all.is_null()) {
      all = flags.human() ? *one : Json::object();
      all[many] = Json::array();
    }
    if (flags.human()) {
      for (const Json& row : At(*one, many)) all[many].push_back(row);
    } else {
      all[many].push_back(std::move(*one));
    }
  }
  WatchPrinter printer(command, flags, resource);
  TRY(printer.Open());
  TRY(printer.Begin(std::move(all), resource));
  return CliError("you may only watch a single resource or type of resource at a time");
}

}  // namespace

Result<> WatchSelection(Command& command, const GetFlags& flags, const Selections& selections) {
  if (selections.items.size() != 1) {
    return CliError("you may only specify a single resource type");
  }
  const Selection& selection = selections.items[0];
  if (selection.names.size() > 1) return ShowSeveral(command, flags, selection);
  const Resource& resource = selection.kind.resource;
  Session& session = *TRY(command.session());
  const std::string namespace_ =
      selection.namespace_.value_or(session.NamespaceFor(resource, flags.selectors.all_namespaces));
  const std::string path = TRY(resource.CollectionPath(namespace_));
  const std::string accept = flags.human() ? kTableAccept : "";
  WatchPrinter printer(command, flags, resource);
  TRY(printer.Open());
  Query query = WatchQuery(flags, selection);
  // Who asks for one object may have no right to list any.
  const bool is_one = !selection.names.empty();
  std::string first = path;
  if (is_one) first = TRY(resource.Path({namespace_, selection.names[0]}));
  auto begun = session.api().Get(first, is_one ? Query() : query, accept);
  const bool is_missing = !begun && begun.error().reason == Reason::kNotFound;
  if (is_one && is_missing && flags.ignore_not_found) return {};
  if (!begun) return Fail(begun.error());
  // No watch may begin at the version of an object that is old: it begins now, with the object.
  const std::string version = is_one ? "0" : TextAt(*begun, "metadata", "resourceVersion");
  TRY(printer.Begin(std::move(*begun), resource));
  query.emplace_back("watch", "true");
  query.emplace_back("resourceVersion", version);
  auto stream = TRY(session.api().GetStream(path, query, accept));
  EventReader events(session.api().environment(), std::move(stream));
  bool is_known = is_one;
  while (true) {
    const auto event = TRY(events.NextWithin(session.request_limit()));
    if (!event) return {};
    if (event->type == WatchEvent::Type::kBookmark) continue;
    Json object = event->object.Parse();
    if (std::exchange(is_known, false)) {
      TRY(printer.Learn(std::move(object)));
    } else {
      TRY(printer.Print(std::move(object), event->type));
    }
  }
}

}  // namespace skiff::cli
