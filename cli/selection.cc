#include "cli/selection.h"

#include <algorithm>

#include "api/text/go_text.h"
#include "cli/json_text.h"
#include "cli/session.h"

namespace skiff::cli {

tl::unexpected<Error> NothingNamed() {
  return CliError(
      "You must provide one or more resources by argument or filename.\n"
      "Example resource specifications include:\n"
      "   '-f rsrc.yaml'\n"
      "   '--filename=rsrc.json'\n"
      "   '<resource> <name>'\n"
      "   '<resource>'");
}

namespace {

void Add(Selections& to, ServedKind kind, std::vector<std::string> names) {
  if (!to.items.empty() && to.items.back().kind.resource == kind.resource &&
      to.items.back().names.empty() == names.empty()) {
    auto& present = to.items.back().names;
    present.insert(present.end(), names.begin(), names.end());
    return;
  }
  to.items.push_back({std::move(kind), std::move(names)});
}

Result<Selections> ParsePairs(Command& command, Session& session, const Args& words) {
  const bool are_all = std::ranges::all_of(
      words, [](const std::string& word) { return word.find('/') != std::string::npos; });
  if (!are_all) {
    return CliError(fmt::format(
        "there is no need to specify a resource type as a separate argument when passing "
        "arguments in resource/name form (e.g. '{0} get resource/<resource_name>' instead of "
        "'{0} get resource resource/<resource_name>'",
        command.environment().program));
  }
  Selections selections;
  for (const std::string& word : words) {
    const size_t slash = word.find('/');
    if (word.find('/', slash + 1) != std::string::npos) {
      return CliError("arguments in resource/name form may not have more than one slash");
    }
    const std::string type = word.substr(0, slash);
    const std::string name = word.substr(slash + 1);
    if (type.empty() || name.empty() || type.find(',') != std::string::npos) {
      return CliError("arguments in resource/name form must have a single resource and name");
    }
    ServedKind kind = TRY(session.kinds().Find(type, /*is_of_name=*/true));
    Add(selections, std::move(kind), {name});
  }
  return selections;
}

}  // namespace

namespace {

// Words such as "pod/a", of which kubectl says other things than of "pod a".
bool ArePairs(const Args& words) {
  return std::any_of(words.begin(), words.end(),
                     [](const std::string& word) { return word.find('/') != std::string::npos; });
}

}  // namespace

tl::unexpected<Error> WordsOfLocal() {
  return CliError(
      "you must specify resources by --filename when --local is set.\n"
      "Example resource specifications include:\n"
      "   '-f rsrc.yaml'\n"
      "   '--filename=rsrc.json'");
}

tl::unexpected<Error> NamesBesideSelector(const Args& words) {
  return CliError(
      ArePairs(words)
          ? "selectors and the all flag cannot be used when passing resource/name arguments"
          : "name cannot be provided when a selector is specified");
}

tl::unexpected<Error> WordsBesideFiles(const Args& words) {
  if (ArePairs(words)) {
    return CliError("resource/name arguments cannot be provided when a path is specified");
  }
  return CliError(
      "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as "
      "well");
}

Result<Selections> ParseSelections(Command& command, const Args& words) {
  if (words.empty()) return NothingNamed();
  Session& session = *TRY(command.session());
  if (ArePairs(words)) return ParsePairs(command, session, words);
  const std::vector<std::string> names(words.begin() + 1, words.end());
  Selections selections;
  for (const std::string& type : Split(words[0], ',')) {
    if (type.empty()) return CliError("the server doesn't have a resource type \"\"");
    auto category = TRY(session.kinds().InCategory(type));
    if (!category.empty()) {
      if (!names.empty()) return CliError("you must specify only one resource");
      for (ServedKind& kind : category) Add(selections, std::move(kind), {});
      continue;
    }
    ServedKind kind = TRY(session.kinds().Find(type));
    Add(selections, std::move(kind), names);
  }
  return selections;
}

Result<> RequireOwnKind(Command& command, const ServedKind& kind) {
  if (kind.info || command.environment().program != "kubectl") return {};
  return CliError(NotRegistered(kind.resource.api_version, kind.resource.kind));
}

Args OfKind(const std::string& kind, const Args& words) {
  const bool pairs = ArePairs(words);
  Args named;
  if (!pairs) named.push_back(kind);
  for (const std::string& word : words) {
    named.push_back(pairs && word.find('/') == std::string::npos ? kind + "/" + word : word);
  }
  return named;
}

Result<> CheckNamedInOne(const Selection& selection, const SelectorFlags& selectors) {
  const bool is_named = !selection.names.empty() && selection.kind.resource.namespaced;
  if (!is_named || !selectors.all_namespaces) return {};
  return CliError("a resource cannot be retrieved by name across all namespaces");
}

Error WithList(Error error, const Resource& resource, const SelectorFlags& selectors) {
  if (error.reason != Reason::kBadRequest && error.reason != Reason::kNotFound) return error;
  const std::string named =
      fmt::format("\"{}{}, Resource={}\"", resource.Group().empty() ? "/" : "",
                  resource.api_version, resource.name);
  if (selectors.labels.empty() && selectors.fields.empty()) {
    error.message = fmt::format("Unable to list {}: {}", named, error.message);
  } else {
    error.message =
        fmt::format("Unable to find {} that match label selector {}, field selector {}: {}", named,
                    GoQuote(selectors.labels), GoQuote(selectors.fields), error.message);
  }
  return error;
}

namespace {

Result<> ReadTargets(Command& command, const TargetOptions& options, std::vector<Target>& targets) {
  Session& session = *TRY(command.session());
  FileFlags files = *options.files;
  files.asks_server = options.asks_server;
  const auto take = [&](ManifestObject& found) -> Result<> {
    Target target{found.kind.resource, found.key, found.source, std::move(found.object)};
    // What is not the server's is shown as the file has it.
    if (!options.fetch && found.namespace_filled_in && target.object["metadata"].is_object()) {
      target.object["metadata"].erase("namespace");
    }
    if (options.fetch) {
      target.object = TRY(session.api().Get(target.resource, target.key, options.subresource));
    }
    targets.push_back(std::move(target));
    return {};
  };
  if (options.misses_are_unread) {
    return VisitManifests(command, files, [&](Result<ManifestObject> read) {
      const auto taken = read ? take(*read) : Result<>(Fail(read.error()));
      if (!taken) ReportUnread(command, files, taken.error());
    });
  }
  auto objects = TRY(ReadManifests(command, files));
  for (ManifestObject& found : objects) {
    const auto taken = take(found);
    if (!taken) command.Report(taken.error());
  }
  return {};
}

}  // namespace

Result<LabelSelector> SelectorBesideFiles(const std::string& selector) {
  auto labels = LabelSelector::Parse(selector);
  if (labels) return labels;
  return CliError(fmt::format("the provided selector {} is not valid: {}", GoQuote(selector),
                              labels.error().message));
}

namespace {

// A selector beside files is about what these have.
Result<> FromFiles(Command& command, const TargetOptions& options, std::vector<Target>& targets) {
  const std::string& selector = options.selectors.labels;
  const LabelSelector labels = TRY(SelectorBesideFiles(selector));
  TRY(ReadTargets(command, options, targets));
  if (selector.empty()) return {};
  std::erase_if(targets, [&](const Target& each) { return !IsSelected(labels, each.object); });
  return {};
}

Result<> FromSelection(Command& command, const Selection& selection, const TargetOptions& options,
                       std::vector<Target>& targets) {
  Session& session = *TRY(command.session());
  const Resource& resource = selection.kind.resource;
  const std::string namespace_ = session.NamespaceFor(resource, options.selectors.all_namespaces);
  const auto own_kind = [&]() -> Result<> {
    if (!options.files || !options.files->own_kinds_alone) return {};
    return RequireOwnKind(command, selection.kind);
  };
  if (!selection.names.empty()) {
    for (const std::string& name : selection.names) {
      Target target{resource, {session.NamespaceFor(resource), name}, "", nullptr};
      if (options.fetch) {
        auto live = session.api().Get(resource, target.key, options.subresource);
        if (!live) {
          if (options.first_missing_ends) return Fail(live.error());
          command.Report(live.error());
          continue;
        }
        if (const auto known = own_kind(); !known) {
          command.Report(known.error());
          continue;
        }
        target.object = std::move(*live);
      }
      targets.push_back(std::move(target));
    }
    return {};
  }
  ListOptions list;
  list.namespace_ = namespace_;
  list.label_selector = options.selectors.labels;
  list.field_selector = options.selectors.fields;
  list.limit = PageLimit(options.chunk_size);
  auto found = session.api().List(resource, list);
  if (!found) {
    command.Report(WithList(found.error(), resource, options.selectors));
    return {};
  }
  if (const auto known = own_kind(); !known) {
    command.Report(known.error());
    return {};
  }
  for (Json& item : found->items) {
    const ObjectKey key = {NamespaceOf(item), NameOf(item)};
    targets.push_back({resource, key, "", std::move(item)});
  }
  return {};
}

// As kubectl: who waits for all with a label waits for those, and so it is scaled.
Result<> CheckAllAndSelector(const std::string& verb) {
  if (verb == "wait" || verb == "scale") return {};
  if (verb == "delete") return CliError("setting 'all' parameter but found a non empty selector.");
  return CliError(verb == "taint"
                      ? "setting 'all' parameter with a non empty selector is prohibited"
                      : "cannot set --all and --selector at the same time");
}

}  // namespace

Result<std::vector<Target>> FindTargets(Command& command, const Args& words,
                                        const TargetOptions& options) {
  std::vector<Target> targets;
  const SelectorFlags& selectors = options.selectors;
  if (options.files && !options.files->empty()) {
    if (!words.empty()) return WordsBesideFiles(words);
    TRY(FromFiles(command, options, targets));
    return targets;
  }
  const bool selecting = !selectors.labels.empty() || !selectors.fields.empty();
  if (words.empty() && command.verb() == "wait" && !selecting) return NothingNamed();
  if (words.empty() && (selecting || selectors.all)) {
    return CliError("at least one resource must be specified to use a selector");
  }
  const Selections selections = TRY(ParseSelections(command, words));
  if (selectors.all && !selectors.labels.empty()) TRY(CheckAllAndSelector(command.verb()));
  if (selectors.all && !selectors.fields.empty()) {
    return CliError("setting 'all' parameter but found a non empty selector. ");
  }
  // Who names something means that, with --all or without; but for these it is a selector.
  const std::string& verb = command.verb();
  const bool all =
      selectors.all && (verb == "delete" || verb == "taint" || verb == "apply view-last-applied");
  for (const Selection& selection : selections.items) {
    if (!selection.names.empty() && (selecting || all)) return NamesBesideSelector(words);
    TRY(CheckNamedInOne(selection, selectors));
    if (selection.names.empty() && options.names_needed && !selecting && !selectors.all) {
      return CliError("resource(s) were provided, but no name was specified");
    }
    if (selection.names.empty() && !options.subresource.empty()) {
      return CliError("subresource cannot be used when bulk resources are specified");
    }
    TRY(FromSelection(command, selection, options, targets));
  }
  return targets;
}

}  // namespace skiff::cli
