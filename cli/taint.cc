// `taint node NAME KEY=VALUE:EFFECT KEY:EFFECT KEY- KEY:EFFECT-`
#include <algorithm>

#include "api/rules/names.h"
#include "cli/json_text.h"
#include "cli/verbs.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

struct Taint {
  std::string key;
  std::string value;
  std::string effect;  // "" in a removal: all of them.
};

struct TaintWords {
  Args resources;
  std::vector<Taint> added;
  std::vector<Taint> removed;
};

Result<> CheckEffect(const std::string& effect) {
  if (effect == "NoSchedule" || effect == "PreferNoSchedule" || effect == "NoExecute") return {};
  return CliError(fmt::format("invalid taint effect: {}, unsupported taint effect", effect));
}

Result<Taint> ParseTaint(const std::string& text, bool removal) {
  Taint taint;
  const auto invalid = [&](const Messages& why) {
    return CliError(
        fmt::format("invalid taint spec: {}{}{}", text, why.empty() ? "" : ", ", Join(why, "; ")));
  };
  const size_t colon = text.find(':');
  taint.key = text.substr(0, colon);
  if (colon != std::string::npos) {
    taint.effect = text.substr(colon + 1);
    if (taint.effect.find(':') != std::string::npos) return invalid({});
    TRY(CheckEffect(taint.effect));
    if (const size_t equals = taint.key.find('='); equals != std::string::npos) {
      taint.value = taint.key.substr(equals + 1);
      taint.key.resize(equals);
      if (taint.value.find('=') != std::string::npos) return invalid({});
      if (const auto why = LabelValueErrors(taint.value); !why.empty()) return invalid(why);
    }
  }
  if (const auto why = LabelKeyErrors(taint.key); !why.empty()) return invalid(why);
  if (taint.effect.empty() && !removal) return invalid({});
  return taint;
}

Result<> CheckOrder(const Args& words) {
  bool pairs = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const bool is_taint =
        words[i].find_first_of("=:") != std::string::npos || (i > 0 && words[i].ends_with('-'));
    if (pairs && !is_taint) {
      return CliError("all resources must be specified before taint changes: " + words[i]);
    }
    pairs |= is_taint;
  }
  return {};
}

Result<TaintWords> Sort(const Args& words) {
  TaintWords sorted;
  bool pairs = false;
  for (const std::string& word : words) {
    pairs |= word.find_first_of("=:") != std::string::npos ||
             (word.ends_with('-') && sorted.resources.size() > 0);
    if (!pairs) {
      sorted.resources.push_back(word);
    } else if (word.ends_with('-')) {
      Taint taint = TRY(ParseTaint(word.substr(0, word.size() - 1), true));
      sorted.removed.push_back(std::move(taint));
    } else {
      Taint taint = TRY(ParseTaint(word, false));
      sorted.added.push_back(std::move(taint));
    }
  }
  return sorted;
}

Result<> CheckTogether(const TaintWords& words) {
  std::vector<std::string> both;
  for (const Taint& added : words.added) {
    for (const Taint& removed : words.removed) {
      if (added.key != removed.key) continue;
      if (!removed.effect.empty() && removed.effect != added.effect) continue;
      both.push_back(removed.key + "=" + removed.effect);
    }
  }
  if (both.empty()) return {};
  return CliError("can not both modify and remove the following taint(s) in the same command: " +
                  Join(both, ", "));
}

bool Matches(const Json& present, const Taint& taint) {
  return TextAt(present, "key") == taint.key &&
         (taint.effect.empty() || TextAt(present, "effect") == taint.effect);
}

struct Changed {
  Json taints;
  const char* operation;
};

Result<Changed> Change(const Target& node, const TaintWords& words, bool overwrite) {
  const Json& present = At(node.object, "spec", "taints");
  if (!overwrite) {
    std::vector<std::string> taken;
    for (const Taint& taint : words.added) {
      for (const Json& each : present) {
        if (Matches(each, taint)) taken.push_back(taint.key);
      }
    }
    if (!taken.empty()) {
      return CliError(fmt::format(
          "node {} already has {} taint(s) with same effect(s) and --overwrite is false",
          node.key.name, Join(taken, ",")));
    }
  }
  for (const Taint& taint : words.removed) {
    const bool found = std::any_of(present.begin(), present.end(),
                                   [&](const Json& each) { return Matches(each, taint); });
    if (found) continue;
    return CliError(fmt::format("taint \"{}{}\" not found", taint.key,
                                taint.effect.empty() ? "" : ":" + taint.effect));
  }
  Changed changed{Json::array(), words.added.empty() ? "untainted" : "tainted"};
  for (const Taint& taint : words.added) {
    Json added = {{"effect", taint.effect}, {"key", taint.key}};
    if (!taint.value.empty()) added["value"] = taint.value;
    changed.taints.push_back(std::move(added));
  }
  for (const Json& each : present) {
    const auto matches = [&](const Taint& taint) { return Matches(each, taint); };
    if (std::any_of(words.removed.begin(), words.removed.end(), matches)) continue;
    if (std::any_of(words.added.begin(), words.added.end(), matches)) {
      changed.operation = "modified";
      continue;
    }
    changed.taints.push_back(each);
  }
  return changed;
}

// The node with these taints.
Result<Json> Tainted(Session& session, const WriteFlags& flags, const Target& node,
                     const Json& taints) {
  const Json patch = {
      {"metadata", {{"resourceVersion", TextAt(node.object, "metadata", "resourceVersion")}}},
      {"spec", {{"taints", taints}}}};
  if (flags.dry_run.client()) {
    return PatchedHere(session, node, PatchType::kMerge, patch.dump());
  }
  WriteOptions options = TRY(flags.Options());
  options.field_validation.clear();
  return session.api().Patch(node.resource, node.key, PatchType::kMerge, patch, options);
}

// The taints are sent whole, so that a node that has changed since it was read would lose what
// others gave it: it is read again, and asked for the same.
Result<> TaintNode(Command& command, const WriteFlags& flags, const TaintWords& words,
                   bool overwrite, Target node) {
  constexpr int kTriesMax = 5;
  Session& session = *TRY(command.session());
  for (int tries = 1;; ++tries) {
    const Changed changed = TRY(Change(node, words, overwrite));
    const auto result = Tainted(session, flags, node, changed.taints);
    if (result) return PrintWritten(command, flags, *result, node.resource, changed.operation);
    if (result.error().reason != Reason::kConflict || tries == kTriesMax) {
      return Fail(result.error());
    }
    node.object = TRY(session.api().Get(node.resource, node.key));
  }
}

// Of what is typed, before it is looked for: nothing else has taints.
Result<> RequireNodes(Command& command, const Args& resources) {
  Session& session = *TRY(command.session());
  const std::string typed = resources[0].substr(0, resources[0].find('/'));
  for (const std::string& type : Split(typed, ',')) {
    const auto kind = session.kinds().Find(type);
    // Why there is no such type is told where it is looked for.
    if (!kind || GroupKind(kind->resource) == "Node") continue;
    return CliError(fmt::format("invalid resource type {}, only node types are supported", type));
  }
  return {};
}

}  // namespace

Result<> RunTaint(Command& command, const Args& args) {
  WriteFlags flags;
  SelectorFlags selectors;
  bool overwrite = false;
  flags.AddTo(command, "kubectl-taint");
  flags.print.separates_documents = false;
  command.Flag("selector,l", selectors.labels, "Selector (label query) to filter on.");
  command.Flag("all", selectors.all, "All nodes.");
  command.Flag("overwrite", overwrite, "Allow taints to be overwritten.");
  TRY(command.Parse(args));
  TRY(flags.Check());
  TRY(CheckOrder(command.words()));
  const auto sorted = Sort(command.words());
  if (!sorted) return command.UsageError(sorted.error().message);
  const TaintWords& words = *sorted;
  for (size_t i = 0; i < words.added.size(); ++i) {
    const Taint& taint = words.added[i];
    const auto same = [&](const Taint& each) {
      return each.key == taint.key && each.effect == taint.effect;
    };
    const auto before = words.added.begin() + static_cast<long>(i);
    if (std::any_of(words.added.begin(), before, same)) {
      return command.UsageError(
          fmt::format("duplicated taints with the same key and effect: {{{} {} {} <nil>}}",
                      taint.key, taint.value, taint.effect));
    }
  }
  if (words.resources.empty()) {
    return CliError("one or more resources must be specified as <resource> <name>");
  }
  if (words.added.empty() && words.removed.empty()) {
    return CliError("at least one taint update is required");
  }
  TRY(CheckTogether(words));
  if (!selectors.all && selectors.labels.empty() && words.resources.size() < 2 &&
      words.resources[0].find('/') == std::string::npos) {
    return CliError(
        "at least one resource name must be specified since 'all' parameter is not set");
  }
  Args resources = words.resources;
  // Where all are meant, or those of a selector, kubectl does not look at names beside them.
  if (selectors.all || !selectors.labels.empty()) resources.resize(1);
  TRY(RequireNodes(command, resources));
  const auto targets = TRY(FindTargets(command, resources, {.selectors = selectors}));
  for (const Target& target : targets) {
    if (GroupKind(target.resource) != "Node") {
      return CliError(fmt::format("invalid resource type {}, only node types are supported",
                                  target.resource.name));
    }
    const auto done = TaintNode(command, flags, words, overwrite, target);
    if (!done) command.Report(done.error());
  }
  return {};
}

}  // namespace skiff::cli
