// `events`: what happened lately, in order.
#include "cli/events.h"

#include <algorithm>

#include "api/text/human_duration.h"
#include "base/seconds.h"
#include "cli/get.h"
#include "cli/json_text.h"
#include "cli/session.h"
#include "cli/tab_writer.h"
#include "cli/terminal_text.h"
#include "cli/verbs.h"

namespace skiff::cli {

std::string EventLastSeen(const Json& event) {
  if (const Json& series = At(event, "series"); series.is_object()) {
    return TextAt(series, "lastObservedTime");
  }
  std::string last = TextAt(event, "lastTimestamp");
  if (last.empty()) last = TextAt(event, "firstTimestamp");
  return last.empty() ? TextAt(event, "eventTime") : last;
}

std::string EventAge(const Json& event, TimePoint now) {
  const auto age = [&](const std::string& text) {
    const auto time = Time::Parse(text);
    return time ? HumanDuration(Between(time->point(), now)) : std::string("<unknown>");
  };
  std::string first = TextAt(event, "eventTime");
  if (first.empty()) first = TextAt(event, "firstTimestamp");
  const Json& series = At(event, "series");
  const int64_t count = series.is_object() ? IntAt(series, "count") : IntAt(event, "count");
  const std::string last = EventLastSeen(event);
  if (count <= 1 && !series.is_object()) return age(first.empty() ? last : first);
  return fmt::format("{} (x{} over {})", age(last), count, age(first));
}

std::string EventMessage(const Json& event) {
  constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";
  const std::string message = TextAt(event, "message");
  const size_t begin = message.find_first_not_of(kWhiteSpace);
  if (begin == std::string::npos) return "";
  return message.substr(begin, message.find_last_not_of(kWhiteSpace) + 1 - begin);
}

namespace {

struct EventsFlags {
  PrintFlags print;
  std::string about;
  std::vector<std::string> types;
  bool all_namespaces = false;
  bool no_headers = false;
  bool watch = false;
  int chunk_size = 500;

  void AddTo(Command& command) {
    print.AddTo(command);
    command.Flag("for", about, "Only events about this TYPE/NAME.");
    command.Flag("types", types, "Only events of these types: Normal, Warning.");
    command.Flag("all-namespaces,A", all_namespaces, "In all namespaces.");
    command.Flag("no-headers", no_headers, "Do not print headers.");
    command.Flag("watch,w", watch, "After listing the events, watch for more.");
    command.Flag("chunk-size", chunk_size, kChunkSizeHelp);
  }
};

// Which events are meant, beyond their namespace.
struct Filter {
  std::string fields;
  std::vector<std::string> types;
  bool Accepts(const Json& event) const {
    if (types.empty()) return true;
    const std::string type = Lower(TextAt(event, "type"));
    return std::any_of(types.begin(), types.end(),
                       [&](const std::string& each) { return Lower(each) == type; });
  }
};

Result<Filter> FilterOf(Command& command, const EventsFlags& flags) {
  Filter filter;
  for (const std::string& type : flags.types) {
    if (Lower(type) != "normal" && Lower(type) != "warning") {
      return CliError("valid --types are Normal or Warning");
    }
  }
  filter.types = flags.types;
  if (flags.about.empty()) return filter;
  Session& session = *TRY(command.session());
  const size_t slash = flags.about.find('/');
  if (slash == 0) return CliError("a resource must be present, got: /, Resource=");
  if (slash != std::string::npos && flags.about.find('/', slash + 1) != std::string::npos) {
    return CliError("arguments in resource/name form may not have more than one slash");
  }
  if (slash == std::string::npos || slash + 1 == flags.about.size()) {
    return CliError("--for must be in resource/name form");
  }
  const auto found = session.kinds().Find(flags.about.substr(0, slash));
  if (!found && found.error().http_code == 0) return PlainError(found.error().message);
  const ServedKind kind = TRY(found);
  filter.fields =
      fmt::format("involvedObject.kind={},involvedObject.apiVersion={},involvedObject.name={}",
                  kind.resource.kind, kind.resource.api_version, flags.about.substr(slash + 1));
  return filter;
}

class EventTable {
 public:
  explicit EventTable(const EventsFlags& flags) : flags_(flags) {}
  void Add(const Json& event, TimePoint now) {
    if (!begun_ && !flags_.no_headers) {
      table_.Write(std::string(flags_.all_namespaces ? "NAMESPACE\t" : "") +
                   "LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n");
    }
    begun_ = true;
    const Json& about = At(event, "involvedObject");
    table_.Write(TerminalText(fmt::format(
        "{}{}\t{}\t{}\t{}/{}\t{}\n", flags_.all_namespaces ? NamespaceOf(event) + "\t" : "",
        EventAge(event, now), TextAt(event, "type"), TextAt(event, "reason"), TextAt(about, "kind"),
        TextAt(about, "name"), EventMessage(event))));
  }
  std::string Flush() { return table_.Flush(); }

 private:
  const EventsFlags& flags_;
  TabWriter table_ = MakeTableWriter();
  bool begun_ = false;
};

// Prints events one after the other: each as -o asks, or as rows of one table.
class EventPrinter {
 public:
  // `objects`: null for the table.
  EventPrinter(Command& command, const EventsFlags& flags, std::unique_ptr<ObjectPrinter> objects)
      : command_(command), flags_(flags), objects_(std::move(objects)), table_(flags) {}
  Result<> Print(std::vector<Json> events) {
    Environment& environment = command_.environment();
    for (Json& event : events) {
      if (!objects_) {
        table_.Add(event, environment.clock.Now());
        continue;
      }
      if (flags_.print.HidesManagedFields()) DropManagedFields(event);
      const std::string text = TRY(objects_->Print(event));
      environment.out(text);
    }
    if (!objects_) environment.out(table_.Flush());
    return {};
  }

 private:
  Command& command_;
  const EventsFlags& flags_;
  const std::unique_ptr<ObjectPrinter> objects_;
  EventTable table_;
};

Result<> Follow(Command& command, EventPrinter& printer, const Filter& filter,
                const std::string& path, const std::string& version) {
  Session& session = *TRY(command.session());
  Query query = {{"watch", "true"}, {"resourceVersion", version}};
  if (!filter.fields.empty()) query.emplace_back("fieldSelector", filter.fields);
  auto stream = TRY(session.api().GetStream(path, std::move(query)));
  EventReader reader(session.api().environment(), std::move(stream));
  while (const auto change = TRY(reader.NextWithin(session.request_limit()))) {
    const bool shown =
        change->type == WatchEvent::Type::kAdded || change->type == WatchEvent::Type::kModified;
    Json object = change->object.Parse();
    if (!shown || !filter.Accepts(object)) continue;
    std::vector<Json> one;
    one.push_back(std::move(object));
    TRY(printer.Print(std::move(one)));
  }
  return {};
}

}  // namespace

Result<> RunEvents(Command& command, const Args& args) {
  EventsFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  if (!command.words().empty()) {
    return command.UsageError(fmt::format("unknown command \"{}\" for \"{} events\"",
                                          command.words()[0], command.environment().program));
  }
  const Filter filter = TRY(FilterOf(command, flags));
  Session& session = *TRY(command.session());
  const ServedKind kind = TRY(session.kinds().Find("events"));
  ListOptions options;
  options.namespace_ = flags.all_namespaces ? "" : session.namespace_();
  options.field_selector = filter.fields;
  options.limit = PageLimit(flags.chunk_size);
  JsonList list = TRY(session.api().List(kind.resource, options));
  std::vector<Json> events;
  for (Json& event : list.items) {
    if (filter.Accepts(event)) events.push_back(std::move(event));
  }
  std::stable_sort(events.begin(), events.end(), [](const Json& a, const Json& b) {
    return EventLastSeen(a) < EventLastSeen(b);
  });
  std::unique_ptr<ObjectPrinter> objects;
  if (!flags.print.output.empty()) objects = TRY(MakeObjectPrinter(flags.print));
  if (events.empty() && !flags.watch) {
    if (flags.all_namespaces) {
      command.Warn("No events found.\n");
    } else {
      command.Warn("No events found in {} namespace.\n", session.namespace_());
    }
    return {};
  }
  if (objects && !flags.watch) {
    Json shown = {{"apiVersion", "v1"},
                  {"items", events},
                  {"kind", "List"},
                  {"metadata", {{"resourceVersion", ""}}}};
    if (flags.print.HidesManagedFields()) DropManagedFields(shown);
    const std::string text = TRY(objects->Print(shown));
    command.environment().out(text);
    return {};
  }
  EventPrinter printer(command, flags, std::move(objects));
  TRY(printer.Print(std::move(events)));
  if (!flags.watch) return {};
  const std::string path = TRY(kind.resource.CollectionPath(options.namespace_));
  return Follow(command, printer, filter, path, list.resource_version);
}

}  // namespace skiff::cli
