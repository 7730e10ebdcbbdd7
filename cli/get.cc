#include "cli/get.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "api/gen/core_v1.h"
#include "api/text/human_duration.h"
#include "base/seconds.h"
#include "cli/history/past.h"
#include "cli/json_text.h"
#include "cli/raw.h"
#include "cli/session.h"

namespace skiff::cli {

void GetFlags::AddTo(Command& command) {
  print.formats =
      "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,"
      "jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,wide,yaml";
  print.AddTo(command);
  files.AddTo(command);
  command.Flag("selector,l", selectors.labels, "Selector (label query) to filter on.");
  command.Flag("field-selector", selectors.fields, "Selector (field query) to filter on.");
  command.Flag("all-namespaces,A", selectors.all_namespaces, "List across all namespaces.");
  command.Flag("raw", raw, "Raw URI to request from the server.");
  command.Flag("sort-by", sort_by, "Sort list types using this field specification.");
  command.Flag("subresource", subresource, "Fetch this subresource of the objects.");
  command.Flag("label-columns,L", label_columns, "Labels that are presented as columns.");
  command.Flag("ignore-not-found", ignore_not_found, "Exit code 0 when an object is missing.");
  command.Flag("no-headers", no_headers, "Do not print headers.");
  command.Flag("show-kind", show_kind, "List the kind with each name.");
  command.Flag("show-labels", show_labels, "Show all labels as the last column.");
  command.Flag("watch,w", watch, "After listing the objects, watch for changes.");
  command.Flag("watch-only", watch_only, "Watch for changes without listing first.");
  command.Flag("output-watch-events", output_watch_events, "Output the type of each event.");
  command.Flag("chunk-size", chunk_size, kChunkSizeHelp);
  command.Flag("server-print", server_print, "Have the server return the table.");
  command.Flag(
      "at", at,
      "Show the objects as they were at this resourceVersion, so long ago (10m) or at this "
      "time (RFC3339), as far back as the server keeps the past.");
}

TableOptions GetFlags::Table(bool several_kinds, const Resource& resource) const {
  TableOptions options;
  options.wide = print.output == "wide";
  options.headers = !no_headers;
  options.with_namespace = selectors.all_namespaces && resource.namespaced;
  options.show_labels = show_labels;
  options.label_columns = label_columns;
  if (several_kinds || show_kind) options.name_prefix = KindName(resource) + "/";
  return options;
}

std::string NothingFoundText(const std::string& namespace_) {
  if (namespace_.empty()) return "No resources found\n";
  return fmt::format("No resources found in {} namespace.\n", namespace_);
}

namespace {

constexpr char kNoTypeHint[] =
    "You must specify the type of resource to get. Use \"{} api-resources\" for a complete "
    "list of supported resources.\n\n";
constexpr char kNoType[] =
    "Required resource not specified.\n"
    "Use \"{0} explain <resource>\" for a detailed description of that resource (e.g. {0} "
    "explain pods).\n"
    "See '{0} get -h' for help and examples";

std::string NamespaceFor(const Session& session, const Selection& selection) {
  return selection.namespace_.value_or(session.NamespaceFor(selection.kind.resource));
}

Query SelectorQuery(const GetFlags& flags) {
  Query query;
  if (!flags.selectors.labels.empty()) query.emplace_back("labelSelector", flags.selectors.labels);
  if (!flags.selectors.fields.empty()) query.emplace_back("fieldSelector", flags.selectors.fields);
  if (!flags.sort_by.empty()) query.emplace_back("includeObject", "Object");
  return query;
}

// The name and age of an object, for those that the server makes no table of.
Json PlainTable(const Json& object, TimePoint now) {
  const auto created = Time::Parse(TextAt(object, "metadata", "creationTimestamp"));
  return {{"kind", "Table"},
          {"columnDefinitions", {{{"name", "Name"}}, {{"name", "Age"}}}},
          {"rows",
           Json::array({{{"cells",
                          {NameOf(object),
                           created ? HumanDuration(Between(created->point(), now)) : "<unknown>"}},
                         {"object", object}}})}};
}

Json PlainTableOfList(const Json& list, TimePoint now) {
  Json table = PlainTable(Json(), now);
  table["rows"] = Json::array();
  table["metadata"] = At(list, "metadata");
  for (const Json& item : At(list, "items")) {
    table["rows"].push_back(std::move(PlainTable(item, now)["rows"][0]));
  }
  return table;
}

// A list is the only request that names a moment. It comes as a whole: pages of an old one would
// have expired (as kube-apiserver's do, long before the history ends).
void AskForPast(const GetFlags& flags, Query& query) {
  if (flags.at_revision == 0) return;
  query.emplace_back("resourceVersion", std::to_string(flags.at_revision));
  query.emplace_back("resourceVersionMatch", "Exact");
}

tl::unexpected<Error> WasNotThere(const Resource& resource, const std::string& name,
                                  const GetFlags& flags) {
  const std::string full = ServedKind{.resource = resource}.FullName();
  Error error{Reason::kNotFound,
              fmt::format("{} \"{}\" not found at revision {}", full, name, flags.at_revision)};
  error.http_code = 404;
  return Fail(std::move(error));
}

// One table of all pages.
Result<Json> ListTable(Session& session, const GetFlags& flags, const Resource& resource,
                       TimePoint now) {
  // Whoever sorts looks at more of the objects than their rows show.
  const bool rows_alone = flags.server_print && flags.sort_by.empty();
  Json whole;
  std::string continue_;
  do {
    Query query = SelectorQuery(flags);
    const bool in_pages = flags.chunk_size > 0 && flags.at_revision == 0;
    if (in_pages) query.emplace_back("limit", std::to_string(flags.chunk_size));
    if (!continue_.empty()) query.emplace_back("continue", continue_);
    AskForPast(flags, query);
    const std::string namespace_ = session.NamespaceFor(resource, flags.selectors.all_namespaces);
    Json page = TRY(session.api().Get(TRY(resource.CollectionPath(namespace_)), std::move(query),
                                      flags.server_print ? kTableAccept : "",
                                      rows_alone ? ParseTable : ParseJson));
    if (TextAt(page, "kind") != "Table") page = PlainTableOfList(page, now);
    continue_ = TextAt(page, "metadata", "continue");
    if (whole.is_null()) {
      whole = std::move(page);
    } else if (page["rows"].is_array()) {
      for (Json& row : page["rows"]) whole["rows"].push_back(std::move(row));
    }
  } while (!continue_.empty());
  return whole;
}

Error ListFailure(Session& session, const Error& error, const Resource& resource,
                  const GetFlags& flags) {
  if (flags.at_revision > 0) return WithOldest(session, error, flags.at_revision);
  // What no server was asked: its list is not what is wrong.
  if (error.http_code == 0) return error;
  return WithList(error, resource, flags.selectors);
}

// What one kind's part of the output is made from.
struct KindTable {
  const Selection* selection;
  std::vector<Json> rows;
  Json table;  // Its columns.
};

void TakeRows(Json& table, KindTable& out) {
  const auto rows = table.find("rows");
  if (rows == table.end() || !rows->is_array()) return;
  std::move(rows->begin(), rows->end(), std::back_inserter(out.rows));
  table.erase(rows);
}

Result<Json> TableOfOne(Command& command, Session& session, const GetFlags& flags,
                        const Resource& resource, const ObjectKey& key) {
  Query query;
  if (!flags.sort_by.empty()) query.emplace_back("includeObject", "Object");
  if (flags.at_revision > 0) {
    query.emplace_back("fieldSelector", "metadata.name=" + key.name);
    AskForPast(flags, query);
    Json found = TRY(session.api().Get(TRY(resource.CollectionPath(key.namespace_)), query,
                                       flags.server_print ? kTableAccept : ""));
    if (TextAt(found, "kind") != "Table") {
      found = PlainTableOfList(found, command.environment().clock.Now());
    }
    if (At(found, "rows").empty()) return WasNotThere(resource, key.name, flags);
    return found;
  }
  Json table = TRY(session.api().Get(TRY(resource.Path(key, flags.subresource)), query,
                                     flags.server_print ? kTableAccept : ""));
  if (TextAt(table, "kind") == "Table") return table;
  return PlainTable(table, command.environment().clock.Now());
}

// Where the namespace is missing as well, that is what is wrong.
Error MissingOf(Session& session, Error error, const ObjectKey& key) {
  const bool may_be =
      error.reason == Reason::kNotFound && !key.namespace_.empty() && key.namespace_ != "default";
  if (!may_be) return error;
  const auto space = session.api().Get(core_v1::Namespace::Info(), {"", key.namespace_});
  return !space && space.error().reason == Reason::kNotFound ? space.error() : error;
}

// Tells what files say that cannot be read where it stands among the names that they have.
class UnreadReports {
 public:
  UnreadReports(Command& command, const Selections& selections)
      : command_(command), unread_(selections.unread) {}
  void BeforeName() { Tell(names_++); }
  void Rest() { Tell(std::numeric_limits<size_t>::max()); }

 private:
  void Tell(size_t names) {
    for (; told_ < unread_.size() && unread_[told_].names_before <= names; ++told_) {
      command_.Report(unread_[told_].error);
    }
  }
  Command& command_;
  const std::vector<Unread>& unread_;
  size_t told_ = 0;
  size_t names_ = 0;
};

void CollectNamed(Command& command, Session& session, const GetFlags& flags, UnreadReports& unread,
                  KindTable& out) {
  const Resource& resource = out.selection->kind.resource;
  for (const std::string& name : out.selection->names) {
    unread.BeforeName();
    const ObjectKey key = {NamespaceFor(session, *out.selection), name};
    auto table = TableOfOne(command, session, flags, resource, key);
    if (!table) {
      const bool missing = table.error().reason == Reason::kNotFound;
      if (missing && flags.ignore_not_found) continue;
      const Error error = MissingOf(session, table.error(), key);
      command.Report(WithOldest(session, error, flags.at_revision));
      continue;
    }
    TakeRows(*table, out);
    if (out.table.is_null()) out.table = std::move(*table);
  }
}

// Whether rows of more than one kind may be shown: names need theirs before them then. What was
// listed counts without any, too.
bool HasSeveralKinds(const std::vector<KindTable>& parts) {
  return std::ranges::any_of(parts, [&](const KindTable& part) {
    return !(part.selection->kind.resource == parts[0].selection->kind.resource);
  });
}

// What came of each part, but for those of which nothing did; `failed`: of some.
std::vector<KindTable> CollectTables(Command& command, Session& session, const GetFlags& flags,
                                     const Selections& selections, bool& failed) {
  std::vector<KindTable> parts;
  UnreadReports unread(command, selections);
  for (const Selection& selection : selections.items) {
    KindTable part{&selection, {}, {}};
    if (!selection.names.empty()) {
      const int before = command.exit_code();
      CollectNamed(command, session, flags, unread, part);
      failed |= command.exit_code() != before || flags.ignore_not_found || part.rows.empty();
      if (!part.rows.empty()) parts.push_back(std::move(part));
      continue;
    }
    auto table =
        ListTable(session, flags, selection.kind.resource, command.environment().clock.Now());
    if (!table) {
      if (table.error().http_code == 0) command.ReportPlainly();
      command.Report(ListFailure(session, table.error(), selection.kind.resource, flags));
      failed = true;
      continue;
    }
    TakeRows(*table, part);
    part.table = std::move(*table);
    parts.push_back(std::move(part));
  }
  unread.Rest();
  return parts;
}

// kubectl does not look whether a table of the server's was printed: where none of its rows has the
// field there are none. Under its name that is what scripts know; who says `skiff` is told why. Of
// what has no order kubectl says so, too.
bool HidesUnsorted(Command& command, const GetFlags& flags, const std::vector<KindTable>& parts,
                   const Error& error) {
  return error.reason != Reason::kInvalid && command.environment().program == "kubectl" &&
         flags.server_print && parts.size() == 1 && parts[0].selection->names.empty();
}

Result<> PrintTables(Command& command, Session& session, const GetFlags& flags,
                     const Selections& selections) {
  bool printed = false;
  bool failed = selections.items.empty() && !selections.unread.empty();  // It says what is wrong.
  auto parts = CollectTables(command, session, flags, selections, failed);
  const bool several_kinds = HasSeveralKinds(parts);
  for (KindTable& part : parts) {
    if (part.rows.empty()) continue;
    if (!flags.sort_by.empty()) {
      const auto sorted = SortByPath(flags.sort_by, part.rows, true);
      if (!sorted && HidesUnsorted(command, flags, parts, sorted.error())) continue;
      TRY(sorted);
    }
    part.table["rows"] = std::move(part.rows);
    TablePrinter printer(flags.Table(several_kinds, part.selection->kind.resource));
    const bool apart = printed && !flags.no_headers;
    command.environment().out((apart ? "\n" : "") + printer.Print(part.table));
    printed = true;
  }
  if (!printed && !failed && !flags.ignore_not_found) {
    const bool namespaced = std::ranges::all_of(
        selections.items, [](const Selection& each) { return each.kind.resource.namespaced; });
    const bool in_one = namespaced && !flags.selectors.all_namespaces;
    command.environment().err(NothingFoundText(in_one ? session.namespace_() : ""));
  }
  return {};
}

Result<Json> ObjectOf(Session& session, const GetFlags& flags, const Resource& resource,
                      const ObjectKey& key) {
  if (flags.at_revision == 0) return session.api().Get(resource, key, flags.subresource);
  const auto list =
      TRY(session.api().List(resource, {.namespace_ = key.namespace_,
                                        .field_selector = "metadata.name=" + key.name,
                                        .resource_version = std::to_string(flags.at_revision)}));
  if (list.items.empty()) return WasNotThere(resource, key.name, flags);
  return list.items.front();
}

// All objects asked for. `single`: exactly one was named.
Result<std::vector<Json>> CollectObjects(Command& command, Session& session, const GetFlags& flags,
                                         const Selections& selections, bool& single) {
  std::vector<Json> objects;
  single = selections.items.size() == 1 && selections.items[0].names.size() == 1 &&
           selections.unread.empty();
  UnreadReports unread(command, selections);
  for (const Selection& selection : selections.items) {
    const Resource& resource = selection.kind.resource;
    for (const std::string& name : selection.names) {
      unread.BeforeName();
      const ObjectKey key = {NamespaceFor(session, selection), name};
      auto object = ObjectOf(session, flags, resource, key);
      if (object) {
        objects.push_back(std::move(*object));
      } else if (object.error().reason != Reason::kNotFound || !flags.ignore_not_found) {
        const Error error = MissingOf(session, object.error(), key);
        command.Report(WithOldest(session, error, flags.at_revision));
      }
    }
    if (!selection.names.empty()) continue;
    ListOptions options;
    options.namespace_ = session.NamespaceFor(resource, flags.selectors.all_namespaces);
    options.label_selector = flags.selectors.labels;
    options.field_selector = flags.selectors.fields;
    options.limit = PageLimit(flags.chunk_size);
    if (flags.at_revision > 0) options.resource_version = std::to_string(flags.at_revision);
    auto list = session.api().List(resource, options);
    if (!list) {
      command.Report(ListFailure(session, list.error(), resource, flags));
      continue;
    }
    for (Json& item : list->items) objects.push_back(std::move(item));
  }
  unread.Rest();
  return objects;
}

std::string OutputForm(const GetFlags& flags) {
  return flags.print.output.substr(0, flags.print.output.find('='));
}

Result<> PrintObjects(Command& command, Session& session, const GetFlags& flags,
                      const Selections& selections) {
  bool single = false;
  const bool columns = flags.custom_columns();
  std::unique_ptr<ObjectPrinter> printer;
  std::string spec;
  if (columns) {
    spec = TRY(ColumnsSpec(flags));
  } else {
    printer = TRY(MakeObjectPrinter(flags.print));
  }
  auto objects = TRY(CollectObjects(command, session, flags, selections, single));
  if (!flags.sort_by.empty() && !single) TRY(SortByPath(flags.sort_by, objects, false));
  if (objects.empty() && (single || flags.ignore_not_found)) return {};
  if (columns) {
    std::string begun;
    const auto text = CustomColumns(spec, objects, !flags.no_headers, &begun);
    command.environment().out(text ? *text : begun);
    return text ? Result<>() : Fail(text.error());
  }
  Json shown;
  if (single) {
    shown = std::move(objects[0]);
  } else {
    shown = {{"apiVersion", "v1"},
             {"items", std::move(objects)},
             {"kind", "List"},
             {"metadata", {{"resourceVersion", ""}}}};
  }
  if (flags.print.HidesManagedFields()) DropManagedFields(shown);
  const std::string text = TRY(printer->Print(shown));
  command.environment().out(text);
  return {};
}

// The objects that files name, as a selection by name.
Result<Selections> SelectFromFiles(Command& command, const FileFlags& files) {
  Selections selections;
  size_t names = 0;
  TRY(VisitManifests(command, files, [&](Result<ManifestObject> read) {
    if (!read) {
      selections.unread.push_back({read.error(), names});
      return;
    }
    auto& items = selections.items;
    if (items.empty() || !(items.back().kind.resource == read->kind.resource) ||
        items.back().namespace_ != read->key.namespace_) {
      items.push_back({read->kind, {}, read->key.namespace_});
    }
    items.back().names.push_back(read->key.name);
    ++names;
  }));
  return selections;
}

}  // namespace

namespace {

// Before anything is asked for: what is not kept would fail once for each kind.
Result<> ResolvePast(Command& command, Session& session, GetFlags& flags) {
  if (!command.Given("at")) return {};
  if (flags.watch || flags.watch_only || !flags.subresource.empty() || !flags.raw.empty()) {
    return CliError("--at goes with neither --watch, --raw nor --subresource");
  }
  const Past past = TRY(FindPast(session, command.environment().clock, flags.at));
  if (past.is_whole()) {
    return CliError(fmt::format("nothing shows that {}: its past begins with revision 1",
                                ClusterThen(flags.at)));
  }
  if (past.is_oldest) {
    return CliError(fmt::format("the past is only kept from {}", KeptFrom(past, flags.at)));
  }
  if (const std::string note = EarlyNote(past); !note.empty()) command.Warn("Note: {}\n", note);
  flags.at_revision = past.revision;
  return {};
}

// A selector beside files is about what these have: what it does not select is left out. What
// cannot be read stays, and is told of when it is to be printed. Fields are not looked at, as by
// kubectl.
Result<> LeaveOutUnselected(Session& session, const std::string& selector, Selections& selections) {
  const LabelSelector labels = TRY(SelectorBesideFiles(selector));
  if (selector.empty()) return {};
  for (Selection& selection : selections.items) {
    std::erase_if(selection.names, [&](const std::string& name) {
      const auto object =
          session.api().Get(selection.kind.resource, {NamespaceFor(session, selection), name});
      return object && !IsSelected(labels, *object);
    });
  }
  std::erase_if(selections.items, [](const Selection& each) { return each.names.empty(); });
  return {};
}

size_t NamesOf(const Selections& selections) {
  size_t count = 0;
  for (const Selection& selection : selections.items) count += selection.names.size();
  return count;
}

Result<> Print(Command& command, Session& session, const GetFlags& flags,
               const Selections& selections) {
  if (flags.human()) return PrintTables(command, session, flags, selections);
  return PrintObjects(command, session, flags, selections);
}

}  // namespace

Result<> RunGet(Command& command, const Args& args) {
  GetFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  Session& session = *TRY(command.session());
  TRY(ResolvePast(command, session, flags));
  if (!flags.raw.empty()) {
    if (!flags.print.output.empty()) return CliError("--raw and --output are mutually exclusive");
    if (!command.words().empty()) {
      return CliError("arguments may not be passed when --raw is specified");
    }
    TRY(CheckRawUri(flags.raw));
    return SendRaw(command, "GET", flags.raw, {});
  }
  if (flags.output_watch_events && !flags.watch && !flags.watch_only) {
    return CliError("--output-watch-events option can only be used with --watch or --watch-only");
  }
  if (const std::string& form = flags.print.output;
      flags.show_labels && !form.empty() && form != "wide") {
    return CliError(
        fmt::format("--show-labels option cannot be used with {} printer", flags.print.output));
  }
  const Args& words = command.words();
  if (words.empty() && flags.files.empty()) {
    const std::string& program = command.environment().program;
    command.environment().err(fmt::format(kNoTypeHint, program));
    return CliError(fmt::format(kNoType, program));
  }
  Selections selections;
  if (flags.files.empty()) {
    selections = TRY(ParseSelections(command, words));
  } else {
    if (!words.empty()) return WordsBesideFiles(words);
    flags.files.tells_build_plainly = flags.human();
    selections = TRY(SelectFromFiles(command, flags.files));
    TRY(LeaveOutUnselected(session, flags.selectors.labels, selections));
    if (flags.human() && !selections.unread.empty()) command.ReportPlainly();
  }
  for (const Selection& selection : selections.items) {
    if (selection.names.empty()) {
      if (flags.subresource.empty()) continue;
      return CliError("subresource cannot be used when bulk resources are specified");
    }
    if (!flags.files.empty()) continue;  // What files name says where it is.
    if (!flags.selectors.labels.empty() || !flags.selectors.fields.empty()) {
      return NamesBesideSelector(words);
    }
    TRY(CheckNamedInOne(selection, flags.selectors));
  }
  if (flags.watch || flags.watch_only) {
    if (!flags.sort_by.empty()) {
      command.Warn(
          "warning: --watch requested, --sort-by will be ignored for watch events received\n");
    }
    const size_t found = flags.files.empty() ? 0 : NamesOf(selections);
    if (found <= 1 || flags.watch_only) UnreadReports(command, selections).Rest();
    if (found <= 1) return WatchSelection(command, flags, selections);
    if (!flags.watch_only) TRY(Print(command, session, flags, selections));
    return CliError(
        fmt::format("watch is only supported on individual resources and resource "
                    "collections - {} resources were found",
                    found));
  }
  return Print(command, session, flags, selections);
}

bool GetFlags::custom_columns() const {
  const std::string form = OutputForm(*this);
  return form == "custom-columns" || form == "custom-columns-file";
}

Result<std::string> ColumnsSpec(const GetFlags& flags) {
  const size_t equals = flags.print.output.find('=');
  std::string spec =
      equals == std::string::npos ? flags.print.template_ : flags.print.output.substr(equals + 1);
  if (OutputForm(flags) == "custom-columns-file") return ColumnsOfFile(spec);
  return spec;
}

}  // namespace skiff::cli
