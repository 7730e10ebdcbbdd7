// `label` and `annotate`: KEY=VALUE sets, KEY- removes.
#include <algorithm>

#include "api/patch/patch.h"
#include "api/rules/names.h"
#include "api/text/go_text.h"
#include "cli/json_text.h"
#include "cli/verbs.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

struct Words {
  Args resources;
  std::vector<std::pair<std::string, std::string>> set;
  std::vector<std::string> removed;
};

struct Style {
  const char* verb;     // "label"
  const char* field;    // metadata.labels
  const char* set;      // "labeled"
  const char* removed;  // "unlabeled"
  const char* nothing;  // "not labeled"
};
constexpr Style kLabel = {"label", "labels", "labeled", "unlabeled", "not labeled"};
constexpr Style kAnnotate = {"annotation", "annotations", "annotated", "annotated", "annotated"};

Result<> CheckLabel(const std::string& key, const std::string& value) {
  const std::string pair = key + "=" + value;
  if (value.find('=') != std::string::npos) return CliError("invalid label spec: " + pair);
  const Messages wrong = LabelValueErrors(value);
  if (wrong.empty()) return {};
  return CliError(fmt::format("invalid label value: {}: {}", GoQuote(pair), Join(wrong, ";")));
}

// Resources come first: words become pairs from the first one that has "=" or ends with "-".
Result<Words> Sort(const Args& all, const Style& style) {
  Words words;
  bool pairs = false;
  for (const std::string& word : all) {
    const size_t equals = word.find('=');
    const bool sets = equals != std::string::npos && equals > 0;
    const bool removes = !sets && word.size() > 1 && word.ends_with('-');
    if (sets) {
      words.set.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    } else if (removes) {
      words.removed.push_back(word.substr(0, word.size() - 1));
    } else if (pairs) {
      return CliError(fmt::format("all resources must be specified before {} changes: {}",
                                  style.verb, word));
    } else {
      words.resources.push_back(word);
    }
    pairs |= sets || removes;
  }
  std::vector<std::string> both;
  for (const auto& [key, value] : words.set) {
    if (&style == &kLabel) TRY(CheckLabel(key, value));
    const auto& removed = words.removed;
    if (std::find(removed.begin(), removed.end(), key) != removed.end()) both.push_back(key);
  }
  if (both.empty()) return words;
  if (&style == &kLabel) {
    return CliError("can not both modify and remove a label in the same command");
  }
  return CliError(fmt::format(
      "can not both modify and remove the following annotation(s) in the same command: {}",
      Join(both, ", ")));
}

struct MarkFlags {
  WriteFlags write;
  FileFlags files;
  SelectorFlags selectors;
  bool overwrite = false;
  bool list = false;
  bool local = false;
  std::string resource_version;
};

Result<> CheckOverwrite(const Words& words, const Json& present, const Style& style) {
  std::vector<std::string> taken;
  for (const auto& [key, value] : words.set) {
    const Json& old = At(present, key);
    if (!old.is_string() || old.get<std::string>() == value) continue;
    std::string told = fmt::format("'{}' already has a value ({})", key, TextOf(old));
    if (std::find(taken.begin(), taken.end(), told) == taken.end())
      taken.push_back(std::move(told));
  }
  if (taken.empty()) return {};
  if (std::string_view(style.verb) == "label") {
    return CliError(fmt::format("{}, and --overwrite is false", taken[0]));
  }
  return CliError("--overwrite is false but found the following declared annotation(s): " +
                  Join(taken, "; "));
}

bool IsDoneHere(const MarkFlags& flags) {
  return flags.write.dry_run.client() || flags.local;
}

// Whether the command line goes with it to the server. Who gives that annotation a value himself,
// or takes it away, has his way.
bool Records(const MarkFlags& flags, const Words& words, const Style& style) {
  if (!flags.write.record.wanted() || IsDoneHere(flags)) return false;
  if (&style == &kLabel) return true;
  const auto is_cause = [](const std::string& key) { return key == RecordFlag::kCause; };
  return std::none_of(words.removed.begin(), words.removed.end(), is_cause) &&
         std::none_of(words.set.begin(), words.set.end(),
                      [&](const auto& pair) { return is_cause(pair.first); });
}

// The object with what the patch changes.
Result<Json> Marked(Command& command, const MarkFlags& flags, const Target& target, Json patch) {
  Session& session = *TRY(command.session());
  if (IsDoneHere(flags)) {
    return PatchedHere(session, target, PatchType::kMerge, patch.dump());
  }
  if (!flags.resource_version.empty()) {
    patch["metadata"]["resourceVersion"] = flags.resource_version;
  }
  WriteOptions options = TRY(flags.write.Options());
  options.field_validation.clear();
  return session.api().Patch(target.resource, target.key, PatchType::kMerge, patch, options);
}

// As they would be with the changes: nothing is written. Of several objects, or those that a
// selector finds, each is named above its own.
void ListMarks(Command& command, const MarkFlags& flags, const Words& words, const Style& style,
               const std::vector<Target>& targets, bool named) {
  for (const Target& target : targets) {
    const auto free =
        flags.overwrite ? Result<>()
                        : CheckOverwrite(words, At(target.object, "metadata", style.field), style);
    if (!free) {
      command.Report(free.error());
      continue;
    }
    if (named) {
      command.Print("Listing {} for {}.{}/{}:\n", style.field, target.resource.kind,
                    target.resource.Group(), target.key.name);
    }
    Json marks = At(target.object, "metadata", style.field);
    if (!marks.is_object()) marks = Json::object();
    for (const auto& [key, value] : words.set) marks[key] = value;
    for (const std::string& key : words.removed) marks.erase(key);
    for (const auto& [key, value] : marks.items()) {
      command.Print("{}{}={}\n", named ? " " : "", key, TextOf(value));
    }
  }
}

Result<> MarkOne(Command& command, const MarkFlags& flags, const Words& words, const Style& style,
                 const Target& target) {
  const Json& present = At(target.object, "metadata", style.field);
  if (!flags.overwrite) TRY(CheckOverwrite(words, present, style));
  Json changes = Json::object();
  bool added = false;
  for (const auto& [key, value] : words.set) {
    if (TextOf(At(present, key)) == value && At(present, key).is_string()) continue;
    changes[key] = value;
    added = true;
  }
  for (const std::string& key : words.removed) {
    if (!At(present, key).is_null()) {
      changes[key] = nullptr;
    } else if (&style == &kLabel && !IsDoneHere(flags)) {
      command.Print("label {} not found.\n", GoQuote(key));
    }
  }
  const char* operation = added ? style.set : changes.empty() ? style.nothing : style.removed;
  Json patch = Json::object();
  if (!changes.empty()) patch["metadata"][style.field] = std::move(changes);
  if (Records(flags, words, style)) {
    patch = flags.write.record.In(std::move(patch));
    const Json made = ApplyMergePatch(patch, target.object);
    // As kubectl tells them apart: by what became of the whole object, and of its length.
    if (&style == &kLabel && made != target.object) {
      const bool shorter = made.dump().size() < target.object.dump().size();
      operation = shorter && !flags.overwrite ? style.removed : style.set;
    }
  }
  Json result = target.object;
  // Whether it is this version is for the server to say, also where nothing changes.
  const bool asks = &style == &kAnnotate && !flags.resource_version.empty() && !IsDoneHere(flags);
  if (!patch.empty() || asks) {
    const Json sent = patch;
    result = TRY(Marked(command, flags, target, std::move(patch)));
    // What kubectl prints of a label is what it sent, and not what became of it.
    const bool prints_sent = &style == &kLabel && command.environment().program == "kubectl";
    if (prints_sent && !IsDoneHere(flags)) result = ApplyMergePatch(sent, target.object);
  }
  return PrintWritten(command, flags.write, result, target.resource, operation);
}

// "cm a b", "cm/a cm/b", "cm,svc a": also where one of them is not there.
bool NamesSeveral(const Args& resources) {
  if (resources.size() < 2) return false;
  const bool are_pairs = resources[0].find('/') != std::string::npos;
  return are_pairs || resources.size() > 2 || resources[0].find(',') != std::string::npos;
}

Result<> RunMark(Command& command, const Args& args, const Style& style, const char* manager) {
  MarkFlags flags;
  flags.write.AddTo(command, manager, false);
  flags.write.print.separates_documents = &style == &kAnnotate;
  flags.files.AddTo(command);
  command.Flag("selector,l", flags.selectors.labels, "Selector (label query) to filter on.");
  command.Flag("field-selector", flags.selectors.fields, "Selector (field query) to filter on.");
  command.Flag("all", flags.selectors.all, "All objects of the named kinds.");
  command.Flag("all-namespaces,A", flags.selectors.all_namespaces, "In all namespaces.");
  command.Flag("overwrite", flags.overwrite, "Allow values to be overwritten.");
  command.Flag("list", flags.list, "Show what there is.");
  command.Flag("local", flags.local, "Change what -f holds, not the server's objects.");
  command.Flag("resource-version", flags.resource_version, "Only this version of the object.");
  TRY(command.Parse(args));
  TRY(flags.write.Check());
  const Words words = TRY(Sort(command.words(), style));
  if (flags.list && !flags.write.print.output.empty()) {
    return CliError("--list and --output may not be specified together");
  }
  if (words.resources.empty() && flags.files.empty()) {
    return CliError(
        "one or more resources must be specified as <resource> <name> or <resource>/<name>");
  }
  if (words.set.empty() && words.removed.empty() && !flags.list) {
    return CliError(fmt::format("at least one {} update is required", style.verb));
  }
  if (flags.local && (flags.files.empty() || !words.resources.empty())) {
    const bool labels = &style == &kLabel;
    return CliError(fmt::format("can only use local files by -f {0}.yaml or --filename={0}.json "
                                "when --local=true is set",
                                labels ? "pod" : "rsrc"));
  }
  const bool names_several = NamesSeveral(words.resources);
  if (names_several && !flags.resource_version.empty()) {
    return CliError("--resource-version may only be used with a single resource");
  }
  const auto targets = TRY(FindTargets(command, words.resources,
                                       {.files = &flags.files,
                                        .selectors = flags.selectors,
                                        .fetch = !flags.local,
                                        .asks_server = !flags.local}));
  const SelectorFlags& selectors = flags.selectors;
  const bool are_several = selectors.all || selectors.all_namespaces || !selectors.labels.empty() ||
                           !selectors.fields.empty() || names_several || targets.size() > 1;
  if (are_several && !flags.resource_version.empty()) {
    return CliError("--resource-version may only be used with a single resource");
  }
  if (flags.list) {
    ListMarks(command, flags, words, style, targets, are_several);
    return {};
  }
  for (const Target& target : targets) {
    const auto done = MarkOne(command, flags, words, style, target);
    if (!done) command.Report(done.error());
  }
  return {};
}

}  // namespace

Result<> RunLabel(Command& command, const Args& args) {
  return RunMark(command, args, kLabel, "kubectl-label");
}

Result<> RunAnnotate(Command& command, const Args& args) {
  return RunMark(command, args, kAnnotate, "kubectl-annotate");
}

}  // namespace skiff::cli
